package row

import (
	"bufio"
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// TestHashesAreJavas compares with what Java's MessageDigest and ObjectOutputStream made of the same texts.
func TestHashesAreJavas(t *testing.T) {
	f, err := os.Open("testdata/hashes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); n++ {
		p := strings.Split(sc.Text(), "\t")
		text, err := base64.StdEncoding.DecodeString(p[2])
		if p[2] == "BIG" {
			text, err = []byte(strings.Repeat("é", 70000)), nil
		}
		if err != nil {
			t.Fatal(err)
		}
		h, err := NewHash(strings.ToLower(p[0]), "CzQMA0cB5K", p[1] == "true")
		if err != nil {
			t.Fatal(err)
		}
		if got := h(text); got != p[3] || h(text) != p[3] {
			t.Errorf("%s v2=%s %.20q: got %s, Java %s", p[0], p[1], text, got, p[3])
		}
	}
	if n != 70 {
		t.Errorf("%d cases", n)
	}
	if _, err := NewHash("CRC32", "x", true); err == nil || !strings.Contains(err.Error(), "CRC32") {
		t.Errorf("an unknown algorithm: %v", err)
	}
}

func TestConversions(t *testing.T) {
	table := makeTable(t, `CREATE TABLE t (id INT NOT NULL PRIMARY KEY, flag TINYINT(1) NOT NULL DEFAULT '1', n TINYINT(1), i TINYINT(1) DEFAULT '0',
		r REAL DEFAULT '1.5', f FLOAT, s VARCHAR(9) CHARACTER SET latin1, b VARBINARY(9), d DATE, dt DATETIME(6) NOT NULL DEFAULT '2020-01-01 00:00:00', ts TIMESTAMP(3) NULL,
		dn DATE NOT NULL)`)
	epoch := &ZeroDate{Set: true, Year: 1970, Month: 1, Day: 2, Micros: 1_500_000}
	by := map[string]Conversion{"flag": {Boolean: true}, "n": {Boolean: true}, "i": {Int16: true}, "r": {Float32: true}, "f": {Float64: true},
		"s": {Text: true}, "b": {Text: true}, "d": {ZeroDate: epoch}, "dt": {ZeroDate: epoch}, "ts": {ZeroDate: epoch}, "dn": {ZeroDate: &ZeroDate{}}}
	c := newCodec(t, table, Options{TimePrecision: TimeConnect, Convert: func(c *history.Column) Conversion { return by[c.Name] }})
	var mem Memory
	for _, x := range []struct {
		row  []mysql.FieldValue
		want string
	}{
		{[]mysql.FieldValue{number(1), number(-1), number(0), number(7), text("2.5"), text("0.25"), text("é"), text("xy"), text("2024-02-29"), text("2024-01-01 00:00:00.000001"),
			text("2024-01-01 00:00:00.500"), text("2024-01-01")},
			"Struct{id=1,flag=true,n=false,i=1,r=2.5,f=0.25,s=é,b=xy,d=19782,dt=1704067200000001,ts=2024-01-01T00:00:00.5Z,dn=19723}"},
		{[]mysql.FieldValue{number(2), number(2), {}, {}, {}, {}, {}, {}, {}, text("0000-00-00 00:00:00"), text("0000-00-00 00:00:00"), text("0000-00-00")},
			"Struct{id=2,flag=true,d=1,dt=86401500000,ts=1970-01-02T00:00:01.5Z}"},
	} {
		r, err := c.DecodeText(x.row, &mem)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Value.String(); got != x.want {
			t.Errorf("got  %s\nwant %s", got, x.want)
		}
	}
	for name, want := range map[string]string{
		"flag": "boolean true", "n": "boolean optional", "i": "int16 optional 0", "r": "float32 optional 1.5", "f": "float64 optional", "s": "string optional",
		"d": "int32 optional", "dt": "int64 86401500000", "dn": "int32 optional",
	} {
		s := c.ValueSchema().Field(name).Schema
		got := strings.ToLower(s.Kind().String())
		if s.Optional() {
			got += " optional"
		}
		if v, ok := s.Default(); ok {
			got += " " + v.String()
		}
		if got != want {
			t.Errorf("%s: schema %s, want %s", name, got, want)
		}
	}
	if cs, _ := c.ValueSchema().Field("s").Schema.Param("__debezium.source.column.character_set"); cs != "latin1" {
		t.Errorf("character set parameter %q", cs)
	}
	if _, err := New(makeTable(t, "CREATE TABLE t (p POINT)"), Options{Convert: func(*history.Column) Conversion { return Conversion{Boolean: true} }}); err == nil ||
		!strings.Contains(err.Error(), "column p") {
		t.Errorf("a point as boolean: %v", err)
	}
}
