package sinktask

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

// commit is a group offset commit under way.
type commit struct {
	offsets connect.Offsets
	begin   time.Time
	err     error         // set before done is closed
	done    chan struct{} // closed at the end
}

// preCommit asks the task for the offsets of parts that may be committed, and cuts the answer to what invariant 2 allows.
func (t *Task) preCommit(parts []connect.TopicPartition) (connect.Offsets, error) {
	put := connect.Offsets{}
	for _, tp := range parts {
		if p := t.parts[tp]; p.put >= 0 {
			put[tp] = p.put
		}
	}
	given := make(connect.Offsets, len(put)) // the task may keep and change its own
	for tp, o := range put {
		given[tp] = o
	}
	var answer connect.Offsets
	err := t.call("PreCommit", func() (err error) { answer, err = t.cfg.Task.PreCommit(t.life, given); return err })
	if err != nil {
		if _, ok := connect.RetryAfter(err); ok {
			t.cfg.Log.Warn("PreCommit failed; offsets are committed next time", "error", err)
			return nil, nil
		}
		return nil, fmt.Errorf("preparing the offset commit: %w", err)
	}
	out := connect.Offsets{}
	for tp, o := range answer {
		if o, ok := t.allowed(tp, o, put); ok {
			out[tp] = o
		}
	}
	return out, nil
}

// allowed cuts one offset of the task's answer. (Invariant 2)
func (t *Task) allowed(tp connect.TopicPartition, o int64, put connect.Offsets) (int64, bool) {
	top, known := put[tp]
	if !known || o > top || o < 0 {
		t.cfg.Log.Warn("PreCommit returned an offset beyond what was put, or of a partition not held; it is ignored",
			"topic", tp.Topic, "partition", tp.Partition, "offset", o)
		return 0, false
	}
	if oldest, ok := t.cfg.Chain.DeadLetter().Oldest(tp); ok {
		o = min(o, oldest)
	}
	return o, o != t.parts[tp].committed
}

// beginCommit starts a commit of all partitions; the loop goes on meanwhile.
func (t *Task) beginCommit() error {
	if t.commit != nil || len(t.parts) == 0 {
		return nil // the one under way will be followed by the next interval's
	}
	offsets, err := t.preCommit(t.assignment())
	if err != nil || len(offsets) == 0 {
		return err
	}
	c := &commit{offsets: offsets, begin: time.Now(), done: make(chan struct{})}
	t.commit = c
	s := t.sess
	t.commits.Go(func() {
		defer close(c.done)
		c.err = t.send(s, offsets)
	})
	return nil
}

// commitDone is closed when the commit under way has its answer; nil if there is none.
func (t *Task) commitDone() <-chan struct{} {
	if t.commit == nil {
		return nil
	}
	return t.commit.done
}

// reapCommit takes the answer of a commit that has ended.
func (t *Task) reapCommit() {
	if t.commit == nil {
		return
	}
	select {
	case <-t.commit.done:
		t.waitCommit()
	default:
	}
}

// waitCommit waits for the commit under way; its own time-out bounds that.
func (t *Task) waitCommit() {
	c := t.commit
	if c == nil {
		return
	}
	<-c.done
	t.commit = nil
	t.settle(c)
}

// commitNow commits and waits for the answer. A failure is logged: the records come again, to whoever gets the partitions.
func (t *Task) commitNow(offsets connect.Offsets) {
	c := &commit{offsets: offsets, begin: time.Now()}
	c.err = t.send(t.sess, offsets)
	t.settle(c)
}

func (t *Task) settle(c *commit) {
	t.live.failing.Store(c.err != nil)
	if c.err != nil {
		t.count.commitFail(1)
		if !t.fence.Closed() {
			t.cfg.Log.Warn("Committing offsets failed", "error", c.err)
		}
		return
	}
	t.count.commitOK(1)
	t.live.commits.Add(1)
	t.count.commitSecs(time.Since(c.begin).Seconds())
	for tp, o := range c.offsets {
		if p := t.parts[tp]; p != nil {
			p.committed = o
		}
	}
}

// send is one commit request. Any goroutine. The group itself refuses it if the member is no longer in it.
func (t *Task) send(s *session, offsets connect.Offsets) error {
	if t.fence.Closed() || s.isDead() {
		return pipeline.ErrAbandoned // invariant 3
	}
	m := map[string]map[int32]kgo.EpochOffset{}
	for tp, o := range offsets {
		if m[tp.Topic] == nil {
			m[tp.Topic] = map[int32]kgo.EpochOffset{}
		}
		m[tp.Topic][tp.Partition] = kgo.EpochOffset{Epoch: -1, Offset: o}
	}
	ctx, cancel := context.WithTimeout(t.life, t.cfg.CommitTimeout)
	defer cancel()
	var err error
	s.client.CommitOffsetsSync(ctx, m, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, rerr error) {
		err = commitError(resp, rerr)
	})
	return err
}

func commitError(resp *kmsg.OffsetCommitResponse, err error) error {
	if err != nil {
		return fmt.Errorf("committing offsets: %w", err)
	}
	var errs []error
	for _, topic := range resp.Topics {
		for _, p := range topic.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				errs = append(errs, fmt.Errorf("committing the offset of topic %q, partition %d: %w", topic.Topic, p.Partition, err))
			}
		}
	}
	return errors.Join(errs...)
}
