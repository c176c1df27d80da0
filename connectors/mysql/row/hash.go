package row

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"unicode/utf8"
)

// hashes are the algorithms by the names of Java's MessageDigest, in upper case.
var hashes = map[string]func() hash.Hash{
	"MD5": md5.New, "SHA": sha1.New, "SHA1": sha1.New, "SHA-1": sha1.New, "SHA-224": sha256.New224, "SHA-256": sha256.New,
	"SHA-384": sha512.New384, "SHA-512": sha512.New, "SHA-512/224": sha512.New512_224, "SHA-512/256": sha512.New512_256,
	"SHA3-224": func() hash.Hash { return sha3.New224() }, "SHA3-256": func() hash.Hash { return sha3.New256() },
	"SHA3-384": func() hash.Hash { return sha3.New384() }, "SHA3-512": func() hash.Hash { return sha3.New512() },
}

// NewHash makes the function of column.mask.hash.ALGORITHM.with.salt.SALT (v2: column.mask.hash.v2): the hash of salt and text in hex.
// Version 1 hashes the text as Java serialises a String, version 2 its UTF-8 (io.debezium.relational.mapping.MaskStrings). The
// function belongs to one goroutine.
func NewHash(algorithm, salt string, v2 bool) (func(text []byte) string, error) {
	newHash, ok := hashes[strings.ToUpper(algorithm)]
	if !ok {
		return nil, fmt.Errorf("%s is no hash algorithm that can be used here: MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512, SHA-512/224, SHA-512/256, SHA3-224, SHA3-256, SHA3-384, SHA3-512 can", algorithm)
	}
	h := newHash()
	var buf, sum []byte
	return func(text []byte) string {
		h.Reset()
		h.Write([]byte(salt))
		if v2 {
			h.Write(text)
		} else {
			buf = appendJavaString(buf[:0], text)
			h.Write(buf)
		}
		sum = h.Sum(sum[:0])
		return hex.EncodeToString(sum)
	}, nil
}

// appendJavaString appends what ObjectOutputStream writes for a String: the stream's header, then the length and Java's modified UTF-8
// (Java Object Serialization Specification, chapter 6).
func appendJavaString(b, text []byte) []byte {
	b = append(b, 0xAC, 0xED, 0, 5)
	start := len(b)
	b = append(b, 0x74, 0, 0)
	b = appendModifiedUTF8(b, text)
	n := len(b) - start - 3
	if n <= 0xFFFF {
		binary.BigEndian.PutUint16(b[start+1:], uint16(n))
		return b
	}
	b = append(b[:start], 0x7C)
	b = binary.BigEndian.AppendUint64(b, uint64(n))
	return appendModifiedUTF8(b, text)
}

// appendModifiedUTF8 writes NUL as two bytes, and characters beyond U+FFFF as two surrogates of three bytes each.
func appendModifiedUTF8(b, text []byte) []byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == 0:
			b = append(b, 0xC0, 0x80)
		case r > 0xFFFF:
			r -= 0x10000
			b = appendThree(appendThree(b, 0xD800|r>>10), 0xDC00|r&0x3FF)
		default:
			b = utf8.AppendRune(b, r)
		}
		i += size
	}
	return b
}

func appendThree(b []byte, r rune) []byte {
	return append(b, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
}
