package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/metrics"
)

// headerPrefix begins the context headers of a dead letter (org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter).
const headerPrefix = "__connect.errors."

// DeadLetterConfig makes a DeadLetter.
type DeadLetterConfig struct {
	ID    connect.TaskID
	Topic string // errors.deadletterqueue.topic.name
	// ContextHeaders is errors.deadletterqueue.context.headers.enable.
	ContextHeaders bool
	// Producer are the options of its Kafka client.
	Producer []kgo.Opt
	Log      *slog.Logger // nil: slog.Default
	Metrics  *metrics.Scope
}

// DeadLetter writes bad records to the dead-letter topic and knows which of them are durable. The topic exists already. It has a
// Kafka client of its own, also for sources later. Safe for concurrent use; Close it.
type DeadLetter struct {
	cfg    DeadLetterConfig
	client *kgo.Client
	sent   func(int64)
	failed func(int64)

	closing sync.Once // the client's Close does not bear two callers

	mu      sync.Mutex
	pending map[connect.TopicPartition]map[int64]int // offset → dead letters on their way
	n       int
	idle    chan struct{} // closed when n is 0
	err     error         // first failure: the task has to fail, the record would be lost
}

// NewDeadLetter connects lazily: it starts nothing that talks before the first Send.
func NewDeadLetter(cfg DeadLetterConfig) (*DeadLetter, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cl, err := kgo.NewClient(cfg.Producer...)
	if err != nil {
		return nil, fmt.Errorf("making the producer of dead-letter topic %q: %w", cfg.Topic, err)
	}
	idle := make(chan struct{})
	close(idle)
	return &DeadLetter{cfg: cfg, client: cl, pending: map[connect.TopicPartition]map[int64]int{}, idle: idle,
		sent:   cfg.Metrics.Counter(&metrics.DeadLetterRequests.Metric),
		failed: cfg.Metrics.Counter(&metrics.DeadLetterFailures.Metric)}, nil
}

// Send queues the dead letter of f and returns at once, unless the producer's buffer is full. f.Wire must not change afterwards.
func (d *DeadLetter) Send(f Failure) {
	r := &kgo.Record{Topic: d.cfg.Topic, Key: f.Wire.Key, Value: f.Wire.Value, Partition: -1}
	if f.Wire.Timestamp >= 0 {
		r.Timestamp = time.UnixMilli(f.Wire.Timestamp)
	}
	for _, h := range f.Wire.Headers {
		r.Headers = append(r.Headers, kgo.RecordHeader(h))
	}
	if d.cfg.ContextHeaders {
		r.Headers = append(r.Headers, d.context(f)...)
	}
	d.begin(f.At)
	d.sent(1)
	d.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			d.failed(1)
			err = fmt.Errorf("writing record %s offset %d to dead-letter topic %q: %w", f.At.TopicPartition, f.At.Offset, d.cfg.Topic, err)
		}
		d.end(f.At, err)
	})
}

func (d *DeadLetter) context(f Failure) []kgo.RecordHeader {
	h := func(key, value string) kgo.RecordHeader {
		return kgo.RecordHeader{Key: headerPrefix + key, Value: []byte(value)}
	}
	var out []kgo.RecordHeader
	if f.At.Topic != "" && f.At.Offset >= 0 {
		out = append(out, h("topic", f.At.Topic), h("partition", strconv.Itoa(int(f.At.Partition))),
			h("offset", strconv.FormatInt(f.At.Offset, 10)))
	}
	out = append(out, h("connector.name", d.cfg.ID.Connector), h("task.id", strconv.Itoa(int(d.cfg.ID.Task))),
		h("stage", f.Stage.String()), h("class.name", f.Class))
	if f.Err != nil {
		class := ExceptionClass(f.Err, f.Stage)
		out = append(out, h("exception.class.name", class), h("exception.message", f.Err.Error()),
			h("exception.stacktrace", class+": "+f.Err.Error()))
	}
	return out
}

func (d *DeadLetter) begin(at connect.TopicOffset) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n == 0 {
		d.idle = make(chan struct{})
	}
	d.n++
	m := d.pending[at.TopicPartition]
	if m == nil {
		m = map[int64]int{}
		d.pending[at.TopicPartition] = m
	}
	m[at.Offset]++
}

func (d *DeadLetter) end(at connect.TopicOffset, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n--; d.n == 0 {
		close(d.idle)
	}
	if err != nil {
		// The offset stays pending for good: it must never be committed (invariant 2).
		if d.err == nil {
			d.err = err
		}
		return
	}
	m := d.pending[at.TopicPartition]
	if m[at.Offset]--; m[at.Offset] <= 0 {
		delete(m, at.Offset)
	}
	if len(m) == 0 {
		delete(d.pending, at.TopicPartition)
	}
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

// Flush waits until all dead letters are durable, one has failed, or ctx ends.
func (d *DeadLetter) Flush(ctx context.Context) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	idle := d.idle
	d.mu.Unlock()
	select {
	case <-idle:
		return d.Err()
	case <-ctx.Done():
		return fmt.Errorf("waiting for dead letters: %w", ctx.Err())
	}
}

// Close ends the client; dead letters still on their way fail. It may be called more than once, from any goroutine.
func (d *DeadLetter) Close() {
	if d != nil {
		d.closing.Do(d.client.Close)
	}
}
