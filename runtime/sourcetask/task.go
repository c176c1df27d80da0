package sourcetask

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/pipeline"
)

// never is a context that does not end. Records are produced under it: a cancelled one would fail everything buffered for the topic
// partition, not only its own record.
var never = context.WithoutCancel(context.Background())

// Task is one instance of a source task. Make it with New, run it once.
type Task struct {
	cfg    Config
	events pipeline.Events
	fence  pipeline.Fence
	gate   *pipeline.Gate
	track  tracker
	pool   pool
	count  counters

	// life ends only when the instance is abandoned; send also when the task has failed or stopping has taken too long; poll also when
	// it is to stop.
	life, send, poll                   context.Context
	cancelLife, cancelSend, cancelPoll context.CancelFunc

	batches chan polled   // unbuffered: the poll goroutine is one batch ahead
	txn     *transactions // nil: at least once
	promise func(*kgo.Record, error)
	topics  map[string]string     // that exist, by themselves; the sender's alone
	cur     sending               // the sender's alone
	fan     *fanout               // likewise; nil: batches are not fanned out
	origin  pipeline.SourceOrigin // likewise
	limits  sync.Map              // int32 by topic: max.message.bytes that are below Config.MaxBatchBytes
	reports bool                  // failed records are logged or go to the dead-letter topic

	recycler        connect.Recycler
	recycleSoon     bool // batches go back once they are converted, not only once they are acknowledged
	committer       connect.Committer
	recordCommitter connect.RecordCommitter
	hearing         sync.Mutex // RecordCommitted is called one at a time

	mem      *memory.Account
	buffered atomic.Int64 // bytes of records not acknowledged
	retained atomic.Int64 // bytes of blocks not freed
	active   atomic.Int64 // records polled and neither acknowledged nor dropped
	polling  atomic.Bool  // a call of Poll is under way
	polls    atomic.Int64 // calls that came back
	polled   atomic.Int64 // records
	waiting  atomic.Bool
	wake     chan struct{}
	soon     chan struct{} // one token: the task asks for a commit

	mu      sync.Mutex
	client  *kgo.Client
	large   *kgo.Client // for records above the topic's max.message.bytes; nil until there is one
	options []kgo.Opt   // of client
	failure error
	closing sync.Once // the client's Close does not bear two callers
}

type counters struct {
	poll, write, commitOK, commitFail  func(int64)
	batchSize, pollSeconds, commitSecs func(float64)
	transactionSize                    func(float64)
}

// New makes a task; it starts nothing.
func New(cfg Config) *Task {
	cfg.setDefaults()
	t := &Task{
		cfg:     cfg,
		gate:    pipeline.NewGate(cfg.Paused),
		track:   tracker{parts: map[string]*partition{}},
		batches: make(chan polled),
		topics:  map[string]string{},
		wake:    make(chan struct{}, 1),
		soon:    make(chan struct{}, 1),
	}
	t.cfg.Context.CommitSoon = t.commitSoon
	t.events = cfg.Events.Guarded(&t.fence)
	t.promise = t.acknowledge
	t.reports = cfg.Chain.Reports()
	t.origin.Hold = t.hold
	t.recycler, _ = cfg.Task.(connect.Recycler)
	t.committer, _ = cfg.Task.(connect.Committer)
	t.recordCommitter, _ = cfg.Task.(connect.RecordCommitter)
	t.mem = cfg.Memory.Open(t.signal)
	t.pool = pool{max: cfg.MaxBufferedBytes, freed: t.freed, mem: t.mem}
	// A batch that was converted is in the client's bytes; only failures and outcomes need its records.
	t.recycleSoon = t.recycler != nil && t.recordCommitter == nil && !t.reports
	if t.recycler != nil && !t.recycleSoon {
		t.pool.recycle = t.recycle
	}
	if cfg.Transaction != nil {
		t.txn = newTransactions(t, *cfg.Transaction)
		if t.recycler != nil && t.recordCommitter != nil {
			t.pool.recycle = t.txn.recycle
		}
	}
	t.life, t.cancelLife = context.WithCancel(context.Background())
	t.send, t.cancelSend = context.WithCancel(t.life)
	t.poll, t.cancelPoll = context.WithCancel(t.send)
	t.fan = newFanout(t)
	t.measure()
	return t
}

func (t *Task) measure() {
	m := t.cfg.Metrics
	t.count = counters{
		poll: m.Counter(&metrics.SourceRecordPoll.Metric), write: m.Counter(&metrics.SourceRecordWrite.Metric),
		commitOK: m.Counter(&metrics.OffsetCommitSuccess.Metric), commitFail: m.Counter(&metrics.OffsetCommitFailure.Metric),
		batchSize: m.Histogram(&metrics.BatchSize.Metric), pollSeconds: m.Histogram(&metrics.SourcePollTime.Metric),
		commitSecs: m.Histogram(&metrics.OffsetCommitTime.Metric), transactionSize: m.Histogram(&metrics.TransactionSize.Metric),
	}
	m.Gauge(&metrics.SourceRecordActive.Metric, func() float64 { return float64(t.active.Load()) })
	m.Gauge(&metrics.TaskMemory.Metric, func() float64 { return float64(t.mem.Used()) })
	m.Gauge(&metrics.TaskMemoryShare.Metric, func() float64 { return float64(t.mem.Share()) })
	m.Gauge(&metrics.SourceBytesActive.Metric, func() float64 { return float64(t.buffered.Load()) })
}

// Pause asks for PAUSED: no more Poll, the batch under way is finished. Any goroutine; returns at once.
func (t *Task) Pause() { t.gate.Set(true) }

// Resume asks for RUNNING. Any goroutine; returns at once.
func (t *Task) Resume() { t.gate.Set(false) }

// Abandon gives the instance up: it can neither commit nor report from now on, and its Kafka client is closed. Run may still be stuck
// in the task; it returns pipeline.ErrAbandoned once the task lets go. Any goroutine; returns at once.
func (t *Task) Abandon() {
	if !t.fence.Close() {
		return
	}
	t.cancelLife()
	t.mem.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.client != nil {
		go t.close() // waits for the client's goroutines, not for ours
	}
	if d := t.cfg.Chain.DeadLetter(); d != nil {
		go d.Close()
	}
}

// close ends the clients, once; a second caller waits for the first.
func (t *Task) close() {
	t.closing.Do(func() {
		t.client.Close()
		t.mu.Lock()
		large := t.large
		t.mu.Unlock()
		if large != nil {
			large.Close()
		}
	})
}

// fail notes the first error and ends polling and sending.
func (t *Task) fail(err error) {
	t.mu.Lock()
	first := t.failure == nil
	if first {
		t.failure = err
	}
	t.mu.Unlock()
	if first {
		t.cancelSend()
	}
}

func (t *Task) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failure
}

// connect makes the producer.
func (t *Task) connect() error {
	opts := []kgo.Opt{
		// A topic that was just created may be unknown to a broker for a while; the client's own 4 attempts are too few.
		kgo.UnknownTopicRetries(60),
	}
	opts = append(opts, t.cfg.Producer...)
	if t.cfg.MaxBatchBytes > 0 {
		opts = append(opts, kgo.ProducerBatchMaxBytesFn(t.batchLimit))
	}
	opts = append(opts,
		kgo.WithHooks(&pipeline.Logins{Judge: t.cfg.LoginRefused, Fail: t.fail}),
		// The sender waits by itself, so that a stop is noticed: Produce would block until there is room.
		kgo.MaxBufferedRecords(math.MaxInt32), kgo.MaxBufferedBytes(0))
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("making the producer: %w", err)
	}
	if cl, opts, err = t.fallBack(cl, opts); err != nil {
		return err
	}
	t.mu.Lock()
	t.client, t.options = cl, opts
	t.mu.Unlock()
	if t.fence.Closed() { // abandoned in between
		t.close()
		return pipeline.ErrAbandoned
	}
	return nil
}

// fallBackAfter is how long the broker may take to say whether it allows idempotent writes.
const fallBackAfter = 5 * time.Second

// fallBack makes the producer again with Config.Fallback if the broker does not let this user write idempotently. Whatever else keeps
// the broker from answering is for the records to find out.
func (t *Task) fallBack(cl *kgo.Client, opts []kgo.Opt) (*kgo.Client, []kgo.Opt, error) {
	if t.cfg.Refused == nil || t.txn != nil {
		return cl, opts, nil
	}
	ctx, cancel := context.WithTimeout(t.poll, fallBackAfter)
	defer cancel()
	_, _, err := cl.ProducerID(ctx)
	if err == nil || !t.cfg.Refused(err) {
		return cl, opts, nil
	}
	t.cfg.Log.Warn("the cluster refuses idempotent writes, going on without", "error", err)
	cl.Close()
	opts = append(opts, t.cfg.Fallback...)
	if cl, err = kgo.NewClient(opts...); err != nil {
		return nil, nil, fmt.Errorf("making the producer: %w", err)
	}
	return cl, opts, nil
}

// recycle gives a batch back to the task.
func (t *Task) recycle(batch []*connect.SourceRecord) {
	if t.fence.Closed() {
		return
	}
	t.guard("Recycle", func() error { t.recycler.Recycle(batch); return nil })
}

// recordCommitted tells the task what became of a record.
func (t *Task) recordCommitted(r *connect.SourceRecord, m *connect.RecordMetadata) {
	t.hearing.Lock()
	defer t.hearing.Unlock()
	if t.fence.Closed() {
		return
	}
	t.guard("RecordCommitted", func() error { t.recordCommitter.RecordCommitted(r, m); return nil })
}

// guard runs a callback of the task; its panic fails the task.
func (t *Task) guard(what string, f func() error) {
	if err := protect(f); err != nil {
		t.fail(fmt.Errorf("calling %s of the task: %w", what, err))
	}
}

// protect turns a panic of f into an error.
func protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &pipeline.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// fatal tells whether a produce error says nothing about its record: the client is gone.
func fatal(err error) bool {
	return errors.Is(err, kgo.ErrClientClosed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
