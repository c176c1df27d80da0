package process

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Records reads all that a topic of kafka holds now, without what transactions have aborted or left open.
func Records(t testing.TB, kafka, topic string) []*kgo.Record {
	t.Helper()
	return read(t, kafka, topic, time.Minute, kgo.ReadCommitted(), (*kadm.Client).ListCommittedOffsets)
}

// DecidedRecords is Records once all transactions that are open now are decided; it waits for them up to 2 minutes.
func DecidedRecords(t testing.TB, kafka, topic string) []*kgo.Record {
	t.Helper()
	return read(t, kafka, topic, 2*time.Minute, kgo.ReadCommitted(), (*kadm.Client).ListEndOffsets)
}

// AllRecords reads what a topic of kafka holds now, with what transactions have aborted or left open.
func AllRecords(t testing.TB, kafka, topic string) []*kgo.Record {
	t.Helper()
	return read(t, kafka, topic, time.Minute, kgo.ReadUncommitted(), (*kadm.Client).ListEndOffsets)
}

// read reads a topic up to the ends that list tells.
func read(t testing.TB, kafka, topic string, limit time.Duration, level kgo.IsolationLevel,
	list func(*kadm.Client, context.Context, ...string) (kadm.ListedOffsets, error)) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(level), kgo.KeepControlRecords())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := list(kadm.NewClient(cl), ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	var out []*kgo.Record
	for len(left) > 0 {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatalf("reading topic %s: %v (left %v)", topic, err, left)
		}
		fs.EachRecord(func(r *kgo.Record) {
			end, ok := left[r.Partition]
			if !ok {
				return
			}
			if r.Offset < end && !r.Attrs.IsControl() {
				out = append(out, r)
			}
			if r.Offset >= end-1 { // the last one before the end may be of an aborted transaction, which no reader sees
				delete(left, r.Partition)
			}
		})
	}
	return out
}
