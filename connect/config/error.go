package config

import "errors"

// Error is one thing wrong with one key. Its text is that of Java's
// ConfigException. For a Password key Value is [hidden].
type Error struct {
	Key     string // as the user has to write it, with the prefix of an embedded Def
	Value   string // the value as Java prints it; "null" for none
	Message string // the whole text
}

func (e *Error) Error() string { return e.Message }

// Verbatim makes an error which a check or parser returns when its message is
// to stand alone, not behind "Invalid value … for configuration …:". It is
// Java's ConfigException(String).
func Verbatim(message string) error { return &Error{Message: message} }

// ClassNotFound is what a Class key's parser returns for a plugin nobody
// offers: "Class x could not be found."
func ClassNotFound(name string) error { return errors.New("Class " + name + " could not be found.") }

// Problem is a finding that no single declaration can make: keys together, or
// the outside system. Key is the key the message is to stand at.
type Problem struct{ Key, Message string }

func missing(name string) *Error {
	return &Error{Key: name, Value: "null", Message: `Missing required configuration "` + name + `" which has no default value.`}
}

// invalid builds the error about key name. shown is the name in the text: an
// embedded check speaks of the short one. cause may be Verbatim.
func invalid(name, shown, value string, cause error) *Error {
	if v, ok := errors.AsType[*Error](cause); ok {
		e := *v
		e.Key = name
		if e.Value == "" {
			e.Value = value
		}
		return &e
	}
	return &Error{Key: name, Value: value, Message: "Invalid value " + value + " for configuration " + shown + ": " + cause.Error()}
}
