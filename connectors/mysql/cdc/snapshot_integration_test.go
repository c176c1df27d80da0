//go:build integration

package cdc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/connectd/connectd/connect/config"
)

// op is a record's op, and the value of source.snapshot.
func op(r *captured) (op, snapshot string) {
	if r.value == nil {
		return "", ""
	}
	p, _ := r.value.(map[string]any)["payload"].(map[string]any)
	src, _ := p["source"].(map[string]any)
	return fmt.Sprint(p["op"]), fmt.Sprint(src["snapshot"])
}

// reads counts the rows that snapshots sent to a topic.
func reads(all []captured, topic string) (n int) {
	for i := range all {
		if o, _ := op(&all[i]); o == "r" && all[i].topic == topic {
			n++
		}
	}
	return n
}

// writers change items until the func returned is called.
func writers(t testing.TB, c *client.Conn, seed uint64) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		busy(ctx, t, c, "inventory.items", seed, 5*time.Millisecond) // the stream must keep up on a slow machine
	}()
	return func() {
		cancel()
		<-done
	}
}

// settle waits until a change made now has come, and compares what a consumer has with the table.
func settleItems(t testing.TB, c *client.Conn, task *running, before []captured) {
	t.Helper()
	run(t, c, "REPLACE INTO inventory.items VALUES (999999, 'end')")
	task.until("the last change", func(all []captured) bool {
		r := last(all, itemsTopic)
		return r != nil && strings.Contains(fmt.Sprint(r.key), "999999")
	})
	got := replica{}
	for _, r := range slices.Concat(before, task.seen) {
		if r.topic == itemsTopic {
			got.apply(t, r, true)
		}
	}
	sameRows(t, got, tableRows(t))
}

// twice counts the keys that were read in both.
func twice(a, b []captured) (n int) {
	seen := map[string]bool{}
	for i := range a {
		if o, _ := op(&a[i]); o == "r" && a[i].topic == itemsTopic {
			seen[fmt.Sprint(a[i].key)] = true
		}
	}
	for i := range b {
		if o, _ := op(&b[i]); o == "r" && b[i].topic == itemsTopic && seen[fmt.Sprint(b[i].key)] {
			n++
		}
	}
	return n
}

func notRunning(all []captured) bool {
	return len(all) > 0 && !strings.Contains(all[len(all)-1].offset, "INITIAL")
}

// TestInterruptedSnapshotGoesOn kills the task in the middle of the snapshot, more than once, while rows change. It goes on where the
// stored offset says, no thread reads more than one chunk twice, and what a consumer has in the end is the table.
func TestInterruptedSnapshotGoesOn(t *testing.T) {
	for _, x := range []struct {
		name    string
		threads int
		props   config.Props
	}{
		{"one thread", 1, nil},
		{"four threads", 4, nil},
		{"table per thread", 4, config.Props{"legacy.snapshot.max.threads": "true"}},
		{"without GTIDs", 2, config.Props{"gtid.ignore.on.recovery": "true"}},
		{"locks on tables", 2, config.Props{"gtid.ignore.on.recovery": "true", "database.user": "norel", "database.password": "pw"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			const rows, chunk = 3000, 300
			c := items(t, 0)
			fillItems(t, c, rows)
			run(t, c, "CREATE TABLE zz (id INT PRIMARY KEY)", "INSERT INTO zz VALUES (1), (2)", "CREATE TABLE nothing (id INT PRIMARY KEY)",
				"CREATE TABLE a_keyless (v INT)", "INSERT INTO a_keyless VALUES (1), (1)")
			user(t, c, "norel", "pw", "GRANT SELECT, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT ON *.*")
			stop := writers(t, root(t), 3)
			defer stop()
			props := bedConfig(t, config.Props{"snapshot.max.threads": strconv.Itoa(x.threads), "snapshot.chunk.size": strconv.Itoa(chunk),
				"max.batch.size": "50", "max.queue.size": "100", "heartbeat.interval.ms": "200"})
			for k, v := range x.props {
				props[k] = v
			}
			logs := &memoryLogs{}
			var before []captured
			offset := ""
			for _, part := range []int{20, 60} {
				task := startTask(t, props, logs, offset)
				task.until("part of the snapshot", func(all []captured) bool {
					return reads(before, itemsTopic)+reads(all, itemsTopic) >= rows*part/100 || notRunning(all)
				})
				task.stop()
				if notRunning(task.seen) {
					if part == 20 {
						t.Fatalf("the snapshot is over after %d %% already", part)
					}
					break // the writers had superseded much of the rest
				}
				if n := twice(before, task.seen); n > chunk*x.threads {
					t.Errorf("%d rows were read twice, chunks have %d rows", n, chunk)
				}
				before = append(before, task.seen...)
				offset = before[len(before)-1].offset
			}
			if !strings.Contains(offset, `"snapshot":"INITIAL"`) || !strings.Contains(offset, offsetRest) {
				t.Fatalf("the offset does not tell what is left: %s", offset)
			}
			task := startTask(t, props, logs, offset)
			defer task.stop()
			task.until("the end of the snapshot", notRunning)
			if n := twice(before, task.seen); n > chunk*x.threads {
				t.Errorf("%d rows were read twice, chunks have %d rows", n, chunk)
			}
			if n := reads(append(slices.Clone(before), task.seen...), "dbserver1.inventory.zz"); n != 2 {
				t.Errorf("%d rows of zz were read, want 2", n)
			}
			if strings.Contains(task.seen[len(task.seen)-1].offset, offsetRest) {
				t.Errorf("the offset still has a rest: %s", task.seen[len(task.seen)-1].offset)
			}
			stop()
			settleItems(t, c, task, before)
		})
	}
}

// TestMarkersOfThreads reads tables of all sizes by several threads: each table has its first row first and its last row last, and so has
// the snapshot.
func TestMarkersOfThreads(t *testing.T) {
	c := items(t, 0)
	fillItems(t, c, 1000)
	run(t, c, "CREATE TABLE one (id INT PRIMARY KEY)", "INSERT INTO one VALUES (1)", "CREATE TABLE none (id INT PRIMARY KEY)",
		"CREATE TABLE two (a VARCHAR(20), b VARBINARY(10), PRIMARY KEY (a, b))", "INSERT INTO two VALUES ('it''s', x'00ff'), ('ö', x'27')",
		"CREATE TABLE keyless (v INT)", "INSERT INTO keyless VALUES (1), (1), (2)", "CREATE TABLE wide (a INT, b DATETIME(3), c INT, PRIMARY KEY (a, b))",
		"INSERT INTO wide SELECT id DIV 100, '2024-01-01' + INTERVAL id SECOND, id FROM items")
	for _, threads := range []int{1, 3} {
		task := startTask(t, bedConfig(t, config.Props{"snapshot.max.threads": strconv.Itoa(threads), "snapshot.chunk.size": "64", "max.batch.size": "16"}),
			&memoryLogs{}, "")
		task.until("the snapshot", func(all []captured) bool {
			n := 0
			for i := range all {
				if o, _ := op(&all[i]); o == "r" {
					n++
				}
			}
			return n >= 2006 && notRunning(all)
		})
		task.stop()
		marks := map[string][]string{}
		keys := map[string]bool{}
		var order []string
		for i := range task.seen {
			r := &task.seen[i]
			o, mark := op(r)
			if o != "r" {
				continue
			}
			marks[r.topic] = append(marks[r.topic], mark)
			order = append(order, mark)
			if k := r.topic + fmt.Sprint(r.key); r.key != nil && keys[k] {
				t.Errorf("%d threads: %s came twice", threads, k)
			} else {
				keys[k] = true
			}
		}
		if len(order) != 2006 || order[0] != "first" || order[len(order)-1] != "last" || slices.Index(order[1:], "first") >= 0 || slices.Index(order, "last") != len(order)-1 {
			t.Errorf("%d threads: %d rows, begin with %s, end with %s", threads, len(order), order[0], order[len(order)-1])
		}
		for topic, ms := range marks {
			for i, m := range ms {
				want := "true"
				switch {
				case i == len(ms)-1:
					want = "last_in_data_collection last first"
				case i == 0:
					want = "first_in_data_collection first"
				}
				if !slices.Contains(strings.Fields(want), m) {
					t.Errorf("%d threads: row %d of %d of %s is marked %s", threads, i, len(ms), topic, m)
				}
			}
		}
	}
}
