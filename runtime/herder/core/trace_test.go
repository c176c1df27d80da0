package core

import (
	"errors"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// The trace of a FAILED status says when the next try is, or why there is none; a run that is up has no trace.
func TestTraceTellsOfTheRestart(t *testing.T) {
	id := connect.TaskID{Connector: "c"}
	snap := &cluster.Snapshot{Connectors: map[string]*cluster.ConnectorSnapshot{
		"c": {Name: "c", Config: map[string]string{"name": "c"}, Tasks: []config.Props{{}}},
	}}
	for _, c := range []struct {
		rep  cluster.Report
		want string
	}{
		{cluster.Report{ID: id, Seen: cluster.Failed, Err: errors.New("boom")}, "boom"},
		{cluster.Report{ID: id, Seen: cluster.Failed, Err: errors.New("boom"), Restart: &cluster.Restart{At: time.UnixMilli(1767225600123), Attempt: 3, Class: "retriable"}},
			"boom\nnext_retry: 2026-01-01T00:00:00.123Z (attempt 3, class retriable)"},
		{cluster.Report{ID: id, Seen: cluster.Failed, Err: errors.New("boom"), Restart: &cluster.Restart{Class: "data", Why: "it is poison"}},
			"boom\nnext_retry: none, it is poison (class data)"},
		{cluster.Report{ID: id, Seen: cluster.Running}, ""},
	} {
		h := New(Config{WorkerID: "w:1"}, snap)
		h.Step(time.Now(), Joined{Joined: cluster.Joined{Held: cluster.Assignment{Tasks: []connect.TaskID{id}}}})
		var got string
		for _, a := range h.Step(time.Now(), Reported{c.rep}) {
			if s, ok := a.(WriteStatus); ok {
				got = s.Status.Trace
			}
		}
		if got != c.want {
			t.Errorf("trace %q, want %q", got, c.want)
		}
	}
}
