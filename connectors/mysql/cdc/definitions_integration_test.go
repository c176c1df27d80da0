//go:build integration

package cdc

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hearing is a log that calls on before it takes a message, and keeps all of them.
type hearing struct {
	mu   sync.Mutex
	said []string
	on   map[string]func()
}

func (h *hearing) Enabled(context.Context, slog.Level) bool { return true }
func (h *hearing) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h *hearing) WithGroup(string) slog.Handler            { return h }
func (h *hearing) Handle(_ context.Context, r slog.Record) error {
	if f := h.on[r.Message]; f != nil {
		f()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, r.Message)
	return nil
}

func (h *hearing) at(message string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Index(h.said, message)
}

// TestDefinitionsBeforeTheLock: without the backup lock, the definitions of many tables are read before the read lock is taken. What changes
// in between is in the history all the same, once, and rows and changes are right.
func TestDefinitionsBeforeTheLock(t *testing.T) {
	const reading, again = "reading definitions before the lock is taken", "a definition may have changed before the lock was taken: all are read again, under the lock"
	const released = "the snapshot released the global read lock"
	for _, x := range []struct {
		name, change string
		again        bool
	}{
		{"nothing changes", "INSERT INTO items (id, v) VALUES (500, 'new')", false},
		{"a column is added", "ALTER TABLE items ADD late INT DEFAULT 7", true},
		{"a table comes", "CREATE TABLE came AS SELECT 1 AS id", true},
		{"a table goes", "DROP TABLE t3", true},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := items(t, 1)
			for i := range manyTables + 10 {
				run(t, c, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY)", i))
			}
			h := &hearing{on: map[string]func(){reading: func() { run(t, c, x.change) }}}
			task := startLogged(t, bedConfig(t, nil), &memoryLogs{}, "", slog.New(h))
			defer task.stop()
			task.until("the snapshot", ended)
			if h.at(reading) < 0 || h.at(released) < h.at(reading) {
				t.Errorf("definitions were not read before the lock: %s", strings.Join(h.said, "; "))
			}
			if h.at(again) >= 0 != x.again {
				t.Errorf("read again: %t, want %t", !x.again, x.again)
			}
			run(t, c, "INSERT INTO items (id, v) VALUES (999, 'end')")
			task.until("the change", func(all []captured) bool {
				return len(all) > 0 && strings.Contains(fmt.Sprint(all[len(all)-1].value), "end")
			})
			late := strings.Contains(fmt.Sprint(task.seen[len(task.seen)-1].value), "late")
			if want := strings.Contains(x.change, "late"); late != want {
				t.Errorf("the change has the new column: %t, want %t", late, want)
			}
			if got, want := len(changesOf(task.seen, "dbserver1.inventory.came")), strings.Count(x.change, "came"); got != want {
				t.Errorf("%d rows of the table that came, want %d", got, want)
			}
		})
	}
}
