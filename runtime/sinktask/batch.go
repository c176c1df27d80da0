package sinktask

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

// batch is what goes into one Put, and the offsets that come with it: also of records that were filtered or skipped.
type batch struct {
	records []*connect.SinkRecord
	ends    connect.Offsets
	bytes   int64 // of what was read, about
}

func (b *batch) reset() {
	b.records, b.bytes = nil, 0 // the task may keep the old slice's records
	if b.ends == nil {
		b.ends = connect.Offsets{}
	}
	clear(b.ends)
}

func (b *batch) empty() bool { return len(b.records) == 0 && len(b.ends) == 0 }

// drop takes the records of the partitions out.
func (b *batch) drop(parts map[connect.TopicPartition]struct{}) {
	var kept []*connect.SinkRecord
	for _, r := range b.records {
		if _, gone := parts[r.Original.TopicPartition]; !gone {
			kept = append(kept, r)
		}
	}
	b.records = kept
	for tp := range parts {
		delete(b.ends, tp)
	}
}

// sort parks the records of paused partitions, drops those of partitions that are about to be sought, and returns the others.
func (t *Task) sort(fetches kgo.Fetches) []*kgo.Record {
	all, _ := t.gate.Paused()
	for tp, p := range t.parts {
		if all || t.ctl.isPaused(tp) {
			p.pausedPolls++
		}
	}
	var out []*kgo.Record
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		tp := connect.TopicPartition{Topic: f.Topic, Partition: f.Partition}
		p := t.parts[tp]
		if p == nil || len(f.Records) == 0 {
			return
		}
		to, seeking := t.ctl.seekOf(tp)
		seeking = seeking && !t.soughtByAdjust(tp, p, to)
		p.polled, p.end = true, f.HighWatermark
		if seeking {
			return // asked for before this poll came back; applied on the next turn
		}
		t.count.read(int64(len(f.Records)))
		if p.pausedPolls > 0 {
			p.parked = append(p.parked, f.Records...)
			return
		}
		out = append(out, f.Records...)
	})
	return out
}

// takeParked returns the records of partitions that are no longer paused.
func (t *Task) takeParked() []*kgo.Record {
	all, _ := t.gate.Paused()
	var out []*kgo.Record
	for tp, p := range t.parts {
		if len(p.parked) > 0 && !all && !t.ctl.isPaused(tp) {
			out = append(out, p.parked...)
			p.parked = nil
		}
	}
	return out
}

// decode runs the chain over the records and fills the batch.
func (t *Task) decode(ctx context.Context, in []*kgo.Record) error {
	if len(in) == 0 {
		return nil
	}
	defer t.hurry("converting records")() // retries (errors.retry.timeout) may take their time
	records := make([]connect.SinkRecord, len(in))
	wires := make([]connect.Wire, len(in))
	t.batch.records = make([]*connect.SinkRecord, 0, len(in))
	var last connect.TopicPartition
	for i, r := range in {
		out := &records[i]
		t.batch.bytes += recordSize(r)
		out.Wire = &wires[i]
		outcome, err := t.cfg.Chain.Decode(ctx, r, out)
		if err != nil {
			// The batch is not put, so that nothing beyond the bad record is committed.
			t.batch.reset()
			return err
		}
		if outcome == pipeline.Kept {
			t.batch.records = append(t.batch.records, out)
		}
		if i > 0 && (r.Topic != last.Topic || r.Partition != last.Partition) {
			t.batch.ends[last] = in[i-1].Offset + 1
		}
		last = connect.TopicPartition{Topic: r.Topic, Partition: r.Partition}
	}
	t.batch.ends[last] = in[len(in)-1].Offset + 1
	return nil
}

// put gives the batch to the task and decides about the answer.
func (t *Task) put() error {
	n := len(t.batch.records)
	begin := time.Now()
	err := t.call("Put", func() error { return t.cfg.Task.Put(t.life, t.batch.records) })
	if n > 0 {
		t.count.putSeconds(time.Since(begin).Seconds())
		t.count.batchSize(float64(n))
	}
	if t.fence.Closed() {
		return pipeline.ErrAbandoned
	}
	if after, ok := connect.RetryAfter(err); ok {
		t.hold(err, after)
		return nil
	}
	if bad, ok := errors.AsType[*connect.PutError](err); ok {
		if err := t.refused(bad); err != nil {
			return err
		}
		err = nil
	}
	if err != nil {
		return t.putError(err)
	}
	t.taken(n)
	return nil
}

// hold keeps the batch to put it again. There is no limit to it, as in Java.
func (t *Task) hold(err error, after time.Duration) {
	t.attempt++
	if after <= 0 {
		after = t.ctl.takeTimeout()
	}
	if after <= 0 {
		after = pipeline.Backoff(t.attempt, putRetryFirst, putRetryMost)
	}
	if t.attempt == 1 {
		t.cfg.Log.Warn("Put failed and will be tried again", "error", err)
	}
	t.holding, t.retryAt = true, time.Now().Add(after)
}

// refused reports the records of a PutError.
func (t *Task) refused(bad *connect.PutError) error {
	for _, f := range bad.Failed {
		if f.Record == nil {
			return t.putError(bad)
		}
		w, err := t.cfg.Chain.WireOf(t.life, f.Record)
		if err != nil {
			return err
		}
		if err := t.cfg.Chain.Fail(pipeline.Failure{Stage: pipeline.TaskPut, Class: putClass, Err: f.Err,
			At: f.Record.Original, Wire: w}); err != nil {
			return err
		}
	}
	return nil
}

func (t *Task) taken(n int) {
	t.count.send(int64(n))
	t.live.taken.Add(int64(n))
	for tp, end := range t.batch.ends {
		if p := t.parts[tp]; p != nil {
			p.put = end
		}
	}
	t.batch.reset()
	t.inHand()
	t.holding, t.attempt = false, 0
}

func (t *Task) putError(err error) error {
	if len(t.batch.records) == 0 {
		return fmt.Errorf("putting (stage %s): %w", pipeline.TaskPut, err)
	}
	at := t.batch.records[0].Original
	return fmt.Errorf("putting %d records from topic %q, partition %d, offset %d on (stage %s): %w",
		len(t.batch.records), at.Topic, at.Partition, at.Offset, pipeline.TaskPut, err)
}
