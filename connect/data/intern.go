package data

// Interner gives one pointer for equal schemas, so that caches by pointer hit. It is owned by one converter or connector, bounded,
// and not safe for concurrent use.
type Interner struct {
	byPrint map[uint64]*Schema
	max     int
}

// NewInterner makes an interner of at most that many schemas (at least 16); when full it starts afresh.
func NewInterner(most int) *Interner {
	return &Interner{byPrint: map[uint64]*Schema{}, max: max(most, 16)}
}

// Intern returns the first schema equal to s that was seen, perhaps s itself.
func (in *Interner) Intern(s *Schema) *Schema {
	if s == nil {
		return nil
	}
	if old, ok := in.byPrint[s.print]; ok && old.Equal(s) {
		return old
	}
	if len(in.byPrint) >= in.max {
		clear(in.byPrint)
	}
	in.byPrint[s.print] = s
	return s
}
