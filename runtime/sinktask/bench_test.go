package sinktask_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sinktask"
)

// counting takes everything and tells when it has had want records.
type counting struct {
	got, want atomic.Int64
	done      chan struct{}
}

func (*counting) Start(context.Context, connect.SinkTaskContext) error        { return nil }
func (*counting) Open(context.Context, []connect.TopicPartition) error        { return nil }
func (*counting) Close(context.Context, []connect.TopicPartition, bool) error { return nil }
func (*counting) Stop(context.Context) error                                  { return nil }

func (*counting) PreCommit(_ context.Context, put connect.Offsets) (connect.Offsets, error) {
	return put, nil
}

func (s *counting) Put(_ context.Context, batch []*connect.SinkRecord) error {
	before := s.got.Load()
	if after := s.got.Add(int64(len(batch))); before < s.want.Load() && after >= s.want.Load() {
		s.done <- struct{}{}
	}
	return nil
}

// bytesText hands the bytes on as a string without a copy.
type bytesText struct{ text }

func (bytesText) Decode(_ context.Context, _ string, _ connect.WireHeaders, b []byte) (data.Datum, error) {
	return data.Datum{Schema: data.StringSchema, Value: data.Text(b)}, nil
}

// BenchmarkSinkPath is the whole sink path up to Put, from the fetch requests to a test broker on; the records have 200 bytes and are
// there before the clock runs.
func BenchmarkSinkPath(b *testing.B) {
	c, s, paused := newCluster(b), &counting{done: make(chan struct{}, 1)}, make(chan struct{}, 1)
	producer := client(b, c, kgo.ProducerLinger(5*time.Millisecond))
	s.want.Store(1)
	produce(b, producer, "one", 0, "warm-up")
	r := run(b, c, s, func(cfg *sinktask.Config) {
		cfg.Topics, cfg.MaxPollRecords = []string{"one"}, 2000
		cfg.Chain = pipeline.New(pipeline.Config{Key: bytesText{}, Value: bytesText{}, Log: quiet})
		cfg.Events = pipeline.Events{Paused: func() { paused <- struct{}{} }}
	})
	await(b, s.done, "the first record")
	r.Pause()
	await(b, paused, "the pause")
	value := bytes.Repeat([]byte("0123456789"), 20)
	for range b.N {
		producer.Produce(b.Context(), &kgo.Record{Topic: "one", Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	if err := producer.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	s.want.Store(1 + int64(b.N))
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	b.ResetTimer()
	r.Resume()
	await(b, s.done, "all records")
}

func await(t testing.TB, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(time.Minute):
		t.Fatal("timed out waiting for ", what)
	}
}
