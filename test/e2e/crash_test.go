//go:build integration

package e2e

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"github.com/connectd/connectd/test/process"
)

// changes is how many rows TestKilled changes; E2E_CHANGES makes it another number.
func changes(t *testing.T) int {
	if s := os.Getenv("E2E_CHANGES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 100_000
}

// TestKilled: connectd is killed five times, at random points, while rows change in MySQL. At the end Elasticsearch equals MySQL row by
// row, and the HDFS files of the default and the field partitioner hold every Kafka record exactly once.
func TestKilled(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	db, name := mysqlDB(t), process.Unique("crash")
	exec1(t, db, "CREATE DATABASE "+name)
	t.Cleanup(func() { exec1(t, db, "DROP DATABASE "+name) })
	exec1(t, db, "CREATE TABLE "+name+".item (id INT PRIMARY KEY, grp VARCHAR(8) NOT NULL, qty INT NOT NULL, price DECIMAL(10,2), note VARCHAR(200))")
	load := &load{t: t, db: db, table: name + ".item", rnd: rnd}
	load.insert(2000) // there before the snapshot

	// A killed worker is in the group until its session is over; the brokers allow no less than 6 s.
	c := newCluster(t, map[string]string{
		"session.timeout.ms": "6000", "heartbeat.interval.ms": "1000", "scheduled.rebalance.max.delay.ms": "0",
	})
	w := c.add()
	createMainJob(t, w, name)
	for _, n := range mainJob {
		w.running(name+n, 1)
	}

	total := changes(t)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		load.run(total)
	}()
	for i := 1; i <= 5; i++ {
		// A random point of the i-th fifth of the load.
		at := int64(total) * int64(i-1) / 5
		at += rnd.Int64N(int64(total) / 5)
		process.Await(t, 5*time.Minute, fmt.Sprintf("kill %d at change %d", i, at), func() error {
			if n := load.done.Load(); n < at {
				return fmt.Errorf("%d changes so far", n)
			}
			return nil
		})
		w.kill()
		w.start()
	}
	<-finished
	load.sentinel()
	for _, n := range mainJob {
		w.running(name+n, 1)
	}
	equalDocs(t, db, name)
	exactlyOnceOf(t, name, changes(t)/2)
}

// mainJob are the connectors of createMainJob, behind the name.
var mainJob = []string{"-src", "-es", "-hdfs", "-hdfsgrp"}

// createMainJob creates the four connectors of the main job for table item of a database.
func createMainJob(t *testing.T, w *proc, name string) {
	t.Helper()
	host, port, _ := strings.Cut(process.Bed(t, "BED_MYSQL"), ":")
	w.put(name+"-src", map[string]string{
		"connector.class": "io.debezium.connector.mysql.MySqlConnector", "tasks.max": "1", "database.hostname": host, "database.port": port,
		"database.user": "connectd", "database.password": "connectd", "database.server.id": strconv.Itoa(10000 + rand.IntN(1<<20)),
		"topic.prefix": name, "database.include.list": name, "schema.history.internal.kafka.bootstrap.servers": process.Bed(t, "BED_KAFKA"),
		"schema.history.internal.kafka.topic": name + "-history", "decimal.handling.mode": "string",
	})
	sink := func(class string, extra ...string) map[string]string {
		m := map[string]string{
			"connector.class": class, "tasks.max": "1", "topics": name + "." + name + ".item",
			"consumer.override.auto.offset.reset":              "earliest",
			"predicates":                                       "tombstone",
			"predicates.tombstone.type":                        "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
			"transforms.drop.type":                             "org.apache.kafka.connect.transforms.Filter",
			"transforms.drop.predicate":                        "tombstone",
			"transforms.unwrap.type":                           "io.debezium.transforms.ExtractNewRecordState",
			"transforms.at.type":                               "org.apache.kafka.connect.transforms.InsertField$Value",
			"transforms.at.offset.field":                       "koffset",
			"transforms.key.type":                              "org.apache.kafka.connect.transforms.ExtractField$Key",
			"transforms.key.field":                             "id",
			"transforms.unwrap.delete.tombstone.handling.mode": "tombstone",
			"key.converter.schemas.enable":                     "true", "value.converter.schemas.enable": "true",
			"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
		}
		for i := 0; i < len(extra); i += 2 {
			m[extra[i]] = extra[i+1]
		}
		return m
	}
	// With schemas, so that SMTs see structs.
	src, err := getConfig(w, name+"-src")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"key", "value"} {
		src[k+".converter"], src[k+".converter.schemas.enable"] = "org.apache.kafka.connect.json.JsonConverter", "true"
	}
	w.put(name+"-src", src)
	w.put(name+"-es", sink("io.confluent.connect.elasticsearch.ElasticsearchSinkConnector", "transforms", "unwrap,key",
		"connection.url", process.Bed(t, "BED_ES"), "behavior.on.null.values", "delete"))
	hdfsURL := "hdfs://" + process.Bed(t, "BED_HDFS")
	w.put(name+"-hdfs", sink("io.confluent.connect.hdfs.HdfsSinkConnector", "transforms", "drop,at", "hdfs.url", hdfsURL,
		"topics.dir", "/e2e/"+name+"/plain", "logs.dir", "/e2e/"+name+"/logs1", "flush.size", "4000", "rotate.schedule.interval.ms", "3000",
		"timezone", "UTC", "format.class", "io.confluent.connect.hdfs.json.JsonFormat"))
	w.put(name+"-hdfsgrp", sink("io.confluent.connect.hdfs.HdfsSinkConnector", "transforms", "unwrap,drop,at", "hdfs.url", hdfsURL,
		"topics.dir", "/e2e/"+name+"/field", "logs.dir", "/e2e/"+name+"/logs2", "flush.size", "4000", "rotate.schedule.interval.ms", "3000",
		"timezone", "UTC", "format.class", "io.confluent.connect.hdfs.json.JsonFormat",
		"partitioner.class", "io.confluent.connect.storage.partitioner.FieldPartitioner", "partition.field.name", "grp"))
}

func getConfig(w *proc, name string) (m map[string]string, err error) {
	_, err = w.Do("GET", "/connectors/"+name+"/config", nil, &m)
	return m, err
}

// load changes rows: inserts, updates and deletes in transactions of up to 200 rows.
type load struct {
	t     *testing.T
	db    *sql.DB
	table string
	rnd   *rand.Rand
	next  int // next id
	low   int // ids below are deleted
	done  atomic.Int64
}

const (
	sentinelID = 1 << 30
	loadTime   = 75 * time.Second
)

func (l *load) insert(n int) {
	var b strings.Builder
	b.WriteString("INSERT INTO " + l.table + " VALUES ")
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(%d,'g%d',%d,%d.%02d,'note %d é 中')", l.next, l.next%4, l.next%100, l.next%1000, l.next%100, l.next)
		l.next++
	}
	l.exec(b.String())
	l.done.Add(int64(n))
}

func (l *load) exec(q string) {
	if _, err := l.db.Exec(q); err != nil {
		l.t.Errorf("changing rows: %v", err)
	}
}

// run changes total rows, evenly over loadTime, so that the kills hit a connector at work.
func (l *load) run(total int) {
	begin := time.Now()
	for int(l.done.Load()) < total && !l.t.Failed() {
		time.Sleep(time.Until(begin.Add(loadTime * time.Duration(l.done.Load()) / time.Duration(total))))
		switch n := 50 + l.rnd.IntN(150); l.rnd.IntN(10) {
		case 0, 1, 2: // update a range
			from := l.low + l.rnd.IntN(max(l.next-l.low-n, 1))
			l.exec(fmt.Sprintf("UPDATE %s SET qty = qty + 1, note = CONCAT('changed ', qty) WHERE id >= %d AND id < %d", l.table, from, from+n))
			l.done.Add(int64(n))
		case 3: // delete the oldest
			if l.next-l.low < 4*n {
				continue
			}
			l.exec(fmt.Sprintf("DELETE FROM %s WHERE id < %d", l.table, l.low+n))
			l.low += n
			l.done.Add(int64(n))
		default:
			l.insert(n)
		}
	}
}

// sentinel writes the last change.
func (l *load) sentinel() {
	l.exec(fmt.Sprintf("INSERT INTO %s VALUES (%d,'last',0,0,NULL)", l.table, sentinelID))
}

// equalDocs waits for the sentinel in Elasticsearch and then compares every row.
func equalDocs(t *testing.T, db *sql.DB, name string) {
	t.Helper()
	index := process.NewREST(t, process.Bed(t, "BED_ES")+"/"+name+"."+name+".item")
	process.Await(t, 3*time.Minute, "the last row in Elasticsearch", func() error {
		_, err := index.Do("GET", fmt.Sprintf("/_doc/%d", sentinelID), nil, nil)
		return err
	})
	rows := map[string]string{}
	rs, err := db.Query("SELECT id, grp, qty, price, note FROM " + name + ".item")
	if err != nil {
		t.Fatal(err)
	}
	defer rs.Close()
	for rs.Next() {
		var id, qty int
		var grp string
		var price, note *string
		if err := rs.Scan(&id, &grp, &qty, &price, &note); err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(map[string]any{"id": id, "grp": grp, "qty": qty, "price": price, "note": note})
		rows[strconv.Itoa(id)] = string(b)
	}
	if err := rs.Err(); err != nil {
		t.Fatal(err)
	}
	docs := allDocs(t, index)
	t.Logf("%d rows in MySQL, %d documents in Elasticsearch", len(rows), len(docs))
	bad := 0
	for id, row := range rows {
		if docs[id] != row && bad < 10 {
			bad++
			t.Errorf("row %s: MySQL %s, Elasticsearch %s", id, row, docs[id])
		}
		delete(docs, id)
	}
	if len(docs) > 0 {
		t.Errorf("%d documents have no row", len(docs))
	}
}

// allDocs reads an index by id, sorted fields.
func allDocs(t *testing.T, index process.REST) map[string]string {
	t.Helper()
	if _, err := index.Do("POST", "/_refresh", nil, nil); err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	type page struct {
		Hits struct {
			Hits []struct {
				ID     string         `json:"_id"`
				Source map[string]any `json:"_source"`
				Sort   []any
			}
		}
	}
	var after []any
	for {
		q := map[string]any{"size": 5000, "sort": []any{map[string]string{"id": "asc"}}}
		if after != nil {
			q["search_after"] = after
		}
		var p page
		if _, err := index.Do("POST", "/_search", q, &p); err != nil {
			t.Fatal(err)
		}
		for _, h := range p.Hits.Hits {
			b, _ := json.Marshal(h.Source)
			docs[h.ID] = string(b)
			after = h.Sort
		}
		if len(p.Hits.Hits) == 0 {
			return docs
		}
	}
}

// exactlyOnceOf compares the records of the topic with the lines of the files, by the offset each line carries. At least least of them
// must have come from the binary log.
func exactlyOnceOf(t *testing.T, name string, least int) {
	t.Helper()
	topic := name + "." + name + ".item"
	plain, field, changed := map[int64]bool{}, map[int64]bool{}, 0
	for _, r := range records(t, topic) {
		if r.Value == nil {
			continue
		}
		plain[r.Offset] = true
		if !bytes.Contains(r.Value, []byte(`"op":"r"`)) {
			changed++
		}
		if !bytes.Contains(r.Value, []byte(`"op":"d"`)) {
			field[r.Offset] = true
		}
	}
	t.Logf("%d records in Kafka, %d of them from the binary log", len(plain), changed)
	if changed < least {
		t.Error("most changes came by a snapshot: the test has not tested what it is for")
	}
	cl, err := hdfs.New(process.Bed(t, "BED_HDFS"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for dir, want := range map[string]map[int64]bool{"plain": plain, "field": field} {
		root := "/e2e/" + name + "/" + dir + "/" + topic
		process.Await(t, 2*time.Minute, "all records in "+root, func() error {
			got, err := lines(cl, root)
			if err != nil {
				return err
			}
			for o, n := range got {
				if n > 1 || !want[o] {
					t.Fatalf("%s: the record of offset %d is there %d times, wanted: %v", root, o, n, want[o])
				}
			}
			if len(got) < len(want) {
				return fmt.Errorf("%d of %d records", len(got), len(want))
			}
			return nil
		})
		t.Logf("%s: %d records, each exactly once", root, len(want))
	}
}

// lines counts the records in all committed files, by offset.
func lines(cl *hdfs.Client, root string) (map[int64]int, error) {
	got := map[int64]int{}
	err := cl.Walk(root, func(p string, info fs.FileInfo, err error) error {
		if err != nil || info.IsDir() || strings.Contains(p, "+tmp") {
			return err
		}
		b, err := cl.ReadFile(p)
		if err != nil {
			return err
		}
		first, last, err := span(path.Base(p))
		if err != nil {
			return err
		}
		sc := bufio.NewScanner(bytes.NewReader(b))
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			var doc struct{ Koffset *int64 }
			if err := json.Unmarshal(sc.Bytes(), &doc); err != nil {
				return fmt.Errorf("%s: line %.200q: %w", p, sc.Text(), err)
			}
			if doc.Koffset == nil {
				return fmt.Errorf("%s: line %.200q has no koffset", p, sc.Text())
			}
			if *doc.Koffset < first || *doc.Koffset > last {
				return fmt.Errorf("%s holds offset %d", p, *doc.Koffset)
			}
			got[*doc.Koffset]++
		}
		return sc.Err()
	})
	return got, err
}

// span reads the offsets of a committed file's name.
func span(base string) (first, last int64, err error) {
	parts := strings.Split(strings.TrimSuffix(base, ".json"), "+")
	if len(parts) != 4 {
		return 0, 0, fmt.Errorf("file name %q", base)
	}
	if first, err = strconv.ParseInt(parts[2], 10, 64); err == nil {
		last, err = strconv.ParseInt(parts[3], 10, 64)
	}
	return first, last, err
}
