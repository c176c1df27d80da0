//go:build integration

package cdc

import (
	"fmt"
	"testing"
	"time"

	"github.com/connectd/connectd/connect/config"
)

// TestWindowOfAnotherDefinition: a row is deleted between the read of its chunk and the end of the window, when the table has another definition than the
// chunk was read by, which the stream learns with that very delete. The row must not come back with the chunk.
func TestWindowOfAnotherDefinition(t *testing.T) {
	c, p := signalled(t, 50, config.Props{"incremental.snapshot.watermarking.strategy": "insert_insert"})
	run(t, c, "CREATE TRIGGER hold BEFORE INSERT ON signals FOR EACH ROW IF NEW.type = 'snapshot-window-close' THEN DO GET_LOCK('hold', 30), RELEASE_LOCK('hold'); END IF")
	held := root(t)
	run(t, held, "SELECT GET_LOCK('hold', 0)")
	task := startTask(t, p, &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", notRunning)
	send(t, c, "ad-hoc", "execute-snapshot", `{"data-collections": ["inventory.items"], "type": "incremental"}`)
	waiting := func() bool {
		r, err := c.Execute("SELECT 1 FROM " + under(t).processes + " WHERE STATE = 'User lock'")
		return err == nil && r.RowNumber() > 0
	}
	for end := time.Now().Add(30 * time.Second); !waiting(); {
		if time.Now().After(end) {
			t.Fatal("the chunk is not read")
		}
		task.poll()
	}
	unlogged := root(t)
	run(t, unlogged, "SET SESSION sql_log_bin = 0", "ALTER TABLE inventory.items ADD COLUMN extra INT DEFAULT 3")
	run(t, c, "DELETE FROM inventory.items WHERE id = 10")
	run(t, held, "DO RELEASE_LOCK('hold')")
	task.until("the end of the snapshot", done)
	rows := map[string]bool{}
	for i := range task.seen {
		r := &task.seen[i]
		if r.topic != itemsTopic || r.value == nil {
			continue
		}
		key := fmt.Sprint(r.key.(map[string]any)["payload"])
		if payload(r)["op"] == "d" {
			delete(rows, key)
		} else {
			rows[key] = true
		}
	}
	if len(rows) != 49 {
		t.Errorf("%d rows, want 49: %v", len(rows), rows)
	}
}
