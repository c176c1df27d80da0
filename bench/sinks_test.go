//go:build bench

package bench

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/colinmarc/hdfs/v2"

	"github.com/connectd/connectd/test/process"
)

// fileSink measures FileStreamSink on a topic of records like those of a snapshot, with StringConverter. Filling the topic is the raw limit
// of producing.
func fileSink(t *testing.T, s *suite, name string) {
	n := s.size(1_000_000)
	topic := process.Unique("lines")
	s.bed.drop(t, topic)
	t.Run("produce", func(t *testing.T) {
		run := s.bareRun(t, bareSpec{Mode: "produce", Topic: topic, Rows: n}, n)
		run.Scenario, run.Round = "produce", 1
		s.record(t, run)
	})
	bytes := n * int64(len(preparedRecord())+1)
	s.workers(t, name, func(t *testing.T, peer string) Run {
		file := filepath.Join(t.TempDir(), "lines.txt")
		return s.sink(t, peer, topic, map[string]string{
			"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "file": file,
			"key.converter": stringConverter, "value.converter": stringConverter,
		}, work{want: bytes, records: n, count: func() (int64, error) { return fileSize(file) }}, nil)
	})
}

const stringConverter = "org.apache.kafka.connect.storage.StringConverter"

func fileSize(file string) (int64, error) {
	info, err := os.Stat(file)
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// sink starts a worker and measures how a sink connector reads the topic. The writers are those it writes to.
func (s *suite) sink(t *testing.T, name, topic string, cfg map[string]string, w work, writers []int) Run {
	t.Helper()
	p := s.start(t, name, discovery)
	p.sinks = writers
	all := map[string]string{"tasks.max": "1", "topics": topic, "consumer.override.auto.offset.reset": "earliest"}
	maps.Copy(all, cfg)
	w.connector = process.Unique("sink")
	w.start = func() { p.rest.Put(w.connector, all) }
	run := s.measure(t, p, w)
	p.stopped()
	return run
}

// documents fills a topic with n JSON documents of 9 fields and about 260 bytes, for the sinks.
func (s *suite) documents(t *testing.T, n int64) string {
	t.Helper()
	topic := process.Unique("docs")
	s.bed.drop(t, topic)
	t.Run("fill", func(t *testing.T) {
		s.bareRun(t, bareSpec{Mode: "produce", Topic: topic, Rows: n, Table: "documents"}, n)
	})
	return topic
}

const document = `{"id":1234567,"name":"Anna Lindqvist Petersen","city":"Göteborg","email":"anna.lindqvist@example.org","amount":1299.95,"paid":true,` +
	`"created":"2026-11-22T10:15:30.123Z","note":"deliver to the back door, please ring twice","tags":"express fragile gift wrapped"}`

// elasticsearchSink measures the Elasticsearch sink with its defaults beside a plain bulk loader.
func elasticsearchSink(t *testing.T, s *suite, name string) {
	n := s.size(200_000)
	topic := s.documents(t, n)
	url := process.Bed(t, "BED_ES")
	es := process.NewREST(t, url)
	server := children(t, pidFile(t, s.bed.run+"/es/pid"))
	t.Run("warm", func(t *testing.T) { // the server's JVM is cold, and whoever comes first would pay for it
		p := s.startBare(t, bareSpec{Mode: "elasticsearch", URL: url, Topic: topic, Table: topic + "-warm", Rows: n})
		s.measure(t, p, work{start: p.go_, want: n, count: func() (int64, error) { return indexed(es, topic+"-*") }})
		es.Must("DELETE", "/"+topic+"-warm", nil, nil)
	})
	s.only1(t, name, func(t *testing.T, peer string) Run {
		es.Must("PUT", "/"+topic, map[string]any{"settings": map[string]any{"number_of_shards": 1, "number_of_replicas": 0}}, nil)
		t.Cleanup(func() { es.Must("DELETE", "/"+topic, nil, nil) })
		w := work{want: n, count: func() (int64, error) { return indexed(es, topic) }}
		if peer == Bare {
			p := s.startBare(t, bareSpec{Mode: "elasticsearch", URL: url, Topic: topic, Table: topic, Rows: n})
			p.sinks, w.start = server, p.go_
			return s.measure(t, p, w)
		}
		return s.sink(t, peer, topic, map[string]string{
			"connector.class": "io.confluent.connect.elasticsearch.ElasticsearchSinkConnector", "connection.url": url,
			"key.ignore": "true", "schema.ignore": "true", "key.converter": stringConverter,
		}, w, server)
	})
}

// indexed is how many documents Elasticsearch has taken, visible to searches or not.
func indexed(es process.REST, index string) (int64, error) {
	var stats struct {
		All struct {
			Primaries struct{ Indexing struct{ Index_total int64 } }
		} `json:"_all"` //nolint:revive // Elasticsearch's name
	}
	_, err := es.Do(http.MethodGet, "/"+index+"/_stats/indexing", nil, &stats)
	return stats.All.Primaries.Indexing.Index_total, err
}

// only1 is interleave without Java: its sinks are not part of Kafka Connect.
func (s *suite) only1(t *testing.T, name string, once func(t *testing.T, peer string) Run) {
	only := *s
	only.peers = nil
	for _, p := range s.peers {
		if p == Bare || p == Connectd {
			only.peers = append(only.peers, p)
		}
	}
	only.interleave(t, name, once)
}

// hdfsSink measures the HDFS sink writing JSON beside a plain writer that copies the records.
func hdfsSink(t *testing.T, s *suite, name string) {
	const flush = 50_000
	n := s.size(1_000_000)
	topic := s.documents(t, n)
	address := process.Bed(t, "BED_HDFS")
	cl, err := hdfs.NewClient(hdfs.ClientOptions{Addresses: []string{address}, User: "hdfs"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cl.Close() })
	servers := []int{pidFile(t, s.bed.run+"/hdfs/namenode.pid"), pidFile(t, s.bed.run+"/hdfs/datanode1.pid")}
	s.only1(t, name, func(t *testing.T, peer string) Run {
		top := "/" + process.Unique("bench")
		dir := top + "/" + topic + "/partition=0"
		t.Cleanup(func() { _ = cl.RemoveAll(top) })
		w := work{want: n, count: func() (int64, error) { return committed(cl, dir) }}
		if peer == Bare {
			p := s.startBare(t, bareSpec{Mode: "hdfs", URL: address, Topic: topic, Rows: n, Batch: flush, Path: dir})
			p.sinks, w.start = servers, p.go_
			return s.measure(t, p, w)
		}
		return s.sink(t, peer, topic, map[string]string{
			"connector.class": "io.confluent.connect.hdfs.HdfsSinkConnector", "hdfs.url": process.Bed(t, "BED_HDFS_URL"),
			"topics.dir": top[1:], "logs.dir": top[1:] + "-logs", "format.class": "io.confluent.connect.hdfs.json.JsonFormat",
			"flush.size": strconv.Itoa(flush), "key.converter": stringConverter,
		}, w, servers)
	})
}

// committed is one behind the last offset in the names of a folder's files, which must leave none out.
func committed(cl *hdfs.Client, dir string) (int64, error) {
	files, err := cl.ReadDir(dir)
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, f := range files {
		parts := strings.Split(strings.TrimSuffix(f.Name(), ".json"), "+")
		if len(parts) != 4 {
			return 0, fmt.Errorf("a file of the name %s in %s", f.Name(), dir)
		}
		from, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil {
			return 0, err
		}
		to, err := strconv.ParseInt(parts[3], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += to - from + 1
	}
	return sum, nil
}

// children are a process and those it has started: Elasticsearch's launcher and the server.
func children(t testing.TB, pid int) []int {
	t.Helper()
	all := []int{pid}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range tasks {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that has ended
		}
		for child := range strings.FieldsSeq(string(b)) {
			all = append(all, int(number(t, child)))
		}
	}
	return all
}
