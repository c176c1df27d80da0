package herder

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder/core"
)

// Run is the loop. It returns when ctx is done, after all slow actions have ended; requests that wait then get
// [cluster.ErrStarting]. Stopping the worker is the caller's.
func (h *Herder) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer h.shut(cancel)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	repair := time.NewTicker(repairInterval)
	defer repair.Stop()
	group := h.cfg.Group.Changes()
	for {
		wake := time.Hour
		if at := h.core.WakeAt(); !at.IsZero() {
			wake = max(time.Until(at), 0)
		}
		timer.Reset(wake)
		var ev core.Event
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			ev = core.Tick{}
		case <-repair.C:
			h.repairStatuses()
			ev = core.Tick{}
		case q := <-h.stages:
			h.tell(q)
			continue
		case r := <-h.requests:
			ev = core.Requested{Req: r.id, Request: r.req}
		case c := <-h.cfg.Config.Changes():
			h.loggers(c)
			ev = core.ConfigRead{ConfigRead: c}
		case m, open := <-group:
			if !open {
				group = nil // the membership has ended for good; whoever runs it ends this worker too
			}
			ev = h.membership(m)
		case r := <-h.cfg.Worker.Reports():
			ev = core.Reported{Report: r}
		case d := <-h.done:
			h.callOff(d.Op)
			ev = d
		}
		for _, a := range h.core.Step(time.Now(), ev) {
			h.perform(ctx, a)
		}
	}
}

// repairInterval is how often the statuses of what runs here are compared with the status topic.
const repairInterval = 2 * time.Second

// repairStatuses writes the statuses anew that another worker has hidden by a record of an older generation: a worker that was cut off or
// frozen puts UNASSIGNED for what it had as soon as it is back, after the new owner's RUNNING. Ours of an older generation stand: they are not
// written again in each generation. What differs must have done so at the last look too, or every status on its way to the topic would
// be written twice.
func (h *Herder) repairStatuses() {
	hidden := map[connect.TaskID]cluster.Status{}
	claims := map[string]connect.TaskID{}
	for _, s := range h.core.Statuses() {
		now, ok := h.cfg.Status.Get(s.ID)
		if ok && now.WorkerID != s.WorkerID && now.State == cluster.Running && s.State == cluster.Running {
			claims[now.WorkerID] = s.ID
		}
		if ok && (now.WorkerID == s.WorkerID && now.State == s.State || now.Generation > s.Generation) {
			continue
		}
		if before, again := h.hidden[s.ID]; !again || before != now {
			hidden[s.ID] = now
			continue
		}
		h.cfg.Log.Info("writing a status anew", "connector", s.ID.Connector, "task", s.ID.Task, "state", string(s.State), "found", string(now.State), "of", now.WorkerID)
		h.cfg.Status.Put(s)
	}
	h.hidden = hidden
	h.watchRivals(claims)
}

const (
	// rivalLooks is how many looks in a row, or nearly so, tell a worker of another cluster from one whose work has just moved here.
	rivalLooks = 6
	// rivalPause is the time between two complaints of one worker.
	rivalPause = 5 * time.Minute
)

// rival is a worker that says that it runs what runs here.
type rival struct {
	score int
	told  time.Time
}

// watchRivals complains of a worker that goes on saying that it runs what runs here, however often that is corrected: within a group it
// cannot be, so two clusters use the same topics, and every record is there twice. Java has no word for it.
func (h *Herder) watchRivals(claims map[string]connect.TaskID) {
	for worker, r := range h.rivals {
		if _, claims := claims[worker]; !claims {
			if r.score--; r.score <= 0 && time.Since(r.told) > rivalPause {
				delete(h.rivals, worker)
			}
		}
	}
	for worker, id := range claims {
		r := h.rivals[worker]
		if r == nil {
			r = &rival{}
			h.rivals[worker] = r
		}
		// Each correction takes the claim away until the other worker has corrected it in turn: hence two up, one down.
		if r.score = min(r.score+2, 2*rivalLooks); r.score >= rivalLooks && time.Since(r.told) > rivalPause {
			r.told = time.Now()
			h.cfg.Log.Error("a worker that is not of this group runs the same connectors: two Connect clusters share their topics; "+
				"give each group.id its own config.storage.topic, offset.storage.topic and status.storage.topic",
				"other", worker, "connector", id.Connector, "task", id.Task)
		}
	}
}

// shut ends the slow actions and answers whoever still waits.
func (h *Herder) shut(cancel context.CancelFunc) {
	cancel()
	ended := make(chan struct{})
	go func() {
		h.ops.Wait()
		close(ended)
	}()
	for open := true; open; {
		select {
		case <-h.done:
		case <-ended:
			open = false
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
	for _, w := range h.waiting {
		select {
		case w <- core.Reply{Err: cluster.ErrStarting}:
		default: // answered already
		}
	}
}

func (h *Herder) loggers(c cluster.ConfigRead) {
	if h.cfg.Loggers == nil {
		return
	}
	for _, l := range c.Loggers {
		h.cfg.Loggers(l)
	}
}

// membership turns a change into an event and keeps what REST and metrics ask for.
func (h *Herder) membership(m cluster.MembershipChange) core.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch m := m.(type) {
	case cluster.Joined:
		h.member = Member{
			Sessioned: m.Grant.Version >= cluster.Sessioned, Joined: true, Leader: m.IsLeader, LeaderURL: m.LeaderURL, Generation: m.Generation, Epoch: time.Now(), Assigned: m.Held,
		}
		h.readyOnce.Do(func() { close(h.ready) })
		ev := core.Joined{Joined: m}
		if m.IsLeader && h.cfg.Owners != nil {
			ev.Owners = h.cfg.Owners(m)
		}
		return ev
	case cluster.Revoking:
		h.member.Joined, h.member.Away = false, h.away()
		return core.Revoking{Revoking: m}
	case cluster.Left:
		h.member = Member{Away: h.away()}
		h.cfg.Log.Warn("left the group", "reason", m.Reason)
		return core.LeftGroup{Left: m}
	default:
		return core.Tick{}
	}
}

// away is when the membership was lost. The caller holds mu.
func (h *Herder) away() time.Time {
	if h.member.Joined || h.member.Away.IsZero() {
		return time.Now()
	}
	return h.member.Away
}

// perform begins an action. Instant ones are done on return.
func (h *Herder) perform(ctx context.Context, a core.Action) {
	switch a := a.(type) {
	case core.Apply:
		h.cfg.Worker.Apply(a.Revision, a.Want, a.Changed)
	case core.Rejoin:
		h.cfg.Group.Rejoin(a.Reason)
	case core.Ready:
		h.cfg.Group.Ready(a.Seq)
	case core.LeaveGroup:
		h.cfg.Group.Leave(a.Reason)
	case core.Reply:
		h.reply(a)
	case core.WriteStatus:
		if a.Safe {
			h.cfg.Status.PutSafe(a.Status)
		} else {
			h.cfg.Status.Put(a.Status)
		}
	case core.CallOff:
		h.callOff(a.Op)
	case core.CleanStatus:
		h.cleanStatus(a.Snapshot)
	default:
		h.begin(ctx, a)
	}
}

func (h *Herder) reply(r core.Reply) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w := h.waiting[r.Req]; w != nil {
		select {
		case w <- r:
		default: // the caller has been answered; a second answer would be a defect of the core, never a reason to hang
		}
	}
}

// begin runs a slow action in a goroutine of its own.
func (h *Herder) begin(ctx context.Context, a core.Action) {
	switch a := a.(type) {
	case core.ReadToEnd:
		h.slow(ctx, a.Op, h.cfg.SyncTimeout, func(ctx context.Context) (any, error) {
			err := h.cfg.Config.ReadToEnd(ctx)
			return h.cfg.Config.Snapshot(), err
		})
	case core.WriteConfig:
		h.slow(ctx, a.Op, h.cfg.OpTimeout, func(ctx context.Context) (any, error) {
			if a.Claim {
				if err := h.cfg.Claim(ctx); err != nil {
					return h.cfg.Config.Snapshot(), err
				}
			}
			err := h.cfg.Config.Write(ctx, a.AsLeader, a.Changes...)
			return h.cfg.Config.Snapshot(), err
		})
	case core.Validate:
		h.slow(ctx, a.Op, h.cfg.OpTimeout, func(ctx context.Context) (any, error) { return nil, h.cfg.Validate(ctx, a.Props) })
	case core.PlanTasks:
		h.slow(ctx, a.Op, h.cfg.OpTimeout, func(ctx context.Context) (any, error) {
			tasks, err := h.cfg.Worker.TaskConfigs(ctx, a.Connector)
			if err != nil {
				h.cfg.Log.Warn("asking for task configs failed, will try again", "connector", a.Connector, "error", err)
			}
			return tasks, err
		})
	case core.ForwardTasks:
		key := h.cfg.Config.Snapshot().SessionKey
		h.slow(ctx, a.Op, h.cfg.OpTimeout, func(ctx context.Context) (any, error) {
			err := h.cfg.Peers.PutTasks(ctx, a.LeaderURL, a.Connector, a.Configs, key)
			if err != nil {
				h.cfg.Log.Warn("bringing task configs to the leader failed, will try again", "connector", a.Connector, "leader", a.LeaderURL, "error", err)
			}
			return nil, err
		})
	case core.NewSessionKey:
		h.slow(ctx, a.Op, h.cfg.OpTimeout, func(context.Context) (any, error) { return h.cfg.NewKey() })
	case core.Claim:
		h.slow(ctx, a.Op, h.cfg.OpTimeout, func(ctx context.Context) (any, error) {
			err := h.cfg.Claim(ctx)
			if err != nil && !errors.Is(context.Cause(ctx), context.Canceled) {
				h.cfg.Log.Warn("claiming the config topic failed, will try again", "error", err)
			}
			return nil, err
		})
	case core.Release:
		h.slow(ctx, a.Op, h.cfg.OpTimeout, func(context.Context) (any, error) {
			h.cfg.Release()
			return nil, nil
		})
	case core.FenceProducers:
		h.slow(ctx, a.Op, h.cfg.OpTimeout, func(ctx context.Context) (any, error) {
			return nil, h.cfg.FenceProducers(ctx, a.Connector, a.Config, a.Tasks)
		})
	default:
		h.cfg.Log.Error("unknown action", "action", fmt.Sprintf("%T", a))
	}
}

// lateGrace is how long a slow action that has a deadline behind it may still take to answer by itself.
const lateGrace = time.Second

// slow runs do in a goroutine of its own. It may call a connector's code (validating does), which may not care about its context: such
// a call is given up at the deadline, since other requests of the connector queue behind it, and at the end of the loop.
func (h *Herder) slow(ctx context.Context, op core.OpID, timeout time.Duration, do func(context.Context) (any, error)) {
	opCtx, cancel := context.WithTimeoutCause(ctx, timeout, core.ErrLate)
	h.calls[op] = cancel
	h.ops.Go(func() {
		answer := make(chan core.Done, 1)
		go func() { answer <- protect(opCtx, op, do) }()
		var d core.Done
		select {
		case d = <-answer:
		case <-opCtx.Done():
			select {
			case d = <-answer:
			case <-time.After(lateGrace):
				d = core.Done{Op: op, Err: fmt.Errorf("the call goes on in the connector's code: %w", context.Cause(opCtx))}
			}
		}
		if d.Err != nil && errors.Is(context.Cause(opCtx), core.ErrLate) {
			d.Err = fmt.Errorf("%w after %s: %w", core.ErrLate, timeout, d.Err)
		}
		h.done <- d
	})
}

// callOff ends the context of a slow action; one that is over needs it no more.
func (h *Herder) callOff(op core.OpID) {
	if cancel, ok := h.calls[op]; ok {
		cancel()
		delete(h.calls, op)
	}
}

// protect turns a panic of do into an error.
func protect(ctx context.Context, op core.OpID, do func(context.Context) (any, error)) (d core.Done) {
	d.Op = op
	defer func() {
		if p := recover(); p != nil {
			d.Result, d.Err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	d.Result, d.Err = do(ctx)
	return d
}

// cleanStatus removes the statuses of connectors and tasks that are not configured any more (updateDeletedConnectorStatus and
// updateDeletedTaskStatus of DistributedHerder).
func (h *Herder) cleanStatus(snap *cluster.Snapshot) {
	destroy := func(id connect.TaskID) {
		// Safe: snap may be outdated when this goes out, and the task may be there again, on a worker of a newer generation.
		h.cfg.Status.PutSafe(cluster.Status{ID: id, State: cluster.Destroyed, WorkerID: h.cfg.Core.WorkerID, Generation: h.Member().Generation})
	}
	for _, name := range h.cfg.Status.Connectors() {
		c := snap.Connectors[name]
		if id := (connect.TaskID{Connector: name, Task: connect.ConnectorTask}); c == nil {
			if _, there := h.cfg.Status.Get(id); there {
				destroy(id)
			}
		}
		for _, s := range h.cfg.Status.Tasks(name) {
			if c == nil || int(s.ID.Task) >= len(c.Tasks) {
				destroy(s.ID)
			}
		}
	}
}

// PutTasks is the leader's side of [Peers.PutTasks].
func (h *Herder) PutTasks(ctx context.Context, connector string, tasks []config.Props) error {
	_, err := h.Do(ctx, core.PutTasks{Name: connector, Configs: tasks})
	return err
}
