package json

import (
	"encoding/base64"
	"math"
	"math/big"
	"strconv"

	"github.com/connectd/connectd/connect/data"
)

// appendFloat appends f as Jackson does: Java's toString, but numbers that JSON cannot say become strings (QUOTE_NON_NUMERIC_NUMBERS).
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		dst = data.AppendJavaFloat(append(dst, '"'), f, bits)
		return append(dst, '"')
	}
	return data.AppendJavaFloat(dst, f, bits)
}

// appendDecimal appends a decimal as BigDecimal.toString.
func appendDecimal(dst []byte, v data.Value) []byte {
	n, scale, ok := v.Decimal64()
	// Within these bounds BigDecimal.toString is plain, and it is written without allocating.
	if !ok || scale < 0 || scale > 6 || n == math.MinInt64 {
		return data.AppendJavaDecimal(dst, v)
	}
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	if scale == 0 {
		return strconv.AppendInt(dst, n, 10)
	}
	pow := int64(1)
	for range scale {
		pow *= 10
	}
	dst = append(strconv.AppendInt(dst, n/pow, 10), '.')
	frac := n % pow
	for pow /= 10; pow > 0; pow /= 10 {
		dst = append(dst, byte('0'+frac/pow%10))
	}
	return dst
}

// appendTwosComplement appends a number as BigInteger.toByteArray gives it: big-endian, as short as can be.
func appendTwosComplement(dst []byte, v data.Value) []byte {
	n, _, ok := v.Decimal64()
	if !ok {
		b, _ := v.Decimal()
		return appendBig(dst, b)
	}
	shift := 56
	for shift > 0 && n>>(shift-1) == n>>63 {
		shift -= 8
	}
	for ; shift >= 0; shift -= 8 {
		dst = append(dst, byte(n>>shift))
	}
	return dst
}

func appendBig(dst []byte, b *big.Int) []byte {
	start, size := len(dst), b.BitLen()/8+1 // room for the sign bit
	for range size {
		dst = append(dst, 0)
	}
	raw := b.FillBytes(dst[start:])
	if b.Sign() >= 0 {
		return dst
	}
	carry := byte(1)
	for i := size - 1; i >= 0; i-- {
		raw[i] = ^raw[i] + carry
		if raw[i] != 0 {
			carry = 0
		}
	}
	if size > 1 && raw[0] == 0xFF && raw[1] >= 0x80 { // a power of two needs no byte for its sign
		return append(dst[:start], raw[1:]...)
	}
	return dst
}

// twosComplement is the number of BigInteger(byte[]).
func twosComplement(b []byte, scale int32) data.Value {
	if len(b) <= 8 {
		n := int64(0)
		if b[0] >= 0x80 {
			n = -1
		}
		for _, c := range b {
			n = n<<8 | int64(c)
		}
		return data.Decimal64(n, scale)
	}
	n := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return data.Decimal(n, scale)
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}
