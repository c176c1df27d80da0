package core

import (
	"errors"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

const (
	claimQueue = "\x00claim"
	// claimBackoff is the pause after a claim that failed (CONFIG_TOPIC_WRITE_PRIVILEGES_BACKOFF_MS).
	claimBackoff = 250 * time.Millisecond
)

// claimDue is when the leader has to claim the right to write the config topic: at once when it becomes leader, so that a former leader
// is cut off before anything is decided here (invariant 4).
func (h *Herder) claimDue() time.Time {
	if !h.cfg.Fenced || !h.member.joined || !h.member.leader || h.member.claimed || h.member.fenced || len(h.queues[claimQueue]) > 0 {
		return time.Time{}
	}
	return later(h.now, h.claimAt)
}

func (h *Herder) claim() []Action {
	f := &flow{name: "claiming the config topic", leader: true, queue: claimQueue}
	return h.enqueue(f, func() []Action {
		return h.slow(f, "claiming the config topic", func(op OpID) Action { return Claim{op} }, func(d Done) []Action {
			h.member.claimed = d.Err == nil
			if d.Err != nil {
				h.claimAt = h.now.Add(claimBackoff)
			}
			return h.finish(f, nil, d.Err)
		})
	})
}

// release gives the right up after leadership was lost; a claim that comes later waits for it.
func (h *Herder) release() []Action {
	if !h.cfg.Fenced {
		return nil
	}
	f := &flow{name: "releasing the config topic", queue: claimQueue}
	return h.enqueue(f, func() []Action {
		return h.slow(f, "releasing the config topic", func(op OpID) Action { return Release{op} }, func(d Done) []Action {
			return h.finish(f, nil, d.Err)
		})
	})
}

// leaveLead drops what needs the group: this worker is in none, or between two rounds of it.
func (h *Herder) leaveLead() []Action {
	led := h.member.leader
	h.member = membership{generation: h.member.generation}
	h.pacing.due = time.Time{} // whoever comes back is in a round
	acts := h.abort(true, cluster.ErrRebalancing)
	if led {
		acts = append(acts, h.release()...)
	}
	return acts
}

// writeAction is a write of f, which claims the config topic first if that has not been done yet.
func (h *Herder) writeAction(f *flow, asLeader bool, changes ...cluster.Change) func(OpID) Action {
	f.writes = asLeader
	claim := asLeader && h.cfg.Fenced && !h.member.claimed
	return func(op OpID) Action { return WriteConfig{Op: op, Changes: changes, AsLeader: asLeader, Claim: claim} }
}

// lostLead looks at the answer of a leader's write. A failed one costs the claim; it tells whether another worker has it.
func (h *Herder) lostLead(f *flow, d Done) bool {
	if !f.writes {
		return false
	}
	f.writes = false
	if !h.cfg.Fenced || !h.member.leader {
		return false
	}
	h.member.claimed = d.Err == nil
	return errors.Is(d.Err, cluster.ErrFenced)
}

// stepBack ends all work of a leader whose right to write was taken. Either we have lost the lead without knowing (SIGSTOP, a network
// cut), or a zombie has come back: only another round of the group can tell, and claiming at once would cut off the rightful leader.
func (h *Herder) stepBack() []Action {
	h.member.fenced = true
	return append(h.abort(true, cluster.ErrRebalancing), Rejoin{Reason: "another worker has written to the config topic as leader"})
}

// isSource tells whether props are those of a source connector.
func (h *Herder) isSource(props config.Props) bool {
	return h.cfg.IsSource != nil && h.cfg.IsSource(props["connector.class"])
}

// fence is a round of zombie fencing (DistributedHerder.doFenceZombieSourceTasks): before the tasks of a new set of task configs start,
// the producers of as many tasks as the last round counted are cut off, then the new count is written. Tasks ask one after the other;
// the first one's round serves them all.
func (h *Herder) fence(req ReqID, r Fence) []Action {
	if no := h.needLeader(req); no != nil {
		return no
	}
	f := &flow{name: "fencing out the zombies of " + r.Name, req: req, leader: true, queue: "\x00fence-" + r.Name}
	return h.enqueue(f, func() []Action {
		return h.readThen(f, func() []Action {
			c := h.snap.Connectors[r.Name]
			switch {
			case c == nil:
				return h.finish(f, nil, notFound(r.Name))
			case !h.isSource(c.Config):
				return h.finish(f, nil, &cluster.BadRequest{Message: "Connector " + r.Name + " is not a source connector"})
			case !c.PendingFencing:
				return h.finish(f, nil, nil)
			case c.TaskCountRecord < 0, c.TaskCountRecord == 1 && len(c.Tasks) == 1:
				// Nothing ran with a transactional producer yet, or the one task cuts off its predecessor itself.
				return h.recordTasks(f, r.Name, len(c.Tasks))
			default:
				return h.fenceProducers(f, c)
			}
		})
	})
}

func (h *Herder) fenceProducers(f *flow, c *cluster.ConnectorSnapshot) []Action {
	act := func(op OpID) Action {
		return FenceProducers{Op: op, Connector: c.Name, Config: c.Config, Tasks: c.TaskCountRecord}
	}
	return h.slow(f, "fencing out the producers of former tasks", act, func(d Done) []Action {
		if d.Err != nil {
			return h.finish(f, nil, d.Err)
		}
		return h.readThen(f, func() []Action {
			now := h.snap.Connectors[c.Name]
			if now == nil {
				return h.finish(f, nil, notFound(c.Name))
			}
			// Tasks of a newer set may be up by now: the count would say that those before them cannot be.
			if now.Generation != c.Generation {
				return h.finish(f, nil, &cluster.Conflict{
					Message: "Fencing failed because new task configurations were generated for the connector",
				})
			}
			return h.recordTasks(f, c.Name, len(now.Tasks))
		})
	})
}

func (h *Herder) recordTasks(f *flow, name string, n int) []Action {
	return h.write(f, true, nil, cluster.PutTaskCount{Connector: name, Count: int32(n)})
}
