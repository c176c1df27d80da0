package transforms

import "strings"

// tokenizer cuts a literal at unescaped : , { } [ ] and quotes (Values.Parser). Positions are bytes.
type tokenizer struct {
	text  string
	pos   int
	ahead string // a token that was read and not consumed; empty: none
}

func (t *tokenizer) hasNext() bool { return t.ahead != "" || t.pos < len(t.text) }

func (t *tokenizer) mark() int { return t.pos - len(t.ahead) }

func (t *tokenizer) rewind(mark int) { t.pos, t.ahead = mark, "" }

func (t *tokenizer) next() string {
	if s := t.ahead; s != "" {
		t.ahead = ""
		return s
	}
	return t.read()
}

// nextN reads n tokens as one text; at the end before that, none.
func (t *tokenizer) nextN(n int) (string, bool) {
	start := t.mark()
	for range n {
		if !t.hasNext() {
			t.rewind(start)
			return "", false
		}
		t.next()
	}
	return t.text[start:t.pos], true
}

func (t *tokenizer) read() string {
	start, escaped := t.pos, false
	for ; t.pos < len(t.text); t.pos++ {
		switch c := t.text[t.pos]; {
		case c == '\\':
			escaped = !escaped
		case strings.IndexByte(`:,{}[]"`, c) >= 0 && !escaped:
			if start == t.pos {
				t.pos++
			}
			return t.text[start:t.pos]
		default:
			escaped = false
		}
	}
	return t.text[start:t.pos]
}

// consume takes the next token, blanks aside, if it is the one expected.
func (t *tokenizer) consume(expected string) bool {
	if t.ahead == "" {
		if !t.hasNext() {
			return false
		}
		t.ahead = t.read()
	}
	for strings.TrimSpace(t.ahead) == "" && t.pos < len(t.text) {
		t.ahead = t.read()
	}
	if javaTrim(t.ahead) != expected {
		return false
	}
	t.ahead = ""
	return true
}
