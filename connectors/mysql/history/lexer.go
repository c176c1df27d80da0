package history

import (
	"errors"
	"strings"
)

type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokWord             // unquoted name or keyword
	tokQuoted           // `name`, or "name" under ANSI_QUOTES; text is the name
	tokString           // 'text'; text is the content as written, without the outer quotes
	tokNumber           // 12, 1.5e3, 0x1F, 0b01
	tokBits             // b'01', x'1F'; text is the content
	tokPunct            // one character
)

type token struct {
	kind       tokenKind
	prefix     byte   // of tokBits: b or x
	text       string // see the kinds
	start, end int    // place in the statement
}

// is tells whether t is the keyword (upper case).
func (t token) is(keyword string) bool {
	return t.kind == tokWord && strings.EqualFold(t.text, keyword)
}

func (t token) isAny(keywords ...string) bool {
	for _, k := range keywords {
		if t.is(k) {
			return true
		}
	}
	return false
}

func (t token) punct(c byte) bool { return t.kind == tokPunct && t.text[0] == c }

// name tells whether t can be an identifier.
func (t token) name() bool { return t.kind == tokWord || t.kind == tokQuoted }

var (
	errUnterminated = errors.New("unterminated string, quoted name or comment")
	errTooLong      = errors.New("statement of more than 64 MiB")
)

// lexer cuts a statement into tokens. Comments are dropped; the content of version comments (/*!80003 … */, and MariaDB's /*M!100301 … */) is not, as the server
// that wrote the statement executed it.
type lexer struct {
	src       string
	pos       int
	ansi      bool
	noEscapes bool
	mariadb   bool
	inVersion bool
	out       []token
}

// neverExecuted begins the line that MariaDB's dumps have for their client alone.
const neverExecuted = "/*M!999999"

const maxStatement = 64 << 20

func lex(src string, s Session, mariadb bool) ([]token, error) {
	if len(src) > maxStatement {
		return nil, errTooLong
	}
	l := lexer{src: src, ansi: s.ANSIQuotes, noEscapes: s.NoBackslashEscapes, mariadb: mariadb}
	for {
		if err := l.skip(); err != nil {
			return nil, err
		}
		if l.pos >= len(l.src) {
			return l.out, nil
		}
		if err := l.next(); err != nil {
			return nil, err
		}
	}
}

// skip passes over white space and comments.
func (l *lexer) skip() error {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch c := rest[0]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == 0:
			l.pos++
		case c == '#', strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				l.pos += i + 1
			} else {
				l.pos = len(l.src)
			}
		case strings.HasPrefix(rest, "/*!"), l.mariadb && strings.HasPrefix(rest, "/*M!") && !strings.HasPrefix(rest, neverExecuted):
			l.pos += strings.IndexByte(rest, '!') + 1
			for l.pos < len(l.src) && isDigit(l.src[l.pos]) {
				l.pos++
			}
			l.inVersion = true
		case l.inVersion && strings.HasPrefix(rest, "*/"):
			l.pos += 2
			l.inVersion = false
		case strings.HasPrefix(rest, "/*"):
			i := strings.Index(rest[2:], "*/")
			if i < 0 {
				return errUnterminated
			}
			l.pos += i + 4
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) next() error {
	start := l.pos
	c := l.src[l.pos]
	switch {
	case c == '\'' || c == '"' && !l.ansi:
		return l.quoted(start, c, tokString, 0)
	case c == '`' || c == '"':
		return l.quoted(start, c, tokQuoted, 0)
	case (c == 'b' || c == 'B' || c == 'x' || c == 'X' || c == 'n' || c == 'N') && l.pos+1 < len(l.src) && l.src[l.pos+1] == '\'':
		l.pos++
		if c |= 0x20; c == 'n' {
			return l.quoted(start, '\'', tokString, 0)
		}
		return l.quoted(start, '\'', tokBits, c)
	case isDigit(c) || c == '.' && l.pos+1 < len(l.src) && isDigit(l.src[l.pos+1]):
		l.number(start)
	case isNameByte(c):
		for l.pos < len(l.src) && isNameByte(l.src[l.pos]) {
			l.pos++
		}
		l.add(tokWord, start)
	default:
		l.pos++
		l.add(tokPunct, start)
	}
	return nil
}

func (l *lexer) add(k tokenKind, start int) {
	l.out = append(l.out, token{kind: k, text: l.src[start:l.pos], start: start, end: l.pos})
}

// number reads a number, or a name that begins with digits.
func (l *lexer) number(start int) {
	seen := false // a dot or an exponent
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		switch {
		case isDigit(c):
		case c == '.' && !seen:
			seen = true
		case (c == '+' || c == '-') && (l.src[l.pos-1]|0x20) == 'e' && !strings.HasPrefix(l.src[start:], "0x"):
			seen = true
		case isNameByte(c):
		default:
			l.endNumber(start)
			return
		}
		l.pos++
	}
	l.endNumber(start)
}

func (l *lexer) endNumber(start int) {
	s := strings.ToLower(l.src[start:l.pos])
	kind := tokNumber
	if !strings.HasPrefix(s, "0x") && !strings.HasPrefix(s, "0b") && strings.Trim(s, "0123456789.e+-") != "" {
		kind = tokWord
	}
	l.add(kind, start)
}

func (l *lexer) quoted(start int, q byte, kind tokenKind, prefix byte) error {
	l.pos++
	from := l.pos
	var name strings.Builder // unescaped, for names
	for l.pos < len(l.src) {
		c := l.src[l.pos]
		switch {
		case c == q:
			if l.pos+1 < len(l.src) && l.src[l.pos+1] == q {
				name.WriteByte(q)
				l.pos += 2
				continue
			}
			text := l.src[from:l.pos]
			if kind == tokQuoted {
				text = name.String()
			}
			l.pos++
			l.out = append(l.out, token{kind: kind, prefix: prefix, text: text, start: start, end: l.pos})
			return nil
		case c == '\\' && kind == tokString && !l.noEscapes:
			l.pos += 2
		default:
			name.WriteByte(c)
			l.pos++
		}
	}
	return errUnterminated
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '_' || c == '$' || c >= 0x80
}

// Unescape resolves the escapes of a string literal's content, as the model keeps it: backslashes escape.
func Unescape(s string) string { return unescape(s, false) }

// unescape resolves the escapes of a string literal's content.
func unescape(s string, noBackslash bool) string {
	if !strings.ContainsAny(s, `\'"`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && !noBackslash && i+1 < len(s):
			i++
			switch s[i] {
			case '0':
				b.WriteByte(0)
			case 'b':
				b.WriteByte('\b')
			case 'n':
				b.WriteByte('\n')
			case 'r':
				b.WriteByte('\r')
			case 't':
				b.WriteByte('\t')
			case 'Z':
				b.WriteByte(26)
			default:
				b.WriteByte(s[i])
			}
		case c == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// comment is the text of a comment as SHOW CREATE TABLE writes it between its quotes. Debezium keeps the escapes of the statement, which
// may be others in the binary log than in the snapshot.
func comment(s string, ses Session) string {
	return commentEscapes.Replace(unescape(s, ses.NoBackslashEscapes))
}

var commentEscapes = strings.NewReplacer(`'`, `''`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\x00", `\0`)
