package assign

import (
	"cmp"
	"slices"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// Can tells whether a member has the plugin of a connector. It has to answer alike throughout a round; who does not know says yes. A nil
// Can says yes to everything.
type Can func(member, connector string) bool

// limits say who may run what in a round in which not everybody can run everything; nil: no limits.
type limits struct {
	members []string // sorted
	// may is by connector and then by member. A connector without an entry may be anywhere: all can run it, or nobody can, and then it fails
	// where it is seen.
	may map[string][]bool
}

func newLimits(members []cluster.Member, want *cluster.Snapshot, can Can) *limits {
	if can == nil {
		return nil
	}
	l := &limits{may: map[string][]bool{}}
	for _, m := range members {
		l.members = append(l.members, m.ID)
	}
	for name := range want.Connectors {
		may, some, all := make([]bool, len(members)), false, true
		for i, m := range members {
			may[i] = can(m.ID, name)
			some, all = some || may[i], all && may[i]
		}
		if some && !all {
			l.may[name] = may
		}
	}
	if len(l.may) == 0 {
		return nil
	}
	return l
}

func (l *limits) allow(member int, id connect.TaskID) bool {
	if l == nil {
		return true
	}
	may, limited := l.may[id.Connector]
	return !limited || may[member]
}

// allowMember is allow for a member of the round by its id.
func (l *limits) allowMember(id string, item connect.TaskID) bool {
	if l == nil {
		return true
	}
	i, found := slices.BinarySearch(l.members, id)
	return found && l.allow(i, item)
}

// choice counts the members that may have an item.
func (l *limits) choice(id connect.TaskID) int {
	may, limited := l.may[id.Connector]
	if !limited {
		return len(l.members)
	}
	n := 0
	for _, yes := range may {
		if yes {
			n++
		}
	}
	return n
}

// placing places items of one kind, connector instances or tasks, on members as evenly as the limits let it. That is the case when no
// chain of moves, each to a member that may have the item, leads from a member to another that has at least two less (the optimal
// semi-matching of Harvey, Ladner, Lovász and Tamir).
//
// Since it is that even with the items that will be taken away for it placed already, a round that gives those out again finds
// nothing more to take away: the rounds come to an end.
type placing struct {
	limits *limits
	items  [][]connect.TaskID // by member
	free   set                // items that nobody has yet: moving them costs nothing
}

// place begins with what the members have and gives out the free items.
func place(l *limits, held [][]connect.TaskID, free []connect.TaskID) *placing {
	p := &placing{limits: l, free: setOf(free), items: make([][]connect.TaskID, len(l.members))}
	for i := range held {
		p.items[i] = slices.Clone(held[i])
	}
	free = slices.Clone(free)
	slices.SortFunc(free, func(a, b connect.TaskID) int {
		return cmp.Or(cmp.Compare(l.choice(a), l.choice(b)), compareIDs(a, b))
	})
	for _, id := range free {
		best := -1
		for i := range p.items {
			if l.allow(i, id) && (best < 0 || len(p.items[i]) < len(p.items[best])) {
				best = i
			}
		}
		p.items[best] = append(p.items[best], id)
	}
	p.even(p.free.has)
	return p
}

// evenOut goes on with the items that members have, and gives those that change their member.
func (p *placing) evenOut() (moved set) {
	before := p.where()
	p.even(func(connect.TaskID) bool { return true })
	moved = set{}
	for id, member := range p.where() {
		if before[id] != member && !p.free.has(id) {
			moved.add(id)
		}
	}
	return moved
}

func (p *placing) where() map[connect.TaskID]int {
	at := map[connect.TaskID]int{}
	for i, items := range p.items {
		for _, id := range items {
			at[id] = i
		}
	}
	return at
}

// even makes moves of movable items until none helps. Each lowers the sum of the squares of the loads.
func (p *placing) even(movable func(connect.TaskID) bool) {
	order := make([]int, len(p.items))
	for i := range order {
		order[i] = i
	}
	for again := true; again; {
		again = false
		slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(len(p.items[b]), len(p.items[a])), cmp.Compare(a, b)) })
		for _, from := range order {
			if p.relieve(from, movable) {
				again = true
				break
			}
		}
	}
}

// relieve makes the shortest chain of moves that takes an item from a member and ends at one that has at least two less.
func (p *placing) relieve(from int, movable func(connect.TaskID) bool) bool {
	via := make([]int, len(p.items)) // the member before in the chain
	for i := range via {
		via[i] = -1
	}
	via[from] = from
	for level := []int{from}; len(level) > 0; {
		var next []int
		for _, a := range level {
			for b := range p.items {
				if via[b] < 0 && p.pick(a, b, movable) >= 0 {
					via[b] = a
					next = append(next, b)
				}
			}
		}
		best := -1
		for _, b := range next {
			if len(p.items[b])+2 <= len(p.items[from]) && (best < 0 || len(p.items[b]) < len(p.items[best])) {
				best = b
			}
		}
		if best < 0 {
			level = next
			continue
		}
		for b := best; b != from; b = via[b] {
			a := via[b]
			i := p.pick(a, b, movable)
			id := p.items[a][i]
			p.items[a] = slices.Delete(p.items[a], i, i+1)
			p.items[b] = append(p.items[b], id)
		}
		return true
	}
	return false
}

// pick finds an item of a that may go to b, a free one if there is any; -1 for none.
func (p *placing) pick(a, b int, movable func(connect.TaskID) bool) int {
	found := -1
	for i, id := range p.items[a] {
		if !movable(id) || !p.limits.allow(b, id) {
			continue
		}
		if p.free.has(id) {
			return i
		}
		if found < 0 {
			found = i
		}
	}
	return found
}

// plan places all work of a round with limits, which takes the place of the shares that Kafka Connect counts with.
func (r *incremental) plan(toAssign []connect.TaskID, taken set) {
	r.surplusOfPlan = set{}
	r.placed, r.evened = map[connect.TaskID]int{}, map[connect.TaskID]int{}
	for _, tasks := range []bool{false, true} {
		held := make([][]connect.TaskID, len(r.next))
		for i, l := range r.next {
			held[i] = *l.list(tasks)
		}
		free := slices.DeleteFunc(slices.Concat(toAssign, taken.sorted()), func(id connect.TaskID) bool { return (id.Task != connect.ConnectorTask) != tasks })
		p := place(r.limits, held, free)
		for id, i := range p.where() {
			r.placed[id] = i
		}
		r.surplusOfPlan.addAll(p.evenOut())
		for id, i := range p.where() {
			r.evened[id] = i
		}
	}
}

// assignPlanned gives the items to those for whom they are planned.
func (r *incremental) assignPlanned(ids []connect.TaskID) {
	for _, id := range ids {
		r.next[r.placed[id]].assign(id)
	}
}

// misplaced lists what members have that they may not run while others may.
func (r *incremental) misplaced() set {
	bad := set{}
	if r.limits == nil {
		return bad
	}
	for i, l := range r.next {
		for _, id := range slices.Concat(l.connectors, l.tasks) {
			if !r.limits.allow(i, id) {
				bad.add(id)
			}
		}
	}
	return bad
}

// giveToCandidates gives lost work to those candidates that may have it, and returns the rest.
func (r *incremental) giveToCandidates(lost set, candidates []*load) set {
	rest := set{}
	for _, id := range lost.sorted() {
		tasks := id.Task != connect.ConnectorTask
		var best *load
		for _, l := range candidates {
			if r.limits.allowMember(l.worker, id) && (best == nil || len(*l.list(tasks)) < len(*best.list(tasks))) {
				best = l
			}
		}
		if best == nil {
			rest.add(id)
		} else {
			best.assign(id)
		}
	}
	return rest
}

// eagerly places everything anew.
func (l *limits) eagerly(connectors, tasks []connect.TaskID) [][]connect.TaskID {
	work := place(l, nil, connectors).items
	for i, ids := range place(l, nil, tasks).items {
		work[i] = append(work[i], ids...)
	}
	return work
}
