package json

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unsafe"

	"github.com/connectd/connectd/connect/data"
)

func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// wrapped is the number as Java's longValue gives it: the fraction cut, the lowest 64 bits kept (BigInteger, BigDecimal).
func wrapped(text []byte, whole bool) int64 {
	neg := text[0] == '-'
	digits := text
	if neg {
		digits = text[1:]
	}
	var n uint64
	if whole {
		for _, c := range digits {
			n = n*10 + uint64(c-'0')
		}
	} else {
		n = wrappedFraction(digits)
	}
	if neg {
		n = -n
	}
	return int64(n)
}

func wrappedFraction(text []byte) uint64 {
	digits, scale, ok := splitNumber(text)
	if !ok || scale <= -64 {
		return 0 // 10^64 is a multiple of 2^64
	}
	keep := len(digits) - scale
	var n uint64
	for i := range keep {
		n *= 10
		if i < len(digits) {
			n += uint64(digits[i] - '0')
		}
	}
	return n
}

// splitNumber is digits × 10^-scale; ok is false if the scale does not fit 32 bits.
func splitNumber(text []byte) (digits []byte, scale int, ok bool) {
	exp, mantissa := 0, str(text)
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		e, err := strconv.ParseInt(mantissa[i+1:], 10, 64)
		if err != nil || e > math.MaxInt32 || e < math.MinInt32 {
			return nil, 0, false
		}
		exp, mantissa = int(e), mantissa[:i]
	}
	before, after, _ := strings.Cut(mantissa, ".")
	scale = len(after) - exp
	if scale > math.MaxInt32 || scale < math.MinInt32 {
		return nil, 0, false
	}
	return append([]byte(before), after...), scale, true
}

// parseFloat is BigDecimal.doubleValue (64) or floatValue (32): overflow is infinite, and there is no negative zero in the input.
func parseFloat(text []byte, bits int) float64 {
	f, _ := strconv.ParseFloat(str(text), bits) // the syntax is checked; out of range gives ±Inf, which is Java's answer too
	if f == 0 && isZero(text) {
		return 0
	}
	return f
}

func isZero(text []byte) bool {
	for _, c := range text {
		switch {
		case c == 'e' || c == 'E':
			return true
		case c >= '1' && c <= '9':
			return false
		}
	}
	return true
}

// parseDecimal is JsonNode.decimalValue: trailing zeros count.
func parseDecimal(text []byte) (data.Value, bool) {
	neg := text[0] == '-'
	if neg {
		text = text[1:]
	}
	digits, scale, ok := splitNumber(text)
	if !ok {
		return data.Value{}, false
	}
	if len(digits) <= 18 {
		n, _ := strconv.ParseInt(str(digits), 10, 64)
		if neg {
			n = -n
		}
		return data.Decimal64(n, int32(scale)), true
	}
	n, ok := new(big.Int).SetString(str(digits), 10)
	if !ok {
		return data.Value{}, false
	}
	if neg {
		n.Neg(n)
	}
	return data.Decimal(n, int32(scale)), true
}
