package hdfs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// pattern is a compiled Joda-Time pattern (org.joda.time.format.DateTimeFormat), without G, C, z and Z.
type pattern []patternPart

type patternPart struct {
	letter  byte // 0: literal
	width   int
	literal string
}

const jodaLetters = "YyxwMdDeEaHhKkmsS"

// parsePattern compiles s. Names of months and days are English; other locales are refused only if the pattern needs them.
func parsePattern(s, locale string) (pattern, error) {
	var out pattern
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\'':
			text, n, err := quoted(s[i:])
			if err != nil {
				return nil, err
			}
			out = append(out, patternPart{literal: text})
			i += n
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			n := 1
			for i+n < len(s) && s[i+n] == c {
				n++
			}
			if strings.IndexByte(jodaLetters, c) < 0 {
				return nil, fmt.Errorf("the pattern letter %q is not supported; put text in single quotes", string(c))
			}
			text := c == 'E' || c == 'a' || c == 'M' && n > 2
			if text && !strings.HasPrefix(strings.ToLower(locale), "en") {
				return nil, fmt.Errorf("%q is a name, and only those of locale en are known, not of %q", s[i:i+n], locale)
			}
			out = append(out, patternPart{letter: c, width: n})
			i += n
		default:
			out = append(out, patternPart{literal: string(c)})
			i++
		}
	}
	return out, nil
}

// quoted reads a quoted text at the start of s; two quotes are one.
func quoted(s string) (text string, n int, err error) {
	if strings.HasPrefix(s, "''") {
		return "'", 2, nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, nil
	}
	return "", 0, fmt.Errorf("a single quote in %q is not closed", s)
}

func (p pattern) append(b []byte, t time.Time) []byte {
	for _, x := range p {
		switch x.letter {
		case 0:
			b = append(b, x.literal...)
		case 'E':
			b = appendName(b, t.Weekday().String(), x.width > 3)
		case 'a':
			b = append(b, t.Format("PM")...)
		case 'S':
			b = appendFraction(b, t, x.width)
		case 'M':
			if x.width > 2 {
				b = appendName(b, t.Month().String(), x.width > 3)
			} else {
				b = appendPadded(b, int(t.Month()), x.width)
			}
		case 'Y', 'y', 'x':
			b = appendYear(b, x, t)
		default:
			b = appendPadded(b, x.number(t), x.width)
		}
	}
	return b
}

func (x patternPart) number(t time.Time) int {
	switch x.letter {
	case 'w':
		_, w := t.ISOWeek()
		return w
	case 'd':
		return t.Day()
	case 'D':
		return t.YearDay()
	case 'e':
		return (int(t.Weekday())+6)%7 + 1
	case 'H':
		return t.Hour()
	case 'k':
		return (t.Hour()+23)%24 + 1
	case 'K':
		return t.Hour() % 12
	case 'h':
		return (t.Hour()+11)%12 + 1
	case 'm':
		return t.Minute()
	default:
		return t.Second()
	}
}

// appendYear: two letters are the last two digits.
func appendYear(b []byte, x patternPart, t time.Time) []byte {
	y := t.Year()
	if x.letter == 'x' {
		y, _ = t.ISOWeek()
	}
	if x.width == 2 {
		return appendPadded(b, (y%100+100)%100, 2)
	}
	return appendPadded(b, y, x.width)
}

func appendPadded(b []byte, n, width int) []byte {
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	d := strconv.Itoa(n)
	for i := len(d); i < width; i++ {
		b = append(b, '0')
	}
	return append(b, d...)
}

func appendFraction(b []byte, t time.Time, width int) []byte {
	d := fmt.Sprintf("%03d", t.Nanosecond()/1_000_000)
	for len(d) < width {
		d += "0"
	}
	return append(b, d[:width]...)
}

func appendName(b []byte, name string, full bool) []byte {
	if !full {
		name = name[:3]
	}
	return append(b, name...)
}
