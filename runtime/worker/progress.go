package worker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/worker/lifecycle"
)

const (
	// progressLook is how far apart tasks are asked what they are doing.
	progressLook = time.Second
	// progressPause is the least time between two reports of a task in the same phase: each is a record in the status topic.
	progressPause = 5 * time.Second
	// maxProgress bounds what a task tells, in bytes; more is not passed on.
	maxProgress = 16 << 10
)

// told is what was last reported of a task's work.
type told struct {
	phase, details string
	at             time.Time
}

// asked is a run whose task is asked what it is doing.
type asked struct {
	r    *run
	task connect.Progressor
}

// watchProgress asks what runs for its progress, and reports what has changed, until ctx is done. Tasks are asked outside of w.mu: it is
// their code.
func (w *Worker) watchProgress(ctx context.Context) {
	every(ctx, progressLook, func(now time.Time) {
		for _, a := range w.progressors() {
			w.tell(now, a.r, progress(a.task))
		}
	})
}

func (w *Worker) progressors() []asked {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []asked
	for _, in := range w.instances {
		if in.machine.State() != lifecycle.Running {
			continue
		}
		in.run.mu.Lock()
		p, ok := in.run.body.(connect.Progressor)
		in.run.mu.Unlock()
		if ok {
			out = append(out, asked{in.run, p})
		}
	}
	return out
}

// progress asks a task; one that panics, or tells what is no JSON object, tells nothing.
func progress(p connect.Progressor) (out connect.Progress) {
	defer func() {
		if recover() != nil {
			out = connect.Progress{}
		}
	}()
	out = p.Progress()
	if d := out.Details; len(d) == 0 || d[0] != '{' || len(d) > maxProgress || !json.Valid(d) {
		return connect.Progress{}
	}
	return out
}

// tell reports what a run tells of its work, if it is new and due.
func (w *Worker) tell(now time.Time, r *run, p connect.Progress) {
	if len(p.Details) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	in := w.instances[r.id]
	if in == nil || in.run != r || in.machine.State() != lifecycle.Running {
		return
	}
	details := string(p.Details)
	if details == in.told.details || p.Phase == in.told.phase && now.Sub(in.told.at) < progressPause {
		return
	}
	in.told = told{p.Phase, details, now}
	w.reports.put(cluster.Report{ID: r.id, Epoch: r.want.Epoch, Progress: details})
}
