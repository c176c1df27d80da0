package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/supervise"
	"github.com/connectd/connectd/runtime/worker/lifecycle"
)

// Config is what a worker is made of.
type Config struct {
	Builder builder // makes connectors and tasks; a *Builder
	Log     *slog.Logger
	// StopTimeout is task.shutdown.graceful.timeout.ms; an instance that takes longer is abandoned.
	StopTimeout time.Duration
	Metrics     *metrics.Scope // the worker's own; nil: not counted
	// Registry counts what outlives the runs of connectors and tasks: their state and restarts; nil: not counted.
	Registry *metrics.Registry
	// StallTimeout is task.stall.timeout.ms; 0: nothing is watched.
	StallTimeout time.Duration
}

// builder makes the body of a run; started is to be called once it is up.
type builder interface {
	build(ctx context.Context, r *run, started func(), report func(cluster.Report)) (body, error)
	// version is the version of the connector's plugin, "" if there is no such plugin.
	version(want cluster.Want) string
	// policy is what errors.restart.* say for a connector and its tasks.
	policy(want cluster.Want) supervise.Policy
	// round begins a round of looking secrets up; nil if there are none.
	round() round
}

// Worker runs connectors and tasks. Safe for concurrent use.
type Worker struct {
	cfg     Config
	ctx     context.Context // of all instances
	cancel  context.CancelFunc
	running sync.WaitGroup
	reports *queue

	mu        sync.Mutex
	instances map[connect.TaskID]*instance
	settling  []*settling
	closed    bool
	abandoned int
	starts    map[bool]startCounts // by: is a connector instance
}

// startCounts count starts that were tried, and that failed before the instance was up.
type startCounts struct{ tried, failed func(int64) }

// settling is a revision that waits for revoked runs to stop.
type settling struct {
	rev     int64
	pending map[*run]struct{}
}

// instance is a machine and its run.
type instance struct {
	id      connect.TaskID
	machine *lifecycle.Machine
	run     *run
	wanted  *cluster.Want // as last applied
	sup     supervision
	watch   supervise.Watch // of run
	stall   *cluster.Stall  // nil: not stuck
	told    told            // of its work
}

// run is one life of a connector or task.
type run struct {
	id     connect.TaskID
	number int64
	want   cluster.Want
	ctx    context.Context
	stop   context.CancelFunc
	timer  *time.Timer

	mu      sync.Mutex
	body    body // nil until it was built
	secrets secretUse
	// paused is what was last asked for; a body that is built later starts with it
	paused    bool
	abandoned bool
}

// body is what runs: a connector instance or a task. Pause, Resume and Abandon return at once and may be called from any goroutine.
type body interface {
	Run(ctx context.Context) error
	Pause()
	Resume()
	Abandon()
}

// New makes a worker that runs nothing.
func New(cfg Config) *Worker {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Worker{cfg: cfg, ctx: ctx, cancel: cancel, reports: newQueue(), instances: map[connect.TaskID]*instance{}}
	m := cfg.Metrics
	m.Gauge(&metrics.WorkerConnectors.Metric, func() float64 { n, _, _ := w.Counts(); return float64(n) })
	m.Gauge(&metrics.WorkerTasks.Metric, func() float64 { _, n, _ := w.Counts(); return float64(n) })
	m.Gauge(&metrics.AbandonedTasks.Metric, func() float64 { _, _, n := w.Counts(); return float64(n) })
	w.starts = map[bool]startCounts{
		true:  {m.Counter(&metrics.ConnectorStartups.Metric), m.Counter(&metrics.ConnectorStartupFailures.Metric)},
		false: {m.Counter(&metrics.TaskStartups.Metric), m.Counter(&metrics.TaskStartupFailures.Metric)},
	}
	return w
}

// Reports is where the worker tells what it sees, in order. It is never closed.
func (w *Worker) Reports() <-chan cluster.Report { return w.reports.out }

// Run hands out reports until ctx is done, then stops everything: all instances get StopTimeout, those that take longer are
// abandoned. Reports of the stop are given to final, since the herder no longer listens; final may be nil.
func (w *Worker) Run(ctx context.Context, final func(cluster.Report)) error {
	watching, endWatch := context.WithCancel(ctx)
	defer endWatch()
	w.running.Go(func() { w.watchAll(watching) })
	w.running.Go(func() { w.watchProgress(watching) })
	w.running.Go(func() { w.watchSecrets(watching) })
	w.reports.pump(ctx)
	w.mu.Lock()
	w.closed = true
	for _, in := range w.instances {
		w.step(in, lifecycle.Event{Kind: lifecycle.Revoked})
	}
	w.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		w.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(w.cfg.StopTimeout + time.Second): // the machines abandon theirs at StopTimeout
	}
	w.cancel()
	for _, r := range w.reports.rest() {
		if final != nil {
			final(r)
		}
	}
	return nil
}

// Apply replaces the wanted set, is idempotent and returns at once; it keeps neither map nor slice. changed are all that differ from the
// last call; nil: any may. A Settled report for rev follows when all that had to stop has stopped or was abandoned.
func (w *Worker) Apply(rev int64, want map[connect.TaskID]cluster.Want, changed []connect.TaskID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	s := &settling{rev: rev, pending: map[*run]struct{}{}}
	if changed != nil {
		for _, id := range changed {
			if x, ok := want[id]; ok {
				w.want(id, x)
			} else if in := w.instances[id]; in != nil {
				w.revoke(in, s)
			}
		}
	} else {
		for id, in := range w.instances {
			if _, ok := want[id]; !ok {
				w.revoke(in, s)
			}
		}
		for id, x := range want {
			w.want(id, x)
		}
	}
	w.settling = append(w.settling, s)
	w.settle(nil)
}

// revoke ends an instance; s waits for its run. w.mu is held.
func (w *Worker) revoke(in *instance, s *settling) {
	w.step(in, lifecycle.Event{Kind: lifecycle.Revoked})
	if in.machine.State() == lifecycle.Stopping {
		s.pending[in.run] = struct{}{}
	}
}

// want tells an instance what it should be, and makes it if there is none. w.mu is held.
func (w *Worker) want(id connect.TaskID, x cluster.Want) {
	in := w.instances[id]
	if in == nil {
		in = &instance{id: id, machine: lifecycle.New(isConnector(id))}
		w.supervise(in)
		w.instances[id] = in
	}
	in.forgive(x)
	w.step(in, lifecycle.Event{Kind: lifecycle.Wanted, Want: x})
}

// settle takes a stopped run off the lists and reports the revisions that wait for nothing more, in order.
func (w *Worker) settle(r *run) {
	for _, s := range w.settling {
		delete(s.pending, r)
	}
	for len(w.settling) > 0 && len(w.settling[0].pending) == 0 {
		w.reports.put(cluster.Report{Settled: w.settling[0].rev})
		w.settling = w.settling[1:]
	}
}

// event feeds an instance's machine from any goroutine.
func (w *Worker) event(r *run, ev lifecycle.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	in := w.instances[r.id]
	if in == nil || in.run != r {
		return
	}
	ev.Run = r.number
	switch {
	case ev.Kind == lifecycle.Started:
		in.sup.history.Started(time.Now())
	case ev.Kind == lifecycle.Ended && in.machine.Ends(r.number):
		if p := w.plan(in, r, ev.Err); p != nil && !p.At.IsZero() {
			ev.Restart = p
		}
	}
	w.step(in, ev)
}

// step feeds the machine and performs its actions. w.mu is held.
func (w *Worker) step(in *instance, ev lifecycle.Event) {
	before := in.machine.State()
	for _, a := range in.machine.Step(ev) {
		switch a.Kind {
		case lifecycle.Start:
			w.start(in, a, before)
		case lifecycle.Pause:
			in.run.pause(true)
		case lifecycle.Resume:
			in.run.pause(false)
		case lifecycle.Stop:
			w.stop(in.run)
		case lifecycle.Abandon:
			w.abandon(in.run)
		case lifecycle.Report:
			w.report(in, a, before)
		case lifecycle.Wait:
			w.wait(in, a)
		case lifecycle.Cancel:
			in.endWait()
		case lifecycle.Forget:
			in.sup.scope.Close()
			delete(w.instances, in.id)
		}
	}
	if before == lifecycle.Stopping && (ev.Kind == lifecycle.Ended || ev.Kind == lifecycle.Deadline) {
		w.settle(w.ended(in, ev))
	}
}

// ended finds the run that ev was about: the machine may have begun another one already.
func (w *Worker) ended(in *instance, ev lifecycle.Event) *run {
	if in.run != nil && in.run.number == ev.Run {
		return in.run
	}
	for _, s := range w.settling {
		for r := range s.pending {
			if r.id == in.id && r.number == ev.Run {
				return r
			}
		}
	}
	return nil
}

func (w *Worker) report(in *instance, a lifecycle.Action, before lifecycle.State) {
	rep := cluster.Report{ID: in.id, Epoch: a.Want.Epoch, Seen: a.Seen, Err: a.Err}
	in.told = told{}                  // a status without progress goes out
	if a.Seen != cluster.Unassigned { // as in Kafka Connect's status records
		rep.Version = w.cfg.Builder.version(a.Want)
	}
	in.sup.scope.SetStatus(string(a.Seen))
	if a.Seen == cluster.Failed && a.Restart == nil && in.sup.last != nil && !in.sup.last.At.IsZero() {
		in.sup.last = &cluster.Restart{Class: in.sup.last.Class, Why: "the connector is paused"}
	}
	if a.Seen == cluster.Failed {
		rep.Restart = in.sup.last
	}
	if a.Seen == cluster.Failed && before == lifecycle.Starting {
		w.starts[isConnector(in.id)].failed(1)
	}
	if a.Err != nil {
		attrs := []any{"connector", in.id.Connector, "task", in.id.Task, "error", a.Err}
		if rep.Restart != nil {
			attrs = append(attrs, "restart", rep.Restart.String())
		}
		w.cfg.Log.Error("failed", attrs...)
	} else {
		w.cfg.Log.Info("state", "connector", in.id.Connector, "task", in.id.Task, "state", string(a.Seen))
	}
	w.reports.put(rep)
}

// start begins a run in a goroutine of its own.
func (w *Worker) start(in *instance, a lifecycle.Action, before lifecycle.State) {
	if in.endWait(); before == lifecycle.Backoff {
		in.sup.counted(1)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	r := &run{id: in.id, number: a.Run, want: a.Want, ctx: ctx, stop: cancel}
	in.run, in.watch, in.stall, in.told = r, supervise.Watch{}, nil, told{}
	w.starts[isConnector(in.id)].tried(1)
	w.running.Go(func() {
		defer cancel()
		err := w.live(r)
		if err == nil && ctx.Err() == nil {
			err = errors.New("the instance ended without having been asked to")
		}
		r.mu.Lock()
		if r.timer != nil {
			r.timer.Stop()
		}
		abandoned := r.abandoned
		r.mu.Unlock()
		if abandoned {
			w.cfg.Log.Warn("an abandoned instance has ended", "connector", r.id.Connector, "task", r.id.Task)
			w.mu.Lock()
			w.abandoned--
			w.mu.Unlock()
		}
		w.event(r, lifecycle.Event{Kind: lifecycle.Ended, Err: err})
	})
}

// live builds and runs r. Panics of the plugin become errors.
func (w *Worker) live(r *run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &pipeline.PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	b, err := w.cfg.Builder.build(r.ctx, r, func() { w.event(r, lifecycle.Event{Kind: lifecycle.Started}) }, w.reports.put)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.body = b
	if r.paused {
		b.Pause()
	}
	if r.abandoned {
		b.Abandon()
	}
	r.mu.Unlock()
	return b.Run(r.ctx)
}

func (w *Worker) stop(r *run) {
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(w.cfg.StopTimeout, func() { w.event(r, lifecycle.Event{Kind: lifecycle.Deadline}) })
}

func (w *Worker) abandon(r *run) {
	w.cfg.Log.Error("an instance did not stop in time and was abandoned; it goes on in the connector's code", "connector", r.id.Connector,
		"task", r.id.Task, "timeout", w.cfg.StopTimeout)
	w.abandoned++
	r.mu.Lock()
	defer r.mu.Unlock()
	r.abandoned = true
	if r.body != nil {
		r.body.Abandon()
	}
}

func (r *run) pause(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = on
	switch {
	case r.body == nil:
	case on:
		r.body.Pause()
	default:
		r.body.Resume()
	}
}

// TaskConfigs asks a running connector for its task configs, and adds what Kafka Connect adds to each: task.class, and for sinks
// topics and topics.regex. More than tasks.max are an error unless tasks.max.enforce is false (KIP-1004).
func (w *Worker) TaskConfigs(ctx context.Context, name string) ([]config.Props, error) {
	w.mu.Lock()
	var r *run
	if in := w.instances[connect.TaskID{Connector: name, Task: connect.ConnectorTask}]; in != nil {
		r = in.run
	}
	w.mu.Unlock()
	if r == nil {
		return nil, fmt.Errorf("connector %s does not run on this worker", name)
	}
	r.mu.Lock()
	c, ok := r.body.(*connectorRun)
	r.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("connector %s has not started yet", name)
	}
	return c.taskConfigs(ctx)
}

// Counts tells how many connectors and tasks run or are under way here, and how many abandoned instances have not ended yet.
func (w *Worker) Counts() (connectors, tasks, abandoned int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.instances {
		if id.Task == connect.ConnectorTask {
			connectors++
		} else {
			tasks++
		}
	}
	return connectors, tasks, w.abandoned
}
