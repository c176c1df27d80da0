package row

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

var errJSON = errors.New("malformed binary JSON")

const maxJSONDepth = 101 // MySQL allows 100

// Types of MySQL's binary JSON.
const (
	jsonSmallObject = 0x00
	jsonLargeObject = 0x01
	jsonSmallArray  = 0x02
	jsonLargeArray  = 0x03
	jsonLiteral     = 0x04
	jsonInt16       = 0x05
	jsonUint16      = 0x06
	jsonInt32       = 0x07
	jsonUint32      = 0x08
	jsonInt64       = 0x09
	jsonUint64      = 0x0A
	jsonDouble      = 0x0B
	jsonString      = 0x0C
	jsonOpaque      = 0x0F
)

// appendBinaryJSON renders MySQL's binary JSON as MySQL's own text, without the spaces after commas and colons.
func appendBinaryJSON(dst, b []byte) ([]byte, error) {
	if len(b) == 0 {
		return dst, errJSON
	}
	// A hostile document can name the same part many times; real text is never much longer than its binary form.
	j := jsonReader{limit: len(dst) + 64*len(b) + 4096}
	return j.value(dst, b[0], b[1:], 0)
}

type jsonReader struct{ limit int }

func (j *jsonReader) value(dst []byte, typ byte, b []byte, depth int) ([]byte, error) {
	if depth > maxJSONDepth || len(dst) > j.limit {
		return dst, errJSON
	}
	need := 0
	switch typ {
	case jsonInt16, jsonUint16:
		need = 2
	case jsonInt32, jsonUint32:
		need = 4
	case jsonInt64, jsonUint64, jsonDouble:
		need = 8
	case jsonLiteral, jsonOpaque:
		need = 1
	}
	if len(b) < need {
		return dst, errJSON
	}
	switch typ {
	case jsonSmallObject, jsonLargeObject, jsonSmallArray, jsonLargeArray:
		return j.container(dst, typ, b, depth)
	case jsonLiteral:
		switch b[0] {
		case 0:
			return append(dst, "null"...), nil
		case 1:
			return append(dst, "true"...), nil
		case 2:
			return append(dst, "false"...), nil
		}
		return dst, errJSON
	case jsonInt16:
		return strconv.AppendInt(dst, int64(int16(binary.LittleEndian.Uint16(b))), 10), nil
	case jsonUint16:
		return strconv.AppendUint(dst, uint64(binary.LittleEndian.Uint16(b)), 10), nil
	case jsonInt32:
		return strconv.AppendInt(dst, int64(int32(binary.LittleEndian.Uint32(b))), 10), nil
	case jsonUint32:
		return strconv.AppendUint(dst, uint64(binary.LittleEndian.Uint32(b)), 10), nil
	case jsonInt64:
		return strconv.AppendInt(dst, int64(binary.LittleEndian.Uint64(b)), 10), nil
	case jsonUint64:
		return strconv.AppendUint(dst, binary.LittleEndian.Uint64(b), 10), nil
	case jsonDouble:
		return appendJSONDouble(dst, math.Float64frombits(binary.LittleEndian.Uint64(b))), nil
	case jsonString:
		s, err := jsonBytes(b)
		if err != nil {
			return dst, err
		}
		return appendJSONString(dst, s), nil
	case jsonOpaque:
		s, err := jsonBytes(b[1:])
		if err != nil {
			return dst, err
		}
		return appendOpaque(dst, b[0], s)
	}
	return dst, errJSON
}

// jsonBytes reads a length of seven bits a byte and that many bytes.
func jsonBytes(b []byte) ([]byte, error) {
	n := 0
	for i := 0; i < 5 && i < len(b); i++ {
		n |= int(b[i]&0x7F) << (7 * i)
		if b[i]&0x80 == 0 {
			if b = b[i+1:]; len(b) < n {
				return nil, errJSON
			}
			return b[:n], nil
		}
	}
	return nil, errJSON
}

// container renders an object or array: count, size, key entries (offset and length), value entries (type and inlined value or
// offset), all offsets from the start of b.
func (j *jsonReader) container(dst []byte, typ byte, b []byte, depth int) ([]byte, error) {
	width := 2
	if typ == jsonLargeObject || typ == jsonLargeArray {
		width = 4
	}
	object := typ == jsonSmallObject || typ == jsonLargeObject
	if len(b) < 2*width {
		return dst, errJSON
	}
	count, size := int(little(b[:width])), int(little(b[width:2*width]))
	keySize, head := 0, 2*width
	if object {
		keySize = width + 2
	}
	if size > len(b) || count > len(b) || head+count*(keySize+1+width) > size {
		return dst, errJSON
	}
	b = b[:size]
	open, end := byte('['), byte(']')
	if object {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for i := range count {
		if i > 0 {
			dst = append(dst, ',')
		}
		if object {
			e := b[head+i*keySize:]
			off, n := int(little(e[:width])), int(binary.LittleEndian.Uint16(e[width:]))
			if off+n > len(b) {
				return dst, errJSON
			}
			dst = append(appendJSONString(dst, b[off:off+n]), ':')
		}
		e := b[head+count*keySize+i*(1+width):]
		var err error
		if inlined(e[0], width) {
			dst, err = j.value(dst, e[0], e[1:1+width], depth+1)
		} else if off := int(little(e[1 : 1+width])); off >= len(b) {
			err = errJSON
		} else {
			dst, err = j.value(dst, e[0], b[off:], depth+1)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}

func inlined(typ byte, width int) bool {
	switch typ {
	case jsonLiteral, jsonInt16, jsonUint16:
		return true
	case jsonInt32, jsonUint32:
		return width == 4
	}
	return false
}

// appendJSONString quotes s as MySQL does (double_quote in json_dom.cc).
func appendJSONString(dst, s []byte) []byte {
	const hexDigits = "0123456789abcdef"
	dst = append(dst, '"')
	for len(s) > 0 {
		i := 0
		for i < len(s) && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' {
			i++
		}
		dst = append(dst, s[:i]...)
		if s = s[i:]; len(s) == 0 {
			break
		}
		switch c := s[0]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\t':
			dst = append(dst, `\t`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		s = s[1:]
	}
	return append(dst, '"')
}

// appendJSONDouble renders a double as MySQL does in JSON (my_gcvt): the shortest digits, plain if the decimal point is at most 15 digits
// away from the first, else with an exponent; a plain whole number gets ".0".
func appendJSONDouble(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	var buf [32]byte
	e := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	digits, exp := scientific(e)
	if f < 0 || math.Signbit(f) {
		dst = append(dst, '-')
	}
	return appendGcvt(dst, digits, exp)
}

// scientific takes apart the e format: digits without the point, and the exponent of the first.
func scientific(e []byte) (digits []byte, exp int) {
	if e[0] == '-' {
		e = e[1:]
	}
	i := len(e) - 1
	for e[i] != 'e' {
		i--
	}
	exp, _ = strconv.Atoi(string(e[i+1:]))
	digits = e[:1]
	if i > 1 {
		copy(e[1:], e[2:i])
		digits = e[:i-1]
	}
	return digits, exp
}

func appendGcvt(dst, digits []byte, exp int) []byte {
	point := exp + 1 // digits before the decimal point
	if point < -14 || point > 15 {
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(append(dst, '.'), digits[1:]...)
		}
		return strconv.AppendInt(append(dst, 'e'), int64(exp), 10)
	}
	switch {
	case point <= 0:
		dst = append(dst, "0."...)
		for ; point < 0; point++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	case point >= len(digits):
		dst = append(dst, digits...)
		for i := len(digits); i < point; i++ {
			dst = append(dst, '0')
		}
		return append(dst, ".0"...)
	default:
		dst = append(append(dst, digits[:point]...), '.')
		return append(dst, digits[point:]...)
	}
}

// appendOpaque renders the MySQL types that JSON has no form for: decimals as numbers, temporal types as text, the rest as
// "base64:typeN:…".
func appendOpaque(dst []byte, typ byte, b []byte) ([]byte, error) {
	switch typ {
	case 246: // NEWDECIMAL: precision, scale, binary form
		return appendOpaqueDecimal(dst, b)
	case 7, 10, 11, 12: // TIMESTAMP, DATE, TIME, DATETIME: packed, little endian
		if len(b) != 8 {
			return dst, errJSON
		}
		return appendPacked(dst, typ, int64(binary.LittleEndian.Uint64(b))), nil
	}
	dst = append(dst, `"base64:type`...)
	dst = append(strconv.AppendUint(dst, uint64(typ), 10), ':')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"'), nil
}

func appendOpaqueDecimal(dst, b []byte) ([]byte, error) {
	if len(b) < 2 {
		return dst, errJSON
	}
	precision, scale := int(b[0]), int(b[1])
	if n := decimalSize(precision, scale); n < 0 || n != len(b)-2 {
		return dst, errJSON
	}
	var c Codec
	c.opt.Decimal = DecimalString
	var mem Memory
	v, ok := c.storedDecimal(&column{scale: int32(scale)}, precision, scale, b[2:], &mem)
	if !ok {
		return dst, errJSON
	}
	return append(dst, v.TextBytes()...), nil
}

// appendPacked renders a packed temporal value, always with six fraction digits.
func appendPacked(dst []byte, typ byte, n int64) []byte {
	dst = append(dst, '"')
	if n < 0 {
		dst = append(dst, '-')
		n = -n
	}
	micros, n := n&0xFFFFFF, n>>24
	if typ == 11 {
		h := n >> 12 & 0x3FF
		if h >= 100 {
			dst = append(dst, byte('0'+h/100))
		}
		dst = append2(append(append2(append(append2(dst, h), ':'), n>>6&63), ':'), n&63)
		dst = append(dst, '.')
		dst = append2(append2(append2(dst, micros/10000), micros/100), micros)
		return append(dst, '"')
	}
	ym := n >> 22
	dst = appendDate(dst, int(ym/13), int(ym%13), int(n>>17&31))
	if typ != 10 {
		hms := n & (1<<17 - 1)
		dst = append2(append(append2(append(append2(append(dst, ' '), hms>>12), ':'), hms>>6&63), ':'), hms&63)
		dst = append(dst, '.')
		dst = append2(append2(append2(dst, micros/10000), micros/100), micros)
	}
	return append(dst, '"')
}

// appendCompactJSON copies MySQL's JSON text without the spaces between its parts. Bytes that are no UTF-8 stay as they are.
func appendCompactJSON(dst, s []byte) []byte {
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
		case quoted && c == '\\' && i+1 < len(s):
			dst = append(dst, c)
			i++
			c = s[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\t' || c == '\r'):
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
