package group

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
)

// phase is where the member stands; the diagram is in doc.go.
type phase uint8

const (
	// outside: no request is under way; joins when it may. The broker may still count it as a member.
	outside phase = iota
	// joining: JoinGroup is under way; a member that was in the last generation heartbeats.
	joining
	// syncing: in the new generation, waiting for its work; heartbeats.
	syncing
	// stable: has its work; heartbeats.
	stable
	// quitting: told to leave, work is being stopped; heartbeats, so that nobody takes it over before.
	quitting
	// leaving: LeaveGroup is under way.
	leaving
	// away: left because it was told to; waits for Rejoin.
	away
)

// loop is the state of Run; only its goroutine touches it.
type loop struct {
	*Member
	ctx      context.Context
	log      *slog.Logger
	requests sync.WaitGroup
	results  chan answer

	phase          phase
	memberID       string    // the coordinator's, "" before it has given one
	farewell       string    // why to leave
	goodbye        string    // the id in a LeaveGroup that is not answered yet
	last           Departure // of the last completed round
	generation     int32     // -1: none
	lastGeneration int32     // the last one completed, also after leaving (WorkerCoordinator.lastCompletedGenerationId)
	protocol       Protocol
	// snapshot is the last grant with all that is held in Assigned, nil if out of the group (WorkerCoordinator.assignmentSnapshot).
	snapshot *cluster.Grant
	told     bool   // the last change told was Joined (or Revoking), so the end of membership must be told
	rejoin   string // why to join again, "" if there is no reason
	seq      int64  // of the last change that wants an answer
	unready  int64  // the change whose answer is missing, 0: none
	onReady  string // why to rejoin after the answer

	op, beat    request   // join, sync or leave; heartbeat
	attempts    int       // failures in a row
	retryAt     time.Time // outside: not to join before
	beatAt      time.Time
	beatAgain   bool      // another heartbeat is due as soon as the one under way is answered
	delayAt     time.Time // when Grant.Delay is over, zero if there is none
	lastContact time.Time // when the coordinator last counted us as a member
	queue       []cluster.MembershipChange
}

// request is one under way, or none. An answer with another number than the current one is stale.
type request struct {
	number int
	active bool
	cancel context.CancelFunc
}

func (r *request) stop() {
	if r.active {
		r.cancel()
	}
	r.active = false
	r.number++
}

type answer struct {
	of     *request
	number int
	handle func() error
}

// start runs send in a goroutine; what it returns is run by the loop, unless the request was stopped meanwhile.
func (l *loop) start(r *request, timeout time.Duration, send func(context.Context) (handle func() error)) {
	ctx, cancel := context.WithTimeout(l.ctx, timeout)
	r.stop()
	r.active, r.cancel = true, cancel
	number := r.number
	l.requests.Go(func() {
		defer cancel()
		a := answer{of: r, number: number, handle: send(ctx)}
		select {
		case l.results <- a:
		case <-l.ctx.Done():
		}
	})
}

func (l *loop) run() error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l.advance(time.Now())
		timer.Reset(time.Until(l.deadline()))
		var out chan<- cluster.MembershipChange
		var head cluster.MembershipChange
		if len(l.queue) > 0 {
			out, head = l.changes, l.queue[0]
		}
		select {
		case <-l.ctx.Done():
			return nil
		case <-timer.C:
		case out <- head:
			l.queue = l.queue[1:]
		case <-l.wake:
			l.obey(l.read())
		case a := <-l.results:
			if a.number != a.of.number {
				break // stopped while its answer was on the way
			}
			a.of.active = false
			if err := a.handle(); err != nil {
				return err
			}
		}
	}
}

// advance does what is due.
func (l *loop) advance(now time.Time) {
	if end := l.sessionEnd(); !end.IsZero() && !now.Before(end) {
		l.drop(fmt.Sprintf("no answer from the group coordinator for %v", now.Sub(l.lastContact).Round(time.Millisecond)))
	}
	if l.phase == stable && !l.delayAt.IsZero() && !now.Before(l.delayAt) {
		l.delayAt = time.Time{}
		l.rejoin = "the scheduled rebalance delay is over"
	}
	wantsJoin := l.phase == outside && !now.Before(l.retryAt) || l.phase == stable && l.rejoin != ""
	if wantsJoin && l.unready == 0 {
		if l.protocol == Eager && l.held().Len() > 0 {
			// Eager members join with empty hands (WorkerCoordinator.onJoinPrepare).
			l.revokeAll()
		} else {
			l.join()
		}
	}
	if l.phase == quitting && l.unready == 0 {
		l.sayGoodbye()
	}
	if l.heartbeats() && !l.beat.active && !now.Before(l.beatAt) {
		l.heartbeat(now)
	}
}

// deadline is when advance has something to do next, if nothing happens before.
func (l *loop) deadline() time.Time {
	next := time.Now().Add(time.Hour)
	at := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	at(l.sessionEnd())
	switch l.phase {
	case outside:
		if l.unready == 0 {
			at(l.retryAt)
		}
	case stable:
		at(l.delayAt)
	}
	if l.heartbeats() && !l.beat.active {
		at(l.beatAt)
	}
	return next
}

// heartbeats tells whether the coordinator wants signs of life. Java sends none while JoinGroup waits for the other members; we do, since
// that can take the whole rebalance time-out, and a coordinator that is gone would be noticed only after it.
func (l *loop) heartbeats() bool {
	switch l.phase {
	case stable, syncing:
		return true
	case joining, quitting:
		return l.memberID != "" && l.generation >= 0
	}
	return false
}

// sessionEnd is when the member must count itself out, zero if it is out.
func (l *loop) sessionEnd() time.Time {
	switch {
	case !l.told:
		return time.Time{}
	case l.phase == joining && !l.heartbeats(): // as a new member, with the work it had
		return l.lastContact.Add(l.cfg.SessionTimeout + l.cfg.RebalanceTimeout)
	}
	return l.lastContact.Add(l.cfg.SessionTimeout)
}

func (l *loop) obey(in inbox) {
	if l.unready != 0 && in.ready >= l.unready {
		l.unready = 0
		if l.onReady != "" {
			l.rejoin, l.onReady = l.onReady, ""
		}
	}
	if in.beat {
		// The answer to one under way may be older than what there is to hear of.
		l.beatAt, l.beatAgain = time.Now(), l.beat.active
	}
	if in.leave != "" {
		l.leave(in.leave)
	}
	if in.rejoin != "" {
		l.rejoin = in.rejoin
		if l.phase == away {
			l.stepOut()
		}
	}
}

func (l *loop) emit(c cluster.MembershipChange) { l.queue = append(l.queue, c) }

// expectReady numbers a change that has to be answered before the next join.
func (l *loop) expectReady() int64 {
	l.seq++
	l.unready = l.seq
	return l.seq
}

func (l *loop) held() cluster.Assignment {
	if l.snapshot == nil {
		return cluster.Assignment{}
	}
	return l.snapshot.Assigned
}

func (l *loop) revokeAll() {
	l.log.Info("stopping all work before joining the group again", "generation", l.generation, "reason", l.rejoin)
	l.emit(cluster.Revoking{Seq: l.expectReady(), Generation: l.generation, Assignment: l.held(), Reason: l.rejoin})
	l.snapshot.Assigned = cluster.Assignment{}
}

// drop ends the membership from this side: another join will be that of a new member.
func (l *loop) drop(reason string) {
	l.log.Warn("out of the group", "generation", l.generation, "reason", reason)
	l.op.stop()
	l.beat.stop()
	l.tellLeft(reason)
	l.phase, l.memberID, l.generation, l.rejoin = outside, "", -1, reason
}

func (l *loop) tellLeft(reason string) {
	if l.told {
		left := cluster.Left{Generation: l.generation, Assignment: l.held(), Reason: reason}
		if left.Assignment.Len() > 0 {
			left.Seq = l.expectReady()
		}
		l.emit(left)
	}
	l.told, l.snapshot, l.onReady, l.delayAt = false, nil, "", time.Time{}
}

// leave takes the work away first; the coordinator is told when it has stopped. Nobody else starts it before: without a member that is still
// there a new leader would assign it at once.
func (l *loop) leave(reason string) {
	if l.phase == quitting || l.phase == leaving || l.phase == away {
		return
	}
	l.log.Info("leaving the group", "generation", l.generation, "reason", reason)
	l.op.stop()
	l.tellLeft(reason)
	l.phase, l.farewell, l.rejoin = quitting, reason, ""
}

// stepOut ends a leave: the member is away, or back outside if it has been told to rejoin meanwhile.
func (l *loop) stepOut() {
	l.beat.stop()
	l.phase, l.memberID, l.goodbye, l.generation = away, "", "", -1
	if l.rejoin != "" {
		l.phase, l.retryAt = outside, time.Time{}
	}
}

// install takes over the answer of a completed round.
func (l *loop) install(g cluster.Grant, r cluster.Round, urls map[string]string) {
	version := Protocol(r.Version)
	held := g.Assigned
	if version != Eager {
		held = merge(l.held(), g)
	}
	joined := cluster.Joined{
		Generation: r.Generation, MemberID: l.memberID, LeaderID: g.Leader, LeaderURL: g.LeaderURL, IsLeader: g.Leader == l.memberID,
		Grant: g, Held: held, ConfigOffset: g.ConfigOffset, Members: urls,
	}
	restarted := l.snapshot == nil && l.cfg.InstanceID != "" && version != Eager
	if version != Eager && !g.Revoked.Empty() {
		joined.Seq = l.expectReady()
		l.onReady = "revoked work has stopped"
	}
	if restarted {
		// The broker may have answered with what the last round brought to our predecessor, without any round (KIP-345). With that in our
		// hands another one moves nothing, and tells the leader our address and what a Java leader had given us in rounds before: its
		// answers are differences.
		l.rejoin = "a static member has come back"
	}
	now := time.Now()
	l.phase, l.told, l.protocol, l.lastGeneration, l.attempts, l.lastContact = stable, true, version, r.Generation, 0, now
	l.delayAt = time.Time{}
	if g.Delay > 0 {
		l.delayAt = now.Add(time.Duration(g.Delay) * time.Millisecond)
	}
	snapshot := g
	snapshot.Assigned, snapshot.Revoked = held, cluster.Assignment{}
	l.snapshot = &snapshot
	l.last = Departure{MemberID: joined.MemberID, LeaderURL: g.LeaderURL, IsLeader: joined.IsLeader, Members: urls}
	l.log.Info("joined the group", "generation", r.Generation, "protocol", version, "leader", g.LeaderURL, "connectors", len(held.Connectors),
		"tasks", len(held.Tasks), "revoked", g.Revoked.Len(), "delay_ms", g.Delay, "error", g.Error)
	l.emit(joined)
}

// merge is what a member has after a cooperative round: what it had, without what was revoked, and what is new. Neither argument is
// changed.
func merge(held cluster.Assignment, g cluster.Grant) cluster.Assignment {
	return cluster.Assignment{
		Connectors: mergeList(held.Connectors, g.Revoked.Connectors, g.Assigned.Connectors),
		Tasks:      mergeList(held.Tasks, g.Revoked.Tasks, g.Assigned.Tasks),
	}
}

func mergeList[T comparable](had, revoked, assigned []T) []T {
	var list []T
	skip := make(map[T]bool, len(had)+len(assigned))
	for _, x := range revoked {
		skip[x] = true
	}
	for _, x := range had {
		if !skip[x] {
			skip[x] = true
			list = append(list, x)
		}
	}
	for _, x := range assigned {
		if !skip[x] || slices.Contains(revoked, x) {
			skip[x] = true
			list = append(list, x)
		}
	}
	return list
}
