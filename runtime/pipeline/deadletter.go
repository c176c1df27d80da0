package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/metrics"
)

// DeadLetterConfig makes a DeadLetter.
type DeadLetterConfig struct {
	ID    connect.TaskID
	Topic string // errors.deadletterqueue.topic.name
	// ContextHeaders is errors.deadletterqueue.context.headers.enable.
	ContextHeaders bool
	// Producer are the options of its Kafka client.
	Producer []kgo.Opt
	// Key and Value render source records that have no bytes yet (format connect-json): JSON converters with schemas. The dead-letter
	// queue closes them. Nil: such records are written without key and value.
	Key, Value connect.Converter
	Log        *slog.Logger // nil: slog.Default
	Metrics    *metrics.Scope
}

// DeadLetter writes bad records to the dead-letter topic and knows which of them are durable. The topic exists already. It has a
// Kafka client of its own. Safe for concurrent use; Close it.
//
// Nothing of it blocks: what waits to be written is bounded by its user, which looks at Waiting before it takes more records on.
type DeadLetter struct {
	cfg    DeadLetterConfig
	client *kgo.Client
	sent   func(int64)
	failed func(int64)

	closing   sync.Once // the client's Close does not bear two callers
	rendering sync.Mutex

	again  sync.WaitGroup
	life   context.Context // ends with Close: what is sent once more gives up
	cancel context.CancelFunc
	alone  sync.Mutex  // one at a time is sent once more
	single *kgo.Client // for those; nil until there is one

	mu      sync.Mutex
	pending map[connect.TopicPartition]map[int64]int // of sinks: offset → dead letters on their way
	n       int
	bytes   int64
	idle    chan struct{} // closed when n is 0
	err     error         // first failure: the task has to fail, the record would be lost
}

// maxLetter bounds, in bytes, a dead letter that is sent once more: the topic's max.message.bytes is to decide then, not the limit
// under which the connector's own producer may just have refused the record.
const maxLetter = 64 << 20

// NewDeadLetter connects lazily: it starts nothing that talks before the first Send.
func NewDeadLetter(cfg DeadLetterConfig) (*DeadLetter, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	opts := append(append([]kgo.Opt{}, cfg.Producer...),
		kgo.MaxBufferedRecords(math.MaxInt32), kgo.MaxBufferedBytes(0))
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("making the producer of dead-letter topic %q: %w", cfg.Topic, err)
	}
	idle := make(chan struct{})
	close(idle)
	life, cancel := context.WithCancel(context.Background())
	return &DeadLetter{cfg: cfg, client: cl, life: life, cancel: cancel, pending: map[connect.TopicPartition]map[int64]int{}, idle: idle,
		sent:   cfg.Metrics.Counter(&metrics.DeadLetterRequests.Metric),
		failed: cfg.Metrics.Counter(&metrics.DeadLetterFailures.Metric)}, nil
}

// Send queues the dead letter of f and returns at once. f.Wire must not change afterwards.
func (d *DeadLetter) Send(f Failure) {
	l := &letter{d: d, at: f.At, source: f.Source != nil}
	if l.source && f.Source.Hold != nil {
		l.settle = f.Source.Hold()
	}
	r := d.letterOf(f)
	l.size = recordSize(r)
	d.begin(l)
	d.sent(1)
	d.client.Produce(context.Background(), r, l.promise)
}

// letter is a dead letter on its way.
type letter struct {
	d      *DeadLetter
	at     connect.TopicOffset
	source bool
	size   int64
	settle func(error) // nil: nobody waits; called once
}

// promise runs on the client's goroutine.
func (l *letter) promise(r *kgo.Record, err error) {
	d := l.d
	// Not from here: a promise never waits.
	if errors.Is(err, kerr.MessageTooLarge) && d.open(func() { d.again.Go(func() { l.finish(d.sendAlone(r)) }) }) {
		return
	}
	l.finish(err)
}

// open calls f unless d is closed, and not while it is being closed.
func (d *DeadLetter) open(f func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.life.Err() != nil {
		return false
	}
	f()
	return true
}

// finish counts the dead letter as durable, or as lost.
func (l *letter) finish(err error) {
	d := l.d
	if err != nil {
		d.failed(1)
		err = fmt.Errorf("writing %s to dead-letter topic %q: %w", l.where(), d.cfg.Topic, err)
	}
	d.end(l, err)
	if l.settle != nil {
		l.settle(err)
	}
	d.told()
}

// sendAlone sends a dead letter that was refused as too large once more: by itself, since the client fails a whole batch for one large
// record or for a topic with a small max.message.bytes; then, if it may have headers, without the record. They say where it is, which is
// better than a task that cannot get past it.
func (d *DeadLetter) sendAlone(r *kgo.Record) error {
	d.alone.Lock()
	defer d.alone.Unlock()
	if d.single == nil {
		opts := append(append([]kgo.Opt{}, d.cfg.Producer...), kgo.ProducerBatchMaxBytes(maxLetter), kgo.ProducerLinger(0))
		cl, err := kgo.NewClient(opts...)
		if err != nil {
			return fmt.Errorf("making a producer for large records: %w", err)
		}
		d.single = cl
	}
	same := &kgo.Record{Topic: r.Topic, Partition: connect.NoPartition, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value, Headers: r.Headers}
	err := d.single.ProduceSync(d.life, same).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) || !d.cfg.ContextHeaders {
		return err
	}
	d.cfg.Log.Warn("A record is larger than the dead-letter topic allows; only its headers are written. Raise the topic's max.message.bytes",
		"topic", d.cfg.Topic, "bytes", len(r.Key)+len(r.Value))
	return d.single.ProduceSync(d.life, stripped(r)).FirstErr()
}

func (l *letter) where() string {
	if l.source {
		return fmt.Sprintf("a record for topic %q", l.at.Topic)
	}
	return fmt.Sprintf("record %s offset %d", l.at.TopicPartition, l.at.Offset)
}

func recordSize(r *kgo.Record) int64 {
	n := len(r.Key) + len(r.Value) + 64
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return int64(n)
}

func (d *DeadLetter) begin(l *letter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n == 0 {
		d.idle = make(chan struct{})
	}
	d.n++
	d.bytes += l.size
	if l.source {
		return
	}
	m := d.pending[l.at.TopicPartition]
	if m == nil {
		m = map[int64]int{}
		d.pending[l.at.TopicPartition] = m
	}
	m[l.at.Offset]++
}

func (d *DeadLetter) end(l *letter, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bytes -= l.size
	if err != nil {
		// The offset stays pending for good: it must never be committed (invariant 2).
		if d.err == nil {
			d.err = err
		}
		return
	}
	if l.source {
		return
	}
	m := d.pending[l.at.TopicPartition]
	if m[l.at.Offset]--; m[l.at.Offset] <= 0 {
		delete(m, l.at.Offset)
	}
	if len(m) == 0 {
		delete(d.pending, l.at.TopicPartition)
	}
}

// told counts a letter as done: its user has heard of it, so that whoever waited for all letters finds their records settled.
func (d *DeadLetter) told() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n--; d.n == 0 {
		close(d.idle)
	}
}

// Waiting is the size in bytes of the dead letters that are not durable yet.
func (d *DeadLetter) Waiting() int64 {
	if d == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.bytes
}

// Err is the first dead letter that could not be written; the task has to fail with it.
func (d *DeadLetter) Err() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// Oldest is the lowest offset of the partition whose dead letter is not durable: commit nothing beyond it (invariant 2).
func (d *DeadLetter) Oldest(tp connect.TopicPartition) (offset int64, ok bool) {
	if d == nil {
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for o := range d.pending[tp] {
		if !ok || o < offset {
			offset, ok = o, true
		}
	}
	return offset, ok
}

// Idle is closed when all dead letters sent so far are durable or have failed, and what Hold returned was called for each.
func (d *DeadLetter) Idle() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.idle
}

// Flush waits until all dead letters are durable, one has failed, or ctx ends.
func (d *DeadLetter) Flush(ctx context.Context) error {
	if d == nil {
		return nil
	}
	select {
	case <-d.Idle():
		return d.Err()
	case <-ctx.Done():
		return fmt.Errorf("waiting for dead letters: %w", ctx.Err())
	}
}

// Close ends the client; dead letters still on their way fail. It may be called more than once, from any goroutine.
func (d *DeadLetter) Close() {
	if d == nil {
		return
	}
	d.closing.Do(func() {
		d.mu.Lock()
		d.cancel()
		d.mu.Unlock()
		d.client.Close()
		d.again.Wait()
		if d.single != nil {
			d.single.Close()
		}
		for _, c := range []connect.Converter{d.cfg.Key, d.cfg.Value} {
			if c != nil {
				if err := c.Close(); err != nil {
					d.cfg.Log.Warn("Closing a converter of the dead-letter queue failed", "error", err)
				}
			}
		}
	})
}
