package core

import (
	"fmt"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// cluster of n connectors with a task each; offset counts the changes of the config topic.
func manyConnectors(n int, offset int64) *cluster.Snapshot {
	s := &cluster.Snapshot{Offset: offset, Connectors: map[string]*cluster.ConnectorSnapshot{}}
	for i := range n {
		name := fmt.Sprintf("c%d", i)
		props := config.Props{"name": name}
		s.Connectors[name] = &cluster.ConnectorSnapshot{Name: name, Config: props, Applied: props, Tasks: []config.Props{{"task": "0"}}}
	}
	return s
}

func holding(s *cluster.Snapshot) cluster.Joined {
	j := cluster.Joined{Generation: 1, IsLeader: true, ConfigOffset: s.Offset}
	for _, name := range s.Names() {
		j.Held.Connectors = append(j.Held.Connectors, name)
		j.Held.Tasks = append(j.Held.Tasks, connect.TaskID{Connector: name})
	}
	return j
}

// TestRoundsOfManyConnectorsAreSpaced creates connectors one by one and plays a group that answers at once. The rounds handle, all in all, an
// amount that grows with the number of connectors, not with its square; the last change gets its round; few connectors wait for nothing.
func TestRoundsOfManyConnectorsAreSpaced(t *testing.T) {
	const every = 3 * time.Millisecond
	handled := func(n int) (work int) {
		now := time.Unix(1000, 0)
		snap := manyConnectors(0, 1)
		h := New(Config{WorkerID: "w:1"}, snap)
		var step func(Event)
		step = func(ev Event) {
			for _, a := range h.Step(now, ev) {
				if _, ok := a.(Rejoin); ok {
					work += 2 * len(snap.Connectors)
					step(Joined{Joined: holding(snap)})
				}
			}
		}
		step(Joined{Joined: holding(snap)})
		for i := range n {
			now = now.Add(every)
			if at := h.WakeAt(); !at.IsZero() && !at.After(now) {
				step(Tick{})
			}
			snap = manyConnectors(i+1, int64(i+2))
			step(ConfigRead{cluster.ConfigRead{Snapshot: snap, Offset: snap.Offset, Updated: []string{fmt.Sprintf("c%d", i)}}})
			if i+1 <= unpaced/2 && len(h.wanted) != 2*(i+1) {
				t.Fatalf("%d connectors: connectors and tasks under way %d", i+1, len(h.wanted))
			}
		}
		if at := h.WakeAt(); !at.IsZero() {
			if late := at.Sub(now); late > maxPause {
				t.Errorf("the last round is %s late", late)
			}
			now = at
			step(Tick{})
		}
		if len(h.wanted) != 2*n {
			t.Errorf("%d of %d under way", len(h.wanted), 2*n)
		}
		if at := h.WakeAt(); !at.IsZero() {
			t.Errorf("another round at %s", at)
		}
		return work
	}
	few, many := handled(100), handled(1000)
	if many > 15*few {
		t.Errorf("rounds handled %d for 100 connectors and %d for 1000", few, many)
	}
}

// TestChangeOfOneConnectorTouchesOne: what the worker is told of is the connector that changed, and nothing if it is not here.
func TestChangeOfOneConnectorTouchesOne(t *testing.T) {
	snap := manyConnectors(100, 1)
	here := holding(snap)
	here.Held.Connectors, here.Held.Tasks = here.Held.Connectors[:50], here.Held.Tasks[:50]
	h := New(Config{WorkerID: "w:1"}, snap)
	h.Step(time.Unix(0, 0), Joined{Joined: here})
	pause := func(name string) (changed []connect.TaskID) {
		next := manyConnectors(0, snap.Offset+1)
		for n, c := range snap.Connectors {
			next.Connectors[n] = c
		}
		paused := *snap.Connectors[name]
		paused.Target = cluster.Paused
		next.Connectors[name] = &paused
		snap = next
		for _, a := range h.Step(time.Unix(0, 0), ConfigRead{cluster.ConfigRead{Snapshot: snap, Offset: snap.Offset, Targets: []string{name}}}) {
			if a, ok := a.(Apply); ok {
				changed = a.Changed
			}
		}
		return changed
	}
	if got := pause(here.Held.Connectors[7]); len(got) != 2 {
		t.Errorf("a connector that is here: %v", got)
	}
	if got := pause("c99"); got != nil {
		t.Errorf("a connector that is not here: %v", got)
	}
}

// TestPacedRoundIsNotOwedAfterLeaving: a worker that has left comes back when it may, not when a round was due.
func TestPacedRoundIsNotOwedAfterLeaving(t *testing.T) {
	snap := manyConnectors(100, 1)
	h := New(Config{WorkerID: "w:1"}, snap)
	now := time.Unix(0, 0)
	h.Step(now, Joined{Joined: holding(snap)})
	snap = manyConnectors(101, 2)
	h.Step(now, ConfigRead{cluster.ConfigRead{Snapshot: snap, Offset: snap.Offset, Updated: []string{"c100"}}})
	if at := h.WakeAt(); at.IsZero() {
		t.Fatal("no round is due")
	}
	h.Step(now, LeftGroup{cluster.Left{Seq: 1}})
	if at := h.WakeAt(); !at.IsZero() {
		t.Errorf("a round is due at %s", at)
	}
}

// TestChangedNamesEachOnce: a record of the config, its task configs and its state may be read at once.
func TestChangedNamesEachOnce(t *testing.T) {
	snap := manyConnectors(2, 1)
	h := New(Config{WorkerID: "w:1"}, snap)
	h.Step(time.Unix(0, 0), Joined{Joined: holding(snap)})
	for _, target := range []cluster.TargetState{cluster.Paused, cluster.Stopped} { // the task changes, then goes
		snap = manyConnectors(2, snap.Offset+1)
		snap.Connectors["c0"].Target = target
		names, applied := []string{"c0"}, false
		for _, a := range h.Step(time.Unix(0, 0), ConfigRead{cluster.ConfigRead{Snapshot: snap, Offset: snap.Offset, Updated: names, Tasks: names, Targets: names}}) {
			if a, ok := a.(Apply); ok {
				applied = true
				if len(a.Changed) != 2 || a.Changed[0] == a.Changed[1] {
					t.Errorf("%s: changed are %v", target, a.Changed)
				}
			}
		}
		if !applied {
			t.Errorf("%s: nothing was applied", target)
		}
	}
}

// TestRestartOfWhatIsNotWantedIsAnswered: a task of a stopped connector, whose task configs go with the next record.
func TestRestartOfWhatIsNotWantedIsAnswered(t *testing.T) {
	snap := manyConnectors(1, 1)
	snap.Connectors["c0"].Target = cluster.Stopped
	h := New(Config{WorkerID: "w:1"}, snap)
	h.Step(time.Unix(0, 0), Joined{Joined: holding(snap)})
	for _, a := range h.Step(time.Unix(0, 0), Requested{Req: 7, Request: RestartTask{connect.TaskID{Connector: "c0"}}}) {
		if r, ok := a.(Reply); ok && r.Req == 7 && r.Err != nil {
			return
		}
	}
	t.Error("no answer")
}

// TestEpochsOutliveLateNews: an answer may bring a newer snapshot than the news that are told next. What is gone from it is wanted until the news
// of that come, as the run that it is.
func TestEpochsOutliveLateNews(t *testing.T) {
	now := time.Unix(0, 0)
	snap := manyConnectors(2, 1)
	h := New(Config{WorkerID: "w:1"}, snap)
	h.Step(now, Joined{Joined: holding(snap)})
	h.Step(now, Requested{Req: 1, Request: RestartConnector{"c0"}})
	acts := h.Step(now, Requested{Req: 2, Request: SetTarget{"c1", cluster.Paused}})
	read, ok := acts[0].(ReadToEnd)
	if !ok {
		t.Fatalf("%T", acts[0])
	}
	without := manyConnectors(2, 3)
	delete(without.Connectors, "c0")
	h.Step(now, Done{Op: read.Op, Result: without})
	h.Step(now, ConfigRead{cluster.ConfigRead{Snapshot: manyConnectors(2, 2), Offset: 2, Targets: []string{"c1"}}})
	id := connect.TaskID{Connector: "c0", Task: connect.ConnectorTask}
	if h.wanted[id].Epoch != 1 || h.epochs[id] != 1 {
		t.Errorf("wanted as run %d, the last is %d", h.wanted[id].Epoch, h.epochs[id])
	}
	h.Step(now, ConfigRead{cluster.ConfigRead{Snapshot: without, Offset: 3, Removed: []string{"c0"}}})
	if _, kept := h.epochs[id]; kept {
		t.Error("the epoch of a connector that is gone is kept")
	}
}
