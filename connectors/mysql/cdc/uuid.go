package cdc

import (
	"crypto/rand"
	"time"
)

// appendUUID renders 16 bytes as 8-4-4-4-12 hex digits.
func appendUUID(dst, id []byte) []byte {
	const digits = "0123456789abcdef"
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}

// newUUID is a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return uuidText(b, 4)
}

// runID is a UUID of version 7: the time of the start, then chance.
func runID(t time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	ms := uint64(t.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	return uuidText(b, 7)
}

// uuidText is the text of a UUID, whose bits of version and variant (RFC 9562) are set here.
func uuidText(b [16]byte, version byte) string {
	b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	return string(appendUUID(nil, b[:]))
}
