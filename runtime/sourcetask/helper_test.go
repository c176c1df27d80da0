package sourcetask_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// text is a converter of strings; "bad" fails, "panic" panics.
type text struct{}

func (text) Configure(config.Values, bool) error { return nil }
func (text) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	if d.Value.IsNull() {
		return dst, false, nil
	}
	switch s := d.Value.String(); s {
	case "bad":
		return dst, false, errors.New("bad value")
	case "panic":
		panic("boom")
	default:
		return append(dst, s...), true, nil
	}
}
func (text) Decode(context.Context, string, connect.WireHeaders, []byte) (data.Datum, error) {
	return data.Datum{}, errors.ErrUnsupported
}
func (text) Close() error { return nil }

// dropPrefix filters records whose value begins with "drop".
type dropPrefix struct{}

func (dropPrefix) Configure(config.Values) error { return nil }
func (dropPrefix) Apply(_ context.Context, r *connect.Record) (bool, error) {
	return !strings.HasPrefix(r.Value.Value.String(), "drop"), nil
}
func (dropPrefix) Close() error { return nil }

// script is a task whose batches come from a channel.
type script struct {
	batches chan []*connect.SourceRecord
	started chan struct{}
	stopped chan struct{}
	pollErr chan error
	ignore  bool                      // Poll ignores its context
	context connect.SourceTaskContext // of Start

	mu        sync.Mutex
	committed []connect.Position
	acks      chan string
}

func newScript() *script {
	return &script{batches: make(chan []*connect.SourceRecord, 1000), started: make(chan struct{}), stopped: make(chan struct{}),
		pollErr: make(chan error, 1), acks: make(chan string, 10000)}
}

func (s *script) Start(_ context.Context, tc connect.SourceTaskContext) error {
	s.context = tc
	close(s.started)
	return nil
}
func (s *script) Stop(context.Context) error { close(s.stopped); return nil }
func (s *script) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	if s.ignore {
		ctx = context.Background()
	}
	select {
	case b, ok := <-s.batches:
		if !ok {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return b, nil
	case err := <-s.pollErr:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *script) Committed(_ context.Context, ps []connect.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.committed = append(s.committed, ps...)
	return nil
}

func (s *script) RecordCommitted(r *connect.SourceRecord, m *connect.RecordMetadata) {
	v := r.Value.Value.String()
	if m == nil {
		v += " dropped"
	}
	s.acks <- v
}

// offsets is a store in memory.
type offsets struct {
	mu    sync.Mutex
	byKey map[string]string
	fail  error
	wrote chan string // partition=offset
	check func(partition, offset string)
}

func newOffsets() *offsets {
	return &offsets{byKey: map[string]string{}, wrote: make(chan string, 10000)}
}

func (o *offsets) Write(_ context.Context, ps []sourcetask.PartitionOffset) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	for _, p := range ps {
		if o.check != nil {
			o.check(string(p.Partition), string(p.Offset))
		}
		o.byKey[string(p.Partition)] = string(p.Offset)
		select {
		case o.wrote <- string(p.Partition) + "=" + string(p.Offset):
		default:
		}
	}
	return nil
}

func (o *offsets) get(p string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.byKey[p]
}

func partition(name string) *connect.SourcePartition {
	return connect.NewSourcePartition(json.RawMessage(strconv.Quote(name)))
}

func record(p *connect.SourcePartition, offset int, topic, value string) *connect.SourceRecord {
	return &connect.SourceRecord{
		Record: connect.Record{Topic: topic, Partition: connect.NoPartition, Offset: connect.NoOffset, Timestamp: connect.NoTimestamp,
			Value: data.Datum{Value: data.String(value)}},
		Position: connect.Position{Partition: p, Offset: connect.RawOffset(strconv.Itoa(offset))},
	}
}

func newCluster(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(3, "t"), kfake.SeedTopics(1, "one")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// hold holds the request under control until answer has something or is closed. kfake does not bear a SleepControl that does not sleep.
func hold(c *kfake.Cluster, answer <-chan struct{}) {
	select {
	case <-answer:
	default:
		c.SleepControl(func() { <-answer })
	}
}

// running is a task under Run.
type running struct {
	*sourcetask.Task
	stop func()
	done chan error
}

func run(t testing.TB, cl *kfake.Cluster, task connect.SourceTask, off *offsets, edit func(*sourcetask.Config)) *running {
	t.Helper()
	cfg := sourcetask.Config{
		ID: connect.TaskID{Connector: "c"}, Task: task,
		Chain:    pipeline.New(pipeline.Config{Key: text{}, Value: text{}, Steps: []pipeline.Step{{Class: "drop", Transform: dropPrefix{}}}, Log: quiet}),
		Producer: []kgo.Opt{kgo.SeedBrokers(cl.ListenAddrs()...), kgo.ProducerLinger(0), kgo.RecordPartitioner(kafka.Partitioner())},
		Offsets:  off, CommitInterval: time.Hour, Log: quiet,
	}
	if edit != nil {
		edit(&cfg)
	}
	tk := sourcetask.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Task: tk, stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- tk.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-r.done:
		case <-time.After(10 * time.Second):
			t.Error("Run did not end")
		}
	})
	return r
}

// wait ends with Run's answer, which a later wait sees again.
func (r *running) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-r.done:
		r.done <- err
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Run did not end")
		return nil
	}
}

func expect[T comparable](t testing.TB, ch <-chan T, want T) {
	t.Helper()
	select {
	case got := <-ch:
		if got != want {
			t.Fatalf("got %v, want %v", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("timed out waiting for %v", want)
	}
}

// consume reads n values of a topic.
func consume(t testing.TB, cl *kfake.Cluster, topic string, n int) []string {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(cl.ListenAddrs()...), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var out []string
	for len(out) < n && ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { out = append(out, string(r.Value)) })
	}
	return out
}
