package jsontext

import "unicode/utf8"

const hexDigits = "0123456789ABCDEF"

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for i := ' '; i < utf8.RuneSelf; i++ {
		t[i] = i != '"' && i != '\\'
	}
	return t
}()

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special has the high bit set in each byte of w that is not plain. Above the first such byte, bits may be set for plain bytes too
// (a borrow runs upwards), so only the lowest counts.
func special(w uint64) uint64 {
	quote, back := w^(ones*'"'), w^(ones*'\\')
	return (w | (w - ones*' ') | (quote - ones) | (back - ones)) & highs
}

// PlainRun is the length of the longest plain prefix of s that is found cheaply: without bytes beyond ASCII, which may stand for themselves, too.
func PlainRun[T string | []byte](s T) int {
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		b := s[n : n+8]
		_ = b[7] // one check of bounds, one load
		if special(uint64(b[0])|uint64(b[1])<<8|uint64(b[2])<<16|uint64(b[3])<<24|
			uint64(b[4])<<32|uint64(b[5])<<40|uint64(b[6])<<48|uint64(b[7])<<56) != 0 {
			break
		}
	}
	for n < len(s) && plain[s[n]] {
		n++
	}
	return n
}

// Append appends s in quotes; characters beyond the BMP stand as they are.
func Append[T string | []byte](dst []byte, s T) []byte { return appendQuoted(dst, s, false) }

// AppendPairs appends s in quotes; characters beyond the BMP become two escapes.
func AppendPairs[T string | []byte](dst []byte, s T) []byte { return appendQuoted(dst, s, true) }

func appendQuoted[T string | []byte](dst []byte, s T, pairs bool) []byte {
	dst = append(dst, '"')
	for {
		n := PlainRun(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		s = s[n:]
		if c := s[0]; c < utf8.RuneSelf {
			dst = appendEscaped(dst, c)
			s = s[1:]
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
		switch {
		case r > 0xFFFF && pairs:
			r -= 0x10000
			dst = appendUnit(dst, uint16(0xD800+(r>>10)))
			dst = appendUnit(dst, uint16(0xDC00+(r&0x3FF)))
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, s[:size]...)
		}
		s = s[size:]
	}
}

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	default:
		return appendUnit(dst, uint16(c))
	}
}

func appendUnit(dst []byte, u uint16) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}
