package sourcetask

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

// sendBatches transforms, converts and produces until the poll goroutine closes the channel. After a failure it still takes batches,
// so that the poll goroutine comes to its end, and sends none.
func (t *Task) sendBatches() {
	defer t.fan.end()
	for p := range t.batches {
		if len(p.records) == 0 || t.send.Err() != nil {
			continue
		}
		if err := t.sendBatch(p.records); err != nil && t.send.Err() == nil {
			t.fail(err)
		}
	}
}

func (t *Task) sendBatch(batch []*connect.SourceRecord) error {
	if !t.await(t.room) {
		return t.send.Err()
	}
	b := t.pool.get(len(batch))
	if t.pool.recycle != nil || t.reports {
		b.batch = append(b.batch, batch...)
	}
	t.fan.start(b, batch)
	err := t.sendRecords(b, batch)
	t.fan.finish(err != nil)
	if err != nil {
		b.unsent = true
	} else if t.recycleSoon {
		t.recycle(batch)
	}
	b.bytes = b.heldBytes()
	t.retained.Add(b.bytes)
	t.mem.Add(b.bytes)
	// Segments end at the last record that was handled, so that the prefix before a failure counts.
	b.closeSegments(&t.track)
	return err
}

// room tells whether another batch may be taken on: by the task's own bound, and by the worker's.
func (t *Task) room() bool {
	if t.retained.Load() >= 4*t.cfg.MaxBufferedBytes {
		return false
	}
	if t.mem.Room() {
		return true
	}
	t.pool.drop() // what is kept for use again only
	return t.mem.Room()
}

func (t *Task) sendRecords(b *block, batch []*connect.SourceRecord) error {
	for i, r := range batch {
		if r == nil {
			return fmt.Errorf("polling: record %d of %d is nil", i, len(batch))
		}
		if !t.letterRoom() {
			return t.send.Err()
		}
		out := &b.records[i]
		t.cur = sending{b: b, r: r}
		outcome, done := t.fan.converted(i)
		if !done {
			var err error
			if outcome, err = t.convert(b, r, out); err != nil {
				return err
			}
		}
		s := b.segment(&t.track, t.tracked(r))
		switch {
		case outcome == pipeline.Kept:
			if err := t.ready(out); err != nil {
				return err
			}
			s.left.Add(1)
			if !t.compressible(out) {
				t.produce(t.client, s, r, out)
			} else if err := t.produceLarge(s, r, out); err != nil {
				return err
			}
		case !t.cur.held:
			t.dropped(r)
		}
		s.last = r.Position.Offset
		if t.txn != nil {
			if err := t.txn.handled(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// tracked is the source partition whose acknowledged prefix is kept; in transactions none needs to be.
func (t *Task) tracked(r *connect.SourceRecord) *connect.SourcePartition {
	if t.txn != nil {
		return nil
	}
	return r.Position.Partition
}

func (t *Task) convert(b *block, r *connect.SourceRecord, out *kgo.Record) (pipeline.Outcome, error) {
	from := pipeline.Failure{At: connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: r.Topic, Partition: r.Partition},
		Offset: connect.NoOffset}}
	if t.reports {
		t.origin.Record, t.origin.Position = r.Record, r.Position // transforms work in place
		from.Source = &t.origin
	}
	if o, err := t.cfg.Chain.Transform(t.send, &r.Record, from); o != pipeline.Kept || err != nil {
		return o, err
	}
	if r.Topic == "" {
		return pipeline.Skipped, fmt.Errorf("converting: %w (source partition %s)", pipeline.ErrNoTopic, partitionText(r))
	}
	return t.cfg.Chain.Encode(t.send, &b.buf, &r.Record, out, from)
}

func partitionText(r *connect.SourceRecord) string {
	if r.Position.Partition == nil {
		return "none"
	}
	return string(r.Position.Partition.JSON())
}

// dropped counts a filtered or tolerated record; its offset moves on.
func (t *Task) dropped(r *connect.SourceRecord) {
	t.active.Add(-1)
	t.outcome(r, nil)
}

// outcome tells the task what became of a record, in transactions when they have ended.
func (t *Task) outcome(r *connect.SourceRecord, m *connect.RecordMetadata) {
	switch {
	case t.recordCommitter == nil:
	case t.txn != nil:
		t.txn.acknowledged(r, m)
	default:
		t.recordCommitted(r, m)
	}
}

// ready waits for room in the producer and sees to it that the topic exists.
func (t *Task) ready(out *kgo.Record) error {
	if t.buffered.Load() >= t.cfg.MaxBufferedBytes &&
		!t.await(func() bool { return t.buffered.Load() < t.cfg.MaxBufferedBytes }) {
		return t.send.Err()
	}
	if err := t.send.Err(); err != nil {
		return err
	}
	name, ok := t.topics[out.Topic]
	if !ok {
		name = strings.Clone(out.Topic)
		if t.cfg.Topics != nil {
			if err := t.ensure(name); err != nil {
				return err
			}
		}
		t.topics[name] = name
	}
	out.Topic = name // the record's own may be cut from memory that the task uses again
	if t.txn != nil {
		return t.txn.produced(name)
	}
	return nil
}

func (t *Task) ensure(topic string) error {
	for attempt := 1; ; attempt++ {
		err := protect(func() error { return t.cfg.Topics.EnsureTopic(t.send, topic) })
		if err == nil {
			t.learnLimit(topic)
			return nil
		}
		after, ok := connect.RetryAfter(err)
		if !ok {
			return fmt.Errorf("creating topic %q: %w", topic, err)
		}
		t.cfg.Log.Warn("Creating a topic failed and will be tried again", "topic", topic, "error", err)
		if !pipeline.Sleep(t.send, max(after, pipeline.Backoff(attempt, pollRetryFirst, pollRetryMost))) {
			return t.send.Err()
		}
	}
}

// learnLimit keeps how large a batch the topic takes, before the client first hears of the topic.
func (t *Task) learnLimit(topic string) {
	l, ok := t.cfg.Topics.(TopicLimits)
	if !ok || t.cfg.MaxBatchBytes <= 0 {
		return
	}
	n, err := l.MaxMessageBytes(t.send, topic)
	if err != nil || n <= 0 {
		t.cfg.Log.Debug("max.message.bytes of a topic is not known", "topic", topic, "error", err)
		if t.txn != nil {
			return // larger records can only go as any other
		}
		n = usualMaxMessageBytes // for batches of several; larger records are tried each by itself
	}
	if n < t.cfg.MaxBatchBytes {
		t.limits.Store(topic, n)
	}
}

// batchLimit is the largest batch for a topic. Any goroutine; the client asks once per partition.
func (t *Task) batchLimit(topic string) int32 {
	if n, ok := t.limits.Load(topic); ok {
		return max(n.(int32), minBatchBytes)
	}
	return t.cfg.MaxBatchBytes
}

// usualMaxMessageBytes is the brokers' default of max.message.bytes.
const usualMaxMessageBytes = 1<<20 + 12

// minBatchBytes is the least that the client takes for a limit.
const minBatchBytes = 512

// produce hands the record to the client; the segment travels as its context.
func (t *Task) produce(cl *kgo.Client, s *segment, r *connect.SourceRecord, out *kgo.Record) {
	t.buffered.Add(wireSize(out))
	promise := t.promise
	if t.recordCommitter != nil {
		promise = func(o *kgo.Record, err error) { t.acknowledgeTo(r, o, err) }
	}
	cl.Produce(s, out, promise)
}

func wireSize(r *kgo.Record) int64 { return int64(len(r.Key)+len(r.Value)) + 64 }

// await waits until ok or the sending has to end.
func (t *Task) await(ok func() bool) bool {
	if ok() {
		return true
	}
	defer t.waiting.Store(false)
	for {
		// Announce, then look again: a promise in between would find nobody waiting and the wake-up would be lost.
		t.waiting.Store(true)
		if ok() {
			return true
		}
		select {
		case <-t.wake:
		case <-t.send.Done():
			return false
		}
	}
}

func (t *Task) signal() {
	if t.waiting.Load() {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// freed is called by the pool.
func (t *Task) freed(bytes int64) {
	t.retained.Add(-bytes)
	t.mem.Add(-bytes)
	t.signal()
}

// commitEvery is the commit goroutine.
func (t *Task) commitEvery(ctx context.Context) {
	tick := time.NewTicker(t.cfg.CommitInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-t.soon:
		}
		if err := t.commit(ctx); err != nil && ctx.Err() == nil {
			t.cfg.Log.Error("Committing offsets failed and will be tried again with the next commit", "error", err)
		}
	}
}

// commitSoon wakes the commit goroutine (connect.SourceTaskContext).
func (t *Task) commitSoon() {
	select {
	case t.soon <- struct{}{}:
	default:
	}
}
