package store

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// goldenRecord is one record of a topic that Kafka Connect 4.3.1 wrote.
type goldenRecord struct {
	partition  int32
	offset     int64
	key, value []byte
}

// golden reads a dump in either of its two forms.
func golden(t testing.TB, name string) []goldenRecord {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []goldenRecord
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v struct {
			Partition int32
			Offset    int64
			Key       json.RawMessage
			Payload   *string
			Value     *struct{ Text string }
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		r := goldenRecord{partition: v.Partition, offset: v.Offset}
		var text string
		if json.Unmarshal(v.Key, &text) != nil {
			var k struct{ Text string }
			if err := json.Unmarshal(v.Key, &k); err != nil {
				t.Fatal(err)
			}
			text = k.Text
		}
		r.key = []byte(text)
		switch {
		case v.Payload != nil:
			r.value = []byte(*v.Payload)
		case v.Value != nil:
			r.value = []byte(v.Value.Text)
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		t.Fatalf("%s holds no record", name)
	}
	return out
}

// TestConfigGoldenBytes reads each record of Kafka Connect's config topic and writes the change it stands for again.
func TestConfigGoldenBytes(t *testing.T) {
	for _, name := range []string{"connect-configs.jsonl", "eos-connect-configs.jsonl", "rest-configs.jsonl"} {
		t.Run(name, func(t *testing.T) {
			kinds := map[string]int{}
			orders := map[string][]string{} // by connector
			for _, r := range golden(t, name) {
				if strings.Contains(string(r.value), "<base64") {
					continue // the dump hides this session key
				}
				kind, change, pick := goldenChange(t, r)
				kinds[kind]++
				switch c := change.(type) {
				case cluster.PutConnector:
					orders[c.Name] = c.Order
				case cluster.PutTasks:
					c.Order = orders[c.Connector]
					change = c
				}
				recs, err := AppendRecords(nil, change)
				if err != nil {
					t.Fatal(err)
				}
				got := recs[pick]
				if string(got.Key) != string(r.key) || string(got.Value) != string(r.value) || (got.Value == nil) != (r.value == nil) {
					t.Errorf("offset %d:\n got %s = %s\nwant %s = %s", r.offset, got.Key, got.Value, r.key, r.value)
				}
			}
			for _, want := range []string{"connector", "task", "commit"} {
				if kinds[want] == 0 {
					t.Errorf("no %s record in the data", want)
				}
			}
		})
	}
}

// goldenChange gives the change behind a record, and which of the change's records it is.
func goldenChange(t *testing.T, r goldenRecord) (kind string, c cluster.Change, pick int) {
	t.Helper()
	s := newConfigState(slog.Default())
	s.started = true
	key := string(r.key)
	// A connector that is there already, so that its target state counts.
	name := key
	for _, p := range []string{targetPrefix, restartPrefix, taskCountPrefix, connectorPrefix, commitPrefix, loggerPrefix} {
		if n, ok := strings.CutPrefix(key, p); ok {
			name = n
			break
		}
	}
	s.apply(0, []byte(connectorPrefix+name), []byte(`{"properties":{}}`))
	s.apply(1, r.key, r.value)
	e := s.entries[name]
	switch {
	case strings.HasPrefix(key, targetPrefix) && r.value == nil:
		return "target", cluster.RemoveConnector{Name: name}, 1
	case strings.HasPrefix(key, targetPrefix):
		return "target", cluster.PutTarget{Connector: name, Target: e.target}, 0
	case strings.HasPrefix(key, restartPrefix):
		return "restart", cluster.PutRestart{Request: s.read.Restarts[0]}, 0
	case strings.HasPrefix(key, taskCountPrefix):
		return "count", cluster.PutTaskCount{Connector: name, Count: e.taskCount}, 0
	case strings.HasPrefix(key, connectorPrefix) && r.value == nil:
		return "connector", cluster.RemoveConnector{Name: name}, 0
	case strings.HasPrefix(key, connectorPrefix):
		return "connector", cluster.PutConnector{Name: name, Config: e.config, Order: keyOrder(r.value)}, 0
	case strings.HasPrefix(key, commitPrefix):
		return "commit", cluster.PutTasks{Connector: name, Tasks: make([]config.Props, e.count)}, int(e.count)
	case strings.HasPrefix(key, loggerPrefix):
		return "logger", cluster.PutLoggerLevel{Level: s.read.Loggers[0]}, 0
	case key == sessionKeyKey:
		return "session", cluster.PutSessionKey{Key: *s.sessionKey}, 0
	}
	connector, n, ok := cutTask(strings.TrimPrefix(key, taskPrefix))
	if !ok {
		t.Fatalf("unknown key %q", key)
	}
	tasks := make([]config.Props, n+1)
	tasks[n] = s.entries[connector].deferred[n]
	return "task", cluster.PutTasks{Connector: connector, Tasks: tasks}, int(n)
}

func TestConfigGoldenSnapshot(t *testing.T) {
	s := newConfigState(slog.Default())
	var last int64
	for _, r := range golden(t, "connect-configs.jsonl") {
		s.apply(r.offset, r.key, r.value)
		last = r.offset
	}
	snap, _ := s.snapshot()
	if snap.Offset != last+1 {
		t.Errorf("offset %d, want %d", snap.Offset, last+1)
	}
	if got, want := strings.Join(snap.Names(), " "), "a/b bad6 inventory-connector inventory-noschema"; got != want {
		t.Errorf("connectors %q, want %q", got, want)
	}
	c := snap.Connectors["inventory-connector"]
	if c.Target != cluster.Started || len(c.Tasks) != 1 || c.Inconsistent || c.TaskCountRecord != -1 || !c.PendingFencing {
		t.Errorf("inventory-connector: %+v", c)
	}
	if got := c.Tasks[0]["task.class"]; got != "io.debezium.connector.mysql.MySqlConnectorTask" {
		t.Errorf("task.class %q", got)
	}
	if _, ok := snap.Connectors["bad6"].Config["file"]; ok {
		t.Error("bad6: file is null in the topic, so it must not be in the config")
	}
	if snap.SessionKey == nil || len(snap.SessionKey.Key) != 32 || snap.SessionKey.Algorithm != "HmacSHA256" || snap.SessionKey.Created != 1795375429647 {
		t.Errorf("session key %+v", snap.SessionKey)
	}

	s = newConfigState(slog.Default())
	for _, r := range golden(t, "eos-connect-configs.jsonl") {
		s.apply(r.offset, r.key, r.value)
	}
	snap, _ = s.snapshot()
	if c := snap.Connectors["eos-src"]; c == nil || c.TaskCountRecord != 1 || c.PendingFencing {
		t.Errorf("eos-src: %+v", c)
	}
}

func TestStatusGolden(t *testing.T) {
	for _, name := range []string{"connect-status.jsonl", "eos-connect-status.jsonl", "rest-status.jsonl"} {
		t.Run(name, func(t *testing.T) {
			statuses, topics := 0, 0
			for _, r := range golden(t, name) {
				v := newStatusView(slog.Default())
				if err := v.applyKey(string(r.key), r.value); err != nil {
					t.Fatalf("offset %d: %v", r.offset, err)
				}
				if r.value == nil {
					continue
				}
				var key, value []byte
				for _, c := range v.connectors {
					key, value = StatusKey(c.ID), StatusValue(c)
					statuses++
				}
				for _, m := range v.tasks {
					for _, s := range m {
						key, value = StatusKey(s.ID), StatusValue(s)
						statuses++
					}
				}
				for _, m := range v.topics {
					for _, s := range m {
						key, value = TopicStatusKey(s.Topic, s.Connector), TopicStatusValue(s)
						topics++
					}
				}
				if string(key) != string(r.key) || string(value) != string(r.value) {
					t.Errorf("offset %d:\n got %s = %s\nwant %s = %s", r.offset, key, value, r.key, r.value)
				}
			}
			if statuses == 0 || topics == 0 {
				t.Errorf("%d statuses and %d topic statuses in the data", statuses, topics)
			}
		})
	}
}

func TestOffsetsGolden(t *testing.T) {
	for _, name := range []string{"connect-offsets.jsonl", "eos-connect-offsets.jsonl", "rest-offsets.jsonl"} {
		t.Run(name, func(t *testing.T) {
			v := newOffsetView()
			for _, r := range golden(t, name) {
				connector, partition, err := parseOffsetKey(r.key)
				if err != nil {
					t.Fatal(err)
				}
				recs, err := OffsetRecords(connector, cluster.SourceOffset{Partition: partition, Offset: r.value})
				if err != nil {
					t.Fatal(err)
				}
				if string(recs[0].Key) != string(r.key) || string(recs[0].Value) != string(r.value) {
					t.Errorf("got %s = %s, want %s = %s", recs[0].Key, recs[0].Value, r.key, r.value)
				}
				if err := v.apply(r.key, r.value); err != nil {
					t.Fatal(err)
				}
				got, err := v.read(connector, []*connect.SourcePartition{connect.NewSourcePartition(partition)})
				if err != nil || string(got[0]) != string(r.value) {
					t.Errorf("reading back %s: %s, %v; want %s", r.key, got[0], err, r.value)
				}
			}
		})
	}
}
