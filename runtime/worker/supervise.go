package worker

import (
	"math/rand/v2"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/supervise"
	"github.com/connectd/connectd/runtime/worker/lifecycle"
)

// supervision is what an instance keeps from one run to the next. Guarded by Worker.mu.
type supervision struct {
	history supervise.History
	last    *cluster.Restart // of the last failure; nil: none, or restarts are off
	timer   *time.Timer      // of Backoff
	due     time.Time        // when it fires; zero: not waiting
	scope   *metrics.Scope
	counted func(int64) // restarts begun
}

// supervise begins the supervision of in. The scope lives as long as the instance is wanted here, also while nothing runs.
func (w *Worker) supervise(in *instance) {
	if w.cfg.Registry == nil {
		in.sup.counted = func(int64) {}
		return
	}
	s := w.cfg.Registry.Supervision(in.id)
	in.sup.scope = s
	in.sup.counted = s.Counter(&metrics.TaskRestarts.Metric)
	s.Gauge(&metrics.TaskStalled.Metric, func() float64 {
		w.mu.Lock()
		defer w.mu.Unlock()
		if in.stall == nil {
			return 0
		}
		return 1
	})
	s.Gauge(&metrics.TaskNextRestart.Metric, func() float64 {
		w.mu.Lock()
		defer w.mu.Unlock()
		if in.sup.due.IsZero() {
			return 0
		}
		return float64(in.sup.due.UnixMilli()) / 1000
	})
}

// plan asks what follows the failure of a run; nil if restarts are switched off. The policy is read anew: it may come from the
// connector's config.
func (w *Worker) plan(in *instance, r *run, err error) *cluster.Restart {
	policy := w.cfg.Builder.policy(r.want)
	p := in.sup.history.Failed(time.Now(), policy, classify(err), rand.Float64()) //nolint:gosec // jitter
	in.sup.last = nil
	if policy.Enable {
		in.sup.last = &cluster.Restart{At: p.At, Attempt: p.Attempt, Class: p.Class.String(), Why: p.Why}
	}
	return in.sup.last
}

// wait begins a backoff. w.mu is held.
func (w *Worker) wait(in *instance, a lifecycle.Action) {
	r := in.run
	in.sup.due = a.Restart.At
	in.sup.timer = time.AfterFunc(time.Until(a.Restart.At), func() { w.event(r, lifecycle.Event{Kind: lifecycle.Due}) })
}

// endWait ends a backoff, if there is one. w.mu is held.
func (in *instance) endWait() {
	if in.sup.timer != nil {
		in.sup.timer.Stop()
		in.sup.timer, in.sup.due = nil, time.Time{}
	}
}

// forgive forgets failures when somebody starts the instance on purpose, or with another config. w.mu is held.
func (in *instance) forgive(want cluster.Want) {
	if in.wanted != nil && !in.wanted.SameRun(want) {
		in.sup.history, in.sup.last = supervise.History{}, nil
	}
	if in.wanted == nil {
		in.wanted = new(cluster.Want)
	}
	*in.wanted = want
}

// isConnector tells connector instances from tasks.
func isConnector(id connect.TaskID) bool { return id.Task == connect.ConnectorTask }
