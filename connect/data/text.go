package data

import (
	"bytes"
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// appendText renders v for messages and logs.
func (v Value) appendText(dst []byte) []byte {
	switch v.kind {
	case KindNull:
		return append(dst, "null"...)
	case KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case KindString:
		return append(dst, v.raw()...)
	case KindBytes:
		return base64.StdEncoding.AppendEncode(dst, v.raw())
	case KindFloat32:
		return AppendJavaFloat(dst, v.Float64(), 32)
	case KindFloat64:
		return AppendJavaFloat(dst, v.Float64(), 64)
	case KindDecimal:
		return AppendJavaDecimal(dst, v) // plain notation of 1E+1000000 would be a megabyte
	case KindDate:
		return time.Unix(v.Int64()*86400, 0).UTC().AppendFormat(dst, "2006-01-02")
	case KindTime:
		return time.UnixMilli(v.Int64()).UTC().AppendFormat(dst, "15:04:05.000")
	case KindTimestamp:
		return time.UnixMilli(v.Int64()).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	case KindList:
		return appendList(dst, v.List())
	case KindMap:
		return appendMap(dst, v.Map())
	case KindStruct:
		return v.Struct().appendText(dst)
	default:
		return strconv.AppendInt(dst, v.Int64(), 10)
	}
}

func appendList(dst []byte, vs []Value) []byte {
	dst = append(dst, '[')
	for i, e := range vs {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = e.appendText(dst)
	}
	return append(dst, ']')
}

func appendMap(dst []byte, es []Entry) []byte {
	dst = append(dst, '{')
	for i, e := range es {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = e.Key.appendText(dst)
		dst = append(dst, '=')
		dst = e.Value.appendText(dst)
	}
	return append(dst, '}')
}

// appendText renders s as org.apache.kafka.connect.data.Struct.toString does: Struct{a=1,b=x}, without null fields.
func (s *Struct) appendText(dst []byte) []byte {
	dst = append(dst, "Struct{"...)
	first := true
	for i, f := range s.schema.fields {
		if s.vals[i].IsNull() {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, f.Name...)
		dst = append(dst, '=')
		dst = s.vals[i].appendText(dst)
	}
	return append(dst, '}')
}

// AppendDecimal appends a decimal in plain notation (java.math.BigDecimal.toPlainString): never an exponent.
func AppendDecimal(dst []byte, v Value) []byte {
	if n, scale, ok := v.Decimal64(); ok {
		var buf [20]byte
		u := uint64(n)
		if n < 0 {
			dst, u = append(dst, '-'), -u
		}
		return appendScaled(dst, strconv.AppendUint(buf[:0], u, 10), scale)
	}
	n, scale := v.Decimal()
	if n.Sign() < 0 {
		dst = append(dst, '-')
		n = new(big.Int).Neg(n)
	}
	return appendScaled(dst, n.Append(nil, 10), scale)
}

func appendScaled(dst, digits []byte, scale int32) []byte {
	switch {
	case scale == 0:
		return append(dst, digits...)
	case scale < 0:
		dst = append(dst, digits...)
		if len(digits) == 1 && digits[0] == '0' {
			return dst
		}
		return append(dst, strings.Repeat("0", -int(scale))...)
	case len(digits) > int(scale):
		p := len(digits) - int(scale)
		dst = append(dst, digits[:p]...)
		dst = append(dst, '.')
		return append(dst, digits[p:]...)
	default:
		dst = append(dst, "0."...)
		dst = append(dst, strings.Repeat("0", int(scale)-len(digits))...)
		return append(dst, digits...)
	}
}

// AppendJavaDecimal appends a decimal as java.math.BigDecimal.toString does: scientific notation for a negative scale or an
// adjusted exponent below -6.
func AppendJavaDecimal(dst []byte, v Value) []byte {
	var buf [20]byte
	var digits []byte
	n, scale, small := v.Decimal64()
	negative := n < 0
	if small {
		u := uint64(n)
		if negative {
			u = -u
		}
		digits = strconv.AppendUint(buf[:0], u, 10)
	} else {
		unscaled, _ := v.Decimal()
		digits = bytes.TrimPrefix(unscaled.Append(nil, 10), []byte("-"))
		negative = unscaled.Sign() < 0
	}
	adjusted := -int64(scale) + int64(len(digits)-1)
	if scale == 0 || (scale > 0 && adjusted >= -6) {
		return AppendDecimal(dst, v)
	}
	if negative {
		dst = append(dst, '-')
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	if adjusted != 0 {
		dst = append(dst, 'E')
		if adjusted > 0 {
			dst = append(dst, '+')
		}
		dst = strconv.AppendInt(dst, adjusted, 10)
	}
	return dst
}
