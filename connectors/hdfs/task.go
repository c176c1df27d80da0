package hdfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// concurrency is how many files are under way in HDFS at a time: a small file costs 8 to 20 ms of waiting.
const concurrency = 16

// task is one task of the connector: a writer per topic partition. All methods run on one goroutine; those started in between end
// before the method returns.
type task struct {
	connectFS func() (fileSystem, string, error) // replaced by tests
	now       func() time.Time

	tc      connect.SinkTaskContext
	target  target
	conf    config.Values
	backoff time.Duration
	set     *settings // nil until HDFS could be reached
	writers map[connect.TopicPartition]*writer
	// again: the last Put held its batch, and it comes again; fresh: this one did not come before.
	again, fresh bool
	// bad are records found bad in a batch that was held; they are reported when the batch is done with.
	bad []connect.RecordError
}

var (
	_ connect.SinkTask     = (*task)(nil)
	_ connect.DocumentTask = (*task)(nil)
)

func newTask() *task { return &task{now: time.Now, writers: map[connect.TopicPartition]*writer{}} }

// Start reads the configuration; an unreachable NameNode is waited for in Put.
func (t *task) Start(_ context.Context, tc connect.SinkTaskContext) error {
	t.tc, t.conf = tc, tc.Config
	if p := validate(tc.Config); len(p) > 0 {
		return fmt.Errorf("%s: %s", p[0].Key, p[0].Message)
	}
	t.backoff = config.Millis(retryBackoff, tc.Config)
	var err error
	if t.target, err = parseURL(tc.Config); err != nil {
		return err
	}
	if t.connectFS == nil {
		dir := hadoopConfDir.Get(tc.Config)
		t.connectFS = func() (fileSystem, string, error) { return t.target.connect(dir) }
	}
	return nil
}

// TakesDocuments: JSON files, and directories and rotation that no field of the value decides.
func (t *task) TakesDocuments() bool {
	p, err := newPartitioner(t.conf, t.now)
	return err == nil && formatClass.Get(t.conf) == jsonFormat && !p.readsValue()
}

// setUp reaches HDFS, once.
func (t *task) setUp() error {
	if t.set != nil {
		return nil
	}
	f, base, err := t.connectFS()
	if err != nil {
		return err
	}
	v := t.conf
	s := &settings{
		fs: f, format: newFormat(v), compat: parseCompatibility(schemaCompat.Get(v)), flushSize: int(flushSize.Get(v)),
		interval: rotateInterval.Get(v), schedule: rotateSchedule.Get(v), now: t.now,
		slots: make(chan struct{}, concurrency), log: t.tc.Log,
	}
	if s.zone, err = loadZone(timezone.Get(v)); err == nil {
		s.layout, err = newLayout(v, base)
	}
	if err == nil {
		s.partition, err = newPartitioner(v, t.now)
	}
	if err != nil {
		return &fatalError{errors.Join(err, f.Close())}
	}
	t.set = s
	return nil
}

// Open starts the writers of new partitions and recovers them. If HDFS cannot be reached, Put goes on trying before it takes a
// record.
func (t *task) Open(ctx context.Context, parts []connect.TopicPartition) error {
	if err := t.setUp(); err != nil {
		if fatal(err) {
			return err
		}
		t.tc.Log.Warn("HDFS cannot be reached, trying again", "error", err)
	}
	for _, tp := range parts {
		if t.writers[tp] != nil {
			continue
		}
		t.writers[tp] = nil // made in recover
	}
	if err := t.recover(ctx); err != nil {
		if fatal(err) {
			return err
		}
		t.tc.Log.Warn("recovering from HDFS failed, trying again", "error", err)
	}
	return nil
}

// recover brings all recovering writers to writing, and seeks to what they found committed.
func (t *task) recover(ctx context.Context) error {
	if err := t.setUp(); err != nil {
		return err
	}
	var todo []*writer
	for tp, w := range t.writers {
		if w == nil {
			var err error
			if w, err = newWriter(t.set, tp); err != nil {
				return &fatalError{err}
			}
			t.writers[tp] = w
		}
		if w.state == recovering {
			todo = append(todo, w)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	ends := make([]int64, len(todo))
	err := t.each(ctx, todo, func(i int, w *writer) error {
		if err := w.fence(); err != nil {
			return err
		}
		var err error
		ends[i], err = w.takeOver()
		return err
	})
	if err != nil {
		return err
	}
	return t.resume(ctx, todo, ends)
}

// resume reads what is committed from the file names, once a topic, and goes on from there. Only after fence: see doc.go.
func (t *task) resume(ctx context.Context, todo []*writer, ends []int64) error {
	scans := map[string]map[int32]int64{}
	seek := connect.Offsets{}
	for i, w := range todo {
		found, ok := scans[w.topicDir]
		if !ok {
			var err error
			if found, err = scan(ctx, t.set.fs, w.topicDir, w.tp.Topic); err != nil {
				return err
			}
			scans[w.topicDir] = found
		}
		end := ends[i]
		if e, ok := found[w.tp.Partition]; ok {
			end = max(end, e)
		}
		if end != unknown {
			ends[i] = end
			seek[w.tp] = end + 1
		}
	}
	for i, w := range todo {
		w.committed, w.next = unknown, 0
		if ends[i] != unknown {
			w.committed = ends[i] + 1
			w.next = w.committed
		}
		w.seeking = false
		if w.lost && ends[i] == unknown {
			seek[w.tp] = w.first // nothing is committed: from where the first attempt began
		}
		w.seekTo, w.seeking = seek[w.tp]
		w.lost = false
		w.becomeWriting()
		t.tc.Log.Info("topic partition recovered", "topic", w.tp.Topic, "partition", w.tp.Partition, "offset", w.committed)
	}
	if len(seek) > 0 {
		t.tc.Control.Seek(seek)
	}
	return nil
}

// each runs f for the writers at the same time, at most as many as there are slots, and returns all errors; a fatal one first.
func (t *task) each(ctx context.Context, ws []*writer, f func(i int, w *writer) error) error {
	errs := make([]error, len(ws))
	limit := make(chan struct{}, concurrency)
	var wg sync.WaitGroup
	for i, w := range ws {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			if errs[i] = ctx.Err(); errs[i] == nil {
				errs[i] = contained(func() error { return f(i, w) })
			}
		})
	}
	wg.Wait()
	slices.SortStableFunc(errs, func(a, b error) int { return rank(a) - rank(b) })
	return errs[0]
}

// contained makes a panic an error: one on a goroutine would take the whole process down. The state of what panicked is not to be
// trusted any more, so that the error ends the task.
func contained(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &fatalError{fmt.Errorf("panic in the HDFS sink: %v\n%s", p, debug.Stack())}
		}
	}()
	return f()
}

func rank(err error) int {
	switch {
	case fatal(err):
		return 0
	case err != nil:
		return 1
	default:
		return 2
	}
}

// fatal tells errors that waiting does not mend.
func fatal(err error) bool {
	_, ok := errors.AsType[*fatalError](err)
	return ok || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid)
}

// Put takes the batch and commits what is complete. While HDFS fails, the batch is held.
func (t *task) Put(ctx context.Context, batch []*connect.SinkRecord) error {
	t.fresh = !t.again
	if t.fresh {
		for _, w := range t.writers {
			if w != nil {
				w.seeking = false
			}
		}
	}
	t.again = true
	if err := t.step(ctx, batch); err != nil {
		if fatal(err) || ctx.Err() != nil {
			return err
		}
		return connect.Retriable(err, t.backoff)
	}
	t.again = false
	t.wake()
	if len(t.bad) > 0 {
		err := &connect.PutError{Failed: t.bad}
		t.bad = nil
		return err
	}
	return nil
}

func (t *task) step(ctx context.Context, batch []*connect.SinkRecord) error {
	if err := t.recover(ctx); err != nil {
		return err
	}
	for _, r := range batch {
		if err := t.take(r); err != nil {
			return err
		}
	}
	now := t.now().UnixMilli()
	var todo []*writer
	for _, w := range t.writers {
		if err := w.sealDue(now); err != nil {
			return t.spoilt(w, err)
		}
		if w.state == committing {
			todo = append(todo, w)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	return t.commit(ctx, todo)
}

// take gives one record to its writer, unless it was taken before or is to be read again.
func (t *task) take(r *connect.SinkRecord) error {
	w := t.writers[r.Original.TopicPartition]
	if w == nil {
		return &fatalError{fmt.Errorf("a record of %s, which is not assigned to this task", r.Original.TopicPartition)}
	}
	if w.seeking {
		// A record is dropped only if it is asked for again in the same Put. (A held batch may have gone meanwhile, and this be a
		// new one.)
		t.tc.Control.Seek(connect.Offsets{w.tp: w.seekTo})
		return nil
	}
	if r.Original.Offset < w.next {
		if t.fresh && r.Original.Offset < w.committed {
			w.warnOld(r.Original.Offset)
		}
		return nil
	}
	if !w.started {
		w.started, w.first = true, r.Original.Offset
	}
	err := w.write(r)
	if bad, ok := errors.AsType[*badRecord](err); ok {
		t.bad = append(t.bad, connect.RecordError{Record: r, Err: bad.err})
		return nil
	}
	if err != nil {
		return t.spoilt(w, err)
	}
	return nil
}

// warnOld tells, once, that records come again whose offsets are committed: they are skipped, which is a loss if the topic is not the
// one the files were written from.
func (w *writer) warnOld(offset int64) {
	if w.warned {
		return
	}
	w.warned = true
	w.log.Warn("skipping records whose offsets are in HDFS already; if the topic was deleted and made anew, or lost its end, "+
		"move its files away or write to another topics.dir, and restart the connector",
		"topic", w.tp.Topic, "partition", w.tp.Partition, "offset", offset, "committed", w.committed)
}

// spoilt gives up what the writer holds: its generation cannot be completed.
func (t *task) spoilt(w *writer, err error) error {
	w.lose()
	return fmt.Errorf("%s: %w", w.tp, err)
}

// commit brings sealed generations to HDFS. Writers that were fenced off recover at once.
func (t *task) commit(ctx context.Context, todo []*writer) error {
	err := t.each(ctx, todo, func(_ int, w *writer) error {
		err := w.commit(ctx)
		if errors.Is(err, errLost) {
			w.log.Warn("the commit was refused, reading again from what is committed", "topic", w.tp.Topic, "partition", w.tp.Partition, "error", err)
			w.lose()
			return nil
		}
		if err != nil {
			return fmt.Errorf("committing %s: %w", w.tp, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return t.recover(ctx)
}

// wake asks for the next Put in time for the first rotation that is due.
func (t *task) wake() {
	first := int64(-1)
	for _, w := range t.writers {
		if d, ok := w.deadline(); ok && (first < 0 || d < first) {
			first = d
		}
	}
	if first >= 0 {
		t.tc.Control.Timeout(time.Duration(max(first-t.now().UnixMilli(), 1)) * time.Millisecond)
	}
}

// PreCommit answers with what is in HDFS, never more.
func (t *task) PreCommit(_ context.Context, put connect.Offsets) (connect.Offsets, error) {
	out := connect.Offsets{}
	for tp, w := range t.writers {
		if w == nil || w.state == recovering || w.committed == unknown {
			continue
		}
		if at, ok := put[tp]; ok && w.committed <= at {
			out[tp] = w.committed
		}
	}
	return out, nil
}

// Close drops what is not committed; it is read again by whoever gets the partition.
func (t *task) Close(ctx context.Context, parts []connect.TopicPartition, _ bool) error {
	var gone []*writer
	for _, tp := range parts {
		if w := t.writers[tp]; w != nil {
			gone = append(gone, w)
		}
		delete(t.writers, tp)
		t.bad = slices.DeleteFunc(t.bad, func(b connect.RecordError) bool { return b.Record.Original.TopicPartition == tp })
	}
	if len(gone) == 0 {
		return nil
	}
	// It is only tidiness, and a NameNode that hangs costs a minute a call: others may be waiting for the partitions.
	var failed atomic.Bool
	err := t.each(ctx, gone, func(_ int, w *writer) error {
		err := w.close(!failed.Load())
		if err != nil {
			failed.Store(true)
		}
		return err
	})
	if err != nil {
		t.tc.Log.Info("could not tidy up temporary files, the next task will", "error", err)
	}
	return nil
}

// close drops what is not committed, and if tidy removes the attempt's directory, unless a manifest in it may still have to be
// carried out.
func (w *writer) close(tidy bool) error {
	pending := slices.ContainsFunc(w.sealed, func(g *generation) bool { return g.seq > 0 })
	was := w.state
	w.becomeRecovering()
	if was == recovering || pending || !tidy {
		return nil
	}
	return w.fs.Remove(w.attempt)
}

// Stop closes what is left.
func (t *task) Stop(ctx context.Context) error {
	var parts []connect.TopicPartition
	for tp := range t.writers {
		parts = append(parts, tp)
	}
	err := t.Close(ctx, parts, true)
	if t.set != nil {
		err = errors.Join(err, ignoreClosed(t.set.fs.Close()))
		t.set = nil
	}
	return err
}

func ignoreClosed(err error) error {
	if err != nil && strings.Contains(err.Error(), "use of closed network connection") {
		return nil
	}
	return err
}
