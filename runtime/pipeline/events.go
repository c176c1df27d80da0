package pipeline

import (
	"fmt"
	"sync/atomic"
)

// Events are what a task instance tells its owner. Any func may be nil. They are called from the task's goroutines, in order, must
// not block, and are never called once the instance was abandoned (invariant 3).
type Events struct {
	// Started: the task's Start has returned, records flow (RUNNING).
	Started func()
	// Paused: the batch under way is finished, or the task was paused from the beginning (PAUSED).
	Paused func()
	// Resumed: records flow again (RUNNING).
	Resumed func()
	// Failed: the task has failed and is stopped; Run returns the same error (FAILED).
	Failed func(err error)
	// Stopped: the task has stopped as asked; Run returns nil.
	Stopped func()
}

// Fence keeps an abandoned instance from doing anything that counts. The zero Fence is open. It is closed once and for all.
type Fence struct {
	closed atomic.Bool
}

// Close shuts the fence; false if it was shut before.
func (f *Fence) Close() bool { return !f.closed.Swap(true) }

// Closed tells whether the instance was abandoned.
func (f *Fence) Closed() bool { return f.closed.Load() }

// ErrAbandoned is what an abandoned instance meets where it would commit or report.
var ErrAbandoned = fmt.Errorf("this task instance missed its stop deadline and was abandoned")

// Guarded wraps e so that nothing is called once f is closed.
func (e Events) Guarded(f *Fence) Events {
	wrap := func(fn func()) func() {
		return func() {
			if fn != nil && !f.Closed() {
				fn()
			}
		}
	}
	return Events{
		Started: wrap(e.Started), Paused: wrap(e.Paused), Resumed: wrap(e.Resumed), Stopped: wrap(e.Stopped),
		Failed: func(err error) {
			if e.Failed != nil && !f.Closed() {
				e.Failed(err)
			}
		},
	}
}
