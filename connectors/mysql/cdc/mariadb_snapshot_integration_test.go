//go:build integration

package cdc

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect/config"
)

// TestMariaDBSnapshots interrupts a snapshot of MariaDB, lets it go on, and then reads the table once more by a signal, while rows change.
func TestMariaDBSnapshots(t *testing.T) {
	c, p := mariadb(t, config.Props{"snapshot.max.threads": "2", "snapshot.chunk.size": "200", "max.batch.size": "50", "max.queue.size": "100",
		"heartbeat.interval.ms": "200", "signal.data.collection": "inventory.signals", "signal.enabled.channels": "source", "read.only": "true",
		"notification.enabled.channels": "sink", "notification.sink.topic.name": notes, "incremental.snapshot.chunk.size": "300"})
	run(t, c, "CREATE TABLE signals (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32), data VARCHAR(2048))")
	insertMany(t, c, 1, 1999)
	ctx, cancel := context.WithCancel(t.Context())
	done2 := make(chan struct{})
	w, _ := mariadbSession(t)
	go func() {
		defer close(done2)
		busy(ctx, t, w, "inventory.items", 9, 5*time.Millisecond)
	}()
	defer func() { cancel(); <-done2 }()
	logs := &memoryLogs{}
	task := startTask(t, p, logs, "")
	task.until("part of the snapshot", func(all []captured) bool { return reads(all, itemsTopic) > 700 })
	task.stop()
	before := task.seen
	task = startTask(t, p, logs, before[len(before)-1].offset)
	defer func() { task.stop() }()
	task.until("the rest", notRunning)
	if n := twice(before, task.seen); n > 400 {
		t.Errorf("%d rows were read twice", n)
	}
	send(t, c, "1", "execute-snapshot", `{"data-collections": ["inventory.items"]}`)
	task.until("the incremental snapshot", done)
	cancel()
	<-done2
	run(t, c, "REPLACE INTO items VALUES (999999, 'end')")
	task.until("the last change", func(all []captured) bool {
		r := last(all, itemsTopic)
		return r != nil && strings.Contains(fmt.Sprint(r.key), "999999")
	})
	got := replica{}
	for _, r := range append(before, task.seen...) {
		if r.topic == itemsTopic {
			got.apply(t, r, true)
		}
	}
	sameRows(t, got, itemsAt(t, c))
}
