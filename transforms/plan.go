package transforms

import (
	"slices"

	"github.com/connectd/connectd/connect/data"
)

// maxPlans is the size of Kafka Connect's schema caches (LRUCache(16) in its SMTs).
const maxPlans = 16

// plans keeps what was computed from a schema: the last one in a field, others in a small list, most recent first.
type plans[P any] struct {
	build func(*data.Schema) (P, error)

	last   *data.Schema
	plan   P
	recent []planned[P]
}

type planned[P any] struct {
	schema *data.Schema
	plan   P
}

// get answers the plan of s. Errors are not kept: they are rare, and the record fails anyway.
func (c *plans[P]) get(s *data.Schema) (P, error) {
	if s == c.last && s != nil {
		return c.plan, nil
	}
	return c.find(s)
}

func (c *plans[P]) find(s *data.Schema) (P, error) {
	i := slices.IndexFunc(c.recent, func(e planned[P]) bool { return e.schema == s })
	if i < 0 {
		p, err := c.equalOrNew(s)
		if err != nil {
			return p, err
		}
		if len(c.recent) == maxPlans {
			c.recent = c.recent[:maxPlans-1]
		}
		c.recent = append(c.recent, planned[P]{s, p})
		i = len(c.recent) - 1
	}
	e := c.recent[i]
	copy(c.recent[1:], c.recent[:i])
	c.recent[0] = e
	c.last, c.plan = s, e.plan
	return e.plan, nil
}

// equalOrNew takes the plan of an equal schema if there is one, so that the result's schema keeps its pointer.
func (c *plans[P]) equalOrNew(s *data.Schema) (P, error) {
	for _, e := range c.recent {
		if e.schema.Equal(s) {
			return e.plan, nil
		}
	}
	return c.build(s)
}

// slabStructs bounds what one kept record pins: the structs of one slab.
const slabStructs = 64

// structs makes structs out of slabs of its own, each dropped after slabStructs.
type structs struct {
	slab data.Slab
	left int
}

func (s *structs) make(schema *data.Schema) *data.Struct {
	if s.left == 0 {
		s.slab, s.left = data.Slab{}, slabStructs
	}
	s.left--
	return s.slab.New(schema)
}
