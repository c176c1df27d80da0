package cluster

import "time"

// Signal is one thing that a task may be stuck at, as it is at one moment.
type Signal struct {
	Doing string // a few words: "in a call of Put"
	// Busy: there is something to get on with, and Progress has to change. A task with nothing to read is not busy.
	Busy     bool
	Progress int64
	Grace    time.Duration // it may take that long in addition to task.stall.timeout.ms
}

// Stall is a connector or task that makes no progress although it has work.
type Stall struct {
	Doing string
	Since time.Time // of the last progress
}
