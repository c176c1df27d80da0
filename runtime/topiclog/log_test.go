package topiclog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/connectd/connectd/runtime/topiclog"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tail is a running log and what it has read.
type tail struct {
	*topiclog.Log
	mu      sync.Mutex
	records []string // key=value
	states  []error
	stop    func()
}

func (l *tail) read() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

func options(c *kfake.Cluster) []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.MetadataMinAge(20 * time.Millisecond), kgo.FetchMaxWait(100 * time.Millisecond), kgo.ProducerLinger(0),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond })}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func start(t *testing.T, c *kfake.Cluster, topic string, committed bool) *tail {
	t.Helper()
	l := &tail{}
	l.Log = topiclog.New(topiclog.Config{
		Topic: topic, Reader: options(c), ReadCommitted: committed, Log: quiet(),
		OnRecord: func(r *kgo.Record) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.records = append(l.records, string(r.Key)+"="+string(r.Value))
			if string(r.Value) == "panic" {
				panic("as asked")
			}
		},
		OnState: func(err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.states = append(l.states, err)
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	l.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(l.stop)
	return l
}

func toEnd(t *testing.T, l *tail) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := l.ReadToEnd(ctx); err != nil {
		t.Fatalf("ReadToEnd: %v", err)
	}
}

func write(t *testing.T, w *topiclog.Writer, kvs ...string) {
	t.Helper()
	if err := w.Write(t.Context(), records(kvs...)...); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

func records(kvs ...string) (out []topiclog.Record) {
	for i := 0; i < len(kvs); i += 2 {
		out = append(out, topiclog.Record{Key: []byte(kvs[i]), Value: []byte(kvs[i+1])})
	}
	return out
}

func writer(t *testing.T, c *kfake.Cluster, topic, txn string) *topiclog.Writer {
	t.Helper()
	w := topiclog.NewWriter(topiclog.WriterConfig{Topic: topic, Options: options(c), TransactionalID: txn, Log: quiet()})
	t.Cleanup(w.Close)
	return w
}

func TestReadsFromStartThenFollows(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(1, "log"))
	w := writer(t, c, "log", "")
	var want []string
	for i := range 3000 {
		want = append(want, fmt.Sprintf("k=%d", i))
	}
	var kvs []string
	for i := range 2000 {
		kvs = append(kvs, "k", fmt.Sprint(i))
	}
	write(t, w, kvs...)
	l := start(t, c, "log", false)
	toEnd(t, l)
	if got := l.read(); !slices.Equal(got, want[:2000]) {
		t.Fatalf("first read: %d records", len(got))
	}
	for i := 2000; i < 3000; i += 100 {
		kvs = kvs[:0]
		for j := i; j < i+100; j++ {
			kvs = append(kvs, "k", fmt.Sprint(j))
		}
		write(t, w, kvs...)
		toEnd(t, l)
		if got := l.read(); !slices.Equal(got, want[:i+100]) {
			t.Fatalf("after %d: %d records", i, len(got))
		}
	}
}

func TestAllPartitions(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(7, "log"))
	w := writer(t, c, "log", "")
	l := start(t, c, "log", false)
	toEnd(t, l) // an empty topic has an end too
	var want []string
	for i := range 200 {
		k := fmt.Sprintf("k%d", i%20)
		write(t, w, k, fmt.Sprint(i))
		want = append(want, fmt.Sprintf("%s=%d", k, i))
	}
	toEnd(t, l)
	got := l.read()
	byKey := func(list []string) map[string][]string {
		m := map[string][]string{}
		for _, kv := range list {
			k, _, _ := strings.Cut(kv, "=")
			m[k] = append(m[k], kv)
		}
		return m
	}
	g, x := byKey(got), byKey(want)
	for k := range x {
		if !slices.Equal(g[k], x[k]) {
			t.Errorf("key %s: %v, want %v", k, g[k], x[k])
		}
	}
}

func TestTransactionsAndFencing(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(1, "log"))
	a, b := writer(t, c, "log", "connect-cluster-g"), writer(t, c, "log", "connect-cluster-g")
	l := start(t, c, "log", true)
	if err := a.Write(t.Context(), records("k", "0")...); !errors.Is(err, topiclog.ErrNotClaimed) {
		t.Fatalf("unclaimed write: %v", err)
	}
	if err := a.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, a, "k", "1", "k", "2")
	toEnd(t, l) // the last offset is a marker
	if got, want := l.read(), []string{"k=1", "k=2"}; !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
	if err := b.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Write(t.Context(), records("k", "zombie")...); !errors.Is(err, topiclog.ErrFenced) {
		t.Fatalf("the old owner's write: %v, want ErrFenced", err)
	}
	if err := a.Write(t.Context(), records("k", "zombie")...); !errors.Is(err, topiclog.ErrNotClaimed) {
		t.Fatalf("the old owner's second write: %v, want ErrNotClaimed", err)
	}
	write(t, b, "k", "3")
	toEnd(t, l)
	if got, want := l.read(), []string{"k=1", "k=2", "k=3"}; !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
}

func TestAbortedRecordsAreNotReadAndNotWaitedFor(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(1, "log"))
	cl := kafkatest.Client(t, c, kgo.TransactionalID("x"), kgo.DefaultProduceTopic("log"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("gone")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	l := start(t, c, "log", true)
	toEnd(t, l) // an open transaction is not waited for: nothing is decided yet
	if err := cl.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	toEnd(t, l)
	if got := l.read(); len(got) != 0 {
		t.Fatalf("read %v", got)
	}
}

func TestDeletedRecordsAreNotWaitedFor(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(1, "log"))
	w := writer(t, c, "log", "")
	write(t, w, "k", "1", "k", "2")
	if err := c.DeleteRecords("log", 0, 2); err != nil {
		t.Fatal(err)
	}
	l := start(t, c, "log", false)
	toEnd(t, l)
	write(t, w, "k", "3")
	toEnd(t, l)
	if got, want := l.read(), []string{"k=3"}; !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
}

func TestPanicPassesRecordOver(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(1, "log"))
	w := writer(t, c, "log", "")
	write(t, w, "k", "1", "k", "panic", "k", "2")
	l := start(t, c, "log", false)
	toEnd(t, l)
	if got, want := l.read(), []string{"k=1", "k=panic", "k=2"}; !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
}

func TestFailedFetchResumesWhereItStopped(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(1, "log"))
	w := writer(t, c, "log", "")
	write(t, w, "k", "1")
	l := start(t, c, "log", false)
	toEnd(t, l)
	failures := 0
	c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if failures++; failures > 3 {
			c.DropControl()
			return nil, nil, false
		}
		r := req.(*kmsg.FetchRequest)
		res := r.ResponseKind().(*kmsg.FetchResponse)
		for _, rt := range r.Topics {
			st := kmsg.NewFetchResponseTopic()
			st.Topic, st.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				sp := kmsg.NewFetchResponseTopicPartition()
				sp.Partition, sp.ErrorCode = rp.Partition, kerr.TopicAuthorizationFailed.Code
				st.Partitions = append(st.Partitions, sp)
			}
			res.Topics = append(res.Topics, st)
		}
		return res, nil, true
	})
	write(t, w, "k", "2")
	toEnd(t, l)
	if got, want := l.read(), []string{"k=1", "k=2"}; !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.states); n < 2 || !errors.Is(l.states[0], kerr.TopicAuthorizationFailed) || l.states[n-1] != nil {
		t.Errorf("states %v, want the failure and its end", l.states)
	}
}

func TestReadToEndIsBoundedByItsContext(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(1, "log"))
	l := start(t, c, "log", false)
	toEnd(t, l)
	c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := l.ReadToEnd(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("ReadToEnd without a broker: %v", err)
	}
	l.stop()
	if err := l.ReadToEnd(t.Context()); !errors.Is(err, topiclog.ErrStopped) {
		t.Fatalf("ReadToEnd after Run: %v", err)
	}
}

func TestBrokerRestart(t *testing.T) {
	dir := t.TempDir()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "log"), kfake.DataDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	port := portOf(t, c)
	w := writer(t, c, "log", "")
	write(t, w, "k", "1")
	l := start(t, c, "log", false)
	toEnd(t, l)
	c.Close()
	kafkatest.Start(t, kfake.Ports(port), kfake.DataDir(dir))
	write(t, w, "k", "2")
	toEnd(t, l)
	if got, want := l.read(), []string{"k=1", "k=2"}; !slices.Equal(got, want) {
		t.Fatalf("read %v, want %v", got, want)
	}
}

func TestWriteIsBoundedByItsContext(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(1, "log"))
	w := writer(t, c, "log", "")
	write(t, w, "k", "1")
	c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := w.Write(ctx, records("k", "2")...); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Write without a broker: %v", err)
	}
}

func TestFallsBackToNotIdempotent(t *testing.T) {
	c := kafkatest.Start(t, kfake.SeedTopics(1, "log"))
	c.ControlKey(int16(kmsg.InitProducerID), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		res := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		res.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		return res, nil, true
	})
	w := writer(t, c, "log", "")
	write(t, w, "k", "1", "k", "2")
	dump := kafkatest.Dump(t, c, "log")
	if len(dump) != 2 || dump[0].ProducerID != -1 {
		t.Fatalf("%d records, producer id %d", len(dump), dump[0].ProducerID)
	}
}
