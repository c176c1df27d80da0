package sinktask

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectd/connectd/connect"
)

// serve answers a callback of the consumer group. What fails is kept in broken: the group must go on.
func (t *Task) serve(r *request) {
	defer close(r.done)
	switch r.kind {
	case assigned:
		t.open(r.parts)
	case revoked:
		t.closePartitions(r.parts, false)
	case lost:
		t.closePartitions(r.parts, true)
	}
}

func (t *Task) open(parts []connect.TopicPartition) {
	t.ctl.assign(parts)
	for _, tp := range parts {
		t.parts[tp] = &partition{put: -1, committed: -1}
	}
	if err := t.call("Open", func() error { return t.cfg.Task.Open(t.life, parts) }); err != nil {
		t.breakWith(fmt.Errorf("opening %v: %w", parts, err))
	}
}

// closePartitions hands partitions back. lost=false: PreCommit, Close, then the commit of PreCommit's answer; lost=true: Close only.
func (t *Task) closePartitions(parts []connect.TopicPartition, lost bool) {
	parts = t.heldOf(parts)
	if len(parts) == 0 {
		return
	}
	var offsets connect.Offsets
	if !lost {
		t.waitCommit() // one at a time, in order
		wait, cancel := context.WithTimeout(t.life, t.cfg.CommitTimeout)
		if err := t.cfg.Chain.DeadLetter().Flush(wait); err != nil {
			t.cfg.Log.Warn("Dead letters are not durable; the offsets of their records are not committed", "error", err)
		}
		cancel()
		var err error
		if offsets, err = t.preCommit(parts); err != nil {
			t.breakWith(err)
		}
	}
	if err := t.call("Close", func() error { return t.cfg.Task.Close(t.life, parts, lost) }); err != nil {
		t.breakWith(fmt.Errorf("closing %v: %w", parts, err))
		offsets = nil // it may have failed to make durable what PreCommit promised
	}
	if len(offsets) > 0 && !t.sess.isDead() {
		t.commitNow(offsets)
	}
	t.remove(parts)
}

// heldOf keeps those of parts that are assigned.
func (t *Task) heldOf(parts []connect.TopicPartition) []connect.TopicPartition {
	var out []connect.TopicPartition
	for _, tp := range parts {
		if t.parts[tp] != nil {
			out = append(out, tp)
		}
	}
	return out
}

func (t *Task) remove(parts []connect.TopicPartition) {
	gone := make(map[connect.TopicPartition]struct{}, len(parts))
	for _, tp := range parts {
		gone[tp] = struct{}{}
		if t.parts[tp].kafkaPaused {
			t.sess.client.ResumeFetchPartitions(map[string][]int32{tp.Topic: {tp.Partition}})
		}
		delete(t.parts, tp)
	}
	t.ctl.remove(parts)
	t.sess.forget(parts)
	t.drop(gone)
}

// drop takes partitions out of the batch at hand; a held batch that is empty then is not put again.
func (t *Task) drop(gone map[connect.TopicPartition]struct{}) {
	t.batch.drop(gone)
	if t.holding && t.batch.empty() {
		t.holding, t.attempt = false, 0
	}
}

func (t *Task) breakWith(err error) { t.broken = errors.Join(t.broken, err) }
