//go:build bench

package bench

import (
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// scenarios are what make bench-peers runs, in this order.
var scenarios = []struct {
	name  string
	quick bool // also part of a quick run
	run   func(t *testing.T, s *suite, name string)
}{
	{"snapshot", true, snapshotOf(narrow, 1_000_000)},
	{"snapshot-2k", false, snapshotOf(wide, 200_000)},
	{"snapshot-schemas", false, snapshotWith(300_000, map[string]string{"key.converter.schemas.enable": "true", "value.converter.schemas.enable": "true"})},
	{"snapshot-smt", false, snapshotWith(300_000, smtChain)},
	{"tables-200", false, snapshotTables},
	{"binlog", true, catchUp(insertLoad)},
	{"binlog-mixed", false, catchUp(mixedLoad)},
	{"single-row-tx", true, catchUp(singleLoad)},
	{"large-tx", false, catchUp(largeLoad)},
	{"file-sink", true, fileSink},
	{"latency-20", false, latency(20, 12)},
	{"latency-1000", true, latency(1000, 8)},
	{"footprint", true, footprint},
	{"elasticsearch", false, elasticsearchSink},
	{"hdfs", false, hdfsSink},
	{"scale-connectors", false, scaleConnectors},
	{"scale-tables", false, scaleTables},
	{"scale-partitions", false, scalePartitions},
}

func scenarioNames() (names []string) {
	for _, sc := range scenarios {
		names = append(names, sc.name)
	}
	return names
}

// smtChain is what many put behind the MySQL connector: the row alone, marked and routed.
var smtChain = map[string]string{
	"transforms": "unwrap,origin,drop", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
	"transforms.origin.type": "org.apache.kafka.connect.transforms.InsertField$Value", "transforms.origin.static.field": "origin",
	"transforms.origin.static.value": "bench", "transforms.origin.topic.field": "topic",
	"transforms.drop.type": "org.apache.kafka.connect.transforms.ReplaceField$Value", "transforms.drop.exclude": "pad",
}

// interleave runs once for each peer in each round: A B A B.
func (s *suite) interleave(t *testing.T, name string, once func(t *testing.T, peer string) Run) {
	for round := 1; round <= s.rounds; round++ {
		for _, peer := range s.peers {
			t.Run(fmt.Sprintf("%s/%d", peer, round), func(t *testing.T) {
				run := Run{Peer: peer}
				defer func() {
					run.Scenario, run.Round = name, round
					s.record(t, run)
				}()
				run = once(t, peer)
			})
		}
	}
}

// mysqlConfig is the config of a MySQL connector with nothing but defaults, the same for both kinds of worker.
func (s *suite) mysqlConfig(prefix, db, tables string, extra map[string]string) map[string]string {
	host, port := hostPort(s.bed.mysql)
	cfg := map[string]string{
		"connector.class": "io.debezium.connector.mysql.MySqlConnector", "tasks.max": "1",
		"database.hostname": host, "database.port": port, "database.user": mysqlUser, "database.password": mysqlPassword,
		"database.server.id": strconv.FormatInt(180000+time.Now().UnixNano()/1e6%9000, 10), "topic.prefix": prefix,
		"database.include.list": db, "table.include.list": tables,
		"schema.history.internal.kafka.bootstrap.servers": s.bed.kafka, "schema.history.internal.kafka.topic": prefix + "-history",
		"key.converter": jsonConverter, "value.converter": jsonConverter,
		"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false",
	}
	maps.Copy(cfg, extra)
	return cfg
}

const jsonConverter = "org.apache.kafka.connect.json.JsonConverter"

// discovery is the plugin.discovery of Java workers whose start is not what is measured: it only makes the start faster.
const discovery = "service_load"

// snapshotOf measures a snapshot of a table of n rows, beside the bare loop.
func snapshotOf(kind tableKind, n int64) func(*testing.T, *suite, string) {
	return func(t *testing.T, s *suite, name string) {
		n := s.size(n)
		table := s.bed.table(t, kind, "snapshot", n)
		s.limit(t, name+"-read", bareSpec{Mode: "table-read", DB: database, Table: table, Columns: kind.columns}, n)
		s.interleave(t, name, func(t *testing.T, peer string) Run {
			if peer == Bare {
				topic := process.Unique("bare")
				s.bed.drop(t, topic)
				return s.bareRun(t, bareSpec{Mode: "table", Topic: topic, DB: database, Table: table, Columns: kind.columns}, n)
			}
			return s.snapshot(t, peer, n, map[string]string{}, table)
		})
	}
}

// snapshotWith measures a snapshot of narrow rows with more in the config.
func snapshotWith(n int64, extra map[string]string) func(*testing.T, *suite, string) {
	return func(t *testing.T, s *suite, name string) {
		n := s.size(n)
		table := s.bed.table(t, narrow, "snapshot", n)
		s.workers(t, name, func(t *testing.T, peer string) Run { return s.snapshot(t, peer, n, extra, table) })
	}
}

// snapshotTables measures a snapshot of 200 tables of 1,000 rows.
func snapshotTables(t *testing.T, s *suite, name string) {
	rows := s.size(1000)
	var tables []string
	for i := range 200 {
		tables = append(tables, s.bed.table(t, narrow, fmt.Sprintf("many%03d", i), rows))
	}
	s.workers(t, name, func(t *testing.T, peer string) Run {
		return s.snapshot(t, peer, rows*int64(len(tables)), map[string]string{}, tables...)
	})
}

// workers is interleave without the bare loop.
func (s *suite) workers(t *testing.T, name string, once func(t *testing.T, peer string) Run) {
	only := *s
	only.peers = nil
	for _, p := range s.peers {
		if p != Bare {
			only.peers = append(only.peers, p)
		}
	}
	only.interleave(t, name, once)
}

// snapshot starts a worker and measures how it reads tables of want rows together.
func (s *suite) snapshot(t *testing.T, name string, want int64, extra map[string]string, tables ...string) Run {
	t.Helper()
	p := s.start(t, name, discovery)
	run := s.snapshotOn(t, p, want, extra, tables...)
	p.stopped()
	return run
}

func (s *suite) snapshotOn(t *testing.T, p *peer, want int64, extra map[string]string, tables ...string) Run {
	t.Helper()
	prefix := process.Unique("snap")
	topics := make([]string, len(tables))
	include := ""
	for i, table := range tables {
		topics[i] = prefix + "." + database + "." + table
		include += "," + database + "." + table
	}
	s.bed.drop(t, append([]string{prefix, prefix + "-history"}, topics...)...)
	return s.measure(t, p, work{
		start: func() { p.rest.Put(prefix, s.mysqlConfig(prefix, database, include[1:], extra)) },
		count: func() (int64, error) { return s.bed.ends(topics...) }, want: want, connector: prefix,
	})
}

// bareRun measures a bare loop that makes want records in its topic.
func (s *suite) bareRun(t *testing.T, spec bareSpec, want int64) Run {
	t.Helper()
	p := s.startBare(t, spec)
	return s.measure(t, p, work{start: p.go_, count: func() (int64, error) { return s.bed.ends(spec.Topic) }, want: want})
}

// limit measures a bare loop that writes nothing; it is not part of what is compared.
func (s *suite) limit(t *testing.T, name string, spec bareSpec, want int64) {
	t.Helper()
	if !s.has(Bare) {
		return
	}
	t.Run(name, func(t *testing.T) {
		p := s.startBare(t, spec)
		run := Run{Peer: Bare}
		defer func() {
			run.Scenario, run.Round = name, 1
			s.record(t, run)
		}()
		run = s.measure(t, p, work{start: p.go_, want: want, count: func() (int64, error) {
			if done := p.result(); done != nil {
				return done.Records, nil
			}
			return 0, nil
		}})
		delete(run.Figures, First)
	})
}
