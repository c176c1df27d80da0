package json

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

const hexDigits = "0123456789ABCDEF" // upper case, as Jackson writes them

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

// plainRun is the length of the longest plain prefix of b that is found cheaply; b[n] may be plain still.
func plainRun(b []byte) int {
	n := 0
	for len(b)-n >= 8 && special(binary.LittleEndian.Uint64(b[n:])) == 0 {
		n += 8
	}
	for n < len(b) && plain[b[n]] {
		n++
	}
	return n
}

// appendQuoted appends b as a JSON string the way Jackson's UTF8JsonGenerator does: control characters escaped, characters beyond the
// BMP as surrogate pairs, all others as they are. Bytes that are no UTF-8 become U+FFFD.
func appendQuoted(dst, b []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plainRun(b)
		dst = append(dst, b[:n]...)
		if n == len(b) {
			return append(dst, '"')
		}
		b = b[n:]
		c := b[0]
		if c < utf8.RuneSelf {
			dst = appendEscaped(dst, c)
			b = b[1:]
			continue
		}
		r, size := utf8.DecodeRune(b)
		switch {
		case r > 0xFFFF:
			r -= 0x10000
			dst = appendUnit(dst, uint16(0xD800+(r>>10)))
			dst = appendUnit(dst, uint16(0xDC00+(r&0x3FF)))
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, b[:size]...)
		}
		b = b[size:]
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

// bytesOf is s without a copy; do not modify.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
