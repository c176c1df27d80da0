package history

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func apply(t *testing.T, m *Model, s Session, sql string) []Change {
	t.Helper()
	changes, err := NewParser().Apply(m, s, sql)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// describe renders a table for comparison: name:type(length,scale)[charset]! (! for NOT NULL), then the key.
func describe(t *Table) string {
	var b strings.Builder
	for i, c := range t.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Name + ":" + c.TypeName)
		if c.Charset != "" {
			b.WriteString("[" + c.Charset + "]")
		}
		if !c.Optional {
			b.WriteString("!")
		}
	}
	return b.String() + " key " + strings.Join(t.PrimaryKey, ",")
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name  string
		s     Session
		ddl   []string
		table string
		want  string
	}{
		{"swap of names", Session{}, []string{"CREATE TABLE t (a INT, d TEXT)", "ALTER TABLE t RENAME COLUMN a TO d, RENAME COLUMN d TO a"}, "t", "d:INT, a:TEXT[utf8mb4] key "},
		{"double-quoted names", Session{ANSIQuotes: true}, []string{`CREATE TABLE "my t" ("a""b" INT, PRIMARY KEY ("a""b"))`}, "my t", `a"b:INT! key a"b`},
		{"no backslash escapes", Session{NoBackslashEscapes: true}, []string{`CREATE TABLE t (a VARCHAR(9) DEFAULT 'a\', b INT)`}, "t", "a:VARCHAR[utf8mb4], b:INT key "},
		{"charset before add", Session{}, []string{"CREATE TABLE t (a INT)", "ALTER TABLE t ADD cn TEXT, DEFAULT CHARACTER SET = gbk, ADD d CHAR UNICODE"}, "t", "a:INT, cn:TEXT[gbk], d:CHAR[ucs2] key "},
		{"convert", Session{}, []string{"CREATE TABLE t (a TEXT, b BLOB, e ENUM('x'))", "ALTER TABLE t CONVERT TO CHARACTER SET utf16"}, "t", "a:TEXT[utf16], b:BLOB, e:ENUM[utf16] key "},
		{"convert to binary", Session{}, []string{"CREATE TABLE t (a TEXT, b CHAR(3))", "ALTER TABLE t CONVERT TO CHARACTER SET binary"}, "t", "a:BLOB, b:BINARY key "},
		{"database charset", Session{}, []string{"ALTER DATABASE db CHARACTER SET latin1", "CREATE TABLE t (a TEXT)"}, "t", "a:TEXT[latin1] key "},
		{"first unique key without nulls", Session{}, []string{"CREATE TABLE t (a INT UNIQUE, b INT NOT NULL, c INT NOT NULL, UNIQUE (b, c), UNIQUE (c))"}, "t", "a:INT, b:INT!, c:INT! key b,c"},
		{"functional key is none", Session{}, []string{"CREATE TABLE t (a INT NOT NULL, UNIQUE ((a + 1)))"}, "t", "a:INT! key "},
		{"index gives the key and leaves it", Session{}, []string{"CREATE TABLE t (a INT NOT NULL)", "CREATE UNIQUE INDEX k ON t (a)", "DROP INDEX k ON t"}, "t", "a:INT! key a"},
		{"key follows its column", Session{}, []string{"CREATE TABLE t (a INT PRIMARY KEY, b INT)", "ALTER TABLE t CHANGE a x BIGINT"}, "t", "x:BIGINT!, b:INT key x"},
		{"places", Session{}, []string{"CREATE TABLE t (a INT, b INT, c INT)", "ALTER TABLE t MODIFY c INT FIRST, ADD d INT AFTER a"}, "t", "c:INT, a:INT, d:INT, b:INT key "},
		{"like", Session{}, []string{"CREATE TABLE a (x INT PRIMARY KEY)", "CREATE TABLE t (LIKE a)"}, "t", "x:INT! key x"},
		{"rename twice", Session{}, []string{"CREATE TABLE a (x INT)", "CREATE TABLE t (y INT)", "RENAME TABLE t TO tmp, a TO t, tmp TO a"}, "t", "x:INT key "},
		{"modified in another case", Session{}, []string{"CREATE TABLE t (Id INT PRIMARY KEY)", "ALTER TABLE t MODIFY iD BIGINT NOT NULL"}, "t", "iD:BIGINT! key iD"},
		{"version comments", Session{}, []string{"CREATE TABLE t (a INT /*!80023 INVISIBLE */, /* c, INT */ p POINT /*!80003 SRID 4326 */) -- end"}, "t", "a:INT, p:POINT key "},
		{"foreign key actions", Session{}, []string{"CREATE TABLE t (a INT NOT NULL REFERENCES p (x) ON DELETE SET NULL ON UPDATE SET DEFAULT)"}, "t", "a:INT! key "},
		{"create select of row format", Session{}, []string{"CREATE TABLE `t` (\n  `a` int NOT NULL DEFAULT '0'\n) START TRANSACTION"}, "t", "a:INT! key "},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := NewModel(0)
			c.s.Database = "db"
			for _, ddl := range c.ddl {
				apply(t, m, c.s, ddl)
			}
			got := m.Table(TableID{"db", c.table})
			if got == nil {
				t.Fatal("no table")
			}
			if d := describe(got); d != c.want {
				t.Errorf("got  %s\nwant %s", d, c.want)
			}
		})
	}
}

// TestRenameThroughAName: a record has the table that its name has when the statement ends, and none if there is none.
func TestRenameThroughAName(t *testing.T) {
	m, s := NewModel(0), Session{Database: "db"}
	apply(t, m, s, "CREATE TABLE a (x INT)")
	apply(t, m, s, "CREATE TABLE b (y INT)")
	changes := apply(t, m, s, "RENAME TABLE a TO tmp, b TO a, tmp TO b")
	if len(changes) != 3 || changes[0].Table != nil || changes[0].InTableChanges() {
		t.Fatalf("%+v", changes)
	}
	if changes[1].Table.Columns[0].Name != "y" || changes[2].Table.Columns[0].Name != "x" || !changes[2].InTableChanges() {
		t.Errorf("%+v %+v", changes[1].Table, changes[2].Table)
	}
}

// TestColumnOddities are Debezium's: a length of 0 is 10, a nullable column without a default has the default null.
func TestColumnOddities(t *testing.T) {
	m, s := NewModel(0), Session{Database: "db"}
	apply(t, m, s, "CREATE TABLE t (a CHAR(0), b TIME(0), c INT DEFAULT 4, d INT NOT NULL DEFAULT 4)")
	apply(t, m, s, "ALTER TABLE t ALTER c DROP DEFAULT, ALTER d DROP DEFAULT")
	c := m.Table(TableID{"db", "t"}).Columns
	if c[0].Length != 10 || c[1].Length != 0 {
		t.Errorf("lengths %d and %d, want 10 and 0", c[0].Length, c[1].Length)
	}
	if !c[2].HasDefault || c[2].Default != nil || c[3].HasDefault {
		t.Errorf("defaults: %+v, %+v", c[2], c[3])
	}
}

// TestHexadecimalDefaults of numbers are the numbers that SHOW CREATE TABLE writes; Debezium cuts the digits.
func TestHexadecimalDefaults(t *testing.T) {
	m, s := NewModel(0), Session{Database: "db"}
	apply(t, m, s, "CREATE TABLE t (a INT DEFAULT 0x0A, b BIGINT UNSIGNED DEFAULT 0xFFFFFFFFFFFFFFFF, c DECIMAL(10,2) DEFAULT x'10', d DOUBLE DEFAULT 0x10, e BINARY(2) DEFAULT 0x0A0B)")
	want := []string{"10", "18446744073709551615", "16", "16", "0x0A0B"}
	for i, c := range m.Table(TableID{"db", "t"}).Columns {
		if c.Default == nil || *c.Default != want[i] {
			t.Errorf("%s: default %v, want %s", c.Name, c.Default, want[i])
		}
	}
}

// TestDoubleQuotedLiterals are kept as SHOW CREATE TABLE writes them, in single quotes.
func TestDoubleQuotedLiterals(t *testing.T) {
	m, s := NewModel(0), Session{Database: "db"}
	apply(t, m, s, `CREATE TABLE t (a VARCHAR(20) DEFAULT "dq ""x"" 'y' \'", e ENUM("x","y""z",'it\'s',"it's") DEFAULT "x")`)
	c := m.Table(TableID{"db", "t"}).Columns
	if want := `dq "x" ''y'' \'`; *c[0].Default != want {
		t.Errorf("default %s, want %s", *c[0].Default, want)
	}
	if want := []string{"'x'", `'y"z'`, `'it\'s'`, "'it''s'"}; !slices.Equal(c[1].EnumValues, want) {
		t.Errorf("options %q, want %q", c[1].EnumValues, want)
	}
	if _, err := (&Parser{MariaDB: true}).Apply(m, s, `CREATE TABLE m (e ENUM("x"), a CHAR(3) DEFAULT "'y'")`); err != nil {
		t.Fatal(err)
	}
	c = m.Table(TableID{"db", "m"}).Columns // Debezium's MariaDB connector keeps them
	if c[0].EnumValues[0] != `"x"` || *c[1].Default != "'y'" {
		t.Errorf("MariaDB: options %q, default %s", c[0].EnumValues, *c[1].Default)
	}
}

func TestRecordedTexts(t *testing.T) {
	for ddl, want := range map[string][]string{
		"DROP TABLE IF EXISTS a, db2.b CASCADE /* generated by server */": {"db DROP TABLE IF EXISTS `db`.`a` CASCADE", "db2 DROP TABLE IF EXISTS `db2`.`b` CASCADE"},
		"RENAME TABLE t TO u, db.k TO db2.k;":                             {"db RENAME TABLE t TO u", "db2 RENAME TABLE db.k TO db2.k"},
		"CREATE UNIQUE INDEX kb ON t (b)":                                 {"db UNIQUE INDEX kb ON t (b)"},
		"CREATE INDEX kb ON t (b)":                                        {"db CREATE INDEX kb ON t (b)"},
		"/* x */ ALTER TABLE t ADD z INT ; ":                              {"db ALTER TABLE t ADD z INT"},
		"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t":         {"db CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t"},
		"FLUSH TABLES":               {"db FLUSH TABLES"},
		"FLUSH PRIVILEGES":           nil,
		"FLUSH RELAY LOGS":           nil,
		"CREATE DATABASE x":          {"x CREATE DATABASE x"},
		"DROP DATABASE IF EXISTS db": {"db DROP DATABASE IF EXISTS db"},
		"CREATE OR REPLACE ALGORITHM=UNDEFINED DEFINER=`a`@`%` SQL SECURITY DEFINER VIEW v AS SELECT 1": nil,
		"CREATE DEFINER=`a`@`%` PROCEDURE p() BEGIN DROP TABLE t; END":                                  nil,
		"CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 1":                                nil,
		"CREATE USER u IDENTIFIED BY 'secret'":                                                          nil,
		"RENAME USER u TO v":                                                                            {"db RENAME USER u TO v"},
		"GRANT ALL ON *.* TO u":                                                                         nil,
		"CREATE TEMPORARY TABLE t2 (a INT)":                                                             nil,
		"DROP TEMPORARY TABLE IF EXISTS `t2` /* generated by server */":                                 nil,
		"ANALYZE TABLE t":  nil,
		"BEGIN":            nil,
		"TRUNCATE TABLE t": {"db TRUNCATE TABLE t"},
		"":                 nil,
	} {
		m := NewModel(0)
		s := Session{Database: "db"}
		for _, set := range []string{"CREATE TABLE t (a INT, b INT NOT NULL)", "CREATE TABLE k (a INT)"} {
			apply(t, m, s, set)
		}
		var got []string
		for _, ch := range apply(t, m, s, ddl) {
			got = append(got, ch.DB+" "+ch.DDL)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", ddl, got, want)
		}
	}
}

func TestUnreadableStatementsNameTheirTable(t *testing.T) {
	for ddl, want := range map[string]string{
		"ALTER TABLE nowhere ADD a INT":               "db.nowhere",
		"ALTER TABLE t ADD a NOSUCHTYPE":              "db.t",
		"ALTER TABLE t DROP COLUMN missing":           "db.t",
		"CREATE TABLE x AS SELECT 1":                  "db.x",
		"CREATE TABLE IF NOT EXISTS `o`.`x` SELECT 1": "o.x",
		"CREATE TABLE t2 (a INT 'unterminated":        "db.t2",
		"ALTER TABLE `t` ADD COLUMN":                  "db.t",
		"CREATE TABLE y LIKE nowhere":                 "db.y",
		"RENAME TABLE a TO b":                         "db.a",
		"CREATE UNIQUE INDEX k ON nowhere (a)":        "db.nowhere",
	} {
		m := NewModel(0)
		s := Session{Database: "db"}
		apply(t, m, s, "CREATE TABLE t (b INT)")
		before := m.Table(TableID{"db", "t"})
		_, err := NewParser().Apply(m, s, ddl)
		var pe *ParseError
		if !errors.As(err, &pe) || len(pe.Tables) == 0 || pe.Tables[0].String() != want {
			t.Errorf("%s: %v", ddl, err)
		}
		if m.Len() != 1 || m.Table(TableID{"db", "t"}) != before {
			t.Errorf("%s: the model has changed", ddl)
		}
	}
}

func TestModelCopyIsIndependent(t *testing.T) {
	m := NewModel(1)
	s := Session{Database: "DB"}
	apply(t, m, s, "CREATE TABLE T (a INT)")
	c := m.Copy()
	apply(t, c, s, "DROP TABLE t")
	apply(t, m, s, "ALTER TABLE t ADD b INT")
	if c.Len() != 0 || m.Len() != 1 || len(m.Table(TableID{"db", "T"}).Columns) != 2 {
		t.Errorf("%d tables in the copy, %d in the model", c.Len(), m.Len())
	}
	if id := m.Tables()[0].ID; id != (TableID{"db", "t"}) {
		t.Errorf("lower_case_table_names=1 keeps %v", id)
	}
}

func FuzzApply(f *testing.F) {
	for _, s := range []string{"CREATE TABLE t (a INT PRIMARY KEY, b ENUM('x','y') DEFAULT 'x', UNIQUE (b))", "ALTER TABLE t ADD c INT FIRST, DROP a, RENAME TO u",
		"RENAME TABLE t TO a.b, c TO d", "CREATE UNIQUE INDEX k USING BTREE ON t (a)", "DROP TABLE a, b", "ALTER TABLE t CHANGE a b INT /*!80000 INVISIBLE */",
		"SET @@global.character_set_server := utf8", "CREATE DATABASE d COLLATE latin1_bin"} {
		f.Add(s, uint8(0))
	}
	f.Fuzz(func(t *testing.T, ddl string, modes uint8) {
		m, p := NewModel(int(modes>>2&1)), NewParser()
		s := Session{Database: "db", ANSIQuotes: modes&1 != 0, NoBackslashEscapes: modes&2 != 0}
		if _, err := p.Apply(m, s, "CREATE TABLE t (a INT NOT NULL, b TEXT, UNIQUE KEY k (a))"); err != nil {
			t.Fatal(err)
		}
		changes, err := p.Apply(m, s, ddl)
		var pe *ParseError
		if err != nil && !errors.As(err, &pe) {
			t.Fatalf("%v is no ParseError", err)
		}
		for _, ch := range changes {
			d := Document{Server: "s", DB: ch.DB, DDL: ch.DDL, Changes: []Change{ch}}
			if _, err := ParseDocument(AppendDocument(nil, &d)); err != nil && ch.InTableChanges() {
				t.Fatalf("%q: %v", ddl, err)
			}
		}
		_, _ = p.FromShowCreate(nil, "db", ddl)
	})
}

func FuzzParseDocument(f *testing.F) {
	for _, d := range goldenDocuments(f)[10:13] {
		f.Add([]byte(d))
	}
	f.Add([]byte(`{"source":{"server":"s"},"position":{"file":1,"pos":"3","snapshot":true},"tableChanges":[{"type":"ALTER","id":"\"a\".\"b\"","previousId":"x.y","table":{"columns":[{}]}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDocument(b)
		if err != nil {
			return
		}
		text := AppendDocument(nil, d)
		again, err := ParseDocument(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if string(AppendDocument(nil, again)) != string(text) {
			t.Fatalf("not stable: %s", text)
		}
	})
}
