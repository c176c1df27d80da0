//go:build integration

package history

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// randomDDL makes statements that a server may take or refuse; what it takes the model must follow.
type randomDDL struct {
	*rand.Rand
	mariadb  bool
	ansi     bool // the session has ANSI_QUOTES
	verbatim bool // the session has NO_BACKSLASH_ESCAPES
}

func (g *randomDDL) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *randomDDL) maybe(text string) string {
	if g.IntN(3) == 0 {
		return " " + text
	}
	return ""
}

var quotable = []string{"t", "t.2", "Ünï", "we`ird", "select", `a"b`, "日本", "t-3", "1t"}

func (g *randomDDL) quote(name string) string {
	if g.ansi && g.IntN(2) == 0 {
		return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

func (g *randomDDL) table() string {
	name := g.quote(quotable[g.IntN(len(quotable))])
	switch g.IntN(8) {
	case 0:
		return g.quote("ddlrandom2") + g.pick(".", " . ", ". ") + name
	case 1:
		return "ddlrandom." + name
	}
	return name
}

func (g *randomDDL) column() string {
	return g.quote(g.pick("a", "b", "C", "d", "é", "key", "co,l", "x)y"))
}

func (g *randomDDL) text() string {
	s := g.pick("a", "b c", "it''s", "x,y", "(", ")", "ü", "😀", "%", "-- no", "/* no */", `q"q`)
	if !g.verbatim && g.IntN(6) == 0 {
		s = g.pick(`a\'b`, `a\\`, `\n`)
	} else if g.verbatim && g.IntN(4) == 0 {
		s = `end\`
	}
	if !g.ansi && g.IntN(5) == 0 && !strings.Contains(s, `"`) {
		return `"` + strings.ReplaceAll(s, "''", "'") + `"`
	}
	return "'" + s + "'"
}

func (g *randomDDL) charset() string {
	return g.maybe(g.pick("CHARACTER SET latin1", "CHARSET utf8mb4", "CHARACTER SET gbk", "COLLATE utf8mb4_bin", "CHARACTER SET utf8mb3", "CHARACTER SET binary",
		"ASCII", "UNICODE", "BINARY", "CHARACTER SET utf16 COLLATE utf16_bin", "CHAR SET latin1", "COLLATE binary", "CHARACTER SET latin1 BINARY"))
}

func (g *randomDDL) columnType() string {
	switch g.IntN(16) {
	case 0, 1:
		return g.pick("INT", "INTEGER", "INT(5)", "BIGINT", "MEDIUMINT", "SMALLINT", "TINYINT(1)", "INT8", "MIDDLEINT") + g.maybe(g.pick("UNSIGNED", "ZEROFILL", "SIGNED", "UNSIGNED ZEROFILL"))
	case 2:
		return g.pick("DECIMAL(7,3)", "DEC", "NUMERIC(5)", "FIXED(9,2)", "DECIMAL(65,30)") + g.maybe("UNSIGNED")
	case 3:
		return g.pick("FLOAT", "DOUBLE", "DOUBLE PRECISION", "REAL", "FLOAT(7,2)", "FLOAT(30)", "FLOAT8")
	case 4, 5:
		return g.pick("CHAR(3)", "VARCHAR(9)", "CHARACTER VARYING(7)", "CHAR", "VARCHARACTER(4)") + g.charset()
	case 6:
		return g.pick("TEXT", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT", "LONG VARCHAR", "LONG") + g.charset()
	case 7:
		return g.pick("NCHAR(4)", "NATIONAL CHAR(3)", "NATIONAL VARCHAR(5)", "NVARCHAR(3)", "NCHAR VARYING(4)", "NATIONAL CHARACTER VARYING(6)", "NATIONAL CHAR VARYING(2)", "NCHAR VARCHAR(3)")
	case 8:
		return g.pick("BLOB", "VARBINARY(8)", "BINARY(3)", "LONGBLOB", "TINYBLOB", "LONG VARBINARY", "CHAR(3) BYTE", "BINARY")
	case 9, 10:
		return g.pick("ENUM", "SET") + "(" + g.text() + g.pick(",", " , ") + "'z'" + g.maybe(",'q''r'") + ")" + g.charset()
	case 11:
		return g.pick("DATE", "TIME", "TIME(3)", "DATETIME(6)", "DATETIME", "YEAR", "TIMESTAMP NULL", "TIMESTAMP(3) NULL")
	case 12:
		return g.pick("BIT", "BIT(9)", "BOOL", "BOOLEAN")
	case 13:
		return g.pick("POINT", "GEOMETRY", "POLYGON", "GEOMETRYCOLLECTION", "MULTIPOINT")
	case 14:
		if g.mariadb {
			return g.pick("UUID", "INET6", "INET4", "VARCHAR(20) COMPRESSED", "TEXT COMPRESSED", "INT INVISIBLE", "BLOB COMPRESSED=zlib", "RAW(5)", "NUMBER(5,2)", "VARCHAR2(7)", "CLOB")
		}
		return g.pick("VECTOR(4)", "VECTOR", "JSON", "INT INVISIBLE", "POINT SRID 4326", "GEOMCOLLECTION")
	default:
		return g.pick("VARCHAR(20)", "INT")
	}
}

func (g *randomDDL) attributes() string {
	var b strings.Builder
	b.WriteString(g.maybe(g.pick("NOT NULL", "NULL", "NOT NULL")))
	b.WriteString(g.maybe("DEFAULT " + g.pick("NULL", "1", "'1'", "-1.5", "b'1'", "x'31'", "0x31", "_latin1'1'", "TRUE", "(1 + 2)", "(UUID())", "N'1'", "'1' '2'", "CURRENT_TIMESTAMP", "1e3", "(concat('a,', ')'))", "_utf8mb4 x'31'", "+1", "DATE '2020-01-01'")))
	b.WriteString(g.maybe("COMMENT " + g.text()))
	b.WriteString(g.maybe(g.pick("UNIQUE", "UNIQUE KEY", "PRIMARY KEY", "KEY", "AUTO_INCREMENT PRIMARY KEY", "CHECK (1 > 0)", "CONSTRAINT CHECK (`a` IS NOT NULL)", "/*!80000 NOT NULL */",
		"/*!50100 UNIQUE */", "/*!99999 NOT NULL */", "/* NOT NULL */", "COLUMN_FORMAT DYNAMIC", "INVISIBLE", "ON UPDATE CURRENT_TIMESTAMP", "REFERENCES other (x) ON DELETE SET NULL")))
	if g.mariadb {
		b.WriteString(g.maybe(g.pick("WITHOUT SYSTEM VERSIONING", "/*M! NOT NULL */", "/*M!100100 NOT NULL */", "/*M!999999 NOT NULL */", "COLLATE uca1400_ai_ci", "ENCRYPTED=NO")))
	}
	return b.String()
}

func (g *randomDDL) definition(name string) string {
	switch g.IntN(12) {
	case 0:
		return name + g.pick(" INT", " VARCHAR(9)", " BIGINT UNSIGNED") + g.pick(" GENERATED ALWAYS", "") + " AS (" + g.pick("1 + 2", "concat('a,', ')')", "if(1 > 0, 1, 2)") + ")" + g.maybe(g.pick("STORED", "VIRTUAL")) + g.maybe("COMMENT 'gen'")
	case 1:
		return name + g.pick(" SERIAL", " INT SERIAL DEFAULT VALUE")
	}
	return name + " " + g.columnType() + g.attributes()
}

func (g *randomDDL) key() string {
	ine := ""
	if g.mariadb {
		ine = g.maybe("IF NOT EXISTS")
	}
	return g.pick("PRIMARY KEY", "UNIQUE", "UNIQUE KEY"+ine+" `k1`", "UNIQUE INDEX", "CONSTRAINT `u1` UNIQUE", "CONSTRAINT PRIMARY KEY", "INDEX i1", "KEY", "UNIQUE KEY k2 USING BTREE", "FULLTEXT KEY", "CONSTRAINT c PRIMARY KEY") +
		" (" + g.pick("`a`", "`a`, `b`", "`b` DESC", "`C`(2)", "`a`, (1 + 2)", "((`a` + 1))", "`d`") + ")"
}

func (g *randomDDL) options() string {
	return g.maybe(g.pick("ENGINE=InnoDB", "ENGINE InnoDB")) + g.maybe(g.pick("DEFAULT CHARSET=latin1", "CHARACTER SET = gbk", "DEFAULT CHARACTER SET utf8mb3", "COLLATE=utf8mb4_bin", "DEFAULT COLLATE latin1_bin", "CHARSET=DEFAULT")) +
		g.maybe("COMMENT="+g.text()) + g.maybe(g.pick("ROW_FORMAT=DYNAMIC", "AUTO_INCREMENT=5", "STATS_PERSISTENT=0, CHECKSUM=1"))
}

func (g *randomDDL) create() string {
	cols := []string{"`a` " + g.pick("INT", "INT NOT NULL", "BIGINT AUTO_INCREMENT PRIMARY KEY"), "`b` " + g.pick("INT", "VARCHAR(5)", "INT NOT NULL"), "`C` TEXT"}
	for range g.IntN(4) {
		cols = append(cols, g.definition(g.quote(fmt.Sprintf("n%d", g.IntN(9)))))
	}
	for range g.IntN(3) {
		cols = append(cols, g.key())
	}
	if g.IntN(4) == 0 {
		cols = append(cols, g.pick("CHECK (`a` > 0)", "CONSTRAINT ck CHECK (`a` <> 7)", "INDEX f ((`a` + 1))", "CONSTRAINT CHECK (`b` IS NOT NULL)"))
	}
	versioned := ""
	if g.mariadb && g.IntN(5) == 0 {
		versioned = " WITH SYSTEM VERSIONING"
		if g.IntN(2) == 0 {
			cols = append(cols, "rs TIMESTAMP(6) GENERATED ALWAYS AS ROW START"+g.maybe("INVISIBLE"), "re TIMESTAMP(6) GENERATED ALWAYS AS ROW END", "PERIOD FOR SYSTEM_TIME (rs, re)")
		}
	}
	return "CREATE TABLE" + g.maybe("IF NOT EXISTS") + " " + g.table() + " (" + strings.Join(cols, g.pick(",", ", ", "\n,\t")) + ")" + g.options() + versioned +
		g.maybe(g.pick("PARTITION BY HASH (`a`) PARTITIONS 3", "PARTITION BY RANGE (`a`) (PARTITION p0 VALUES LESS THAN (10) COMMENT = 'x', PARTITION p1 VALUES LESS THAN MAXVALUE)", "PARTITION BY KEY () PARTITIONS 2",
			"/*!50100 PARTITION BY LIST (`a`) (PARTITION p0 VALUES IN (1,2)) */"))
}

func (g *randomDDL) alteration() string {
	place := g.maybe(g.pick("FIRST", "AFTER `a`", "AFTER `b`", "AFTER "+g.column()))
	exists, notExists := "", ""
	if g.mariadb {
		exists, notExists = g.maybe("IF EXISTS"), g.maybe("IF NOT EXISTS")
	}
	switch g.IntN(24) {
	case 0, 1, 2:
		return "ADD" + g.maybe("COLUMN") + notExists + " " + g.definition(g.column()) + place
	case 3:
		return "ADD" + g.maybe("COLUMN") + " (" + g.definition(g.column()) + ", " + g.definition(g.column()) + ")"
	case 4, 5:
		return "DROP" + g.maybe("COLUMN") + exists + " " + g.column() + g.maybe(g.pick("RESTRICT", "CASCADE"))
	case 6, 7:
		return "MODIFY" + g.maybe("COLUMN") + exists + " " + g.definition(g.column()) + place
	case 8, 9:
		return "CHANGE" + g.maybe("COLUMN") + exists + " " + g.column() + " " + g.definition(g.column()) + place
	case 10, 11:
		return "RENAME COLUMN" + exists + " " + g.column() + " TO " + g.column()
	case 12:
		return "ALTER" + g.maybe("COLUMN") + " " + g.column() + g.pick(" SET DEFAULT 5", " DROP DEFAULT", " SET DEFAULT 'x'", " SET DEFAULT (1 + 1)", " SET INVISIBLE", " SET VISIBLE", " SET DEFAULT NULL")
	case 13, 14:
		return "ADD" + notExists + " " + g.key()
	case 15:
		return g.pick("DROP PRIMARY KEY", "DROP INDEX k1", "DROP KEY k2", "DROP INDEX a", "DROP CONSTRAINT u1", "DROP INDEX u1", "DROP CONSTRAINT ck", "DROP CHECK ck", "DROP INDEX"+exists+" k1", "DROP CONSTRAINT"+exists+" u1",
			"DROP CONSTRAINT `PRIMARY`", "DROP INDEX `PRIMARY`")
	case 16:
		return g.pick("CONVERT TO CHARACTER SET latin1", "CONVERT TO CHARSET utf8mb4 COLLATE utf8mb4_bin", "CONVERT TO CHARACTER SET gbk", "CONVERT TO CHARACTER SET DEFAULT", "CONVERT TO CHARACTER SET binary", "CONVERT TO CHARACTER SET utf16")
	case 17:
		return g.pick("DEFAULT CHARACTER SET latin1", "CHARACTER SET = gbk", "COLLATE latin1_bin", "DEFAULT COLLATE = utf8mb4_bin", "CHARSET utf8mb3", "DEFAULT CHARSET=DEFAULT")
	case 18:
		return "RENAME" + g.pick(" ", " TO ", " AS ", " = ") + g.table()
	case 19:
		return g.pick("ENGINE=InnoDB", "FORCE", "ALGORITHM=COPY", "ALGORITHM=INSTANT", "LOCK=NONE", "ORDER BY a", "DISABLE KEYS", "COMMENT='x, DROP a'", "ALTER INDEX k1 INVISIBLE", "RENAME INDEX k1 TO k2", "RENAME KEY k2 TO k1", "AUTO_INCREMENT = 100",
			"ADD CONSTRAINT ck CHECK (`a` > 1)", "ALTER CHECK ck NOT ENFORCED", "WITH VALIDATION", "STATS_PERSISTENT = 1", "ROW_FORMAT=COMPACT")
	case 20:
		return g.pick("PARTITION BY HASH (`a`) PARTITIONS 2", "REMOVE PARTITIONING", "ADD PARTITION PARTITIONS 1", "COALESCE PARTITION 1", "DROP PARTITION p0", "TRUNCATE PARTITION p1", "REBUILD PARTITION ALL")
	case 21:
		if g.mariadb {
			return g.pick("ADD SYSTEM VERSIONING", "DROP SYSTEM VERSIONING", "RENAME INDEX IF EXISTS k1 TO k2", "ADD PERIOD FOR p (x, y)", "ALTER COLUMN IF EXISTS a SET DEFAULT 3", "RENAME COLUMN IF EXISTS a TO b")
		}
		return g.pick("ADD COLUMN v VECTOR(3)", "DROP v", "ALTER COLUMN a SET INVISIBLE", "ALTER COLUMN b SET VISIBLE")
	default:
		return "ADD" + g.maybe("COLUMN") + " " + g.definition(g.quote(fmt.Sprintf("n%d", g.IntN(9)))) + place
	}
}

func (g *randomDDL) statement() string {
	replace := ""
	if g.mariadb {
		replace = g.maybe("OR REPLACE")
	}
	switch g.IntN(24) {
	case 0, 1, 2:
		s := g.create()
		if replace != "" && !strings.Contains(s, "IF NOT EXISTS") {
			s = strings.Replace(s, "CREATE", "CREATE"+replace, 1)
		}
		return s
	case 3:
		return "CREATE" + replace + " TABLE " + g.table() + g.pick(" LIKE ", " (LIKE ") + g.table()
	case 4:
		return "CREATE TABLE " + g.table() + g.options() + g.pick(" AS ", " ") + "SELECT * FROM " + g.table()
	case 5:
		return "DROP TABLE" + g.maybe("IF EXISTS") + " " + g.table() + g.pick("", ", "+g.table()) + g.maybe("CASCADE")
	case 6:
		return "RENAME " + g.pick("TABLE ", "TABLES ") + g.table() + " TO " + g.table() + g.pick("", ", "+g.table()+" TO "+g.table())
	case 7:
		a, b := g.table(), g.table()
		return "RENAME TABLE " + a + " TO tmp, " + b + " TO " + a + ", tmp TO " + b
	case 8:
		return "TRUNCATE " + g.pick("", "TABLE ") + g.table()
	case 9:
		return g.pick("ALTER DATABASE ddlrandom CHARACTER SET ", "ALTER SCHEMA ddlrandom DEFAULT CHARSET = ", "ALTER DATABASE CHARACTER SET ", "ALTER DATABASE ddlrandom2 CHARACTER SET ") + g.pick("latin1", "utf8mb4", "gbk")
	case 10:
		return g.pick("DROP DATABASE IF EXISTS ddlrandom2", "CREATE DATABASE IF NOT EXISTS ddlrandom2 CHARACTER SET latin1", "CREATE SCHEMA ddlrandom2", "CREATE DATABASE ddlrandom2 COLLATE gbk_bin")
	case 11:
		return "CREATE " + g.pick("UNIQUE ", "", "UNIQUE ") + "INDEX " + g.pick("k1", "k2", "`k,3`") + g.maybe("USING BTREE") + " ON " + g.table() + " (" + g.pick("`a`", "`b`", "`a`, `b`", "`C`(3)", "(`a` + 1)") + ")" + g.maybe("COMMENT 'x'")
	case 12:
		return "DROP INDEX " + g.pick("k1", "k2", "`PRIMARY`", "`k,3`", "a") + " ON " + g.table()
	case 13:
		return g.pick("CREATE TEMPORARY TABLE tt (x INT)", "DROP TEMPORARY TABLE IF EXISTS tt", "CREATE OR REPLACE VIEW v AS SELECT 1", "DROP VIEW IF EXISTS v")
	case 14:
		if g.mariadb {
			return g.pick("CREATE OR REPLACE SEQUENCE sq", "DROP SEQUENCE IF EXISTS sq", "ALTER SEQUENCE sq RESTART 5", "DROP TABLE IF EXISTS sq", "RENAME TABLE sq TO sq2", "DROP SEQUENCE IF EXISTS sq2", "CREATE OR REPLACE DATABASE ddlrandom2")
		}
		return g.pick("CREATE TABLE IF NOT EXISTS v1 (v VECTOR(3) NOT NULL, id INT /*!80000 NOT NULL */ /*!80023 INVISIBLE */ PRIMARY KEY)", "CREATE TABLE t (a INT, INDEX ((a + 1)), c CHAR(10) DEFAULT ('x,y'))")
	default:
		specs := []string{g.alteration()}
		for g.IntN(2) == 0 && len(specs) < 5 {
			specs = append(specs, g.alteration())
		}
		return "ALTER " + g.maybe(g.pick("/* c */", "-- c\n")) + "TABLE " + g.table() + " " + strings.Join(specs, g.pick(",", ", "))
	}
}

// realServer is a connection with which statements are tried.
type realServer struct {
	t       *testing.T
	conn    *client.Conn
	mariadb bool
	file    string // of the binary log, and how far it was read
	pos     string
}

var loggedText = regexp.MustCompile("(?s)^(?:use [`\"]((?:[^`\"]|``)*)[`\"]; )?(.*?)(?: /\\* xid=\\d+ \\*/)?$")

// logged are the statements that are in the binary log since the last call, with the database each ran in: what the connector reads.
func (s *realServer) logged() (out [][2]string) {
	s.t.Helper()
	status := "SHOW BINARY LOG STATUS"
	if s.mariadb {
		status = "SHOW MASTER STATUS"
	}
	now := s.rows(status)[0]
	file, from := s.file, s.pos
	s.file, s.pos = now[0], now[1]
	if file == "" || from == s.pos && file == s.file {
		return nil
	}
	if file != s.file {
		s.t.Fatal("the binary log was rotated")
	}
	for _, e := range s.rows("SHOW BINLOG EVENTS IN '" + file + "' FROM " + from) {
		g := loggedText.FindStringSubmatch(e[5])
		if e[2] != "Query" || g[2] == "BEGIN" || g[2] == "COMMIT" {
			continue
		}
		db := "ddlrandom" // the session's, which the text does not show where it does not matter to a replica
		if g[1] != "" {
			db = strings.ReplaceAll(g[1], "``", "`")
		}
		out = append(out, [2]string{db, g[2]})
	}
	return out
}

func (s *realServer) rows(sql string) [][]string {
	s.t.Helper()
	r, err := s.conn.Execute(sql)
	if err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	var out [][]string
	for i := range r.RowNumber() {
		var row []string
		for j := range r.ColumnNumber() {
			v, _ := r.GetString(i, j)
			row = append(row, v)
		}
		out = append(out, row)
	}
	return out
}

// TestModelFollowsRandomStatements compares the model with information_schema after each statement that the server took.
func TestModelFollowsRandomStatements(t *testing.T) {
	for _, name := range []string{"BED_MYSQL", "BED_MARIADB"} {
		t.Run(name, func(t *testing.T) {
			addr := os.Getenv(name)
			if addr == "" {
				t.Fatal(name + "=host:port is needed")
			}
			conn, err := client.Connect(addr, "root", "rootpw", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			followRandom(t, &realServer{t: t, conn: conn, mariadb: name == "BED_MARIADB"})
		})
	}
}

func followRandom(t *testing.T, s *realServer) {
	taken, tried, failed := 0, 0, 0
	for seed := range uint64(40) {
		g := &randomDDL{Rand: rand.New(rand.NewPCG(seed, 3)), mariadb: s.mariadb, ansi: seed%5 == 1, verbatim: seed%5 == 2}
		mode := []string{"''", "'ANSI_QUOTES'", "'NO_BACKSLASH_ESCAPES'", "'STRICT_TRANS_TABLES'", "''"}[seed%5]
		for _, sql := range []string{"SET NAMES utf8mb4", "SET character_set_server = utf8mb4", "SET sql_mode = " + mode, "DROP DATABASE IF EXISTS ddlrandom", "DROP DATABASE IF EXISTS ddlrandom2", "CREATE DATABASE ddlrandom CHARACTER SET utf8mb4", "USE ddlrandom"} {
			s.rows(sql)
		}
		m, p := NewModel(0), &Parser{MariaDB: s.mariadb}
		ses := Session{Database: "ddlrandom", ANSIQuotes: g.ansi, NoBackslashEscapes: g.verbatim}
		if _, err := p.Apply(m, ses, "CREATE DATABASE ddlrandom CHARACTER SET utf8mb4"); err != nil {
			t.Fatal(err)
		}
		s.logged()
		for range 120 {
			sql := g.statement()
			tried++
			if _, err := s.conn.Execute(sql); err != nil {
				if me, ok := errors.AsType[*mysql.MyError](err); !ok {
					t.Fatalf("%s: %v", sql, err)
				} else if me.Code == mysql.ER_PARSE_ERROR && os.Getenv("DDL_SHOW_REFUSED") != "" {
					t.Logf("refused: %s: %v", sql, err)
				}
				ses.Failed = true
			} else {
				taken++
				ses.Failed = false
			}
			logged := s.logged()
			for _, q := range logged {
				ses.Database = q[0]
				if os.Getenv("DDL_SHOW") != "" {
					t.Logf("seed %d: %q", seed, q)
				}
				if _, err := p.Apply(m, ses, q[1]); err != nil && !strings.Contains(sql, "sq") && !strings.Contains(err.Error(), "changing column") { // MariaDB changes a column that is added in the same statement: the connector asks // sequences are no tables
					t.Errorf("seed %d: %s: %v", seed, sql, err)
					failed++
				}
			}
			if len(logged) > 0 && !s.compare(m, fmt.Sprintf("seed %d (sql_mode %s): %s", seed, mode, sql)) {
				failed++
			}
			if failed > 25 {
				t.FailNow()
			}
			if g.IntN(12) == 0 {
				restart(t, m)
			}
		}
	}
	t.Logf("%d of %d statements were taken", taken, tried)
	if taken < tried/6 {
		t.Errorf("only %d of %d statements were taken", taken, tried)
	}
	for _, db := range []string{"ddlrandom", "ddlrandom2"} {
		s.rows("DROP DATABASE IF EXISTS " + db)
	}
}

// restart makes the tables what they are when the history was read again.
func restart(t *testing.T, m *Model) {
	for _, tab := range m.Tables() {
		d, err := ParseDocument(AppendDocument(nil, &Document{Server: "s", Changes: []Change{{Type: Create, ID: tab.ID, Table: tab}}}))
		if err != nil {
			t.Fatal(err)
		}
		m.apply(&d.Changes[0])
	}
}

// compare tells of differences, and then goes on with what the server has.
func (s *realServer) compare(m *Model, sql string) bool {
	s.t.Helper()
	good := true
	have := map[TableID]bool{}
	for _, row := range s.rows("SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE 'ddlrandom%' AND TABLE_TYPE IN ('BASE TABLE','SYSTEM VERSIONED')") {
		id := TableID{row[0], row[1]}
		have[id] = true
		diff := s.difference(m.Table(id), id, row[3])
		if diff == "" {
			continue
		}
		s.t.Errorf("%s\n  %s: %s", sql, id, diff)
		good = false
		quoted := Parser{}
		mode := s.rows("SELECT @@sql_mode")[0][0]
		s.rows("SET sql_mode = ''")
		ddl := s.rows("SHOW CREATE TABLE " + id.Backticked())[0][1]
		s.rows("SET sql_mode = '" + mode + "'")
		t, err := quoted.FromShowCreate(m, id.DB, ddl)
		if err != nil {
			s.t.Fatalf("%s: %v", ddl, err)
		}
		if d := s.difference(t, id, row[3]); d != "" {
			s.t.Errorf("SHOW CREATE TABLE is misread: %s\n  %s", ddl, d)
			good = false
		}
		m.Put(t)
	}
	for _, t := range m.Tables() {
		if !have[t.ID] {
			s.t.Errorf("%s\n  %s is in the model, not on the server", sql, t.ID)
			good = false
			m.Remove(t.ID)
		}
	}
	return good
}

var lengths1 = regexp.MustCompile(`^(\w+)(?:\((\d+)(?:,(\d+))?\))?`)

// difference is between a table of the model and the server's.
func (s *realServer) difference(t *Table, id TableID, collation string) string {
	s.t.Helper()
	if t == nil {
		return "it is not in the model"
	}
	q := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	where := " WHERE TABLE_SCHEMA = " + q(id.DB) + " AND TABLE_NAME = " + q(id.Name)
	cols := s.rows("SELECT COLUMN_NAME, IS_NULLABLE, COALESCE(CHARACTER_SET_NAME, ''), COLUMN_TYPE, EXTRA, DATA_TYPE FROM information_schema.COLUMNS" + where + " ORDER BY ORDINAL_POSITION")
	if len(cols) != len(t.Columns) {
		return fmt.Sprintf("%d columns, the server has %d: %s", len(t.Columns), len(cols), describe(t))
	}
	if cs := collationCharset(collation); sameCharset(cs) != sameCharset(t.Charset) {
		return fmt.Sprintf("character set %s, the server has %s", t.Charset, cs)
	}
	for i, c := range cols {
		g := &t.Columns[i]
		what := ""
		switch {
		case g.Name != c[0]:
			what = "the name " + c[0]
		case g.Optional != (c[1] == "YES") && g.Name != "rs" && g.Name != "re": // those of a row's time are optional as in Debezium
			what = "nullable " + c[1]
		case sameCharset(g.Charset) != sameCharset(c[2]) && !(strings.HasPrefix(g.TypeName, "ENUM") || strings.HasPrefix(g.TypeName, "SET")) || c[2] == "binary" && g.Charset != "binary":
			what = "character set " + c[2]
		case t.hasKeys && g.Virtual != (strings.Contains(c[4], "VIRTUAL GENERATED") || strings.Contains(c[4], "STORED GENERATED")) && !strings.Contains(c[4], "INVISIBLE, ") && !strings.Contains(c[3], "timestamp(6)"):
			what = "extra " + c[4]
		case strings.Contains(strings.ToLower(c[4]), "auto_increment") && !g.AutoIncremented:
			what = "extra " + c[4]
		default:
			what = typeDifference(g, c[3])
		}
		if what != "" {
			return fmt.Sprintf("column %d: the server has %s, the model %+v", i+1, what, *g)
		}
	}
	var key []string
	for _, k := range s.rows("SELECT COLUMN_NAME FROM information_schema.STATISTICS" + where + " AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX") {
		key = append(key, k[0])
	}
	if len(key) > 0 && strings.Join(key, ",") != strings.Join(t.PrimaryKey, ",") {
		return fmt.Sprintf("the key %v, the server has %v", t.PrimaryKey, key)
	}
	return ""
}

func sameCharset(s string) string {
	if s == "utf8mb3" {
		return "utf8"
	}
	return s
}

var sameTypes = map[string]string{"INTEGER": "int", "INT4": "int", "INT8": "bigint", "MIDDLEINT": "mediumint", "DEC": "decimal", "NUMERIC": "decimal", "FIXED": "decimal", "NUMBER": "decimal", "BOOL": "tinyint", "BOOLEAN": "tinyint",
	"REAL": "double", "FLOAT8": "double", "CHARACTER": "char", "VARCHARACTER": "varchar", "VARCHAR2": "varchar", "NATIONAL": "", "NCHAR": "", "NVARCHAR": "varchar", "LONG": "", "FLOAT": "", "RAW": "varbinary", "CLOB": "longtext", "GEOMCOLLECTION": "geomcollection",
	"GEOMETRYCOLLECTION": "", "JSON": ""}

// typeDifference compares what rows depend on: kind, sign, size, options.
func typeDifference(c *Column, typ string) string {
	words := strings.Fields(c.TypeName)
	base := strings.ToLower(words[0])
	if same, ok := sameTypes[words[0]]; ok {
		base = same
	}
	if words[0] == "CHARACTER" && len(words) > 1 && words[1] == "VARYING" {
		base = "varchar"
	}
	g := lengths1.FindStringSubmatch(typ)
	switch {
	case strings.HasSuffix(base, "text") && strings.HasSuffix(g[1], "text"), strings.HasSuffix(base, "blob") && strings.HasSuffix(g[1], "blob"): // the binary log tells the size
	case base != "" && base != g[1]:
		return "the type " + typ
	case strings.Contains(typ, "unsigned") != strings.Contains(c.TypeName, "UNSIGNED") && words[0] != "SERIAL" && g[1] != "bit":
		return "the type " + typ
	case (g[1] == "enum" || g[1] == "set"):
		var options []string
		for _, v := range c.EnumValues {
			options = append(options, "'"+strings.ReplaceAll(Unescape(v[1:len(v)-1]), "'", "''")+"'")
		}
		if want := g[1] + "(" + strings.Join(options, ",") + ")"; want != strings.ReplaceAll(typ, `\\`, `\`) && want != typ && !strings.ContainsAny(typ, "\n\\?Ã") {
			return "the type " + typ
		}
	case g[1] == "char" || g[1] == "varchar" || g[1] == "binary" || g[1] == "varbinary" || g[1] == "decimal" || g[1] == "time" || g[1] == "datetime" || g[1] == "timestamp" || g[1] == "bit":
		length, scale := c.Length, c.Scale
		if length == NoLength && (g[1] == "char" || g[1] == "binary") {
			length = 1
		}
		got := fmt.Sprint(length)
		if length == NoLength || length == 0 {
			got = ""
		}
		if g[2] != got || g[1] == "decimal" && g[3] != fmt.Sprint(max(scale, 0)) {
			return "the type " + typ
		}
	}
	return ""
}
