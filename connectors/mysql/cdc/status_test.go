package cdc

import (
	"testing"
)

// TestSessionStatus reads the status variables of a statement as MySQL 9.7 writes them.
func TestSessionStatus(t *testing.T) {
	status := []byte{0, 0, 0, 0, 0, // flags
		1, 0x20, 0, 0xa0, 0x45, 0, 0, 0, 0, // sql_mode
		6, 3, 's', 't', 'd', // catalog
		3, 1, 0, 2, 0, // auto increment
		4, 8, 0, 8, 0, 255, 0, // latin1
		5, 3, 'U', 'T', 'C', // time zone
		12, 2, 'a', 0, 'b', 'b', 0, // databases
		13, 1, 2, 3, // microseconds
		17, 1, 2, 3, 4, 5, 6, 7, 8} // what comes later is not read
	s := parseStatus(status)
	if s.mode != 0x45a00020 || s.charset != 8 || !s.dbsSaid || len(s.dbs) != 2 || s.dbs[0] != "a" || s.dbs[1] != "bb" {
		t.Errorf("%+v", s)
	}
	if got := s.text([]byte("caf\xe9")); got != "café" {
		t.Errorf("text %q", got)
	}
	if got := s.text([]byte("CREATE TABLE `é` (\n) START TRANSACTION")); got != "CREATE TABLE `é` (\n) START TRANSACTION" {
		t.Errorf("the server's own text %q", got)
	}
	is := func(db string) func(string) bool { return func(s string) bool { return s == db } }
	if !s.touches(is("bb")) || s.touches(is("c")) {
		t.Error("databases of the statement")
	}
	for _, unknown := range [][]byte{nil, {12, tooManyDBs}, {12, 3, 'a', 0}, {99, 1, 2}} {
		if u := parseStatus(unknown); !u.touches(is("c")) {
			t.Errorf("%v: any database may have been changed", unknown)
		}
	}
	for i := range status {
		_ = parseStatus(status[:i]) // no panic
	}
}

func FuzzQuery(f *testing.F) {
	f.Add([]byte("\x16\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x0e\x00\x00\x00\x00\x00\x00\x01\x04\x00\x00\x00\x00\x00\x00\x00d\x00BEGIN"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, _, err := parseQuery(b); err == nil {
			leadingWords(q.sql)
		}
	})
}
