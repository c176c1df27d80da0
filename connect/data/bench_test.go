package data_test

import (
	"strconv"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

// columns is a table of 20 columns of the usual kinds.
func columns() *data.Schema {
	b := data.MakeStruct("db.table.Value")
	for i := range 4 {
		n := strconv.Itoa(i)
		b.Field("id"+n, data.Int64Schema).Field("name"+n, data.StringSchema).Field("price"+n, data.DecimalBuilder(2).Build()).
			Field("at"+n, data.TimestampSchema).Field("weight"+n, data.OptionalFloat64Schema)
	}
	return b.Build()
}

func build(b *data.Slab, s *data.Schema, text []byte) data.Value {
	st := b.New(s)
	for i := 0; i < 20; i += 5 {
		st.Set(i, data.Int64(int64(i)))
		st.Set(i+1, data.Text(text))
		st.Set(i+2, data.Decimal64(12345, 2))
		st.Set(i+3, data.Timestamp(1700000000000))
		st.Set(i+4, data.Float64(0.5))
	}
	return data.Of(st)
}

func read(v data.Value) (sum int64) {
	st := v.Struct()
	for i := range st.Len() {
		switch f := st.At(i); f.Kind() {
		case data.KindInt64, data.KindTimestamp:
			sum += f.Int64()
		case data.KindString:
			sum += int64(len(f.TextBytes()))
		case data.KindDecimal:
			n, _, _ := f.Decimal64()
			sum += n
		case data.KindFloat64:
			sum += int64(f.Float64())
		}
	}
	return sum
}

var sink int64

// BenchmarkRow builds and reads a row of 20 columns, in batches of 500.
func BenchmarkRow(b *testing.B) {
	s, text := columns(), []byte("Sally Thomas")
	for name, recycle := range map[string]bool{"recycled slab": true, "slab a batch": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			slab, n := new(data.Slab), 0
			for b.Loop() {
				if n++; n%500 == 0 {
					if recycle {
						slab.Reset()
					} else {
						slab = new(data.Slab)
					}
				}
				sink += read(build(slab, s, text))
			}
		})
	}
}

func BenchmarkIndex(b *testing.B) {
	s := columns()
	b.ReportAllocs()
	for b.Loop() {
		sink += int64(s.Index("weight3"))
	}
}

func BenchmarkClone(b *testing.B) {
	v := build(new(data.Slab), columns(), []byte("Sally Thomas"))
	b.ReportAllocs()
	for b.Loop() {
		sink += int64(v.Clone().Kind())
	}
}

// The ceilings of the value model: a record's path through a plan allocates nothing.
func TestAllocations(t *testing.T) {
	s, text := columns(), []byte("Sally Thomas")
	v := build(new(data.Slab), s, text)
	other := build(new(data.Slab), s, text)
	var slab data.Slab
	var vs [5]data.Value
	dst := make([]byte, 0, 256)
	batch := func(n int) func() {
		return func() {
			slab.Reset()
			for range n {
				sink += read(build(&slab, s, text))
			}
		}
	}
	batch(500)()
	few := data.MakeStruct("few").Field("a", data.Int32Schema).Field("b", data.Int32Schema).Build()
	for _, c := range []struct {
		name string
		max  float64
		f    func()
	}{
		{"At, kinds and accessors", 0, func() { sink += read(v) }},
		{"AtOrDefault", 0, func() { sink += int64(v.Struct().AtOrDefault(4).Kind()) }},
		{"Index of many fields", 0, func() { sink += int64(s.Index("at2")) }},
		{"Index of few fields", 0, func() { sink += int64(few.Index("b")) }},
		{"Get", 0, func() { x, _ := v.Struct().Get("id2"); sink += x.Int64() }},
		{"scalars and text", 0, func() {
			vs = [5]data.Value{data.Int8(1), data.Float32(1), data.Text(text), data.Bytes(text), data.Date(1)}
		}},
		{"rows of a recycled slab", 0, batch(500)},
		{"Equal", 0, func() { _ = v.Equal(other) }},
		{"Check", 0, func() { _ = s.Check(v) }},
		{"Validate", 0, func() { _ = v.Struct().Validate() }},
		{"decimal texts", 0, func() {
			dst = data.AppendDecimal(dst[:0], data.Decimal64(-12345, 2))
			dst = data.AppendJavaDecimal(dst, data.Decimal64(-12345, 12))
		}},
		{"a clone: struct, values, four texts", 6, func() { sink += int64(v.Clone().Kind()) }},
		{"a new slab for 500 rows", 30, func() {
			var fresh data.Slab
			for range 500 {
				sink += read(build(&fresh, s, text))
			}
		}},
	} {
		if n := testing.AllocsPerRun(20, c.f); n > c.max {
			t.Errorf("%s: %v allocations, want at most %v", c.name, n, c.max)
		}
	}
	_ = vs
}
