package cdc

import (
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

// TestColumnRules tells which mapper a column gets: the first of truncate, mask, hash, with propagate beside it.
func TestColumnRules(t *testing.T) {
	s, err := settingsOf(parseConfig(t, config.Props{
		"topic.prefix": "p", "database.hostname": "h", "database.user": "u", "database.server.id": "1", "schema.history.internal.kafka.topic": "s",
		"column.truncate.to.3.chars": `db\.t\.a`, "column.mask.with.2.chars": `db\.t\.[ab]`,
		"column.mask.hash.v2.SHA-256.with.salt.x.y": `db\.t\..*`, "column.propagate.source.type": `db\.t\.b`,
		"datatype.propagate.source.type": `db\.t\.VARCHAR,other\..*`,
	}))
	if err != nil {
		t.Fatal(err)
	}
	id := history.TableID{DB: "db", Name: "t"}
	for _, x := range []struct {
		column, typ          string
		truncate, mask, hash bool
		propagate            bool
	}{
		{"a", "INT", true, false, false, false}, {"b", "INT", false, true, false, true}, {"c", "varchar", false, false, true, true}, {"d", "INT", false, false, true, false},
	} {
		r := s.columnRule(id, &history.Column{Name: x.column, TypeName: x.typ})
		if r.HasTruncate != x.truncate || r.HasMask != x.mask || (r.Hash != nil) != x.hash || r.Propagate != x.propagate {
			t.Errorf("%s %s: %+v", x.column, x.typ, r)
		}
	}
	want, _ := row.NewHash("SHA-256", "x.y", true)
	if r := s.columnRule(id, &history.Column{Name: "d"}); r.Hash([]byte("v")) != want([]byte("v")) {
		t.Error("the salt is not all behind .with.salt.")
	}
}

func TestConverters(t *testing.T) {
	s, err := settingsOf(parseConfig(t, config.Props{
		"topic.prefix": "p", "database.hostname": "h", "database.user": "u", "database.server.id": "1", "schema.history.internal.kafka.topic": "s",
		"converters": "bool, jdbc,zero",
		"bool.type":  "io.debezium.connector.mysql.converters.TinyIntOneToBooleanConverter", "bool.selector": `db\.t\.flag.*`,
		"jdbc.type": "io.debezium.connector.binlog.converters.JdbcSinkDataTypesConverter", "jdbc.selector.boolean": `.*\.flag_b`, "jdbc.selector.real": `.*\.r`,
		"jdbc.selector.string": `.*\.s`, "jdbc.treat.real.as.double": "false",
		"zero.type": "io.debezium.connector.binlog.converters.ZeroDateFallbackConverter", "zero.target.types": "date,datetime", "zero.fallback.datetime": "1999-12-31 23:59:59",
		"zero.column.db.t.own.fallback": "2000-01-02",
	}))
	if err != nil {
		t.Fatal(err)
	}
	id := history.TableID{DB: "db", Name: "t"}
	for _, x := range []struct {
		column string
		typ    string
		length int
		want   row.Conversion
	}{
		{"flag_a", "TINYINT", 1, row.Conversion{Boolean: true}}, {"flag_b", "TINYINT", 4, row.Conversion{Int16: true}}, {"x", "TINYINT", 1, row.Conversion{}},
		{"r", "REAL", -1, row.Conversion{Float32: true}}, {"s", "VARCHAR", 9, row.Conversion{Text: true}}, {"ts", "TIMESTAMP", -1, row.Conversion{}},
	} {
		if got := s.conversion(id, &history.Column{Name: x.column, TypeName: x.typ, Length: x.length}); got != x.want {
			t.Errorf("%s %s(%d): %+v, want %+v", x.column, x.typ, x.length, got, x.want)
		}
	}
	for _, x := range []struct {
		column, typ string
		want        row.ZeroDate
	}{
		{"d", "DATE", row.ZeroDate{}}, {"dt", "DATETIME", row.ZeroDate{Set: true, Year: 1999, Month: 12, Day: 31, Micros: 86399000000}},
		{"own", "DATE", row.ZeroDate{Set: true, Year: 2000, Month: 1, Day: 2}},
	} {
		got := s.conversion(id, &history.Column{Name: x.column, TypeName: x.typ})
		if got.ZeroDate == nil || *got.ZeroDate != x.want {
			t.Errorf("%s: %+v, want %+v", x.column, got.ZeroDate, x.want)
		}
	}
}
