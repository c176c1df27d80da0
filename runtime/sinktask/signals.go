package sinktask

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/runtime/cluster"
)

// liveness is what the loop leaves for Signals to read.
type liveness struct {
	call    atomic.Pointer[string] // the method of the task under way
	calls   atomic.Int64           // calls that came back
	taken   atomic.Int64           // records the task has taken
	holding atomic.Bool
	lag     atomic.Int64 // records known to wait in the broker or here
	fetched atomic.Int64 // answers to fetches
	failing atomic.Bool  // the last offset commit failed
	commits atomic.Int64
}

// Signals tells what the task is at, for whoever watches it for a stall. Any goroutine.
func (t *Task) Signals() []cluster.Signal {
	l := &t.live
	paused, _ := t.gate.Paused()
	taken := l.taken.Load()
	out := []cluster.Signal{
		{Doing: "trying Put again", Busy: l.holding.Load(), Progress: taken},
		// An answer without records is progress too: what lies between the last record and the end may be marks of transactions.
		{Doing: "reading its topics", Busy: !paused && l.lag.Load() > 0, Progress: taken + l.fetched.Load()},
		{Doing: "committing offsets", Busy: l.failing.Load(), Progress: l.commits.Load(), Grace: t.cfg.CommitInterval},
	}
	if c := l.call.Load(); c != nil {
		out = append(out, cluster.Signal{Doing: "in a call of " + *c, Busy: true, Progress: l.calls.Load()})
	}
	return out
}

// OnBrokerE2E counts the answers to fetches. (kgo.HookBrokerE2E)
func (l *liveness) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e kgo.BrokerE2E) {
	if key == fetchKey && e.Err() == nil {
		l.fetched.Add(1)
	}
}

var _ kgo.HookBrokerE2E = (*liveness)(nil)

const fetchKey = 1 // of the Fetch request

// noteLag adds up what waits: in the broker as of the last fetches, and here.
func (t *Task) noteLag() {
	var lag int64
	for _, p := range t.parts {
		if p.put >= 0 && p.end > p.put {
			lag += p.end - p.put
		}
	}
	t.live.lag.Store(lag)
	t.live.holding.Store(t.holding)
}
