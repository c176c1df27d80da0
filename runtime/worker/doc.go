// Package worker runs connectors and tasks as it is told. [Worker.Apply] replaces the wanted set; the worker finds out what differs
// and drives one state machine (package lifecycle) per connector and task. What it sees it tells on [Worker.Reports].
//
// # Goroutines
//
// Each connector instance and each task has one goroutine of its own here (tasks start more, see sourcetask and sinktask), which
// [Worker.Run] waits for. A connector's own code runs only there, behind a recover: a hanging Start or Stop holds up nothing else. An
// instance that misses its stop deadline is abandoned: it can neither commit nor report any more (invariant 3), and the next run may
// start (invariant 5).
package worker
