package sinktask_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/sinktask"
)

// A sink that takes nothing holds its part of the worker's memory and no more, stays in its group, and one beside it gets all its records.
func TestBlockedSinkLeavesRoomForOthers(t *testing.T) {
	const records, size, limit = 3000, 10 << 10, 8 << 20 // 30 MiB in the topic
	c := newCluster(t)
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("t"),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(256<<10))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	var sent kgo.FirstErrPromise
	for range records {
		cl.Produce(t.Context(), &kgo.Record{Value: bytes.Repeat([]byte("x"), size)}, sent.Promise())
	}
	if err := cl.Flush(t.Context()); err != nil || sent.Err() != nil {
		t.Fatal(err, sent.Err())
	}
	budget := memory.New(limit)
	share := func(group string) func(*sinktask.Config) {
		return func(cfg *sinktask.Config) { cfg.Group, cfg.Memory, cfg.MaxPollRecords = group, budget, 50 }
	}
	blocked, free := newSink(), make(chan struct{})
	entered := make(chan struct{})
	blocked.set(func(batch []*connect.SinkRecord) error {
		if len(batch) > 0 {
			select {
			case entered <- struct{}{}:
			default:
			}
			<-free
		}
		return nil
	})
	slow := run(t, c, blocked, share("blocked"))
	defer func() { slow.stop() }()
	defer close(free)
	<-entered

	fast, done := newSink(), make(chan int64, 1)
	n, most := 0, int64(0)
	fast.set(func(batch []*connect.SinkRecord) error {
		most = max(most, budget.Used())
		if n += len(batch); n == records {
			done <- most
		}
		for len(fast.calls) > 0 {
			<-fast.calls
		}
		return nil
	})
	run(t, c, fast, share("fast"))
	select {
	case most := <-done:
		if most > limit {
			t.Errorf("%d bytes held, the limit is %d", most, limit)
		}
		if most == 0 {
			t.Error("nothing is counted")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the fast sink did not get all records")
	}
}
