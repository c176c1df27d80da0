package sinktask_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sinktask"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

const group = "connect-c"

// text is a converter of strings; "bad" cannot be read.
type text struct{}

func (text) Configure(config.Values, bool) error { return nil }
func (text) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	return append(dst, d.Value.String()...), !d.Value.IsNull(), nil
}
func (text) Decode(_ context.Context, _ string, _ connect.WireHeaders, b []byte) (data.Datum, error) {
	if b == nil {
		return data.Datum{}, nil
	}
	if string(b) == "bad" {
		return data.Datum{}, errors.New("malformed")
	}
	return data.Datum{Value: data.Text(b)}, nil
}
func (text) Close() error { return nil }

// sink is a task whose calls show up on a channel, and whose answers a test sets.
type sink struct {
	calls chan string // start, open …, put …, precommit, close …, stop; empty Puts are left out
	ctl   connect.SinkControl

	mu        sync.Mutex
	onPut     func(batch []*connect.SinkRecord) error
	onOpen    func(parts []connect.TopicPartition)
	preCommit func(connect.Offsets) connect.Offsets
	emptyPuts int
	got       []string
}

func newSink() *sink { return &sink{calls: make(chan string, 10000)} }

func (s *sink) Start(_ context.Context, tc connect.SinkTaskContext) error {
	s.ctl = tc.Control
	s.calls <- "start"
	return nil
}

func (s *sink) Open(_ context.Context, parts []connect.TopicPartition) error {
	if s.onOpen != nil {
		s.onOpen(parts)
	}
	s.calls <- fmt.Sprint("open ", parts)
	return nil
}

func (s *sink) Put(_ context.Context, batch []*connect.SinkRecord) error {
	s.mu.Lock()
	f := s.onPut
	if len(batch) == 0 {
		s.emptyPuts++
	}
	s.mu.Unlock()
	if f != nil {
		if err := f(batch); err != nil {
			return err
		}
	}
	if len(batch) > 0 {
		var vs []string
		for _, r := range batch {
			vs = append(vs, r.Value.Value.String())
		}
		s.mu.Lock()
		s.got = append(s.got, vs...)
		s.mu.Unlock()
		for _, v := range vs {
			s.calls <- "put " + v
		}
	}
	return nil
}

func (s *sink) PreCommit(_ context.Context, put connect.Offsets) (connect.Offsets, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.preCommit != nil {
		return s.preCommit(put), nil
	}
	return put, nil
}

func (s *sink) Close(_ context.Context, parts []connect.TopicPartition, lost bool) error {
	s.calls <- fmt.Sprintf("close %v lost=%v", parts, lost)
	return nil
}

func (s *sink) Stop(context.Context) error { s.calls <- "stop"; return nil }

func (s *sink) set(f func(batch []*connect.SinkRecord) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPut = f
}

func newCluster(t testing.TB) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "t"), kfake.SeedTopics(1, "one", "dlq"),
		kfake.GroupMinSessionTimeout(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func client(t testing.TB, c *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func produce(t testing.TB, cl *kgo.Client, topic string, partition int32, values ...string) {
	t.Helper()
	for _, v := range values {
		r := &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// committed is the group's offset; -1: none.
func committed(t testing.TB, cl *kgo.Client, topic string, partition int32) int64 {
	t.Helper()
	os, err := kadm.NewClient(cl).FetchOffsets(context.Background(), group)
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := os.Lookup(topic, partition); ok {
		return o.At
	}
	return -1
}

type running struct {
	*sinktask.Task
	stop func()
	done chan error
}

func run(t testing.TB, c *kfake.Cluster, task connect.SinkTask, edit func(*sinktask.Config)) *running {
	t.Helper()
	cfg := sinktask.Config{
		ID: connect.TaskID{Connector: "c"}, Task: task, Chain: chain(nil, pipeline.None),
		Consumer: []kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.FetchMaxWait(20 * time.Millisecond),
			kgo.HeartbeatInterval(20 * time.Millisecond), kgo.SessionTimeout(5 * time.Second)},
		Group: group, Topics: []string{"t"}, CommitInterval: time.Hour, Log: quiet,
	}
	if edit != nil {
		edit(&cfg)
	}
	tk := sinktask.New(cfg)
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

func chain(dead *pipeline.DeadLetter, tol pipeline.Tolerance) *pipeline.Chain {
	return pipeline.New(pipeline.Config{Key: text{}, Value: text{}, KeyClass: "text", ValueClass: "text", Log: quiet,
		DeadLetter: dead, Errors: pipeline.Errors{Tolerance: tol}})
}

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

// expect takes the next calls, in order.
func expect(t testing.TB, ch <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-ch:
			if got != w {
				t.Fatalf("got %q, want %q", got, w)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("timed out waiting for %q", w)
		}
	}
}
