package connect

import (
	"errors"
	"fmt"
	"time"
)

type retriable struct {
	err   error
	after time.Duration
}

func (r *retriable) Error() string { return r.err.Error() }
func (r *retriable) Unwrap() error { return r.err }

// Retriable marks err as passing: the runtime waits (after, or its own back-off when 0) and calls again. Retriable(nil) is nil.
// (org.apache.kafka.connect.errors.RetriableException)
func Retriable(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &retriable{err, after}
}

// RetryAfter tells whether err is retriable, and how long to wait at least.
func RetryAfter(err error) (d time.Duration, ok bool) {
	var r *retriable
	if errors.As(err, &r) {
		return r.after, true
	}
	return 0, false
}

// PutError lists the records of a batch that failed; the others are taken.
type PutError struct{ Failed []RecordError }

// RecordError is one bad record and its reason.
type RecordError struct {
	Record *SinkRecord
	Err    error
}

func (e *PutError) Error() string {
	if len(e.Failed) == 0 {
		return "no record failed"
	}
	f := e.Failed[0]
	if f.Record == nil {
		return fmt.Sprintf("%d records failed, the first at an unknown place: %v", len(e.Failed), f.Err)
	}
	return fmt.Sprintf("%d records failed, the first at %s offset %d: %v", len(e.Failed), f.Record.Original.TopicPartition,
		f.Record.Original.Offset, f.Err)
}
