package simpleheader

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/internal/javatext"
)

// align makes an element's value one of the common type, as Values.convertTo does. Without a common type it stays as it is; a null
// among values that have one makes the whole a string, as in Java.
func align(g, to *guess) (data.Value, error) {
	switch {
	case to == nil && g == nil:
		return data.Null(), nil
	case to == nil:
		return g.value, nil
	case g == nil:
		return data.Null(), errNoValue
	case to.schema == nil || to.kind == data.KindList || to.kind == data.KindMap:
		if g.kind != to.kind {
			return data.Null(), errNoValue
		}
		return g.value, nil
	}
	want := to.schema.Logical()
	if g.value.Kind() == want {
		return g.value, nil
	}
	switch {
	case want == data.KindString:
		return data.String(string(appendText(nil, g.value, false))), nil
	case want == data.KindFloat32 || want == data.KindFloat64:
		return alignFloat(g.value, want)
	case want == data.KindDecimal:
		return data.Null(), errNoValue
	case want >= data.KindDate && g.value.Kind() >= data.KindDate:
		return dateOf(want, javatext.Millis(g.value)), nil
	}
	n, err := asLong(g.value)
	if err != nil {
		return data.Null(), err
	}
	switch want {
	case data.KindBool:
		return data.Bool(n != 0), nil
	case data.KindDate:
		return data.Date(int32(n)), nil
	case data.KindTime:
		return data.Time(int32(n)), nil
	case data.KindTimestamp:
		return data.Timestamp(n), nil
	default:
		return data.IntOf(want, n), nil
	}
}

func dateOf(kind data.Kind, ms int64) data.Value {
	switch kind {
	case data.KindDate:
		return data.Date(int32(ms / millisPerDay))
	case data.KindTime:
		return data.Time(int32(ms))
	default:
		return data.Timestamp(ms)
	}
}

func alignFloat(v data.Value, want data.Kind) (data.Value, error) {
	var f float64
	switch {
	case v.Kind().IsInt():
		f = float64(v.Int64())
	case v.Kind().IsNumber():
		f = v.Float64()
	case v.Kind() == data.KindString:
		g := parseNumber(v.String())
		if g == nil {
			return data.Null(), errNoValue
		}
		f, _ = strconv.ParseFloat(v.String(), 64)
	default:
		return data.Null(), errNoValue
	}
	if want == data.KindFloat32 {
		return data.Float32(float32(f)), nil
	}
	return data.Float64(f), nil
}

// asLong is Values.asLong without a schema.
func asLong(v data.Value) (int64, error) {
	switch {
	case v.Kind().IsInt():
		return v.Int64(), nil
	case v.Kind().IsNumber():
		return int64(v.Float64()), nil
	case v.Kind() == data.KindString:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, errNoValue
}

// parseNumber reads what new BigDecimal(String) takes, and gives it the smallest type. nil: no number.
func parseNumber(s string) *guess {
	s = asciiDigits(s)
	digits, scale, ok := splitNumber(s)
	if !ok {
		return nil
	}
	if n, ok := exactLong(digits, scale, s[0] == '-'); ok {
		return smallest(n)
	}
	if scale != 0 {
		if f, err := strconv.ParseFloat(s, 32); err == nil {
			return of(data.Float32Schema, data.Float32(float32(f)))
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return of(data.Float64Schema, data.Float64(f))
		}
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return nil
	}
	if s[0] == '-' {
		n.Neg(n)
	}
	return of(data.DecimalBuilder(int32(scale)).Build(), data.Decimal(n, int32(scale)))
}

func smallest(n int64) *guess {
	switch {
	case n == int64(int8(n)):
		return of(data.Int8Schema, data.Int8(int8(n)))
	case n == int64(int16(n)):
		return of(data.Int16Schema, data.Int16(int16(n)))
	case n == int64(int32(n)):
		return of(data.Int32Schema, data.Int32(int32(n)))
	default:
		return of(data.Int64Schema, data.Int64(n))
	}
}

// splitNumber is digits × 10^-scale.
func splitNumber(s string) (digits string, scale int, ok bool) {
	mantissa, exp := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.ParseInt(s[i+1:], 10, 32)
		if err != nil {
			return "", 0, false
		}
		mantissa, exp = s[:i], int(e)
	}
	mantissa = strings.TrimPrefix(strings.TrimPrefix(mantissa, "+"), "-")
	if len(s) > 1 && (s[0] == '+' && s[1] == '-') {
		return "", 0, false
	}
	before, after, _ := strings.Cut(mantissa, ".")
	digits = before + after
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", 0, false
	}
	scale = len(after) - exp
	return digits, scale, scale == int(int32(scale))
}

// exactLong is the number if it is whole and fits 64 bits. Exponents are not multiplied out.
func exactLong(digits string, scale int, neg bool) (int64, bool) {
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return 0, true
	}
	for scale > 0 && strings.HasSuffix(digits, "0") {
		digits, scale = digits[:len(digits)-1], scale-1
	}
	if scale > 0 || len(digits)-scale > 19 {
		return 0, false
	}
	digits += strings.Repeat("0", -scale)
	if neg {
		digits = "-" + digits
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil
}
