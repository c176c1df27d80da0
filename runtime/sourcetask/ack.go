package sourcetask

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

// sending is the record that the sender has in hand.
type sending struct {
	b    *block
	r    *connect.SourceRecord
	held bool // a dead letter of it is on its way
}

// acknowledge is the promise of all records: on the producer's goroutine.
func (t *Task) acknowledge(out *kgo.Record, err error) { t.acknowledgeTo(nil, out, err) }

func (t *Task) acknowledgeTo(r *connect.SourceRecord, out *kgo.Record, err error) {
	s, _ := out.Context.(*segment)
	t.buffered.Add(-wireSize(out))
	t.signal()
	if err != nil {
		s.b.failed.Store(true)
		if !t.tolerated(s, r, out, err) {
			return // failed, or up to its dead letter; until then nothing beyond the segment is committed
		}
	} else {
		t.count.write(1)
		t.cfg.Chain.Topics().Seen(out.Topic)
	}
	var m *connect.RecordMetadata
	if t.recordCommitter != nil {
		m = metadata(out, err)
	}
	t.settle(s, r, m)
}

// settle counts a record as acknowledged or dropped; m is nil for the latter, r nil if nobody wants to hear of it.
func (t *Task) settle(s *segment, r *connect.SourceRecord, m *connect.RecordMetadata) {
	t.active.Add(-1)
	if r != nil {
		t.outcome(r, m)
	}
	if s.left.Add(-1) == 0 {
		t.track.complete(s)
	}
}

func metadata(out *kgo.Record, err error) *connect.RecordMetadata {
	if err != nil {
		return nil
	}
	return &connect.RecordMetadata{Timestamp: out.Timestamp.UnixMilli(), TopicOffset: connect.TopicOffset{Offset: out.Offset,
		TopicPartition: connect.TopicPartition{Topic: out.Topic, Partition: out.Partition}}}
}

// tolerated decides about a record that Kafka refused (KIP-779): with errors.tolerance=all it is dropped, else the task fails. With a
// dead-letter queue it counts as dropped when its dead letter is durable; that is not now, so the answer is false. A record that was refused
// with the batch it was in may be a good one: the task fails.
func (t *Task) tolerated(s *segment, r *connect.SourceRecord, out *kgo.Record, err error) bool {
	where := connect.TopicPartition{Topic: out.Topic, Partition: out.Partition}
	alone := true
	if errors.Is(err, kerr.MessageTooLarge) {
		alone, err = t.tooLarge(out, err)
	}
	err = fmt.Errorf("producing to topic %q, partition %d: %w", out.Topic, out.Partition, err)
	if t.txn != nil {
		// The transaction cannot be committed any more, whatever errors.tolerance says.
		if !t.txn.aborting.Load() {
			t.fail(expired(err))
		}
		return false
	}
	if fatal(err) || !alone {
		t.fail(err)
		return false
	}
	f := pipeline.Failure{Stage: pipeline.KafkaProduce, Class: "org.apache.kafka.connect.runtime.WorkerSourceTask", Err: err,
		At: connect.TopicOffset{TopicPartition: where, Offset: connect.NoOffset}}
	held := false
	if t.reports {
		if r == nil {
			r = s.b.recordOf(out)
		}
		f.At.Partition = r.Partition // as chosen by the connector, not by the producer
		f.Wire = wireOf(out, r.Timestamp)
		f.Source = &pipeline.SourceOrigin{Record: r.Record, Position: r.Position, Hold: func() func(error) {
			held = true
			return t.letterSettled(s, r)
		}}
	}
	if err := t.cfg.Chain.Fail(f); err != nil {
		t.fail(err)
		return false
	}
	return !held
}

func wireOf(out *kgo.Record, timestamp int64) *connect.Wire {
	w := &connect.Wire{Key: out.Key, Value: out.Value, Timestamp: timestamp}
	for _, h := range out.Headers {
		w.Headers = append(w.Headers, connect.WireHeader(h))
	}
	return w
}

// hold counts the record in hand as under way until its dead letter is durable. (pipeline.SourceOrigin)
func (t *Task) hold() func(error) {
	t.cur.held = true
	b, r := t.cur.b, t.cur.r
	s := b.segment(&t.track, t.tracked(r))
	s.left.Add(1)
	return t.letterSettled(s, r)
}

// letterSettled is called when a dead letter is durable or has failed: on the goroutine of the dead-letter producer, so it must not
// block, as promises must not.
func (t *Task) letterSettled(s *segment, r *connect.SourceRecord) func(error) {
	return func(err error) {
		defer t.signal()
		if err != nil {
			t.fail(err) // the segment never completes: nothing beyond it is committed (invariant 1)
			return
		}
		t.settle(s, r, nil)
	}
}

// letterRoom waits until the dead letters on their way take less memory than the producer may.
func (t *Task) letterRoom() bool {
	d := t.cfg.Chain.DeadLetter()
	if d == nil || d.Waiting() < t.cfg.MaxBufferedBytes {
		return true
	}
	return t.await(func() bool { return d.Waiting() < t.cfg.MaxBufferedBytes })
}
