package cdc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/connectd/connectd/connect"
)

// task is the connector's one task.
type task struct {
	flavor *flavor
	q      *queue
	cancel context.CancelFunc
	done   sync.WaitGroup
	topic  connect.TopicLog
	tables connect.TopicLog // may be nil
	now    func() time.Time

	pollWait, linger time.Duration

	meter atomic.Pointer[meter] // of the reader; Progress may be called at any time
}

// Interface guards.
var (
	_ connect.SourceTask = (*task)(nil)
	_ connect.Recycler   = (*task)(nil)
)

// Start reads the stored offset, opens the schema history and starts the reader, which does everything else: what fails there is
// returned by Poll.
func (t *task) Start(ctx context.Context, tc connect.SourceTaskContext) error {
	noteKeys(tc.Log, tc.Config)
	set, err := settingsOf(tc.Config)
	if err != nil {
		return err
	}
	if t.flavor != nil {
		set.flavor = t.flavor
		set.row.Comments = set.row.Comments || t.flavor.commentsWithChanges && set.schemaChanges
	}
	if t.now == nil {
		t.now = time.Now
	}
	stored, err := readOffset(ctx, tc, set)
	if err != nil {
		return err
	}
	if t.topic, err = openHistory(ctx, set, tc.Logs); err != nil {
		return err
	}
	t.tables = openTables(ctx, set, tc.Logs, tc.Log)
	t.pollWait, t.linger = set.pollWait, set.linger
	t.q = newQueue(max(set.batchSize, recordsPerRow), set.queueSize, set.queueBytes)
	r := newReader(readerConfig{set: set, task: tc.ID.Task, queue: t.q, log: tc.Log, stored: stored, topic: t.topic, tables: t.tables, now: t.now, metrics: tc.Metrics, logs: tc.Logs, commitSoon: tc.CommitSoon})
	t.meter.Store(r.meter)
	t.q.measure(tc.Metrics)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t.cancel = cancel
	t.done.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				t.q.fail(fmt.Errorf("reading MySQL: %v", p)) // the task fails, the worker lives
			}
		}()
		if err := r.run(run); err != nil && run.Err() == nil {
			t.q.fail(err)
		}
	})
	return nil
}

// readOffset reads the stored offset; nil if there is none.
func readOffset(ctx context.Context, tc connect.SourceTaskContext, set *settings) (*offset, error) {
	docs, err := tc.Offsets.Read(ctx, sourcePartition(set.prefix))
	if err != nil {
		return nil, fmt.Errorf("reading the stored offset: %w", err)
	}
	if len(docs) == 0 || docs[0] == nil || string(docs[0]) == "null" {
		return nil, nil
	}
	o, other, err := parseOffset(docs[0])
	if err != nil {
		return nil, err
	}
	if len(other) > 0 {
		tc.Log.Warn("the stored offset has parts that are not used", "keys", other)
	}
	return o, nil
}

// Poll returns what is there at once, else what comes within poll.interval.ms. With poll.dispatch.interval.ms it waits that long for a
// batch to be full.
func (t *task) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	return t.q.take(ctx, t.pollWait, t.linger)
}

// Stop ends the reader and waits for it.
func (t *task) Stop(context.Context) error {
	if t.cancel != nil {
		t.cancel()
		t.done.Wait()
	}
	var errs []error
	for _, l := range []connect.TopicLog{t.topic, t.tables} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// Recycle takes back a batch; its memory is used again.
func (t *task) Recycle(b []*connect.SourceRecord) { t.q.recycle(b) }
