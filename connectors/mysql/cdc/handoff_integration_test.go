//go:build integration

package cdc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/connectd/connectd/connect/config"
)

// replica is what a consumer makes of a topic: rows by key, by the rules of a compacted topic and of the envelope.
type replica map[string]any

// apply folds a record into the replica. It reports a change that does not fit the state before it; lenient allows those, for records
// that come twice.
func (m replica) apply(t testing.TB, r captured, lenient bool) {
	t.Helper()
	key := fmt.Sprint(r.key.(map[string]any)["payload"])
	if r.value == nil {
		if m[key] != nil {
			t.Errorf("tombstone of %s, which exists", key)
		}
		return
	}
	p := r.value.(map[string]any)["payload"].(map[string]any)
	if !lenient {
		if before := p["before"]; !reflect.DeepEqual(before, m[key]) && (before != nil || m[key] != nil) {
			t.Errorf("%v of %s: before is %v, but the row is %v", p["op"], key, before, m[key])
		}
	}
	if p["after"] == nil {
		delete(m, key)
	} else {
		m[key] = p["after"]
	}
}

// busy changes the table until the context ends: inserts, updates, deletes and changes of keys, each transaction its own mixture, with
// a pause behind it.
func busy(ctx context.Context, t testing.TB, c *client.Conn, table string, seed uint64, pause time.Duration) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := 0; ctx.Err() == nil; i++ {
		time.Sleep(pause)
		statements := []string{"BEGIN"}
		for range 1 + rnd.IntN(5) {
			id := rnd.IntN(3000)
			switch rnd.IntN(5) {
			case 0, 1:
				statements = append(statements, fmt.Sprintf("INSERT INTO %s VALUES (%d, '%d') ON DUPLICATE KEY UPDATE v = CONCAT('dup', %d)", table, id, i, i))
			case 2:
				statements = append(statements, fmt.Sprintf("UPDATE %s SET v = 'u%d' WHERE id BETWEEN %d AND %d", table, i, id, id+rnd.IntN(20)))
			case 3:
				statements = append(statements, fmt.Sprintf("DELETE FROM %s WHERE id = %d", table, id))
			case 4:
				statements = append(statements, fmt.Sprintf("UPDATE IGNORE %s SET id = id + 100000 WHERE id = %d", table, id),
					fmt.Sprintf("UPDATE IGNORE %s SET id = id - 100000 WHERE id >= 100000 LIMIT 1", table))
			}
		}
		end := "COMMIT"
		if rnd.IntN(10) == 0 {
			end = "ROLLBACK"
		}
		for _, s := range append(statements, end) {
			if _, err := c.Execute(s); err != nil {
				t.Errorf("%s: %v", s, err)
				return
			}
		}
	}
}

// tableRows are the rows of inventory.items as the replica has them.
func tableRows(t testing.TB) replica {
	t.Helper()
	return itemsAt(t, root(t))
}

func itemsAt(t testing.TB, c *client.Conn) replica {
	t.Helper()
	r, err := c.Execute("SELECT id, v FROM inventory.items")
	if err != nil {
		t.Fatal(err)
	}
	out := replica{}
	for i := range r.RowNumber() {
		id, _ := r.GetString(i, 0)
		v, _ := r.GetString(i, 1)
		n := number(id)
		out[fmt.Sprint(map[string]any{"id": n})] = map[string]any{"id": n, "v": strings.Clone(v)}
	}
	return out
}

func fillItems(t testing.TB, c *client.Conn, n int) {
	t.Helper()
	insertMany(t, c, 0, n)
}

// TestChangesDuringTheSnapshot changes rows while the snapshot is taken and the stream takes over: each change fits the state before it,
// and what a consumer has in the end is what the table has. Without locks a change may come twice.
func TestChangesDuringTheSnapshot(t *testing.T) {
	for name, props := range map[string]config.Props{
		"minimal":         nil,
		"extended":        {"snapshot.locking.mode": "extended"},
		"none":            {"snapshot.locking.mode": "none"},
		"locks on tables": {"database.user": "norel", "database.password": "pw"},
		"tiny queue":      {"max.batch.size": "1", "max.queue.size": "2"},
	} {
		t.Run(name, func(t *testing.T) {
			c := items(t, 0)
			user(t, c, "norel", "pw", "GRANT SELECT, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT ON *.*")
			fillItems(t, c, 3000)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan struct{})
			go func() {
				defer close(done)
				busy(ctx, t, c, "inventory.items", 7, 0)
			}()
			props = props.Clone()
			if props == nil {
				props = config.Props{}
			}
			task := startTask(t, bedConfig(t, props), &memoryLogs{}, "")
			defer task.stop()
			task.until("changes from the stream", func(all []captured) bool { return streamed(all) > 500 })
			cancel()
			<-done
			run(t, c, "INSERT INTO items VALUES (999999, 'end')")
			task.until("the last change", func(all []captured) bool {
				r := last(all, itemsTopic)
				return strings.Contains(fmt.Sprint(r.key), "999999")
			})
			got := replica{}
			for _, r := range task.seen {
				if r.topic == itemsTopic {
					got.apply(t, r, name == "none")
				}
			}
			sameRows(t, got, tableRows(t))
		})
	}
}

// streamed counts the records of items that are not of the snapshot.
func streamed(all []captured) (n int) {
	for i := len(all) - 1; i >= 0 && !strings.Contains(all[i].offset, "INITIAL"); i-- {
		if all[i].topic == itemsTopic {
			n++
		}
	}
	return n
}

func sameRows(t testing.TB, got, want replica) {
	t.Helper()
	for k, w := range want {
		if !reflect.DeepEqual(got[k], w) {
			t.Errorf("row %s: got %v, want %v", k, got[k], w)
		}
	}
	for k, g := range got {
		if want[k] == nil {
			t.Errorf("row %s: got %v, which the table does not have", k, g)
		}
	}
}

// TestKilledConnections ends the connector's connections by KILL, in the snapshot and in the stream, again and again.
func TestKilledConnections(t *testing.T) {
	c := items(t, 0)
	fillItems(t, c, 10000)
	// More than fits into the buffers of a connection: the server must be in the middle of sending.
	run(t, c, "ALTER TABLE items MODIFY v TEXT", "UPDATE items SET v = CONCAT(id, REPEAT('x', 2000))")
	killer := root(t)
	kill := func() (n int) {
		r, err := killer.Execute("SELECT ID FROM " + under(t).processes + " WHERE USER = 'dbz'")
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.RowNumber() {
			id, _ := r.GetString(i, 0)
			if _, err := killer.Execute("KILL " + id); err == nil {
				n++
			}
		}
		return n
	}
	task := startTask(t, bedConfig(t, config.Props{"max.batch.size": "16", "max.queue.size": "32"}), &memoryLogs{}, "")
	defer task.stop()
	for range 3 {
		n := len(task.seen) + 500
		task.until("part of the snapshot", func(all []captured) bool { return len(all) > n })
		for kill() == 0 { // between two attempts
			task.poll()
		}
	}
	task.until("the snapshot", func(all []captured) bool { return !strings.Contains(all[len(all)-1].offset, "INITIAL") })
	began := len(task.seen)
	const n = 2000
	for i := 0; i < n; i += 10 {
		run(t, c, "BEGIN")
		for j := range 10 {
			run(t, c, fmt.Sprintf("INSERT INTO items VALUES (%d, 'x')", 100000+i+j))
		}
		run(t, c, "COMMIT")
		if i%200 == 100 {
			task.poll()
			kill()
		}
	}
	task.until("all changes", func(all []captured) bool { return len(all) >= began+n })
	var got []string
	for _, r := range task.seen[began:] {
		got = append(got, ids([]captured{r})...)
	}
	for i, id := range got {
		if id != fmt.Sprint(100000+i) {
			t.Fatalf("record %d has the id %s: %v", i, id, got)
		}
	}
	all := replica{}
	for _, r := range task.seen {
		if r.topic == itemsTopic {
			all.apply(t, r, true)
		}
	}
	sameRows(t, all, tableRows(t))
}

// TestRestartsUnderLoad stops the task at chance places and starts it with the offset of some record before, as after a crash: from
// there on each record comes exactly as it came before, and what follows fits.
func TestRestartsUnderLoad(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		t.Run(mode, func(t *testing.T) {
			props := config.Props{"max.batch.size": "5", "max.queue.size": "10"}
			if mode == "file" {
				props["gtid.ignore.on.recovery"] = "true"
			}
			c := items(t, 0)
			fillItems(t, c, 3000)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan struct{})
			go func() {
				defer close(done)
				busy(ctx, t, c, "inventory.items", 11, 0)
			}()
			rnd := rand.New(rand.NewPCG(3, 3))
			logs := &memoryLogs{}
			var sure []captured // up to the stored offset
			stored := ""
			for round := range 12 {
				task := startTask(t, bedConfig(t, props), logs, stored)
				want := 200 + rnd.IntN(200)
				if round == 0 {
					want += 3000
				}
				task.until("some records", func(all []captured) bool { return len(all) >= want })
				task.stop()
				at := len(task.seen) - 1 - rnd.IntN(150)
				sure = append(sure, task.seen[:at+1]...)
				stored = task.seen[at].offset
				// The records of one row that did not carry its offset come again.
				for len(sure) > 0 && at+1 < len(task.seen) && continues(task.seen[at+1]) {
					if !continues(sure[len(sure)-1]) {
						sure = sure[:len(sure)-1]
						break
					}
					sure = sure[:len(sure)-1]
				}
			}
			cancel()
			<-done
			run(t, c, "INSERT INTO items VALUES (999999, 'end')")
			task := startTask(t, bedConfig(t, props), logs, stored)
			defer task.stop()
			task.until("the last change", func(all []captured) bool {
				r := last(all, itemsTopic)
				return r != nil && strings.Contains(fmt.Sprint(r.key), "999999")
			})
			got := replica{}
			for _, r := range slices.Concat(sure, task.seen) {
				if r.topic == itemsTopic {
					got.apply(t, r, false)
				}
			}
			sameRows(t, got, tableRows(t))
		})
	}
}

// TestStopAtOnce stops the task while it does each of the things it does: it returns within a second, and nothing is left running
// (goleak, when all tests are done).
func TestStopAtOnce(t *testing.T) {
	c := items(t, 0)
	fillItems(t, c, 20000)
	stopSoon := func(t *testing.T, task *running) {
		t.Helper()
		stopped := make(chan struct{})
		go func() { task.stop(); close(stopped) }()
		select {
		case <-stopped:
		case <-time.After(5 * time.Second): // a second, on a busy machine
			t.Error("Stop does not return")
			<-stopped
		}
	}
	t.Run("before anything was polled", func(t *testing.T) { stopSoon(t, startTask(t, bedConfig(t, nil), &memoryLogs{}, "")) })
	t.Run("in the snapshot", func(t *testing.T) {
		task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
		task.until("a row", count(itemsTopic, 1))
		stopSoon(t, task)
	})
	t.Run("in the stream", func(t *testing.T) {
		task := startTask(t, bedConfig(t, config.Props{"snapshot.mode": "no_data", "heartbeat.interval.ms": "100"}), &memoryLogs{}, "")
		task.until("a heartbeat", count("__debezium-heartbeat.dbserver1", 1))
		stopSoon(t, task)
	})
	t.Run("with a full queue", func(t *testing.T) {
		logs := &memoryLogs{}
		task := startTask(t, bedConfig(t, config.Props{"snapshot.mode": "no_data"}), logs, "")
		task.until("the definitions", func(all []captured) bool { return len(all) > 0 && !strings.Contains(all[len(all)-1].offset, "INITIAL") })
		at := task.seen[len(task.seen)-1].offset
		task.stop()
		run(t, c, "UPDATE items SET v = 'y'")
		task = startTask(t, bedConfig(t, config.Props{"max.batch.size": "4", "max.queue.size": "8"}), logs, at)
		for task.task.q.backlog() < 8 {
			time.Sleep(time.Millisecond)
		}
		stopSoon(t, task)
	})
	t.Run("waiting for the lock", func(t *testing.T) {
		blocker := root(t)
		run(t, blocker, "BEGIN", "LOCK TABLES inventory.items WRITE")
		task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
		awaitProcess(t, c, "FLUSH TABLES WITH READ LOCK")
		stopSoon(t, task)
		run(t, blocker, "UNLOCK TABLES")
	})
	t.Run("nobody there", func(t *testing.T) {
		stopSoon(t, startTask(t, bedConfig(t, config.Props{"database.port": "1"}), &memoryLogs{}, ""))
	})
	for _, stage := range []string{"the start", "the stream"} {
		t.Run("a server that says nothing, in "+stage, func(t *testing.T) {
			p := newProxy(t, bed(t))
			props := bedConfig(t, config.Props{"snapshot.mode": "no_data", "database.port": p.addr()[strings.LastIndexByte(p.addr(), ':')+1:]})
			p.mute(stage == "the start")
			task := startTask(t, props, &memoryLogs{}, "")
			if stage == "the stream" {
				task.until("the definitions", func(all []captured) bool { return len(all) > 0 && !strings.Contains(all[len(all)-1].offset, "INITIAL") })
				p.mute(true)
				p.cut()
			}
			p.awaitMuted(t)
			stopSoon(t, task)
		})
	}
}

// awaitProcess waits until the server runs a statement.
func awaitProcess(t testing.TB, c *client.Conn, statement string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		r, err := c.Execute("SELECT 1 FROM " + under(t).processes + " WHERE INFO = '" + statement + "'")
		if err != nil {
			t.Fatal(err)
		}
		if r.RowNumber() > 0 {
			return
		}
	}
	t.Fatalf("the server never ran %s", statement)
}

// TestKilledWhileItWaitsForTheLock: the connection of a snapshot is killed while it waits for the global read lock, and again while it waits for it anew. It goes
// on by itself, and leaves no lock behind.
func TestKilledWhileItWaitsForTheLock(t *testing.T) {
	const lock = "FLUSH TABLES WITH READ LOCK"
	c := items(t, 3)
	holder := root(t)
	run(t, holder, "LOCK TABLES inventory.items WRITE")
	task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer task.stop()
	killed := map[string]bool{}
	for range 2 {
		var id string
		for end := time.Now().Add(30 * time.Second); id == "" || killed[id]; {
			if time.Now().After(end) {
				t.Fatalf("the server never ran %s after %d kills", lock, len(killed))
			}
			r, err := c.Execute("SELECT ID FROM " + under(t).processes + " WHERE INFO = '" + lock + "'")
			if err != nil {
				t.Fatal(err)
			}
			if r.RowNumber() > 0 {
				id, _ = r.GetString(0, 0)
				id = strings.Clone(id)
			}
		}
		killed[id] = true
		run(t, c, "KILL "+id)
	}
	run(t, holder, "UNLOCK TABLES")
	task.until("the snapshot", ended)
	run(t, c, "INSERT INTO inventory.items VALUES (3, 'row 3')") // which a lock that is left would not let through
	task.until("the row", count(itemsTopic, 4))
	wantIDs(t, task.seen, 4)
}
