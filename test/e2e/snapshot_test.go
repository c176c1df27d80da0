//go:build integration

package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// snapshotRows is how many rows TestSnapshotKilled reads; E2E_SNAPSHOT_ROWS makes it another number.
func snapshotRows(t *testing.T) int {
	if s := os.Getenv("E2E_SNAPSHOT_ROWS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 200_000
}

// TestSnapshotKilled: connectd is killed when 60 % of a table are in Kafka, while rows change and long before the worker's own interval
// of commits. The snapshot goes on where it stood: no thread sends more than one chunk again, and in the end the topic says what the
// table says. CDC_SERVER=mariadb: of MariaDB.
func TestSnapshotKilled(t *testing.T) {
	const threads = 2
	rows := snapshotRows(t)
	chunk := min(rows/10, 50_000)
	address, class := process.Bed(t, "BED_MYSQL"), "io.debezium.connector.mysql.MySqlConnector"
	if os.Getenv("CDC_SERVER") == "mariadb" {
		address, class = process.Bed(t, "BED_MARIADB"), "io.debezium.connector.mariadb.MariaDbConnector"
	}
	db, name := rootAt(t, address), process.Unique("snap")
	exec1(t, db, "CREATE DATABASE "+name)
	t.Cleanup(func() { exec1(t, db, "DROP DATABASE "+name) })
	exec1(t, db, "CREATE TABLE "+name+".item (id INT PRIMARY KEY AUTO_INCREMENT, qty INT NOT NULL, note VARCHAR(100))")
	exec1(t, db, fmt.Sprintf("INSERT INTO %s.item (qty, note) VALUES (0, 'one'), (0, 'two')", name))
	for n := 2; n < rows; n *= 2 {
		exec1(t, db, fmt.Sprintf("INSERT INTO %s.item (qty, note) SELECT 0, CONCAT('note ', id, ' of many') FROM %[1]s.item LIMIT %d", name, min(n, rows-n)))
	}

	c := newCluster(t, map[string]string{
		"session.timeout.ms": "6000", "heartbeat.interval.ms": "1000", "scheduled.rebalance.max.delay.ms": "0", "offset.flush.interval.ms": "600000",
	})
	w := c.add()
	host, port, _ := strings.Cut(address, ":")
	w.put(name, map[string]string{
		"connector.class": class, "tasks.max": "1", "database.hostname": host, "database.port": port,
		"database.user": "connectd", "database.password": "connectd", "database.server.id": strconv.Itoa(10000 + rand.IntN(1<<20)),
		"topic.prefix": name, "database.include.list": name, "schema.history.internal.kafka.bootstrap.servers": process.Bed(t, "BED_KAFKA"),
		"schema.history.internal.kafka.topic": name + "-history", "snapshot.max.threads": strconv.Itoa(threads), "snapshot.chunk.size": strconv.Itoa(chunk),
		"max.queue.size": strconv.Itoa(max(min(chunk/8, 8192), 300)), "max.batch.size": strconv.Itoa(max(min(chunk/40, 2048), 100)),
		"producer.override.max.in.flight.requests.per.connection": "1",
	})
	topic := name + "." + name + ".item"
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		changeRows(t, db, name, rows, stop)
	}()
	f := newFold(t, topic)
	process.Await(t, 10*time.Minute, "60 % of the rows in the topic", func() error { // not by f, which may be slower than connectd
		if n := f.end(); n < int64(rows)*6/10 {
			return fmt.Errorf("%d so far", n)
		}
		return nil
	})
	w.kill()
	f.drain()
	before := len(f.read)
	if before > rows*9/10 {
		t.Fatalf("%d of %d rows were in the topic before connectd was killed", before, rows)
	}
	t.Logf("killed when %d of %d rows were in the topic", before, rows)
	begin := time.Now()
	w.start()
	f.until("the rest", func() bool { return len(f.qty) >= rows })
	t.Logf("the rest took %s; %d rows were read twice, of chunks of %d by %d threads", time.Since(begin).Round(time.Second), f.twice, chunk, threads)
	if f.twice > threads*chunk {
		t.Errorf("%d rows were read twice, want at most %d", f.twice, threads*chunk)
	}
	if !strings.Contains(w.log(), "going on with the interrupted snapshot") {
		t.Errorf("the snapshot did not go on, it began anew:\n%s", w.log())
	}
	close(stop)
	<-stopped
	exec1(t, db, fmt.Sprintf("INSERT INTO %s.item (id, qty) VALUES (%d, -1)", name, sentinelID))
	f.until("the last change", func() bool { _, ok := f.qty[sentinelID]; return ok })
	f.compare(db, name)
}

// changeRows updates rows here and there.
func changeRows(t *testing.T, db *sql.DB, name string, rows int, stop <-chan struct{}) {
	for i := 1; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		if _, err := db.Exec(fmt.Sprintf("UPDATE %s.item SET qty = %d WHERE id IN (%d, %d, %d)", name, i, 1+rand.IntN(rows), 1+rand.IntN(rows), 1+rand.IntN(rows))); err != nil {
			t.Errorf("changing rows: %v", err)
			return
		}
	}
}

// fold is what a consumer makes of the topic.
type fold struct {
	t     *testing.T
	cl    *kgo.Client
	topic string
	qty   map[int]int
	read  map[int]bool
	twice int
	next  int64
}

func newFold(t *testing.T, topic string) *fold {
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MetadataMinAge(100*time.Millisecond), kgo.UnknownTopicRetries(-1), kgo.KeepRetryableFetchErrors())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return &fold{t: t, cl: cl, topic: topic, qty: map[int]int{}, read: map[int]bool{}}
}

// poll takes what comes within a second.
func (f *fold) poll() {
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
	defer cancel()
	for _, r := range f.cl.PollFetches(ctx).Records() {
		f.next = r.Offset + 1
		var v struct {
			Op    string
			After *struct{ ID, Qty int }
		}
		if err := json.Unmarshal(r.Value, &v); err != nil || v.After == nil {
			f.t.Fatalf("record %.300s: %v", r.Value, err)
		}
		if v.Op == "r" {
			if f.read[v.After.ID] {
				f.twice++
			}
			f.read[v.After.ID] = true
		}
		f.qty[v.After.ID] = v.After.Qty
	}
}

func (f *fold) until(what string, enough func() bool) {
	f.t.Helper()
	end := time.Now().Add(10 * time.Minute)
	for !enough() {
		if time.Now().After(end) {
			f.t.Fatalf("waiting for %s: %d rows so far", what, len(f.qty))
		}
		f.poll()
	}
}

// end is the topic's end; 0 before there is one.
func (f *fold) end() int64 {
	ends, err := kadm.NewClient(f.cl).ListEndOffsets(f.t.Context(), f.topic)
	if err != nil {
		f.t.Fatal(err)
	}
	o, _ := ends.Lookup(f.topic, 0)
	return max(o.Offset, 0)
}

// drain takes all that is in the topic now.
func (f *fold) drain() {
	end := f.end()
	f.until("the end of the topic", func() bool { return f.next >= end })
}

func (f *fold) compare(db *sql.DB, name string) {
	f.t.Helper()
	rs, err := db.Query("SELECT id, qty FROM " + name + ".item")
	if err != nil {
		f.t.Fatal(err)
	}
	defer rs.Close()
	bad, n := 0, 0
	for rs.Next() {
		var id, qty int
		if err := rs.Scan(&id, &qty); err != nil {
			f.t.Fatal(err)
		}
		n++
		if got, ok := f.qty[id]; (!ok || got != qty) && bad < 10 {
			bad++
			f.t.Errorf("row %d: qty %d in MySQL, %d in the topic (there: %v)", id, qty, got, ok)
		}
	}
	if err := rs.Err(); err != nil {
		f.t.Fatal(err)
	}
	if n != len(f.qty) {
		f.t.Errorf("%d rows in MySQL, %d in the topic", n, len(f.qty))
	}
}
