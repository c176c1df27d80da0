//go:build integration

package cdc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
)

// fullMetadata makes the binary log describe its tables, until the test is done.
func fullMetadata(t testing.TB, c *client.Conn) {
	t.Helper()
	keepGlobals(t, c, "binlog_row_metadata")
	run(t, c, "SET GLOBAL binlog_row_metadata = 'FULL'")
}

// keepGlobals puts the server's variables back to what they are, when the test is done: other tests compare its binary log to the byte.
func keepGlobals(t testing.TB, c *client.Conn, names ...string) {
	t.Helper()
	for _, name := range names {
		r, err := c.Execute("SELECT QUOTE(@@GLOBAL." + name + "), @@GLOBAL." + name + " REGEXP '^[0-9]+$'")
		if err != nil {
			t.Fatal(err)
		}
		value, _ := r.GetString(0, 0)
		if number, _ := r.GetInt(0, 1); number == 1 {
			value = strings.Trim(value, "'")
		}
		set := "SET GLOBAL " + name + " = " + value
		t.Cleanup(func() { run(t, c, set) })
	}
}

// rowsOf are the rows behind the changes of a topic, in short.
func rowsOf(all []captured, topic string) string {
	var out []string
	for i := range all {
		if all[i].topic == topic && all[i].value != nil {
			out = append(out, fmt.Sprint(payload(&all[i])["after"]))
		}
	}
	return strings.ReplaceAll(strings.Join(out, " "), "#", "")
}

// TestLostHistory goes on without any schema history where the binary log describes itself: rows before a DDL have the old columns, rows
// after it the new ones, and the table that is gone is read as well.
func TestLostHistory(t *testing.T) {
	c := items(t, 1)
	fullMetadata(t, c)
	run(t, c, `CREATE TABLE kinds (id INT UNSIGNED NOT NULL PRIMARY KEY, d DECIMAL(12,4), v VARCHAR(20) CHARACTER SET latin1, c CHAR(200), b VARBINARY(9), x BINARY(3), t TEXT,
		l LONGBLOB, e ENUM('a','b,c'), s SET('x','y'), j JSON, p POINT, bt BIT(9), dt DATETIME(6), ts TIMESTAMP(3) NULL, ti TIME(2), y YEAR, f FLOAT, big BIGINT UNSIGNED)`)
	task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	task.until("the snapshot", ended)
	at := task.seen[len(task.seen)-1].offset
	run(t, c, "INSERT INTO items VALUES (20, 'old')", "CREATE TABLE gone (a INT PRIMARY KEY, b VARCHAR(5))", "INSERT INTO gone VALUES (1, 'x')", "DROP TABLE gone",
		"ALTER TABLE items RENAME COLUMN v TO w, ADD COLUMN n INT FIRST", "INSERT INTO items (id, w, n) VALUES (21, 'new', 5)",
		`INSERT INTO kinds VALUES (4000000000, 1.5, 'é', 'c', x'01', x'0203', 't', x'04', 'b,c', 'x,y', '{"k":1}', ST_GeomFromText('POINT(1 2)'), b'1', '2024-01-02 03:04:05.678901',
		'2024-01-02 03:04:05.5', '-01:02:03.04', 2024, 1.5, 18446744073709551615)`,
		"INSERT INTO items (id, w) VALUES (99, 'end')")
	done := func(all []captured) bool { return strings.Contains(strings.Join(ids(all), ","), "99") }
	task.until("the end", done)
	task.stop()
	lost := startTask(t, bedConfig(t, nil), &memoryLogs{}, at)
	defer lost.stop()
	lost.until("the end without a history", done)
	for _, table := range []string{"items", "gone", "kinds"} {
		topic := "dbserver1.inventory." + table
		var streamed []captured
		for _, r := range task.seen {
			if r.value != nil && r.topic == topic && payload(&r)["op"] != "r" {
				streamed = append(streamed, r)
			}
		}
		if got, want := rowsOf(lost.seen, topic), rowsOf(streamed, topic); got != want || want == "" {
			t.Errorf("%s: got\n%s\nwant\n%s", table, got, want)
		}
	}
}

// TestUnloggedDDL changes a table behind the binary log's back (sql_log_bin=0): rows are read with the definition that they were written
// with, also without a self-describing log as long as the server still has it.
func TestUnloggedDDL(t *testing.T) {
	for _, full := range []bool{true, false} {
		t.Run(fmt.Sprint("full=", full), func(t *testing.T) {
			c := items(t, 1)
			if full {
				fullMetadata(t, c)
			}
			logs := &memoryLogs{}
			task := startTask(t, bedConfig(t, nil), logs, "")
			task.until("the snapshot", ended)
			unlogged := root(t)
			run(t, unlogged, "USE inventory", "SET SESSION sql_log_bin = 0", "ALTER TABLE items ADD COLUMN extra INT DEFAULT 3")
			if full { // a change that types do not tell of
				run(t, unlogged, "ALTER TABLE items RENAME COLUMN v TO w")
			}
			run(t, c, "INSERT INTO items VALUES (20, 'x', 4)")
			task.until("the row", func(all []captured) bool { return strings.Contains(strings.Join(ids(all), ","), "20") })
			at := task.seen[len(task.seen)-1].offset
			task.stop()
			want := map[bool]string{true: "map[extra:4 id:20 w:x]", false: "map[extra:4 id:20 v:x]"}[full]
			if got := rowsOf(task.seen, itemsTopic); !strings.HasSuffix(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
			run(t, c, "INSERT INTO items VALUES (21, 'y', 5)")
			again := startTask(t, bedConfig(t, nil), logs, at)
			defer again.stop()
			again.until("the row after a restart", func(all []captured) bool { return strings.Contains(strings.Join(ids(all), ","), "21") })
		})
	}
}
