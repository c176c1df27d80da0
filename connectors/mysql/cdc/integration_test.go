//go:build integration

package cdc

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
)

func root(t testing.TB) *client.Conn {
	t.Helper()
	applies(t)
	c, err := client.Connect(bed(t), "root", "rootpw", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.Execute("SET NAMES utf8mb4"); err != nil {
		t.Fatal(err)
	}
	return c
}

func run(t testing.TB, c *client.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if s = under(t).inItsWords(s); s == "" {
			continue
		}
		if _, err := c.Execute(s); err != nil {
			t.Fatalf("%.200s: %v", s, err)
		}
	}
}

func script(t testing.TB, c *client.Conn, name string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "sql", name+".sql"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, c, splitSQL(string(b))...)
}

// splitSQL cuts a script at semicolons outside of quotes and drops comment lines.
func splitSQL(s string) []string {
	var out []string
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch {
		case quote != 0:
			if s[i] == quote {
				quote = 0
			}
		case s[i] == '\'' || s[i] == '`':
			quote = s[i]
		case strings.HasPrefix(s[i:], "-- "):
			for i < len(s) && s[i] != '\n' {
				i++
			}
			continue
		case s[i] == ';':
			out = append(out, strings.TrimSpace(b.String()))
			b.Reset()
			continue
		}
		b.WriteByte(s[i])
	}
	if t := strings.TrimSpace(b.String()); t != "" {
		out = append(out, t)
	}
	return out
}

// owned are the databases of these tests. Nothing else on the server is touched: other packages' tests use it too, before or after.
var owned = []string{"inventory", "elsewhere", "otherdb"}

// fresh drops the databases of these tests, now and when the test is done, and makes the user that the connector logs in as.
func fresh(t testing.TB, c *client.Conn) {
	t.Helper()
	drop := func() {
		for _, db := range owned {
			run(t, c, "DROP DATABASE IF EXISTS "+db)
		}
	}
	drop()
	t.Cleanup(drop)
	user(t, c, "dbz", "dbz", "GRANT SELECT, RELOAD, SHOW DATABASES, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT ON *.*")
}

// user makes a user anew, outside of the binary log, and drops it when the test is done.
func user(t testing.TB, c *client.Conn, name, password, grant string) {
	t.Helper()
	who := "'" + name + "'@'%'"
	run(t, c, "SET SESSION sql_log_bin = 0", "DROP USER IF EXISTS "+who, "CREATE USER "+who+" IDENTIFIED BY '"+password+"'",
		grant+" TO "+who, "SET SESSION sql_log_bin = 1")
	t.Cleanup(func() {
		run(t, c, "SET SESSION sql_log_bin = 0", "DROP USER IF EXISTS "+who, "SET SESSION sql_log_bin = 1")
	})
}

// logFile is the current file of the binary log.
func logFile(t testing.TB, c *client.Conn) string {
	t.Helper()
	r, err := c.Execute(under(t).logStatus)
	if err != nil {
		t.Fatal(err)
	}
	file, _ := r.GetString(0, 0)
	return strings.Clone(file)
}

func bedConfig(t testing.TB, more config.Props) config.Props {
	host, port, _ := strings.Cut(bed(t), ":")
	p := config.Props{"connector.class": under(t).plugin.Name, "database.hostname": host, "database.port": port, "database.user": "dbz",
		"database.password": "dbz", "database.server.id": "184054", "topic.prefix": "dbserver1", "database.include.list": "inventory",
		"schema.history.internal.kafka.bootstrap.servers": "127.0.0.1:1", "schema.history.internal.kafka.topic": "schema-changes.inventory"}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func count(topic string, n int) func([]captured) bool {
	return func(all []captured) bool {
		k := 0
		for _, c := range all {
			if c.topic == topic {
				k++
			}
		}
		return k >= n
	}
}

// volatile are the fields whose values no two runs share.
var volatile = map[string]bool{"ts_ms": true, "ts_us": true, "ts_ns": true, "gtid": true, "thread": true}

// deviations are the differences this connector means to have, and values that depend on the time of the run: topic, path and reason.
var deviations = []struct{ topic, path, reason string }{
	{"dbserver1.inventory.all_types", "value.payload.before.c_def_ts", "CURRENT_TIMESTAMP of the insert"},
	{"dbserver1.inventory.all_types", "value.payload.after.c_def_ts", "CURRENT_TIMESTAMP of the insert"},
	{"dbserver1.inventory.all_types", "value.payload.after.c_json", "one form of JSON from snapshot and stream: without blanks"},
	{"dbserver1.inventory.all_types", "value.payload.before.c_enum", "Debezium's stream escapes a comma in an ENUM value, its snapshot does not"},
	{"dbserver1.inventory.all_types", "value.payload.after.c_enum", "Debezium's stream escapes a comma in an ENUM value, its snapshot does not"},
}

func meant(topic, path string) bool {
	for _, d := range deviations {
		if d.topic == topic && d.path == path {
			return true
		}
	}
	return false
}

// differ compares two JSON trees and reports paths.
func differ(path string, got, want any, report func(path string, got, want any)) {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			report(path, got, want)
			return
		}
		keys := map[string]bool{}
		for k := range w {
			keys[k] = true
		}
		for k := range g {
			keys[k] = true
		}
		for k := range keys {
			if volatile[k] && (strings.HasSuffix(path, "payload") || strings.HasSuffix(path, "payload.source")) {
				if (g[k] == nil) != (w[k] == nil) {
					report(path+"."+k, g[k], w[k])
				}
				continue
			}
			differ(path+"."+k, g[k], w[k], report)
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			report(path, got, want)
			return
		}
		for i := range w {
			differ(fmt.Sprintf("%s[%d]", path, i), g[i], w[i], report)
		}
	default:
		if !reflect.DeepEqual(got, want) {
			report(path, got, want)
		}
	}
}

func goldenTopics(t *testing.T) []string {
	files, err := filepath.Glob("testdata/golden/dbserver1*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden records", err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".jsonl")
	}
	return files
}

// TestGolden runs the SQL behind the golden records and compares every record with Debezium's: key, value, schemas, headers and the
// order in each topic.
func TestGolden(t *testing.T) {
	c := root(t)
	fresh(t, c)
	// The golden records have positions, which only begin at the same place in a new log.
	run(t, c, under(t).resetLogs)
	script(t, c, "init")
	script(t, c, "rows")
	logs := &memoryLogs{}
	task := startTask(t, bedConfig(t, nil), logs, "")
	defer task.stop()
	task.until("the snapshot", count("dbserver1.inventory.uniq_only", 1))
	sql := root(t)
	script(t, sql, "dml")
	script(t, sql, "ddl")
	script(t, sql, "ddl2")
	task.until("the last change", count("dbserver1.inventory.all_types", 6))

	byTopic := map[string][]captured{}
	for _, r := range task.seen {
		if r.topic != "dbserver1" || ours(r) {
			byTopic[r.topic] = append(byTopic[r.topic], r)
		}
	}
	for _, topic := range goldenTopics(t) {
		t.Run(topic, func(t *testing.T) { compareTopic(t, topic, byTopic[topic]) })
		delete(byTopic, topic)
	}
	for topic, rs := range byTopic {
		t.Errorf("%d records in topic %s, which Debezium did not write", len(rs), topic)
	}
	t.Logf("%d records equal Debezium's but for %d volatile fields and %d deviations", len(task.seen), len(volatile), len(deviations))
	t.Run("history", func(t *testing.T) { compareHistory(t, logs.topics["schema-changes.inventory"]) })
}

func compareTopic(t *testing.T, topic string, got []captured) {
	want := goldenRecords(t, topic+".jsonl")
	if len(got) != len(want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		report := func(path string, g, w any) {
			if !meant(topic, path) {
				gj, _ := json.Marshal(g)
				wj, _ := json.Marshal(w)
				t.Errorf("record %d %s:\n got %.300s\nwant %.300s", i, path, gj, wj)
			}
		}
		var key, value any
		if want[i].Key != nil {
			key = parseGolden(t, *want[i].Key)
		}
		if want[i].Payload != nil {
			value = parseGolden(t, *want[i].Payload)
		}
		differ("key", got[i].key, key, report)
		differ("value", got[i].value, value, report)
		g, w := slices.Clone(got[i].headers), want[i].Headers
		if n := len(g); n == len(w) && n > 1 && g[n-2] == "__debezium.context.runId" {
			g[n-1] = w[n-1] // differs by run
		}
		if !slices.Equal(g, w) {
			t.Errorf("record %d headers:\n got %v\nwant %v", i, g, w)
		}
	}
}

// goldenDBs are the databases in the golden records; the empty name is the server's.
var goldenDBs = []string{"", "inventory", "otherdb"}

// ours tells whether a schema change is none of another database, which other packages' tests may have left on the server.
func ours(r captured) bool {
	db := r.value.(map[string]any)["payload"].(map[string]any)["databaseName"]
	return slices.Contains(goldenDBs, fmt.Sprint(db))
}

func compareHistory(t *testing.T, got [][]byte) {
	got = slices.DeleteFunc(slices.Clone(got), func(b []byte) bool {
		d, err := history.ParseDocument(b)
		return err == nil && !slices.Contains(goldenDBs, d.DB)
	})
	want := goldenRecords(t, "schema-changes.inventory.jsonl")
	if len(got) != len(want) {
		t.Errorf("%d documents, want %d", len(got), len(want))
	}
	uuid := ""
	for i := range min(len(got), len(want)) {
		g, err := history.ParseDocument(got[i])
		if err != nil {
			t.Fatal(err)
		}
		w, err := history.ParseDocument([]byte(*want[i].Payload))
		if err != nil {
			t.Fatal(err)
		}
		if uuid == "" {
			uuid, _, _ = strings.Cut(w.Position.GTIDs, ":")
		}
		own, _, _ := strings.Cut(g.Position.GTIDs, ":")
		g.Position.GTIDs = strings.ReplaceAll(g.Position.GTIDs, own, uuid)
		g.Position.TsSec, g.TsMs = w.Position.TsSec, w.TsMs
		gj := history.AppendDocument(nil, g)
		wj := history.AppendDocument(nil, w)
		if string(gj) != string(wj) {
			t.Errorf("document %d:\n got %s\nwant %s", i, gj, wj)
		}
	}
}

// TestResumeAtEachOffset restarts after every record that was handed out, with its offset, and wants the rest: nothing is missing, and
// nothing comes twice but what Debezium's rule repeats.
func TestResumeAtEachOffset(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		t.Run(mode, func(t *testing.T) {
			more := config.Props{}
			if mode == "file" {
				more["gtid.ignore.on.recovery"] = "true"
			}
			c := root(t)
			fresh(t, c)
			script(t, c, "init")
			script(t, c, "rows")
			logs := &memoryLogs{}
			task := startTask(t, bedConfig(t, more), logs, "")
			task.until("the snapshot", count("dbserver1.inventory.uniq_only", 1))
			snapshot := len(task.seen)
			sql := root(t)
			script(t, sql, "dml")
			script(t, sql, "ddl")
			script(t, sql, "ddl2")
			task.until("the last change", count("dbserver1.inventory.all_types", 6))
			task.stop()
			all := task.seen
			for i := snapshot - 1; i < len(all)-1; i++ {
				// Before the last record of a row, the whole row is sent again.
				start := i + 1
				if continues(all[start]) {
					for start--; continues(all[start]); start-- {
					}
				}
				again := startTask(t, bedConfig(t, more), logs.clone(), all[i].offset)
				rest := all[start:]
				again.until(fmt.Sprintf("the rest after record %d, %s", i, all[i].offset), func(got []captured) bool { return len(got) >= len(rest) })
				again.stop()
				for j := range rest {
					g, w := again.seen[j], rest[j]
					if g.topic != w.topic || !reflect.DeepEqual(g.key, w.key) || !sameButTime(g.value, w.value) {
						t.Errorf("restart after record %d (%s): record %d is\n%v %v\nwant\n%v %v", i, all[i].offset, j, g.topic, g.value, w.topic, w.value)
						break
					}
				}
				if len(again.seen) > len(rest) {
					t.Errorf("restart after record %d: %d records, want %d", i, len(again.seen), len(rest))
				}
			}
		})
	}
}

// continues tells whether a record belongs to the same row as the one before: tombstones, and the new row of a changed key.
func continues(c captured) bool { return c.value == nil || slices.Contains(c.headers, headerOldKey) }

// sameButTime compares values but for the time they were made.
func sameButTime(a, b any) bool {
	same := true
	differ("", a, b, func(path string, _, _ any) {
		if path != ".payload.ts_ms" && path != ".payload.ts_us" && path != ".payload.ts_ns" && path != ".payload.source.gtid" && path != ".payload.source.row" {
			same = false
		}
	})
	return same
}
