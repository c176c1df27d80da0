package assign

import (
	"cmp"
	"slices"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// Assign computes the grants of all members of a round, by member id, and the state to pass in the next round. The given state is
// not changed; a leader that has just been elected passes the zero State.
//
// maxDelay is scheduled.rebalance.max.delay.ms; 0 hands lost work over at once. want is the leader's configuration: if any member
// has seen a later one the leader must not decide, and every grant says cluster.ConfigMismatch (the leader should read to the end of
// the config topic before calling Assign to avoid that). Grants are stamped with the offset of the configuration they were made for.
//
// A connector and its tasks go only to members that can run it, as long as there is one; else anywhere, so that the failure is seen.
func Assign(now time.Time, prev State, round cluster.Round, want *cluster.Snapshot, maxDelay time.Duration, can Can) (map[string]cluster.Grant, State) {
	members := byID(round.Members)
	grants := make(map[string]cluster.Grant, len(members))
	if len(members) == 0 {
		return grants, prev
	}
	blank := cluster.Grant{Version: round.Version, Leader: round.Leader, ConfigOffset: want.Offset}
	maxOffset := members[0].ConfigOffset
	for _, m := range members {
		maxOffset = max(maxOffset, m.ConfigOffset)
		if m.ID == round.Leader {
			blank.LeaderURL = m.URL
		}
	}
	if want.Offset < maxOffset {
		blank.Error, blank.ConfigOffset = cluster.ConfigMismatch, maxOffset
		for _, m := range members {
			grants[m.ID] = blank
		}
		return grants, prev
	}
	prev, back := prev.rename(members)
	if round.Version == 0 {
		return grants, eager(grants, prev, blank, members, want, newLimits(members, want, can))
	}
	r := newIncremental(now, prev, round, members, want, maxDelay)
	r.back, r.limits = back, newLimits(members, want, can)
	r.run()
	for _, m := range members {
		g := blank
		g.Delay = int32(r.state.delay / time.Millisecond)
		g.Assigned = r.assigned(m)
		if m.InstanceID != "" {
			// The broker gives this answer again to a static member that has been restarted, which then holds nothing (KIP-345).
			g.Assigned = r.state.owned[m.ID]
		}
		g.Revoked = toAssignment(r.revoked[m.ID])
		grants[m.ID] = g
	}
	return grants, r.state
}

// byID sorts the members; of two with the same id, which no coordinator produces, the first counts.
func byID(members []cluster.Member) []cluster.Member {
	sorted := slices.Clone(members)
	slices.SortStableFunc(sorted, func(a, b cluster.Member) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(sorted, func(a, b cluster.Member) bool { return a.ID == b.ID })
}

// eager deals out connectors, then tasks, round robin over the sorted members. The state it returns remembers the owners only:
// should the group change to a cooperative protocol, the first round starts from what the members say they hold.
func eager(grants map[string]cluster.Grant, prev State, blank cluster.Grant, members []cluster.Member, want *cluster.Snapshot, limits *limits) State {
	work := make([][]connect.TaskID, len(members))
	next := 0
	deal := func(ids []connect.TaskID) {
		for _, id := range ids {
			work[next%len(members)] = append(work[next%len(members)], id)
			next++
		}
	}
	connectors, tasks := configured(want)
	if limits != nil {
		work = limits.eagerly(connectors, tasks)
	} else {
		deal(connectors)
		deal(tasks)
	}
	state := State{instances: prev.instances}
	state.owned = make(map[string]cluster.Assignment, len(members))
	for i, m := range members {
		g := blank
		g.Assigned = toAssignment(work[i])
		grants[m.ID] = g
		state.owned[m.ID] = g.Assigned
	}
	return state
}

// configured lists connector instances and tasks, each sorted. A connector whose task configs are incomplete has no tasks.
func configured(want *cluster.Snapshot) (connectors, tasks []connect.TaskID) {
	for _, name := range want.Names() {
		connectors = append(connectors, connect.TaskID{Connector: name, Task: connect.ConnectorTask})
		if !want.Connectors[name].Inconsistent {
			tasks = append(tasks, want.TaskIDs(name)...)
		}
	}
	return connectors, tasks
}

// toAssignment splits ids into connector instances and tasks, keeping their order.
func toAssignment(ids []connect.TaskID) cluster.Assignment {
	var a cluster.Assignment
	for _, id := range ids {
		if id.Task == connect.ConnectorTask {
			a.Connectors = append(a.Connectors, id.Connector)
		} else {
			a.Tasks = append(a.Tasks, id)
		}
	}
	return a
}

// toIDs is the inverse of toAssignment, without duplicates.
func toIDs(a cluster.Assignment) []connect.TaskID {
	ids := make([]connect.TaskID, 0, a.Len())
	seen := make(set, a.Len())
	add := func(id connect.TaskID) {
		if !seen.has(id) {
			seen.add(id)
			ids = append(ids, id)
		}
	}
	for _, c := range a.Connectors {
		add(connect.TaskID{Connector: c, Task: connect.ConnectorTask})
	}
	for _, t := range a.Tasks {
		add(t)
	}
	return ids
}
