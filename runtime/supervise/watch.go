package supervise

import (
	"time"

	"github.com/connectd/connectd/runtime/cluster"
)

// Watch finds out whether a task is stuck, from its signals looked at now and then. The zero Watch has seen nothing. One run, one Watch.
type Watch struct{ seen map[string]mark }

type mark struct {
	progress int64
	since    time.Time
}

// Look takes the signals of one moment, and answers what the task has been stuck at for longer than timeout; nil: it is not stuck. Of
// several the one that lasts longest.
func (w *Watch) Look(now time.Time, timeout time.Duration, signals []cluster.Signal) *cluster.Stall {
	if w.seen == nil {
		w.seen = map[string]mark{}
	}
	var worst *cluster.Stall
	for _, s := range signals {
		m, known := w.seen[s.Doing]
		if !s.Busy {
			delete(w.seen, s.Doing)
			continue
		}
		if !known || m.progress != s.Progress {
			w.seen[s.Doing] = mark{s.Progress, now}
			continue
		}
		if now.Sub(m.since) > timeout+s.Grace && (worst == nil || m.since.Before(worst.Since)) {
			worst = &cluster.Stall{Doing: s.Doing, Since: m.since}
		}
	}
	return worst
}
