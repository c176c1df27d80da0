package row

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
)

func makeTable(t testing.TB, ddl string) *history.Table {
	t.Helper()
	table, err := history.NewParser().FromShowCreate(nil, "db", ddl)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func text(s string) mysql.FieldValue {
	return mysql.NewFieldValue(mysql.FieldValueTypeString, 0, []byte(s))
}

func number(n int64) mysql.FieldValue {
	return mysql.NewFieldValue(mysql.FieldValueTypeSigned, uint64(n), nil)
}

func TestRules(t *testing.T) {
	table := makeTable(t, "CREATE TABLE t (id VARCHAR(9) NOT NULL PRIMARY KEY, cut VARCHAR(20), mask VARCHAR(20), hash VARCHAR(20), hidden INT, typ DECIMAL(7,3))")
	rules := map[string]Rule{"id": {Exclude: true}, "cut": {Truncate: 3, HasTruncate: true}, "mask": {Mask: 5, HasMask: true},
		"hash": {Hash: func(b []byte) string { return "#" + string(b) }}, "hidden": {Exclude: true}, "typ": {Propagate: true}}
	c := newCodec(t, table, Options{Rule: func(c *history.Column) Rule { return rules[c.Name] }})
	var mem Memory
	r, err := c.DecodeText([]mysql.FieldValue{text("k1"), text("añ😀xyz"), text("secret"), text("abc"), number(1), text("1.5")}, &mem)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Value.String(), "Struct{cut=añ,mask=*****,hash=#abc,typ=1.500}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for name, want := range map[string]string{"cut": "truncateLength=3", "mask": "masked=true", "hash": "masked=true"} {
		key, value, _ := strings.Cut(want, "=")
		if got, _ := c.ValueSchema().Field(name).Schema.Param(key); got != value {
			t.Errorf("%s: parameter %s is %q", name, key, got)
		}
	}
	null, err := c.DecodeText([]mysql.FieldValue{text("k2"), {}, {}, {}, {}, {}}, &mem)
	if err != nil || null.Value.String() != "Struct{mask=*****}" {
		t.Errorf("nulls: %v, %v", null.Value, err)
	}
	if k := c.Key(r, &mem); k.String() != "Struct{id=k1}" {
		t.Errorf("key %s", k)
	}
	for name, want := range map[string]string{"type": "DECIMAL", "length": "7", "scale": "3", "name": "typ"} {
		if got, _ := c.ValueSchema().Field("typ").Schema.Param("__debezium.source.column." + name); got != want {
			t.Errorf("parameter %s is %q", name, got)
		}
	}
}

// TestTruncateShortColumns: what cannot be longer than the limit is as it is. The length of an ENUM is 1, of a SET that of its one-letter options.
func TestTruncateShortColumns(t *testing.T) {
	table := makeTable(t, "CREATE TABLE t (e ENUM('long','x'), s SET('long','lo'), v VARCHAR(3), tx TEXT)")
	c := newCodec(t, table, Options{Rule: func(*history.Column) Rule { return Rule{Truncate: 3, HasTruncate: true} }})
	var mem Memory
	r, err := c.DecodeText([]mysql.FieldValue{text("long"), text("long"), text("abc"), text("abcd")}, &mem)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Value.String(), "Struct{e=long,s=long,v=abc,tx=abc}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestKeyColumns(t *testing.T) {
	table := makeTable(t, "CREATE TABLE t (a INT NOT NULL PRIMARY KEY, b VARCHAR(5), c INT NOT NULL)")
	c := newCodec(t, table, Options{KeyColumns: []string{"C", "b"}})
	var mem Memory
	r, err := c.DecodeText([]mysql.FieldValue{number(1), text("x"), number(3)}, &mem)
	if err != nil {
		t.Fatal(err)
	}
	if k := c.Key(r, &mem); k.String() != "Struct{c=3,b=x}" {
		t.Errorf("key %s", k)
	}
	if c.Key(Row{}, &mem) != nil {
		t.Error("a key of no row")
	}
	if _, err := New(table, Options{KeyColumns: []string{"nope"}}); err == nil || !strings.Contains(err.Error(), "nope") {
		t.Errorf("missing key column: %v", err)
	}
}

func TestCollidingFieldNamesAreRefused(t *testing.T) {
	table := makeTable(t, "CREATE TABLE t (`ü` INT, `日` INT)")
	_, err := New(table, Options{FieldName: func(string) string { return "_" }})
	if err == nil || !strings.Contains(err.Error(), "ü") || !strings.Contains(err.Error(), "日") {
		t.Errorf("%v", err)
	}
}

func TestAbsentColumnsComeFromTheBase(t *testing.T) {
	table := makeTable(t, "CREATE TABLE t (a TINYINT NOT NULL PRIMARY KEY, b TINYINT, c TINYINT)")
	c := newCodec(t, table, Options{})
	tm := &replication.TableMapEvent{ColumnType: []byte{mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_TINY}, ColumnMeta: make([]uint16, 3)}
	var mem Memory
	base, rest, err := c.DecodeBinlog([]byte{0, 1, 2, 3, 9}, tm, nil, Row{}, &mem)
	if err != nil || len(rest) != 1 {
		t.Fatal(err, rest)
	}
	r, _, err := c.DecodeBinlog([]byte{0, 7}, tm, []byte{4}, base, &mem)
	if err != nil || r.Value.String() != "Struct{a=1,b=2,c=7}" {
		t.Errorf("%v, %v", r.Value, err)
	}
	r, _, err = c.DecodeBinlog([]byte{0, 7}, tm, []byte{4}, Row{}, &mem)
	if err != nil || r.Value.String() != "Struct{a=0,c=7}" || r.Value.Validate() != nil || c.Incomplete(r) != "a" {
		t.Errorf("%v, %v, incomplete %q", r.Value, err, c.Incomplete(r))
	}
	if r, _, err = c.DecodeBinlog([]byte{0, 7}, tm, []byte{1}, r, &mem); err != nil || c.Incomplete(r) != "b" {
		t.Errorf("%v, %v, incomplete %q", r.Value, err, c.Incomplete(r))
	}
}

// TestLeanImages decodes images of binlog_row_image=MINIMAL and wants what is known, and what is not.
func TestLeanImages(t *testing.T) {
	table := makeTable(t, "CREATE TABLE t (id TINYINT NOT NULL PRIMARY KEY, a TINYINT NOT NULL DEFAULT '7', b TINYINT DEFAULT NULL, x BLOB, n TINYINT NOT NULL, g TINYINT AS (id) VIRTUAL)")
	c := newCodec(t, table, Options{Binary: BinaryHex, Unavailable: "?", KeyColumns: []string{"a"}})
	tiny := mysql.MYSQL_TYPE_TINY
	tm := &replication.TableMapEvent{ColumnType: []byte{tiny, tiny, tiny, mysql.MYSQL_TYPE_BLOB, tiny, tiny}, ColumnMeta: []uint16{0, 0, 0, 2, 0, 0}}
	var mem Memory
	decode := func(image []byte, present byte, base Row) Row {
		t.Helper()
		r, rest, err := c.DecodeBinlog(image, tm, []byte{present}, base, &mem)
		if err != nil || len(rest) > 0 {
			t.Fatal(err, rest)
		}
		return r
	}
	want := func(r Row, text, incomplete, keyless string) {
		t.Helper()
		if r.Value.String() != text || c.Incomplete(r) != incomplete || c.Keyless(r) != keyless || r.Value.Validate() != nil {
			t.Errorf("%v (%v), incomplete %q, keyless %q\nwant %s, %q, %q", r.Value, r.Value.Validate(), c.Incomplete(r), c.Keyless(r), text, incomplete, keyless)
		}
	}
	r := decode([]byte{0, 1, 5, 6}, 0b110001, Row{})
	want(r, "Struct{id=1,a=0,x=3f,n=5,g=6}", "a", "a")
	c.SetDefaults(&r, &mem)
	want(r, "Struct{id=1,a=7,n=5,g=6}", "", "")
	r = decode([]byte{0, 1}, 1, Row{})
	c.SetDefaults(&r, &mem)
	want(r, "Struct{id=1,a=7,n=0}", "n", "") // neither a default nor the value of an expression
	before := decode([]byte{0, 1}, 1, Row{})
	r = decode([]byte{0, 8, 5}, 0b010010, before)
	want(r, "Struct{id=1,a=8,x=3f,n=5}", "b", "")
	full := decode([]byte{0, 1, 2, 3, 1, 0, 'y', 5, 6}, 0b111111, Row{})
	for _, field := range []int{1, 2, 5} {
		if missing := c.Absent(r, field); missing != (field != 1) {
			t.Errorf("field %d is absent: %t", field, missing)
		}
		c.Take(&r, field, full)
	}
	want(r, "Struct{id=1,a=2,b=3,x=3f,n=5,g=6}", "", "")
}

func TestRowsThatDoNotFit(t *testing.T) {
	c := newCodec(t, makeTable(t, "CREATE TABLE t (a INT, b TEXT)"), Options{})
	var mem Memory
	for _, types := range [][]byte{{mysql.MYSQL_TYPE_LONG}, {mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_BLOB}} {
		tm := &replication.TableMapEvent{ColumnType: types, ColumnMeta: make([]uint16, len(types))}
		if _, _, err := c.DecodeBinlog([]byte{0, 0}, tm, nil, Row{}, &mem); !errors.Is(err, ErrColumns) {
			t.Errorf("%v", err)
		}
	}
	tm := &replication.TableMapEvent{ColumnType: []byte{mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_BLOB}, ColumnMeta: []uint16{0, 2}}
	for _, b := range [][]byte{nil, {0}, {0, 1, 2, 3}, {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4, 9, 0, 'x'}} {
		if _, _, err := c.DecodeBinlog(b, tm, nil, Row{}, &mem); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: %v", b, err)
		}
	}
	if _, err := c.DecodeText([]mysql.FieldValue{number(1)}, &mem); !errors.Is(err, ErrColumns) {
		t.Errorf("%v", err)
	}
	if _, err := c.DecodeText([]mysql.FieldValue{text("x"), text("y")}, &mem); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "column a of db.t") {
		t.Errorf("%v", err)
	}
}

func TestDefaults(t *testing.T) {
	table := makeTable(t, "CREATE TABLE t (bin BINARY(4) NOT NULL DEFAULT 'ab\\0\\0', vb VARBINARY(9) NOT NULL DEFAULT 0x00FF10, d DECIMAL(5,2) NOT NULL DEFAULT 1.005, "+
		"zero DATE NOT NULL DEFAULT '0000-00-00', nul DATETIME DEFAULT '0000-00-00 00:00:00', tm TIME NOT NULL DEFAULT '-01:02:03', b BIT(1) NOT NULL DEFAULT b'1', "+
		"boo TINYINT(1) NOT NULL DEFAULT TRUE, e INT NOT NULL DEFAULT (1 + 1), u BIGINT UNSIGNED NOT NULL DEFAULT 18446744073709551615, y YEAR NOT NULL DEFAULT 2020, "+
		"ts TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), f FLOAT NOT NULL DEFAULT -1.5, fd FLOAT(7,3) DEFAULT 1.235, s SET('a','b') NOT NULL DEFAULT 'a,b')")
	c := newCodec(t, table, Options{})
	want := map[string]data.Value{"bin": data.Bytes([]byte("ab\x00\x00")), "vb": data.Bytes([]byte{0, 0xFF, 0x10}), "d": data.Decimal64(101, 2),
		"zero": data.Int32(0), "tm": data.Int64(-3723000000), "b": data.Bool(true), "boo": data.Int16(1), "u": data.Int64(1<<63 - 1), "y": data.Int32(2020),
		"ts": data.String("1970-01-01T00:00:00Z"), "f": data.Float32(-1.5), "fd": data.Float64(1.235), "s": data.String("a,b")}
	for _, f := range c.ValueSchema().Fields() {
		got, ok := f.Schema.Default()
		w, has := want[f.Name]
		if ok != has || !got.Equal(w) {
			t.Errorf("%s: default %v, want %v", f.Name, got, w)
		}
	}
}

func TestSelectLists(t *testing.T) {
	table := makeTable(t, "CREATE TABLE t (id INT PRIMARY KEY, a INT, f FLOAT, b TEXT)")
	c := newCodec(t, table, Options{Rule: func(col *history.Column) Rule { return Rule{Exclude: col.Name == "id" || col.Name == "a"} }})
	if got := c.SelectList(); got != "`id`, `a`, (`f` + 0e0), `b`" {
		t.Error(got)
	}
	if got := c.SnapshotList(); got != "`id`, NULL, (`f` + 0e0), `b`" {
		t.Error(got)
	}
}

func TestMemoryKeepsWhatItGave(t *testing.T) {
	var mem Memory
	var all [][]byte
	for i := range 3000 {
		b := mem.Bytes(i % 200)
		for j := range b {
			b[j] = byte(i)
		}
		all = append(all, b)
		out := append(mem.begin(5), strings.Repeat(string(rune('a'+i%26)), i%40)...)
		all = append(all, mem.end(out))
	}
	for i, b := range all {
		for _, x := range b {
			if want := b[0]; x != want {
				t.Fatalf("piece %d was overwritten", i)
			}
		}
	}
}

func TestToUTF8(t *testing.T) {
	for _, c := range []struct{ charset, in, want string }{
		{"latin1", "caf\xe9 \x80\x81", "café €\u0081"}, {"gbk", "\xd6\xd0", "中"}, {"utf8mb4", "😀", "😀"}, {"ucs2", "\x00a\x4e\x2d", "a中"},
		{"swe7", "[\\]", "ÄÖÅ"}, {"big5", "\xa4\xa4\xa1\x45a", "中•a"}, {"gb18030", "\x81\x30\x81\x30\xa1\x40", "\u0080\ue4c6"}, {"sjis", "\x81\x5f\x93\xfa", `\日`},
	} {
		if got, err := ToUTF8(c.charset, []byte(c.in)); err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v", c.charset, got, err)
		}
	}
	if _, err := ToUTF8("koi9", nil); err == nil || !strings.Contains(err.Error(), "koi9") {
		t.Errorf("%v", err)
	}
}

func TestRealIsDouble(t *testing.T) {
	table, err := history.NewParser().Apply(history.NewModel(0), history.Session{Database: "db"}, "CREATE TABLE t (r REAL, d DOUBLE PRECISION)")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range newCodec(t, table[0].Table, Options{}).ValueSchema().Fields() {
		if f.Schema.Kind() != data.KindFloat64 {
			t.Errorf("%s is %s", f.Name, f.Schema.Kind())
		}
	}
}
