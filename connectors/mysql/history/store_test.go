package history

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"time"
)

// memoryLog is a topic in memory.
type memoryLog struct {
	values [][]byte
	fail   error
}

func (l *memoryLog) ReadToEnd(_ context.Context, f func(key, value []byte) error) error {
	for _, v := range l.values {
		if err := f(nil, v); err != nil {
			return err
		}
	}
	return nil
}

func (l *memoryLog) Append(_ context.Context, _, value []byte) error {
	if l.fail != nil {
		return l.fail
	}
	l.values = append(l.values, append([]byte(nil), value...))
	return nil
}

func (l *memoryLog) Close() error { return nil }

const uuid = "33db946c-e6aa-11f1-825e-02fc00000001"

func TestRecoverStopsAtThePosition(t *testing.T) {
	l := &memoryLog{}
	for _, d := range goldenDocuments(t) {
		l.values = append(l.values, []byte(d))
	}
	s := NewStore(StoreConfig{Log: l, Server: "dbserver1"})
	for _, c := range []struct {
		gtids   string
		table   string
		columns int // 0: not there
	}{
		{uuid + ":1-17", "customers", 4}, {uuid + ":1-32", "customers", 5}, {uuid + ":1-41", "customers", 4}, {uuid + ":1-10", "customers", 0},
		{uuid + ":1-44", "created_later", 2}, {uuid + ":1-48", "created_later", 0}, {uuid + ":1-42", "uniq_renamed", 2}, {uuid + ":1-42", "uniq_only", 0},
	} {
		r, err := s.Recover(t.Context(), Position{GTIDs: c.gtids, File: "mysql-bin.000001", Pos: 1}, 0)
		m, found := r.Model, r.Documents
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		if table := m.Table(TableID{"inventory", c.table}); table != nil {
			got = len(table.Columns)
		}
		if got != c.columns || found != len(l.values) {
			t.Errorf("%s at %s: %d columns, want %d", c.table, c.gtids, got, c.columns)
		}
	}
	if r, err := NewStore(StoreConfig{Log: l, Server: "another"}).Recover(t.Context(), Position{}, 0); r.Documents != 0 || err != nil {
		t.Errorf("another server: %d, %v", r.Documents, err)
	}
}

func TestRecordThenRecover(t *testing.T) {
	for _, prefer := range []bool{false, true} {
		l := &memoryLog{}
		s := NewStore(StoreConfig{Log: l, Server: "s", PreferDDL: prefer, DDLFilter: []*regexp.Regexp{regexp.MustCompile("FLUSH .*")},
			Now: func() time.Time { return time.UnixMilli(1) }})
		m, p, pos := NewModel(0), NewParser(), Position{File: "b.000001", Pos: 4}
		for _, ddl := range []string{"CREATE DATABASE db CHARACTER SET latin1", "CREATE TABLE t (a INT PRIMARY KEY, b TEXT)", "FLUSH TABLES", "TRUNCATE TABLE t",
			"ALTER TABLE t RENAME TO u", "CREATE TABLE x (a INT)", "DROP TABLE x"} {
			changes, err := p.Apply(m, Session{Database: "db"}, ddl)
			if err != nil {
				t.Fatal(err)
			}
			pos.Pos += 10
			if err := s.Record(t.Context(), pos, changes...); err != nil {
				t.Fatal(err)
			}
		}
		if len(l.values) != 6 {
			t.Errorf("%d documents", len(l.values))
		}
		rec, err := s.Recover(t.Context(), pos, 0)
		r := rec.Model
		if err != nil {
			t.Fatal(err)
		}
		if r.Len() != 1 || describe(r.Table(TableID{"db", "u"})) != "a:INT!, b:TEXT[latin1] key a" || r.DatabaseCharset("db") != "latin1" {
			t.Errorf("prefer.ddl %v: recovered %d tables, charset %s", prefer, r.Len(), r.DatabaseCharset("db"))
		}
	}
}

func TestStoreErrors(t *testing.T) {
	broken := errors.New("broken")
	l := &memoryLog{fail: broken}
	s := NewStore(StoreConfig{Log: l, Server: "s"})
	if err := s.Record(t.Context(), Position{}, Change{Type: Other, DDL: "FLUSH TABLES"}); !errors.Is(err, broken) {
		t.Error(err)
	}
	l.values = [][]byte{nil, []byte("{")}
	if _, err := s.Recover(t.Context(), Position{}, 0); err == nil {
		t.Error("a broken document was read")
	}
}

func TestAtOrBefore(t *testing.T) {
	file := func(name string, pos uint64) Position { return Position{File: name, Pos: pos} }
	gtid := func(s string) Position { return Position{GTIDs: s, File: "b.000001"} }
	for _, c := range []struct {
		a, b Position
		want bool
	}{
		{gtid("a:1-5"), gtid("a:1-5"), true}, {gtid("a:1-5"), gtid("a:1-7"), true}, {gtid("a:1-7"), gtid("a:1-5"), false},
		{gtid("a:1-3:5"), gtid("a:1-5"), true}, {gtid("a:1-5"), gtid("a:1-3:5"), false}, {gtid("a:1-5,b:1"), gtid("a:1-9"), false},
		{gtid("A:1-2,\na:3-5"), gtid("a:1-5"), true}, {gtid("a:x:1-5"), gtid("a:1-5"), false}, {gtid("a:1-5"), gtid("a:1-5:x:1-3"), true},
		{Position{GTIDs: "0-1-5", Event: 1}, gtid("0-1-5"), true}, {Position{GTIDs: "0-1-5", Event: 2}, gtid("0-1-5"), false},
		{gtid("0-1-5"), gtid("0-1-9"), true}, {gtid("0-1-9"), gtid("0-1-5"), false},
		{file("b.000001", 9), gtid("a:1"), true}, {gtid("a:1"), file("b.000001", 9), false},
		{file("b.000009", 9), file("b.000010", 1), true}, {file("b.999999", 9), file("b.1000000", 1), true}, {file("b.000002", 1), file("b.000001", 9), false},
		{file("b.000001", 9), file("b.000001", 9), true}, {file("b.000001", 10), file("b.000001", 9), false}, {file("x.000009", 1), file("b.000001", 1), true},
		{Position{File: "b.1", Event: 2}, Position{File: "b.1", Event: 1}, false}, {Position{File: "b.1", Row: 1}, Position{File: "b.1", Row: 1}, true},
		{Position{ServerID: 1, TsSec: 5, File: "b.9"}, Position{ServerID: 2, TsSec: 6, File: "b.1"}, true},
		{Position{GTIDs: "a:1"}, Position{GTIDs: "a:1", Snapshot: "INITIAL"}, false}, {Position{GTIDs: "a:1", Event: 3}, Position{GTIDs: "a:1", Event: 2}, false},
	} {
		if got := AtOrBefore(c.a, c.b, nil); got != c.want {
			t.Errorf("%+v before %+v: %v", c.a, c.b, got)
		}
	}
	if !AtOrBefore(gtid("a:1-5,b:1-9"), gtid("a:1-5"), func(u string) bool { return u == "a" }) {
		t.Error("the filter did not leave out b")
	}
}
