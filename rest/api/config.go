package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/connectd/connectd/connect/config"
)

// Config is a JSON object of texts that keeps the order of its keys. A key that is in Keys but not in Values is null.
type Config struct {
	Keys   []string
	Values config.Props
}

// ConfigOf shows props in the given order; keys that order does not name follow, sorted.
func ConfigOf(props config.Props, order []string) Config {
	keys := slices.Clone(order)
	seen := make(map[string]bool, len(order))
	for _, k := range order {
		seen[k] = true
	}
	var rest []string
	for k := range props {
		if !seen[k] {
			rest = append(rest, k)
		}
	}
	slices.Sort(rest)
	return Config{Keys: append(keys, rest...), Values: props}
}

// Nulls lists the keys that are null.
func (c Config) Nulls() []string {
	var out []string
	for _, k := range c.Keys {
		if _, ok := c.Values[k]; !ok {
			out = append(out, k)
		}
	}
	return out
}

// MarshalJSON writes the keys in their order.
func (c Config) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, k := range c.Keys {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(k); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // Encode ends with a line break
		b.WriteByte(':')
		v, ok := c.Values[k]
		if !ok {
			b.WriteString("null")
			continue
		}
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads an object as Jackson reads a Map<String, String>: numbers and booleans become their text, of a key that comes
// twice the last value counts. Objects and lists as values are errors. JSON null gives the empty Config.
func (c *Config) UnmarshalJSON(data []byte) error {
	*c = Config{Values: config.Props{}}
	if string(data) == "null" {
		return nil
	}
	fields, err := Fields(data)
	if err != nil {
		return err
	}
	seen := make(map[string]bool, len(fields))
	for _, f := range fields {
		text, err := Text(f.Value)
		if err != nil {
			return fmt.Errorf("%q: %w", f.Name, err)
		}
		if !seen[f.Name] {
			seen[f.Name] = true
			c.Keys = append(c.Keys, f.Name)
		}
		if delete(c.Values, f.Name); text != nil {
			c.Values[f.Name] = *text
		}
	}
	return nil
}

// Field is one entry of a JSON object.
type Field struct {
	Name  string
	Value json.RawMessage
}

// Fields lists the entries of a JSON object in their order, with repetitions.
func Fields(data []byte) ([]Field, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	start, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if start != json.Delim('{') {
		return nil, errors.New("must be a JSON object, but is " + kind(data))
	}
	var out []Field
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		f := Field{Name: name.(string)} // the decoder allows nothing else here
		if err := dec.Decode(&f.Value); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	_, err = dec.Token()
	return out, err
}

// Text reads a JSON scalar as text; nil for null.
func Text(data json.RawMessage) (*string, error) {
	var s string
	switch k := kind(data); k {
	case "null":
		return nil, nil //nolint:nilnil // null is a value here, and no error
	case "a text":
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, err
		}
	case "a number", "a boolean":
		s = string(bytes.TrimSpace(data))
	default:
		return nil, errors.New("must be a text, a number, a boolean or null, but is " + k)
	}
	return &s, nil
}

// kind names what valid JSON is, by its first byte.
func kind(data []byte) string {
	data = bytes.TrimLeft(data, " \t\r\n")
	if len(data) == 0 {
		return "nothing"
	}
	switch data[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// Set sets a key; a new one comes last.
func (c *Config) Set(key, value string) {
	if !slices.Contains(c.Keys, key) {
		c.Keys = append(c.Keys, key)
	}
	if c.Values == nil {
		c.Values = config.Props{}
	}
	c.Values[key] = value
}
