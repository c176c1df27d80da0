package connect

import (
	"context"
	"log/slog"
	"time"

	"github.com/connectd/connectd/connect/config"
)

// SinkTask writes records. All methods are called from one goroutine.
type SinkTask interface {
	// Start connects. ctx bounds Start alone, not the task's life.
	Start(ctx context.Context, tc SinkTaskContext) error
	// Open: partitions arrive; called before their first record is fetched.
	Open(ctx context.Context, parts []TopicPartition) error
	// Put takes a batch, in order within each partition. It is called after every poll: with an EMPTY batch when
	// nothing arrived, at least every min(time to the next commit, Control.Timeout). Time-driven work (rotation,
	// linger, resuming partitions) belongs here, not in a timer goroutine.
	// nil: the task has charge of the whole batch. Retriable: nothing new is read, rebalances and commits go on, the
	// same batch comes again, less partitions revoked meanwhile, without limit (no errors.retry.timeout, as in
	// WorkerSinkTask). *PutError: those records failed at TASK_PUT (errors.tolerance decides), the others are taken.
	// Failures found later go to Control.Reporter, or are returned by the next call.
	Put(ctx context.Context, batch []*SinkRecord) error
	// PreCommit gets the offsets after the last Put and returns those safe to commit. Entries above put or of
	// partitions not held are ignored with a warning; an empty map means "commit nothing now".
	PreCommit(ctx context.Context, put Offsets) (Offsets, error)
	// Close: partitions leave. lost=false: PreCommit was just called and its answer is committed right after Close;
	// lost=true: they already belong to someone else, nothing is committed, drop what is unfinished.
	Close(ctx context.Context, parts []TopicPartition, lost bool) error
	// Stop is called exactly once after Start (also a failed one).
	Stop(ctx context.Context) error
}

// DocumentTask is a SinkTask that writes values as compact JSON and may need nothing of them but that text.
type DocumentTask interface {
	SinkTask
	// TakesDocuments is asked once, after Start. true: where no transform needs the value and the converter is a DocumentConverter, records come
	// with Document set, and their value only as the bytes read. Other records of the same task still come decoded.
	TakesDocuments() bool
}

// SinkTaskContext is what a sink task gets.
type SinkTaskContext struct {
	ID      TaskID
	Config  config.Values
	Control SinkControl
	Log     *slog.Logger
	Metrics Metrics
}

// SinkControl may be called from any goroutine; the task loop applies the effects before its next poll.
type SinkControl interface {
	Assignment() []TopicPartition
	Pause(parts ...TopicPartition)
	Resume(parts ...TopicPartition)
	Seek(to Offsets)         // also from Open: applied before the first record of the partition
	Timeout(d time.Duration) // upper limit of the next poll only
	RequestCommit()
	Reporter() Reporter // nil unless a dead-letter topic or errors.log.enable is set: tasks decide by that
}

// Reporter takes bad records a sink task found.
type Reporter interface {
	// Report queues a bad record and returns at once; any goroutine. Commits of its partition wait until the dead
	// letter is durable. Non-nil when errors.tolerance is exceeded: return it from the task.
	Report(r *SinkRecord, cause error) error
}
