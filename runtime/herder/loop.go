package herder

import (
	"context"
	"errors"
	"fmt"
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
		case r := <-h.requests:
			ev = core.Requested{Req: r.id, Request: r.req}
		case c := <-h.cfg.Config.Changes():
			h.loggers(c)
			ev = core.ConfigRead{ConfigRead: c}
		case m := <-h.cfg.Group.Changes():
			ev = h.membership(m)
		case r := <-h.cfg.Worker.Reports():
			ev = core.Reported{Report: r}
		case d := <-h.done:
			ev = d
		}
		for _, a := range h.core.Step(time.Now(), ev) {
			h.perform(ctx, a)
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
			Joined: true, Leader: m.IsLeader, LeaderURL: m.LeaderURL, Generation: m.Generation, Epoch: time.Now(), Assigned: m.Held,
		}
		h.readyOnce.Do(func() { close(h.ready) })
		ev := core.Joined{Joined: m}
		if m.IsLeader && h.cfg.Owners != nil {
			ev.Owners = h.cfg.Owners(m)
		}
		h.cfg.Log.Info("joined the group", "generation", m.Generation, "leader", m.LeaderURL, "is_leader", m.IsLeader,
			"connectors", len(m.Held.Connectors), "tasks", len(m.Held.Tasks), "revoked", m.Grant.Revoked.Len())
		return ev
	case cluster.Revoking:
		h.member.Joined = false
		return core.Revoking{Revoking: m}
	case cluster.Left:
		h.member = Member{}
		h.cfg.Log.Warn("left the group", "reason", m.Reason)
		return core.LeftGroup{Left: m}
	default:
		return core.Tick{}
	}
}

// perform begins an action. Instant ones are done on return.
func (h *Herder) perform(ctx context.Context, a core.Action) {
	switch a := a.(type) {
	case core.Apply:
		h.cfg.Worker.Apply(a.Revision, a.Want)
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
	default:
		h.cfg.Log.Error("unknown action", "action", fmt.Sprintf("%T", a))
	}
}

func (h *Herder) slow(ctx context.Context, op core.OpID, timeout time.Duration, do func(context.Context) (any, error)) {
	h.ops.Go(func() {
		d := core.Done{Op: op}
		defer func() {
			if p := recover(); p != nil {
				d.Result, d.Err = nil, fmt.Errorf("panic: %v", p)
			}
			h.done <- d
		}()
		opCtx, cancel := context.WithTimeoutCause(ctx, timeout, core.ErrLate)
		defer cancel()
		d.Result, d.Err = do(opCtx)
		if d.Err != nil && errors.Is(context.Cause(opCtx), core.ErrLate) {
			d.Err = fmt.Errorf("%w after %s: %w", core.ErrLate, timeout, d.Err)
		}
	})
}

// cleanStatus removes the statuses of connectors and tasks that are not configured any more (updateDeletedConnectorStatus and
// updateDeletedTaskStatus of DistributedHerder).
func (h *Herder) cleanStatus(snap *cluster.Snapshot) {
	destroy := func(id connect.TaskID) {
		h.cfg.Status.Put(cluster.Status{ID: id, State: cluster.Destroyed, WorkerID: h.cfg.Core.WorkerID, Generation: h.Member().Generation})
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
