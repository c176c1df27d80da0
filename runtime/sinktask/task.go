package sinktask

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/pipeline"
)

// Task is one instance of a sink task. Make it with New, run it once.
type Task struct {
	cfg    Config
	events pipeline.Events
	fence  pipeline.Fence
	gate   *pipeline.Gate
	ctl    *control
	count  counters
	live   liveness

	life       context.Context // ends when the instance is abandoned, and with Run
	cancelLife context.CancelFunc

	mu   sync.Mutex
	sess *session // replaced by the loop; read by Abandon

	mem  *memory.Account
	held int64 // of it, what is in hand; the loop's own

	// The loop's own.
	parts     map[connect.TopicPartition]*partition
	batch     batch     // polled and not yet taken by the task
	holding   bool      // Put was retriable: batch is put again at retryAt
	retryAt   time.Time // only while holding
	attempt   int
	pausedAll bool // PAUSED was reported
	next      time.Time
	commit    *commit // under way, or nil
	broken    error   // found while serving a rebalance; the loop ends with it
	commits   sync.WaitGroup
}

// partition is what the loop knows of one assigned topic partition.
type partition struct {
	put       int64 // the offset after the last record put; -1: none yet
	committed int64 // -1: not known
	end       int64 // of the topic partition as of the last fetch with records

	parked      []*kgo.Record // polled while paused, delivered on resume
	pausedPolls int           // polls that went by while it was paused
	kafkaPaused bool
	polled      bool // a record was polled: SetOffsets takes effect
}

type counters struct {
	read, send, commitOK, commitFail  func(int64)
	batchSize, putSeconds, commitSecs func(float64)
}

// New makes a task; it starts nothing.
func New(cfg Config) *Task {
	cfg.setDefaults()
	t := &Task{cfg: cfg, gate: pipeline.NewGate(cfg.Paused), ctl: newControl(), parts: map[connect.TopicPartition]*partition{}}
	t.events = cfg.Events.Guarded(&t.fence)
	t.mem = cfg.Memory.Open(nil)
	t.life, t.cancelLife = context.WithCancel(context.Background())
	if cfg.Chain.Reports() {
		t.ctl.reporter = &reporter{chain: cfg.Chain, fence: &t.fence, life: t.life}
	}
	t.cfg.Context.Control = t.ctl
	m := cfg.Metrics
	t.count = counters{
		read: m.Counter(&metrics.SinkRecordRead.Metric), send: m.Counter(&metrics.SinkRecordSend.Metric),
		commitOK: m.Counter(&metrics.OffsetCommitSuccess.Metric), commitFail: m.Counter(&metrics.OffsetCommitFailure.Metric),
		batchSize: m.Histogram(&metrics.BatchSize.Metric), putSeconds: m.Histogram(&metrics.SinkPutTime.Metric),
		commitSecs: m.Histogram(&metrics.OffsetCommitTime.Metric),
	}
	m.Gauge(&metrics.TaskMemory.Metric, func() float64 { return float64(t.mem.Used()) })
	m.Gauge(&metrics.TaskMemoryShare.Metric, func() float64 { return float64(t.mem.Share()) })
	m.Gauge(&metrics.SinkPartitions.Metric, func() float64 { return float64(len(t.ctl.Assignment())) })
	return t
}

// Pause asks for PAUSED: the partitions stay, records are held back, and Put still gets empty batches. Any goroutine; returns at once.
func (t *Task) Pause() { t.gate.Set(true); t.ctl.poke() }

// Resume asks for RUNNING. Any goroutine; returns at once.
func (t *Task) Resume() { t.gate.Set(false); t.ctl.poke() }

// Abandon gives the instance up: it can neither commit nor report from now on, and its Kafka clients are closed. Run may still be
// stuck in the task; it returns pipeline.ErrAbandoned once the task lets go. Any goroutine; returns at once.
func (t *Task) Abandon() {
	if !t.fence.Close() {
		return
	}
	t.cancelLife()
	t.mem.Close()
	t.mu.Lock()
	s := t.sess
	t.mu.Unlock()
	if s != nil {
		s.retire()
		go s.closeClient() // waits for the client's goroutines, not for ours
	}
	if d := t.cfg.Chain.DeadLetter(); d != nil {
		go d.Close()
	}
}

// Run starts the task and moves records until ctx ends, then stops it gracefully: PreCommit, Close, commit, Stop. It returns nil after
// a stop, the error of a task that failed, and pipeline.ErrAbandoned. Call it once.
func (t *Task) Run(ctx context.Context) error {
	err := t.run(ctx)
	t.cancelLife()
	t.commits.Wait()
	t.mem.Close()
	t.cfg.Chain.DeadLetter().Close()
	err = errors.Join(err, protect(t.cfg.Chain.Close))
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
	if paused, _ := t.gate.Paused(); paused {
		t.events.Paused()
		wait, cancel := context.WithCancel(t.life)
		defer context.AfterFunc(ctx, cancel)()
		defer cancel()
		if !t.gate.Await(wait) {
			return nil // never started, so there is nothing to stop
		}
	}
	err := t.start(ctx)
	if err == nil && ctx.Err() == nil {
		t.events.Started()
		err = t.work(ctx)
	}
	if serr := protect(func() error { return t.cfg.Task.Stop(t.life) }); serr != nil {
		err = errors.Join(err, fmt.Errorf("stopping the task: %w", serr))
	}
	return err
}

func (t *Task) start(ctx context.Context) error {
	sctx, cancel := context.WithCancel(t.life)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	err := protect(func() error {
		if err := t.cfg.Task.Start(sctx, t.cfg.Context); err != nil {
			return err
		}
		if d, ok := t.cfg.Task.(connect.DocumentTask); ok && d.TakesDocuments() {
			t.cfg.Chain.PassDocuments()
		}
		return nil
	})
	switch {
	case err == nil, ctx.Err() != nil && errors.Is(err, context.Canceled):
		return nil
	default:
		return fmt.Errorf("starting the task: %w", err)
	}
}

// join makes a session and publishes it for Abandon.
func (t *Task) join() error {
	s, err := t.newSession()
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.sess = s
	t.mu.Unlock()
	return nil
}

// hurry begins what the group waits for until stop is called. If that takes longer than max.poll.interval.ms, it costs the membership: the
// group must not wait for a task that is stuck.
func (t *Task) hurry(what string) (stop func() bool) {
	s := t.sess
	return time.AfterFunc(t.cfg.MaxPollInterval, func() {
		t.cfg.Log.Warn("The task is busy for longer than max.poll.interval.ms; leaving the consumer group", "with", what)
		s.leave()
	}).Stop
}

// call runs one call of the task.
func (t *Task) call(what string, f func() error) error {
	defer t.hurry(what)()
	t.live.call.Store(&what)
	defer func() {
		t.live.calls.Add(1)
		t.live.call.Store(nil)
	}()
	return protect(f)
}

// protect turns a panic of f into an error.
func protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &pipeline.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// assignment lists the partitions the loop holds, sorted.
func (t *Task) assignment() []connect.TopicPartition {
	return slices.SortedFunc(maps.Keys(t.parts), comparePartitions)
}

func sortPartitions(ps []connect.TopicPartition) { slices.SortFunc(ps, comparePartitions) }
