package data_test

import (
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/connectd/connectd/connect/data"
)

func bigInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

// rowSchema is the struct of the samples.
var rowSchema = data.MakeStruct("row").Field("a", data.Int32Schema).Field("b", data.OptionalStringSchema).Build()

func row(a int32, b data.Value) data.Value {
	st := data.NewStruct(rowSchema)
	st.Set(0, data.Int32(a))
	st.Set(1, b)
	return data.Of(st)
}

// samples are pairwise different values; each call makes them anew, so that equality is never that of pointers.
func samples() []data.Value {
	text := func(s string) data.Value { return data.Text([]byte(s)) }
	return []data.Value{
		data.Null(), data.Bool(false), data.Bool(true),
		data.Int8(-128), data.Int8(1), data.Int16(1), data.Int16(-32768), data.Int32(1), data.Int32(math.MinInt32), data.Int64(1), data.Int64(math.MinInt64),
		data.Float32(1), data.Float32(float32(math.Copysign(0, -1))), data.Float32(0), data.Float64(1), data.Float64(math.NaN()), data.Float64(math.Inf(-1)),
		text(""), text("a"), text("héllo"), data.Bytes(nil), data.Bytes([]byte("a")), data.Bytes([]byte{0, 255}),
		data.List(nil), data.List([]data.Value{data.Int32(1)}), data.List([]data.Value{data.Int64(1)}), data.List([]data.Value{data.Null(), text("x")}),
		data.Map(nil), data.Map([]data.Entry{{Key: text("k"), Value: data.Int32(1)}}),
		data.Map([]data.Entry{{Key: text("k"), Value: data.Int32(2)}, {Key: text("l"), Value: data.Null()}}),
		row(1, text("x")), row(1, data.Null()), row(2, text("x")),
		data.Decimal64(100, 2), data.Decimal64(10, 1), data.Decimal64(-1, 0), data.Decimal64(math.MinInt64, 3),
		data.Decimal(bigInt("123456789012345678901234567890"), 5), data.Decimal(bigInt("-123456789012345678901234567890"), 5),
		data.Date(1), data.Date(-1), data.Time(1), data.Timestamp(1), data.Timestamp(-1),
	}
}

func TestValuesEqualThemselvesAndNothingElse(t *testing.T) {
	a, b := samples(), samples()
	for i := range a {
		for j := range b {
			if got, want := a[i].Equal(b[j]), i == j; got != want {
				t.Errorf("%s(%s).Equal(%s(%s)) = %v", a[i].Kind(), a[i], b[j].Kind(), b[j], got)
			}
		}
		if c := a[i].Clone(); !c.Equal(a[i]) || !a[i].Equal(c) {
			t.Errorf("%s(%s): its clone %s differs", a[i].Kind(), a[i], c)
		}
	}
}

func TestEqualOfMapsIgnoresOrderAndIsSymmetric(t *testing.T) {
	m := func(kv ...string) data.Value {
		var es []data.Entry
		for i := 0; i < len(kv); i += 2 {
			es = append(es, data.Entry{Key: data.String(kv[i]), Value: data.String(kv[i+1])})
		}
		return data.Map(es)
	}
	for _, c := range []struct {
		a, b data.Value
		want bool
	}{
		{m("a", "1", "b", "2"), m("b", "2", "a", "1"), true},
		{m("a", "1", "b", "2"), m("b", "1", "a", "2"), false},
		{m("a", "1", "a", "1"), m("a", "1", "b", "2"), false},
		{m("a", "1"), m("a", "1", "a", "1"), false},
	} {
		if c.a.Equal(c.b) != c.want || c.b.Equal(c.a) != c.want {
			t.Errorf("%s and %s: %v, %v, want %v", c.a, c.b, c.a.Equal(c.b), c.b.Equal(c.a), c.want)
		}
	}
}

func TestAccessorsPanicOnOtherKindsAndNameBoth(t *testing.T) {
	access := map[string]func(data.Value){
		"Bool": func(v data.Value) { v.Bool() }, "Int64": func(v data.Value) { v.Int64() }, "Float64": func(v data.Value) { v.Float64() },
		"Float32": func(v data.Value) { v.Float32() }, "TextBytes": func(v data.Value) { v.TextBytes() }, "Bytes": func(v data.Value) { v.Bytes() },
		"Decimal": func(v data.Value) { v.Decimal() }, "Decimal64": func(v data.Value) { v.Decimal64() }, "List": func(v data.Value) { v.List() },
		"Map": func(v data.Value) { v.Map() }, "Struct": func(v data.Value) { v.Struct() },
	}
	fits := map[string]string{
		"Bool": "BOOLEAN", "Int64": "INT8 INT16 INT32 INT64 DATE TIME TIMESTAMP", "Float64": "FLOAT32 FLOAT64", "Float32": "FLOAT32",
		"TextBytes": "STRING", "Bytes": "BYTES", "Decimal": "DECIMAL", "Decimal64": "DECIMAL", "List": "ARRAY", "Map": "MAP", "Struct": "STRUCT",
	}
	for name, f := range access {
		for _, v := range samples() {
			func() {
				defer func() {
					got := recover()
					want := !strings.Contains(" "+fits[name]+" ", " "+v.Kind().String()+" ")
					if (got != nil) != want {
						t.Errorf("%s of %s: panic %v", name, v.Kind(), got)
					}
					if msg, _ := got.(string); want && msg != "data: "+name+" of a value of kind "+v.Kind().String() {
						t.Errorf("%s of %s: %v", name, v.Kind(), got)
					}
				}()
				f(v)
			}()
		}
	}
}

func TestEmptyContainers(t *testing.T) {
	if b := data.Bytes(nil).Bytes(); b == nil || len(b) != 0 {
		t.Errorf("Bytes(nil) is %v, want empty bytes: null is another value", b)
	}
	if s := data.Text(nil).String(); s != "" {
		t.Errorf("%q", s)
	}
	if n := len(data.List(nil).List()) + len(data.Map(nil).Map()) + len(data.Text(nil).TextBytes()); n != 0 {
		t.Errorf("%d elements", n)
	}
	if !data.Of(nil).IsNull() {
		t.Error("Of(nil) is not null")
	}
}

func TestTextAliasesAndCloneDoesNot(t *testing.T) {
	b := []byte("abc")
	v := data.List([]data.Value{data.Text(b), data.Bytes(b), data.Map([]data.Entry{{Key: data.Text(b), Value: row(1, data.Text(b))}})})
	c := v.Clone()
	b[0] = 'X'
	if v.List()[0].String() != "Xbc" {
		t.Error("Text copied its bytes")
	}
	if got := c.String(); strings.Contains(got, "X") || c.List()[1].Bytes()[0] != 'a' {
		t.Errorf("the clone shares memory: %s", got)
	}
}

func TestBigDecimalCloneIsIndependent(t *testing.T) {
	n := bigInt("99999999999999999999999")
	v := data.Decimal(n, 2)
	c := v.Clone()
	n.SetInt64(1)
	if got, _ := c.Decimal(); got.String() != "99999999999999999999999" {
		t.Errorf("clone changed to %s", got)
	}
}

func TestDecimalKeepsSmallNumbersInline(t *testing.T) {
	for s, inline := range map[string]bool{"0": true, "9223372036854775807": true, "-9223372036854775808": true, "9223372036854775808": false} {
		v := data.Decimal(bigInt(s), 4)
		if _, scale, ok := v.Decimal64(); ok != inline || scale != 4 {
			t.Errorf("%s: inline %v, scale %d", s, ok, scale)
		}
		if n, scale := v.Decimal(); n.String() != s || scale != 4 {
			t.Errorf("%s: %s, scale %d", s, n, scale)
		}
	}
}

func TestLookup(t *testing.T) {
	m := data.Map([]data.Entry{{Key: data.Int32(1), Value: data.Int32(9)}, {Key: data.String("k"), Value: data.Int32(2)}})
	if v, ok := m.Lookup("k"); !ok || v.Int64() != 2 {
		t.Errorf("%s %v", v, ok)
	}
	if _, ok := m.Lookup("1"); ok {
		t.Error("a number key was found by its text")
	}
}

func TestIntOfTruncates(t *testing.T) {
	for k, want := range map[data.Kind]int64{data.KindInt8: 0x44, data.KindInt16: 0x3344, data.KindInt32: 0x11223344, data.KindInt64: 0x5511223344} {
		if v := data.IntOf(k, 0x5511223344); v.Kind() != k || v.Int64() != want {
			t.Errorf("%s: %s %x, want %x", k, v.Kind(), v.Int64(), want)
		}
	}
}

// The sizes are part of the design: a row of 20 columns is 32 + 20×24 bytes.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(data.Value{}); n != 24 {
		t.Errorf("a Value has %d bytes, want 24", n)
	}
	if n := unsafe.Sizeof(data.Struct{}); n > sizeOfStruct {
		t.Errorf("a Struct has %d bytes, want %d", n, sizeOfStruct)
	}
}

func TestKinds(t *testing.T) {
	if data.KindDecimal.Physical() != data.KindBytes || data.KindDate.Physical() != data.KindInt32 || data.KindTime.Physical() != data.KindInt32 ||
		data.KindTimestamp.Physical() != data.KindInt64 || data.KindList.Physical() != data.KindList {
		t.Error("wrong physical kinds")
	}
	if data.Kind(200).String() != "UNKNOWN" || data.KindList.String() != "ARRAY" {
		t.Error("wrong names")
	}
	if data.KindBool.IsNumber() || data.KindString.IsNumber() || !data.KindFloat64.IsNumber() || data.KindFloat32.IsInt() || !data.KindBytes.IsPrimitive() ||
		data.KindList.IsPrimitive() || data.KindNull.IsPrimitive() {
		t.Error("wrong classes of kinds")
	}
}

// TestValueStaysInRegisters holds what the compiler needs to keep a Value out of memory: at most four words, and four fields on each
// level (cmd/compile/internal/ssa.CanSSA).
func TestValueStaysInRegisters(t *testing.T) {
	var fields func(reflect.Type)
	fields = func(x reflect.Type) {
		if x.Kind() != reflect.Struct {
			return
		}
		if x.NumField() > 4 {
			t.Errorf("%v has %d fields: with more than four each copy of it goes through memory", x, x.NumField())
		}
		for i := range x.NumField() {
			fields(x.Field(i).Type)
		}
	}
	for _, x := range []reflect.Type{reflect.TypeFor[data.Value](), reflect.TypeFor[data.Datum]()} {
		fields(x)
		if x.Size() > 4*unsafe.Sizeof(uintptr(0)) {
			t.Errorf("%v has %d bytes", x, x.Size())
		}
	}
}
