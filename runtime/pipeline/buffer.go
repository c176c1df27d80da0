package pipeline

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
)

// ChunkSize is how many bytes a Buffer asks for at a time.
const ChunkSize = 64 << 10

// Buffer holds the bytes and headers of one batch of records. Its memory is used again after Reset, when nobody can reach a record of
// the batch any more. Not safe for concurrent use; the zero Buffer is ready.
type Buffer struct {
	own   chunks
	part  *chunks // of the Buffer that this is a Part of; else nil
	free  []byte  // empty slice over the rest of the chunk in use
	large int     // bytes of results that outgrew their chunk

	headers []kgo.RecordHeader // free part
	slabs   [][]kgo.RecordHeader
	slab    int

	same sameHeaders
}

// chunks is memory to cut results of; Parts take theirs at the same time.
type chunks struct {
	mu   sync.Mutex
	all  [][]byte // of ChunkSize capacity each
	next int      // index of the next to take
}

func (c *chunks) take() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == len(c.all) {
		c.all = append(c.all, make([]byte, 0, ChunkSize))
	}
	c.next++
	return c.all[c.next-1]
}

// Part is a Buffer for another goroutine, over chunks of b: a batch takes the same memory whoever converts how much of it. Reset it with b.
func (b *Buffer) Part() *Buffer { return &Buffer{part: &b.own} }

// sameHeaders are the headers of the record encoded last. Those of a batch are often one slice, and what can be reached from a record
// does not change while the batch is under way (invariant 7): they are converted once.
type sameHeaders struct {
	of    connect.Headers
	topic string
	wire  []kgo.RecordHeader
}

// matches tells whether r has the headers that were converted last.
func (s *sameHeaders) matches(r *connect.Record) bool {
	return len(s.of) > 0 && len(r.Headers) == len(s.of) && &r.Headers[0] == &s.of[0] && r.Topic == s.topic
}

// unchanged tells whether work is what it was when the headers were converted: nothing added, nothing put in the place of one.
func (s *sameHeaders) unchanged(work connect.WireHeaders) bool {
	if len(work) != len(s.wire) {
		return false
	}
	for i := range work {
		a, b := &work[i], &s.wire[i]
		if a.Key != b.Key || len(a.Value) != len(b.Value) || (a.Value == nil) != (b.Value == nil) ||
			len(a.Value) > 0 && &a.Value[0] != &b.Value[0] {
			return false
		}
	}
	return true
}

// Tail is an empty slice to append to, over memory nobody else uses.
func (b *Buffer) Tail() []byte {
	if cap(b.free) < ChunkSize/16 {
		b.grow()
	}
	return b.free
}

func (b *Buffer) grow() {
	if b.part != nil {
		b.free = b.part.take()
	} else {
		b.free = b.own.take()
	}
}

// Keep takes over what was appended to Tail. A result that outgrew the chunk keeps the memory it has moved to.
func (b *Buffer) Keep(out []byte) []byte {
	if len(out) <= cap(b.free) && (len(out) == 0 || &out[0] == &b.free[:1][0]) {
		b.free = b.free[len(out):len(out):cap(b.free)]
		return out[:len(out):len(out)]
	}
	b.large += cap(out)
	return out
}

// Headers cuts n headers.
func (b *Buffer) Headers(n int) []kgo.RecordHeader {
	if len(b.headers) < n {
		b.growHeaders(n)
	}
	h := b.headers[:n:n]
	b.headers = b.headers[n:]
	return h
}

func (b *Buffer) growHeaders(n int) {
	for b.slab < len(b.slabs) {
		b.headers = b.slabs[b.slab]
		b.slab++
		if len(b.headers) >= n {
			return
		}
	}
	b.headers = make([]kgo.RecordHeader, max(n, 512))
	b.slabs = append(b.slabs, b.headers)
	b.slab++
}

// Size is the memory the buffer keeps over a Reset, in bytes; that of a Part is without its chunks.
func (b *Buffer) Size() int {
	n := len(b.own.all) * ChunkSize
	for _, s := range b.slabs {
		n += len(s) * 40
	}
	return n
}

// Held is the memory the buffer holds now, in bytes.
func (b *Buffer) Held() int { return b.Size() + b.large }

// Reset makes the memory usable again.
func (b *Buffer) Reset() {
	for _, s := range b.slabs[:b.slab] {
		clear(s) // header keys and oversized values
	}
	b.own.next, b.free, b.large, b.headers, b.slab, b.same = 0, nil, 0, nil, 0, sameHeaders{}
}
