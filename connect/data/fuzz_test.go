package data_test

import (
	"encoding/binary"
	"math"
	"math/big"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

// generator makes schemas and values of what the fuzzer gives; when that ends, of zeros.
type generator struct{ b []byte }

func (g *generator) next() byte {
	if len(g.b) == 0 {
		return 0
	}
	c := g.b[0]
	g.b = g.b[1:]
	return c
}

func (g *generator) num() int64 {
	var b [8]byte
	g.b = g.b[copy(b[:], g.b):]
	return int64(binary.LittleEndian.Uint64(b[:]))
}

func (g *generator) bytes() []byte {
	n := min(int(g.next()%20), len(g.b))
	b := g.b[:n]
	g.b = g.b[n:]
	return b
}

func (g *generator) value(depth int) data.Value {
	k := data.Kind(g.next() % 17)
	if depth > 3 && k >= data.KindList && k <= data.KindStruct {
		k = data.KindInt64
	}
	switch k {
	case data.KindBool:
		return data.Bool(g.next()&1 == 1)
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64:
		return data.IntOf(k, g.num())
	case data.KindFloat32:
		return data.Float32(math.Float32frombits(uint32(g.num())))
	case data.KindFloat64:
		return data.Float64(math.Float64frombits(uint64(g.num())))
	case data.KindString:
		return data.Text(g.bytes())
	case data.KindBytes:
		return data.Bytes(g.bytes())
	case data.KindDecimal:
		return data.Decimal(new(big.Int).SetBytes(g.bytes()), int32(g.next())-128)
	case data.KindDate:
		return data.Date(int32(g.num()))
	case data.KindTime:
		return data.Time(int32(g.num()))
	case data.KindTimestamp:
		return data.Timestamp(g.num())
	case data.KindList:
		vs := make([]data.Value, g.next()%5)
		for i := range vs {
			vs[i] = g.value(depth + 1)
		}
		return data.List(vs)
	case data.KindMap:
		es := make([]data.Entry, g.next()%5)
		for i := range es {
			es[i] = data.Entry{Key: g.value(depth + 1), Value: g.value(depth + 1)}
		}
		return data.Map(es)
	case data.KindStruct:
		st := data.NewStruct(rowSchema)
		st.Set(0, g.value(depth+1))
		st.Set(1, g.value(depth+1))
		return data.Of(st)
	default:
		return data.Null()
	}
}

// rebuild reads v with the accessors and builds an equal value of what they said.
func rebuild(v data.Value) data.Value {
	switch k := v.Kind(); k {
	case data.KindBool:
		return data.Bool(v.Bool())
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64:
		return data.IntOf(k, v.Int64())
	case data.KindFloat32:
		return data.Float32(v.Float32())
	case data.KindFloat64:
		return data.Float64(v.Float64())
	case data.KindString:
		return data.Text(append([]byte{}, v.TextBytes()...))
	case data.KindBytes:
		return data.Bytes(append([]byte{}, v.Bytes()...))
	case data.KindDecimal:
		if n, scale, ok := v.Decimal64(); ok {
			return data.Decimal64(n, scale)
		}
		return data.Decimal(v.Decimal())
	case data.KindDate:
		return data.Date(int32(v.Int64()))
	case data.KindTime:
		return data.Time(int32(v.Int64()))
	case data.KindTimestamp:
		return data.Timestamp(v.Int64())
	case data.KindList:
		var vs []data.Value
		for _, e := range v.List() {
			vs = append(vs, rebuild(e))
		}
		return data.List(vs)
	case data.KindMap:
		var es []data.Entry
		for _, e := range v.Map() {
			es = append(es, data.Entry{Key: rebuild(e.Key), Value: rebuild(e.Value)})
		}
		return data.Map(es)
	case data.KindStruct:
		var b data.Slab
		st := b.New(v.Struct().Schema())
		for i := range st.Len() {
			st.Set(i, rebuild(v.Struct().At(i)))
		}
		return data.Of(st)
	default:
		return data.Null()
	}
}

// FuzzValue: what goes in comes out, of every kind; to be run under -race and -gcflags=all=-d=checkptr as well.
func FuzzValue(f *testing.F) {
	f.Add([]byte{})
	for k := range byte(17) {
		f.Add([]byte{k, 3, 8, 1, 'a', 12, 2, 8, 0, 9, 2, 255, 254, 4, 1, 0, 0, 0, 0, 0, 0, 0, 13, 9, 255, 255, 255, 255, 255, 255, 255, 255, 255, 3})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g := &generator{b: b}
		v := g.value(0)
		r, c := rebuild(v), v.Clone()
		if !v.Equal(r) || !r.Equal(v) || !v.Equal(c) || !v.Equal(v) {
			t.Fatalf("%s: rebuilt %s, cloned %s", v, r, c)
		}
		if v.String() != r.String() || v.String() != c.String() {
			t.Fatalf("%q: rebuilt %q, cloned %q", v, r, c)
		}
		s, o := defaulted(v), defaulted(r)
		if !s.Equal(o) || s.Fingerprint() != o.Fingerprint() {
			t.Fatalf("schemas with default %s: equal %v, fingerprints %x and %x", v, s.Equal(o), s.Fingerprint(), o.Fingerprint())
		}
	})
}

// defaulted is a schema whose default is v, as far as there is one of v's kind.
func defaulted(v data.Value) *data.Schema {
	var b *data.Builder
	switch k := v.Kind(); k {
	case data.KindDecimal:
		b = data.DecimalBuilder(2)
	case data.KindDate, data.KindTime, data.KindTimestamp:
		b = data.Make(k.Physical()).Name("org.apache.kafka.connect.data." + map[data.Kind]string{data.KindDate: "Date", data.KindTime: "Time",
			data.KindTimestamp: "Timestamp"}[k])
	case data.KindNull, data.KindList, data.KindMap, data.KindStruct: // elements of any kind fit no schema
		return data.MakeStruct(v.String()).Build()
	default:
		b = data.Make(k)
	}
	return b.Default(v).Build()
}
