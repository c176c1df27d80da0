//go:build bench

package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// counts are how many there are of what is scaled: three steps, so that growth shows.
func (s *suite) counts(most int) []int {
	if s.quick {
		most /= 10
	}
	return []int{most / 100, most / 10, most}
}

// scaled measures a new connectd worker for each count. prepare makes what is there before the worker, start starts the work and returns
// when all of it runs.
func scaled(most int, prepare func(*testing.T, *suite, int) string, start func(*testing.T, *suite, *peer, string, int)) func(*testing.T, *suite, string) {
	return func(t *testing.T, s *suite, name string) {
		for _, n := range s.counts(most) {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				run := Run{Scenario: name, Peer: Connectd, Round: 1, Records: int64(n)}
				defer func() { s.record(t, run) }()
				what := prepare(t, s, n)
				p := s.start(t, Connectd, "")
				before := s.usage(t, p)
				start(t, s, p, what, n)
				ready := s.usage(t, p)
				time.Sleep(settled) // what is measured is rest
				rest := s.usage(t, p)
				run.Figures = map[Figure]float64{
					Start: ready.at.Sub(before.at).Seconds(), CPU: ready.peer - before.peer, RSS: memory(t, p.pid, "VmRSS"), PeakRSS: memory(t, p.pid, "VmHWM"),
					Idle: (rest.peer - ready.peer) / rest.at.Sub(ready.at).Seconds(),
				}
				p.stopped()
			})
		}
	}
}

var scaleConnectors = scaled(1000,
	func(*testing.T, *suite, int) string { return "" },
	func(t *testing.T, _ *suite, p *peer, _ string, n int) { idleConnectors(t, p, n) })

// The connector reads the definitions of all tables and then streams; they are empty.
var scaleTables = scaled(10_000, func(t *testing.T, s *suite, n int) string {
	db := process.Unique("many")
	s.bed.unlogged(t, "CREATE DATABASE "+db)
	t.Cleanup(func() { s.bed.unlogged(t, "DROP DATABASE "+db) })
	tables := make([]string, n)
	for i := range tables {
		tables[i] = fmt.Sprintf("CREATE TABLE %s.t%d (id INT NOT NULL PRIMARY KEY, name VARCHAR(80), amount DECIMAL(10,2), created DATETIME(3))", db, i)
	}
	s.bed.unlogged(t, tables...)
	return db
}, func(t *testing.T, s *suite, p *peer, db string, n int) {
	prefix := process.Unique("scale")
	s.bed.drop(t, prefix, prefix+"-history")
	before := s.bed.dumps(t)
	cfg := s.mysqlConfig(prefix, db, "", map[string]string{"snapshot.mode": "no_data"})
	delete(cfg, "table.include.list")
	p.rest.Put(prefix, cfg)
	s.bed.awaitDump(t, p.name, before)
})

var scalePartitions = scaled(5000, func(t *testing.T, s *suite, n int) string {
	topic := process.Unique("parts")
	if _, err := s.bed.adm.CreateTopic(t.Context(), int32(n), 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	s.bed.drop(t, topic)
	return topic
}, func(t *testing.T, s *suite, p *peer, topic string, n int) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.bed.kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for i := range n {
		cl.Produce(t.Context(), &kgo.Record{Topic: topic, Partition: int32(i), Value: []byte("line")}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/lines.txt"
	name := process.Unique("sink")
	p.rest.Put(name, map[string]string{
		"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": "1", "topics": topic, "file": file,
		"key.converter": stringConverter, "value.converter": stringConverter, "consumer.override.auto.offset.reset": "earliest",
	})
	process.Await(t, ample, "a record of each partition", func() error {
		size, err := fileSize(file)
		if err == nil && size != int64(n*len("line\n")) {
			err = fmt.Errorf("%d bytes", size)
		}
		return err
	})
})
