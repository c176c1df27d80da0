package pipeline

import (
	"sync"
	"sync/atomic"
)

// ActiveTopics tells its owner which topics a connector uses, each once (KIP-558, topic.tracking.enable). Safe for concurrent use; a
// nil *ActiveTopics reports nothing.
type ActiveTopics struct {
	report func(topic string)
	last   atomic.Pointer[string]

	mu   sync.Mutex
	seen map[string]struct{}
}

// NewActiveTopics calls report for each topic, once until Reset. report must not block; it is called on the data path.
func NewActiveTopics(report func(topic string)) *ActiveTopics {
	return &ActiveTopics{report: report, seen: map[string]struct{}{}}
}

// Seen notes that a record of topic has passed.
func (a *ActiveTopics) Seen(topic string) {
	if a == nil {
		return
	}
	if l := a.last.Load(); l != nil && *l == topic {
		return
	}
	a.mu.Lock()
	_, old := a.seen[topic]
	if !old {
		a.seen[topic] = struct{}{}
	}
	// A copy per change of topic: records of many topics mixed take this path each time, so store only new ones.
	if !old || len(a.seen) == 1 {
		t := topic
		a.last.Store(&t)
	}
	a.mu.Unlock()
	if !old {
		a.report(topic)
	}
}

// Reset forgets all topics (PUT /connectors/{name}/topics/reset): those still in use are reported again.
func (a *ActiveTopics) Reset() {
	if a == nil {
		return
	}
	a.mu.Lock()
	clear(a.seen)
	a.last.Store(nil)
	a.mu.Unlock()
}
