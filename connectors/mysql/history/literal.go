package history

import (
	"encoding/hex"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"
)

// single is the content of a literal as it stands between single quotes, which is the form of SHOW CREATE TABLE and of Debezium's documents.
func (c *cursor) single(t token) string {
	if c.src[t.start] != '"' || c.asWritten {
		return t.text
	}
	var b strings.Builder
	for i := 0; i < len(t.text); i++ {
		switch ch := t.text[i]; {
		case ch == '\\' && !c.ses.NoBackslashEscapes && i+1 < len(t.text):
			b.WriteByte(ch)
			i++
			b.WriteByte(t.text[i])
		case ch == '\'':
			b.WriteString("''")
		case ch == '"':
			b.WriteByte(ch)
			i++ // two stand for one
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

// inUTC is the default of a TIMESTAMP column that a session wrote in its time zone, as SHOW CREATE TABLE has it in UTC. What is no full date is left.
func inUTC(s string, col *Column, zone *time.Location) string {
	if zone == nil || zone == time.UTC || !strings.EqualFold(col.TypeName, "TIMESTAMP") {
		return s
	}
	for _, layout := range []string{time.DateTime, time.DateOnly} {
		if at, err := time.ParseInLocation(layout, strings.TrimSpace(s), zone); err == nil { // fractions of a second are read, too
			_, fraction, _ := strings.Cut(s, ".")
			at, out := at.UTC(), ""
			if out = at.Format(time.DateTime); fraction != "" {
				out += "." + strings.TrimSpace(fraction)
			}
			return out
		}
	}
	return s
}

// utf8Hex is the text of hex digits; empty if they are none in UTF-8.
func utf8Hex(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil || !utf8.Valid(b) {
		return ""
	}
	return string(b)
}

// hexNumber is a hexadecimal literal in decimal digits; empty if t is none.
func hexNumber(t token) string {
	digits, ok := t.text, t.kind == tokBits && t.prefix == 'x'
	if t.kind == tokNumber {
		digits, ok = strings.CutPrefix(t.text, "0x")
	}
	if v, isHex := new(big.Int).SetString(digits, 16); ok && isHex {
		return v.String()
	}
	return ""
}

func isNumberType(jdbc int) bool {
	switch jdbc {
	case JDBCTinyint, JDBCSmallint, JDBCInteger, JDBCBigint, JDBCFloat, JDBCReal, JDBCDouble, JDBCNumeric, JDBCDecimal:
		return true
	}
	return false
}

func isBinaryType(jdbc int) bool {
	return jdbc == JDBCBinary || jdbc == JDBCVarbinary || jdbc == JDBCBlob
}

// escaped is the text of a literal as it is written where backslashes escape: the model keeps one form, that of SHOW CREATE TABLE.
func (c *cursor) escaped(s string) string {
	if c.ses.NoBackslashEscapes {
		return strings.ReplaceAll(s, `\`, `\\`)
	}
	return s
}
