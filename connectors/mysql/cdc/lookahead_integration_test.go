//go:build integration

package cdc

import (
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// TestRolledBackRows: MariaDB logs a transaction that is rolled back when it made or dropped a temporary table, with its rows. With
// binlog.buffer.size these are not sent, also when the task starts again at any offset before or behind them.
func TestRolledBackRows(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		for size, want := range map[string]string{"0": "0,1,2,3,4,5,6,7,8,9", "2": "0,1,2,6,7,8,9", "1000": "0,1,2,6,7,8,9"} {
			t.Run(mode+" "+size, func(t *testing.T) {
				c, props, logs, task := startMariaDB(t, mode, config.Props{"binlog.buffer.size": size})
				run(t, c, "INSERT INTO items VALUES (1, 'kept'), (2, 'kept')",
					"BEGIN", "INSERT INTO items VALUES (3, 'gone'), (4, 'gone')", "CREATE TEMPORARY TABLE scratch (id INT)", "INSERT INTO items VALUES (5, 'gone')", "ROLLBACK",
					"BEGIN", "INSERT INTO items VALUES (6, 'kept')", "INSERT INTO items VALUES (7, 'kept')", "INSERT INTO items VALUES (8, 'kept')", "COMMIT",
					"BEGIN", "DELETE FROM items WHERE id = 1", "DROP TEMPORARY TABLE IF EXISTS scratch", "CREATE TEMPORARY TABLE scratch (id INT)", "ROLLBACK",
					"INSERT INTO items VALUES (9, 'end')")
				last := func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "9") }
				task.until("the end", last)
				task.stop()
				if got := strings.Join(ids(task.seen), ","); got != want {
					t.Fatalf("got %s, want %s", got, want)
				}
				first := 0
				for strings.Contains(task.seen[first].offset, "INITIAL") {
					first++
				}
				for i := first; i < len(task.seen)-1; i++ {
					if continues(task.seen[i+1]) {
						continue // in the midst of a row, which is sent again
					}
					again := startTask(t, props, logs.clone(), task.seen[i].offset)
					again.until("the rest after "+task.seen[i].offset, last)
					again.stop()
					if got, want := strings.Join(ids(again.seen), ","), strings.Join(ids(task.seen[i+1:]), ","); got != want {
						t.Errorf("after %s: got %s, want %s", task.seen[i].offset, got, want)
					}
				}
			})
		}
	}
}

// TestRolledBackStatements: MySQL logs a transaction that is rolled back only with binlog_format=STATEMENT, after changes of tables
// without transactions, for which GTIDs have to be off.
func TestRolledBackStatements(t *testing.T) {
	c := items(t, 1)
	off := []string{"SET GLOBAL gtid_mode=ON_PERMISSIVE", "SET GLOBAL gtid_mode=OFF_PERMISSIVE", "SET GLOBAL gtid_mode=OFF", "SET GLOBAL enforce_gtid_consistency=OFF"}
	on := []string{"SET GLOBAL enforce_gtid_consistency=ON", "SET GLOBAL gtid_mode=OFF_PERMISSIVE", "SET GLOBAL gtid_mode=ON_PERMISSIVE", "SET GLOBAL gtid_mode=ON"}
	run(t, c, off...)
	t.Cleanup(func() { run(t, c, append(on, "DROP DATABASE IF EXISTS side")...) })
	run(t, c, "CREATE DATABASE side", "CREATE TABLE side.i (id INT PRIMARY KEY) ENGINE=InnoDB", "CREATE TABLE side.m (id INT PRIMARY KEY) ENGINE=MyISAM")
	logs := &memoryLogs{}
	task := startTask(t, bedConfig(t, config.Props{"provide.transaction.metadata": "true", "include.schema.changes": "false", "binlog.buffer.size": "100"}), logs, "")
	defer task.stop()
	task.until("the snapshot", ended)
	before := len(task.seen)
	other := root(t)
	run(t, other, "USE side", "SET SESSION binlog_format=STATEMENT", "BEGIN", "INSERT INTO i VALUES (1)", "INSERT INTO m VALUES (1)", "ROLLBACK")
	run(t, c, "INSERT INTO items VALUES (1, 'end')")
	task.until("the end", func(all []captured) bool { return strings.HasSuffix(txOutlines(all), "END 1 inventory.items=1") })
	if got, want := txOutlines(task.seen[before:]), "BEGIN|c 1 1|END 1 inventory.items=1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
