package row

import "github.com/connectd/connectd/connect/data"

const (
	minText = 4 << 10
	maxText = 64 << 10
)

// Memory is what the rows of one batch are cut out of: structs and lists from the slab, converted text from chunks of bytes. The zero
// Memory is ready. One goroutine; dropped, or Reset, with its batch.
type Memory struct {
	Slab data.Slab

	text   []byte   // chunk in use, len is the part taken
	chunks [][]byte // all chunks, for Reset
	next   int      // the next chunk to use again
	reuses uint64   // calls of Reset
}

// Reuses counts the calls of Reset: what was cut when it was another number is gone.
func (m *Memory) Reuses() uint64 { return m.reuses }

// Reset makes the memory usable again. Only when nobody can reach a value cut from it any more.
func (m *Memory) Reset() {
	m.Slab.Reset()
	m.text, m.next = nil, 0
	m.reuses++
}

// Bytes cuts n bytes (not cleared).
func (m *Memory) Bytes(n int) []byte {
	if cap(m.text)-len(m.text) < n {
		m.grow(n)
	}
	l := len(m.text)
	m.text = m.text[:l+n]
	return m.text[l : l+n : l+n]
}

// Copy cuts a copy of b.
func (m *Memory) Copy(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	c := m.Bytes(len(b))
	copy(c, b)
	return c
}

// begin gives room to append to: at least n bytes of capacity; end takes what was written.
func (m *Memory) begin(n int) []byte {
	if cap(m.text)-len(m.text) < n {
		m.grow(n)
	}
	return m.text[len(m.text):len(m.text):cap(m.text)]
}

// end takes the bytes that were appended to what begin gave. If they outgrew the chunk they are kept by themselves.
func (m *Memory) end(b []byte) []byte {
	l := len(m.text)
	if len(b) > 0 && l+len(b) <= cap(m.text) && &m.text[:l+1][l] == &b[0] {
		m.text = m.text[:l+len(b)]
	}
	return b[:len(b):len(b)]
}

func (m *Memory) grow(n int) {
	for m.next < len(m.chunks) {
		c := m.chunks[m.next]
		m.next++
		if cap(c) >= n {
			m.text = c[:0]
			return
		}
	}
	size := minText
	if k := len(m.chunks); k > 0 {
		size = min(2*cap(m.chunks[k-1]), maxText)
	}
	if n > maxText/4 { // a large value keeps its own memory: it is not used again
		m.text = append([]byte(nil), make([]byte, n)...)[:0]
		return
	}
	m.text = make([]byte, 0, max(size, n))
	m.chunks = append(m.chunks, m.text)
	m.next = len(m.chunks)
}
