//go:build integration

package cdc

import (
	"strings"
	"testing"
)

// TestRestartByTheCopyOfTheTables restarts where the history was deleted: the stored offset says that the copy of the tables has all that
// was in it, so nothing is missing, although the server no longer has the definition that the rows were written with.
func TestRestartByTheCopyOfTheTables(t *testing.T) {
	c := items(t, 1)
	logs := &memoryLogs{}
	task := startTask(t, bedConfig(t, nil), logs, "")
	task.until("the snapshot", ended)
	has := func(id string) func(all []captured) bool {
		return func(all []captured) bool { return strings.Contains(strings.Join(ids(all), ","), id) }
	}
	run(t, c, "ALTER TABLE items ADD COLUMN n INT FIRST", "INSERT INTO items (id, v, n) VALUES (20, 'x', 7)")
	task.until("the row", has("20"))
	at := task.seen[len(task.seen)-1].offset
	task.stop()
	if !strings.Contains(at, offsetCovered) {
		t.Fatalf("the offset does not tell of the copy: %s", at)
	}
	run(t, c, "INSERT INTO items (id, v, n) VALUES (21, 'while away', 8)", "ALTER TABLE items RENAME COLUMN n TO m", "INSERT INTO items (id, v, m) VALUES (22, 'y', 9)")
	history := "schema-history"
	for name := range logs.topics {
		if strings.HasSuffix(name, ".tables") {
			history = strings.TrimSuffix(name, ".tables")
		}
	}
	if len(logs.topics[history]) == 0 {
		t.Fatalf("no history in %s", history)
	}
	delete(logs.topics, history)
	again := startTask(t, bedConfig(t, nil), logs, at)
	again.until("the rows", has("22"))
	again.stop()
	if got := rowsOf(again.seen, "dbserver1.inventory.items"); !strings.Contains(got, "map[id:21 n:8 v:while away]") || !strings.Contains(got, "map[id:22 m:9 v:y]") {
		t.Errorf("rows %s", got)
	}
	// The history is whole again: without the copy it gives the same.
	for name := range logs.topics {
		if strings.HasSuffix(name, ".tables") {
			delete(logs.topics, name)
			delete(logs.keys, name)
		}
	}
	whole := startTask(t, bedConfig(t, nil), logs, at)
	defer whole.stop()
	whole.until("the rows without the copy", has("22"))
	if got, want := rowsOf(whole.seen, "dbserver1.inventory.items"), rowsOf(again.seen, "dbserver1.inventory.items"); got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
}
