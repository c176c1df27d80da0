//go:build integration

package history

import (
	"os"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
)

// serverScripts are series of statements; after each one the model must say what SHOW CREATE TABLE of the real server says.
var serverScripts = [][]string{
	{"CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(10) CHARACTER SET latin1, c TEXT)",
		"ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a", "ALTER TABLE t ADD x INT FIRST, ADD y INT AFTER id, DROP c",
		"ALTER TABLE t CHANGE x x2 BIGINT UNSIGNED NOT NULL DEFAULT 7 AFTER y, MODIFY b DECIMAL(7,3)", "ALTER TABLE t ADD (p INT, q CHAR(3))",
		"ALTER TABLE t DEFAULT CHARACTER SET = gbk, ADD cn VARCHAR(5)", "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4",
		"ALTER TABLE t ALTER COLUMN p SET DEFAULT 5, ALTER q SET DEFAULT 'x'", "ALTER TABLE t ALTER p DROP DEFAULT",
		"ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (y, id)", "ALTER TABLE t RENAME COLUMN y TO yy", "ALTER TABLE t MODIFY q VARCHAR(9) NOT NULL FIRST",
		"ALTER TABLE t RENAME TO t2", "RENAME TABLE t2 TO t", "ALTER TABLE t ADD z INT AFTER p2, RENAME COLUMN p TO p2"},
	{"CREATE TABLE t (a INT NOT NULL, b INT, c INT NOT NULL, UNIQUE KEY ub (b), UNIQUE KEY uc (c))", "ALTER TABLE t DROP INDEX uc",
		"CREATE UNIQUE INDEX ua ON t (a)", "ALTER TABLE t RENAME INDEX ua TO ux", "ALTER TABLE t MODIFY b INT NOT NULL", "DROP INDEX ux ON t",
		"ALTER TABLE t ADD id INT AUTO_INCREMENT PRIMARY KEY FIRST", "ALTER TABLE t DROP COLUMN b", "TRUNCATE TABLE t"},
	{"CREATE TABLE t (a SERIAL, b BOOL, c REAL, d DEC(5), e NUMERIC, f FLOAT(10), g FLOAT(30), h DOUBLE PRECISION, i NCHAR(4), j NATIONAL VARCHAR(5), k LONG VARCHAR, l LONG VARBINARY, m CHAR, n CHAR(3) BYTE, o VARCHAR(3) ASCII, p CHAR(3) UNICODE, q TEXT CHARACTER SET binary, r BIT, s YEAR, t TIME(3), u ENUM('a','b') COLLATE latin1_bin, v SET('x','y','z'), w INT4, x MIDDLEINT, y VARCHAR(5) COLLATE utf8mb4_bin, z CHARACTER VARYING(7))"},
	{"CREATE TABLE t (id INT, j JSON, v VECTOR(4), x INT GENERATED ALWAYS AS (id + 1) STORED, y INT DEFAULT (1 + 2), z VARCHAR(36) DEFAULT (UUID()), i INT INVISIBLE, ts TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, CHECK (id > 0), KEY k ((id * 2)), PRIMARY KEY (id)) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
		"ALTER TABLE t REORGANIZE PARTITION p0, p1 INTO (PARTITION a VALUES LESS THAN (5), PARTITION b VALUES LESS THAN MAXVALUE)", "ALTER TABLE t ADD COLUMN late INT, ALGORITHM=INSTANT", "ALTER TABLE t DROP PARTITION a", "ALTER TABLE t ALTER INDEX k INVISIBLE"},
	{"CREATE TABLE t (id INT, g POINT NOT NULL SRID 4326, SPATIAL INDEX (g))", "ALTER TABLE t ADD h GEOMETRYCOLLECTION, ADD SPATIAL KEY sk (g)"},
	{"CREATE TABLE p (id INT PRIMARY KEY)", "CREATE TABLE t (id INT, `we``ird ü` INT COMMENT 'it''s, (x', pid INT, UNIQUE KEY (pid), CONSTRAINT fk FOREIGN KEY (pid) REFERENCES p (id) ON DELETE SET NULL ON UPDATE CASCADE) COMMENT='c' DEFAULT CHARSET latin1",
		"CREATE TABLE l LIKE t", "ALTER TABLE t ADD CONSTRAINT u UNIQUE (id)", "ALTER TABLE t DROP FOREIGN KEY fk, MODIFY id INT NOT NULL", "ALTER TABLE t ADD w INT DEFAULT '5' COMMENT 'x' AFTER `we``ird ü`"},
}

// TestModelFollowsTheServer runs each statement on the server and in the model.
func TestModelFollowsTheServer(t *testing.T) {
	addr := os.Getenv("BED_MYSQL")
	if addr == "" {
		t.Fatal("BED_MYSQL=host:port is needed")
	}
	conn, err := client.Connect(addr, "root", "rootpw", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Execute(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	defer exec("DROP DATABASE IF EXISTS ddltest")
	p := NewParser()
	for _, script := range serverScripts {
		exec("DROP DATABASE IF EXISTS ddltest")
		exec("CREATE DATABASE ddltest CHARACTER SET utf8mb4")
		exec("USE ddltest")
		m := NewModel(0)
		for _, sql := range script {
			if strings.HasPrefix(sql, "ALTER TABLE t ADD z INT AFTER p2") { // the server resolves AFTER by the old names or the new ones
				if _, err := conn.Execute(sql); err != nil {
					continue
				}
			} else {
				exec(sql)
			}
			if _, err := p.Apply(m, Session{Database: "ddltest"}, sql); err != nil {
				t.Errorf("%s: %v", sql, err)
				continue
			}
			r, err := conn.Execute("SHOW FULL TABLES")
			if err != nil {
				t.Fatal(err)
			}
			if r.RowNumber() != m.Len() {
				t.Errorf("%s: the server has %d tables, the model %d", sql, r.RowNumber(), m.Len())
			}
			for i := range r.RowNumber() {
				name, _ := r.GetString(i, 0)
				c, err := conn.Execute("SHOW CREATE TABLE `" + name + "`")
				if err != nil {
					t.Fatal(err)
				}
				ddl, _ := c.GetString(0, 1)
				want, err := p.FromShowCreate(nil, "ddltest", ddl)
				if err != nil {
					t.Fatalf("%s: %v", ddl, err)
				}
				sameTable(t, sql, m.Table(TableID{"ddltest", name}), want)
			}
		}
	}
}

// sameTable compares what rows depend on; type names may be written in two ways (INTEGER, INT).
func sameTable(t *testing.T, sql string, got, want *Table) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: the model has no %s", sql, want.ID)
		return
	}
	// DROP INDEX leaves the key as it was, as in Debezium, though the index that it came of is gone.
	if g, w := strings.Join(got.PrimaryKey, ","), strings.Join(want.PrimaryKey, ","); g != w && !strings.HasPrefix(sql, "DROP INDEX") {
		t.Errorf("%s: %s has the key %q, want %q", sql, got.ID, g, w)
	}
	if got.Charset != want.Charset {
		t.Errorf("%s: %s has the charset %q, want %q", sql, got.ID, got.Charset, want.Charset)
	}
	if len(got.Columns) != len(want.Columns) {
		t.Errorf("%s: %s has %d columns, want %d", sql, got.ID, len(got.Columns), len(want.Columns))
		return
	}
	charset := func(c Column) string { return strings.Replace(c.Charset, "utf8mb3", "utf8", 1) }
	for i, w := range want.Columns {
		g := got.Columns[i]
		if g.Name != w.Name || g.Optional != w.Optional || charset(g) != charset(w) || g.AutoIncremented != w.AutoIncremented || g.Virtual != w.Virtual ||
			!w.Optional && g.HasDefault != w.HasDefault || (g.Default == nil) != (w.Default == nil) || strings.Join(g.EnumValues, ",") != strings.Join(w.EnumValues, ",") || g.Position != i+1 {
			t.Errorf("%s: %s column %d\n got %+v\nwant %+v", sql, got.ID, i, g, w)
		}
	}
}
