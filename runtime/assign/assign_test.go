package assign

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// TestRandomHistories lets members come, vanish, leave and miss answers, and connectors come and go. Whatever happens: no item is on
// two members, a quiet group ends complete and balanced, and then nothing moves any more.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			g := newGroup()
			g.maxDelay = []time.Duration{0, time.Millisecond, time.Minute, 5 * time.Minute}[rnd.IntN(4)]
			for step := range 60 {
				delivered := g.disturb(rnd, step)
				before := maps.Clone(g.held)
				g.rebalance(delivered)
				if bad := g.problems(false); bad != nil {
					t.Fatalf("step %d: %v", step, bad)
				}
				if delivered {
					g.checkMoves(t, before)
				}
				if step%15 == 14 {
					g.settle(t)
				}
			}
		})
	}
}

// TestRandomLimits is the same with members that lack plugins, each its own.
func TestRandomLimits(t *testing.T) {
	for seed := range uint64(120) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			g := newGroup()
			g.maxDelay = []time.Duration{0, time.Millisecond, time.Minute, 5 * time.Minute}[rnd.IntN(4)]
			for step := range 60 {
				delivered := g.disturb(rnd, step)
				for member := range g.held { // in any order: what a member lacks is drawn for it alone
					mine := rand.New(rand.NewPCG(seed, uint64(len(member))<<32|uint64(member[len(member)-1])))
					for c := range 6 {
						if mine.IntN(3) == 0 {
							g.lacks[fmt.Sprintf("%s c%d", member, c)] = true
						}
					}
				}
				before := maps.Clone(g.held)
				g.rebalance(delivered)
				if bad := g.problems(false); bad != nil {
					t.Fatalf("step %d: %v", step, bad)
				}
				if delivered {
					g.checkMoves(t, before)
					g.checkPlaces(t, before)
				}
				if step%15 == 14 {
					g.settle(t)
				}
			}
		})
	}
}

// checkPlaces: no member is given what it cannot run while another can.
func (g *group) checkPlaces(t *testing.T, before map[string]cluster.Assignment) {
	t.Helper()
	for id, a := range g.held {
		had := setOf(toIDs(before[id]))
		for _, item := range toIDs(a) {
			if !had.has(item) && !g.may(id, item.Connector) {
				t.Fatalf("%s was given %v, which it cannot run", id, item)
			}
		}
	}
}

// TestLimitsTakeTwoRounds: whatever is uneven is even after a round that takes away and one that gives, however the limits interlock.
func TestLimitsTakeTwoRounds(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		g := newGroup()
		delete(g.want.Connectors, "connector1")
		delete(g.want.Connectors, "connector2")
		members := make([]string, 2+rnd.IntN(5))
		for i := range members {
			members[i] = fmt.Sprintf("worker%d", i)
			g.held[members[i]] = cluster.Assignment{}
		}
		for c := range 1 + rnd.IntN(8) {
			name := fmt.Sprintf("c%d", c)
			g.configure(name, rnd.IntN(12))
			for _, m := range members {
				if rnd.IntN(2) == 0 {
					g.lacks[m+" "+name] = true
				}
			}
			for _, item := range append(g.want.TaskIDs(name), connect.TaskID{Connector: name, Task: connect.ConnectorTask}) {
				m := members[rnd.IntN(len(members))]
				both := append(toIDs(g.held[m]), item)
				g.held[m] = toAssignment(both)
			}
		}
		g.rebalance(true)
		g.rebalance(true)
		if bad := g.problems(true); bad != nil {
			t.Fatalf("seed %d: %v", seed, bad)
		}
		g.rebalance(true)
		g.expect(t, fmt.Sprint("seed ", seed), "unchanged")
	}
}

func TestEagerLimits(t *testing.T) {
	g := newGroup()
	g.held["worker2"], g.held["worker3"] = cluster.Assignment{}, cluster.Assignment{}
	g.lacks["worker2 connector1"], g.lacks["worker3 connector1"] = true, true
	grants, _ := Assign(g.now, State{}, g.round(0), g.want, g.maxDelay, g.can)
	for id, grant := range grants {
		g.held[id] = grant.Assigned
	}
	if bad := g.problems(true); bad != nil {
		t.Error(bad)
	}
	g.expect(t, "eager", "worker1=1+4")
	g.expect(t, "eager", "tasks=2,2,4")
}

func (g *group) disturb(rnd *rand.Rand, step int) (delivered bool) {
	g.now = g.now.Add(time.Duration(rnd.Int64N(int64(2*time.Minute) + 1)))
	members := slices.Sorted(maps.Keys(g.held))
	victim := members[rnd.IntN(len(members))]
	name := fmt.Sprintf("c%d", rnd.IntN(6))
	switch rnd.IntN(9) {
	case 0, 1:
		g.held[fmt.Sprintf("worker%d", 10+step)] = cluster.Assignment{}
	case 2:
		if len(members) > 1 {
			delete(g.held, victim)
		}
	case 3:
		if len(members) > 1 {
			g.state = g.state.Depart(victim)
			delete(g.held, victim)
		}
	case 4:
		g.configure(name, rnd.IntN(9))
	case 5:
		delete(g.want.Connectors, name)
	case 6:
		g.state = State{} // another leader
	case 7:
		g.held[victim] = cluster.Assignment{} // bounced within the session time-out
	case 8:
		return false
	}
	return true
}

// checkMoves: an item changes its owner only over a round in which nobody has it.
func (g *group) checkMoves(t *testing.T, before map[string]cluster.Assignment) {
	t.Helper()
	owner := map[connect.TaskID]string{}
	for id, a := range before {
		for _, item := range toIDs(a) {
			owner[item] = id
		}
	}
	for id, a := range g.held {
		for _, item := range toIDs(a) {
			if was := owner[item]; was != "" && was != id {
				t.Fatalf("%v went straight from %s to %s", item, was, id)
			}
		}
	}
}

// settle rebalances as real members do (after revocations and after delays) until nothing is due, and then once more.
func (g *group) settle(t *testing.T) {
	t.Helper()
	for n := 0; ; n++ {
		if n == 40 {
			t.Fatal("the group does not settle")
		}
		g.now = g.now.Add(g.state.Delay())
		g.rebalance(true)
		revoked := slices.ContainsFunc(slices.Collect(maps.Values(g.grants)), func(gr cluster.Grant) bool { return !gr.Revoked.Empty() })
		if !revoked && g.state.Delay() == 0 {
			break
		}
	}
	// A member that found the whole lost work may have too much of it until the next round, whatever triggers that.
	for range 3 {
		g.rebalance(true)
		g.now = g.now.Add(g.state.Delay())
	}
	if bad := g.problems(true); bad != nil {
		t.Fatal(bad)
	}
	g.rebalance(true)
	g.expect(t, "settled", "unchanged")
}

func TestJoiningMemberMovesNoMoreThanItsShare(t *testing.T) {
	g := newGroup()
	g.held["worker2"] = cluster.Assignment{}
	g.rebalance(true)
	before := maps.Clone(g.held)
	g.held["worker3"] = cluster.Assignment{}
	g.rebalance(true)
	g.rebalance(true)
	kept := 0
	for id, a := range before {
		has := setOf(toIDs(g.held[id]))
		for _, item := range toIDs(a) {
			if has.has(item) {
				kept++
			}
		}
	}
	if bad := g.problems(true); bad != nil || kept != 8 {
		t.Errorf("%d of 10 items stayed where they were, want 8; %v", kept, bad)
	}
}

func TestEagerDealsRoundRobin(t *testing.T) {
	g := newGroup()
	g.held = map[string]cluster.Assignment{"b": {}, "a": {}, "c": {Connectors: []string{"connector2"}}}
	g.configure("connector2", 2)
	grants, state := Assign(g.now, State{}, g.round(0), g.want, g.maxDelay, nil)
	id := func(c string, task int32) connect.TaskID { return connect.TaskID{Connector: c, Task: task} }
	want := map[string]cluster.Assignment{
		"a": {Connectors: []string{"connector1"}, Tasks: []connect.TaskID{id("connector1", 1), id("connector2", 0)}},
		"b": {Connectors: []string{"connector2"}, Tasks: []connect.TaskID{id("connector1", 2), id("connector2", 1)}},
		"c": {Tasks: []connect.TaskID{id("connector1", 0), id("connector1", 3)}},
	}
	for m, a := range want {
		grant := cluster.Grant{Leader: "c", LeaderURL: "http://c/", ConfigOffset: 618, Assigned: a}
		if !reflect.DeepEqual(grants[m], grant) {
			t.Errorf("%s: got %+v, want %+v", m, grants[m], grant)
		}
	}
	if !reflect.DeepEqual(state.Owners(), want) {
		t.Errorf("owners: %v", state.Owners())
	}
}

func TestLeaderBehindDecidesNothing(t *testing.T) {
	for version := range int16(3) {
		g := newGroup()
		g.rebalance(true)
		round := g.round(version)
		round.Members = append(round.Members, cluster.Member{ID: "ahead", ConfigOffset: 700})
		grants, state := Assign(g.now, g.state, round, g.want, g.maxDelay, g.can)
		if len(grants) != 2 || !reflect.DeepEqual(state, g.state) {
			t.Errorf("v%d: %d grants, state %+v", version, len(grants), state)
		}
		for id, got := range grants {
			want := cluster.Grant{Version: version, Error: cluster.ConfigMismatch, Leader: "worker1", LeaderURL: "http://worker1/", ConfigOffset: 700}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("v%d %s: got %+v, want %+v", version, id, got, want)
			}
		}
	}
}

func TestGrantsCarryTheOffsetOfTheLeadersConfig(t *testing.T) {
	g := newGroup()
	g.want.Offset = 619 // the leader has read on since it joined
	grants, _ := Assign(g.now, State{}, g.round(2), g.want, g.maxDelay, g.can)
	if got := grants["worker1"].ConfigOffset; got != 619 {
		t.Errorf("got %d", got)
	}
}

func TestInconsistentConnectorHasNoTasks(t *testing.T) {
	g := newGroup()
	g.want.Connectors["connector2"].Inconsistent = true
	g.rebalance(true)
	g.expect(t, "inconsistent", "worker1=2+4")
}

func TestAssignLeavesTheOldStateAlone(t *testing.T) {
	g := newGroup()
	g.held["worker2"], g.held["worker3"] = cluster.Assignment{}, cluster.Assignment{}
	g.rebalance(true)
	delete(g.held, "worker2")
	g.state = g.state.Depart("worker2")
	g.held["worker4"] = cluster.Assignment{}
	g.generation++
	first, next := Assign(g.now, g.state, g.round(2), g.want, g.maxDelay, g.can)
	_, _ = Assign(g.now, next, g.round(2), g.want, 0, g.can)
	again, _ := Assign(g.now, g.state, g.round(2), g.want, g.maxDelay, g.can)
	if !reflect.DeepEqual(first, again) {
		t.Errorf("the same input gave %+v, then %+v", first, again)
	}
}

func TestNoMembersNoGrants(t *testing.T) {
	g := newGroup()
	grants, _ := Assign(g.now, State{}, cluster.Round{Version: 2}, g.want, g.maxDelay, g.can)
	if len(grants) != 0 {
		t.Errorf("got %v", grants)
	}
}

func TestRevokingBackoffGrowsToTheDelay(t *testing.T) {
	for _, c := range []struct {
		maxDelay time.Duration
		rounds   int
		want     time.Duration
	}{
		{0, 1, 0}, {time.Millisecond, 1, time.Millisecond}, {5 * time.Minute, 1, 40 * time.Millisecond},
		{5 * time.Minute, 2, 1600 * time.Millisecond}, {5 * time.Minute, 3, 64 * time.Second}, {20 * time.Millisecond, 1, 20 * time.Millisecond},
	} {
		if got := revokingBackoff(c.maxDelay, c.rounds); got < c.want-time.Millisecond || got > c.want {
			t.Errorf("after %d rounds with at most %v: got %v, want %v", c.rounds, c.maxDelay, got, c.want)
		}
	}
}
