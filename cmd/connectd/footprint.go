package main

import (
	"context"
	"os"
	"runtime/debug"
)

// gcPercent is how far the heap grows over what lives before it is collected, unless GOGC says something else. The data path uses its
// memory again, so that collections are few at any setting, and the process stays half as much above what it needs.
const gcPercent = 50

// tuneRuntime sets what the environment leaves open.
func tuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// settle gives back, once the worker is ready, what only the start has needed: heap, and the pages of the binary that ran or were read
// once, which are a third of the resident memory of an idle worker. What is needed again comes back from the page cache.
func (p *process) settle(ctx context.Context) error {
	select {
	case <-p.herder.Ready():
		debug.FreeOSMemory()
		if err := dropCode(); err != nil {
			p.log.Debug("the pages of the binary stay in memory", "error", err)
		}
	case <-ctx.Done():
	}
	return nil
}
