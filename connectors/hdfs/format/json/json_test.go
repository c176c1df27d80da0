package json

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connect/data/jsontext"
	"github.com/connectd/connectd/connectors/hdfs/format"
)

func write(t *testing.T, s *data.Schema, v data.Value) (string, error) {
	t.Helper()
	var out bytes.Buffer
	w, err := New().NewWriter(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	err = w.Write(v)
	return out.String(), err
}

// one puts v into a struct of one field.
func one(s *data.Schema, v data.Value) (*data.Schema, data.Value) {
	outer := data.MakeStruct("x").Field("f", s).Build()
	st := data.NewStruct(outer)
	st.Set(0, v)
	return outer, data.Of(st)
}

func TestStructs(t *testing.T) {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for name, c := range map[string]struct {
		s    *data.Schema
		v    data.Value
		want string
	}{
		"null":            {data.OptionalStringSchema, data.Null(), `null`},
		"default":         {data.Make(data.KindInt32).Optional().Default(data.Int32(3)).Build(), data.Null(), `3`},
		"text":            {data.StringSchema, data.String("a\"\\\b\f\n\r\t\x01/<é\u2028"), `"a\"\\\b\f\n\r\t\u0001/<é` + "\u2028" + `"`},
		"bytes":           {data.BytesSchema, data.Bytes([]byte{0xfb, 0xff}), `"+/8="`},
		"decimal":         {data.DecimalBuilder(2).Build(), data.Decimal64(156, 2), `"AJw="`},
		"negative":        {data.DecimalBuilder(2).Build(), data.Decimal64(-128, 2), `"gA=="`},
		"huge decimal":    {data.DecimalBuilder(0).Build(), data.Decimal(huge, 0), `"AY7pD/bDc+DuTj8K0g=="`},
		"date":            {data.DateSchema, data.Date(19000), `19000`},
		"time":            {data.TimeSchema, data.Time(1000), `1000`},
		"timestamp":       {data.TimestampSchema, data.Timestamp(1_700_000_000_000), `1700000000000`},
		"double":          {data.Float64Schema, data.Float64(1), `1.0`},
		"large double":    {data.Float64Schema, data.Float64(1e10), `1.0E10`},
		"small double":    {data.Float64Schema, data.Float64(1.5e-7), `1.5E-7`},
		"float":           {data.Float32Schema, data.Float32(0.1), `0.1`},
		"NaN":             {data.Float64Schema, data.Float64(math.NaN()), `"NaN"`},
		"list":            {data.ListOf(data.OptionalInt32Schema), data.List([]data.Value{data.Int32(1), data.Null()}), `[1,null]`},
		"map":             {data.MapOf(data.StringSchema, data.BoolSchema), data.Map([]data.Entry{{Key: data.String("a"), Value: data.Bool(true)}}), `{"a":true}`},
		"map of int keys": {data.MapOf(data.Int32Schema, data.StringSchema), data.Map([]data.Entry{{Key: data.Int32(1), Value: data.String("a")}}), `[[1,"a"]]`},
	} {
		t.Run(name, func(t *testing.T) {
			s, v := one(c.s, c.v)
			got, err := write(t, s, v)
			if want := `{"f":` + c.want + "}\n"; err != nil || got != want {
				t.Errorf("got %s (%v), want %s", got, err, want)
			}
		})
	}
}

func TestSchemaless(t *testing.T) {
	m := data.Map([]data.Entry{
		{Key: data.String("b"), Value: data.Int64(1)},
		{Key: data.String("a"), Value: data.List([]data.Value{data.Null(), data.Float64(0.5), data.String("x")})},
		{Key: data.String("d"), Value: data.Decimal64(150, 2)},
		{Key: data.String("day"), Value: data.Date(1)},
	})
	got, err := write(t, nil, m)
	if want := `{"b":1,"a":[null,0.5,"x"],"d":1.50,"day":86400000}` + "\n"; err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
	if got, err := write(t, nil, data.Null()); err != nil || got != "null\n" {
		t.Errorf("got %q (%v)", got, err)
	}
}

func TestBadValuesLeaveTheFileAsItWas(t *testing.T) {
	s, v := one(data.StringSchema, data.Null())
	got, err := write(t, s, v)
	if _, ok := errors.AsType[*format.ValueError](err); !ok || got != "" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTwosComplement(t *testing.T) {
	for n, want := range map[int64][]byte{0: {0}, 1: {1}, 127: {127}, 128: {0, 128}, -1: {255}, -128: {128}, -129: {255, 127}, -256: {255, 0}} {
		if got := TwosComplement(big.NewInt(n)); !bytes.Equal(got, want) {
			t.Errorf("%d: got %v, want %v", n, got, want)
		}
	}
}

func FuzzString(f *testing.F) {
	f.Add("a\x00é\"\\")
	f.Fuzz(func(t *testing.T, s string) {
		b := jsontext.Append(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if want := string([]rune(s)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func BenchmarkStruct(b *testing.B) {
	s := data.MakeStruct("x").Field("id", data.Int64Schema).Field("name", data.StringSchema).Field("price", data.Float64Schema).
		Field("note", data.OptionalStringSchema).Build()
	st := data.NewStruct(s)
	st.Put("id", data.Int64(123456)).Put("name", data.String("a name of usual length")).Put("price", data.Float64(12.5))
	w, _ := New().NewWriter(discard{}, s)
	v := data.Of(st)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(v); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
