package store

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// TestConfigRules walks through KafkaConfigBackingStore's rules. Records are "key value", "" stands for a tombstone.
func TestConfigRules(t *testing.T) {
	const conn, task0, task1 = `connector-c {"properties":{"k":"v"}}`, `task-c-0 {"properties":{"n":"0"}}`, `task-c-1 {"properties":{"n":"1"}}`
	tests := []struct {
		name    string
		records []string
		want    string // fields of the connector, or "none"
	}{
		{"no commit, no tasks", []string{conn, task0}, "STARTED tasks=0 inconsistent=false pending=false gen=0"},
		{"commit", []string{conn, task0, task1, `commit-c {"tasks":2}`}, "STARTED tasks=2 inconsistent=false pending=true gen=1"},
		{"commit without its tasks", []string{conn, task1, `commit-c {"tasks":2}`}, "STARTED tasks=0 inconsistent=true pending=true gen=0"},
		{"stale deferred tasks don't help a later commit", []string{conn, task1, `commit-c {"tasks":2}`, task0, `commit-c {"tasks":2}`},
			"STARTED tasks=0 inconsistent=true pending=true gen=0"},
		{"complete again", []string{conn, task1, `commit-c {"tasks":2}`, task0, task1, `commit-c {"tasks":2}`},
			"STARTED tasks=2 inconsistent=false pending=true gen=1"},
		{"fewer tasks, the others not compacted yet", []string{conn, task1, task0, `commit-c {"tasks":1}`}, "STARTED tasks=1 inconsistent=false pending=true gen=1"},
		{"stopped: no tasks", []string{conn, task0, `commit-c {"tasks":1}`, `commit-c {"tasks":0}`}, "STARTED tasks=0 inconsistent=false pending=true gen=2"},
		{"fenced", []string{conn, task0, `commit-c {"tasks":1}`, `tasks-fencing-c {"task-count":1}`}, "STARTED tasks=1 inconsistent=false pending=false gen=1"},
		{"commit before the config", []string{task0, `commit-c {"tasks":1}`, conn}, "STARTED tasks=1 inconsistent=false pending=true gen=1"},
		{"initial state before the config", []string{`target-state-c {"state":"PAUSED","state.v2":"STOPPED"}`, conn}, "STOPPED tasks=0 inconsistent=false pending=false gen=0"},
		{"target state of an old worker", []string{conn, `target-state-c {"state":"PAUSED"}`}, "PAUSED tasks=0 inconsistent=false pending=false gen=0"},
		{"v2 of a wrong type", []string{conn, `target-state-c {"state":"PAUSED","state.v2":7}`}, "PAUSED tasks=0 inconsistent=false pending=false gen=0"},
		{"unknown target state", []string{conn, `target-state-c {"state":"PAUSED","state.v2":"FLYING"}`}, "STARTED tasks=0 inconsistent=false pending=false gen=0"},
		{"target state removed", []string{conn, `target-state-c {"state":"PAUSED"}`, `target-state-c `}, "STARTED tasks=0 inconsistent=false pending=false gen=0"},
		{"removed", []string{conn, task0, `commit-c {"tasks":1}`, `connector-c `}, "none"},
		{"removed and created again", []string{conn, task0, `commit-c {"tasks":1}`, `connector-c `, `target-state-c `, conn}, "STARTED tasks=0 inconsistent=false pending=true gen=1"},
		{"corrupt and unknown records", []string{conn, `connector-c {"properties":[]}`, `connector-c [1]`, `connector-c {`, `task-c-x {}`, `task- {}`, `commit-c {"tasks":"1"}`,
			`commit-c {"tasks":-1}`, `tasks-fencing-c `, `session-key {"key":"?"}`, `logger-cluster-x {"level":1}`, `what {}`, ` {}`}, "STARTED tasks=0 inconsistent=false pending=false gen=0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newConfigState(slog.New(slog.DiscardHandler))
			for i, r := range tt.records {
				key, value, _ := strings.Cut(r, " ")
				var v []byte
				if value != "" {
					v = []byte(value)
				}
				s.apply(int64(i), []byte(key), v)
			}
			snap, _ := s.snapshot()
			got := "none"
			if c := snap.Connectors["c"]; c != nil {
				got = c.Target.String() + strings.NewReplacer("{", "", "}", "").Replace(describe(c))
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func describe(c *cluster.ConnectorSnapshot) string {
	b, _ := json.Marshal([]any{len(c.Tasks), c.Inconsistent, c.PendingFencing, c.Generation})
	parts := strings.Split(strings.Trim(string(b), "[]"), ",")
	return " tasks=" + parts[0] + " inconsistent=" + parts[1] + " pending=" + parts[2] + " gen=" + parts[3]
}

func TestOffsetCountsRecordsLikeJava(t *testing.T) {
	s := newConfigState(slog.New(slog.DiscardHandler))
	for i, r := range []struct {
		value string
		want  int64
	}{{`{}`, 1}, {`not json`, 1}, {`{"properties":1}`, 3}, {`null`, 4}} {
		s.apply(int64(i), []byte("unknown"), []byte(r.value))
		if s.offset != r.want {
			t.Errorf("after %s: offset %d, want %d", r.value, s.offset, r.want)
		}
	}
}

func TestChangesJoinUntilTaken(t *testing.T) {
	m := NewMemoryConfig(nil)
	write(t, m, cluster.PutConnector{Name: "a"}, cluster.PutConnector{Name: "b"})
	write(t, m, cluster.RemoveConnector{Name: "a"})
	write(t, m, cluster.PutTarget{Connector: "b", Target: cluster.Paused}, cluster.PutLoggerLevel{Level: cluster.LoggerLevel{Namespace: "x", Level: "DEBUG"}})
	write(t, m, cluster.PutTarget{Connector: "b", Target: cluster.Paused}) // no change
	read := <-m.Changes()
	if strings.Join(read.Updated, ",") != "b" || strings.Join(read.Removed, ",") != "a" || strings.Join(read.Targets, ",") != "b" || len(read.Loggers) != 1 {
		t.Errorf("read %+v", read)
	}
	if read.Snapshot != m.Snapshot() || read.Snapshot.Connectors["b"].Target != cluster.Paused {
		t.Error("not the snapshot of the last write")
	}
	select {
	case again := <-m.Changes():
		t.Errorf("told twice: %+v", again)
	default:
	}
}

func TestUntouchedConnectorsAreShared(t *testing.T) {
	m := NewMemoryConfig(nil)
	write(t, m, cluster.PutConnector{Name: "a", Config: config.Props{"x": "1"}}, cluster.PutConnector{Name: "b"})
	before := m.Snapshot()
	write(t, m, cluster.PutTarget{Connector: "b", Target: cluster.Stopped})
	after := m.Snapshot()
	if before.Connectors["a"] != after.Connectors["a"] || before.Connectors["b"] == after.Connectors["b"] || before.Connectors["b"].Target != cluster.Started {
		t.Error("copy-on-write is not by connector")
	}
}

func TestMemoryStatus(t *testing.T) {
	m := NewMemoryStatus(nil)
	id := connect.TaskID{Connector: "c", Task: 2}
	m.Put(cluster.Status{ID: id, State: cluster.Running, WorkerID: "a", Generation: 2})
	m.PutSafe(cluster.Status{ID: id, State: cluster.Unassigned, WorkerID: "b", Generation: 1})
	if s, _ := m.Get(id); s.State != cluster.Running {
		t.Errorf("%+v", s)
	}
	m.Put(cluster.Status{ID: id, State: cluster.Destroyed})
	if _, ok := m.Get(id); ok {
		t.Error("still there")
	}
}

func TestMemoryOffsetsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "offsets.json")
	open := func() *MemoryOffsets {
		t.Helper()
		m, err := NewMemoryOffsets(file)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := open()
	testOffsets(t, m, m)
	if err := m.Write(t.Context(), "c", cluster.SourceOffset{Partition: []byte(`{"z":1,"a":2}`), Offset: []byte(`{"pos":7}`)}); err != nil {
		t.Fatal(err)
	}
	list, err := open().List(t.Context(), "c")
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	var compact strings.Builder
	for _, r := range string(list[0].Partition) {
		if r != ' ' && r != '\n' {
			compact.WriteRune(r)
		}
	}
	if compact.String() != `{"z":1,"a":2}` {
		t.Errorf("partition %s", list[0].Partition)
	}
	names, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil || len(names) != 1 {
		t.Errorf("files %v, %v", names, err)
	}
	for content, want := range map[string]string{"\xac\xed\x00\x05sr": "Java worker", "{": "reading", `[{"connector":"c","partition":[1],"offset":{}}]`: "no object"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := NewMemoryOffsets(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

func TestAppendStringLikeJackson(t *testing.T) {
	for in, want := range map[string]string{
		"a<b>&'/": `"a<b>&'/"`, "q\"\\": `"q\"\\"`, "\b\t\n\f\r\x00\x1f\x7f": `"\b\t\n\f\r\u0000\u001F` + "\x7f\"",
		"é\u2028": "\"é\u2028\"", "😀": `"\uD83D\uDE00"`,
	} {
		if got := string(appendString(nil, in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// FuzzConfigRecord: nothing panics, and the snapshot can always be made and written again.
func FuzzConfigRecord(f *testing.F) {
	for _, r := range golden(f, "connect-configs.jsonl") {
		f.Add(string(r.key), string(r.value))
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		s := newConfigState(slog.New(slog.DiscardHandler))
		s.started = true
		for i, v := range [][]byte{nil, []byte(value), nil, []byte(value)} {
			s.apply(int64(i), []byte(key), v)
		}
		snap, _ := s.snapshot()
		for name, c := range snap.Connectors {
			recs, err := AppendRecords(nil, cluster.PutConnector{Name: name, Config: c.Config, Order: keyOrder([]byte(value))})
			if err != nil || !json.Valid(recs[0].Value) {
				t.Fatalf("%s, %v", recs[0].Value, err)
			}
			again, err := parseProps(recs[0].Value)
			if err != nil || len(again) != len(c.Config) {
				t.Fatalf("written again: %v, %v; was %v", again, err, c.Config)
			}
		}
	})
}

// FuzzStatusRecord: nothing panics, and what was taken in is written so that it reads the same.
func FuzzStatusRecord(f *testing.F) {
	for _, r := range golden(f, "connect-status.jsonl")[:40] {
		f.Add(string(r.key), string(r.value))
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		v := newStatusView(slog.New(slog.DiscardHandler))
		if v.applyKey(key, []byte(value)) != nil {
			return
		}
		for _, s := range v.connectors {
			if s.State == cluster.Destroyed {
				continue
			}
			if again, err := parseStatus(s.ID, StatusValue(s)); err != nil || again != s {
				t.Fatalf("%+v, %v; was %+v", again, err, s)
			}
		}
	})
}

// FuzzOffsetRecord: nothing panics, and a partition is found under its own bytes.
func FuzzOffsetRecord(f *testing.F) {
	for _, r := range golden(f, "connect-offsets.jsonl") {
		f.Add(string(r.key), string(r.value))
	}
	f.Add(`["c",{"a":1.0,"b":[1e3,null,"\u0001"]}]`, `{}`)
	f.Fuzz(func(t *testing.T, key, value string) {
		v := newOffsetView()
		if v.apply([]byte(key), []byte(value)) != nil || value == "null" {
			return
		}
		connector, partition, err := parseOffsetKey([]byte(key))
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.read(connector, []*connect.SourcePartition{connect.NewSourcePartition(partition)})
		if err != nil || string(got[0]) != value {
			t.Fatalf("read %q, %v", got, err)
		}
	})
}

// TestStatusWithProgress: the field is behind those of Kafka Connect, and what is no object is passed over.
func TestStatusWithProgress(t *testing.T) {
	st := cluster.Status{ID: connect.TaskID{Connector: "c"}, State: cluster.Running, WorkerID: "w:1", Generation: 3, Version: "v"}
	const plain = `{"state":"RUNNING","trace":null,"worker_id":"w:1","generation":3,"version":"v"`
	if got := string(StatusValue(st)); got != plain+"}" {
		t.Errorf("without progress: %s", got)
	}
	st.Progress = `{"phase":"snapshot","rows":5}`
	value := plain + `,"progress":{"phase":"snapshot","rows":5}}`
	if got := string(StatusValue(st)); got != value {
		t.Errorf("got %s, want %s", got, value)
	}
	got, err := parseStatus(st.ID, []byte(value))
	if err != nil || got != st {
		t.Errorf("read back %+v, %v", got, err)
	}
	st.Progress = ""
	for _, bad := range []string{"null", "7", `"text"`, "[1]"} {
		got, err := parseStatus(st.ID, []byte(plain+`,"progress":`+bad+"}"))
		if err != nil || got != st {
			t.Errorf("%s: %+v, %v", bad, got, err)
		}
	}
}
