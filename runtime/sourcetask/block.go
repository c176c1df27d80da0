package sourcetask

import (
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/pipeline"
)

const (
	recordBytes  = 200 // memory of a kgo.Record, about
	manySegments = 8   // from here on a map finds the segment
)

// block is all the memory one poll batch needs on its way to Kafka. It goes back to the pool when the last of its segments has left
// its partition's queue.
type block struct {
	pool *pool

	records []kgo.Record
	batch   []*connect.SourceRecord // for a Recycler that waits for acknowledgement, and dead letters; the task's slice may be reused before
	buf     pipeline.Buffer
	lanes   []*pipeline.Buffer // of the lanes of fanout

	segments []*segment // those in use first
	used     int
	last     *segment
	bySource map[*connect.SourcePartition]*segment

	held   atomic.Int32 // segments not released, and one while the batch is being sent
	failed atomic.Bool  // a promise had an error: the client may still look at a record
	unsent bool         // not all of the batch was handled: the task fails, and gets nothing back
	bytes  int64        // counted against the bound of unfinished batches
}

// pool keeps blocks for use again, bounded in bytes.
type pool struct {
	max     int64
	recycle func([]*connect.SourceRecord) // nil: the task does not want them, or has got them back before
	freed   func(bytes int64)
	mem     *memory.Account // counts what is idle

	mu    sync.Mutex
	idle  []*block
	bytes int64
}

// get returns an empty block for n records; held is 1.
func (p *pool) get(n int) *block {
	var b *block
	p.mu.Lock()
	if k := len(p.idle); k > 0 {
		b, p.idle[k-1] = p.idle[k-1], nil
		p.idle = p.idle[:k-1]
		p.bytes -= b.size()
		p.mem.Add(-b.size())
	}
	p.mu.Unlock()
	if b == nil {
		b = &block{pool: p}
	}
	if cap(b.records) < n {
		b.records = make([]kgo.Record, n)
	}
	b.records = b.records[:n]
	b.held.Store(1)
	return b
}

// size is the memory b holds on to.
func (b *block) size() int64 {
	n := int64(b.buf.Size()) + int64(cap(b.records))*recordBytes
	for _, l := range b.lanes {
		n += int64(l.Size())
	}
	return n
}

// heldBytes is the memory b holds now: with results that outgrew their chunks.
func (b *block) heldBytes() int64 {
	n := b.size() + int64(b.buf.Held()-b.buf.Size())
	for _, l := range b.lanes {
		n += int64(l.Held() - l.Size())
	}
	return n
}

// laneBuffer is what lane i converts into.
func (b *block) laneBuffer(i int) *pipeline.Buffer {
	for i >= len(b.lanes) {
		b.lanes = append(b.lanes, b.buf.Part())
	}
	return b.lanes[i]
}

// segment finds the open segment of p, or opens one.
func (b *block) segment(t *tracker, p *connect.SourcePartition) *segment {
	if b.last != nil && b.last.source == p {
		return b.last
	}
	s := b.find(p)
	if s == nil {
		s = b.newSegment(t, p)
	}
	b.last = s
	return s
}

func (b *block) find(p *connect.SourcePartition) *segment {
	if b.used > manySegments {
		return b.bySource[p]
	}
	for _, s := range b.segments[:b.used] {
		if s.source == p {
			return s
		}
	}
	return nil
}

func (b *block) newSegment(t *tracker, p *connect.SourcePartition) *segment {
	if b.used == len(b.segments) {
		// Context is written here only: the client may look at it long after the record is done.
		b.segments = append(b.segments, &segment{Context: never, b: b})
	}
	s := b.segments[b.used]
	s.source, s.part, s.last, s.done = p, nil, nil, false
	s.left.Store(1)
	if first := t.open(s); first != s {
		// Another SourcePartition of the same document: remembered by its pointer only if there is a map, else found again here.
		if b.bySource != nil {
			b.bySource[p] = first
		}
		return first
	}
	b.used++
	b.held.Add(1)
	if b.used > manySegments {
		if b.bySource == nil {
			b.bySource = map[*connect.SourcePartition]*segment{}
		}
		for _, o := range b.segments[:b.used] {
			b.bySource[o.source] = o
		}
	}
	return s
}

// recordOf finds the source record that out was made of. Only for records that failed: it looks at all of the batch.
func (b *block) recordOf(out *kgo.Record) *connect.SourceRecord {
	for i := range b.records {
		if &b.records[i] == out {
			return b.batch[i]
		}
	}
	panic("a record of another batch")
}

// closeSegments ends the sending of the batch: from now on acknowledgements alone decide.
func (b *block) closeSegments(t *tracker) {
	// The last release below may free b, on this goroutine or the producer's: nothing of b is touched after it.
	for _, s := range b.segments[:b.used] {
		if s.part != nil {
			s.part.open = nil
		}
		if s.left.Add(-1) == 0 {
			t.complete(s)
		}
	}
	b.release(1)
}

// release drops n holds; the last one gives the block back.
func (b *block) release(n int32) {
	if b.held.Add(-n) == 0 {
		b.pool.put(b)
	}
}

func (p *pool) put(b *block) {
	p.freed(b.bytes)
	if p.recycle != nil && !b.unsent {
		p.recycle(b.batch)
	}
	if b.unsent || b.failed.Load() {
		return
	}
	clear(b.records)
	clear(b.batch)
	b.records, b.batch = b.records[:0], b.batch[:0]
	b.buf.Reset()
	for _, l := range b.lanes {
		l.Reset()
	}
	for _, s := range b.segments[:b.used] {
		s.source, s.part, s.last = nil, nil, nil
	}
	b.used, b.last, b.bytes = 0, nil, 0
	clear(b.bySource)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := b.size(); p.bytes+n <= p.max {
		p.bytes += n
		p.mem.Add(n)
		p.idle = append(p.idle, b)
	}
}

// drop lets go of the blocks that are kept for use again.
func (p *pool) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mem.Add(-p.bytes)
	p.idle, p.bytes = nil, 0
}
