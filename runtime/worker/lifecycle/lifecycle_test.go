package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

func want(target cluster.TargetState, epoch int64) Event {
	return Event{Kind: Wanted, Want: cluster.Want{Connector: config.Props{"name": "c"}, Target: target, Epoch: epoch}}
}

var actionNames = [...]string{"start", "pause", "resume", "stop", "abandon", "report", "wait", "cancel", "forget"}

func render(acts []Action) string {
	var out []string
	for _, a := range acts {
		s := actionNames[a.Kind]
		if a.Kind == Report {
			s += " " + string(a.Seen)
		} else if a.Kind != Forget {
			s += fmt.Sprint(" ", a.Run)
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// script drives a machine through events "event → actions, state"; each line is one step.
func TestMachine(t *testing.T) {
	boom := errors.New("boom")
	type step struct {
		ev   Event
		acts string
		then State
	}
	started, ended, failed := Event{Kind: Started, Run: 1}, Event{Kind: Ended, Run: 1}, Event{Kind: Ended, Run: 1, Err: boom}
	run, revoke := want(cluster.Started, 0), Event{Kind: Revoked}
	pause, stopped := want(cluster.Paused, 0), want(cluster.Stopped, 0)
	restart := want(cluster.Started, 1)
	begin := []step{{run, "start 1", Starting}, {started, "report RUNNING", Running}}
	for name, c := range map[string]struct {
		connector bool
		steps     []step
	}{
		"starts and is revoked": {false, append(begin[:2:2],
			step{revoke, "stop 1", Stopping}, step{ended, "report UNASSIGNED, forget", Gone})},
		"the same want again changes nothing": {false, append(begin[:2:2], step{run, "", Running})},
		"fails and is restarted": {false, append(begin[:2:2],
			step{failed, "report FAILED", Failed}, step{run, "", Failed}, step{restart, "start 2", Starting})},
		"fails in start": {false, []step{{run, "start 1", Starting}, {failed, "report FAILED", Failed}, {revoke, "report UNASSIGNED, forget", Gone}}},
		"restart of a running one reports UNASSIGNED between": {false, append(begin[:2:2],
			step{restart, "stop 1", Stopping}, step{ended, "report UNASSIGNED, start 2", Starting},
			step{started, "", Starting}, step{Event{Kind: Started, Run: 2}, "report RUNNING", Running})},
		"misses its stop deadline; its late end is ignored": {false, append(begin[:2:2],
			step{restart, "stop 1", Stopping}, step{Event{Kind: Deadline, Run: 1}, "abandon 1, report UNASSIGNED, start 2", Starting},
			step{failed, "", Starting}, step{ended, "", Starting})},
		"pauses and resumes": {false, append(begin[:2:2],
			step{pause, "pause 1, report PAUSED", Paused}, step{run, "resume 1, report RUNNING", Running})},
		"paused before it ever started":  {false, []step{{pause, "report PAUSED", Paused}, {run, "start 1", Starting}}},
		"paused, never started, revoked": {false, []step{{pause, "report PAUSED", Paused}, {revoke, "report UNASSIGNED, forget", Gone}}},
		"paused while starting":          {false, []step{{run, "start 1", Starting}, {pause, "", Starting}, {started, "pause 1, report PAUSED", Paused}}},
		"fails while paused":             {false, append(begin[:2:2], step{pause, "pause 1, report PAUSED", Paused}, step{failed, "report FAILED", Failed})},
		"wanted again while stopping": {false, append(begin[:2:2],
			step{revoke, "stop 1", Stopping}, step{run, "", Stopping}, step{ended, "report UNASSIGNED, start 2", Starting})},
		"revoked while restarting": {false, append(begin[:2:2],
			step{restart, "stop 1", Stopping}, step{revoke, "", Stopping}, step{ended, "report UNASSIGNED, forget", Gone})},
		"a connector is stopped, stays, and starts again": {true, append(begin[:2:2],
			step{stopped, "stop 1", Stopping}, step{ended, "report STOPPED", Stopped}, step{stopped, "", Stopped}, step{run, "start 2", Starting})},
		"a connector created STOPPED":               {true, []step{{stopped, "report STOPPED", Stopped}, {pause, "report PAUSED", Paused}}},
		"a failed connector is stopped":             {true, append(begin[:2:2], step{failed, "report FAILED", Failed}, step{stopped, "report STOPPED", Stopped})},
		"a stopped connector is revoked":            {true, []step{{stopped, "report STOPPED", Stopped}, {revoke, "report UNASSIGNED, forget", Gone}}},
		"an end nobody asked for, without an error": {false, append(begin[:2:2], step{ended, "report FAILED", Failed})},
	} {
		t.Run(name, func(t *testing.T) {
			m := New(c.connector)
			for i, s := range c.steps {
				got := render(m.Step(s.ev))
				if got != s.acts || m.State() != s.then {
					t.Fatalf("step %d: got %q, %s; want %q, %s", i, got, m.State(), s.acts, s.then)
				}
			}
		})
	}
}

// Invariant 3: whatever the order of events, an answer of an older run has no effect.
func TestAnswersOfOlderRunsAreIgnored(t *testing.T) {
	m := New(false)
	m.Step(want(cluster.Started, 0))
	m.Step(Event{Kind: Started, Run: 1})
	m.Step(want(cluster.Started, 1))
	m.Step(Event{Kind: Deadline, Run: 1}) // abandoned; run 2 is starting
	for _, k := range []EventKind{Started, Ended, Deadline} {
		if acts := m.Step(Event{Kind: k, Run: 1, Err: errors.New("late")}); len(acts) != 0 || m.State() != Starting {
			t.Errorf("event %d of run 1: %s, state %s", k, render(acts), m.State())
		}
	}
}
