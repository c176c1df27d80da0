package pipeline

import (
	"context"
	"sync"
)

// Gate is the wanted state of a task, started or paused, set from any goroutine and awaited by the task's loop.
type Gate struct {
	mu     sync.Mutex
	paused bool
	change chan struct{} // closed at the next change
}

// NewGate makes a gate in the given state.
func NewGate(paused bool) *Gate { return &Gate{paused: paused, change: make(chan struct{})} }

// Set asks for paused or started; it returns at once.
func (g *Gate) Set(paused bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.paused == paused {
		return
	}
	g.paused = paused
	close(g.change)
	g.change = make(chan struct{})
}

// Paused tells what is wanted; changed is closed when that is no longer true.
func (g *Gate) Paused() (paused bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.paused, g.change
}

// Await waits until the task is wanted started; false if ctx ended first.
func (g *Gate) Await(ctx context.Context) bool {
	for {
		paused, changed := g.Paused()
		if !paused {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
