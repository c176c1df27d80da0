package history

// bounds are positions such that all documents of a series are at or before a stop point if the bounds are. Positions of different kinds
// (by GTIDs; by file, for each base name and server) are not compared with each other, so there is one bound of each kind.
type bounds []*stopPoint

// maxBounds is more kinds than any topology has; a series beyond it has no bounds that can be relied on.
const maxBounds = 64

// with adds a document's position; ok is false if there are too many kinds.
func (b bounds) with(position Position) (_ bounds, ok bool) {
	p := stopAt(position, nil)
	for i := range b {
		if sameKind(b[i], p) {
			b[i] = later(b[i], p)
			return b, true
		}
	}
	if len(b) >= maxBounds {
		return b, false
	}
	return append(b, p), true
}

func sameKind(a, b *stopPoint) bool {
	if a.GTIDs != "" || b.GTIDs != "" {
		return a.GTIDs != "" && b.GTIDs != "" && (a.set.within(b.set) || b.set.within(a.set))
	}
	aBase, _ := splitFile(a.File)
	bBase, _ := splitFile(b.File)
	return aBase == bBase && a.ServerID == b.ServerID
}

// later is a position that is at or before a stop point only if both are. With GTIDs the events count among equal sets only, and which
// sets are equal depends on the filter of the sources: the larger number stands for both.
func later(a, b *stopPoint) *stopPoint {
	out := *a
	if a.GTIDs != "" {
		if a.set.within(b.set) {
			out = *b
		}
		out.Event = max(a.Event, b.Event)
		if a.Snapshot == "" || b.Snapshot == "" {
			out.Snapshot = ""
		}
		return &out
	}
	if b.includes(a.Position) {
		out = *b
	}
	out.TsSec = max(a.TsSec, b.TsSec)
	return &out
}

// within tells whether every bound, and so every document of the series, is at or before the stop point.
func (b bounds) within(stop *stopPoint) bool {
	for _, p := range b {
		if !stop.includes(p.Position) {
			return false
		}
	}
	return true
}
