package json

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connect/data/jsontext"
)

const millisPerDay = 86_400_000

// appendPlain renders a value without a struct schema, as Jackson's ObjectMapper does.
func appendPlain(b []byte, v data.Value) ([]byte, error) {
	var err error
	switch v.Kind() {
	case data.KindNull:
		return append(b, "null"...), nil
	case data.KindDecimal:
		return data.AppendJavaDecimal(b, v), nil
	case data.KindDate:
		return strconv.AppendInt(b, v.Int64()*millisPerDay, 10), nil
	case data.KindList:
		b = append(b, '[')
		for i, e := range v.List() {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendPlain(b, e); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	case data.KindMap:
		b = append(b, '{')
		for i, e := range v.Map() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(jsontext.Append(b, e.Key.String()), ':')
			if b, err = appendPlain(b, e.Value); err != nil {
				return b, err
			}
		}
		return append(b, '}'), nil
	case data.KindStruct:
		return newPlan(v.Struct().Schema()).append(b, v)
	default:
		return AppendScalar(b, v)
	}
}

// AppendScalar appends a number, text, boolean, bytes (base64) or date.
func AppendScalar(b []byte, v data.Value) ([]byte, error) {
	switch v.Kind() {
	case data.KindBool:
		return strconv.AppendBool(b, v.Bool()), nil
	case data.KindFloat32:
		return appendFloat(b, v.Float64(), 32), nil
	case data.KindFloat64:
		return appendFloat(b, v.Float64(), 64), nil
	case data.KindString:
		return jsontext.Append(b, v.String()), nil
	case data.KindBytes:
		return appendBase64(b, v.Bytes()), nil
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64, data.KindDate, data.KindTime, data.KindTimestamp:
		return strconv.AppendInt(b, v.Int64(), 10), nil
	}
	return b, fmt.Errorf("cannot render a value of kind %s as JSON", v.Kind())
}

func appendBase64(b, raw []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, raw)
	return append(b, '"')
}

// appendDecimalBytes renders the unscaled number as Java's BigInteger.toByteArray, in base64 (decimal.format=BASE64).
func appendDecimalBytes(b []byte, v data.Value) []byte {
	n, _ := v.Decimal()
	return appendBase64(b, TwosComplement(n))
}

// TwosComplement is the shortest big-endian two's complement of n (java.math.BigInteger.toByteArray).
func TwosComplement(n *big.Int) []byte {
	if n.Sign() >= 0 {
		raw := n.Bytes()
		if len(raw) == 0 || raw[0]&0x80 != 0 {
			return append([]byte{0}, raw...)
		}
		return raw
	}
	size := new(big.Int).Not(n).BitLen()/8 + 1
	m := new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(size*8)))
	return m.FillBytes(make([]byte, size))
}

// appendFloat writes f as Java's Double.toString and Float.toString do; what JSON has no number for is quoted, as in Jackson.
func appendFloat(b []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(data.AppendJavaFloat(append(b, '"'), f, bits), '"')
	}
	return data.AppendJavaFloat(b, f, bits)
}
