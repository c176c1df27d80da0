package cdc

import (
	"slices"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
)

func TestChangedTables(t *testing.T) {
	change := func(db, name string) history.Change {
		return history.Change{Type: history.Drop, DB: db, ID: history.TableID{DB: db, Name: name}}
	}
	got := changedTables([]history.Change{change("a", "x"), change("b", "y"), change("a", "z"), change("a", "w")})
	if want := []string{"x", "y", "z,w", "z,w"}; !slices.Equal(got, want) && !slices.Equal(got, []string{"x", "y", "w,z", "w,z"}) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestToldChanges: with schema.history.internal.store.only.captured.tables.ddl, more is announced than is kept.
func TestToldChanges(t *testing.T) {
	set, err := settingsOf(parseConfig(t, minimal(config.Props{"database.include.list": "db", "table.include.list": `db\.t,db\.u`,
		"schema.history.internal.store.only.captured.tables.ddl": "true"})))
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{set: set}
	m, s := history.NewModel(0), history.Session{Database: "db"}
	for _, x := range []struct {
		ddl        string
		kept, told []bool
	}{
		{"CREATE TABLE t (a INT)", []bool{true}, []bool{true}},
		{"CREATE TABLE u (a INT)", []bool{true}, []bool{true}},
		{"CREATE TABLE other (a INT)", []bool{false}, []bool{false}},
		{"RENAME TABLE t TO tmp, u TO t, tmp TO u", []bool{false, true, true}, []bool{true, true, true}},
		{"RENAME TABLE other TO tmp, tmp TO other", []bool{false, false}, []bool{false, false}},
		{"DROP TABLE other, u", []bool{false, true}, []bool{false, true}},
		{"CREATE DATABASE elsewhere", []bool{false}, []bool{false}},
		{"DROP DATABASE db", []bool{false}, []bool{true}},
		{"FLUSH TABLES", []bool{false}, []bool{false}},
	} {
		changes, err := history.NewParser().Apply(m, s, x.ddl)
		if err != nil {
			t.Fatal(err)
		}
		var kept, told []bool
		for i := range changes {
			kept, told = append(kept, r.kept(&changes[i])), append(told, r.told(&changes[i], changes))
		}
		if !slices.Equal(kept, x.kept) || !slices.Equal(told, x.told) {
			t.Errorf("%s: kept %v, told %v, want %v and %v", x.ddl, kept, told, x.kept, x.told)
		}
	}
}
