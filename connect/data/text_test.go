package data_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

func TestDecimalText(t *testing.T) {
	// java.math.BigDecimal: toPlainString, toString.
	for _, c := range []struct {
		unscaled    string
		scale       int32
		plain, java string
	}{
		{"0", 0, "0", "0"}, {"0", 2, "0.00", "0.00"}, {"0", -2, "0", "0E+2"}, {"0", 7, "0.0000000", "0E-7"},
		{"123", 0, "123", "123"}, {"123", 2, "1.23", "1.23"}, {"123", 3, "0.123", "0.123"}, {"123", 5, "0.00123", "0.00123"},
		{"-123", 5, "-0.00123", "-0.00123"}, {"123", -3, "123000", "1.23E+5"}, {"1", -3, "1000", "1E+3"}, {"-1", -3, "-1000", "-1E+3"},
		{"1", 6, "0.000001", "0.000001"}, {"1", 7, "0.0000001", "1E-7"}, {"12", 8, "0.00000012", "1.2E-7"}, {"12", 7, "0.0000012", "0.0000012"},
		{"-9223372036854775808", 3, "-9223372036854775.808", "-9223372036854775.808"},
		{"-123456789012345678901234567890", 10, "-12345678901234567890.1234567890", "-12345678901234567890.1234567890"},
		{"123456789012345678901234567890", -1, "1234567890123456789012345678900", "1.23456789012345678901234567890E+30"},
	} {
		v := data.Decimal(bigInt(c.unscaled), c.scale)
		if got := string(data.AppendDecimal([]byte("x"), v)); got != "x"+c.plain {
			t.Errorf("%s scale %d: plain %s, want %s", c.unscaled, c.scale, got, c.plain)
		}
		if got := string(data.AppendJavaDecimal([]byte("x"), v)); got != "x"+c.java {
			t.Errorf("%s scale %d: java %s, want %s", c.unscaled, c.scale, got, c.java)
		}
	}
	if got := string(data.AppendJavaDecimal(nil, data.Decimal64(1, math.MinInt32))); got != "1E+2147483648" {
		t.Error(got)
	}
	if got := data.Decimal64(1, math.MinInt32).String(); got != "1E+2147483648" {
		t.Error(got)
	}
}

func TestString(t *testing.T) {
	for _, c := range []struct {
		v    data.Value
		want string
	}{
		{data.Null(), "null"}, {data.Bool(true), "true"}, {data.Int8(-1), "-1"}, {data.String("a b"), "a b"}, {data.Bytes([]byte{1, 2}), "AQI="},
		// Double.toString and Float.toString
		{data.Float64(1), "1.0"}, {data.Float64(-0.5), "-0.5"}, {data.Float64(math.Copysign(0, -1)), "-0.0"}, {data.Float64(1e7), "1.0E7"}, {data.Float64(2e23), "2.0E23"},
		{data.Float64(9999999), "9999999.0"}, {data.Float64(0.001), "0.001"}, {data.Float64(0.0001), "1.0E-4"}, {data.Float64(1.25e-10), "1.25E-10"},
		{data.Float64(math.MaxFloat64), "1.7976931348623157E308"}, {data.Float64(math.NaN()), "NaN"}, {data.Float64(math.Inf(-1)), "-Infinity"},
		{data.Float64(math.Inf(1)), "Infinity"}, {data.Float64(math.SmallestNonzeroFloat64), "4.9E-324"},
		{data.Float32(0.1), "0.1"}, {data.Float32(16777216), "1.6777216E7"}, {data.Float32(math.SmallestNonzeroFloat32), "1.4E-45"},
		{data.Decimal64(-1250, 2), "-12.50"},
		{data.Date(-1), "1969-12-31"}, {data.Date(19000), "2022-01-08"}, {data.Time(3_723_004), "01:02:03.004"}, {data.Timestamp(-1), "1969-12-31T23:59:59.999Z"},
		{data.List([]data.Value{data.Int32(1), data.Null(), data.String("x")}), "[1, null, x]"},
		{data.Map([]data.Entry{{Key: data.String("a"), Value: data.Int32(1)}, {Key: data.String("b"), Value: data.List(nil)}}), "{a=1, b=[]}"},
		{row(1, data.Null()), "Struct{a=1}"}, {row(1, data.String("x")), "Struct{a=1,b=x}"},
	} {
		if got := c.v.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.v.Kind(), got, c.want)
		}
	}
}

// FuzzDecimalText reads both texts back with math/big: same number.
func FuzzDecimalText(f *testing.F) {
	for _, s := range []struct {
		b     []byte
		neg   bool
		scale int16
	}{{nil, false, 0}, {[]byte{1}, true, -3}, {[]byte{255, 255, 255, 255, 255, 255, 255, 255, 1}, true, 12}, {[]byte{12}, false, 40}} {
		f.Add(s.b, s.neg, s.scale)
	}
	f.Fuzz(func(t *testing.T, b []byte, neg bool, scale int16) {
		n := new(big.Int).SetBytes(b[:min(len(b), 200)])
		if neg {
			n.Neg(n)
		}
		v := data.Decimal(n, int32(scale%300))
		want := new(big.Rat).SetInt(n)
		pow := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(scale%300, -(scale%300)))), nil)
		if scale%300 >= 0 {
			want.Quo(want, new(big.Rat).SetInt(pow))
		} else {
			want.Mul(want, new(big.Rat).SetInt(pow))
		}
		for name, text := range map[string][]byte{"plain": data.AppendDecimal(nil, v), "java": data.AppendJavaDecimal(nil, v)} {
			got, ok := new(big.Rat).SetString(string(text))
			if !ok || got.Cmp(want) != 0 {
				t.Errorf("%s: %s is not %s", name, text, want)
			}
		}
	})
}
