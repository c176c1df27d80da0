package simpleheader

import "strings"

// tokens cuts a text at the delimiters : , { } [ ] " that no backslash precedes. A delimiter is a token of its own.
type tokens struct {
	text string
	at   int    // behind the token looked at
	peek string // the token looked at, if any
	last string // the token taken last
}

// mark is a place to rewind to.
func (t *tokens) mark() int { return t.at - len(t.peek) }

func (t *tokens) rewind(to int) { t.at, t.peek, t.last = to, "", "" }

func (t *tokens) more() bool { return t.peek != "" || t.at < len(t.text) }

// take gives the next token; there must be one.
func (t *tokens) take() string {
	if t.peek == "" {
		t.peek = t.scan()
	}
	t.last, t.peek = t.peek, ""
	return t.last
}

// takeMany gives the text of the next n tokens, and nothing if there are fewer.
func (t *tokens) takeMany(n int) (string, bool) {
	start := t.mark()
	for range n {
		if !t.more() {
			t.rewind(start)
			return "", false
		}
		t.take()
	}
	return t.text[start:t.at], true
}

func (t *tokens) scan() string {
	start, escaped := t.at, false
	for t.at < len(t.text) {
		c := t.text[t.at]
		if !escaped && strings.IndexByte(`:,{}[]"`, c) >= 0 {
			if start == t.at {
				t.at++
			}
			break
		}
		escaped = c == '\\' && !escaped
		t.at++
	}
	return t.text[start:t.at]
}

// accept takes the next token if it is want, blanks before and around it aside.
func (t *tokens) accept(want string) bool {
	if t.peek == "" {
		if !t.more() {
			return false
		}
		t.peek = t.scan()
	}
	for trim(t.peek) == "" && t.at < len(t.text) {
		t.peek = t.scan()
	}
	if trim(t.peek) != want {
		return false
	}
	t.peek = ""
	return true
}

// trim is String.trim.
func trim(s string) string { return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }) }
