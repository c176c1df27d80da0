package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// collector decides how far the heap may grow before the next collection, unless GOGC is set. Go's own rule, twice what lives, is wrong at
// both ends: a sink whose few live megabytes are passed a hundred times a second collects all the time, and a worker that is idle keeps
// room that it does not need. So the room is half of what lives, and more as long as collections come fast and the heap is small with it.
type collector struct {
	last time.Time // of a collection
	room int64     // bytes
}

const (
	leastRoom   = 4 << 20
	mostRoom    = 32 << 20
	fullHeap    = 56 << 20
	fastCollect = 250 * time.Millisecond
	slowCollect = 4 * time.Second
)

// tuneCollector has the collector look at each collection.
func tuneCollector() {
	if os.Getenv("GOGC") != "" {
		return
	}
	c := &collector{last: time.Now(), room: leastRoom}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var collected func(struct{})
	arm := func() { runtime.AddCleanup(new([16]byte), collected, struct{}{}) } // 16 bytes: no tiny allocation, which would share its block
	collected = func(struct{}) {
		metrics.Read(live)
		debug.SetGCPercent(c.percent(time.Now(), int64(live[0].Value.Uint64())))
		arm()
	}
	arm()
}

// percent is GOGC for the time up to the next collection; live is what the last one has left, in bytes.
func (c *collector) percent(now time.Time, live int64) int {
	switch since := now.Sub(c.last); {
	case since < fastCollect:
		c.room = min(2*c.room, mostRoom)
	case since > slowCollect:
		c.room = max(c.room/2, leastRoom)
	}
	c.last = now
	live = max(live, 1<<20)
	return int(max(min(c.room, fullHeap-live), live/2) * 100 / live)
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
