package simpleheader

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/connectd/connectd/connect/data"
)

func startsWithDigit(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsDigit(r)
}

// asciiDigits turns the digits of other scripts into ASCII, as Java reads them.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf || !unicode.IsDigit(r) {
			return r
		}
		n := rune(0) // digits of a script stand in a row of ten, or several such rows
		for unicode.IsDigit(r - n - 1) {
			n++
		}
		return '0' + n%10
	}, s)
}

// temporal tries token with the four that follow (the colons of a time are tokens), then token alone.
func (p *parser) temporal(token string) *guess {
	start := p.mark()
	if rest, ok := p.takeMany(4); ok {
		if g := parseTemporal(token + rest); g != nil {
			return g
		}
	}
	p.rewind(start)
	return parseTemporal(token)
}

// Lengths of the patterns of ISO 8601 that are read.
const (
	dateLength      = len("yyyy-MM-dd")
	timeLength      = len("HH:mm:ss.SSSZ")
	timestampLength = len("yyyy-MM-ddTHH:mm:ss.SSSZ")
)

func parseTemporal(s string) *guess {
	s = strings.ReplaceAll(s, `\:`, ":")
	switch len(s) {
	case timeLength:
		if f, ok := numbers(s, "::.Z"); ok {
			return of(data.TimeSchema, data.Time(int32(lenient(1970, 1, 1, f[0], f[1], f[2], f[3]))))
		}
	case timestampLength:
		if f, ok := numbers(s, "--T::.Z"); ok {
			return of(data.TimestampSchema, data.Timestamp(lenient(f[0], f[1], f[2], f[3], f[4], f[5], f[6])))
		}
	case dateLength:
		if f, ok := numbers(s, "--"); ok {
			return of(data.DateSchema, data.Date(int32(lenient(f[0], f[1], f[2], 0, 0, 0, 0)/millisPerDay)))
		}
	}
	return nil
}

// lenient rolls over what is too large, as SimpleDateFormat does: 25:00 is 1:00 of the next day.
func lenient(year, month, day, hour, minute, second, milli int) int64 {
	return time.Date(year, time.Month(month), day, hour, minute, second, milli*int(time.Millisecond), time.UTC).UnixMilli()
}

// numbers reads numbers, each but perhaps the last followed by its separator; what follows is ignored, as SimpleDateFormat does.
func numbers(s, separators string) (out [8]int, ok bool) {
	n, i := 0, 0
	for k := range len(separators) + 1 {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			out[n] = out[n]*10 + int(s[i]-'0')
			i++
		}
		if i == start {
			return out, false
		}
		n++
		if k == len(separators) {
			return out, true
		}
		if i >= len(s) || s[i] != separators[k] {
			return out, false
		}
		i++
		if separators[k] == 'Z' {
			return out, true
		}
	}
	return out, true
}
