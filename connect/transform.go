package connect

import (
	"context"

	"github.com/connectd/connectd/connect/config"
)

// Transform edits records one at a time, on one goroutine. It keeps nothing across records but caches, or is Stateful: a task may have
// several instances, which work at the same time, each on a part of the records. What it keeps of a record is a copy, also of the topic, which
// may be a column's text, and so is the name of a header that it makes of one: the memory of records is used again (Recycler), names of headers
// are not copied.
type Transform interface {
	Configure(v config.Values) error
	// Apply edits r in place; keep=false drops it. On error r is left as it was. ctx is for those that must do I/O.
	Apply(ctx context.Context, r *Record) (keep bool, err error)
	Close() error
}

// Stateful marks a transform, predicate or converter that keeps something (dedupe, sampling, counting): one instance sees all records of the
// task, in order. A chain that has one of them is never converted on several threads.
type Stateful interface{ Stateful() }

// Predicate decides whether a transform applies to a record. One goroutine; several instances like a Transform.
type Predicate interface {
	Configure(v config.Values) error
	Test(r *Record) bool
	Close() error
}
