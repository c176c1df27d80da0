package json_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// row is a struct of 20 fields of the usual kinds.
func row() data.Datum { return rows(1)[0] }

// rows are n of them that differ in all fields.
func rows(n int) []data.Datum {
	ds := []data.Datum{firstRow()}
	for i := 1; i < n; i++ {
		st := ds[0].Value.Struct().Clone()
		for f := range st.Len() {
			switch v := st.At(f); v.Kind() {
			case data.KindString:
				st.Set(f, data.String(v.String()+strconv.Itoa(i)))
			case data.KindInt32, data.KindInt64:
				st.Set(f, data.IntOf(v.Kind(), v.Int64()+int64(i)))
			}
		}
		ds = append(ds, data.Datum{Schema: ds[0].Schema, Value: data.Of(st)})
	}
	return ds
}

func firstRow() data.Datum {
	b := data.MakeStruct("db.inventory.orders.Value")
	var vs []data.Value
	add := func(kind string, s *data.Schema, v data.Value) {
		b.Field(kind+strconv.Itoa(len(vs)), s)
		vs = append(vs, v)
	}
	for range 2 {
		add("id", data.Int64Schema, data.Int64(1234567890123))
		add("name", data.StringSchema, data.String("Sally Thomas, Oak Street 12"))
		add("mail", data.OptionalStringSchema, data.String("sally.thomas@acme.example"))
		add("note", data.OptionalStringSchema, data.Null())
		add("count", data.Int32Schema, data.Int32(-42))
		add("flag", data.BoolSchema, data.Bool(true))
		add("weight", data.Float64Schema, data.Float64(12.75))
		add("price", data.DecimalBuilder(2).Build(), data.Decimal64(1234567, 2))
		add("raw", data.BytesSchema, data.Bytes([]byte{1, 2, 3, 4, 5, 6, 7, 8}))
		add("at", data.TimestampSchema, data.Timestamp(1700000000123))
	}
	s := b.Build()
	st := data.NewStruct(s)
	for i, v := range vs {
		st.Set(i, v)
	}
	return data.Datum{Schema: s, Value: data.Of(st)}
}

func schemasEnable(on bool) config.Props {
	return config.Props{"schemas.enable": strconv.FormatBool(on)}
}

func TestAppendAllocatesNothingWhenWarm(t *testing.T) {
	for _, props := range []config.Props{schemasEnable(true), schemasEnable(false),
		{"schemas.enable": "false", "decimal.format": "NUMERIC"}} {
		c, d := mustConverter(t, props), row()
		dst := make([]byte, 0, 1<<14)
		n := testing.AllocsPerRun(100, func() {
			if _, _, err := c.Append(context.Background(), dst, "t", nil, d); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%v: %v allocations", props, n)
		}
	}
}

func TestAppendOfADebeziumRecordAllocatesNothingWhenWarm(t *testing.T) {
	c := mustConverter(t, schemasEnable(true))
	d, err := decode(c, largest(captured(t, "dbserver1.inventory.all_types.jsonl")))
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 1<<16)
	n := testing.AllocsPerRun(100, func() {
		if _, _, err := c.Append(context.Background(), dst, "t", nil, d); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A struct of 20 fields has four values that need memory of their own: two of bytes, and their share of the batch's.
func TestDecodeAllocatesLittle(t *testing.T) {
	for _, on := range []bool{true, false} {
		c := mustConverter(t, schemasEnable(on))
		b, err := encode(c, row())
		if err != nil {
			t.Fatal(err)
		}
		limit := 3.0
		if !on {
			limit = 2 // the entries, and their share
		}
		n := testing.AllocsPerRun(640, func() {
			if _, err := decode(c, b); err != nil {
				t.Fatal(err)
			}
		})
		if n > limit {
			t.Errorf("schemas %v: %v allocations, want at most %v", on, n, limit)
		}
	}
}

func largest(in [][]byte) []byte {
	var out []byte
	for _, b := range in {
		if len(b) > len(out) {
			out = b
		}
	}
	return out
}

func benchAppend(b *testing.B, c connect.Converter, ds []data.Datum) {
	out, _, err := c.Append(context.Background(), nil, "t", nil, ds[0])
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if out, _, err = c.Append(context.Background(), out[:0], "t", nil, ds[i%len(ds)]); err != nil {
			b.Fatal(err)
		}
	}
}

func benchDecode(b *testing.B, c connect.Converter, text []byte) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decode(c, text); err != nil {
			b.Fatal(err)
		}
	}
}

// changes are n change events of one table: a recorded one, with values that differ, at places in the binary log that do, four rows an
// event of the log.
func changes(b *testing.B, n int) []data.Datum {
	first, err := decode(mustConverter(b, schemasEnable(true)), captured(b, "dbserver1.inventory.customers.jsonl")[1])
	if err != nil {
		b.Fatal(err)
	}
	envelope := first.Value.Struct()
	field := func(st *data.Struct, name string) int { return st.Schema().Index(name) }
	var ds []data.Datum
	for i := range n {
		e := envelope.Clone()
		after, source := e.At(field(e, "after")).Struct(), e.At(field(e, "source")).Struct()
		after.Set(field(after, "id"), data.Int32(int32(1000+i)))
		for _, name := range []string{"first_name", "last_name", "email"} {
			at := field(after, name)
			after.Set(at, data.String(after.At(at).String()+strconv.Itoa(i)))
		}
		source.Set(field(source, "pos"), data.Int64(int64(1000+i/4*997)))
		source.Set(field(source, "row"), data.Int32(int32(i%4)))
		e.Set(field(e, "ts_ms"), data.Int64(1700000000000+int64(i)))
		ds = append(ds, data.Datum{Schema: first.Schema, Value: data.Of(e)})
	}
	return ds
}

func BenchmarkAppend(b *testing.B) {
	for _, on := range []bool{true, false} {
		c := mustConverter(b, schemasEnable(on))
		b.Run("row20/schemas="+strconv.FormatBool(on), func(b *testing.B) { benchAppend(b, c, rows(16)) })
		b.Run("debezium/schemas="+strconv.FormatBool(on), func(b *testing.B) { benchAppend(b, c, changes(b, 16)) })
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, on := range []bool{true, false} {
		c := mustConverter(b, schemasEnable(on))
		text, err := encode(c, row())
		if err != nil {
			b.Fatal(err)
		}
		b.Run("row20/schemas="+strconv.FormatBool(on), func(b *testing.B) { benchDecode(b, c, text) })
	}
	c := mustConverter(b, schemasEnable(true))
	text := captured(b, "dbserver1.inventory.customers.jsonl")[1]
	b.Run("debezium/schemas=true", func(b *testing.B) { benchDecode(b, c, text) })
	c = mustConverter(b, schemasEnable(false))
	plain := captured(b, "ns.dbserver1.inventory.customers.jsonl")[1]
	b.Run("debezium/schemas=false", func(b *testing.B) { benchDecode(b, c, plain) })
}
