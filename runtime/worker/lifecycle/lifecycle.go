// Package lifecycle is the state machine of one connector or task on a worker: pure, without clock, goroutine or I/O. The worker feeds
// it events in order and performs the actions it answers; see the diagram in docs/ARCHITECTURE.md ("States").
//
//	        want STARTED            started
//	Idle ─────────────▶ Starting ─────────────▶ Running ◀──want STARTED──┐
//	 │ want PAUSED         │ error                │ want PAUSED          │
//	 ├────────▶ Paused ◀───┼──────────────────────┴──────▶ Paused ───────┘
//	 │ want STOPPED        ▼            error
//	 └────────▶ Stopped   Failed ◀────────────── any of Starting, Running, Paused
//	 any of Starting, Running, Paused ── revoked, another run ──▶ Stopping ── exited ──▶ Idle
//	                                                              └ deadline ──▶ abandoned, Idle
//	 any of Starting, Running ── error, to be restarted ──▶ Backoff ── time ──▶ Starting
//	                                                          ├ want PAUSED ──▶ Failed, until wanted STARTED
//	                                                          └ revoked, another run, want STOPPED: as from Failed
//
// Backoff is seen as FAILED.
package lifecycle

import "github.com/connectd/connectd/runtime/cluster"

// State is where an instance is.
type State uint8

const (
	// Idle: nothing runs. The machine starts here and comes back here between two runs.
	Idle State = iota
	// Starting: the instance is being built and started; it may hang in the connector's own code.
	Starting
	// Running: the instance works.
	Running
	// Paused: the instance is there (or never started) and processes nothing.
	Paused
	// Stopped: a connector that is assigned and wanted STOPPED; nothing runs.
	Stopped
	// Failed: the instance ended with an error; nothing runs until it is restarted.
	Failed
	// Stopping: the instance was told to stop and has not ended yet.
	Stopping
	// Backoff: the run ended with an error and another one begins when it is time.
	Backoff
	// Gone: nothing runs and nothing is wanted; the worker forgets the machine.
	Gone
)

var names = [...]string{"Idle", "Starting", "Running", "Paused", "Stopped", "Failed", "Stopping", "Backoff", "Gone"}

func (s State) String() string { return names[s] }

// Event is what happened. Run numbers tie answers to the run they belong to: an answer of an older run (an abandoned instance that
// came back) is ignored (invariant 3).
type Event struct {
	Kind EventKind
	Want cluster.Want // Wanted
	Run  int64        // Started, Ended, Deadline, Due
	Err  error        // Ended
	// Restart is set with an Ended that is to be followed by another run; its At is in the future.
	Restart *cluster.Restart
}

// EventKind tells events apart.
type EventKind uint8

const (
	// Wanted: this is what the instance should be now.
	Wanted EventKind = iota
	// Revoked: nothing is wanted any more.
	Revoked
	// Started: the run is up.
	Started
	// Ended: the run has ended, by itself or because it was told to; Err is nil after an orderly stop.
	Ended
	// Deadline: the stop deadline of the run has passed.
	Deadline
	// Due: the time of the restart planned after run Run has come.
	Due
)

// Action is what the worker must do, in order.
type Action struct {
	Kind ActionKind
	Run  int64
	Want cluster.Want
	Seen cluster.State
	Err  error
	// Restart is set with Wait, and with a Report of FAILED that is followed by another run.
	Restart *cluster.Restart
}

// ActionKind tells actions apart.
type ActionKind uint8

const (
	// Start: build and start run Run as Want; answer Started, then Ended.
	Start ActionKind = iota
	// Pause and Resume act on the running instance.
	Pause
	// Resume see Pause.
	Resume
	// Stop: tell run Run to stop; answer Ended, or Deadline when it takes too long.
	Stop
	// Abandon: cut run Run off from Kafka, status and metrics; it may go on in the connector's own code.
	Abandon
	// Report: tell the herder what is seen.
	Report
	// Wait: answer Due at Restart.At.
	Wait
	// Cancel: the Due that Wait asked for is not wanted any more.
	Cancel
	// Forget: the machine is Gone.
	Forget
)

// Machine is one instance's state. The zero value is not ready: use New. One goroutine.
type Machine struct {
	state     State
	connector bool // a connector instance, not a task
	run       int64
	started   bool // the run answered Started
	want      *cluster.Want
	current   cluster.Want // what the run was started as
	held      bool         // Failed, and to be started again when wanted STARTED
	failure   error        // of Backoff
}

// New makes an idle machine; connector tells whether it is that of a connector instance.
func New(connector bool) *Machine { return &Machine{connector: connector} }

// State is where the machine is.
func (m *Machine) State() State { return m.state }

// Run is the number of the current run.
func (m *Machine) Run() int64 { return m.run }

// Ends tells whether the end of run would be a failure: whether nobody has asked for it.
func (m *Machine) Ends(run int64) bool {
	return run == m.run && (m.state == Starting || m.state == Running || m.state == Paused)
}

// Step takes one event and answers what to do.
func (m *Machine) Step(ev Event) []Action {
	switch ev.Kind {
	case Wanted:
		if m.want == nil {
			m.want = new(cluster.Want)
		}
		*m.want = ev.Want
		return m.reconcile(nil)
	case Revoked:
		m.want = nil
		return m.reconcile(nil)
	}
	if ev.Run != m.run || m.state == Idle || m.state == Gone {
		return nil // an abandoned run; it must not report
	}
	switch ev.Kind {
	case Started:
		return m.onStarted()
	case Ended:
		return m.onEnded(ev.Err, ev.Restart)
	case Due:
		return m.onDue()
	default:
		return m.onDeadline()
	}
}

// reconcile moves towards what is wanted.
func (m *Machine) reconcile(acts []Action) []Action {
	if m.state == Stopping || m.state == Gone {
		return acts // decided when the run has ended
	}
	if m.state == Backoff {
		if m.want != nil && m.want.SameRun(m.current) && m.want.Target == cluster.Started {
			m.current.Generation = m.want.Generation
			return acts
		}
		acts = append(acts, Action{Kind: Cancel, Run: m.run})
		if m.want != nil && m.want.SameRun(m.current) && m.want.Target == cluster.Paused {
			return append(acts, m.becomeHeld(m.failure)...)
		}
		m.becomeIdle() // nothing runs
	}
	if m.want == nil {
		if m.live() {
			return m.becomeStopping(acts)
		}
		return m.becomeGone(acts)
	}
	restart := m.state != Idle && !m.want.SameRun(m.current)
	switch {
	case m.want.Target == cluster.Stopped && m.connector:
		if m.live() {
			return m.becomeStopping(acts)
		}
		if m.state != Stopped || restart {
			return m.becomeStopped(acts)
		}
	case restart && m.live():
		return m.becomeStopping(acts)
	case m.state == Idle, m.state == Stopped, restart, m.held && m.want.Target == cluster.Started:
		return m.begin(acts)
	case m.state == Running && m.want.Target == cluster.Paused:
		return m.becomePaused(append(acts, Action{Kind: Pause, Run: m.run}))
	case m.state == Paused && m.want.Target == cluster.Started:
		return m.unpause(acts)
	}
	m.current.Generation = m.want.Generation
	return acts
}

// live tells whether a run is in being that must be told to stop.
func (m *Machine) live() bool {
	return m.state == Starting || m.state == Running || m.state == Paused && m.started
}

// begin leaves Idle, Stopped or Failed for a new run, or for Paused without one.
func (m *Machine) begin(acts []Action) []Action {
	if m.want.Target == cluster.Paused {
		m.started, m.current = false, *m.want
		return m.becomePaused(acts)
	}
	return m.becomeStarting(acts)
}

func (m *Machine) unpause(acts []Action) []Action {
	if !m.started {
		return m.becomeStarting(acts)
	}
	return m.becomeRunning(append(acts, Action{Kind: Resume, Run: m.run}))
}

func (m *Machine) onStarted() []Action {
	if m.state != Starting {
		return nil // told to stop meanwhile
	}
	m.started = true
	if m.want != nil && m.want.Target != cluster.Started {
		return m.becomePaused([]Action{{Kind: Pause, Run: m.run}})
	}
	return m.becomeRunning(nil)
}

func (m *Machine) onEnded(err error, restart *cluster.Restart) []Action {
	switch m.state {
	case Stopping:
		return m.stopped(nil)
	case Starting, Running, Paused:
	default:
		return nil
	}
	switch {
	case restart == nil || m.want == nil:
		return m.becomeFailed(err)
	case m.want.Target != cluster.Started:
		return m.becomeHeld(err)
	default:
		return m.becomeBackoff(err, restart)
	}
}

func (m *Machine) onDue() []Action {
	if m.state != Backoff {
		return nil // cancelled while the timer was firing
	}
	return m.becomeStarting(nil)
}

func (m *Machine) onDeadline() []Action {
	if m.state != Stopping {
		return nil
	}
	return m.stopped([]Action{{Kind: Abandon, Run: m.run}})
}

// stopped goes on after a run has ended or was abandoned.
func (m *Machine) stopped(acts []Action) []Action {
	m.started = false
	m.becomeIdle()
	if m.want == nil || m.want.Target == cluster.Stopped && m.connector {
		return m.reconcile(acts)
	}
	// Another run follows: Kafka Connect writes UNASSIGNED between the two.
	acts = append(acts, Action{Kind: Report, Run: m.run, Want: m.current, Seen: cluster.Unassigned})
	return m.reconcile(acts)
}

func (m *Machine) report(acts []Action, s cluster.State, err error) []Action {
	return append(acts, Action{Kind: Report, Run: m.run, Want: m.current, Seen: s, Err: err})
}

// becomeIdle: nothing runs.
func (m *Machine) becomeIdle() { m.state = Idle }

// becomeStarting: a run with a new number is under way; nothing of earlier runs may report.
func (m *Machine) becomeStarting(acts []Action) []Action {
	m.state, m.started, m.current, m.held = Starting, false, *m.want, false
	m.run++
	return append(acts, Action{Kind: Start, Run: m.run, Want: m.current})
}

// becomeRunning: the run is up and works.
func (m *Machine) becomeRunning(acts []Action) []Action {
	m.state = Running
	return m.report(acts, cluster.Running, nil)
}

// becomePaused: the run, if any, processes nothing.
func (m *Machine) becomePaused(acts []Action) []Action {
	m.state, m.held = Paused, false
	return m.report(acts, cluster.PausedSeen, nil)
}

// becomeStopped: a connector keeps its place and runs nothing.
func (m *Machine) becomeStopped(acts []Action) []Action {
	m.state, m.started, m.current, m.held = Stopped, false, *m.want, false
	return m.report(acts, cluster.StoppedSeen, nil)
}

// becomeFailed: the run has ended with an error; a later Wanted with another run starts again.
func (m *Machine) becomeFailed(err error) []Action {
	m.state, m.started, m.held = Failed, false, false
	return m.report(nil, cluster.Failed, err)
}

// becomeHeld: as Failed, but a restart was due and follows as soon as the instance is wanted STARTED again.
func (m *Machine) becomeHeld(err error) []Action {
	acts := m.becomeFailed(err)
	m.held = true
	return acts
}

// becomeBackoff: nothing runs until Due; to the outside it is FAILED.
func (m *Machine) becomeBackoff(err error, restart *cluster.Restart) []Action {
	m.state, m.started, m.held, m.failure = Backoff, false, false, err
	return []Action{
		{Kind: Report, Run: m.run, Want: m.current, Seen: cluster.Failed, Err: err, Restart: restart},
		{Kind: Wait, Run: m.run, Restart: restart},
	}
}

// becomeStopping: the run was told to stop; Ended or Deadline follows.
func (m *Machine) becomeStopping(acts []Action) []Action {
	m.state = Stopping
	return append(acts, Action{Kind: Stop, Run: m.run})
}

// becomeGone: nothing is wanted and nothing runs. The status record says so, unless it was never there.
func (m *Machine) becomeGone(acts []Action) []Action {
	m.state = Gone
	acts = m.report(acts, cluster.Unassigned, nil)
	return append(acts, Action{Kind: Forget})
}
