package transaction_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/connectd/connectd/internal/transaction"
)

// holding is a partitioner that holds the client, as it takes in the partitions of a topic, at the record "held".
type holding struct{ reached, release chan struct{} }

func (h holding) ForTopic(string) kgo.TopicPartitioner { return h }
func (holding) RequiresConsistency(*kgo.Record) bool   { return true }
func (h holding) Partition(r *kgo.Record, _ int) int {
	if string(r.Value) == "held" {
		close(h.reached)
		<-h.release
	}
	return 0
}

// A transaction whose records are acknowledged before the client has published the partitions of their topic is ended as it should be, and
// the next one is taken by the broker.
func TestEndAwaitsThePartitions(t *testing.T) {
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		c := kafkatest.Start(t, kfake.SeedTopics(1, "t"))
		h := holding{make(chan struct{}), make(chan struct{})}
		cl := kafkatest.Client(t, c, kgo.TransactionalID("x"), kgo.RecordPartitioner(h), kgo.DefaultProduceTopic("t"), kgo.ProducerLinger(0))
		if _, _, err := cl.ProducerID(ctx); err != nil {
			t.Fatal(err)
		}
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		// Both records wait for the metadata, so that both are partitioned by the goroutine that publishes the partitions behind them.
		both, ends := make(chan struct{}), make(chan bool, 10)
		c.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
			c.SleepControl(func() { <-both })
			return nil, nil, false
		})
		c.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			ends <- r.(*kmsg.EndTxnRequest).Commit
			return nil, nil, false
		})
		first, held := make(chan error, 1), make(chan error, 1)
		cl.Produce(ctx, kgo.StringRecord("first"), func(_ *kgo.Record, err error) { first <- err })
		cl.Produce(ctx, kgo.StringRecord("held"), func(_ *kgo.Record, err error) { held <- err }) // stands for the time this may take
		close(both)
		<-h.reached
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- transaction.End(ctx, cl, commit) }()
		select {
		case got := <-ends:
			close(h.release)
			t.Fatalf("the transaction was ended while the partitions were not known, by committing: %t, want %t", got, commit)
		case <-time.After(50 * time.Millisecond): // enough to see it fail; it cannot fail where it should not
		}
		close(h.release)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		<-held
		if got := <-ends; got != bool(commit) {
			t.Errorf("the broker was asked to commit: %t, want %t", got, commit)
		}
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := cl.ProduceSync(ctx, kgo.StringRecord("second")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := transaction.End(ctx, cl, kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range kafkatest.Dump(t, c, "t") {
			got = append(got, string(r.Value))
		}
		got = slices.DeleteFunc(got, func(v string) bool { return v == "held" })
		want := []string{"first", "second"}
		if commit == kgo.TryAbort {
			want = want[1:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("committed %q, want %q", got, want)
		}
	}
}
