package data_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/connectd/connectd/connect/data"
)

func wide(fields int) *data.Schema {
	b := data.MakeStruct("wide")
	for i := range fields {
		b.Field("f"+strconv.Itoa(i), data.OptionalInt64Schema)
	}
	return b.Build()
}

// fillAndCheck cuts n structs, writes to all of them and reads all back: none may share memory with another.
func fillAndCheck(t *testing.T, b *data.Slab, schemas []*data.Schema, n int) {
	t.Helper()
	all := make([]*data.Struct, n)
	for i := range all {
		s := schemas[i%len(schemas)]
		st := b.New(s)
		if st.Schema() != s || st.Len() != len(s.Fields()) {
			t.Fatalf("struct %d: %d fields, want %d", i, st.Len(), len(s.Fields()))
		}
		for j := range st.Len() {
			if !st.At(j).IsNull() {
				t.Fatalf("struct %d: field %d is %s, want null", i, j, st.At(j))
			}
			st.Set(j, data.Int64(int64(i*1000+j)))
		}
		all[i] = st
	}
	for i, st := range all {
		for j := range st.Len() {
			if st.At(j).Int64() != int64(i*1000+j) {
				t.Fatalf("struct %d: field %d was overwritten by %s", i, j, st.At(j))
			}
		}
	}
}

func TestSlabGivesEachStructItsOwnMemory(t *testing.T) {
	for name, schemas := range map[string][]*data.Schema{
		"one width": {wide(20)}, "no fields": {wide(0), wide(3)}, "mixed": {wide(1), wide(700), wide(5), wide(0)}, "wider than a chunk": {wide(5000), wide(2)},
	} {
		t.Run(name, func(t *testing.T) {
			var b data.Slab
			for _, n := range []int{1, 50, 7, 120, 3} {
				fillAndCheck(t, &b, schemas, n)
				b.Reset()
			}
		})
	}
}

func TestSlabValues(t *testing.T) {
	var b data.Slab
	for _, n := range []int{0, 1, 8, 9, 4096, 4097, 3} {
		vs := b.Values(n)
		if len(vs) != n || cap(vs) != n {
			t.Errorf("%d values: len %d, cap %d", n, len(vs), cap(vs))
		}
		for i := range vs {
			if !vs[i].IsNull() {
				t.Fatalf("value %d of %d is %s", i, n, vs[i])
			}
			vs[i] = data.Bool(true)
		}
	}
}

func TestResetSlabNeedsNoNewMemory(t *testing.T) {
	s := wide(20)
	var b data.Slab
	batch := func() {
		for range 500 {
			b.New(s).Set(0, data.Int64(1))
		}
		b.Reset()
	}
	batch()
	if n := testing.AllocsPerRun(20, batch); n != 0 {
		t.Errorf("%v allocations a batch after Reset, want 0", n)
	}
}

func TestResetSlabKeepsNoHugeList(t *testing.T) {
	var b data.Slab
	b.New(rowSchema)
	gone := watched(func() any { return &b.Values(1 << 16)[0] })
	b.Reset()
	waitGone(t, gone, "a list of 65536 values")
	runtime.KeepAlive(&b)
}

// watched returns a channel that is closed when the memory f returns a pointer to is collected.
func watched(f func() any) chan struct{} {
	gone := make(chan struct{})
	switch p := f().(type) {
	case *data.Value:
		runtime.SetFinalizer(p, func(*data.Value) { close(gone) })
	case *[64]byte:
		runtime.SetFinalizer(p, func(*[64]byte) { close(gone) })
	}
	return gone
}

func waitGone(t *testing.T, gone chan struct{}, what string) {
	t.Helper()
	for range 200 {
		runtime.GC()
		select {
		case <-gone:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Errorf("%s is still in memory", what)
}

// content is text the collector tells about.
func content(st *data.Struct) chan struct{} {
	return watched(func() any {
		p := new([64]byte)
		st.Put("b", data.Text(p[:]))
		return p
	})
}

func TestLiveBatchKeepsNoEarlierOne(t *testing.T) {
	var gone []chan struct{}
	var live *data.Struct
	for range 5 {
		var b data.Slab
		for i := range 300 {
			live = b.New(rowSchema)
			if i == 150 {
				gone = append(gone, content(live))
			}
		}
	}
	for i, g := range gone[:4] {
		waitGone(t, g, "batch "+strconv.Itoa(i))
	}
	runtime.KeepAlive(live)
}

func TestResetSlabForgetsWhatItHeld(t *testing.T) {
	var b data.Slab
	gone := content(b.New(rowSchema))
	b.Reset()
	waitGone(t, gone, "the text of a recycled struct")
	runtime.KeepAlive(&b)
}

func TestClonedStructDoesNotKeepItsBatch(t *testing.T) {
	var kept data.Value
	gone := func() chan struct{} {
		var b data.Slab
		g := content(b.New(rowSchema))
		st := b.New(rowSchema)
		st.Put("b", data.String("x"))
		kept = data.Of(st).Clone()
		return g
	}()
	waitGone(t, gone, "the neighbour of a cloned struct")
	runtime.KeepAlive(kept)
}
