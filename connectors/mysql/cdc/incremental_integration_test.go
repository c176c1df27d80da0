//go:build integration

package cdc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/connectd/connectd/connect/config"
)

const notes = "notes"

// signalled makes items with n rows and a signal table, and a config that streams without a snapshot, as root.
func signalled(t testing.TB, n int, more config.Props) (*client.Conn, config.Props) {
	t.Helper()
	c := items(t, 0)
	run(t, c, "CREATE TABLE signals (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)")
	fillItems(t, c, n)
	p := bedConfig(t, config.Props{"snapshot.mode": "no_data", "signal.data.collection": "inventory.signals", "database.user": "root",
		"database.password": "rootpw", "notification.enabled.channels": "sink,log", "notification.sink.topic.name": notes,
		"incremental.snapshot.chunk.size": "100", "heartbeat.interval.ms": "200", "signal.poll.interval.ms": "100"})
	for k, v := range more {
		p[k] = v
	}
	return c, p
}

func send(t testing.TB, c *client.Conn, id, kind, data string) {
	t.Helper()
	run(t, c, fmt.Sprintf("INSERT INTO inventory.signals VALUES ('%s', '%s', '%s')", id, kind, strings.ReplaceAll(data, `\`, `\\`)))
}

// noted lists the notifications: type and the notes asked for.
func noted(all []captured, extra ...string) []string {
	var out []string
	for i := range all {
		if all[i].topic != notes {
			continue
		}
		p := all[i].value.(map[string]any)["payload"].(map[string]any)
		s := fmt.Sprint(p["aggregate_type"], " ", p["type"])
		for _, k := range extra {
			if v, ok := p["additional_data"].(map[string]any)[k]; ok {
				s += fmt.Sprint(" ", v)
			}
		}
		out = append(out, s)
	}
	return out
}

func done(all []captured) bool { return slices.Contains(noted(all), "Incremental Snapshot COMPLETED") }

// TestIncrementalSnapshot reads a table by each kind of watermark while rows change: what a consumer has in the end is the table.
func TestIncrementalSnapshot(t *testing.T) {
	for name, props := range map[string]config.Props{
		"gtid":                    nil,
		"read only":               {"read.only": "true"},
		"insert_insert":           {"incremental.snapshot.watermarking.strategy": "insert_insert"},
		"insert_delete":           {"incremental.snapshot.watermarking.strategy": "insert_delete", "gtid.ignore.on.recovery": "true"},
		"read only without GTIDs": {"read.only": "true", "gtid.ignore.on.recovery": "true"},
		"lock":                    {"gtid.ignore.on.recovery": "true", "signal.data.collection": "", "signal.enabled.channels": "file"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "signals")
			c, p := signalled(t, 3000, props)
			p["signal.file"] = file
			p["max.batch.size"], p["max.queue.size"] = "100", "200" // the snapshot is not over when part of it has been taken
			logs := &memoryLogs{}
			task := startTask(t, p, logs, "")
			task.until("the snapshot", notRunning)
			stop := writers(t, root(t), 5)
			defer stop()
			ask := func(id string) {
				if name == "lock" {
					line := `{"id":"` + id + `","type":"execute-snapshot","data":{"data-collections":["inventory\\.items"]}}`
					if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
						t.Fatal(err)
					}
					return
				}
				send(t, c, id, "execute-snapshot", `{"data-collections": ["inventory.items"], "type": "incremental"}`)
			}
			ask("ad-hoc-1")
			task.until("part of it", func(all []captured) bool { return reads(all, itemsTopic) > 1000 })
			task.stop()
			before := task.seen
			offset := before[len(before)-1].offset
			if !strings.Contains(offset, offsetAskedTables) || !strings.Contains(offset, "ad-hoc-1") || strings.Contains(offset, "INITIAL") {
				t.Fatalf("the offset does not tell of the incremental snapshot: %s", offset)
			}
			task = startTask(t, p, logs, offset)
			defer func() { task.stop() }()
			task.until("the end", done)
			if n := twice(before, task.seen); n > 100 {
				t.Errorf("%d rows were read twice, chunks have 100", n)
			}
			for i := range task.seen {
				if o, mark := op(&task.seen[i]); o == "r" && task.seen[i].topic == itemsTopic && mark != "incremental" {
					t.Fatalf("a row is marked %s", mark)
				}
			}
			stop()
			settleItems(t, c, task, before)
			if o := task.seen[len(task.seen)-1].offset; strings.Contains(o, "incremental_snapshot") {
				t.Errorf("the offset still tells of the incremental snapshot: %s", o)
			}
		})
	}
}

// TestSignals sends each kind of signal.
func TestSignals(t *testing.T) {
	c, p := signalled(t, 500, nil)
	run(t, c, "CREATE TABLE keyless (v INT, w INT NOT NULL)", "INSERT INTO keyless VALUES (1, 1), (2, 2), (3, 3)", "CREATE TABLE comp (a VARCHAR(9), b INT, v INT, PRIMARY KEY (a, b))",
		"INSERT INTO comp SELECT CONCAT('k', id MOD 7), id, id FROM items", "CREATE TABLE other (id INT PRIMARY KEY)", "INSERT INTO other VALUES (1)")
	task := startTask(t, p, &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", notRunning)
	from := 0
	until := func(what string, want ...string) {
		t.Helper()
		task.until(what, func(all []captured) bool {
			have := noted(all[from:], noteScanned, noteStatus)
			for _, w := range want {
				if !slices.ContainsFunc(have, func(s string) bool { return strings.HasPrefix(s, w) }) {
					return false
				}
			}
			return true
		})
	}
	const inc, scanned = "Incremental Snapshot ", "Incremental Snapshot TABLE_SCAN_COMPLETED "

	send(t, c, "1", "execute-snapshot", `{"data-collections": ["inventory.(comp|keyless)", "inventory\\.none"], "additional-conditions": [{"data-collection": "inventory.comp", "filter": "v < 100 OR v = 400"}]}`)
	until("a table by a condition, and one without a key", inc+"STARTED", scanned+"inventory.comp SUCCEEDED", scanned+"inventory.keyless NO_PRIMARY_KEY", scanned+`inventory\.none UNKNOWN_SCHEMA`, inc+"COMPLETED")
	if n := reads(task.seen, "dbserver1.inventory.comp"); n != 101 {
		t.Errorf("%d rows of comp were read, want 101", n)
	}

	from = len(task.seen)
	send(t, c, "2", "execute-snapshot", `{"data-collections": ["inventory.keyless"], "surrogate-key": "w"}`)
	until("a table by a surrogate key", scanned+"inventory.keyless SUCCEEDED", inc+"COMPLETED")
	if n := reads(task.seen, "dbserver1.inventory.keyless"); n != 3 {
		t.Errorf("%d rows of keyless were read, want 3", n)
	}

	from = len(task.seen)
	run(t, c, "BEGIN")
	send(t, c, "3", "execute-snapshot", `{"data-collections": ["inventory.items", "inventory.other"]}`)
	send(t, c, "4", "pause-snapshot", `{}`)
	run(t, c, "COMMIT")
	until("the pause", inc+"STARTED", inc+"PAUSED")
	if n := reads(task.seen[from:], itemsTopic); n != 0 {
		t.Errorf("%d rows were read while paused", n)
	}
	send(t, c, "5", "stop-snapshot", `{"data-collections": ["inventory.other"], "type": "incremental"}`)
	send(t, c, "6", "resume-snapshot", ``)
	until("the rest", inc+"ABORTED", inc+"RESUMED", scanned+"inventory.items SUCCEEDED", inc+"COMPLETED")
	if n, m := reads(task.seen[from:], itemsTopic), reads(task.seen[from:], "dbserver1.inventory.other"); n != 500 || m != 0 {
		t.Errorf("%d rows of items and %d of other were read, want 500 and 0", n, m)
	}

	from = len(task.seen)
	send(t, c, "7", "execute-snapshot", `{"type": "blocking", "data-collections": ["inventory.items", "inventory.other"], "additional-conditions": [{"data-collection": "inventory.items", "filter": "SELECT * FROM inventory.items WHERE id < 10"}]}`)
	until("a blocking snapshot", "Initial Snapshot STARTED", "Initial Snapshot TABLE_SCAN_COMPLETED inventory.items SUCCEEDED", "Initial Snapshot COMPLETED")
	var marks []string
	for i := range task.seen[from:] {
		if o, m := op(&task.seen[from+i]); o == "r" {
			marks = append(marks, m)
		}
	}
	if want := "first true true true true true true true true last_in_data_collection last"; strings.Join(marks, " ") != want {
		t.Errorf("the blocking snapshot's rows are marked %v", marks)
	}

	from = len(task.seen)
	for i, s := range []string{"nonsense", "log", "execute-snapshot", "stop-snapshot", "schema-changes"} {
		send(t, c, fmt.Sprint("8-", i), s, `{"data-collections": []}`)
	}
	send(t, c, "9", "execute-snapshot", `not json`)
	send(t, c, "10", "log", `{"message": "here: {}"}`)
	run(t, c, "INSERT INTO items VALUES (7777, 'still alive')")
	task.until("a change after bad signals", func(all []captured) bool { return strings.Contains(fmt.Sprint(last(all, itemsTopic).key), "7777") })
}

// TestSignalTopic takes signals from a topic, each once.
func TestSignalTopic(t *testing.T) {
	_, p := signalled(t, 10, config.Props{"signal.enabled.channels": "kafka", "signal.kafka.bootstrap.servers": "127.0.0.1:1", "signal.data.collection": ""})
	logs := &memoryLogs{topics: map[string][][]byte{"dbserver1-signal": {[]byte(`other|{"id":"0","type":"log","data":{}}`), []byte("dbserver1|broken"),
		[]byte(`dbserver1|{"id":"1","type":"execute-snapshot","data":{"data-collections":["inventory.items"]}}`)}}}
	task := startTask(t, p, logs, "")
	task.until("the incremental snapshot", done)
	task.stop()
	if n := reads(task.seen, itemsTopic); n != 10 {
		t.Errorf("%d rows were read, want 10", n)
	}
	again := startTask(t, p, logs, task.seen[len(task.seen)-1].offset)
	defer again.stop()
	again.until("heartbeats", func(all []captured) bool { return len(all) > 5 })
	if n := reads(again.seen, itemsTopic); n != 0 {
		t.Errorf("the signal was carried out again: %d rows", n)
	}
}

// TestIncrementalSnapshotAndDDL changes, truncates, renames and drops tables while they are read.
func TestIncrementalSnapshotAndDDL(t *testing.T) {
	c, p := signalled(t, 2000, config.Props{"message.key.columns": "inventory.keyed:k", "include.schema.changes": "false"})
	run(t, c, "CREATE TABLE keyed (k INT NOT NULL, v INT)", "INSERT INTO keyed SELECT id, 1 FROM items WHERE id < 300",
		"CREATE TABLE goes (id INT PRIMARY KEY)", "INSERT INTO goes SELECT id FROM items", "CREATE TABLE trunc (id INT PRIMARY KEY)", "INSERT INTO trunc SELECT id FROM items")
	task := startTask(t, p, &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", notRunning)
	send(t, c, "1", "execute-snapshot", `{"data-collections": ["inventory.items", "inventory.goes", "inventory.keyed", "inventory.trunc"]}`)
	task.until("part of it", func(all []captured) bool { return reads(all, itemsTopic) > 200 })
	run(t, c, "ALTER TABLE items ADD COLUMN n INT NOT NULL DEFAULT 5 FIRST", "UPDATE items SET n = 6 WHERE id < 100", "ALTER TABLE items DROP COLUMN v",
		"ALTER TABLE items ADD COLUMN v VARCHAR(10) DEFAULT 'x'", "RENAME TABLE keyed TO keyed2, keyed2 TO keyed", "DROP TABLE goes", "TRUNCATE TABLE trunc", "INSERT INTO trunc VALUES (1)")
	task.until("the end", done)
	var status []string
	for _, n := range noted(task.seen, noteScanned, noteStatus) {
		if s, ok := strings.CutPrefix(n, "Incremental Snapshot TABLE_SCAN_COMPLETED inventory."); ok {
			status = append(status, s)
		}
	}
	for _, want := range []string{"items SUCCEEDED", "keyed SUCCEEDED", "trunc "} {
		if !slices.ContainsFunc(status, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no %s among %v", want, status)
		}
	}
	for i := range task.seen {
		r := &task.seen[i]
		if o, _ := op(r); o != "r" || r.topic != itemsTopic {
			continue
		}
		after := r.value.(map[string]any)["payload"].(map[string]any)["after"].(map[string]any)
		if n, ok := after["n"]; ok && n != "#5" && n != "#6" {
			t.Fatalf("a row was read by another definition: %v", after)
		}
	}
	if n := reads(task.seen, "dbserver1.inventory.keyed"); n != 300 {
		t.Errorf("%d rows of keyed were read, want 300", n)
	}
}

// TestNewTables adds a table to the include list, and takes it out again.
func TestNewTables(t *testing.T) {
	for _, mode := range []string{"incremental", "off"} {
		c := items(t, 10)
		run(t, c, "CREATE TABLE later (id INT PRIMARY KEY)", "INSERT INTO later VALUES (1), (2), (3)")
		p := bedConfig(t, config.Props{"table.include.list": "inventory.items", "snapshot.new.tables": mode, "heartbeat.interval.ms": "100"})
		logs := &memoryLogs{}
		task := startTask(t, p, logs, "")
		task.until("the snapshot", notRunning)
		task.stop()
		run(t, c, "INSERT INTO later VALUES (4)")
		p["table.include.list"] = "inventory.items,inventory.later"
		task = startTask(t, p, logs, task.seen[len(task.seen)-1].offset)
		run(t, c, "INSERT INTO later VALUES (5)", "INSERT INTO items VALUES (100, 'end')")
		task.until("changes", func(all []captured) bool { return last(all, itemsTopic) != nil })
		want := 0
		if mode == "incremental" {
			want = 3
			task.until("the rows", func(all []captured) bool {
				keys := map[string]bool{}
				for i := range all {
					if all[i].topic == "dbserver1.inventory.later" {
						keys[fmt.Sprint(all[i].key)] = true
					}
				}
				return len(keys) == 5
			})
		}
		if n := reads(task.seen, "dbserver1.inventory.later"); n < want || want == 0 && n != 0 {
			t.Errorf("%s: %d rows were read, want %d", mode, n, want)
		}
		task.until("an offset of now", func(all []captured) bool { return strings.Contains(all[len(all)-1].offset, "inventory.later") })
		task.stop()
		task = startTask(t, p, logs, task.seen[len(task.seen)-1].offset)
		task.until("heartbeats", func(all []captured) bool { return len(all) > 3 })
		if n := reads(task.seen, "dbserver1.inventory.later"); n != 0 {
			t.Errorf("%s: %d rows were read again", mode, n)
		}
		task.stop()
	}
}
