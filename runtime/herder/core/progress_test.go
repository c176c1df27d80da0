package core

import (
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// TestProgressBelongsToTheRunThatIsRunning: it is written with the status of a task that is RUNNING here, and is gone with the next state.
func TestProgressBelongsToTheRunThatIsRunning(t *testing.T) {
	id := connect.TaskID{Connector: "c"}
	snap := &cluster.Snapshot{Connectors: map[string]*cluster.ConnectorSnapshot{
		"c": {Name: "c", Config: map[string]string{"name": "c"}, Tasks: []config.Props{{}}},
	}}
	h := New(Config{WorkerID: "w:1"}, snap)
	written := func(ev Event) (out []WriteStatus) {
		for _, a := range h.Step(time.Now(), ev) {
			if s, ok := a.(WriteStatus); ok {
				out = append(out, s)
			}
		}
		return out
	}
	progress := func(epoch int64) []WriteStatus {
		return written(Reported{cluster.Report{ID: id, Epoch: epoch, Progress: `{"phase":"snapshot"}`}})
	}
	if got := progress(0); got != nil {
		t.Errorf("not assigned: %+v", got)
	}
	written(Joined{Joined: cluster.Joined{Generation: 7, Held: cluster.Assignment{Tasks: []connect.TaskID{id}}}})
	if got := progress(0); got != nil {
		t.Errorf("not seen yet: %+v", got)
	}
	written(Reported{cluster.Report{ID: id, Seen: cluster.Running, Version: "v"}})
	got := progress(0)
	want := WriteStatus{Safe: true, Status: cluster.Status{ID: id, State: cluster.Running, WorkerID: "w:1", Generation: 7, Version: "v",
		Progress: `{"phase":"snapshot"}`}}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := h.Statuses(); len(got) != 1 || got[0] != want.Status {
		t.Errorf("to be repaired: %+v", got)
	}
	if got := progress(-1); got != nil {
		t.Errorf("of an older run: %+v", got)
	}
	got = written(Reported{cluster.Report{ID: id, Seen: cluster.Failed}})
	if len(got) != 1 || got[0].Status.Progress != "" {
		t.Errorf("FAILED with %+v", got)
	}
	if got := progress(0); got != nil {
		t.Errorf("after it failed: %+v", got)
	}
}
