package history

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// manyTables is a model of n tables in databases of a hundred.
func manyTables(t testing.TB, n int) *Model {
	t.Helper()
	m, p := NewModel(0), NewParser()
	for i := range n {
		ddl := fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, a VARCHAR(20))", i)
		if _, err := p.Apply(m, Session{Database: fmt.Sprintf("d%d", i/100)}, ddl); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// A statement must not cost more where there are more tables: reading 10,000 definitions, or a history of as many, would take minutes.
func TestAStatementCostsTheSameInALargeModel(t *testing.T) {
	p := NewParser()
	cost := func(m *Model) map[string]float64 {
		out := map[string]float64{}
		s := Session{Database: "d0"}
		for _, run := range []struct {
			name string
			do   func() error
		}{
			{"apply", func() error { _, err := p.Apply(m, s, "ALTER TABLE t0 COMMENT 'x'"); return err }},
			{"fail", func() error {
				if _, err := p.Apply(m, s, "RENAME TABLE t1 TO t2, never_was TO t3"); err == nil {
					return errors.New("a table that is not there was renamed")
				}
				return nil
			}},
			{"show create", func() error {
				_, err := p.FromShowCreate(m, "d0", "CREATE TABLE `t0` (`id` int NOT NULL, PRIMARY KEY (`id`))")
				return err
			}},
			{"drop database", func() error {
				for _, ddl := range []string{"CREATE DATABASE gone", "CREATE TABLE gone.a (a INT)", "DROP DATABASE gone"} {
					if _, err := p.Apply(m, s, ddl); err != nil {
						return err
					}
				}
				return nil
			}},
		} {
			const runs = 200
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				if err := run.do(); err != nil {
					t.Fatal(run.name, err)
				}
			}
			runtime.ReadMemStats(&after)
			out[run.name] = float64(after.TotalAlloc-before.TotalAlloc) / runs
		}
		return out
	}
	small, large := cost(manyTables(t, 100)), cost(manyTables(t, 20_000))
	for name, bytes := range large {
		if bytes == 0 || bytes > 1.5*small[name]+1000 {
			t.Errorf("%s allocates %.0f bytes among 100 tables, %.0f among 20,000", name, small[name], bytes)
		}
	}
}

// BenchmarkApply is one statement among many tables.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n, " tables"), func(b *testing.B) {
			m, p := manyTables(b, n), NewParser()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Apply(m, Session{Database: "d0"}, "ALTER TABLE t0 COMMENT 'x'"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestRevertUndoesEverything changes a model at random, once inside a statement that is taken back.
func TestRevertUndoesEverything(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := NewModel(int(seed % 3))
		change := func() {
			db, name := fmt.Sprintf("D%d", r.IntN(3)), fmt.Sprintf("T%d", r.IntN(4))
			switch r.IntN(6) {
			case 0:
				m.Remove(TableID{db, name})
			case 1:
				m.RemoveDatabase(db)
			case 2:
				m.SetDatabaseCharset(db, []string{"", "latin1", "gbk"}[r.IntN(3)])
			case 3:
				m.SetServerCharset([]string{"latin1", "utf8mb4"}[r.IntN(2)])
			default:
				m.Put(&Table{ID: TableID{db, name}, Charset: "utf8mb4"})
			}
		}
		for range 20 {
			change()
		}
		before := m.Copy()
		mark := m.begin()
		for range 10 {
			change()
		}
		inner := m.Copy()
		at := m.begin()
		for range 10 {
			change()
		}
		m.revert(at)
		sameModel(t, fmt.Sprintf("seed %d, inner", seed), m, inner)
		m.revert(mark)
		sameModel(t, fmt.Sprintf("seed %d", seed), m, before)
		if m.open != 0 || len(m.undo) != 0 {
			t.Fatalf("seed %d: the journal is not empty", seed)
		}
	}
}

// sameModel compares tables by what a document says of them.
func sameModel(t testing.TB, what string, got, want *Model) {
	t.Helper()
	a, b := dump(got), dump(want)
	for k, v := range b {
		if a[k] != v {
			t.Errorf("%s: %s is %q, want %q", what, k, a[k], v)
		}
	}
	for k := range a {
		if _, ok := b[k]; !ok {
			t.Errorf("%s: %s should not be there", what, k)
		}
	}
	if got.Len() != want.Len() || got.Len() != len(got.Tables()) {
		t.Errorf("%s: %d tables (%d listed), want %d", what, got.Len(), len(got.Tables()), want.Len())
	}
}

func dump(m *Model) map[string]string {
	out := map[string]string{"server": m.server}
	for key, d := range m.dbs {
		if d.charset != "" {
			out["charset of "+key] = d.charset
		}
		for name, tab := range d.tables {
			w := writer{}
			w.change(&Change{Type: Create, ID: tab.ID, Table: tab})
			out[fmt.Sprintf("%q.%q", key, name)] = string(w.b)
		}
	}
	return out
}
