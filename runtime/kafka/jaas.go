package kafka

import (
	"errors"
	"fmt"
	"strings"
)

type jaasLogin struct {
	module  string
	options map[string]string
}

// parseJAAS reads the value of sasl.jaas.config: one login module, its flag, its options. Errors never quote the text: it may hold a
// password, and where it is malformed any word may be a part of it. (org.apache.kafka.common.security.JaasConfig)
func parseJAAS(text string) (jaasLogin, error) {
	tokens := jaasTokens{text: text}
	var first jaasLogin
	n := 0
	for ; tokens.next(); n++ {
		l, err := tokens.module()
		if err != nil {
			return first, err
		}
		if n == 0 {
			first = l
		}
	}
	switch n {
	case 0:
		return first, errors.New("it holds no login module")
	case 1:
		return first, nil
	}
	return first, fmt.Errorf("it holds %d login modules, and has to hold one", n)
}

// module reads on from the module's name.
func (t *jaasTokens) module() (jaasLogin, error) {
	l := jaasLogin{module: t.word, options: map[string]string{}}
	if !t.isWord {
		return l, errors.New("it does not begin with the class of a login module")
	}
	if !t.next() || !t.isWord {
		return l, errors.New("the login module has no control flag (required)")
	}
	switch strings.ToLower(t.word) {
	case "required", "requisite", "sufficient", "optional":
	default:
		return l, errors.New("the control flag of the login module must be one of required, requisite, sufficient, optional")
	}
	for n := 1; t.next(); n++ {
		if !t.isWord && t.word == ";" {
			return l, nil
		}
		key, ok := t.word, t.isWord
		if !ok || !t.next() || t.isWord || t.word != "=" || !t.next() || !t.isWord {
			return l, fmt.Errorf(`option %d has not the form name="value"; values with other signs than letters, digits, dots, - _ $ need quotes`, n)
		}
		l.options[key] = t.word
	}
	return l, errors.New("the semicolon at the end is missing")
}

// jaasTokens splits as java.io.StreamTokenizer does, as Kafka sets it up: words of letters, digits and . - _ $, strings in single or double
// quotes with the escapes of C, // and /* comments, and a lone slash that begins a comment, too. But numbers are words.
type jaasTokens struct {
	text string
	at   int

	word   string
	isWord bool // a word or a string, not a sign
}

func (t *jaasTokens) next() bool {
	t.blanks()
	if t.at >= len(t.text) {
		return false
	}
	switch c := t.text[t.at]; {
	case c == '"' || c == '\'':
		t.at++
		t.word, t.isWord = t.quoted(c), true
	case isWordByte(c):
		from := t.at
		for t.at < len(t.text) && isWordByte(t.text[t.at]) {
			t.at++
		}
		t.word, t.isWord = t.text[from:t.at], true
	default:
		t.at++
		t.word, t.isWord = string(c), false
	}
	return true
}

func (t *jaasTokens) blanks() {
	for t.at < len(t.text) {
		rest := t.text[t.at:]
		switch {
		case rest[0] <= ' ':
			t.at++
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				t.at = len(t.text)
				return
			}
			t.at += 2 + end + 2
		case rest[0] == '/':
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				t.at = len(t.text)
				return
			}
			t.at += end
		default:
			return
		}
	}
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' || c == '$' || c >= 0x80
}

// quoted reads up to the quote; a string ends at the end of its line, too.
func (t *jaasTokens) quoted(quote byte) string {
	var out strings.Builder
	for t.at < len(t.text) {
		c := t.text[t.at]
		if c == '\n' || c == '\r' {
			break
		}
		t.at++
		if c == quote {
			break
		}
		if c == '\\' && t.at < len(t.text) {
			out.WriteString(t.escaped())
			continue
		}
		out.WriteByte(c)
	}
	return out.String()
}

var jaasEscapes = map[byte]string{'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v"}

func (t *jaasTokens) escaped() string {
	c := t.text[t.at]
	t.at++
	if c < '0' || c > '7' {
		if s, ok := jaasEscapes[c]; ok {
			return s
		}
		return string([]byte{c})
	}
	// Up to three octal digits, the value at most 0377.
	n, digits := rune(c-'0'), 1
	for digits < 3 && (digits == 1 || c <= '3') && t.at < len(t.text) && t.text[t.at] >= '0' && t.text[t.at] <= '7' {
		n = n*8 + rune(t.text[t.at]-'0')
		t.at++
		digits++
	}
	return string(n)
}
