//go:build integration

package cdc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// outcome is what a task does: the ops of items, and how it ends.
func outcome(t testing.TB, props config.Props, logs *memoryLogs, stored string, enough func([]captured) bool) (ops string, all []captured) {
	t.Helper()
	task := startTask(t, props, logs, stored)
	defer task.stop()
	task.until("the outcome", enough)
	var out []string
	for i := range task.seen {
		if o, _ := op(&task.seen[i]); task.seen[i].topic == itemsTopic && o != "" {
			out = append(out, o)
		}
	}
	return strings.Join(out, ""), task.seen
}

// TestSnapshotModes runs each mode without an offset, and with one: what is read, and what comes from the stream. A row is inserted
// before each start and after it.
func TestSnapshotModes(t *testing.T) {
	by := func(keys ...string) config.Props {
		p := config.Props{"snapshot.mode": "configuration_based"}
		for _, k := range keys {
			p["snapshot.mode.configuration.based."+k] = "true"
		}
		return p
	}
	for _, x := range []struct {
		name         string
		props        config.Props
		first, again string // ops of items
	}{
		{"initial", nil, "rrc", "cc"},
		{"always", nil, "rrc", "rrrrc"},
		{"no_data", nil, "c", "cc"},
		{"schema_only", nil, "c", "cc"},
		{"recovery", nil, "c", "cc"},
		{"schema_only_recovery", nil, "c", "cc"},
		{"when_needed", nil, "rrc", "cc"},
		{"never", nil, "ccc", "cc"},
		{"by config, all", by("snapshot.data", "snapshot.schema", "start.stream"), "rrc", "rrrrc"},
		{"by config, schema", by("snapshot.schema", "start.stream"), "c", "cc"},
		{"by config, stream", by("start.stream"), "ccc", "cc"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := items(t, 0)
			if strings.HasPrefix(x.first, "ccc") {
				run(t, c, under(t).resetLogs) // it begins with the first file, which other tests have filled
			}
			fresh(t, c)
			run(t, c, "CREATE DATABASE inventory", "USE inventory", "CREATE TABLE items (id INT PRIMARY KEY, v VARCHAR(200))", "INSERT INTO items VALUES (1, 'a'), (2, 'b')")
			props := bedConfig(t, x.props)
			if x.props == nil {
				props["snapshot.mode"] = x.name
			}
			logs := &memoryLogs{}
			go func() {
				time.Sleep(time.Second) // after the snapshot, whose end cannot be seen from here if it reads nothing
				_, _ = root(t).Execute("INSERT INTO inventory.items VALUES (3, 'c')")
			}()
			has := func(id string) func([]captured) bool {
				return func(all []captured) bool {
					r := last(all, itemsTopic)
					return r != nil && strings.Contains(fmt.Sprint(r.key), "#"+id+"]") && !strings.Contains(r.offset, "INITIAL")
				}
			}
			ops, all := outcome(t, props, logs, "", has("3"))
			if ops != x.first {
				t.Errorf("without an offset: %s, want %s", ops, x.first)
			}
			// Where no row is read, the last schema change is the snapshot's last record.
			var marked []bool
			for _, r := range all {
				if text := fmt.Sprint(r.value); r.topic == props["topic.prefix"] && !strings.Contains(text, "snapshot:false") {
					marked = append(marked, strings.Contains(text, "snapshot:last"))
				}
			}
			if i := slices.Index(marked, true); x.first == "c" && (i < 0 || i != len(marked)-1) || x.first != "c" && i >= 0 {
				t.Errorf("the schema changes marked last: %v", marked)
			}
			run(t, c, "INSERT INTO items VALUES (4, 'd')")
			if strings.Contains(x.name, "recovery") {
				logs = &memoryLogs{} // lost
			}
			go func() {
				time.Sleep(time.Second)
				_, _ = root(t).Execute("INSERT INTO inventory.items VALUES (5, 'e')")
			}()
			if ops, _ = outcome(t, props, logs, all[len(all)-1].offset, has("5")); ops != x.again {
				t.Errorf("with an offset: %s, want %s", ops, x.again)
			}
		})
	}
}

// TestSnapshotRepairs starts with an offset whose place, or whose schema history, is lost.
func TestSnapshotRepairs(t *testing.T) {
	items(t, 2)
	lost := `{"file":"gone.000001","pos":4}`
	for _, x := range []struct {
		props  config.Props
		stored string
		fails  string // empty: a snapshot is taken
	}{
		{config.Props{"snapshot.mode": "initial"}, lost, "no longer has"},
		{config.Props{"snapshot.mode": "when_needed"}, lost, ""},
		{config.Props{"snapshot.mode": "configuration_based", "snapshot.mode.configuration.based.start.stream": "true",
			"snapshot.mode.configuration.based.snapshot.on.schema.error": "true"}, lost, "no longer has"},
		{config.Props{"snapshot.mode": "configuration_based", "snapshot.mode.configuration.based.start.stream": "true",
			"snapshot.mode.configuration.based.snapshot.on.data.error": "true"}, lost, "snapshot"},
		// What an interrupted snapshot left cannot be read beside a stream that cannot begin: it starts again.
		{nil, `{"file":"gone.000001","pos":4,"snapshot":"INITIAL","connectd_snapshot":"{\"next\":[[\"inventory\",\"items\"]]}"}`, ""},
		{nil, strings.Replace(serverPosition(t), "{", `{"snapshot":"INITIAL","connectd_snapshot":"{\"next\":[[\"inventory\",\"items\"]]}",`, 1), ""},
	} {
		task := startTask(t, bedConfig(t, x.props), &memoryLogs{}, x.stored)
		var err error
		for end := time.Now().Add(20 * time.Second); err == nil && reads(task.seen, itemsTopic) < 2 && time.Now().Before(end); {
			var out []*connect.SourceRecord
			if out, err = task.task.Poll(context.Background()); err == nil {
				for _, r := range out {
					task.seen = append(task.seen, renderRecord(r))
				}
			}
			if x.fails == "snapshot" && slices.ContainsFunc(task.seen, func(c captured) bool { return strings.Contains(c.offset, "INITIAL") }) {
				break // definitions alone
			}
		}
		task.stop()
		switch {
		case x.fails == "snapshot":
			if err != nil {
				t.Errorf("%v: %v", x.props, err)
			}
		case x.fails == "" && (err != nil || reads(task.seen, itemsTopic) != 2):
			t.Errorf("%v: %d rows, %v, want a snapshot", x.props, reads(task.seen, itemsTopic), err)
		case x.fails != "" && (err == nil || !strings.Contains(err.Error(), x.fails)):
			t.Errorf("%v: %v, want %s", x.props, err, x.fails)
		}
	}
}

// TestLockIsShort holds the snapshot up in the middle of its rows: nobody is kept from writing, with none of the ways to lock.
func TestLockIsShort(t *testing.T) {
	for name, props := range map[string]config.Props{
		"backup lock": {"database.user": "root", "database.password": "rootpw"}, "read lock": nil, "table locks": {"database.user": "norel", "database.password": "pw"},
		"percona without table locks": {"snapshot.locking.mode": "minimal_percona_no_table_locks"}, "percona": {"snapshot.locking.mode": "minimal_percona"},
		"extended": {"snapshot.locking.mode": "extended"},
	} {
		t.Run(name, func(t *testing.T) {
			c := items(t, 0)
			fillItems(t, c, 1000)
			user(t, c, "norel", "pw", "GRANT SELECT, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT ON *.*")
			p := bedConfig(t, config.Props{"max.batch.size": "5", "max.queue.size": "10", "snapshot.lock.timeout.ms": "2000"})
			for k, v := range props {
				p[k] = v
			}
			task := startTask(t, p, &memoryLogs{}, "")
			defer task.stop()
			if name == "percona without table locks" {
				for {
					if _, err := task.task.Poll(t.Context()); err != nil {
						if !strings.Contains(err.Error(), "use minimal") {
							t.Errorf("on another server: %v", err)
						}
						return
					}
				}
			}
			task.until("some rows", func(all []captured) bool { return reads(all, itemsTopic) > 20 })
			run(t, c, "SET SESSION lock_wait_timeout = 1")
			_, err := c.Execute("INSERT INTO inventory.items VALUES (5000, 'while the snapshot reads')")
			if (err != nil) != (name == "extended") {
				t.Errorf("writing while rows are read: %v", err)
			}
		})
	}
}

// TestDefinitionsAnewAfterAlter starts again with configuration_based snapshots of definitions alone, after an ALTER that rows wait before and
// behind: each row is read with the definition of its place.
func TestDefinitionsAnewAfterAlter(t *testing.T) {
	c := items(t, 1)
	props := bedConfig(t, config.Props{"snapshot.mode": "configuration_based", "snapshot.mode.configuration.based.snapshot.schema": "true",
		"snapshot.mode.configuration.based.start.stream": "true"})
	logs := &memoryLogs{}
	task := startTask(t, props, logs, "")
	task.until("the definitions", ended)
	at := task.seen[len(task.seen)-1].offset
	task.stop()
	run(t, c, "INSERT INTO items VALUES (10, 'before')", "ALTER TABLE items ADD first INT DEFAULT 3 FIRST, ADD UNIQUE (v)", "INSERT INTO items VALUES (4, 11, 'behind')")
	again := startTask(t, props, logs, at)
	defer again.stop()
	again.until("the rows", func(all []captured) bool { return slices.Contains(ids(all), "11") })
	rows := changesOf(again.seen, itemsTopic)
	if len(rows) != 2 || payload(&rows[0])["after"].(map[string]any)["v"] != "before" || payload(&rows[1])["after"].(map[string]any)["first"] != "#4" {
		t.Errorf("rows %v", rows)
	}
}
