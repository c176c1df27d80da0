package cdc

import (
	"fmt"
	"testing"
	"time"

	"github.com/connectd/connectd/connectors/mysql/history"
)

func TestNameIndexIsThePatterns(t *testing.T) {
	exprs := []string{"db.t1", "DB.T2", `db\\.t3`, "d..t4", "db.x-y", "db.a|db.b", "db.k.*", "db.käse", `db.pay\\$`, "o.*", "", "[a-c].t"}
	for i := range fewPatterns {
		exprs = append(exprs, fmt.Sprintf("other.t%d", i))
	}
	ps, err := patternsOf("k", exprs)
	if err != nil {
		t.Fatal(err)
	}
	x := indexOf(ps)
	if len(x.plain) == 0 || len(x.other) == 0 {
		t.Fatal("nothing is indexed, or all")
	}
	hits := 0
	for _, name := range []string{"db.t1", "DB.t1", "dbxt1", "db.t11", "db.t", "db.t2", "db.t3", "dbxt3", "dbxxt4", "d.xt4", "d\u00e4.t4", "db.X-y", "db.a", "db.b", "db.k1",
		"db.KÄSE", "db.käse", "db.pay$", "db.pay", "o", "other.t3", "other.t99", "b.t", "d.t", "", ".", "db.\u212a1", "\u212ab.t", "db.t1\n"} {
		want := ps.match(name)
		if got := x.match(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
		if want {
			hits++
		}
	}
	if hits < 10 {
		t.Errorf("only %d names match", hits)
	}
}

// A list may name every table of a server.
func TestFiltersWithAListOfAllTables(t *testing.T) {
	const n = 5000
	var list string
	for i := range n {
		list += fmt.Sprintf("many.table%05d,", i)
	}
	set, err := settingsOf(parseConfig(t, minimal(map[string]string{"table.include.list": list})))
	if err != nil {
		t.Fatal(err)
	}
	begin, hits := time.Now(), 0
	for i := range 2 * n {
		if set.filters.table(history.TableID{DB: "many", Name: fmt.Sprintf("table%05d", i)}) {
			hits++
		}
	}
	if hits != n {
		t.Errorf("%d tables are captured, want %d", hits, n)
	}
	// One after the other it would be 50 million tries: half a minute.
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}
