package worker

import (
	"context"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/worker/lifecycle"
)

// watched is a body that tells what it is at. Signals is called from any goroutine and returns at once.
type watched interface{ Signals() []cluster.Signal }

// longestLook is how far looks at the signals are apart at most.
const longestLook = 10 * time.Second

// watchAll looks at everything that runs, now and then, until ctx is done.
func (w *Worker) watchAll(ctx context.Context) {
	if w.cfg.StallTimeout <= 0 {
		return
	}
	every(ctx, min(max(w.cfg.StallTimeout/4, time.Millisecond), longestLook), func(now time.Time) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, in := range w.instances {
			w.look(in, now)
		}
	})
}

// every calls f each time d has passed, until ctx is done.
func every(ctx context.Context, d time.Duration, f func(now time.Time)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			f(now)
		}
	}
}

// look looks at one instance. w.mu is held.
func (w *Worker) look(in *instance, now time.Time) {
	before := in.stall
	in.stall = in.watch.Look(now, w.cfg.StallTimeout, in.signals())
	switch {
	case in.stall != nil && (before == nil || before.Doing != in.stall.Doing):
		w.cfg.Log.Warn("STALLED: there is work and no progress", "connector", in.id.Connector, "task", in.id.Task, "doing", in.stall.Doing,
			"since", in.stall.Since)
	case in.stall == nil && before != nil:
		w.cfg.Log.Info("no longer stalled", "connector", in.id.Connector, "task", in.id.Task)
	}
}

// signals are what the run tells, and that it hangs in its start.
func (in *instance) signals() []cluster.Signal {
	switch in.machine.State() {
	case lifecycle.Starting:
		return []cluster.Signal{{Doing: "starting", Busy: true}}
	case lifecycle.Running:
		in.run.mu.Lock()
		b, ok := in.run.body.(watched)
		in.run.mu.Unlock()
		if ok {
			return b.Signals()
		}
	}
	return nil
}

// Stalled lists what has work and makes no progress.
func (w *Worker) Stalled() map[connect.TaskID]cluster.Stall {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out map[connect.TaskID]cluster.Stall
	for id, in := range w.instances {
		if in.stall == nil {
			continue
		}
		if out == nil {
			out = map[connect.TaskID]cluster.Stall{}
		}
		out[id] = *in.stall
	}
	return out
}
