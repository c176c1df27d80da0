package json

import (
	"math"
	"math/big"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

func TestFloatsAreWrittenAsJavaDoes(t *testing.T) {
	for _, c := range []struct {
		f    float64
		bits int
		want string
	}{
		{0, 64, "0.0"}, {math.Copysign(0, -1), 64, "-0.0"}, {1, 64, "1.0"}, {100, 64, "100.0"}, {0.001, 64, "0.001"},
		{0.0001, 64, "1.0E-4"}, {9999999, 64, "9999999.0"}, {1e7, 64, "1.0E7"}, {-1.25e-10, 64, "-1.25E-10"}, {5e-324, 64, "4.9E-324"},
		{math.MaxFloat64, 64, "1.7976931348623157E308"}, {2e-3, 64, "0.002"}, {1e23, 64, "1.0E23"}, {2e23, 64, "2.0E23"},
		{float64(float32(1e-45)), 32, "1.4E-45"}, {math.MaxFloat32, 32, "3.4028235E38"}, {float64(float32(0.1)), 32, "0.1"},
		{float64(float32(1.17549435e-38)), 32, "1.1754944E-38"}, {float64(float32(16777216)), 32, "1.6777216E7"},
		{math.NaN(), 64, `"NaN"`}, {math.Inf(1), 64, `"Infinity"`}, {math.Inf(-1), 32, `"-Infinity"`},
	} {
		if got := string(appendFloat(nil, c.f, c.bits)); got != c.want {
			t.Errorf("%v (%d bits): %s, want %s", c.f, c.bits, got, c.want)
		}
	}
}

func TestTwosComplementIsJavas(t *testing.T) {
	long := func(s string) *big.Int { n, _ := new(big.Int).SetString(s, 10); return n }
	for _, c := range []struct {
		n    *big.Int
		want string
	}{
		{big.NewInt(0), "\x00"}, {big.NewInt(127), "\x7f"}, {big.NewInt(128), "\x00\x80"}, {big.NewInt(-1), "\xff"},
		{big.NewInt(-128), "\x80"}, {big.NewInt(-129), "\xff\x7f"}, {big.NewInt(math.MaxInt64), "\x7f\xff\xff\xff\xff\xff\xff\xff"},
		{big.NewInt(math.MinInt64), "\x80\x00\x00\x00\x00\x00\x00\x00"},
		{long("9223372036854775808"), "\x00\x80\x00\x00\x00\x00\x00\x00\x00"},
		{long("-9223372036854775809"), "\xff\x7f\xff\xff\xff\xff\xff\xff\xff"},
		{long("-604462909807314587353088"), "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00"}, // -2^79
		{long("-1208925819614629174706176"), "\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		got := appendTwosComplement(nil, data.Decimal(c.n, 3))
		if string(got) != c.want {
			t.Errorf("%s: %x, want %x", c.n, got, c.want)
		}
		if back, scale := twosComplement(got, 3).Decimal(); back.Cmp(c.n) != 0 || scale != 3 {
			t.Errorf("%x came back as %s, scale %d", got, back, scale)
		}
	}
}

// Java's Number.longValue keeps the low 64 bits of a BigInteger or BigDecimal.
func TestWholeNumbersWrapAsInJava(t *testing.T) {
	for text, want := range map[string]int64{
		"9223372036854775808": math.MinInt64, "18446744073709551617": 1, "-9223372036854775809": math.MaxInt64, "1.7": 1, "-1.7": -1,
		"1e3": 1000, "1.5e1": 15, "0.9": 0, "1e64": 0, "1e19": -8446744073709551616, "1e-400": 0, "1e999999999999": 0, "123e-2": 1,
	} {
		whole := true
		for _, c := range text {
			whole = whole && (c == '-' || c >= '0' && c <= '9')
		}
		if got := wrapped([]byte(text), whole); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestDecimalsAreWrittenAsJavaDoes(t *testing.T) {
	for _, c := range []struct {
		n     int64
		scale int32
		want  string
	}{
		{12345, 2, "123.45"}, {-5, 2, "-0.05"}, {0, 2, "0.00"}, {7, 0, "7"}, {math.MinInt64, 1, "-922337203685477580.8"}, {1, 7, "1E-7"},
		{5, -3, "5E+3"}, {0, 7, "0E-7"},
	} {
		if got := string(appendDecimal(nil, data.Decimal64(c.n, c.scale))); got != c.want {
			t.Errorf("%d scale %d: %s, want %s", c.n, c.scale, got, c.want)
		}
	}
}
