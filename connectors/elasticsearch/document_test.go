package elasticsearch

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

func mapOf(kv ...data.Value) data.Value {
	var es []data.Entry
	for i := 0; i < len(kv); i += 2 {
		es = append(es, data.Entry{Key: kv[i], Value: kv[i+1]})
	}
	return data.Map(es)
}

// field is a struct value with one field f.
func field(s *data.Schema, v data.Value) data.Datum {
	st := data.NewStruct(data.MakeStruct("").Field("f", s).Build())
	st.Set(0, v)
	return data.Datum{Schema: st.Schema(), Value: data.Of(st)}
}

func decimalSchema(scale string) *data.Schema {
	return data.Make(data.KindBytes).Name(data.DecimalName).Param(data.ScaleParam, scale).Build()
}

func TestDocuments(t *testing.T) {
	texts := data.Make(data.KindMap).Key(data.StringSchema).Elem(data.OptionalInt32Schema).Build()
	numbers := data.Make(data.KindMap).Key(data.Int32Schema).Elem(data.StringSchema).Build()
	s, n := data.String, data.Int32
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for name, c := range map[string]struct {
		d    data.Datum
		set  settings
		want string
		fail string
	}{
		"bool":                        {d: field(data.BoolSchema, data.Bool(true)), want: `{"f":true}`},
		"integers":                    {d: field(data.Int64Schema, data.Int64(math.MinInt64)), want: `{"f":-9223372036854775808}`},
		"float32":                     {d: field(data.Float32Schema, data.Float32(1.1)), want: `{"f":1.1}`},
		"float64":                     {d: field(data.Float64Schema, data.Float64(3)), want: `{"f":3.0}`},
		"big float64":                 {d: field(data.Float64Schema, data.Float64(1e300)), want: `{"f":1e+300}`},
		"small float64":               {d: field(data.Float64Schema, data.Float64(5e-324)), want: `{"f":5e-324}`},
		"minus zero":                  {d: field(data.Float64Schema, data.Float64(math.Copysign(0, -1))), want: `{"f":-0.0}`},
		"NaN":                         {d: field(data.Float64Schema, data.Float64(math.NaN())), want: `{"f":"NaN"}`},
		"infinity":                    {d: field(data.Float32Schema, data.Float32(float32(math.Inf(-1)))), want: `{"f":"-Infinity"}`},
		"text":                        {d: field(data.StringSchema, s("a\"\\\n\r\t\x01é😀")), want: `{"f":"a\"\\\n\r\t\u0001é😀"}`},
		"text that is none":           {d: field(data.StringSchema, s("a\xff\xfeb\xe2\x82")), want: "{\"f\":\"a\ufffd\ufffdb\ufffd\ufffd\"}"},
		"bytes":                       {d: field(data.BytesSchema, data.Bytes([]byte{0, 255, 16, 1})), want: `{"f":"AP8QAQ=="}`},
		"decimal":                     {d: field(decimalSchema("2"), data.Decimal64(-12345, 2)), want: `{"f":-123.45}`},
		"decimal of 30 digits":        {d: field(decimalSchema("10"), data.Decimal(huge, 10)), want: `{"f":1.2345678901234567e+19}`},
		"decimal with negative scale": {d: field(decimalSchema("-3"), data.Decimal64(5, -3)), want: `{"f":5000.0}`},
		"decimal out of range":        {d: field(decimalSchema("-2000000000"), data.Decimal64(-5, -2000000000)), want: `{"f":"-Infinity"}`},
		"decimal with schema.ignore":  {d: field(decimalSchema("2"), data.Decimal64(-12345, 2)), set: settings{schemaIgnore: true}, want: `{"f":"z8c="}`},
		"date":                        {d: field(data.DateSchema, data.Date(19000)), want: `{"f":19000}`},
		"time":                        {d: field(data.TimeSchema, data.Time(3600000)), want: `{"f":3600000}`},
		"timestamp":                   {d: field(data.TimestampSchema, data.Timestamp(1700000000123)), want: `{"f":1700000000123}`},
		"null":                        {d: field(data.OptionalStringSchema, data.Null()), want: `{"f":null}`},
		"null with default":           {d: field(data.Make(data.KindInt32).Default(n(7)).Build(), data.Null()), want: `{"f":7}`},
		"required null":               {d: field(data.StringSchema, data.Null()), fail: `field "f": null value for field that is required`},
		"required null in a list":     {d: field(data.Make(data.KindList).Elem(data.StringSchema).Build(), data.List([]data.Value{data.Null()})), fail: "required"},
		"list":                        {d: field(data.Make(data.KindList).Elem(data.OptionalInt32Schema).Build(), data.List([]data.Value{n(1), data.Null(), n(2)})), want: `{"f":[1,null,2]}`},
		"empty list":                  {d: field(data.Make(data.KindList).Elem(data.Int32Schema).Build(), data.List(nil)), want: `{"f":[]}`},
		"struct":                      {d: field(row, rowOf(5)), want: `{"f":{"a":5,"b":"x"}}`},
		"map":                         {d: field(texts, mapOf(s("k"), n(1), s("l"), data.Null())), want: `{"f":[{"key":"k","value":1},{"key":"l","value":null}]}`},
		"compact map":                 {d: field(texts, mapOf(s("k"), n(1), s("l"), n(2))), set: settings{compactMaps: true}, want: `{"f":{"k":1,"l":2}}`},
		"map with number keys":        {d: field(numbers, mapOf(n(1), s("x"))), set: settings{compactMaps: true}, want: `{"f":[{"key":1,"value":"x"}]}`},
		"number keys, schema.ignore":  {d: field(numbers, mapOf(n(1), s("x"))), set: settings{schemaIgnore: true}, want: `{"f":[[1,"x"]]}`},
		"map, schema.ignore":          {d: field(texts, mapOf(s("k"), n(1))), set: settings{schemaIgnore: true}, want: `{"f":{"k":1}}`},
		"schemaless":                  {d: data.Datum{Value: mapOf(s("a"), mapOf(s("b"), n(1)), s("c"), data.List([]data.Value{s("x")}))}, want: `{"a":{"b":1},"c":["x"]}`},
		"schemaless, number keys":     {d: data.Datum{Value: mapOf(s("a"), mapOf(n(1), n(2)))}, want: `{"a":[[1,2]]}`},
		"document of a map":           {d: data.Datum{Schema: texts, Value: mapOf(s("k"), n(1))}, want: `{"k":1}`},
		"document with number keys":   {d: data.Datum{Value: mapOf(n(1), n(2))}, fail: "keys that are no text"},
		"empty struct":                {d: data.Datum{Value: data.Of(data.NewStruct(data.MakeStruct("e").Build()))}, want: `{}`},
		"upsert":                      {d: field(data.Int8Schema, data.Int8(1)), set: settings{upsert: true}, want: `{"doc":{"f":1},"doc_as_upsert":true}`},
		"a text":                      {d: data.Datum{Value: s("x")}, fail: "only a struct or a map"},
		"a list":                      {d: data.Datum{Value: data.List(nil)}, fail: "only a struct or a map"},
		"nested too deep":             {d: data.Datum{Value: deep(300)}, fail: "nested more than 200"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newDocuments(c.set).source([]byte("before\n"), &connect.SinkRecord{Record: connect.Record{Value: c.d}}, c.set.schemaIgnore)
			if c.fail != "" {
				if err == nil || !strings.Contains(err.Error(), c.fail) {
					t.Fatalf("error %v, wanted one with %q", err, c.fail)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			doc := strings.TrimPrefix(string(got), "before\n")
			if doc != c.want+"\n" {
				t.Fatalf("got  %swant %s", doc, c.want)
			}
			if !json.Valid([]byte(doc)) {
				t.Fatalf("no JSON: %s", doc)
			}
		})
	}
}

func deep(n int) data.Value {
	v := data.Int32(1)
	for range n {
		v = mapOf(data.String("a"), v)
	}
	return v
}

// A field that fails leaves nothing of the operation behind.
func TestFailedRecordLeavesTheBody(t *testing.T) {
	d := newDocuments(settings{onNull: "FAIL"})
	r := rec(1, "k", field(data.StringSchema, data.Null()).Value)
	body, _, ok, err := d.append([]byte("before"), r, d.plan("orders"))
	if string(body) != "before" || ok || err == nil {
		t.Fatalf("got %q, %v, %v", body, ok, err)
	}
}

func FuzzDocument(f *testing.F) {
	f.Add("key", "text", []byte("b"), int64(5), 1.5, int32(2), uint8(3), false, false)
	f.Add("\xff\"", "\xed\xa0\x80\u2028\x00", []byte{}, int64(-1), math.NaN(), int32(-400), uint8(9), true, true)
	f.Fuzz(func(t *testing.T, key, text string, raw []byte, n int64, x float64, scale int32, depth uint8, compact, upsert bool) {
		inner := data.Make(data.KindMap).Key(data.StringSchema).Elem(data.StringSchema).Build()
		schema := data.MakeStruct("").Field("m", inner).Field(text+"x", data.Float64Schema).Field("\x00d", decimalSchema("0")).
			Field("y", data.BytesSchema).Build()
		st := data.NewStruct(schema)
		st.Set(0, mapOf(data.String(key), data.String(text)))
		st.Set(1, data.Float64(x))
		st.Set(2, data.Decimal(new(big.Int).Lsh(big.NewInt(n), uint(depth)), scale))
		st.Set(3, data.Bytes(raw))
		v := data.Of(st)
		for range depth {
			v = mapOf(data.String(text), data.List([]data.Value{v, data.Float32(float32(x)), mapOf(data.Int64(n), data.String(text))}))
		}
		set := settings{compactMaps: compact, upsert: upsert, inFlight: 5, schemaIgnore: n%2 == 0}
		d := newDocuments(set)
		r := rec(3, key, v)
		body, o, ok, err := d.append(nil, r, d.plan("orders"))
		if err != nil {
			if ok || len(body) != 0 {
				t.Fatalf("%v left %q", err, body)
			}
			return
		}
		if !ok || o.start != 0 || o.end != len(body) {
			t.Fatalf("operation %+v of a body of %d bytes", o, len(body))
		}
		acts, err := parseBulk(body)
		if err != nil || len(acts) != 1 || acts[0].Index != "orders" {
			t.Fatalf("no bulk: %v: %q", err, body)
		}
		for _, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n") {
			if !json.Valid([]byte(line)) {
				t.Fatalf("no JSON: %q", line)
			}
		}
	})
}

// wide is 2,000 records of 10 fields, of one partition.
func wide() []*connect.SinkRecord {
	b := data.MakeStruct("wide").Field("id", data.Int64Schema).Field("name", data.StringSchema).Field("mail", data.OptionalStringSchema).
		Field("price", decimalSchema("2")).Field("weight", data.Float64Schema).Field("count", data.Int32Schema).Field("on", data.BoolSchema).
		Field("day", data.DateSchema).Field("at", data.TimestampSchema).Field("note", data.OptionalStringSchema)
	s := b.Build()
	out := make([]*connect.SinkRecord, 2000)
	for i := range out {
		st := data.NewStruct(s)
		for j, v := range []data.Value{data.Int64(int64(i)), data.String("a customer's name"), data.String("someone@example.org"), data.Decimal64(int64(i)*99, 2),
			data.Float64(float64(i) / 7), data.Int32(int32(i)), data.Bool(i%2 == 0), data.Date(19000), data.Timestamp(1700000000000), data.Null()} {
			st.Set(j, v)
		}
		out[i] = rec(int64(i), i, data.Of(st))
	}
	return out
}

// build makes one bulk of the records, as the sender does, and takes it away again.
func build(s *sender, d *documents, recs []*connect.SinkRecord) int {
	for _, r := range recs {
		if _, err := s.add(d, r, d.plan(r.Topic)); err != nil {
			panic(err)
		}
	}
	n := len(s.open.body)
	s.size, s.n, s.records, s.open = n, len(s.open.ops), 0, nil
	return n
}

func newBuilder() (*sender, *documents) {
	set := settings{batch: 1 << 20, bytes: 1 << 30, onNull: "FAIL", inFlight: 5}
	return newSender(set, nil, func() connect.Reporter { return nil }, nil), newDocuments(set)
}

func BenchmarkBuildBulk(b *testing.B) {
	recs := wide()
	s, d := newBuilder()
	defer s.stop()
	size := build(s, d, recs)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		build(s, d, recs)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(recs)), "ns/record")
}

func TestBuildAllocations(t *testing.T) {
	recs := wide()
	s, d := newBuilder()
	defer s.stop()
	build(s, d, recs)
	per := testing.AllocsPerRun(10, func() { build(s, d, recs) }) / float64(len(recs))
	if per > 0.05 {
		t.Fatalf("%.3f allocations a record, at most 0.05 are allowed", per)
	}
}
