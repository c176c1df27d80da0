package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Hidden is what stands for a secret wherever one would be printed. Java's
// types.Password prints the same text.
const Hidden = "[hidden]"

// Secret is the value of a Password key. It prints, marshals and logs as
// [hidden] under every verb and encoder; Reveal is the only way to the text.
// The zero Secret is empty. Secrets are immutable and safe for concurrent use.
type Secret struct {
	// A pointer, because fmt walks unexported fields of a surrounding struct
	// by reflection without calling their methods: it then prints an address.
	text *string
}

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal returns the text. Never log the result or put it into an error.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsEmpty reports whether there is no text.
func (s Secret) IsEmpty() bool { return s.Reveal() == "" }

// Equal compares the texts.
func (s Secret) Equal(o Secret) bool { return s.Reveal() == o.Reveal() }

// String returns [hidden].
func (s Secret) String() string { return Hidden }

// GoString returns [hidden].
func (s Secret) GoString() string { return Hidden }

// Format writes [hidden] whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Hidden) }

// MarshalText returns [hidden]; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Hidden), nil }

// LogValue returns [hidden].
func (s Secret) LogValue() slog.Value { return slog.StringValue(Hidden) }
