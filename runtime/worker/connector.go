package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// connectorRun is the body of a connector instance: one goroutine that alone calls the connector. While paused there is no started
// connector (WorkerConnector.suspend stops it); resuming starts a fresh one.
type connectorRun struct {
	fresh   func() connect.Connector
	cc      connect.ConnectorContext
	max     int
	enforce bool
	finish  func([]config.Props) ([]config.Props, error)
	started func()
	report  func(cluster.Report)
	id      connect.TaskID
	log     *slog.Logger

	closeOffsets func() // nil for sinks

	asks  chan ask
	wake  chan struct{}   // pause changed or an error was raised
	gone  chan struct{}   // closed when the run was abandoned: it can't answer any more
	life  context.Context // ends when the run has ended or was abandoned
	die   context.CancelFunc
	ended chan struct{}

	call  atomic.Pointer[string] // of the connector, under way after its first start
	calls atomic.Int64           // that came back

	mu        sync.Mutex
	paused    bool
	raised    error
	abandoned bool
}

type ask struct {
	ctx    context.Context
	answer chan answer
}

type answer struct {
	tasks []config.Props
	err   error
}

func (c *connectorRun) init() {
	c.asks, c.wake = make(chan ask), make(chan struct{}, 1)
	c.gone, c.ended = make(chan struct{}), make(chan struct{})
	c.life, c.die = context.WithCancel(context.Background())
	c.cc.Control = control{c}
}

// control is the ConnectorControl of a run.
type control struct{ c *connectorRun }

func (x control) RequestTaskReconfiguration() {
	x.c.mu.Lock()
	defer x.c.mu.Unlock()
	if !x.c.abandoned {
		x.c.report(cluster.Report{ID: x.c.id, Reconfigure: true})
	}
}

func (x control) RaiseError(err error) {
	x.c.mu.Lock()
	if x.c.raised == nil {
		x.c.raised = err
	}
	x.c.mu.Unlock()
	x.c.poke()
}

func (c *connectorRun) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *connectorRun) setPaused(on bool) {
	c.mu.Lock()
	c.paused = on
	c.mu.Unlock()
	c.poke()
}

func (c *connectorRun) Pause()  { c.setPaused(true) }
func (c *connectorRun) Resume() { c.setPaused(false) }

func (c *connectorRun) Abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.abandoned {
		c.abandoned = true
		close(c.gone)
		c.die()
	}
}

func (c *connectorRun) now() (paused bool, raised error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paused, c.raised
}

// begin notes a call of the connector, and returns what notes its end.
func (c *connectorRun) begin(method string) (end func()) {
	c.call.Store(&method)
	return func() {
		c.calls.Add(1)
		c.call.Store(nil)
	}
}

// Signals tells of a call that is under way.
func (c *connectorRun) Signals() []cluster.Signal {
	m := c.call.Load()
	if m == nil {
		return nil
	}
	return []cluster.Signal{{Doing: "in a call of " + *m, Busy: true, Progress: c.calls.Load()}}
}

// Run starts the connector, answers TaskConfigs and stops it when ctx ends.
func (c *connectorRun) Run(ctx context.Context) error {
	defer close(c.ended)
	defer c.die()
	if c.closeOffsets != nil {
		defer c.closeOffsets()
	}
	inst := c.fresh()
	if err := inst.Start(ctx, c.cc); err != nil {
		return errors.Join(fmt.Errorf("starting connector %s: %w", c.id.Connector, err), c.stop(inst))
	}
	c.started()
	for {
		paused, raised := c.now()
		switch {
		case raised != nil:
			return errors.Join(raised, c.stop(inst))
		case paused && inst != nil:
			if err := c.stop(inst); err != nil {
				return err
			}
			inst = nil
		case !paused && inst == nil:
			inst = c.fresh()
			done := c.begin("Start")
			err := inst.Start(ctx, c.cc)
			if done(); err != nil {
				return errors.Join(fmt.Errorf("resuming connector %s: %w", c.id.Connector, err), c.stop(inst))
			}
			control{c}.RequestTaskReconfiguration()
		}
		select {
		case <-ctx.Done():
			return c.stop(inst)
		case <-c.wake:
		case a := <-c.asks:
			if ctx.Err() != nil {
				return c.stop(inst) // its config may be outdated
			}
			a.answer <- c.plan(ctx, a.ctx, inst)
		}
	}
}

func (c *connectorRun) stop(inst connect.Connector) error {
	if inst == nil {
		return nil
	}
	defer c.begin("Stop")()
	if err := inst.Stop(c.life); err != nil {
		c.log.Warn("stopping the connector failed", "connector", c.id.Connector, "error", err)
	}
	return nil
}

// plan asks the connector, until the one who asks or the run is done.
func (c *connectorRun) plan(run, asked context.Context, inst connect.Connector) answer {
	if inst == nil {
		return answer{err: fmt.Errorf("connector %s is paused", c.id.Connector)}
	}
	ctx, cancel := context.WithCancel(asked)
	defer cancel()
	defer context.AfterFunc(run, cancel)()
	done := c.begin("TaskConfigs")
	tasks, err := inst.TaskConfigs(ctx, c.max)
	done()
	if err == nil && run.Err() != nil {
		err = errors.New("the connector was told to stop meanwhile") // invariant 3; and its config may be outdated
	}
	if err != nil {
		return answer{err: fmt.Errorf("asking connector %s for task configs: %w", c.id.Connector, err)}
	}
	if len(tasks) > c.max && c.enforce {
		err := configError{fmt.Errorf("the connector %s has generated %d tasks, which is greater than %d, the maximum number of tasks it is configured "+
			"to create. This behaviour should be considered a bug and is disallowed. If necessary, it can be permitted by reconfiguring the "+
			"connector with tasks.max.enforce set to false", c.id.Connector, len(tasks), c.max)}
		control{c}.RaiseError(err)
		return answer{err: err}
	}
	tasks, err = c.finish(tasks)
	return answer{tasks, err}
}

// taskConfigs asks from any goroutine.
func (c *connectorRun) taskConfigs(ctx context.Context) ([]config.Props, error) {
	a := ask{ctx, make(chan answer, 1)}
	select {
	case c.asks <- a:
	case <-c.ended:
		return nil, fmt.Errorf("connector %s has ended", c.id.Connector)
	case <-c.gone:
		return nil, fmt.Errorf("connector %s was abandoned", c.id.Connector)
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for connector %s: %w", c.id.Connector, context.Cause(ctx))
	}
	select {
	case r := <-a.answer:
		return r.tasks, r.err
	case <-c.ended:
		select {
		case r := <-a.answer: // which may be what has ended it
			return r.tasks, r.err
		default:
		}
		return nil, fmt.Errorf("connector %s has ended", c.id.Connector)
	case <-c.gone:
		return nil, fmt.Errorf("connector %s was abandoned", c.id.Connector)
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for connector %s: %w", c.id.Connector, context.Cause(ctx))
	}
}
