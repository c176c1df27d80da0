package transforms

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/data"
)

// castValue is Cast.castValueToType: numbers are cut as Java's primitive conversions do, texts are parsed.
func castValue(s *data.Schema, v data.Value, target data.Kind) (data.Value, error) {
	if v.IsNull() {
		return v, nil
	}
	if err := castable(s, v); err != nil {
		return v, err
	}
	if target == data.KindString {
		if v.Kind() == data.KindString {
			return v, nil
		}
		return data.Text(appendText(nil, v)), nil
	}
	switch k := v.Kind(); k {
	case data.KindBool:
		return castInt(boolInt(v.Bool()), target), nil
	case data.KindString:
		return castText(v.String(), target)
	case data.KindFloat32, data.KindFloat64:
		return castFloat(v, target), nil
	case data.KindDecimal:
		return castDecimal(decimalOf(v), target), nil
	case data.KindBytes:
		return v, errors.New("Unexpected type in Cast transformation: class [B")
	default: // integers; dates and times as their encoding
		return castInt(v.Int64(), target), nil
	}
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func castInt(n int64, target data.Kind) data.Value {
	switch target {
	case data.KindBool:
		return data.Bool(n != 0)
	case data.KindFloat32:
		return data.Float32(float32(n))
	case data.KindFloat64:
		return data.Float64(float64(n))
	default:
		return data.IntOf(target, n)
	}
}

func castFloat(v data.Value, target data.Kind) data.Value {
	f := v.Float64()
	switch target {
	case data.KindBool:
		return data.Bool(saturate(f, math.MinInt64, math.MaxInt64) != 0)
	case data.KindFloat32:
		return data.Float32(float32(f))
	case data.KindFloat64:
		return data.Float64(f)
	case data.KindInt64:
		return data.Int64(saturate(f, math.MinInt64, math.MaxInt64))
	default: // byte and short go by way of int
		return data.IntOf(target, saturate(f, math.MinInt32, math.MaxInt32))
	}
}

// saturate is Java's (int) or (long) of a double: NaN is 0, the ends are kept.
func saturate(f float64, lo, hi int64) int64 {
	switch {
	case math.IsNaN(f):
		return 0
	case f >= float64(hi):
		return hi
	case f <= float64(lo):
		return lo
	}
	return int64(f)
}

func castDecimal(d bigDecimal, target data.Kind) data.Value {
	switch target {
	case data.KindFloat32:
		return data.Float32(float32(d.float(32)))
	case data.KindFloat64:
		return data.Float64(d.float(64))
	default:
		return castInt(d.int64(), target)
	}
}

func castText(s string, target data.Kind) (data.Value, error) {
	bits := 0
	switch target {
	case data.KindBool:
		return data.Bool(strings.EqualFold(s, "true")), nil
	case data.KindFloat32, data.KindFloat64:
		f, ok := parseJavaFloat(s, target)
		if !ok {
			return data.Null(), outOfRange(s)
		}
		return f, nil
	case data.KindInt8:
		bits = 8
	case data.KindInt16:
		bits = 16
	case data.KindInt32:
		bits = 32
	default:
		bits = 64
	}
	n, err := strconv.ParseInt(s, 10, bits)
	if err != nil {
		return data.Null(), outOfRange(s)
	}
	return data.IntOf(target, n), nil
}

func outOfRange(s string) error {
	return errors.New("Value (" + s + ") was out of range for requested data type")
}

// parseJavaFloat reads the syntax of Double.parseDouble: blanks around, NaN, Infinity, an f or d at the end, hexadecimal.
func parseJavaFloat(s string, target data.Kind) (data.Value, bool) {
	s = javaTrim(s)
	bits := 64
	if target == data.KindFloat32 {
		bits = 32
	}
	unsigned := strings.TrimLeft(s[:min(1, len(s))], "+-") + s[min(1, len(s)):]
	hex := strings.HasPrefix(unsigned, "0x") || strings.HasPrefix(unsigned, "0X")
	switch {
	case unsigned == "NaN" || unsigned == "Infinity":
	case hex && strings.Trim(unsigned, "0123456789abcdefABCDEFxXpP+-.") != "":
		return data.Null(), false
	case !hex && strings.Trim(unsigned, "0123456789eE+-.fFdD") != "":
		return data.Null(), false
	case strings.HasPrefix(unsigned, "Inf") || strings.HasPrefix(unsigned, "inf"):
		return data.Null(), false
	case !hex || strings.ContainsAny(unsigned, "pP"):
		if n := len(s) - 1; n > 0 && strings.IndexByte("fFdD", s[n]) >= 0 {
			s = s[:n]
		}
	}
	f, err := strconv.ParseFloat(s, bits)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return data.Null(), false
	}
	if bits == 32 {
		return data.Float32(float32(f)), true
	}
	return data.Float64(f), true
}
