package sinktask

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

// putClass is the class of TASK_PUT failures in dead letters, as Java has it.
const putClass = "org.apache.kafka.connect.sink.SinkTask"

// control is what the task asks for; the loop applies it before its next poll. (connect.SinkControl)
type control struct {
	reporter connect.Reporter // nil: none

	mu       sync.Mutex
	assigned map[connect.TopicPartition]struct{}
	paused   map[connect.TopicPartition]struct{}
	seeks    connect.Offsets
	timeout  time.Duration // 0: none
	commit   bool
	wake     chan struct{} // a poll under way has to end
}

var _ connect.SinkControl = (*control)(nil)

func newControl() *control {
	return &control{
		assigned: map[connect.TopicPartition]struct{}{}, paused: map[connect.TopicPartition]struct{}{}, seeks: connect.Offsets{},
		wake: make(chan struct{}, 1),
	}
}

// Assignment lists the partitions the task has, sorted.
func (c *control) Assignment() []connect.TopicPartition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Keys(c.assigned), comparePartitions)
}

// Pause stops the delivery of the partitions until Resume. Those not assigned are ignored.
func (c *control) Pause(parts ...connect.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range parts {
		if _, ok := c.assigned[tp]; ok {
			c.paused[tp] = struct{}{}
		}
	}
	c.poke()
}

// Resume takes the delivery of the partitions up again.
func (c *control) Resume(parts ...connect.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range parts {
		delete(c.paused, tp)
	}
	c.poke()
}

// Seek sets the offset of the next record of each partition. Those not assigned are ignored.
func (c *control) Seek(to connect.Offsets) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tp, o := range to {
		if _, ok := c.assigned[tp]; ok && o >= 0 {
			c.seeks[tp] = o
		}
	}
	c.poke()
}

// Timeout limits the next poll, or the wait before a held batch is put again.
func (c *control) Timeout(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timeout = max(d, time.Millisecond)
}

// RequestCommit asks for a commit before the next poll.
func (c *control) RequestCommit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commit = true
	c.poke()
}

// Reporter is nil unless a dead-letter topic or errors.log.enable is set.
func (c *control) Reporter() connect.Reporter { return c.reporter }

func (c *control) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *control) takeTimeout() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.timeout
	c.timeout = 0
	return d
}

func (c *control) takeCommit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.commit
	c.commit = false
	return b
}

// seekOf is the offset asked for tp.
func (c *control) seekOf(tp connect.TopicPartition) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.seeks[tp]
	return o, ok
}

// seekDone forgets the request, unless a newer one came.
func (c *control) seekDone(tp connect.TopicPartition, to int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seeks[tp] == to {
		delete(c.seeks, tp)
	}
}

func (c *control) isPaused(tp connect.TopicPartition) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.paused[tp]
	return ok
}

func (c *control) assign(parts []connect.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range parts {
		c.assigned[tp] = struct{}{}
	}
}

func (c *control) remove(parts []connect.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, tp := range parts {
		delete(c.assigned, tp)
		delete(c.paused, tp)
		delete(c.seeks, tp)
	}
}

// reporter takes bad records of the task. (connect.Reporter)
type reporter struct {
	chain *pipeline.Chain
	fence *pipeline.Fence
	life  context.Context
}

var _ connect.Reporter = (*reporter)(nil)

// Report logs r and sends it to the dead-letter topic.
func (p *reporter) Report(r *connect.SinkRecord, cause error) error {
	if p.fence.Closed() {
		return pipeline.ErrAbandoned // invariant 3
	}
	w, err := p.chain.WireOf(p.life, r)
	if err != nil {
		return err
	}
	return p.chain.Fail(pipeline.Failure{Stage: pipeline.TaskPut, Class: putClass, Err: cause, At: r.Original, Wire: w})
}
