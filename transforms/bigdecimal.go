package transforms

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/data"
)

// bigDecimal is a java.math.BigDecimal read from text: unscaled × 10^-scale.
type bigDecimal struct {
	unscaled *big.Int
	scale    int32
	text     string // in a form strconv reads
}

// parseBigDecimal reads text in the grammar of new BigDecimal(String).
func parseBigDecimal(s string) (bigDecimal, bool) {
	mantissa, exponent := s, int64(0)
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.ParseInt(s[i+1:], 10, 32)
		if err != nil {
			return bigDecimal{}, false
		}
		mantissa, exponent = s[:i], n
	}
	unsigned := mantissa
	if unsigned != "" && (unsigned[0] == '+' || unsigned[0] == '-') {
		unsigned = unsigned[1:]
	}
	whole, frac, _ := strings.Cut(unsigned, ".")
	digits := whole + frac
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return bigDecimal{}, false
	}
	n, _ := new(big.Int).SetString(digits, 10)
	if mantissa[0] == '-' {
		n.Neg(n)
	}
	scale := int64(len(frac)) - exponent
	if scale < math.MinInt32 || scale > math.MaxInt32 {
		return bigDecimal{}, false
	}
	return bigDecimal{n, int32(scale), s}, true
}

func decimalOf(v data.Value) bigDecimal {
	n, scale := v.Decimal()
	return bigDecimal{n, scale, string(data.AppendJavaDecimal(nil, v))}
}

// whole is the integral part, up to 10^bound; ok is false beyond.
func (d bigDecimal) whole(bound int32) (*big.Int, bool) {
	digits := int64(len(new(big.Int).Abs(d.unscaled).String()))
	switch {
	case d.unscaled.Sign() == 0 || digits <= int64(d.scale):
		return new(big.Int), true
	case digits-int64(d.scale) > int64(bound):
		return nil, false
	case d.scale <= 0:
		return new(big.Int).Mul(d.unscaled, pow10(-int64(d.scale))), true
	default:
		return new(big.Int).Quo(d.unscaled, pow10(int64(d.scale))), true
	}
}

func pow10(n int64) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil) }

// int64 is BigDecimal.longValue: the integral part's low 64 bits.
func (d bigDecimal) int64() int64 {
	if d.scale <= -64 { // a multiple of 2^64
		return 0
	}
	n, ok := d.whole(math.MaxInt32)
	if !ok {
		return 0
	}
	if n.IsInt64() {
		return n.Int64()
	}
	low := new(big.Int).And(n, new(big.Int).SetUint64(math.MaxUint64)) // two's complement
	return int64(low.Uint64())
}

// float is BigDecimal.doubleValue (64) or floatValue (32): infinite if too large.
func (d bigDecimal) float(bits int) float64 {
	f, _ := strconv.ParseFloat(d.text, bits)
	return f
}

func (d bigDecimal) value() data.Value { return data.Decimal(d.unscaled, d.scale) }
