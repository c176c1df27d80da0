package javaregex

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
)

// Regex is a pattern in Java's syntax.
type Regex struct {
	Find *regexp.Regexp // Matcher.find
	Full *regexp.Regexp // Matcher.matches: other alternatives are tried until the whole text fits
}

// Compile translates what is written otherwise in Go and refuses what a linear-time engine cannot do.
func Compile(pattern string) (Regex, error) {
	translated, err := translate(pattern)
	if err != nil {
		return Regex{}, err
	}
	find, err := regexp.Compile(translated)
	if err != nil {
		return Regex{}, asJava(pattern, err)
	}
	full, err := regexp.Compile(`\A(?:` + translated + `)\z`)
	return Regex{find, full}, err
}

// Check tells what is wrong with a pattern in Java's syntax; its text stands behind "Invalid regex: ".
func Check(pattern string) error {
	if _, err := Compile(pattern); err != nil {
		return errors.New("Invalid regex: " + err.Error())
	}
	return nil
}

var unsupported = []struct{ prefix, what string }{
	{"(?=", "lookahead"}, {"(?!", "lookahead"}, {"(?<=", "lookbehind"}, {"(?<!", "lookbehind"}, {"(?>", "an atomic group"},
}

// posixClasses are Java's ASCII classes.
var posixClasses = map[string]string{
	"Lower": "a-z", "Upper": "A-Z", "ASCII": `\x00-\x7F`, "Alpha": "A-Za-z", "Digit": "0-9", "Alnum": "0-9A-Za-z",
	"Punct": "!-/:-@\\[-`{-~", "Graph": "!-~", "Print": " -~", "Blank": ` \t`, "Cntrl": `\x00-\x1F\x7F`, "XDigit": "0-9A-Fa-f",
	"Space": `\t-\r `,
}

func translate(p string) (string, error) {
	var b strings.Builder
	depth := 0      // of character classes
	last := byte(0) // what came before, 0 for an escape: a plus behind a quantifier is possessive
	for i := 0; i < len(p); {
		rest := p[i:]
		switch {
		case rest[0] == '\\' && len(rest) > 1:
			s, n, err := translateEscape(rest, depth > 0)
			if err != nil {
				return "", err
			}
			b.WriteString(s)
			i += n
			last = 0
			continue
		case depth > 0 && strings.HasPrefix(rest, "&&"):
			return "", notSupported("an intersection of character classes (&&)")
		case depth > 0 && rest[0] == '[':
			return "", notSupported(`a character class inside another; write a literal bracket as \[`)
		case depth == 0 && rest[0] == '[':
			depth++
			if strings.HasPrefix(rest, "[]") || strings.HasPrefix(rest, "[^]") {
				// A bracket that comes first is literal in both.
				n := strings.IndexByte(rest, ']')
				b.WriteString(rest[:n] + `\]`)
				i += n + 1
				last = 0
				continue
			}
		case depth > 0 && rest[0] == ']':
			depth--
		case depth == 0 && rest[0] == '(':
			for _, u := range unsupported {
				if strings.HasPrefix(rest, u.prefix) {
					return "", notSupported(u.what + " " + u.prefix)
				}
			}
		case depth == 0 && rest[0] == '+' && (last == '*' || last == '+' || last == '?' || last == '}'):
			return "", notSupported("a possessive quantifier (" + p[i-1:i+1] + ")")
		}
		last = rest[0]
		b.WriteByte(rest[0])
		i++
	}
	return b.String(), nil
}

// translateEscape reads the escape rest begins with and answers Go's form of it and its length.
func translateEscape(rest string, inClass bool) (string, int, error) {
	switch c := rest[1]; {
	case c == 'Q':
		end := strings.Index(rest, `\E`)
		if end < 0 {
			return regexp.QuoteMeta(rest[2:]), len(rest), nil
		}
		return regexp.QuoteMeta(rest[2:end]), end + 2, nil
	case c >= '1' && c <= '9' || c == 'k':
		return "", 0, notSupported(`a back-reference (\` + string(c) + ")")
	case c == 'u' && len(rest) >= 6:
		return `\x{` + rest[2:6] + "}", 6, nil
	case c == 'h':
		return class(` \t\x{A0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}`, inClass), 2, nil
	case c == 'e':
		return `\x1B`, 2, nil
	case c == 'Z' && !inClass:
		return `(?:\n?\z)`, 2, nil
	case c == 'G' || c == 'R' || c == 'X':
		return "", 0, notSupported(`\` + string(c))
	case c == 'p' && len(rest) > 2 && rest[2] == '{':
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			break
		}
		name := rest[3:end]
		if set, ok := posixClasses[name]; ok {
			return class(set, inClass), end + 1, nil
		}
		return `\p{` + strings.TrimPrefix(name, "Is") + "}", end + 1, nil
	case c >= 0x80 || strings.IndexByte("<>-/#&~'\"%,:;=@! _`", c) >= 0:
		// Java lets any character be escaped that is not a letter; Go only punctuation.
		if c < 0x80 {
			return regexp.QuoteMeta(rest[1:2]), 2, nil
		}
		return "", 1, nil
	}
	return rest[:2], 2, nil
}

func class(set string, inClass bool) string {
	if inClass {
		return set
	}
	return "[" + set + "]"
}

func notSupported(what string) error {
	return errors.New("the regular expression uses " + what + ", which this runtime's linear-time engine does not support; rewrite it without")
}

// asJava gives the commonest mistakes the text of java.util.regex.PatternSyntaxException.
func asJava(pattern string, err error) error {
	se, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return err
	}
	var at int
	var what string
	switch se.Code {
	case syntax.ErrMissingBracket:
		at, what = max(len(pattern)-1, 0), "Unclosed character class"
	case syntax.ErrMissingParen:
		at, what = len(pattern), "Unclosed group"
	case syntax.ErrMissingRepeatArgument:
		at, what = max(strings.Index(pattern, se.Expr), 0), "Dangling meta character '"+se.Expr[:1]+"'"
	case syntax.ErrUnexpectedParen:
		at, what = max(strings.LastIndexByte(pattern, ')')-1, 0), "Unmatched closing ')'"
	default:
		return err
	}
	return errors.New(what + " near index " + strconv.Itoa(at) + "\n" + pattern + "\n" + strings.Repeat(" ", at) + "^")
}
