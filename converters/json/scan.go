package json

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/connectd/connectd/connect/data/jsontext"
)

// Jackson's limits (StreamReadConstraints).
const (
	maxDepth  = 1000
	maxNumber = 1000
)

// syntaxError is JSON that cannot be read, as opposed to JSON that does not fit.
type syntaxError struct {
	at   int
	text string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.text, e.at) }

var errDepth = errors.New("document nesting depth exceeds the maximum allowed (1000)")

func isSyntax(err error) bool {
	_, ok := errors.AsType[*syntaxError](err)
	return ok || errors.Is(err, errDepth)
}

// scanner walks over JSON text. It holds the position and no more; all methods start at the first byte of what they read (blanks
// skipped) and stop behind the last.
type scanner struct {
	b     []byte
	i     int
	depth int
}

func (s *scanner) fail(text string) error { return &syntaxError{s.i, text} }

func (s *scanner) unexpected(want string) error {
	if s.i >= len(s.b) {
		return s.fail("unexpected end-of-input: expected " + want)
	}
	return s.fail(fmt.Sprintf("unexpected character %q: expected %s", s.b[s.i], want))
}

func (s *scanner) blanks() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\n', '\t', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek is the next byte that is no blank, 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) && s.b[s.i] > ' ' {
		return s.b[s.i]
	}
	s.blanks()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// enter goes into an array or object; leave is its counterpart.
func (s *scanner) enter() error {
	if s.depth++; s.depth > maxDepth {
		return errDepth
	}
	s.i++
	return nil
}

func (s *scanner) leave() { s.depth--; s.i++ }

// next goes to the next element or member: true if there is one. first is true for the first.
func (s *scanner) next(closing byte, first bool) (bool, error) {
	c := s.peek()
	if c == closing {
		s.leave()
		return false, nil
	}
	if first {
		return true, nil
	}
	if c != ',' {
		return false, s.unexpected("a comma or " + string(closing))
	}
	s.i++
	if s.peek() == closing {
		return false, s.unexpected("a value")
	}
	return true, nil
}

// rawString reads a string and gives what is between the quotes, escapes unread.
func (s *scanner) rawString() (raw []byte, escaped bool, err error) {
	s.i++
	start, ascii := s.i, true
	for {
		s.i += jsontext.PlainRun(s.b[s.i:])
		if s.i >= len(s.b) {
			return nil, false, s.fail("unexpected end-of-input in a string")
		}
		switch c := s.b[s.i]; {
		case c == '"':
			raw = s.b[start:s.i:s.i]
			s.i++
			if !ascii && !utf8.Valid(raw) {
				return nil, false, s.fail("invalid UTF-8 in a string")
			}
			return raw, escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		case c < ' ':
			return nil, false, s.fail(fmt.Sprintf("illegal unquoted character (code %d) in a string", c))
		default:
			ascii = false
			for s.i < len(s.b) && s.b[s.i] >= utf8.RuneSelf {
				s.i++
			}
		}
	}
}

func (s *scanner) escape() error {
	if s.i+1 >= len(s.b) {
		return s.fail("unexpected end-of-input in an escape")
	}
	switch s.b[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return nil
	case 'u':
		if len(s.b)-s.i < 6 {
			return s.fail("unexpected end-of-input in an escape")
		}
		if _, ok := hex4(s.b[s.i+2:]); !ok {
			return s.fail("expected four hexadecimal digits behind \\u")
		}
		s.i += 6
		return nil
	default:
		return s.fail("unrecognized character escape")
	}
}

func hex4(b []byte) (rune, bool) {
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape reads the escapes of a raw string that rawString accepted.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for {
		n := bytes.IndexByte(raw, '\\')
		if n < 0 {
			return append(out, raw...)
		}
		out = append(out, raw[:n]...)
		c := raw[n+1]
		raw = raw[n+2:]
		switch c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(raw)
			raw = raw[4:]
			if r >= 0xD800 && r < 0xDC00 && len(raw) >= 6 && raw[0] == '\\' && raw[1] == 'u' {
				if low, _ := hex4(raw[2:]); low >= 0xDC00 && low < 0xE000 {
					r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
					raw = raw[6:]
				}
			}
			out = utf8.AppendRune(out, r) // a lone surrogate becomes U+FFFD
		default:
			out = append(out, c)
		}
	}
}

// text reads a string; it aliases the input unless there are escapes.
func (s *scanner) text() ([]byte, error) {
	raw, escaped, err := s.rawString()
	if err != nil || !escaped {
		return raw, err
	}
	return unescape(raw), nil
}

// key reads a member's name and the colon.
func (s *scanner) key() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.unexpected("a double-quote to start a field name")
	}
	name, err := s.text()
	if err != nil {
		return nil, err
	}
	if s.peek() != ':' {
		return nil, s.unexpected("a colon to separate field name and value")
	}
	s.i++
	return name, nil
}

// literal reads true, false or null, and sees that nothing sticks to it.
func (s *scanner) literal(word string) error {
	end := s.i + len(word)
	if end > len(s.b) || string(s.b[s.i:end]) != word {
		return s.fail("unrecognized token: expected a JSON string, number, array, object, true, false or null")
	}
	if end < len(s.b) {
		if c := s.b[end]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= utf8.RuneSelf {
			return s.fail("unrecognized token")
		}
	}
	s.i = end
	return nil
}

func digitAt(b []byte, i int) bool { return i < len(b) && b[i]-'0' <= 9 }

// number reads a number; whole is false when it has a fraction or exponent.
func (s *scanner) number() (text []byte, whole bool, err error) {
	b, i := s.b, s.i
	if b[i] == '-' {
		i++
	}
	switch {
	case !digitAt(b, i):
		s.i = i
		return nil, false, s.unexpected("a digit or a value")
	case b[i] == '0' && digitAt(b, i+1):
		return nil, false, s.fail("invalid numeric value: leading zeroes not allowed")
	}
	whole = true
	for digitAt(b, i) {
		i++
	}
	if i < len(b) && b[i] == '.' {
		whole = false
		if i++; !digitAt(b, i) {
			s.i = i
			return nil, false, s.unexpected("a digit behind the decimal point")
		}
		for digitAt(b, i) {
			i++
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		whole = false
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digitAt(b, i) {
			s.i = i
			return nil, false, s.unexpected("a digit in the exponent")
		}
		for digitAt(b, i) {
			i++
		}
	}
	if i-s.i > maxNumber {
		return nil, false, s.fail("number value length exceeds the maximum allowed (1000)")
	}
	text, s.i = b[s.i:i], i
	if s.depth == 0 && i < len(b) && b[i] > ' ' {
		return nil, false, s.fail("expected space separating root-level values")
	}
	return text, whole, nil
}

// skip reads a value and forgets it.
func (s *scanner) skip() error {
	switch c := s.peek(); c {
	case '"':
		_, _, err := s.rawString()
		return err
	case '{':
		if err := s.enter(); err != nil {
			return err
		}
		for first := true; ; first = false {
			more, err := s.next('}', first)
			if err != nil || !more {
				return err
			}
			if s.peek() != '"' {
				return s.unexpected("a double-quote to start a field name")
			}
			if _, _, err = s.rawString(); err != nil {
				return err
			}
			if s.peek() != ':' {
				return s.unexpected("a colon to separate field name and value")
			}
			s.i++
			if err := s.skip(); err != nil {
				return err
			}
		}
	case '[':
		if err := s.enter(); err != nil {
			return err
		}
		for first := true; ; first = false {
			more, err := s.next(']', first)
			if err != nil || !more {
				return err
			}
			if err := s.skip(); err != nil {
				return err
			}
		}
	default:
		return s.skipScalar(c)
	}
}

func (s *scanner) skipScalar(c byte) error {
	switch {
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	case c == '-' || c >= '0' && c <= '9':
		_, _, err := s.number()
		return err
	default:
		return s.unexpected("a JSON string, number, array, object, true, false or null")
	}
}

// nodeType names what begins with c as Jackson's JsonNodeType does.
func nodeType(c byte) string {
	switch c {
	case '"':
		return "STRING"
	case '{':
		return "OBJECT"
	case '[':
		return "ARRAY"
	case 't', 'f':
		return "BOOLEAN"
	case 'n':
		return "NULL"
	default:
		return "NUMBER"
	}
}
