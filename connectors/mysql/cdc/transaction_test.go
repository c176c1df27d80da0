package cdc

import (
	"slices"
	"testing"

	"github.com/connectd/connectd/connectors/mysql/row"
)

// TestOrderOfTablesInEND is that of Debezium's HashMap: tables of one bucket (here mi and mem, and par and big1) stand in the order of their
// first record, and after a transaction of many tables the map keeps the buckets it has.
func TestOrderOfTablesInEND(t *testing.T) {
	x, w := &txCounter{}, &writer{set: &settings{names: names{}}}
	end := func(tables ...string) (got []string) {
		x.reset()
		for _, table := range tables {
			x.event(new(row.Memory), table)
		}
		value := w.transactionRecord(x, true, 0, nil).Value.Value.Struct()
		for _, c := range value.At(3).List() {
			got = append(got, c.Struct().At(0).String())
		}
		return got
	}
	for _, order := range [][]string{{"h1.mi", "h1.mem"}, {"h1.mem", "h1.mi"}, {"h1.par", "h1.big1"}, {"h1.big1", "h1.par"}} {
		if got := end(order...); !slices.Equal(got, order) {
			t.Errorf("%q stand as %q", order, got)
		}
	}
	pair := []string{"t.j", "t.a"} // 16 buckets: t.j before t.a; 32: behind it
	small := end(pair...)
	end("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m")
	if large := end(pair...); slices.Equal(small, large) {
		t.Errorf("the order %q is that of a map of 16 buckets also after 13 tables", large)
	}
}
