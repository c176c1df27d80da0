// Package core decides what a worker of a Connect group does: pure code, without clock, goroutine or I/O. [Herder.Step] takes one
// event and returns actions, which the shell (package herder) begins in order. Instant actions are done when Step's caller has done
// them; slow ones carry an [OpID] and are answered by exactly one [Done], Err = [ErrLate] after their deadline.
//
// # Shape
//
// Towards the worker the core is level-triggered: it computes the whole wanted set from assignment and configuration and sends it as
// [Apply]; the worker finds out what differs. Towards everything slow it is a set of small flows (one file per request): a flow does
// one slow thing at a time and is dropped with a 409 when the group is left or leadership is lost. Flows that change the same connector
// queue behind each other.
//
// # Invariants
//
// 3: a report of an older epoch is dropped. 4: connector configs, task configs and session keys are written by the leader only, after
// reading the topic to its end; target states by anyone. 5: after a revocation the core asks to rejoin only when the worker has
// reported the revision settled.
package core
