package sourcetask

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

const (
	pollRetryFirst = 100 * time.Millisecond
	pollRetryMost  = 10 * time.Second
	// An empty poll that took less than quickPoll is followed by a pause as long: a task that never blocks must not take a core.
	quickPoll = 5 * time.Millisecond
)

// Run starts the task and moves records until ctx ends, then stops it gracefully. It returns nil after a stop, the error of a task
// that failed, and pipeline.ErrAbandoned. Call it once.
func (t *Task) Run(ctx context.Context) error {
	err := t.run(ctx)
	// All contexts end here, whatever happened: nothing of the task survives Run.
	t.cancelLife()
	t.mem.Close()
	t.cfg.Chain.DeadLetter().Close()
	err = errors.Join(err, protect(t.cfg.Chain.Close), t.fan.close())
	switch {
	case t.fence.Closed():
		return pipeline.ErrAbandoned
	case err != nil:
		t.events.Failed(err)
	default:
		t.events.Stopped()
	}
	return err
}

func (t *Task) run(ctx context.Context) error {
	// Stopping begins now, and gets CommitTimeout to send and acknowledge what was polled.
	var deadline *time.Timer
	stop := context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		deadline = time.AfterFunc(t.cfg.CommitTimeout, t.cancelSend)
		t.cancelPoll()
	})
	defer func() {
		stop()
		t.mu.Lock()
		defer t.mu.Unlock()
		if deadline != nil {
			deadline.Stop()
		}
	}()
	if paused, _ := t.gate.Paused(); paused {
		t.events.Paused()
		if !t.gate.Await(t.poll) {
			return nil // never started, so there is nothing to stop
		}
	}
	if err := t.connect(); err != nil {
		return err
	}
	if t.txn != nil {
		if err := t.txn.begin(t.poll); err != nil || t.poll.Err() != nil {
			t.close()
			if t.poll.Err() != nil {
				return nil // told to stop while starting: no failure, and the task was never started
			}
			return err
		}
	}
	err := t.start()
	if err == nil {
		err = t.work()
	}
	t.close() // before Stop: no promise may call the task afterwards
	t.cfg.Chain.DeadLetter().Close()
	return errors.Join(err, t.stop())
}

func (t *Task) start() error {
	ctx, cancel := context.WithCancel(t.poll)
	defer cancel()
	err := protect(func() error { return t.cfg.Task.Start(ctx, t.cfg.Context) })
	switch {
	case err == nil:
		return nil
	case t.poll.Err() != nil && errors.Is(err, context.Canceled):
		return nil // told to stop while starting: no failure
	default:
		return fmt.Errorf("starting the task: %w", err)
	}
}

func (t *Task) stop() error {
	if err := protect(func() error { return t.cfg.Task.Stop(t.life) }); err != nil {
		return fmt.Errorf("stopping the task: %w", err)
	}
	return nil
}

// work moves records until the task stops or fails; all it started has ended when it returns.
func (t *Task) work() error {
	if t.poll.Err() == nil {
		t.events.Started()
	}
	ticking, stopTicking := context.WithCancel(t.life)
	defer stopTicking()
	var sender, ticker sync.WaitGroup
	if t.txn != nil {
		sender.Go(t.sendInTransactions)
	} else {
		sender.Go(t.sendBatches)
		ticker.Go(func() { t.commitEvery(ticking) })
	}

	err := t.pollBatches()
	return t.finish(&sender, &ticker, stopTicking, err)
}

// finish sends and stores what was polled, also after a failure: what is acknowledged is worth storing
// (WorkerSourceTask.finalOffsetCommit).
func (t *Task) finish(sender, ticker *sync.WaitGroup, stopTicking func(), pollErr error) error {
	limit := time.AfterFunc(t.cfg.CommitTimeout, t.cancelSend)
	defer limit.Stop()
	close(t.batches)
	sender.Wait()
	if t.txn != nil { // the sender has ended its transaction
		return cmp.Or(t.failed(), pollErr)
	}
	drain, cancel := context.WithTimeout(t.life, t.cfg.CommitTimeout)
	defer cancel()
	if err := t.client.Flush(drain); err != nil && !t.fence.Closed() {
		t.cfg.Log.Warn("Records were not acknowledged before the deadline; they will be read again", "error", err)
	}
	if err := t.cfg.Chain.DeadLetter().Flush(drain); err != nil && !t.fence.Closed() {
		t.cfg.Log.Warn("Dead letters are not durable; their records will be read again", "error", err)
	}
	stopTicking()
	ticker.Wait()
	if err := t.commit(t.life); err != nil && !t.fence.Closed() {
		t.cfg.Log.Error("The last offset commit failed; records will be read again", "error", err)
	}
	if err := t.failed(); err != nil {
		return err
	}
	return pollErr
}

// pollBatches calls Poll until the task is to stop.
func (t *Task) pollBatches() error {
	for attempt := 0; ; {
		if !t.unpaused() {
			return nil
		}
		begin := time.Now()
		batch, err := t.pollOnce()
		took := time.Since(begin)
		p := polled{records: batch}
		if t.txn != nil && t.txn.asked != nil {
			p.asked, p.marks = t.txn.asked.take()
		}
		if n := len(batch); n > 0 || p.asked != 0 || len(p.marks) > 0 {
			t.count.poll(int64(n))
			t.count.batchSize(float64(n)) // 0 if a transaction was asked to end, and nothing else
			t.count.pollSeconds(took.Seconds())
			t.polled.Add(int64(n))
			t.active.Add(int64(n))
			select {
			case t.batches <- p:
			case <-t.send.Done():
				return nil
			}
		}
		switch after, retriable := connect.RetryAfter(err); {
		case t.poll.Err() != nil:
			return nil //nolint:nilerr // told to stop; the error, if any, comes from that
		case err == nil:
			attempt = 0
			if len(batch) == 0 && took < quickPoll {
				pipeline.Sleep(t.poll, quickPoll)
			}
		case retriable:
			attempt++
			t.cfg.Log.Warn("Polling failed and will be tried again", "error", err)
			pipeline.Sleep(t.poll, max(after, pipeline.Backoff(attempt, pollRetryFirst, pollRetryMost)))
		default:
			return fmt.Errorf("polling (stage %s): %w", pipeline.TaskPoll, err)
		}
	}
}

func (t *Task) pollOnce() (batch []*connect.SourceRecord, err error) {
	t.polling.Store(true)
	err = protect(func() (err error) { batch, err = t.cfg.Task.Poll(t.poll); return err })
	t.polls.Add(1)
	t.polling.Store(false)
	return batch, err
}

// unpaused waits while the task is paused; false if it is to stop.
func (t *Task) unpaused() bool {
	if paused, _ := t.gate.Paused(); !paused {
		return t.poll.Err() == nil
	}
	// The empty batch is taken only when the one before it is finished.
	select {
	case t.batches <- polled{last: true}:
	case <-t.send.Done():
		return false
	}
	if t.poll.Err() != nil {
		return false
	}
	t.events.Paused()
	if !t.gate.Await(t.poll) {
		return false
	}
	t.events.Resumed()
	return true
}
