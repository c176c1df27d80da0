package primitive

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/internal/javatext"
)

// charset is one of java.nio.charset.StandardCharsets.
type charset uint8

const (
	utf8Charset charset = iota
	latin1
	ascii
	utf16Charset // big-endian; a byte order mark is written and obeyed
	utf16BE
	utf16LE
)

// charsets by lower-case name, with Java's aliases.
var charsets = map[string]charset{
	"utf-8": utf8Charset, "utf8": utf8Charset, "unicode-1-1-utf-8": utf8Charset,
	"iso-8859-1": latin1, "iso8859-1": latin1, "iso_8859-1": latin1, "iso8859_1": latin1, "8859_1": latin1, "latin1": latin1, "l1": latin1,
	"iso-ir-100": latin1, "ibm819": latin1, "cp819": latin1, "ibm-819": latin1, "819": latin1, "csisolatin1": latin1,
	"iso_8859_1": latin1, "iso_8859-1:1987": latin1,
	"us-ascii": ascii, "ascii": ascii, "iso646-us": ascii, "iso_646.irv:1991": ascii, "iso_646.irv:1983": ascii, "us": ascii,
	"ibm367": ascii, "cp367": ascii, "646": ascii, "csascii": ascii, "default": ascii, "ascii7": ascii, "iso-ir-6": ascii,
	"ansi_x3.4-1968": ascii, "ansi_x3.4-1986": ascii,
	"utf-16": utf16Charset, "utf_16": utf16Charset, "utf16": utf16Charset, "unicode": utf16Charset, "unicodebig": utf16Charset,
	"utf-16be": utf16BE, "utf_16be": utf16BE, "iso-10646-ucs-2": utf16BE, "x-utf-16be": utf16BE, "unicodebigunmarked": utf16BE,
	"utf-16le": utf16LE, "utf_16le": utf16LE, "x-utf-16le": utf16LE, "unicodelittleunmarked": utf16LE,
}

// text is org.apache.kafka.connect.storage.StringConverter.
type text struct {
	set     charset
	scratch []byte // UTF-8 of a value that is to be recoded
}

func (c *text) configure(v config.Values) error {
	name := encoding.Get(v)
	set, ok := charsets[strings.ToLower(name)]
	if !ok {
		return fmt.Errorf("Unsupported encoding %s", name)
	}
	c.set = set
	return nil
}

func (c *text) append(dst []byte, d data.Datum) ([]byte, bool, error) {
	if d.Value.IsNull() {
		return dst, false, nil
	}
	if c.set == utf8Charset {
		return javatext.Append(dst, d.Value), true, nil
	}
	c.scratch = javatext.Append(c.scratch[:0], d.Value)
	return c.set.encode(dst, c.scratch), true, nil
}

func (c *text) decode(b []byte) (data.Datum, error) {
	if b == nil {
		return data.Datum{Schema: data.OptionalStringSchema}, nil
	}
	if c.set != utf8Charset {
		b = c.set.decode(b)
	} else if !utf8.Valid(b) {
		b = repair(b)
	}
	return data.Datum{Schema: data.OptionalStringSchema, Value: data.Text(b)}, nil
}

func repair(b []byte) []byte {
	out := make([]byte, 0, len(b)+8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return out
}

// encode appends UTF-8 in the character set; what it does not have becomes a question mark.
func (s charset) encode(dst, b []byte) []byte {
	if s == utf16Charset && len(b) > 0 {
		dst = append(dst, 0xFE, 0xFF)
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		b = b[n:]
		switch {
		case s >= utf16Charset:
			dst = s.appendUnits(dst, r)
		case s == latin1 && r < 0x100 || r < 0x80:
			dst = append(dst, byte(r))
		default:
			dst = append(dst, '?')
		}
	}
	return dst
}

func (s charset) appendUnits(dst []byte, r rune) []byte {
	if r > 0xFFFF {
		high, low := utf16.EncodeRune(r)
		return s.appendUnit(s.appendUnit(dst, high), low)
	}
	return s.appendUnit(dst, r)
}

func (s charset) appendUnit(dst []byte, u rune) []byte {
	if s == utf16LE {
		return binary.LittleEndian.AppendUint16(dst, uint16(u))
	}
	return binary.BigEndian.AppendUint16(dst, uint16(u))
}

// decode gives UTF-8; what is malformed becomes U+FFFD.
func (s charset) decode(b []byte) []byte {
	if s >= utf16Charset {
		return s.decodeUnits(b)
	}
	out := make([]byte, 0, len(b)+len(b)/2)
	for _, c := range b {
		if s == ascii && c >= 0x80 {
			out = utf8.AppendRune(out, utf8.RuneError)
			continue
		}
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

func (s charset) decodeUnits(b []byte) []byte {
	little := s == utf16LE
	if s == utf16Charset && len(b) >= 2 {
		switch {
		case b[0] == 0xFE && b[1] == 0xFF:
			b = b[2:]
		case b[0] == 0xFF && b[1] == 0xFE:
			b, little = b[2:], true
		}
	}
	unit := func(i int) rune {
		if little {
			return rune(binary.LittleEndian.Uint16(b[i:]))
		}
		return rune(binary.BigEndian.Uint16(b[i:]))
	}
	out := make([]byte, 0, len(b)+len(b)/2)
	i := 0
	for ; i+1 < len(b); i += 2 {
		r := unit(i)
		if utf16.IsSurrogate(r) {
			pair := rune(utf8.RuneError)
			if i+3 < len(b) {
				pair = utf16.DecodeRune(r, unit(i+2))
			}
			if r = pair; r != utf8.RuneError {
				i += 2
			}
		}
		out = utf8.AppendRune(out, r)
	}
	if i < len(b) {
		out = utf8.AppendRune(out, utf8.RuneError)
	}
	return out
}
