package connect

import (
	"context"
	"log/slog"

	"github.com/connectd/connectd/connect/config"
)

// SourceTask reads records. Start, Poll and Stop are called from one goroutine.
type SourceTask interface {
	// Start connects and resumes. ctx bounds Start alone, not the task's life.
	Start(ctx context.Context, tc SourceTaskContext) error
	// Poll returns records in order, or nil within about a second, so that pause and reconfiguration get their turn.
	// ctx ends only to stop the task, never for pause or commit (that would cost the SQL connection); records returned
	// with ctx.Err() are still sent. What was taken but not returned must be read again after a restart. Runs ahead of
	// conversion by at most one batch. The slice may be reused on the next call but one, the records only in Recycle.
	// Retriable: the runtime backs off and polls again; any other error fails the task.
	Poll(ctx context.Context) ([]*SourceRecord, error)
	// Stop is called exactly once after Start (also a failed one), after the last Poll has returned.
	Stop(ctx context.Context) error
}

// SourceTaskContext is what a source task gets.
type SourceTaskContext struct {
	ID          TaskID
	Config      config.Values
	Offsets     OffsetReader
	Transaction Transaction // nil unless exactly-once is on and transaction.boundary=connector
	Logs        TopicLogs
	Log         *slog.Logger
	Metrics     Metrics
	// CommitSoon asks for a commit of what is acknowledged, beyond those of the timer (offset.flush.interval.ms), so that less has to be
	// read again. May be nil. Any goroutine; returns at once.
	CommitSoon func()
}

// Transaction is called from Poll, for records of the batch to be returned. Offsets of an aborted transaction are
// stored all the same: its records are not read again (KIP-618).
type Transaction interface {
	Commit()                     // after the last record of the next batch
	CommitAfter(r *SourceRecord) // r is the last record of the transaction
	Abort()
	AbortAfter(r *SourceRecord)
}

// Optional abilities of source tasks.
type (
	// Committer hears, per source partition, the newest position whose offset is stored: on the commit goroutine,
	// at the same time as Poll. Guard what both touch, don't block.
	Committer interface {
		Committed(ctx context.Context, ps []Position) error
	}
	// RecordCommitter hears of each record once, in acknowledgement order, on the producer's goroutine (exactly-once:
	// after the transaction): don't block. m is nil if it was dropped. Keeps SourceRecords alive until then.
	RecordCommitter interface {
		RecordCommitted(r *SourceRecord, m *RecordMetadata)
	}
	// Recycler gets a batch back, on any goroutine of the runtime, once nobody needs it: when it was converted; if failed records
	// are reported or the task is a RecordCommitter, when it was acknowledged and RecordCommitted too. The task may use its
	// records, structs and text again, not its offsets: they may have to be stored still. Don't block.
	Recycler interface {
		Recycle(batch []*SourceRecord)
	}
)
