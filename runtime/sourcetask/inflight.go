package sourcetask

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/connectd/connectd/connect"
)

// segment is the records of one poll and one source partition. It is the context of its records, so that a promise finds its segment
// without a table: records of kgo carry their context back.
type segment struct {
	context.Context // never ends: a cancelled one would fail all records buffered for the topic partition

	b      *block
	source *connect.SourcePartition
	part   *partition // nil: nothing to store
	last   connect.SourceOffset
	left   atomic.Int64 // records neither acknowledged nor dropped, and one while the batch is being sent
	done   bool         // left is 0; guarded by tracker.mu
}

// partition is one source partition with records under way or an offset to commit.
type partition struct {
	doc   string
	queue []*segment // in order of Poll; queue[:head] is gone
	head  int
	open  *segment // of the batch being sent; the sender's alone

	acked connect.Position // the newest position all of whose earlier records are acknowledged
	seq   int64            // counts changes of acked
	dirty bool             // acked is newer than what is stored
}

// tracker keeps the segments of all source partitions in order. It upholds invariant 1: acked moves over complete segments only.
type tracker struct {
	mu    sync.Mutex
	parts map[string]*partition
	dirty []*partition
	// stores counts calls of stored.
	stores int64
}

// open adds s at the end of its partition's queue, or returns the segment that the same batch has there already: a task may have two
// SourcePartition values of one document.
func (t *tracker) open(s *segment) *segment {
	if s.source == nil {
		return s
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.parts[string(s.source.JSON())]
	if p == nil {
		p = &partition{doc: string(s.source.JSON())}
		t.parts[p.doc] = p
	}
	if p.open != nil && p.open.b == s.b {
		return p.open
	}
	if p.head > 16 && 2*p.head > len(p.queue) {
		p.queue = append(p.queue[:0], p.queue[p.head:]...)
		p.head = 0
	}
	p.queue = append(p.queue, s)
	p.open, s.part = s, p
	return s
}

// complete notes that nothing of s is outstanding, and frees the blocks of the segments that are no longer waited for.
func (t *tracker) complete(s *segment) {
	if s.part == nil {
		s.b.release(1)
		return
	}
	var room [8]*block
	free := room[:0]
	t.mu.Lock()
	s.done = true
	p := s.part
	for p.head < len(p.queue) && p.queue[p.head].done {
		front := p.queue[p.head]
		p.queue[p.head] = nil
		p.head++
		p.acked = connect.Position{Partition: front.source, Offset: front.last}
		p.seq++
		free = append(free, front.b)
	}
	if p.head == len(p.queue) {
		p.queue, p.head = p.queue[:0], 0
	}
	if len(free) > 0 && !p.dirty {
		p.dirty = true
		t.dirty = append(t.dirty, p)
	}
	t.mu.Unlock()
	for _, b := range free {
		b.release(1)
	}
}

// acknowledgedPrefix is one partition's offset to store.
type acknowledgedPrefix struct {
	part *partition
	pos  connect.Position
	seq  int64
}

// acknowledged lists what is newer than what is stored.
func (t *tracker) acknowledged() []acknowledgedPrefix {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]acknowledgedPrefix, len(t.dirty))
	for i, p := range t.dirty {
		out[i] = acknowledgedPrefix{p, p.acked, p.seq}
	}
	return out
}

// stored notes that the prefixes are durable.
func (t *tracker) stored(ps []acknowledgedPrefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stores++
	for _, a := range ps {
		a.part.dirty = a.part.seq != a.seq
	}
	rest := t.dirty[:0]
	for _, p := range t.dirty {
		switch {
		case p.dirty:
			rest = append(rest, p)
		case len(p.queue) == 0: // forgotten until it is seen again: a task may have very many, one after the other
			delete(t.parts, p.doc)
		}
	}
	clear(t.dirty[len(rest):])
	t.dirty = rest
}
