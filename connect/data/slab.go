package data

const (
	minChunk = 8
	maxChunk = 4096
)

// Slab cuts the structs of one batch, of any schema, out of shared chunks. It belongs to one poll batch and is dropped, or
// recycled with Reset, with it: chunks that spanned batches would link them to each other and keep all of history alive.
// Not safe for concurrent use. The zero Slab is ready.
type Slab struct {
	vals    []Value  // free part of the current chunk
	structs []Struct // likewise

	all     [][]Value  // every chunk, kept for Reset
	heads   [][]Struct // likewise
	nextVal int        // chunks of all in use: those from here on are free
	nextHd  int        // likewise of heads
}

// New makes an empty struct (all fields null) of a struct schema.
func (b *Slab) New(s *Schema) *Struct {
	mustBeStruct(s)
	st := b.head()
	st.schema = s
	st.vals = b.Values(len(s.fields))
	return st
}

// Copy makes a struct of the schema and values of st; what the values point to is shared.
func (b *Slab) Copy(st *Struct) *Struct {
	c := b.head()
	c.schema, c.vals = st.schema, b.Values(len(st.vals))
	copy(c.vals, st.vals)
	return c
}

// Values cuts n null values, for lists. Lists larger than a chunk stand by themselves, so that one of them does not stay in memory
// with a slab that is recycled.
func (b *Slab) Values(n int) []Value {
	if n > maxChunk {
		return make([]Value, n)
	}
	if len(b.vals) < n {
		b.growVals(n)
	}
	v := b.vals[:n:n]
	b.vals = b.vals[n:]
	return v
}

func (b *Slab) growVals(n int) {
	for b.nextVal < len(b.all) { // recycled chunks first
		c := b.all[b.nextVal]
		b.nextVal++
		if len(c) >= n {
			b.vals = c
			return
		}
	}
	size := minChunk
	if k := len(b.all); k > 0 {
		size = min(2*len(b.all[k-1]), maxChunk)
	}
	b.vals = make([]Value, max(size, n))
	b.all = append(b.all, b.vals)
	b.nextVal = len(b.all)
}

func (b *Slab) head() *Struct {
	if len(b.structs) == 0 {
		if b.nextHd < len(b.heads) {
			b.structs = b.heads[b.nextHd]
		} else {
			size := minChunk
			if k := len(b.heads); k > 0 {
				size = min(2*len(b.heads[k-1]), maxChunk/8)
			}
			b.structs = make([]Struct, size)
			b.heads = append(b.heads, b.structs)
		}
		b.nextHd++
	}
	st := &b.structs[0]
	b.structs = b.structs[1:]
	return st
}

// Reset makes the chunks usable again. Only when nobody can reach a struct or value cut from b any more (Recycler).
func (b *Slab) Reset() {
	for _, c := range b.all[:b.nextVal] {
		clear(c)
	}
	for _, c := range b.heads[:b.nextHd] {
		clear(c)
	}
	b.vals, b.structs, b.nextVal, b.nextHd = nil, nil, 0, 0
}
