package core

import (
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// Config is what the core must know of the worker's config.
type Config struct {
	WorkerID string // host:port of the REST listener, in status records
	// SessionKeyTTL is inter.worker.key.ttl.ms; 0: no session keys (connect.protocol is eager or compatible).
	SessionKeyTTL time.Duration
	// UnsyncBackoff is worker.unsync.backoff.ms: how long a worker stays out of the group that could not read its config topic.
	UnsyncBackoff time.Duration
	// Fenced: the leader claims the right to write the config topic (exactly.once.source.support preparing or enabled).
	Fenced bool
	// ExactlyOnce: source tasks ask for a round of fencing before they start (exactly.once.source.support=enabled).
	ExactlyOnce bool
	// IsSource tells whether a connector class is that of a source; pure. Nil: none is.
	IsSource func(class string) bool
}

// Herder is the core's state. Use New; one goroutine.
type Herder struct {
	cfg  Config
	now  time.Time
	snap *cluster.Snapshot

	member membership
	rev    int64
	epochs map[connect.TaskID]int64
	seen   map[connect.TaskID]seen

	known   map[string]bool                 // connectors of the last config read
	wanted  map[connect.TaskID]cluster.Want // as last applied
	holds   []hold
	owed    int64     // the change that a catch-up under way has not held yet; 0: none
	backAt  time.Time // when to rejoin after leaving because of a lagging config log; zero: not
	claimAt time.Time // when to try again to claim the config topic; zero: the last try did not fail
	keyAt   time.Time // when to try again for a session key; zero: the last try did not fail
	pacing  pacing

	lastOp OpID
	ops    map[OpID]*flow
	queues map[string][]*flow // per connector: the first one is under way
	plans  map[string]*plan
	waits  map[connect.TaskID][]wait
}

type membership struct {
	joined     bool
	lagging    bool  // the config log is behind the group's; nothing new is started
	generation int32 // the last one, also out of the group: statuses of what stops then belong to it
	leader     bool
	sessioned  bool // the group's protocol, not only ours: workers sign requests
	claimed    bool // leader: the right to write the config topic is ours, as far as is known
	fenced     bool // another worker has taken it: no leader's work before the next round of the group
	leaderURL  string
	assigned   cluster.Assignment
	byName     map[string][]connect.TaskID // assigned, by connector; nil: not made yet
	owners     map[connect.TaskID]string
}

// hold lets the member join again once a revision of the wanted set has settled.
type hold struct{ rev, seq int64 }

type seen struct {
	state  cluster.State
	epoch  int64
	status cluster.Status // as written
}

// wait is a restart request that is answered once the instance of that epoch is up or FAILED.
type wait struct {
	req   ReqID
	epoch int64
	since time.Time
}

// New makes a core that knows the config snap and is in no group.
func New(cfg Config, snap *cluster.Snapshot) *Herder {
	h := &Herder{
		cfg: cfg, snap: snap,
		epochs: map[connect.TaskID]int64{}, seen: map[connect.TaskID]seen{}, ops: map[OpID]*flow{},
		known: map[string]bool{}, queues: map[string][]*flow{}, plans: map[string]*plan{}, waits: map[connect.TaskID][]wait{},
	}
	for name := range snap.Connectors {
		h.known[name] = true
	}
	return h
}

// Step takes one event at a time now and returns what to do, in order.
func (h *Herder) Step(now time.Time, ev Event) []Action {
	h.now = now
	var acts []Action
	switch ev := ev.(type) {
	case Tick:
	case Joined:
		acts = h.onJoined(ev)
	case Revoking:
		acts = h.onRevoking(ev.Seq)
	case LeftGroup:
		acts = h.onLeft(ev.Seq)
	case ConfigRead:
		acts = h.onConfig(ev)
	case Requested:
		acts = h.onRequest(ev)
	case Reported:
		acts = h.onReport(ev.Report)
	case Done:
		acts = h.onDone(ev)
	}
	return append(acts, h.due()...)
}

// WakeAt is when a Tick is needed at the latest; zero: no need.
func (h *Herder) WakeAt() time.Time {
	at := h.backAt
	if r := h.pacing.due; !r.IsZero() && (at.IsZero() || r.Before(at)) {
		at = r
	}
	for _, p := range h.plans {
		if !p.retryAt.IsZero() && (at.IsZero() || p.retryAt.Before(at)) {
			at = p.retryAt
		}
	}
	for _, k := range []time.Time{h.keyDue(), h.claimDue()} {
		if !k.IsZero() && (at.IsZero() || k.Before(at)) {
			at = k
		}
	}
	return at
}

// due does what the time asks for.
func (h *Herder) due() []Action {
	var acts []Action
	if !h.backAt.IsZero() && !h.now.Before(h.backAt) {
		h.backAt = time.Time{}
		acts = append(acts, Rejoin{Reason: "the config topic may be read again"})
	}
	if !h.pacing.due.IsZero() && !h.now.Before(h.pacing.due) {
		acts = append(acts, Rejoin{Reason: h.pacing.reason})
		h.pacing.due = time.Time{}
	}
	for name, p := range h.plans {
		if !p.retryAt.IsZero() && !h.now.Before(p.retryAt) {
			acts = append(acts, h.startPlan(name, p)...)
		}
	}
	if k := h.claimDue(); !k.IsZero() && !h.now.Before(k) {
		acts = append(acts, h.claim()...)
	}
	if k := h.keyDue(); !k.IsZero() && !h.now.Before(k) {
		acts = append(acts, h.rotateKey()...)
	}
	return acts
}

// onReport takes what the worker tells. Reports of older epochs are dropped (invariant 3).
func (h *Herder) onReport(r cluster.Report) []Action {
	if r.Settled > 0 {
		return h.onSettled(r.Settled)
	}
	if r.SecretChanged {
		return h.secretChanged(r)
	}
	if r.Reconfigure {
		return h.wantPlan(r.ID.Connector)
	}
	if r.Progress != "" {
		return h.onProgress(r)
	}
	_, wanted := h.wanted[r.ID]
	if r.Seen == cluster.Unassigned && !wanted {
		return h.gone(r)
	}
	// What is not wanted any more is being stopped, and its UNASSIGNED is on its way: another RUNNING or FAILED could hide the status of
	// the worker that has it next.
	if !wanted || r.Epoch < h.epochs[r.ID] {
		return nil
	}
	trace := ""
	if r.Err != nil {
		trace = r.Err.Error()
	}
	if r.Restart != nil {
		trace += "\n" + r.Restart.String()
	}
	status := cluster.Status{ID: r.ID, State: r.Seen, Trace: trace, WorkerID: h.cfg.WorkerID, Generation: h.member.generation, Version: r.Version}
	h.seen[r.ID] = seen{r.Seen, r.Epoch, status}
	acts := []Action{WriteStatus{Status: status, Safe: r.Seen == cluster.Unassigned}}
	if r.Seen == cluster.Unassigned {
		delete(h.seen, r.ID)
		return acts
	}
	acts = append(acts, h.answerWaits(r)...)
	if r.ID.Task == connect.ConnectorTask && r.Seen == cluster.Running {
		acts = append(acts, h.wantPlan(r.ID.Connector)...)
	}
	return acts
}

// onProgress writes the status of a running task with what it tells of its work. Such records come every few seconds and prove nothing:
// none goes out while another worker may have the task, and none over another worker's.
func (h *Herder) onProgress(r cluster.Report) []Action {
	s, ok := h.seen[r.ID]
	_, wanted := h.wanted[r.ID]
	if !ok || !wanted || s.state != cluster.Running || s.epoch != r.Epoch || r.Epoch < h.epochs[r.ID] || !h.member.joined || h.member.lagging {
		return nil
	}
	s.status.Progress, s.status.Generation = r.Progress, h.member.generation
	h.seen[r.ID] = s
	return []Action{WriteStatus{Status: s.status, Safe: true}}
}

// Statuses are what the status topic should say of what this worker has, in its current generation; none while that is not certain.
// Another worker's late record can hide them: one that was cut off writes what it had queued when it comes back, and no check made
// before holds then.
func (h *Herder) Statuses() []cluster.Status {
	if !h.member.joined || h.member.lagging {
		return nil
	}
	var out []cluster.Status
	for id, s := range h.seen {
		if w, ok := h.wanted[id]; !ok || s.epoch != h.epochs[id] || w.Epoch != s.epoch {
			continue
		}
		s.status.Generation = h.member.generation
		out = append(out, s.status)
	}
	return out
}

// gone takes the last report of what is not wanted here any more. Of a connector or task that is not configured any more no status
// stays: the leader may have cleaned up before this report.
func (h *Herder) gone(r cluster.Report) []Action {
	delete(h.seen, r.ID)
	state := cluster.Unassigned
	if c := h.snap.Connectors[r.ID.Connector]; c == nil || int(r.ID.Task) >= len(c.Tasks) {
		state = cluster.Destroyed
	}
	return []Action{WriteStatus{
		Status: cluster.Status{ID: r.ID, State: state, WorkerID: h.cfg.WorkerID, Generation: h.member.generation, Version: r.Version},
		Safe:   true,
	}}
}

func (h *Herder) onSettled(rev int64) []Action {
	var acts []Action
	rest := h.holds[:0]
	for _, x := range h.holds {
		if rev >= x.rev {
			acts = append(acts, Ready{Seq: x.seq})
		} else {
			rest = append(rest, x)
		}
	}
	h.holds = rest
	return acts
}
