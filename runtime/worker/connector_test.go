package worker

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/supervise"
)

// planner is a connector that does what the funcs say.
type planner struct {
	start, stop func(ctx context.Context) error
	tasks       func(ctx context.Context, max int) ([]config.Props, error)
	cc          connect.ConnectorContext
}

func (p *planner) Start(ctx context.Context, cc connect.ConnectorContext) error {
	p.cc = cc
	if p.start != nil {
		return p.start(ctx)
	}
	return nil
}

func (p *planner) TaskConfigs(ctx context.Context, max int) ([]config.Props, error) {
	return p.tasks(ctx, max)
}

func (p *planner) Stop(ctx context.Context) error {
	if p.stop != nil {
		return p.stop(ctx)
	}
	return nil
}

// planners makes connector runs of planners.
type planners struct {
	fakes
	enforce bool
	of      map[string]*planner
}

func (p *planners) build(_ context.Context, r *run, started func(), report func(cluster.Report)) (body, error) {
	c := &connectorRun{
		id: r.id, max: 2, enforce: p.enforce, started: started, report: report, log: slog.New(slog.DiscardHandler),
		fresh: func() connect.Connector { return p.of[r.id.Connector] }, finish: func(t []config.Props) ([]config.Props, error) { return t, nil },
	}
	c.init()
	return c, nil
}

// planning starts the connectors and waits until those of them that do not hang are RUNNING.
func planning(t *testing.T, p *planners, up int) *rig {
	w := New(Config{Builder: p, Log: slog.New(slog.DiscardHandler), StopTimeout: time.Second})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx, nil) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	r := &rig{t: t, w: w}
	w.Apply(1, connectorsOf(p, 0), nil)
	for r.expect("settled 1"); up > 0; up-- {
		if rep := r.report(); rep.Seen != cluster.Running {
			t.Fatalf("%+v", rep)
		}
	}
	return r
}

func connectorsOf(p *planners, epoch int64) map[connect.TaskID]cluster.Want {
	want := map[connect.TaskID]cluster.Want{}
	for name := range p.of {
		want[connect.TaskID{Connector: name, Task: connect.ConnectorTask}] = cluster.Want{Connector: config.Props{"name": name}, Epoch: epoch}
	}
	return want
}

func three(context.Context, int) ([]config.Props, error) { return make([]config.Props, 3), nil }

func TestTooManyTasksFailTheConnectorForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &planners{enforce: true, of: map[string]*planner{"c": {tasks: three}}}
		p.heal = healing
		r := planning(t, p, 1)
		if _, err := r.w.TaskConfigs(t.Context(), "c"); err == nil || !strings.Contains(err.Error(), "has generated 3 tasks, which is greater than 2") {
			t.Errorf("%v", err)
		}
		rep := r.report()
		if rep.Seen != cluster.Failed || rep.Restart == nil || !rep.Restart.At.IsZero() || rep.Restart.Class != supervise.Configuration.String() {
			t.Errorf("%+v %v", rep, rep.Restart)
		}
	})
}

func TestTooManyTasksWithoutEnforcement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := planning(t, &planners{of: map[string]*planner{"c": {tasks: three}}}, 1)
		if tasks, err := r.w.TaskConfigs(t.Context(), "c"); err != nil || len(tasks) != 3 {
			t.Errorf("%d tasks, %v", len(tasks), err)
		}
	})
}

func TestConnectorAsksForReconfigurationAndRaisesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &planners{of: map[string]*planner{"c": {}}}
		p.heal = healing
		r := planning(t, p, 1)
		p.of["c"].cc.Control.RequestTaskReconfiguration()
		if rep := r.report(); !rep.Reconfigure || rep.ID.Connector != "c" {
			t.Errorf("%+v", rep)
		}
		p.of["c"].cc.Control.RaiseError(connect.Retriable(errors.New("the source is away"), 0))
		if wait, restart := r.failed(); !around(wait, time.Second) || restart.Attempt != 1 {
			t.Errorf("%s %+v", wait, restart)
		}
		r.expect("c RUNNING")
	})
}

// Connectors hang in start, stop and TaskConfigs, whatever their contexts say. Another one is not held up by it, and each of them can be
// stopped: it is abandoned.
func TestHangingConnectorsHoldUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		hang := func(context.Context) error { <-let; return nil }
		p := &planners{of: map[string]*planner{
			"start": {start: hang}, "stop": {stop: hang},
			"tasks": {tasks: func(context.Context, int) ([]config.Props, error) { <-let; return nil, nil }},
			"fine":  {tasks: func(context.Context, int) ([]config.Props, error) { return make([]config.Props, 1), nil }},
		}}
		r := planning(t, p, 3)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.w.TaskConfigs(ctx, "tasks"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if tasks, err := r.w.TaskConfigs(t.Context(), "fine"); err != nil || len(tasks) != 1 {
			t.Errorf("%d tasks, %v", len(tasks), err)
		}
		begin := time.Now()
		r.w.Apply(2, nil, nil)
		for gone := 0; gone < 4; {
			if rep := r.report(); rep.Seen == cluster.Unassigned {
				gone++
			}
		}
		r.expect("settled 2")
		if took := time.Since(begin); took > 1100*time.Millisecond {
			t.Errorf("revoking took %s", took)
		}
		if _, _, n := r.w.Counts(); n != 3 {
			t.Errorf("%d abandoned", n)
		}
		close(let)
		synctest.Wait()
		if _, _, n := r.w.Counts(); n != 0 {
			t.Errorf("%d abandoned after they have ended", n)
		}
	})
}
