package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/topiclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func testOptions(c *kfake.Cluster, topic string, partitions int32) Options {
	return Options{
		Clients: &kafka.Clients{Worker: config.Props{"bootstrap.servers": kafkatest.Servers(c), "metadata.max.age.ms": "100"}},
		Topic:   kafka.Topic{Name: topic, Partitions: partitions, ReplicationFactor: 1},
		Log:     slog.New(slog.DiscardHandler),
	}
}

// runs runs a store until the test ends.
func runs(t testing.TB, s interface {
	Run(context.Context) error
	ReadToEnd(context.Context) error
}) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	limit, end := context.WithTimeout(context.Background(), 10*time.Second)
	defer end()
	if err := s.ReadToEnd(limit); err != nil {
		t.Fatal(err)
	}
	return stop
}

func newConfig(t testing.TB, o Options) *Config {
	t.Helper()
	c, err := NewConfig(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t testing.TB, c interface {
	Write(context.Context, bool, ...cluster.Change) error
}, changes ...cluster.Change) {
	t.Helper()
	if err := c.Write(context.Background(), true, changes...); err != nil {
		t.Fatal(err)
	}
}

func TestConfigWriteIsVisibleOnAllWorkers(t *testing.T) {
	k := kafkatest.Start(t)
	a, b := newConfig(t, testOptions(k, "configs", -1)), newConfig(t, testOptions(k, "configs", -1))
	runs(t, a)
	runs(t, b)
	before := a.Snapshot()
	if before.Offset != -1 || len(before.Connectors) != 0 {
		t.Fatalf("empty topic: %+v", before)
	}
	paused := cluster.Paused
	write(t, a,
		cluster.PutConnector{Name: "c", Config: config.Props{"name": "c"}, Target: &paused},
		cluster.PutTasks{Connector: "c", Tasks: []config.Props{{"n": "0"}, {"n": "1"}}},
		cluster.PutRestart{Request: cluster.RestartRequest{Connector: "c", OnlyFailed: true}})
	if len(before.Connectors) != 0 {
		t.Error("a published snapshot changed")
	}
	if err := b.ReadToEnd(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Config{a, b} {
		snap := s.Snapshot()
		c := snap.Connectors["c"]
		if snap.Offset != 6 || c == nil || c.Target != cluster.Paused || len(c.Tasks) != 2 || c.Tasks[1]["n"] != "1" || c.Generation != 1 {
			t.Fatalf("offset %d, connector %+v", snap.Offset, c)
		}
		var read cluster.ConfigRead
		for read.Offset < 6 {
			read = join(read, <-s.Changes())
		}
		if !slices.Equal(read.Updated, []string{"c"}) || !slices.Equal(read.Tasks, []string{"c"}) || len(read.Targets) != 0 ||
			len(read.Restarts) != 1 || !read.Restarts[0].OnlyFailed || read.Snapshot != snap {
			t.Errorf("read %+v", read)
		}
	}
	write(t, b, cluster.RemoveConnector{Name: "c"})
	if b.Snapshot().Contains("c") {
		t.Error("still there after the removal")
	}
	var keys []string
	for _, r := range kafkatest.Dump(t, k, "configs") {
		keys = append(keys, string(r.Key))
	}
	if want := "target-state-c connector-c task-c-0 task-c-1 commit-c restart-connector-c connector-c target-state-c"; strings.Join(keys, " ") != want {
		t.Errorf("keys %v", keys)
	}
}

func TestConfigRefusesLeadersChangesFromFollowers(t *testing.T) {
	m := NewMemoryConfig(nil)
	if err := m.Write(t.Context(), false, cluster.RemoveConnector{Name: "c"}); !errors.Is(err, errNotLeader) {
		t.Errorf("RemoveConnector: %v", err)
	}
	if err := m.Write(t.Context(), false, cluster.PutTarget{Connector: "c"}, cluster.PutLoggerLevel{}); err != nil {
		t.Errorf("PutTarget, PutLoggerLevel: %v", err)
	}
}

func TestConfigFencing(t *testing.T) {
	k := kafkatest.Start(t)
	o := testOptions(k, "configs", -1)
	o.TransactionalID, o.ReadCommitted = "connect-cluster-g", true
	a, b := newConfig(t, o), newConfig(t, o)
	runs(t, a)
	runs(t, b)
	put := cluster.PutConnector{Name: "c", Config: config.Props{"name": "c"}}
	if err := a.Write(t.Context(), true, put); !errors.Is(err, topiclog.ErrNotClaimed) {
		t.Fatalf("unclaimed: %v", err)
	}
	if err := a.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, a, put, cluster.PutTasks{Connector: "c", Tasks: []config.Props{{"n": "0"}}})
	if err := b.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Write(t.Context(), true, put); !errors.Is(err, topiclog.ErrFenced) {
		t.Fatalf("the old leader: %v", err)
	}
	if err := a.Write(t.Context(), false, cluster.PutTarget{Connector: "c", Target: cluster.Stopped}); err != nil {
		t.Fatalf("target states are not fenced: %v", err)
	}
	write(t, b, cluster.PutTaskCount{Connector: "c", Count: 1})
	if c := b.Snapshot().Connectors["c"]; c.Target != cluster.Stopped || c.PendingFencing || c.TaskCountRecord != 1 {
		t.Errorf("%+v", c)
	}
}

func TestTopicChecks(t *testing.T) {
	k := kafkatest.Start(t)
	for _, topic := range []struct {
		name       string
		partitions int32
		policy     string
	}{{"three", 3, "compact"}, {"deleting", 1, "delete"}, {"both", 1, "compact,delete"}} {
		if err := k.CreateTopic(topic.name, topic.partitions, map[string]string{"cleanup.policy": topic.policy}); err != nil {
			t.Fatal(err)
		}
	}
	for topic, want := range map[string]string{
		"three":    "kafka-topics.sh --bootstrap-server " + strings.Join(k.ListenAddrs(), ",") + " --delete --topic three",
		"deleting": "kafka-configs.sh --bootstrap-server " + strings.Join(k.ListenAddrs(), ",") + " --alter --entity-type topics --entity-name deleting --add-config cleanup.policy=compact",
		"both":     "cleanup.policy=compact,delete", "missing": "does not exist",
	} {
		o := testOptions(k, topic, 1)
		o.NoCreate = true
		c := newConfig(t, o)
		err := c.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), topic) {
			t.Errorf("%s: %v, want %q", topic, err, want)
		}
		if err := c.ReadToEnd(t.Context()); !errors.Is(err, topiclog.ErrStopped) {
			t.Errorf("%s: ReadToEnd: %v", topic, err)
		}
	}
}

func TestCreatesCompactedTopic(t *testing.T) {
	k := kafkatest.Start(t)
	o := testOptions(k, "offsets", 25)
	o.Topic.Settings = config.Props{"cleanup.policy": "delete", "segment.bytes": "1048576"}
	s, err := NewOffsets(o)
	if err != nil {
		t.Fatal(err)
	}
	runs(t, s)
	info := k.TopicInfo("offsets")
	if info == nil || len(k.PartitionInfos("offsets")) != 25 {
		t.Fatalf("topic %+v", info)
	}
	if got := info.Configs["cleanup.policy"]; got == nil || *got != "compact" {
		t.Errorf("cleanup.policy %v", got)
	}
}

// A topic with CreateAfter is created last, also if its store was the first to look for it; one that is there is read at once.
func TestCreatesTopicsInOrder(t *testing.T) {
	k := kafkatest.Start(t)
	looked, created := make(chan struct{}), make(chan string, 2)
	k.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		for _, topic := range req.(*kmsg.MetadataRequest).Topics {
			if topic.Topic != nil && *topic.Topic == "offsets" && looked != nil {
				close(looked)
				looked = nil
			}
		}
		return nil, nil, false
	})
	k.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		created <- req.(*kmsg.CreateTopicsRequest).Topics[0].Topic
		return nil, nil, false
	})
	configs := newConfig(t, testOptions(k, "configs", 1))
	o := testOptions(k, "offsets", 25)
	o.CreateAfter = []<-chan struct{}{configs.Ready()}
	offsets, err := NewOffsets(o)
	if err != nil {
		t.Fatal(err)
	}
	seen := looked
	go func() {
		<-seen
		_ = configs.Run(t.Context())
	}()
	runs(t, offsets)
	if first, second := <-created, <-created; first != "configs" || second != "offsets" {
		t.Errorf("created %s, then %s", first, second)
	}
	o.CreateAfter = []<-chan struct{}{make(chan struct{})}
	if offsets, err = NewOffsets(o); err != nil {
		t.Fatal(err)
	}
	runs(t, offsets)
}

func TestFirstReadOf2000Connectors(t *testing.T) {
	k := kafkatest.Start(t)
	if err := k.CreateTopic("configs", 1, map[string]string{"cleanup.policy": "compact"}); err != nil {
		t.Fatal(err)
	}
	props := config.Props{}
	for i := range 30 {
		props[fmt.Sprintf("some.configuration.key.%d", i)] = "a value of middling length"
	}
	var recs []*kgo.Record
	for i := range 2000 {
		name := fmt.Sprintf("connector-%d", i)
		var rs []topiclog.Record
		for _, ch := range []cluster.Change{
			cluster.PutConnector{Name: name, Config: props}, cluster.PutTasks{Connector: name, Tasks: []config.Props{props}},
		} {
			var err error
			if rs, err = AppendRecords(rs, ch); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range rs {
			recs = append(recs, &kgo.Record{Topic: "configs", Key: r.Key, Value: r.Value})
		}
	}
	kafkatest.Produce(t, k, recs...)
	began := time.Now()
	c := newConfig(t, testOptions(k, "configs", 1))
	runs(t, c)
	if n := len(c.Snapshot().Connectors); n != 2000 {
		t.Fatalf("%d connectors", n)
	}
	took := time.Since(began)
	t.Logf("read %d records in %v", len(recs), took)
	// Copying the snapshot for each record would take far longer than this on any machine that runs the tests.
	if took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	select {
	case read := <-c.Changes():
		t.Errorf("the first read was told as changes: %d updated", len(read.Updated))
	default:
	}
}

func TestStatusAcrossWorkers(t *testing.T) {
	k := kafkatest.Start(t)
	stores := make([]*Status, 2)
	for i := range stores {
		s, err := NewStatus(testOptions(k, "status", 5))
		if err != nil {
			t.Fatal(err)
		}
		stores[i] = s
	}
	a, b := stores[0], stores[1]
	stopA := runs(t, a)
	runs(t, b)
	id := connect.TaskID{Connector: "c-1", Task: 0}
	a.Put(cluster.Status{ID: id, State: cluster.Running, WorkerID: "a:8083", Generation: 1, Version: "1.0"})
	a.PutTopic(cluster.TopicStatus{Topic: "t", Connector: "c-1", Task: 0, Since: 5})
	settle := func(from *Status) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := errors.Join(from.Flush(ctx), a.ReadToEnd(ctx), b.ReadToEnd(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	settle(a)
	if s, ok := b.Get(id); !ok || s.State != cluster.Running || s.Version != "1.0" || s.ID != id {
		t.Errorf("b sees %+v, %t", s, ok)
	}
	if got := b.Topics("c-1"); len(got) != 1 || got[0].Since != 5 {
		t.Errorf("topics %+v", got)
	}
	// The task moves to b; a, which is late, must not overwrite that.
	b.Put(cluster.Status{ID: id, State: cluster.Running, WorkerID: "b:8083", Generation: 2})
	settle(b)
	a.PutSafe(cluster.Status{ID: id, State: cluster.Unassigned, WorkerID: "a:8083", Generation: 1})
	settle(a)
	if s, _ := b.Get(id); s.State != cluster.Running || s.WorkerID != "b:8083" {
		t.Errorf("overwritten by %+v", s)
	}
	b.PutSafe(cluster.Status{ID: id, State: cluster.Unassigned, WorkerID: "b:8083", Generation: 1})
	b.Put(cluster.Status{ID: connect.TaskID{Connector: "c-1", Task: connect.ConnectorTask}, State: cluster.Failed, Trace: "x", WorkerID: "b", Generation: 2})
	settle(b)
	if s, _ := a.Get(id); s.State != cluster.Unassigned {
		t.Errorf("one's own status may be overwritten, got %+v", s)
	}
	if got := a.Connectors(); !slices.Equal(got, []string{"c-1"}) {
		t.Errorf("connectors %v", got)
	}
	b.Put(cluster.Status{ID: connect.TaskID{Connector: "c-1", Task: connect.ConnectorTask}, State: cluster.Destroyed})
	b.DeleteTopic("c-1", "t")
	settle(b)
	if len(a.Connectors())+len(a.Tasks("c-1"))+len(a.Topics("c-1")) != 0 {
		t.Error("something is left of the connector")
	}
	// The last words of a worker that stops.
	a.Put(cluster.Status{ID: id, State: cluster.Unassigned, WorkerID: "a:8083", Generation: 3})
	stopA()
	if err := b.ReadToEnd(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, ok := b.Get(id); !ok || s.Generation != 3 {
		t.Errorf("last words: %+v, %t", s, ok)
	}
}

func TestOffsetsAcrossWorkers(t *testing.T) {
	k := kafkatest.Start(t)
	var stores [2]*Offsets
	for i := range stores {
		s, err := NewOffsets(testOptions(k, "offsets", 25))
		if err != nil {
			t.Fatal(err)
		}
		stores[i] = s
		runs(t, s)
	}
	testOffsets(t, stores[0], stores[1])
	var keys []string
	for _, r := range kafkatest.Dump(t, k, "offsets") {
		keys = append(keys, fmt.Sprintf("%s=%s", r.Key, r.Value))
	}
	slices.Sort(keys)
	keys = slices.Compact(keys) // a removal comes twice if the store has not read its first one when it writes the next
	want := []string{
		`["c <é>",{"b":1,"a":"x"}]={"pos":1}`, `["c <é>",{"b":1,"a":"x"}]=`, `["c <é>",{"a":"x","b":1}]={"pos":2}`, `["c <é>",{"a":"x","b":1}]=`,
	}
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		t.Errorf("topic:\n%s\nwant:\n%s", strings.Join(keys, "\n"), strings.Join(want, "\n"))
	}
}

// testOffsets writes through a and reads through b; both memory and Kafka pass it.
func testOffsets(t *testing.T, a, b OffsetStore) {
	t.Helper()
	const name = "c <é>"
	read := func(partition string) string {
		t.Helper()
		got, err := Reader(b, name).Read(t.Context(), connect.NewSourcePartition([]byte(partition)))
		if err != nil {
			t.Fatal(err)
		}
		return string(got[0])
	}
	put := func(partition, offset string) {
		t.Helper()
		o := cluster.SourceOffset{Partition: []byte(partition)}
		if offset != "" {
			o.Offset = []byte(offset)
		}
		if err := a.Write(t.Context(), name, o); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(`{"a":"x","b":1}`); got != "" {
		t.Errorf("empty store: %s", got)
	}
	put(`{"b":1,"a":"x"}`, `{"pos":1}`)
	if got := read(` {"a":"x", "b":1}`); got != `{"pos":1}` {
		t.Errorf("another order of keys: %q", got)
	}
	if got := read(`{"a":"x","b":1.0}`); got != "" {
		t.Errorf("1.0 is not 1: %q", got)
	}
	if got, _ := a.Read(t.Context(), "other", connect.NewSourcePartition([]byte(`{"b":1,"a":"x"}`))); got[0] != nil {
		t.Errorf("another connector: %q", got)
	}
	put(`{"a":"x","b":1}`, `{"pos":2}`)
	if got := read(`{"b":1,"a":"x"}`); got != `{"pos":2}` {
		t.Errorf("the newer spelling: %q", got)
	}
	list, err := b.List(t.Context(), name)
	if err != nil || len(list) != 1 || string(list[0].Partition) != `{"a":"x","b":1}` {
		t.Errorf("list %+v, %v", list, err)
	}
	put(`{"a":"x","b":1}`, "")
	if got := read(`{"b":1,"a":"x"}`); got != "" {
		t.Errorf("after the removal: %q", got)
	}
	if err := a.Write(t.Context(), name, cluster.SourceOffset{Partition: []byte(`{`)}); err == nil {
		t.Error("a partition that is no JSON was taken")
	}
}

func TestTopicLogs(t *testing.T) {
	k := kafkatest.Start(t)
	logs := &TopicLogs{Clients: testOptions(k, "", 0).Clients, Log: slog.New(slog.DiscardHandler)}
	if _, err := logs.Open(t.Context(), connect.LogSpec{Topic: "missing"}); !errors.Is(err, kafka.ErrNoTopic) {
		t.Errorf("missing topic: %v", err)
	}
	l, err := logs.Open(t.Context(), connect.LogSpec{
		Topic: "history", Client: config.Props{"producer.linger.ms": "0", "consumer.fetch.max.wait.ms": "50"},
		Create: config.Props{"partitions": "1", "replication.factor": "1", "cleanup.policy": "delete", "retention.ms": "-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range 3 {
		if err := l.Append(t.Context(), nil, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		var got []string
		if err := l.ReadToEnd(t.Context(), func(key, value []byte) error { got = append(got, string(value)); return nil }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, []string{"0", "1", "2"}) {
			t.Errorf("read %v", got)
		}
	}
	stop := errors.New("enough")
	if err := l.ReadToEnd(t.Context(), func(_, _ []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the callback: %v", err)
	}
	if err := l.ReadToEnd(t.Context(), func(_, _ []byte) error { panic("oops") }); err == nil || !strings.Contains(err.Error(), "oops") {
		t.Errorf("a panic of the callback: %v", err)
	}
}

// Offsets let a reader begin behind what it knows.
func TestTopicLogsKnowOffsets(t *testing.T) {
	k := kafkatest.Start(t)
	logs := &TopicLogs{Clients: testOptions(k, "", 0).Clients, Log: slog.New(slog.DiscardHandler)}
	l, err := logs.Open(t.Context(), connect.LogSpec{Topic: "history", Client: config.Props{"consumer.fetch.max.wait.ms": "50"},
		Create: config.Props{"partitions": "2", "replication.factor": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	offsets := l.(connect.TopicOffsets)
	for from := range int64(3) {
		var records []connect.LogRecord
		for i := range int64(5) {
			records = append(records, connect.LogRecord{Key: []byte("k"), Value: fmt.Append(nil, from*5+i)})
		}
		first, last, err := offsets.AppendAll(t.Context(), records)
		if err != nil || first != from*5 || last != from*5+4 {
			t.Fatalf("written from %d to %d: %v", first, last, err)
		}
	}
	for from, want := range map[int64]int{0: 15, 7: 8, 14: 1, 15: 0, 99: 0} {
		n := 0
		err := offsets.ReadFrom(t.Context(), from, func(offset int64, key, value []byte) error {
			if string(value) != fmt.Sprint(offset) || string(key) != "k" || offset != from+int64(n) {
				t.Errorf("from %d: %s=%s at %d", from, key, value, offset)
			}
			n++
			return nil
		})
		if err != nil || n != want {
			t.Errorf("from %d: %d records, %v", from, n, err)
		}
	}
	adm := kadm.NewClient(kafkatest.Client(t, k))
	var cut kadm.Offsets
	cut.AddOffset("history", 0, 10, -1)
	if _, err := adm.DeleteRecords(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := offsets.ReadFrom(t.Context(), 3, func(int64, []byte, []byte) error { n++; return nil }); err != nil || n != 5 {
		t.Errorf("where the first are gone: %d records, %v", n, err)
	}
}

// A consumer group's place is kept: each record is taken once, whoever reads for the group.
func TestTopicLogsConsumeOnce(t *testing.T) {
	k := kafkatest.Start(t)
	logs := &TopicLogs{Clients: testOptions(k, "", 0).Clients, Log: slog.New(slog.DiscardHandler)}
	open := func() connect.TopicLog {
		l, err := logs.Open(t.Context(), connect.LogSpec{Topic: "signals", Create: config.Props{"replication.factor": "1"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	consume := func(l connect.TopicLog, group string, fail error) (got []string, err error) {
		err = l.(connect.TopicConsumer).Consume(t.Context(), group, func(key, value []byte) error {
			got = append(got, string(key)+"="+string(value))
			return fail
		})
		return got, err
	}
	a := open()
	for i := range 3 {
		if err := a.Append(t.Context(), []byte("k"), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("enough")
	if _, err := consume(a, "g", stop); !errors.Is(err, stop) {
		t.Errorf("an error of the callback: %v", err)
	}
	for _, x := range []struct {
		log   connect.TopicLog
		group string
		want  []string
	}{{a, "g", []string{"k=0", "k=1", "k=2"}}, {a, "g", nil}, {open(), "g", nil}, {open(), "h", []string{"k=0", "k=1", "k=2"}}} {
		if got, err := consume(x.log, x.group, nil); err != nil || !slices.Equal(got, x.want) {
			t.Errorf("group %s took %v, %v, want %v", x.group, got, err, x.want)
		}
	}
	if err := a.Append(t.Context(), []byte("k"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := consume(a, "g", nil); err != nil || !slices.Equal(got, []string{"k=new"}) {
		t.Errorf("took %v, %v", got, err)
	}
}
