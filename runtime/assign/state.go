package assign

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// State is what the leader remembers from one round to the next. The zero State is that of a new leader, which knows nothing and so
// hands out at once whatever no member claims to hold. Values are never shared with a later State, so an old one may be kept.
type State struct {
	// previous is all that was assigned after the last round, lost work that is held back included.
	previous set
	// previousRevocation is what the last round took away; if a member still reports it, the answer did not reach that member.
	previousRevocation set
	// previousGeneration is the generation of the last round computed. If the leader has completed another one since, previous is void.
	previousGeneration int32
	previousMembers    map[string]bool
	// candidates are workers that had nothing at some time while the delay ran: probably the lost worker, come back. In order of
	// appearance.
	candidates []string
	// scheduled is when the running delay ends, zero if none runs.
	scheduled time.Time
	delay     time.Duration // whole milliseconds
	// revokedInPrevious and revokingRounds space successive rounds that revoke for balance.
	revokedInPrevious bool
	revokingRounds    int

	owned    map[string]cluster.Assignment
	departed []string
	// instances gives the member id of each static member of the last round: it changes with each restart of the worker.
	instances map[string]string
}

// Delay is the time until the next scheduled round, as told to all members in the last one; 0 if none is scheduled.
func (s State) Delay() time.Duration { return s.delay }

// Owners tells what each member has after the last round, by member id: the leader finds there whom to ask about a connector or task
// (WorkerCoordinator.LeaderState). Not to be changed by the caller.
func (s State) Owners() map[string]cluster.Assignment { return s.owned }

// Depart returns the state with the knowledge that a member is leaving in order: once it is gone from the group, what it had
// is lost no longer but free, and is assigned without the delay. To be called by whoever learns of it before the round in which the member
// is missing; the knowledge is dropped with that round.
func (s State) Depart(member string) State {
	if !slices.Contains(s.departed, member) {
		s.departed = append(slices.Clone(s.departed), member)
	}
	return s
}

// rename returns the state with the new member ids of static members that have been restarted, and those ids: they are still here.
func (s State) rename(members []cluster.Member) (State, []string) {
	var back []string
	ids := map[string]string{}
	instances := map[string]string{}
	for _, m := range members {
		if m.InstanceID == "" {
			continue
		}
		instances[m.InstanceID] = m.ID
		if old := s.instances[m.InstanceID]; old != "" && old != m.ID {
			ids[old] = m.ID
			back = append(back, m.ID)
		}
	}
	s.instances = instances
	if len(ids) == 0 {
		return s, nil
	}
	now := func(id string) string { return cmp.Or(ids[id], id) }
	previous, owned := make(map[string]bool, len(s.previousMembers)), make(map[string]cluster.Assignment, len(s.owned))
	for id := range s.previousMembers {
		previous[now(id)] = true
	}
	for id, a := range s.owned {
		owned[now(id)] = a
	}
	s.previousMembers, s.owned = previous, owned
	s.candidates, s.departed = slices.Clone(s.candidates), slices.Clone(s.departed)
	for _, list := range [][]string{s.candidates, s.departed} {
		for i := range list {
			list[i] = now(list[i])
		}
	}
	return s, back
}

// set holds connector instances and tasks.
type set map[connect.TaskID]struct{}

func setOf(ids ...[]connect.TaskID) set {
	s := set{}
	for _, list := range ids {
		for _, id := range list {
			s.add(id)
		}
	}
	return s
}

func (s set) add(id connect.TaskID)      { s[id] = struct{}{} }
func (s set) has(id connect.TaskID) bool { _, ok := s[id]; return ok }

// addAll adds the members of others to s.
func (s set) addAll(others ...set) set {
	for _, o := range others {
		maps.Copy(s, o)
	}
	return s
}

// without is the difference of s and all others.
func (s set) without(others ...set) set {
	d := set{}
next:
	for id := range s {
		for _, o := range others {
			if o.has(id) {
				continue next
			}
		}
		d.add(id)
	}
	return d
}

// sorted lists the set, by connector and then task number.
func (s set) sorted() []connect.TaskID {
	return slices.SortedFunc(maps.Keys(s), compareIDs)
}

func compareIDs(a, b connect.TaskID) int {
	return cmp.Or(cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Task, b.Task))
}

// revokingBackoff is the delay after n successive revoking rounds: 1 ms times 40 to the n, at most maxDelay
// (org.apache.kafka.common.utils.ExponentialBackoff without jitter).
func revokingBackoff(maxDelay time.Duration, n int) time.Duration {
	limit := float64(maxDelay / time.Millisecond)
	if limit <= 1 {
		return time.Duration(limit) * time.Millisecond
	}
	exponent := min(float64(n), math.Log(limit)/math.Log(40))
	return time.Duration(min(math.Pow(40, exponent), limit)) * time.Millisecond
}
