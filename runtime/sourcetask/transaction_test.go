package sourcetask_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/connectd/connectd/runtime/sourcetask"
)

// txnOffsets renders offsets as records of the topic "offsets".
type txnOffsets struct{ committed chan string }

func (txnOffsets) Topic() string { return "offsets" }

func (txnOffsets) Prepare(_ context.Context, offsets []sourcetask.PartitionOffset) ([]*kgo.Record, error) {
	var out []*kgo.Record
	for _, o := range offsets {
		out = append(out, &kgo.Record{Topic: "offsets", Key: o.Partition, Value: o.Offset})
	}
	return out, nil
}

func (o txnOffsets) Committed(offsets []sourcetask.PartitionOffset) {
	for _, x := range offsets {
		o.committed <- string(x.Partition) + "=" + string(x.Offset)
	}
}

const txnID = "g-c-0"

func txnCluster(t *testing.T) *kfake.Cluster { return newCluster(t, kfake.SeedTopics(1, "offsets")) }

func exactlyOnce(x *sourcetask.Transaction) func(*sourcetask.Config) {
	return func(c *sourcetask.Config) {
		c.Producer = append(c.Producer, kgo.TransactionalID(txnID))
		c.Transaction, c.CommitTimeout = x, time.Second
	}
}

// values are the committed values of a topic.
func values(t *testing.T, cl *kfake.Cluster, topic string) []string {
	t.Helper()
	var out []string
	for _, r := range kafkatest.Dump(t, cl, topic) {
		out = append(out, string(r.Value))
	}
	return out
}

func TestTransactionPerPoll(t *testing.T) {
	cl, s, off := txnCluster(t), newScript(), txnOffsets{make(chan string, 100)}
	var order []string
	r := run(t, cl, s, newOffsets(), exactlyOnce(&sourcetask.Transaction{Offsets: off,
		Before: func(context.Context) error { order = append(order, "before"); return nil },
		After:  func(context.Context) error { order = append(order, "after"); return nil },
	}))
	p, q := partition("p"), partition("q")
	s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a"), record(q, 1, "one", "drop"), record(p, 2, "one", "b")}
	expect(t, off.committed, `"p"=2`)
	expect(t, off.committed, `"q"=1`)
	// RecordCommitted hears only of what is committed.
	got := []string{<-s.acks, <-s.acks, <-s.acks}
	slices.Sort(got)
	if want := []string{"a", "b", "drop dropped"}; !slices.Equal(got, want) {
		t.Errorf("RecordCommitted heard %q, want %q", got, want)
	}
	if got := values(t, cl, "one"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("committed %q", got)
	}
	if got := values(t, cl, "offsets"); !slices.Equal(got, []string{"2", "1"}) {
		t.Errorf("committed offsets %q", got)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, []string{"before", "after"}) || len(s.committed) != 2 {
		t.Errorf("order %q, Committed heard %v", order, s.committed)
	}
}

func TestTransactionPerInterval(t *testing.T) {
	cl, s, off := txnCluster(t), newScript(), txnOffsets{make(chan string, 100)}
	r := run(t, cl, s, newOffsets(), exactlyOnce(&sourcetask.Transaction{Offsets: off, Boundary: sourcetask.BoundaryInterval, Interval: 50 * time.Millisecond}))
	p := partition("p")
	s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a")}
	expect(t, off.committed, `"p"=1`) // though Poll returns nothing more
	s.batches <- []*connect.SourceRecord{record(p, 2, "one", "b")}
	expect(t, off.committed, `"p"=2`)
	r.stop()
}

// bounded asks for transactions as the values of its records say.
type bounded struct {
	*script
	tc connect.Transaction
}

func (b *bounded) Start(ctx context.Context, tc connect.SourceTaskContext) error {
	b.tc = tc.Transaction
	return b.script.Start(ctx, tc)
}

func (b *bounded) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	rs, err := b.script.Poll(ctx)
	for _, r := range rs {
		v := r.Value.Value.String()
		if strings.Contains(v, "commit after") {
			b.tc.CommitAfter(r)
		}
		if strings.Contains(v, "abort after") {
			b.tc.AbortAfter(r)
		}
		if strings.Contains(v, "commit batch") {
			b.tc.Commit()
		}
		if strings.Contains(v, "abort batch") {
			b.tc.Abort()
		}
	}
	return rs, err
}

func TestTransactionsOfTheConnector(t *testing.T) {
	cl, s, off := txnCluster(t), newScript(), txnOffsets{make(chan string, 100)}
	r := run(t, cl, &bounded{script: s}, newOffsets(), exactlyOnce(&sourcetask.Transaction{Offsets: off, Boundary: sourcetask.BoundaryConnector}))
	p := partition("p")
	s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a"), record(p, 2, "one", "b, commit after"), record(p, 3, "one", "c")}
	expect(t, off.committed, `"p"=2`)
	s.batches <- []*connect.SourceRecord{record(p, 4, "one", "d, abort after"), record(p, 5, "one", "e")}
	expect(t, off.committed, `"p"=4`) // c and d are dropped; their offsets count
	s.batches <- []*connect.SourceRecord{record(p, 6, "one", "f, commit batch"), record(p, 7, "one", "g")}
	expect(t, off.committed, `"p"=7`)
	s.batches <- []*connect.SourceRecord{record(p, 8, "one", "h, abort batch")}
	expect(t, off.committed, `"p"=8`)
	s.batches <- []*connect.SourceRecord{record(p, 9, "one", "i")} // no end is asked for: it is aborted on stop
	var heard []string
	for range 8 {
		heard = append(heard, <-s.acks)
	}
	if want := []string{"a", "b, commit after", "c dropped", "d, abort after dropped", "e", "f, commit batch", "g", "h, abort batch dropped"}; !slices.Equal(heard, want) {
		t.Errorf("RecordCommitted heard %q, want %q", heard, want)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if got, want := values(t, cl, "one"), []string{"a", "b, commit after", "e", "f, commit batch", "g"}; !slices.Equal(got, want) {
		t.Errorf("committed %q, want %q", got, want)
	}
}

func TestTransactionContradictions(t *testing.T) {
	for v, want := range map[string]string{
		"commit after, abort after": "both commit and abort of same record",
		"commit batch, abort batch": "both commit and abort of same transaction",
	} {
		cl, s := txnCluster(t), newScript()
		r := run(t, cl, &bounded{script: s}, newOffsets(), exactlyOnce(&sourcetask.Transaction{Offsets: txnOffsets{}, Boundary: sourcetask.BoundaryConnector}))
		s.batches <- []*connect.SourceRecord{record(partition("p"), 1, "one", v)}
		if err := r.wait(t); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", v, err)
		}
	}
}

// A zombie whose transactional id was taken fails, and nothing of its transaction is ever committed.
func TestFencedTask(t *testing.T) {
	cl, s, off := txnCluster(t), newScript(), txnOffsets{make(chan string, 100)}
	r := run(t, cl, s, newOffsets(), exactlyOnce(&sourcetask.Transaction{Offsets: off, Boundary: sourcetask.BoundaryInterval, Interval: time.Hour}))
	p := partition("p")
	s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a")}
	// The record of the open transaction is there for those who read uncommitted.
	if got := consume(t, cl, "one", 1); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("topic holds %q", got)
	}
	if _, _, err := kafkatest.Client(t, cl, kgo.TransactionalID(txnID)).ProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.batches <- []*connect.SourceRecord{record(p, 2, "one", "b")}
	err := r.wait(t)
	if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) || !strings.Contains(err.Error(), "transaction.timeout.ms") {
		t.Errorf("error %v", err)
	}
	if got := values(t, cl, "one"); len(got) != 0 {
		t.Errorf("committed %q", got)
	}
	if len(off.committed) != 0 || len(s.acks) != 0 {
		t.Error("the task was told of a commit")
	}
}

// With errors.tolerance=all, too: a transaction is committed whole or not at all.
func TestRefusedRecordFailsItsTransaction(t *testing.T) {
	cl, s, off := txnCluster(t), newScript(), txnOffsets{make(chan string, 100)}
	r := run(t, cl, s, newOffsets(), func(c *sourcetask.Config) {
		exactlyOnce(&sourcetask.Transaction{Offsets: off})(c)
		c.Producer = append(c.Producer, kgo.ProducerBatchMaxBytes(1<<10))
	})
	p := partition("p")
	s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a"), record(p, 2, "one", strings.Repeat("x", 10<<10))}
	if err := r.wait(t); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("error %v", err)
	}
	if got := values(t, cl, "one"); len(got) != 0 || len(off.committed) != 0 {
		t.Errorf("committed %q", got)
	}
}

func TestTransactionChecksBeforeStart(t *testing.T) {
	boom := errors.New("boom")
	fails := func(context.Context) error { return boom }
	for name, x := range map[string]*sourcetask.Transaction{"before": {Before: fails}, "after": {After: fails}} {
		x.Offsets = txnOffsets{}
		s := newScript()
		r := run(t, txnCluster(t), s, newOffsets(), exactlyOnce(x))
		if err := r.wait(t); !errors.Is(err, boom) {
			t.Errorf("%s: %v", name, err)
		}
		select {
		case <-s.started:
			t.Errorf("%s: the task was started", name)
		case <-s.stopped:
			t.Errorf("%s: a task that was never started was stopped", name)
		default:
		}
	}
}

func TestRecordForTheOffsetsTopic(t *testing.T) {
	s := newScript()
	r := run(t, txnCluster(t), s, newOffsets(), exactlyOnce(&sourcetask.Transaction{Offsets: txnOffsets{}}))
	s.batches <- []*connect.SourceRecord{record(partition("p"), 1, "offsets", "a")}
	if err := r.wait(t); err == nil || !strings.Contains(err.Error(), "may not produce to their own offsets topics") {
		t.Errorf("error %v", err)
	}
}

// A user who may not write idempotently gets a producer that does not.
func TestNotIdempotentFallback(t *testing.T) {
	cl, s := newCluster(t), newScript()
	cl.ControlKey(int16(kmsg.InitProducerID), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cl.KeepControl()
		res := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		res.ErrorCode = kerr.ClusterAuthorizationFailed.Code
		return res, nil, true
	})
	run(t, cl, s, newOffsets(), func(c *sourcetask.Config) {
		c.Refused = func(err error) bool { return errors.Is(err, kerr.ClusterAuthorizationFailed) }
		c.Fallback = []kgo.Opt{kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1)}
	})
	s.batches <- []*connect.SourceRecord{record(partition("p"), 1, "one", "a")}
	expect(t, s.acks, "a")
}
