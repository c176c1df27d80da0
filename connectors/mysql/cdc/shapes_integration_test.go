//go:build integration

package cdc

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/connectd/connectd/connect/config"
)

// payload is a record's payload.
func payload(c *captured) map[string]any { return c.value.(map[string]any)["payload"].(map[string]any) }

// ended tells that the snapshot is over.
func ended(all []captured) bool {
	return len(all) > 0 && !strings.Contains(all[len(all)-1].offset, "INITIAL")
}

// TestHardRows reads rows at the limits of MySQL in the snapshot and then, with an UPDATE that changes nothing else, in the stream: the row is
// the same, and so are the schemas.
func TestHardRows(t *testing.T) {
	c := items(t, 1)
	var wide, values strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&wide, ", c%d %s", i, []string{"INT", "VARCHAR(5)", "DECIMAL(5,2)", "TINYINT UNSIGNED", "BIT(3)"}[i%5])
		fmt.Fprintf(&values, ", %s", []string{"-5", "'ü'", "-1.25", "NULL", "b'101'"}[i%5])
	}
	tables := map[string][]string{
		"wide":       {"CREATE TABLE wide (id INT PRIMARY KEY" + wide.String() + ", mark INT)", "INSERT INTO wide VALUES (1" + values.String() + ", 0)"},
		"big":        {"CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB, t LONGTEXT, mark INT)", "INSERT INTO big VALUES (1, REPEAT(x'00FF27', 5592406), REPEAT('😀', 100000), 0)"},
		"日本語表":       {"CREATE TABLE `日本語表` (`ключ` INT PRIMARY KEY, `we``i.rd \"x\"` VARCHAR(20), mark INT)", "INSERT INTO `日本語表` VALUES (1, 'x', 0)"},
		"Case":       {"CREATE TABLE `Case` (ID INT PRIMARY KEY, Mark INT)", "INSERT INTO `Case` VALUES (1, 0)"},
		"nokey":      {"CREATE TABLE nokey (a INT, e VARCHAR(5), n VARCHAR(5), mark INT)", "INSERT INTO nokey VALUES (1, '', NULL, 0), (1, '', NULL, 0)"},
		"derived":    {"CREATE TABLE derived (id INT PRIMARY KEY, v INT AS (id * 2), s VARCHAR(9) AS (CONCAT('<', id, '>')) STORED, i INT DEFAULT 4 INVISIBLE, mark INT)", "INSERT INTO derived (id, mark) VALUES (1, 0)"},
		"expression": {"CREATE TABLE expression (id BINARY(16) PRIMARY KEY DEFAULT (UUID_TO_BIN('6ccd780c-baba-1026-9564-5b8c656024db')), d DATETIME(6) DEFAULT '0000-00-00 00:00:00', b BINARY(5), mark INT)", "INSERT INTO expression (b, mark) VALUES (x'01', 0)"},
		"compressed": {"CREATE TABLE compressed (id INT PRIMARY KEY, v TEXT, mark INT) ROW_FORMAT=COMPRESSED", "INSERT INTO compressed VALUES (1, REPEAT('z', 60000), 0)"},
		"deep":       {"CREATE TABLE deep (id INT PRIMARY KEY, j JSON, mark INT)", fmt.Sprintf("INSERT INTO deep VALUES (1, CONCAT(REPEAT('[', %d), '{\"k\": 1.50}', REPEAT(']', %[1]d)), 0)", under(t).jsonDepth)},
	}
	run(t, c, "SET SESSION sql_mode = ''")
	for _, statements := range tables {
		run(t, c, statements...)
	}
	task := startTask(t, bedConfig(t, config.Props{"max.queue.size.in.bytes": "1000000"}), &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", ended)
	snapshot := len(task.seen)
	for name := range tables {
		run(t, c, "UPDATE `"+name+"` SET mark = 0, mark = 1 WHERE mark = 0")
	}
	run(t, c, "INSERT INTO items VALUES (77, 'end')")
	task.until("the changes", func(all []captured) bool { return len(all) > snapshot && slices.Contains(ids(all[snapshot:]), "77") })
	for name := range tables {
		topic := sanitize("dbserver1.inventory." + name)
		shot, change := last(task.seen[:snapshot], topic), last(task.seen[snapshot:], topic)
		if shot == nil || change == nil {
			t.Errorf("%s: in the snapshot %t, in the stream %t", name, shot != nil, change != nil)
			continue
		}
		if a, b := payload(shot)["after"], payload(change)["before"]; !reflect.DeepEqual(a, b) {
			t.Errorf("%s:\nsnapshot %.400v\nstream %.400v", name, a, b)
		}
		if !reflect.DeepEqual(shot.value.(map[string]any)["schema"], change.value.(map[string]any)["schema"]) || !reflect.DeepEqual(shot.key, change.key) {
			t.Errorf("%s: other schemas or keys: %v, %v", name, shot.key, change.key)
		}
	}
}

// TestKeysOfTheConfig sets the keys that choose what is sent, and wants the records of some changes: topic, operation, key and columns.
func TestKeysOfTheConfig(t *testing.T) {
	for _, x := range []struct {
		name  string
		props config.Props
		want  string
	}{
		{"defaults", nil, `a r {id:1} id,v,w|a c {id:2} id,v,w|a u {id:2} id,v,w|a d {id:2} |a - {id:2}|a c {id:3} id,v,w|a d {id:3} |a - {id:3}|b r - x|b c - x`},
		{"no tombstones", config.Props{"tombstones.on.delete": "false"}, `a r {id:1} id,v,w|a c {id:2} id,v,w|a u {id:2} id,v,w|a d {id:2} |a c {id:3} id,v,w|a d {id:3} |b r - x|b c - x`},
		{"without inserts and deletes", config.Props{"skipped.operations": "c,d"}, `a r {id:1} id,v,w|a u {id:2} id,v,w|a d {id:2} |a - {id:2}|a c {id:3} id,v,w|b r - x|b t - `},
		{"with truncates", config.Props{"skipped.operations": "none", "table.include.list": "inventory.b"}, `b r - x|b c - x|b t - `},
		{"one table", config.Props{"table.exclude.list": "INVENTORY\\.B"}, `a r {id:1} id,v,w|a c {id:2} id,v,w|a u {id:2} id,v,w|a d {id:2} |a - {id:2}|a c {id:3} id,v,w|a d {id:3} |a - {id:3}`},
		{"some columns", config.Props{"column.include.list": "inventory.a.(id|w),inventory.items.*", "table.include.list": "inventory.a", "skip.messages.without.change": "true"},
			`a r {id:1} id,w|a c {id:2} id,w|a d {id:2} |a - {id:2}|a c {id:3} id,w|a d {id:3} |a - {id:3}`},
		{"key excluded", config.Props{"column.exclude.list": "inventory.a.id", "table.include.list": "inventory.a", "tombstones.on.delete": "false"},
			`a r {id:1} v,w|a c {id:2} v,w|a u {id:2} v,w|a d {id:2} |a c {id:3} v,w|a d {id:3} `},
		{"other keys", config.Props{"message.key.columns": "inventory.a:W,v;(.*)\\.b:x", "tombstones.on.delete": "false", "skipped.operations": "d,t"},
			`a r {w:1 v:a} id,v,w|a c {w:2 v:b} id,v,w|a d {w:2 v:b} |a c {w:2 v:c} id,v,w|a u {w:2 v:c} id,v,w|b r {x:1} x|b c {x:2} x`},
		{"no schema changes, tiny queue", config.Props{"include.schema.changes": "false", "max.batch.size": "1", "max.queue.size": "2", "table.include.list": "inventory.b"}, `b r - x|b c - x`},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := items(t, 1)
			run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(5), w INT)", "INSERT INTO a VALUES (1, 'a', 1)", "CREATE TABLE b (x INT)", "INSERT INTO b VALUES (1)")
			props := bedConfig(t, x.props)
			if props["table.include.list"] != "" {
				props["table.include.list"] += ",inventory.items"
			}
			task := startTask(t, props, &memoryLogs{}, "")
			defer task.stop()
			task.until("the snapshot", ended)
			run(t, c, "INSERT INTO a VALUES (2, 'b', 2)", "UPDATE a SET v = 'c' WHERE id = 2", "UPDATE a SET id = 3 WHERE id = 2", "DELETE FROM a WHERE id = 3",
				"INSERT INTO b VALUES (2)", "TRUNCATE TABLE b", "UPDATE items SET v = 'end'")
			task.until("the last change", func(all []captured) bool {
				r := last(all, itemsTopic)
				return r != nil && payload(r)["op"] == "u"
			})
			var a, b []string
			for i := range task.seen {
				r := &task.seen[i]
				switch r.topic {
				case "dbserver1.inventory.a":
					a = append(a, outline(r))
				case "dbserver1.inventory.b":
					b = append(b, outline(r))
				case "dbserver1":
					if props["include.schema.changes"] == "false" {
						t.Errorf("a schema change: %v", payload(r)["ddl"])
					}
				}
			}
			if got := strings.Join(append(a, b...), "|"); got != x.want {
				t.Errorf("got\n%s\nwant\n%s", got, x.want)
			}
		})
	}
}

// outline is a record in short.
func outline(r *captured) string {
	key := "-"
	if r.key != nil {
		m := r.key.(map[string]any)
		var parts []string
		for _, f := range m["schema"].(map[string]any)["fields"].([]any) {
			name := f.(map[string]any)["field"].(string)
			parts = append(parts, name+":"+strings.TrimPrefix(fmt.Sprint(m["payload"].(map[string]any)[name]), "#"))
		}
		key = "{" + strings.Join(parts, " ") + "}"
	}
	name := r.topic[strings.LastIndexByte(r.topic, '.')+1:]
	if r.value == nil {
		return name + " - " + key
	}
	var columns []string
	if after, ok := payload(r)["after"].(map[string]any); ok {
		for k := range after {
			columns = append(columns, k)
		}
	}
	slices.Sort(columns)
	return fmt.Sprintf("%s %s %s %s", name, payload(r)["op"], key, strings.Join(columns, ","))
}

// TestHugeTransaction streams a transaction of 200,000 rows through a small queue: the memory it takes is bounded by the queue, not by the
// transaction.
func TestHugeTransaction(t *testing.T) {
	const rows = 200_000
	c := items(t, 1)
	logs := &memoryLogs{}
	task := startTask(t, bedConfig(t, nil), logs, "")
	task.until("the snapshot", ended)
	at := task.seen[len(task.seen)-1].offset
	task.stop()
	run(t, c, "BEGIN")
	insertMany(t, c, 1, rows)
	run(t, c, "COMMIT")
	task = startTask(t, bedConfig(t, config.Props{"max.batch.size": "512", "max.queue.size": "1024"}), logs, at)
	defer task.stop()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most, n := uint64(0), 0
	for polls := 0; n < rows; polls++ {
		out, err := task.task.Poll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out {
			if r.Topic == itemsTopic {
				n++
			}
		}
		task.task.Recycle(out)
		if polls%100 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	if limit := before.HeapAlloc + 24<<20; most > limit {
		t.Errorf("%d MiB in use, want at most %d", most>>20, limit>>20)
	}
}

func insertMany(t testing.TB, c *client.Conn, from, n int) {
	t.Helper()
	for i := from; i < from+n; i += 1000 {
		var rows []string
		for j := i; j < min(i+1000, from+n); j++ {
			rows = append(rows, fmt.Sprintf("(%d, 'row %[1]d')", j))
		}
		run(t, c, "INSERT INTO items VALUES "+strings.Join(rows, ","))
	}
}
