package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
)

// onJoined takes a new generation. Work that was revoked stops first (the wanted set lacks it); with a lagging config log nothing
// new starts until it has been read to the end.
func (h *Herder) onJoined(ev Joined) []Action {
	wasLeader, claimed := h.member.leader, h.member.claimed
	h.member = membership{
		joined: true, generation: ev.Generation, leader: ev.IsLeader, leaderURL: ev.LeaderURL, assigned: ev.Held, owners: ev.Owners,
		sessioned: ev.Grant.Version >= cluster.Sessioned,
	}
	h.backAt = time.Time{}
	h.paceFrom(ev.ConfigOffset == h.snap.Offset)
	var acts []Action
	if wasLeader && !ev.IsLeader {
		acts = append(h.abort(true, cluster.ErrRebalancing), h.release()...)
	}
	if h.cfg.Fenced && ev.IsLeader {
		h.member.claimed, h.claimAt = claimed, time.Time{}
	}
	if ev.Grant.Error == cluster.ConfigMismatch || ev.ConfigOffset > h.snap.Offset {
		h.member.lagging = true
		h.owe(ev.Seq)
		return append(acts, h.catchUp(ev.Joined)...)
	}
	if ev.ConfigOffset < h.snap.Offset {
		// The assignment was made for an older config: what it lacks gets its place in another round.
		acts = append(acts, h.rejoin("the assignment was made for an older config")...)
	}
	return append(acts, h.settleIn(ev.Seq)...)
}

// settleIn acts on an assignment that the config log can follow.
func (h *Herder) settleIn(seq int64) []Action {
	before := h.wanted
	acts := h.apply()
	h.hold(seq)
	if h.member.leader {
		acts = append(acts, CleanStatus{Snapshot: h.snap})
	}
	return append(acts, h.replan(before, h.member.assigned.Connectors)...)
}

// catchUp reads the config topic to its end. If that fails the worker leaves the group for a while, so that others take its work
// (DistributedHerder.handleRebalanceCompleted).
func (h *Herder) catchUp(ev cluster.Joined) []Action {
	mismatch := ev.Grant.Error == cluster.ConfigMismatch
	f := &flow{name: "reading the config topic to its end"}
	gen := ev.Generation
	return h.slow(f, "reading config topic", func(op OpID) Action { return ReadToEnd{op} }, func(d Done) []Action {
		if !h.member.joined || h.member.generation != gen {
			return nil
		}
		if d.Err != nil || !mismatch && h.snap.Offset < ev.ConfigOffset {
			h.backAt = h.now.Add(h.cfg.UnsyncBackoff)
			acts := h.onLeft(0) // what is owed for ev is held there
			return append([]Action{LeaveGroup{Reason: "the config topic could not be read up to the group's offset"}}, acts...)
		}
		h.member.lagging = false
		if mismatch {
			return append(h.settleIn(ev.Seq), Rejoin{Reason: "the config topic was read after a mismatch"})
		}
		return h.settleIn(ev.Seq)
	})
}

// onRevoking stops everything before an eager join.
func (h *Herder) onRevoking(seq int64) []Action {
	acts := append(h.leaveLead(), h.apply()...)
	h.hold(seq)
	return acts
}

// onLeft stops everything: the work belongs to others now.
func (h *Herder) onLeft(seq int64) []Action {
	acts := h.leaveLead()
	for name := range h.plans {
		delete(h.plans, name)
	}
	acts = append(acts, h.apply()...)
	h.hold(seq)
	return acts
}

// owe remembers a change whose hold has to wait: what it takes away stops only with the next wanted set. Should the catch-up be
// overtaken by a change without a number of its own (we had nothing any more), the member would wait for its Ready for ever.
func (h *Herder) owe(seq int64) { h.owed = max(h.owed, seq) }

// hold keeps the member out of the next round until the wanted set as it is now has settled.
func (h *Herder) hold(seq int64) {
	seq = max(seq, h.owed)
	h.owed = 0
	if seq != 0 {
		h.holds = append(h.holds, hold{h.rev, seq})
	}
}

// onConfig takes news from the config topic.
func (h *Herder) onConfig(ev ConfigRead) []Action {
	h.take(ev.Snapshot)
	moved := len(ev.Removed) > 0
	for _, name := range ev.Updated {
		moved = moved || !h.known[name]
		h.known[name] = true
	}
	for _, name := range ev.Removed {
		delete(h.known, name)
	}
	defer h.forgetEpochs()
	if !h.member.joined {
		return nil
	}
	var acts []Action
	var restarted []string
	for _, r := range ev.Restarts {
		acts = append(acts, h.restart(r)...)
		restarted = append(restarted, r.Connector)
	}
	if !h.member.lagging {
		names := slices.Concat(ev.Updated, ev.Tasks, ev.Targets, ev.Removed, restarted)
		before := h.wantedConnectors(names)
		acts = append(acts, h.reapply(names)...)
		acts = append(acts, h.replan(before, names)...)
	}
	switch {
	case moved:
		acts = append(acts, h.rejoin("connectors were added or removed")...)
	case len(ev.Tasks) > 0:
		acts = append(acts, h.rejoin("task configs of connectors have changed")...)
	}
	return acts
}

// forgetEpochs forgets those of connectors that are gone and wanted no more. One that is gone from a snapshot that came with an answer is
// wanted until the news of it come, and may be made again before.
func (h *Herder) forgetEpochs() {
	for id := range h.epochs {
		if _, wanted := h.wanted[id]; !wanted && !h.snap.Contains(id.Connector) {
			delete(h.epochs, id)
		}
	}
}

// take keeps the newer of two snapshots: answers of slow actions and the log's own news may cross.
func (h *Herder) take(s *cluster.Snapshot) {
	if s != nil && !s.Before(h.snap) {
		h.snap = s
	}
}

// keyDue is when the next session key is due: the leader keeps a session key that is younger than its time to live (KIP-507).
func (h *Herder) keyDue() time.Time {
	if h.cfg.SessionKeyTTL <= 0 || !h.member.joined || !h.member.leader || !h.member.sessioned || h.member.lagging || h.member.fenced || h.rotating() {
		return time.Time{}
	}
	if h.snap.SessionKey == nil {
		return later(h.now, h.keyAt)
	}
	return later(h.keyEnd(h.snap.SessionKey), h.keyAt)
}

// keyEnd is when a key has to be replaced: after its time to live, and now if it was made by a clock that was ahead by more than that, since
// it would be used for as long.
func (h *Herder) keyEnd(k *cluster.SessionKey) time.Time {
	made := time.UnixMilli(k.Created)
	if made.After(h.now.Add(h.cfg.SessionKeyTTL)) {
		return h.now
	}
	return made.Add(h.cfg.SessionKeyTTL)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

const (
	keyQueue = "\x00session-key"
	// keyBackoff is the pause after a session key that could not be made or written.
	keyBackoff = 10 * time.Second
)

func (h *Herder) rotating() bool { return len(h.queues[keyQueue]) > 0 }

func (h *Herder) rotateKey() []Action {
	f := &flow{name: "rotating the session key", leader: true, queue: keyQueue}
	f.failed = func(error) { h.keyAt = h.now.Add(keyBackoff) }
	// A former leader's key may be at the end of the topic: it must not be written over by one made before (invariant 4).
	return h.enqueue(f, func() []Action { return h.readThen(f, func() []Action { return h.newKey(f) }) })
}

func (h *Herder) newKey(f *flow) []Action {
	if k := h.snap.SessionKey; k != nil && h.now.Before(h.keyEnd(k)) {
		return h.finish(f, nil, nil)
	}
	return h.slow(f, "making a session key", func(op OpID) Action { return NewSessionKey{op} }, func(d Done) []Action {
		key, ok := d.Result.(*cluster.SessionKey)
		if d.Err == nil && !ok {
			d.Err = fmt.Errorf("made %T in place of a session key", d.Result)
		}
		if d.Err != nil {
			return h.finish(f, nil, d.Err)
		}
		return h.write(f, true, nil, cluster.PutSessionKey{Key: *key})
	})
}
