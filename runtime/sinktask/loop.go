package sinktask

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

const (
	putRetryFirst = 100 * time.Millisecond
	putRetryMost  = 10 * time.Second
)

// work is the loop, from the first join to the last commit.
func (t *Task) work(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.life, cancel)()
	if err := t.join(); err != nil {
		return err
	}
	t.next = time.Now().Add(t.cfg.CommitInterval)
	var err error
	for err == nil && ctx.Err() == nil {
		err = t.iterate(ctx)
		t.noteLag()
	}
	if ctx.Err() != nil {
		err = t.broken // what a stop interrupts is no failure; what failed by itself is
	}
	if t.fence.Closed() {
		t.sess.close()
		return pipeline.ErrAbandoned
	}
	// Also after a failure: what the task has taken charge of is worth committing (WorkerSinkTask.closeAllPartitions).
	t.broken = nil
	if t.sess.isDead() {
		t.closePartitions(t.assignment(), true)
	} else {
		t.closePartitions(t.assignment(), false)
	}
	if err == nil {
		err = t.broken
	}
	t.sess.close()
	return err
}

// iterate is one turn: apply what was asked for, commit if it is time, then put the held batch or the next one.
func (t *Task) iterate(ctx context.Context) error {
	if err := t.rejoin(); err != nil {
		return err
	}
	t.reapCommit()
	if t.broken != nil {
		return t.broken
	}
	select { // what woke us is applied below; what comes later ends the poll
	case <-t.ctl.wake:
	default:
	}
	if err := t.cfg.Chain.DeadLetter().Err(); err != nil {
		return err
	}
	if err := t.sess.refused.Load(); err != nil {
		return *err
	}
	if !t.letterRoom(ctx) {
		return t.broken
	}
	t.applyState()
	t.applySeeks()
	if t.ctl.takeCommit() || !time.Now().Before(t.next) {
		t.next = time.Now().Add(t.cfg.CommitInterval)
		if err := t.beginCommit(); err != nil {
			return err
		}
	}
	if t.holding {
		if !t.waitHeld(ctx) {
			return nil
		}
	} else {
		err := t.fill(ctx)
		t.inHand()
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil || t.broken != nil || t.sess.isDead() {
		return t.broken
	}
	err := t.put()
	t.sess.client.AllowRebalance()
	return err
}

// rejoin makes a new session in place of one that left the group because the task was too slow.
func (t *Task) rejoin() error {
	if !t.sess.isDead() {
		return nil
	}
	t.waitCommit()
	t.closePartitions(t.assignment(), true)
	t.sess.close()
	return t.join()
}

// fill gets the next batch, which may be empty: parked records first, then a poll.
func (t *Task) fill(ctx context.Context) error {
	t.batch.reset()
	if parked := t.takeParked(); len(parked) > 0 {
		return t.decode(ctx, parked)
	}
	fetches := t.poll(ctx, t.pollTimeout())
	var failure error
	fetches.EachError(func(topic string, p int32, err error) {
		f, ignore := fetchError(topic, p, err)
		switch {
		case ignore:
		case f != nil && failure == nil:
			failure = f
		default:
			t.cfg.Log.Warn("Consuming failed and is tried again", "topic", topic, "partition", p, "error", err)
		}
	})
	if failure != nil && ctx.Err() == nil {
		return failure
	}
	return t.decode(ctx, t.sort(fetches))
}

// pollTimeout is the time to the next commit, less if the task asked for it.
func (t *Task) pollTimeout() time.Duration {
	d := max(time.Until(t.next), time.Millisecond)
	if limit := t.ctl.takeTimeout(); limit > 0 {
		d = min(d, limit)
	}
	return d
}

// poll has the fetcher poll, and serves the consumer group meanwhile: the poll may be waiting for just that.
func (t *Task) poll(ctx context.Context, timeout time.Duration) kgo.Fetches {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	s := t.sess
	t.limitFetches(s)
	s.polls <- ctx
	for {
		select {
		case f := <-s.results:
			return f
		case r := <-s.requests:
			t.serve(r)
		case <-t.ctl.wake:
			cancel()
		case <-t.commitDone():
			t.reapCommit()
		case <-s.dead:
			cancel()
			return <-s.results
		}
	}
}

// maxLetters bounds the dead letters on their way, in bytes.
const maxLetters = 8 << 20

// letterRoom waits until the dead letters on their way are durable if they are too many, and serves the consumer group meanwhile.
// false: stopped, or a turn is due.
func (t *Task) letterRoom(ctx context.Context) bool {
	d := t.cfg.Chain.DeadLetter()
	if d.Waiting() < maxLetters {
		return true
	}
	commit := time.NewTimer(time.Until(t.next))
	defer commit.Stop()
	for {
		select {
		case <-d.Idle():
			return true
		case <-ctx.Done():
			return false
		case <-commit.C:
			return true // the commit of this turn is cut to what is durable
		case <-t.commitDone():
			t.reapCommit()
		case r := <-t.sess.requests:
			t.serve(r)
			if t.broken != nil {
				return false
			}
		case <-t.sess.dead:
			return false
		}
	}
}

// waitHeld waits until a held batch is to be put again, and serves the consumer group meanwhile. false: stopped, or nothing is left.
func (t *Task) waitHeld(ctx context.Context) bool {
	timer := time.NewTimer(time.Until(t.retryAt))
	defer timer.Stop()
	commit := time.NewTimer(time.Until(t.next))
	defer commit.Stop()
	for t.holding {
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		case <-commit.C:
			return false // the next turn commits
		case <-t.commitDone():
			t.reapCommit()
		case r := <-t.sess.requests:
			t.serve(r)
			if t.broken != nil {
				return false
			}
		case <-t.ctl.wake:
			return false // the next turn applies what was asked for
		case <-t.sess.dead:
			return false
		}
	}
	return false
}

// applyState brings the pauses of the owner and of the task to the client. A pause reaches it only when it has outlasted a poll: the
// client throws buffered fetches of paused partitions away, so a short one would cost a fetch each time.
func (t *Task) applyState() {
	all, _ := t.gate.Paused()
	if all != t.pausedAll {
		if t.pausedAll = all; all {
			t.events.Paused()
		} else {
			t.events.Resumed()
		}
	}
	for tp, p := range t.parts {
		want := all || t.ctl.isPaused(tp)
		m := map[string][]int32{tp.Topic: {tp.Partition}}
		switch {
		case !want && p.kafkaPaused:
			t.sess.client.ResumeFetchPartitions(m)
			p.kafkaPaused = false
		case want && !p.kafkaPaused && p.pausedPolls > 0:
			t.sess.client.PauseFetchPartitions(m)
			p.kafkaPaused = true
		}
		if !want {
			p.pausedPolls = 0
		}
	}
}

// applySeeks moves partitions to where the task wants them. Records at hand from before are dropped.
func (t *Task) applySeeks() {
	for tp, p := range t.parts {
		to, ok := t.ctl.seekOf(tp)
		if !ok {
			continue
		}
		b, begun := t.sess.beginning(tp)
		switch {
		case !begun:
			continue // adjust will see to it
		case t.soughtByAdjust(tp, p, to):
			continue
		case b.offset < 0 && !p.polled:
			continue // SetOffsets would not take: at the partition's first record
		}
		t.sess.client.SetOffsets(map[string]map[int32]kgo.EpochOffset{tp.Topic: {tp.Partition: {Epoch: -1, Offset: to}}})
		p.parked, p.put = nil, to
		t.drop(map[connect.TopicPartition]struct{}{tp: {}})
		t.ctl.seekDone(tp, to)
	}
}

// soughtByAdjust settles a Seek from Open, which took effect before the first fetch.
func (t *Task) soughtByAdjust(tp connect.TopicPartition, p *partition, to int64) bool {
	b, begun := t.sess.beginning(tp)
	if !begun || !b.sought || b.offset != to || p.polled {
		return false
	}
	p.put = to
	t.ctl.seekDone(tp, to)
	return true
}
