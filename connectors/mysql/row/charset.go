package row

import (
	_ "embed" // charsets.txt
	"fmt"
	"strconv"
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

// charsetRuns are the characters of MySQL's own character sets: all from 80 on of those of one byte (swe7: below 80), and those of two
// bytes that are not what golang.org/x/text makes of them (private use areas, a few signs). Each line is a name and runs of codes:
// code+count=first character, in hex but for the count. What the server has no character for is a question mark, as in its answers.
//
//go:embed charsets.txt
var charsetRuns string

// charset turns the bytes of a MySQL character set into UTF-8.
type charset struct {
	utf8    bool       // bytes are UTF-8 already
	table   *[256]rune // one byte, one character
	swaps   bool       // table changes some of ASCII
	enc     encoding.Encoding
	lead    func(b byte) bool // of enc: b begins a character of two bytes (or more)
	special map[uint16]rune   // of enc: characters that are MySQL's own
}

var utf8Charset = &charset{utf8: true}

// latin1 is MySQL's: cp1252 whose five undefined bytes are the C1 controls of the same number.
var latin1Charset = latin1()

func latin1() *charset {
	var t [256]rune
	for i := range t {
		if t[i] = charmap.Windows1252.DecodeByte(byte(i)); t[i] == utf8.RuneError {
			t[i] = rune(i)
		}
	}
	return &charset{table: &t}
}

// runsOf calls each for the codes of a character set in charsetRuns; false if it has none.
func runsOf(name string, each func(code uint16, r rune)) bool {
	for line := range strings.Lines(charsetRuns) {
		rest, ok := strings.CutPrefix(line, name+" ")
		if !ok {
			continue
		}
		for run := range strings.FieldsSeq(rest) {
			codes, first, _ := strings.Cut(run, "=")
			code, count, _ := strings.Cut(codes, "+")
			c, _ := strconv.ParseUint(code, 16, 16)
			r, _ := strconv.ParseInt(first, 16, 32)
			n := 1
			if count != "" {
				n, _ = strconv.Atoi(count)
			}
			for i := range n {
				each(uint16(c)+uint16(i), rune(r)+rune(i))
			}
		}
		return true
	}
	return false
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
		if e := encodings[n]; e != nil {
			cs := &charset{enc: e, lead: leads[n], special: map[uint16]rune{}}
			if cs.lead != nil {
				runsOf(n, func(code uint16, r rune) { cs.special[code] = r })
			}
			return cs, nil
		}
		cs := &charset{table: new([256]rune), swaps: n == "swe7"}
		for i := range cs.table {
			cs.table[i] = rune(i)
			if cs.swaps && i >= 0x80 {
				cs.table[i] = '?'
			}
		}
		if n != "" && !strings.ContainsAny(n, " \n") && runsOf(n, func(code uint16, r rune) { cs.table[byte(code)] = r }) {
			return cs, nil
		}
	}
	return nil, fmt.Errorf("character set %s cannot be read; convert the column to utf8mb4", name)
}

func leadEast(b byte) bool { return b >= 0x81 && b <= 0xFE }

func leadJIS(b byte) bool { return b >= 0x81 && b <= 0x9F || b >= 0xE0 && b <= 0xFC }

// leads of the encodings that have characters of MySQL's own.
var leads = map[string]func(byte) bool{"gb2312": leadEast, "gb18030": leadEast, "big5": leadEast, "sjis": leadJIS, "cp932": leadJIS,
	"ujis": leadEast, "eucjpms": leadEast}

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
	if cs.utf8 || cs.enc == nil && !cs.swaps && isASCII(b) {
		return b
	}
	if cs.table != nil {
		out := mem.begin(3 * len(b))
		for _, c := range b {
			out = utf8.AppendRune(out, cs.table[c])
		}
		return mem.end(out)
	}
	if len(cs.special) == 0 {
		return cs.decodeEncoded(nil, b)
	}
	var out []byte
	start := 0 // of what enc decodes
	for i := 0; i < len(b); i++ {
		if !cs.lead(b[i]) || i+1 == len(b) {
			continue
		}
		if r, ok := cs.special[uint16(b[i])<<8|uint16(b[i+1])]; ok {
			out = utf8.AppendRune(cs.decodeEncoded(out, b[start:i]), r)
			start = i + 2
		} else if b[i+1] >= 0x30 && b[i+1] <= 0x39 && i+3 < len(b) || b[i] == 0x8F && i+2 < len(b) && cs.enc == japanese.EUCJP {
			i++ // gb18030 has characters of four bytes, ujis of three
			if b[i] <= 0x39 {
				i++
			}
		}
		i++
	}
	return cs.decodeEncoded(out, b[start:])
}

// decodeEncoded appends b as enc reads it.
func (cs *charset) decodeEncoded(dst, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	out, err := cs.enc.NewDecoder().Bytes(b)
	if err != nil {
		out = []byte(strings.ToValidUTF8(string(b), "\uFFFD"))
	}
	return append(dst, out...)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
