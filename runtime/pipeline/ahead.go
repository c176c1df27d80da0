package pipeline

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
)

// ErrNoTopic is what a record without a topic meets behind the transforms.
var ErrNoTopic = errors.New("a record without a topic")

// Several tells whether the chain may have further instances that work at the same time: none of its plugins is connect.Stateful.
func (c *Chain) Several() bool {
	for _, s := range c.cfg.Steps {
		if stateful(s.Transform) || stateful(s.Predicate) {
			return false
		}
	}
	return !stateful(c.cfg.Key) && !stateful(c.cfg.Value) && !stateful(c.cfg.Header)
}

func stateful(plugin any) bool {
	_, ok := plugin.(connect.Stateful)
	return ok
}

// Ahead is Transform and Encode of a record whose turn has not come. It is tried once, and a failure is neither counted nor reported: r is
// then what it was, so that Transform and Encode can handle it, in this instance of the chain or another, when its turn comes. They
// begin at the first transform again.
func (c *Chain) Ahead(ctx context.Context, buf *Buffer, r *connect.Record, out *kgo.Record) (Outcome, error) {
	was := *r // transforms work in place
	if len(c.cfg.Steps) > 0 {
		t := &c.tr
		*t = transforming{c: c, r: r, keep: true}
		if err := t.run(ctx); err != nil {
			*r = was
			return Skipped, err
		}
		if !t.keep {
			return Filtered, nil
		}
	}
	if r.Topic == "" {
		*r = was
		return Skipped, ErrNoTopic
	}
	e := &c.enc
	*e = encoding{c: c, buf: buf, r: r, out: out}
	if err := e.run(ctx); err != nil {
		*r = was
		return Skipped, err
	}
	return Kept, nil
}
