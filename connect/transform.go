package connect

import (
	"context"

	"github.com/connectd/connectd/connect/config"
)

// Transform edits records one at a time, on one goroutine. It keeps nothing across records but caches, or is Stateful.
type Transform interface {
	Configure(v config.Values) error
	// Apply edits r in place; keep=false drops it. On error r is left as it was. ctx is for those that must do I/O.
	Apply(ctx context.Context, r *Record) (keep bool, err error)
	Close() error
}

// Stateful marks a transform that keeps something (dedupe, sampling): one instance sees all records.
type Stateful interface{ Stateful() }

// Predicate decides whether a transform applies to a record. One goroutine.
type Predicate interface {
	Configure(v config.Values) error
	Test(r *Record) bool
	Close() error
}
