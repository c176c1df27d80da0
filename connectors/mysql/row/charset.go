package row

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// charset turns the bytes of a MySQL character set into UTF-8.
type charset struct {
	utf8  bool       // bytes are UTF-8 already
	table *[256]rune // one byte, one character
	enc   encoding.Encoding
}

var utf8Charset = &charset{utf8: true}

// latin1 is MySQL's: cp1252 whose five undefined bytes are the C1 controls of the same number.
var latin1Charset = tableCharset(charmap.Windows1252, true)

func tableCharset(m *charmap.Charmap, controls bool) *charset {
	var t [256]rune
	for i := range t {
		t[i] = m.DecodeByte(byte(i))
		if controls && t[i] == utf8.RuneError {
			t[i] = rune(i)
		}
	}
	return &charset{table: &t}
}

// ToUTF8 decodes text of a MySQL character set, such as a statement in its session's character_set_client; b itself if it is UTF-8
// already. What is no character becomes U+FFFD; an unknown character set is an error.
func ToUTF8(charsetName string, b []byte) ([]byte, error) {
	cs, err := findCharset(charsetName)
	if err != nil {
		return nil, err
	}
	var mem Memory
	return cs.decode(b, &mem), nil
}

// findCharset finds a character set by MySQL's name; empty is utf8mb4.
func findCharset(name string) (*charset, error) {
	switch n := strings.ToLower(name); n {
	case "", "utf8", "utf8mb3", "utf8mb4", "ascii", "binary":
		return utf8Charset, nil
	case "latin1":
		return latin1Charset, nil
	default:
		if m := charmaps[n]; m != nil {
			return tableCharset(m, false), nil
		}
		if e := encodings[n]; e != nil {
			return &charset{enc: e}, nil
		}
	}
	return nil, fmt.Errorf("character set %s cannot be read; convert the column to utf8mb4", name)
}

var charmaps = map[string]*charmap.Charmap{
	"latin2": charmap.ISO8859_2, "latin5": charmap.ISO8859_9, "latin7": charmap.ISO8859_13, "greek": charmap.ISO8859_7,
	"hebrew": charmap.ISO8859_8, "cp1250": charmap.Windows1250, "cp1251": charmap.Windows1251, "cp1256": charmap.Windows1256,
	"cp1257": charmap.Windows1257, "cp850": charmap.CodePage850, "cp852": charmap.CodePage852, "cp866": charmap.CodePage866,
	"koi8r": charmap.KOI8R, "koi8u": charmap.KOI8U, "macroman": charmap.Macintosh, "tis620": charmap.Windows874,
}

var encodings = map[string]encoding.Encoding{
	"gbk": simplifiedchinese.GBK, "gb2312": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030,
	"big5": traditionalchinese.Big5, "sjis": japanese.ShiftJIS, "cp932": japanese.ShiftJIS, "ujis": japanese.EUCJP,
	"eucjpms": japanese.EUCJP, "euckr": korean.EUCKR,
	"ucs2":    unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"utf16":   unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"utf16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"utf32":   utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
}

// decode is b as UTF-8: b itself if it is that already, else cut out of mem. What is no character becomes U+FFFD.
func (cs *charset) decode(b []byte, mem *Memory) []byte {
	if cs.utf8 || cs.enc == nil && isASCII(b) {
		return b
	}
	if cs.table != nil {
		out := mem.begin(3 * len(b))
		for _, c := range b {
			out = utf8.AppendRune(out, cs.table[c])
		}
		return mem.end(out)
	}
	out, err := cs.enc.NewDecoder().Bytes(b)
	if err != nil {
		return []byte(strings.ToValidUTF8(string(b), "\uFFFD"))
	}
	return out
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
