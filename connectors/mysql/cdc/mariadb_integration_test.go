//go:build integration

package cdc

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/connectd/connectd/connect/config"
)

// mariadbSession is a session at the bed's MariaDB.
func mariadbSession(t testing.TB) (c *client.Conn, addr string) {
	t.Helper()
	return root(t), bed(t)
}

// mariadb is a session at the bed's MariaDB, with a database of one table, and the config of a connector to it.
func mariadb(t testing.TB, more config.Props) (*client.Conn, config.Props) {
	t.Helper()
	c, addr := mariadbSession(t)
	drop := func() { run(t, c, "DROP DATABASE IF EXISTS inventory") }
	drop()
	t.Cleanup(drop)
	run(t, c, "SET NAMES utf8mb4", "CREATE DATABASE inventory CHARACTER SET utf8mb4", "USE inventory",
		"CREATE TABLE items (id INT PRIMARY KEY, v VARCHAR(200))", "INSERT INTO items VALUES (0, 'row 0')")
	host, port, _ := strings.Cut(addr, ":")
	p := config.Props{"connector.class": MariaDB.Name, "database.hostname": host, "database.port": port, "database.user": "connectd",
		"database.password": "connectd", "database.server.id": "184057", "topic.prefix": "dbserver1", "database.include.list": "inventory",
		"schema.history.internal.kafka.bootstrap.servers": "127.0.0.1:1", "schema.history.internal.kafka.topic": "schema-changes.inventory"}
	for k, v := range more {
		p[k] = v
	}
	return c, p
}

// startMariaDB starts a task of mariadb's config, which finds its place by GTIDs or, in the mode file, by the place in the file, and waits
// for its snapshot.
func startMariaDB(t testing.TB, mode string, more config.Props) (c *client.Conn, props config.Props, logs *memoryLogs, task *running) {
	t.Helper()
	if mode == "file" {
		more["gtid.ignore.on.recovery"] = "true"
	}
	c, props = mariadb(t, more)
	logs = &memoryLogs{}
	task = startTask(t, props, logs, "")
	task.until("the snapshot", ended)
	return c, props, logs, task
}

// TestMariaDB follows transactions of each kind, and restarts at every offset: nothing is missing, nothing comes twice but what the
// restart rule repeats.
func TestMariaDB(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		t.Run(mode, func(t *testing.T) {
			c, props, logs, task := startMariaDB(t, mode, config.Props{"include.query": "true"})
			snapshot := len(task.seen)
			keepGlobals(t, c, "log_bin_compress", "log_bin_compress_min_len")
			run(t, c, "INSERT INTO items VALUES (10, 'a'), (11, 'b')", "BEGIN", "UPDATE items SET v = 'c' WHERE id = 10", "UPDATE items SET id = 12 WHERE id = 11", "COMMIT",
				"CREATE TABLE other (a INT PRIMARY KEY, b DECIMAL(5,2) DEFAULT 1.50)", "INSERT INTO other (a) VALUES (1)", "ALTER TABLE other ADD COLUMN c VARCHAR(9) DEFAULT 'x' AFTER a",
				"INSERT INTO other VALUES (2, 'y', 3)", "SET SESSION server_id = 77", "DELETE FROM items WHERE id = 10", "SET SESSION server_id = 223345", "SET GLOBAL log_bin_compress = ON",
				"SET GLOBAL log_bin_compress_min_len = 10", "INSERT INTO items VALUES (20, REPEAT('z', 200)), (21, 'y')", "UPDATE items SET v = REPEAT('w', 199) WHERE id = 20",
				"SET GLOBAL log_bin_compress = OFF", "XA START 'kept'", "INSERT INTO items VALUES (30, 'xa')", "XA END 'kept'", "XA PREPARE 'kept'", "XA COMMIT 'kept'",
				"XA START 'gone'", "INSERT INTO items VALUES (40, 'xa')", "XA END 'gone'", "XA PREPARE 'gone'", "XA ROLLBACK 'gone'", "TRUNCATE TABLE other", "FLUSH BINARY LOGS",
				"INSERT INTO items VALUES (99, 'end')")
			done := func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "99") }
			task.until("the end", done)
			task.stop()
			all := task.seen
			if got, want := strings.Join(ids(all), ","), "0,10,11,12,20,21,30,99"; got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
			src := payload(&all[len(all)-1])["source"].(map[string]any)
			if src["connector"] != "mariadb" || src["query"] != "INSERT INTO items VALUES (99, 'end')" || strings.Count(fmt.Sprint(src["gtid"]), "-") != 2 {
				t.Errorf("source %v", src)
			}
			for i := snapshot - 1; i < len(all)-1; i++ {
				start := i + 1
				if continues(all[start]) {
					for start--; continues(all[start]); start-- {
					}
				}
				again := startTask(t, props, logs.clone(), all[i].offset)
				again.until(fmt.Sprintf("the rest after record %d, %s", i, all[i].offset), done)
				again.stop()
				got, rest := again.seen, all[start:]
				// An XA transaction is repeated from its start without GTIDs.
				if len(got) < len(rest) || len(got) > len(rest) && mode == "gtid" {
					t.Errorf("restart after record %d (%s): %d records, want %d", i, all[i].offset, len(got), len(rest))
					continue
				}
				got = got[len(got)-len(rest):]
				for j := range rest {
					if got[j].topic != rest[j].topic || !reflect.DeepEqual(got[j].key, rest[j].key) || !sameButTime(got[j].value, rest[j].value) {
						t.Errorf("restart after record %d (%s): record %d is\n%v %v\nwant\n%v %v", i, all[i].offset, j, got[j].topic, got[j].value, rest[j].topic, rest[j].value)
						break
					}
				}
			}
		})
	}
}

// TestMariaDBHeldXA stops between PREPARE and COMMIT: the rows come after the commit, by GTID as by file, although MariaDB's sets cannot
// leave the transaction out. What came after the PREPARE is repeated.
func TestMariaDBHeldXA(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		t.Run(mode, func(t *testing.T) {
			c, props, logs, task := startMariaDB(t, mode, config.Props{})
			holder, _ := mariadbSession(t)
			run(t, c, "INSERT INTO items VALUES (10, 'before')")
			run(t, holder, "USE inventory", "XA START 'kept'", "INSERT INTO items VALUES (20, 'kept'), (21, 'kept')", "XA END 'kept'", "XA PREPARE 'kept'")
			run(t, c, "INSERT INTO items VALUES (30, 'between'), (31, 'between')")
			task.until("what is committed", func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "31") })
			task.stop()
			for _, at := range task.seen[len(task.seen)-2:] { // in the middle of a statement's rows, and behind it
				again := startTask(t, props, logs.clone(), at.offset)
				again.until("what is repeated", func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "31") })
				again.stop()
				if got := strings.Join(ids(again.seen), ","); got != "30,31" {
					t.Errorf("before the commit, after %s: %s", at.offset, got)
				}
			}
			run(t, holder, "XA COMMIT 'kept'")
			run(t, c, "INSERT INTO items VALUES (60, 'end')")
			for _, at := range task.seen[len(task.seen)-2:] {
				again := startTask(t, props, logs.clone(), at.offset)
				again.until("the end", func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "60") })
				again.stop()
				if got := strings.Join(ids(again.seen), ","); got != "30,31,20,21,60" {
					t.Errorf("after the commit, after %s: %s", at.offset, got)
				}
				last := startTask(t, props, logs.clone(), again.seen[3].offset) // of the held transaction's last row
				last.until("the end", func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "60") })
				last.stop()
				if got := strings.Join(ids(last.seen), ","); got != "60" {
					t.Errorf("after the held transaction: %s", got)
				}
			}
		})
	}
}

// TestMariaDBHeldXAElsewhere: a prepared transaction of tables that are not captured holds nothing back, so that a restart repeats nothing.
func TestMariaDBHeldXAElsewhere(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		t.Run(mode, func(t *testing.T) {
			c, props, logs, task := startMariaDB(t, mode, config.Props{})
			holder, _ := mariadbSession(t)
			run(t, c, "CREATE DATABASE elsewhere", "CREATE TABLE elsewhere.x (id INT PRIMARY KEY)")
			t.Cleanup(func() { run(t, holder, "XA ROLLBACK 'other'"); run(t, c, "DROP DATABASE elsewhere") })
			run(t, holder, "XA START 'other'", "INSERT INTO elsewhere.x VALUES (1), (2)", "XA END 'other'", "XA PREPARE 'other'")
			run(t, c, "INSERT INTO items VALUES (30, 'after')", "INSERT INTO items VALUES (31, 'after')")
			task.until("what came after", func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "31") })
			task.stop()
			again := startTask(t, props, logs, task.seen[len(task.seen)-1].offset)
			defer again.stop()
			run(t, c, "INSERT INTO items VALUES (60, 'end')")
			again.until("the end", func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "60") })
			if got := strings.Join(ids(again.seen), ","); got != "60" {
				t.Errorf("after the restart: %s", got)
			}
		})
	}
}

// mariadbColumns are types with values that snapshot and stream must read alike.
var mariadbColumns = map[string]string{
	"TINYINT(1)": "1", "INT UNSIGNED": "4294967295", "BIGINT UNSIGNED": "18446744073709551615", "DECIMAL(20,5)": "-12345.67891", "FLOAT": "3.4e38", "DOUBLE": "0.1",
	"BIT(9)": "b'100000001'", "CHAR(5)": "'ü'", "VARCHAR(20) CHARACTER SET latin1": "'é'", "TEXT": "'t'", "BINARY(4)": "x'0102'", "VARBINARY(9)": "x'00FF'", "BLOB": "x'DE'",
	"ENUM('a','b,c')": "'b,c'", "SET('x','y')": "'x,y'", "JSON": `'{"a": 1, "b": [1, 2]}'`, "DATE": "'2024-02-29'", "TIME(3)": "'-01:02:03.004'", "DATETIME": "'2024-01-02 03:04:05'",
	"DATETIME(6)": "'2024-01-02 03:04:05.678901'", "TIMESTAMP NULL": "'2024-01-02 03:04:05'", "TIMESTAMP(3) NULL": "'2024-01-02 03:04:05.5'", "YEAR": "2024",
	"POINT": "ST_GeomFromText('POINT(1 2)')", "GEOMETRY": "ST_GeomFromText('LINESTRING(1 2,3 4)')", "UUID": "'123e4567-e89b-12d3-a456-426655440000'",
	"INET6": "'2001:db8::1'", "INET4": "'10.0.0.1'", "TEXT COMPRESSED": "REPEAT('c', 500)", "VARCHAR(600) COMPRESSED": "REPEAT('d', 500)", "BLOB COMPRESSED": "REPEAT(x'07', 500)",
	"VARCHAR(9) INVISIBLE": "'i'", "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin": "'plain'",
}

func TestMariaDBTypes(t *testing.T) {
	c, props := mariadb(t, nil)
	tables := map[string]string{}
	n := 0
	for typ, value := range mariadbColumns {
		n++
		name := fmt.Sprintf("t%d", n)
		tables[name] = typ
		run(t, c, fmt.Sprintf("CREATE TABLE %s (id INT PRIMARY KEY, v %s, mark INT)", name, typ), fmt.Sprintf("INSERT INTO %s (id, v, mark) VALUES (1, %s, 0)", name, value))
	}
	task := startTask(t, props, &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", ended)
	snapshot := len(task.seen)
	for name := range tables {
		run(t, c, "UPDATE "+name+" SET mark = 1")
	}
	run(t, c, "INSERT INTO items VALUES (99, 'end')")
	task.until("the changes", func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "99") })
	for name, typ := range tables {
		topic := "dbserver1.inventory." + name
		shot, change := last(task.seen[:snapshot], topic), last(task.seen[snapshot:], topic)
		if shot == nil || change == nil {
			t.Errorf("%s: in the snapshot %t, in the stream %t", typ, shot != nil, change != nil)
			continue
		}
		a, b := payload(shot)["after"].(map[string]any), payload(change)["before"].(map[string]any)
		if !reflect.DeepEqual(a, b) || a["v"] == nil {
			t.Errorf("%s:\nsnapshot %.300v\nstream   %.300v", typ, a, b)
		}
		if typ == "UUID" && a["v"] != "123e4567-e89b-12d3-a456-426655440000" {
			t.Errorf("UUID: %v", a["v"])
		}
	}
}
