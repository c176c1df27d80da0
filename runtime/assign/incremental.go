package assign

import (
	"cmp"
	"slices"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// load is what one worker will have after the round, in the order in which it would be taken away.
type load struct {
	worker     string
	connectors []connect.TaskID
	tasks      []connect.TaskID
}

func (l *load) empty() bool { return len(l.connectors) == 0 && len(l.tasks) == 0 }

func (l *load) list(tasks bool) *[]connect.TaskID {
	if tasks {
		return &l.tasks
	}
	return &l.connectors
}

func (l *load) assign(id connect.TaskID) {
	list := l.list(id.Task != connect.ConnectorTask)
	*list = append(*list, id)
}

func (l *load) remove(gone set) {
	l.connectors = slices.DeleteFunc(l.connectors, gone.has)
	l.tasks = slices.DeleteFunc(l.tasks, gone.has)
}

// incremental is one round of the cooperative strategy (IncrementalCooperativeAssignor.performTaskAssignment).
type incremental struct {
	now      time.Time
	maxDelay time.Duration
	round    cluster.Round
	members  []cluster.Member
	held     map[string][]connect.TaskID

	nConnectors, nTasks int
	configured          set

	state   State
	back    []string // static members that have been restarted, by their new ids
	next    []*load  // in the order of the member ids until assign sorts it by load
	revoked map[string][]connect.TaskID
	deleted set

	// Of a round with limits only: where the work goes if members keep what they have, where if the surplus is taken away, and the surplus.
	limits         *limits
	placed, evened map[connect.TaskID]int
	surplusOfPlan  set
}

func newIncremental(now time.Time, prev State, round cluster.Round, members []cluster.Member, want *cluster.Snapshot, maxDelay time.Duration) *incremental {
	connectors, tasks := configured(want)
	r := &incremental{
		now: now, maxDelay: max(maxDelay.Truncate(time.Millisecond), 0), round: round, members: members, state: prev,
		nConnectors: len(connectors), nTasks: len(tasks), configured: setOf(connectors, tasks),
		held:    make(map[string][]connect.TaskID, len(members)),
		revoked: make(map[string][]connect.TaskID, len(members)),
	}
	r.state.candidates = slices.Clone(prev.candidates)
	for _, m := range members {
		r.held[m.ID] = toIDs(m.Held)
	}
	return r
}

func (r *incremental) run() {
	st := &r.state
	active, duplicated := r.active()
	if st.previousGeneration != r.round.LastGeneration {
		// The last answer of this leader was not completed (or another leader was in charge since): its view is of no use.
		st.previous = nil
	}
	for id := range st.previousRevocation {
		if active.has(id) {
			// A revocation did not reach its member: start again from what the members really have.
			st.previous = active
			break
		}
	}

	r.deleted = st.previous.without(r.configured)
	lost := st.previous.without(active, r.deleted)
	created := r.configured.without(st.previous, active)
	r.next = r.loads()
	// Deleted work, all copies of work that two members claim, and work of a member that cannot run it is taken away; it is assigned anew in
	// the next round.
	gone := set{}.addAll(r.deleted, duplicated, r.misplaced())
	for _, l := range r.next {
		r.revoke(l, gone)
	}

	handedOver := r.handOver(lost)
	lost = lost.without(r.giveBack(lost))
	lost = lost.without(handedOver)
	again := set{}.addAll(handedOver, r.handleLost(lost))
	toAssign := slices.Concat(created.sorted(), again.sorted())
	if r.limits != nil {
		r.plan(toAssign, gone.without(gone.without(r.configured)))
	}
	r.balance()
	if r.limits != nil {
		r.assignPlanned(toAssign)
	} else {
		r.assign(false, toAssign)
		r.assign(true, toAssign)
	}
	r.remember(lost)
}

// active lists what the members hold, and what more than one of them holds.
func (r *incremental) active() (active, duplicated set) {
	active, duplicated = set{}, set{}
	for _, m := range r.members {
		for _, id := range r.held[m.ID] {
			if active.has(id) {
				duplicated.add(id)
			}
			active.add(id)
		}
	}
	return active, duplicated
}

func (r *incremental) loads() []*load {
	loads := make([]*load, 0, len(r.members))
	for _, m := range r.members {
		l := &load{worker: m.ID}
		for _, id := range r.held[m.ID] {
			l.assign(id)
		}
		loads = append(loads, l)
	}
	return loads
}

// revoke takes from l what it has of gone.
func (r *incremental) revoke(l *load, gone set) {
	for _, list := range [][]connect.TaskID{l.connectors, l.tasks} {
		for _, id := range list {
			if gone.has(id) {
				r.revoked[l.worker] = append(r.revoked[l.worker], id)
			}
		}
	}
	l.remove(gone)
}

// giveBack gives the lost work of static members to them that have come back without it. Mostly they have it: the broker has given them
// the answer of the last round again, unless a round was under way.
func (r *incremental) giveBack(lost set) set {
	given := set{}
	for _, member := range r.back {
		i := slices.IndexFunc(r.next, func(l *load) bool { return l.worker == member })
		for _, id := range toIDs(r.state.owned[member]) {
			if lost.has(id) && !given.has(id) && r.limits.allowMember(member, id) {
				r.next[i].assign(id)
				given.add(id)
			}
		}
	}
	return given
}

// handOver finds the part of the lost work whose last owner left in order, and forgets such owners.
func (r *incremental) handOver(lost set) set {
	free := set{}
	if len(r.state.departed) == 0 {
		return free
	}
	var staying []string
	gone := make(map[string]bool, len(r.state.previousMembers))
	for _, member := range r.state.departed {
		if _, ok := r.held[member]; ok {
			staying = append(staying, member) // still here: it may leave in the next round
			continue
		}
		gone[member] = true
		for _, id := range toIDs(r.state.owned[member]) {
			if _, ok := lost[id]; ok {
				free.add(id)
			}
		}
	}
	r.state.departed = staying
	remaining := make(map[string]bool, len(r.state.previousMembers))
	for m := range r.state.previousMembers {
		if !gone[m] {
			remaining[m] = true
		}
	}
	r.state.previousMembers = remaining
	return free
}

// handleLost decides about work that vanished with its worker: wait for the worker, give it to those who came meanwhile, or (the
// result) treat it as new. (IncrementalCooperativeAssignor.handleLostAssignments)
func (r *incremental) handleLost(lost set) set {
	st := &r.state
	if len(lost) == 0 && !st.revokedInPrevious {
		r.resetDelay()
		return nil
	}
	if st.scheduled.IsZero() && r.allStillHere() || r.maxDelay == 0 {
		// Nobody is missing: the last round's answer did not reach some members.
		return lost
	}
	if !st.scheduled.IsZero() && !r.now.Before(st.scheduled) {
		candidates := r.candidates()
		if len(candidates) > 0 && r.limits != nil {
			lost = r.giveToCandidates(lost, candidates)
		} else if len(candidates) > 0 {
			nc, nt := 0, 0
			for _, id := range lost.sorted() {
				n := &nt
				if id.Task == connect.ConnectorTask {
					n = &nc
				}
				candidates[*n%len(candidates)].assign(id)
				*n++
			}
			lost = nil
		}
		r.resetDelay()
		// The whole delay has passed, revoking is allowed again.
		st.revokedInPrevious = false
		return lost
	}
	for _, l := range r.next {
		if l.empty() && !slices.Contains(st.candidates, l.worker) {
			st.candidates = append(st.candidates, l.worker)
		}
	}
	if st.scheduled.IsZero() {
		st.delay = r.maxDelay
	} else {
		// Rounded up: a member that waits so long must not come before the delay is over.
		left := (st.scheduled.Sub(r.now) + time.Millisecond - 1).Truncate(time.Millisecond)
		st.delay = min(left, r.maxDelay)
	}
	st.scheduled = r.now.Add(st.delay)
	return nil
}

func (r *incremental) allStillHere() bool {
	for m := range r.state.previousMembers {
		if _, ok := r.held[m]; !ok {
			return false
		}
	}
	return true
}

func (r *incremental) resetDelay() {
	r.state.candidates, r.state.scheduled, r.state.delay = nil, time.Time{}, 0
}

// candidates are those noted while the delay ran that are still there, whatever they have by now.
func (r *incremental) candidates() []*load {
	var found []*load
	for _, worker := range r.state.candidates {
		if i := slices.IndexFunc(r.next, func(l *load) bool { return l.worker == worker }); i >= 0 {
			found = append(found, r.next[i])
		}
	}
	return found
}

// balance revokes from workers that have too much, unless a delay runs; not in two rounds in a row without a pause.
func (r *incremental) balance() {
	st := &r.state
	if st.delay > 0 {
		st.revokedInPrevious = false
		return
	}
	surplus := r.surplus()
	switch {
	case len(surplus) == 0:
		// As in Java the count survives a round in which a delay ran: only a balanced round straight after a revoking one clears it.
		if st.revokedInPrevious {
			st.revokedInPrevious, st.revokingRounds = false, 0
		}
		return
	case st.revokedInPrevious:
		st.revokingRounds++
		if st.delay = revokingBackoff(r.maxDelay, st.revokingRounds); st.delay > 0 {
			st.scheduled = r.now.Add(st.delay)
			return
		}
	default:
		st.revokedInPrevious = true
	}
	r.placed = r.evened
	for _, l := range r.next {
		r.revoke(l, surplus)
	}
}

// surplus lists what has to be taken away until nobody has more than in a perfectly balanced group. After the revocations made so
// far every item is with one worker at most, so a set is enough.
func (r *incremental) surplus() set {
	if r.limits != nil {
		return r.surplusOfPlan
	}
	surplus := set{}
	idle := !slices.ContainsFunc(r.next, func(l *load) bool { return !l.empty() })
	if idle || len(r.configured) == 0 {
		return surplus
	}
	r.surplusOf(surplus, r.nConnectors, false)
	r.surplusOf(surplus, r.nTasks, true)
	return surplus
}

func (r *incremental) surplusOf(surplus set, total int, tasks bool) {
	share, extras := total/len(r.next), total%len(r.next)
	exact, oneMore := 0, 0
	for _, l := range r.next {
		switch len(*l.list(tasks)) {
		case share:
			exact++
		case share + 1:
			oneMore++
		}
	}
	if oneMore == extras && exact+oneMore == len(r.next) {
		return
	}
	for _, l := range r.next {
		list := *l.list(tasks)
		if len(list) <= share {
			continue
		}
		limit := share
		if extras > 0 {
			extras--
			limit++
		}
		for _, id := range list[:max(len(list)-limit, 0)] {
			surplus.add(id)
		}
	}
}

// assign deals ids of one kind to the workers that have least of it.
func (r *incremental) assign(tasks bool, ids []connect.TaskID) {
	slices.SortFunc(r.next, func(a, b *load) int {
		return cmp.Or(cmp.Compare(len(*a.list(tasks)), len(*b.list(tasks))), cmp.Compare(a.worker, b.worker))
	})
	to := 0
	for _, id := range ids {
		if (id.Task != connect.ConnectorTask) != tasks {
			continue
		}
		// Once round the workers that had as little as the first when the lap began, then the lap begins again.
		if to == len(r.next) || to > 0 && len(*r.next[to].list(tasks)) >= len(*r.next[0].list(tasks)) {
			to = 0
		}
		r.next[to].assign(id)
		to++
	}
}

func (r *incremental) remember(lost set) {
	st := &r.state
	st.previous = setOf().addAll(lost)
	st.previousRevocation = set{}
	st.previousMembers = make(map[string]bool, len(r.members))
	st.previousGeneration = r.round.Generation
	st.owned = make(map[string]cluster.Assignment, len(r.members))
	for _, l := range r.next {
		st.previousMembers[l.worker] = true
		ids := slices.Concat(l.connectors, l.tasks)
		st.owned[l.worker] = toAssignment(ids)
		st.previous.addAll(setOf(ids))
	}
	for _, ids := range r.revoked {
		st.previousRevocation.addAll(setOf(ids))
	}
	slices.SortFunc(r.next, func(a, b *load) int { return cmp.Compare(a.worker, b.worker) })
}

// assigned is what is new to a member.
func (r *incremental) assigned(m cluster.Member) cluster.Assignment {
	had := setOf(r.held[m.ID])
	i, _ := slices.BinarySearchFunc(r.next, m.ID, func(l *load, id string) int { return cmp.Compare(l.worker, id) })
	l := r.next[i]
	return toAssignment(slices.DeleteFunc(slices.Concat(l.connectors, l.tasks), had.has))
}
