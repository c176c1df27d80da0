package lifecycle

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/table.txt anew; read the difference")

var (
	errBoom = errors.New("boom")
	later   = &cluster.Restart{At: time.Unix(100, 0), Attempt: 1}
)

// The events of the table; answers are those of the current run unless the name says otherwise.
var tableEvents = []struct {
	name string
	ev   func(m *Machine) Event
}{
	{"want STARTED", func(*Machine) Event { return want(cluster.Started, 0) }},
	{"want PAUSED", func(*Machine) Event { return want(cluster.Paused, 0) }},
	{"want STOPPED", func(*Machine) Event { return want(cluster.Stopped, 0) }},
	{"want another run", func(*Machine) Event { return want(cluster.Started, 1) }},
	{"want another run, PAUSED", func(*Machine) Event { return want(cluster.Paused, 1) }},
	{"revoked", func(*Machine) Event { return Event{Kind: Revoked} }},
	{"started", func(m *Machine) Event { return Event{Kind: Started, Run: m.Run()} }},
	{"ended", func(m *Machine) Event { return Event{Kind: Ended, Run: m.Run()} }},
	{"failed", func(m *Machine) Event { return Event{Kind: Ended, Run: m.Run(), Err: errBoom} }},
	{"failed, to be restarted", func(m *Machine) Event { return Event{Kind: Ended, Run: m.Run(), Err: errBoom, Restart: later} }},
	{"deadline", func(m *Machine) Event { return Event{Kind: Deadline, Run: m.Run()} }},
	{"due", func(m *Machine) Event { return Event{Kind: Due, Run: m.Run()} }},
	{"failed, of an older run", func(m *Machine) Event { return Event{Kind: Ended, Run: m.Run() - 1, Err: errBoom, Restart: later} }},
	{"due, of an older run", func(m *Machine) Event { return Event{Kind: Due, Run: m.Run() - 1} }},
}

// The ways into the states; the names are those of the table.
var tableStates = []struct {
	name string
	then State
	way  func(m *Machine)
}{
	{"Idle", Idle, func(*Machine) {}},
	{"Starting", Starting, starting},
	{"Running", Running, running},
	{"Paused", Paused, func(m *Machine) { running(m); m.Step(want(cluster.Paused, 0)) }},
	{"Paused, never started", Paused, func(m *Machine) { m.Step(want(cluster.Paused, 0)) }},
	{"Stopped", Stopped, func(m *Machine) { m.Step(want(cluster.Stopped, 0)) }},
	{"Failed", Failed, func(m *Machine) { running(m); m.Step(Event{Kind: Ended, Run: 1, Err: errBoom}) }},
	{"Failed, held while PAUSED", Failed, func(m *Machine) { backoff(m); m.Step(want(cluster.Paused, 0)) }},
	{"Stopping", Stopping, func(m *Machine) { running(m); m.Step(Event{Kind: Revoked}) }},
	{"Stopping, another run wanted", Stopping, func(m *Machine) { running(m); m.Step(want(cluster.Started, 1)) }},
	{"Backoff", Backoff, backoff},
	{"Gone", Gone, func(m *Machine) { m.Step(Event{Kind: Revoked}) }},
}

func starting(m *Machine) { m.Step(want(cluster.Started, 0)) }

func running(m *Machine) {
	starting(m)
	m.Step(Event{Kind: Started, Run: m.Run()})
}

func backoff(m *Machine) {
	running(m)
	m.Step(Event{Kind: Ended, Run: m.Run(), Err: errBoom, Restart: later})
}

// Every state meets every event; what comes of it is read in testdata/table.txt.
func TestTable(t *testing.T) {
	var b strings.Builder
	for _, connector := range []bool{false, true} {
		kind := map[bool]string{false: "task", true: "connector"}[connector]
		for _, s := range tableStates {
			if s.then == Stopped && !connector {
				continue // tasks of a STOPPED connector are revoked
			}
			fmt.Fprintf(&b, "%s: %s\n", kind, s.name)
			for _, e := range tableEvents {
				if e.name == "want STOPPED" && !connector {
					continue
				}
				m := New(connector)
				if s.way(m); m.State() != s.then {
					t.Fatalf("%s: the way leads to %s", s.name, m.State())
				}
				acts := render(m.Step(e.ev(m)))
				to := m.State().String()
				if m.held {
					to += " (held)"
				}
				fmt.Fprintf(&b, "  %-25s %s", e.name, to)
				if acts != "" {
					b.WriteString(": " + acts)
				}
				b.WriteByte('\n')
			}
		}
	}
	const file = "testdata/table.txt"
	if *rewrite {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(golden), "\n")
	for i, got := range strings.Split(b.String(), "\n") {
		if i >= len(want) || got != want[i] {
			t.Fatalf("line %d is %q; see -rewrite", i+1, got)
		}
	}
}

// Random events keep what the worker relies on: never two runs at once, no timer without Backoff, no report of a run that was abandoned.
func TestRandomEvents(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		m := New(r.IntN(2) == 0)
		var live, waiting bool // a run is under way; a timer is set
		var trail []string
		for range 60 {
			e := tableEvents[r.IntN(len(tableEvents))]
			ev := e.ev(m)
			possible := map[EventKind]bool{Started: m.State() == Starting, Ended: live, Deadline: m.State() == Stopping, Due: waiting}
			if ok, answer := possible[ev.Kind]; answer && !ok && ev.Run == m.Run() {
				continue // the worker would not say so
			}
			if m.State() == Gone {
				break
			}
			before := m.State()
			if ev.Kind == Ended && ev.Run == m.Run() {
				live = false
			}
			if ev.Kind == Due && ev.Run == m.Run() {
				waiting = false
			}
			acts := m.Step(ev)
			trail = append(trail, fmt.Sprintf("%s --%s--> %s: %s", before, e.name, m.State(), render(acts)))
			for _, a := range acts {
				bad := ""
				switch a.Kind {
				case Start:
					if live {
						bad = "two runs at once"
					}
					live = true
				case Stop:
					if !live {
						bad = "stops what does not run"
					}
				case Abandon:
					live = false
				case Wait:
					if waiting {
						bad = "two timers"
					}
					waiting = true
				case Cancel:
					if !waiting {
						bad = "cancels no timer"
					}
					waiting = false
				case Report:
					if a.Restart != nil && a.Seen != cluster.Failed {
						bad = "promises a restart of what has not failed"
					}
				}
				if bad != "" {
					t.Fatalf("seed %d: %s\n%s", seed, bad, strings.Join(trail, "\n"))
				}
			}
			if waiting != (m.State() == Backoff) {
				t.Fatalf("seed %d: timer %v in %s\n%s", seed, waiting, m.State(), strings.Join(trail, "\n"))
			}
			if live != (m.State() == Starting || m.State() == Running || m.State() == Stopping || m.State() == Paused && m.started) {
				t.Fatalf("seed %d: live %v in %s\n%s", seed, live, m.State(), strings.Join(trail, "\n"))
			}
		}
	}
}
