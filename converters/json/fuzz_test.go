package json_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// What can be decoded can be encoded, and comes back the same.
func FuzzDecodeThenEncode(f *testing.F) {
	for _, file := range []string{"dbserver1.inventory.customers.jsonl", "ns.dbserver1.inventory.all_types.jsonl"} {
		for _, b := range captured(f, file)[:4] {
			f.Add(b, true)
			f.Add(b, false)
		}
	}
	for _, s := range []string{`{"schema":{"type":"map","keys":{"type":"int32"},"values":{"type":"double"}},"payload":[[1,2e3]]}`,
		`{"payload":"\ud83d\ude00\ud800","schema":{"type":"string"},"schema":null}`, `[1,2.5,"a",null,{"a":{}}]`, "\xEF\xBB\xBF1", `"\u0000"`,
		`{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}},"payload":-1.2e3}`} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, schemas bool) {
		c := mustConverter(t, config.Props{"schemas.enable": strconv.FormatBool(schemas), "decimal.format": "NUMERIC"})
		d, err := decode(c, b)
		if err != nil {
			return
		}
		out, err := encode(c, d)
		if err != nil {
			if d.Schema == nil {
				t.Fatalf("%v: %s", err, b)
			}
			return // null for a required element: Java reads it and cannot write it
		}
		if out == nil {
			return
		}
		again, err := decode(c, out)
		if err != nil {
			t.Fatalf("%v\nfirst  %s\nsecond %s", err, b, out)
		}
		if !again.Schema.Equal(d.Schema) || !again.Value.Equal(d.Value) {
			t.Fatalf("first  %s\nsecond %s", b, out)
		}
		third, err := encode(c, again)
		if err != nil || !bytes.Equal(out, third) {
			t.Fatalf("%v\nsecond %s\nthird  %s", err, out, third)
		}
	})
}

// Any text, bytes and numbers come back as they went.
func FuzzScalarsComeBack(f *testing.F) {
	f.Add("a\"b\\c\n\x00\x1f\x7f é 名 😀", []byte{0xFF, 0}, int64(-1), 1e-3, float32(3.4e38), int32(2))
	f.Add("", []byte{}, int64(1<<63-1), 5e-324, float32(1e-45), int32(7))
	f.Add("12345678\"", []byte{1}, int64(-1<<63), 1e22, float32(1e7), int32(-3))
	f.Fuzz(func(t *testing.T, s string, raw []byte, n int64, d float64, g float32, scale int32) {
		if d != d || g != g || d-d != 0 || g-g != 0 {
			d, g = 0, 0 // JSON has no such numbers: they go out as texts
		}
		if d == 0 || g == 0 {
			d, g = 1, 1 // a negative zero loses its sign, in Java too
		}
		scale %= 20
		b := data.MakeStruct("").Field("s", data.StringSchema).Field("raw", data.BytesSchema).Field("n", data.Int64Schema).
			Field("d", data.Float64Schema).Field("g", data.Float32Schema).Field("p", data.DecimalBuilder(scale).Build())
		schema := b.Build()
		st := data.NewStruct(schema)
		for i, v := range []data.Value{data.String(strings.ToValidUTF8(s, "\uFFFD")), data.Bytes(raw), data.Int64(n), data.Float64(d), data.Float32(g),
			data.Decimal64(n, scale)} {
			st.Set(i, v)
		}
		in := data.Datum{Schema: schema, Value: data.Of(st)}
		for _, format := range []string{"BASE64", "NUMERIC"} {
			c := mustConverter(t, config.Props{"decimal.format": format})
			text, err := encode(c, in)
			if err != nil {
				t.Fatal(err)
			}
			out, err := decode(c, text)
			if err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if !out.Schema.Equal(schema) || !out.Value.Equal(in.Value) {
				t.Fatalf("%s: %s came back as %s from %s", format, in.Value, out.Value, text)
			}
		}
	})
}
