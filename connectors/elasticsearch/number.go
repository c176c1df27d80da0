package elasticsearch

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"

	"github.com/connectd/connectd/connect/data"
)

// appendFloat writes the shortest number that reads back the same; NaN and the infinities, which JSON has not, as text, as Jackson.
func appendFloat(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-3 || a >= 1e15) {
		format = 'e'
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, format, -1, bits)
	if format == 'f' && f == math.Trunc(f) && !hasPoint(b[start:]) {
		b = append(b, '.', '0') // a double stays a double for dynamic mapping
	}
	return b
}

func hasPoint(b []byte) bool {
	for _, c := range b {
		if c == '.' {
			return true
		}
	}
	return false
}

func appendBase64(b, raw []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, raw)
	return append(b, '"')
}

// appendDecimal writes the nearest double (BigDecimal.doubleValue), which is what a field of that type stores anyway. One out of range is
// "Infinity", which Elasticsearch refuses, rather than a null, which would be a loss nobody sees.
func appendDecimal(b []byte, v data.Value) []byte {
	if n, scale, ok := v.Decimal64(); ok && scale >= 0 && scale < int32(len(tens)) && n <= 1<<53 && n >= -1<<53 {
		return appendFloat(b, float64(n)/tens[scale], 64) // both exact: one division rounds correctly
	}
	n, scale := v.Decimal()
	text := n.Append(nil, 10)
	text = append(text, 'e') // not plain notation: a scale of millions must not become millions of zeros
	text = strconv.AppendInt(text, -int64(scale), 10)
	f, _ := strconv.ParseFloat(string(text), 64) // out of range: ±Inf
	return appendFloat(b, f, 64)
}

// tens are the powers of ten that a double holds exactly.
var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// unscaled is the unscaled integer in two's complement, as short as can be (BigInteger.toByteArray).
func unscaled(v data.Value) []byte {
	n, _ := v.Decimal()
	if n.Sign() >= 0 {
		raw := n.Bytes()
		if len(raw) == 0 || raw[0] >= 0x80 {
			raw = append([]byte{0}, raw...)
		}
		return raw
	}
	size := new(big.Int).Not(n).BitLen()/8 + 1
	return new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(size)*8)).FillBytes(make([]byte, size))
}
