package worker

import (
	"context"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/secrets"
)

const (
	keyReload = "config.action.reload"
	// secretTick is how often it is seen which values are due to be looked up again.
	secretTick = time.Second
	// secretRetry is after how long values are looked up again that could not be resolved.
	secretRetry = 10 * time.Second
	// secretTimeout bounds the look-up of one config's values.
	secretTimeout = 30 * time.Second
)

// round is a secrets.Round.
type round interface {
	Resolve(ctx context.Context, p config.Props) (secrets.Resolution, error)
}

// secretUse is what a run knows of the values that config providers gave it: when to look them up again, and by what to tell that they
// are others. Not the values. Guarded by run.mu.
type secretUse struct {
	print string        // the fingerprints of the connector's and the task's config
	ttl   time.Duration // the shortest; 0: never
	due   time.Time     // zero: never
}

func (s *secretUse) add(res secrets.Resolution, err error) {
	ttl := res.TTL
	if err != nil {
		ttl, res.Fingerprint = secretRetry, "unresolved"
	}
	s.print += res.Fingerprint + "\x00"
	if ttl > 0 && (s.ttl == 0 || ttl < s.ttl) {
		s.ttl = ttl
	}
}

// uses notes what a config of the run was resolved to, or that it could not be.
func (r *run) uses(res secrets.Resolution, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.secrets.add(res, err); r.secrets.ttl > 0 && r.want.Connector[keyReload] != "none" {
		r.secrets.due = time.Now().Add(r.secrets.ttl)
	}
}

// watchSecrets looks values up again when they are due, and tells the herder of what uses one that has changed. A provider that hangs
// holds up nothing else.
func (w *Worker) watchSecrets(ctx context.Context) {
	if w.cfg.Builder.round() == nil {
		return
	}
	every(ctx, secretTick, func(now time.Time) {
		if due := w.dueSecrets(now); len(due) > 0 {
			w.lookUp(ctx, due)
		}
	})
}

// dueSecrets lists the runs whose values are to be looked up again, also of those that have failed.
func (w *Worker) dueSecrets(now time.Time) []*run {
	w.mu.Lock()
	defer w.mu.Unlock()
	var due []*run
	for _, in := range w.instances {
		if in.run == nil || in.wanted == nil || !in.wanted.SameRun(in.run.want) {
			continue // another run is to come
		}
		in.run.mu.Lock()
		if d := in.run.secrets.due; !d.IsZero() && !now.Before(d) {
			due = append(due, in.run)
		}
		in.run.mu.Unlock()
	}
	return due
}

func (w *Worker) lookUp(ctx context.Context, due []*run) {
	round := w.cfg.Builder.round()
	for _, r := range due {
		var now secretUse
		var failed error
		uses := []config.Props{r.want.Connector} // as Builder.build does
		if !isConnector(r.id) {
			uses = append(uses, r.want.Task)
		}
		for _, p := range uses {
			if failed != nil {
				continue
			}
			one, cancel := context.WithTimeout(ctx, secretTimeout)
			res, err := round.Resolve(one, p)
			cancel()
			if ctx.Err() != nil {
				return
			}
			now.add(res, err)
			failed = err
		}
		r.mu.Lock()
		changed := now.print != r.secrets.print && failed == nil
		r.secrets.due = time.Now().Add(max(now.ttl, secretTick))
		if now.ttl == 0 {
			r.secrets.due = time.Time{}
		}
		r.mu.Unlock()
		switch {
		case failed != nil: // what it has may be good still; a file that is being replaced is not there for a moment
			w.cfg.Log.Warn("config values could not be looked up again", "connector", r.id.Connector, "task", r.id.Task, "error", failed)
		case changed:
			w.cfg.Log.Info("a config provider has another value; restarting", "connector", r.id.Connector, "task", r.id.Task)
			w.reports.put(cluster.Report{ID: r.id, Epoch: r.want.Epoch, SecretChanged: true})
		}
	}
}
