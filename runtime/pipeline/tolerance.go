package pipeline

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/metrics"
)

// Tolerance is errors.tolerance.
type Tolerance uint8

// The values of errors.tolerance.
const (
	// None: a record that fails makes the task fail.
	None Tolerance = iota
	// All: records that fail are skipped.
	All
)

// minRetryDelay is the first pause between attempts (RetryWithToleranceOperator.RETRIES_DELAY_MIN_MS).
const minRetryDelay = 300 * time.Millisecond

// Errors is a connector's error handling, errors.* of its config.
type Errors struct {
	Tolerance Tolerance
	// RetryTimeout is errors.retry.timeout: how long a stage is tried again. 0: once; negative: without end.
	RetryTimeout time.Duration
	// RetryDelayMax is errors.retry.delay.max.ms; 0 means the default of one minute.
	RetryDelayMax time.Duration
	// Log is errors.log.enable.
	Log bool
	// LogMessages is errors.log.include.messages: also topic, partition, offset and timestamp of the record.
	LogMessages bool
}

// Failure is a record that failed for good, on its way to log and dead-letter topic.
type Failure struct {
	Stage Stage
	Class string
	Err   error
	// At is where the record was read; NoOffset on the source side.
	At connect.TopicOffset
	// Wire is the record as bytes: as read (sinks), or as the producer refused it (sources); nil if there are none.
	Wire *connect.Wire
	// Source is the record before the transforms; nil for sinks. The pointer is used during the call only.
	Source *SourceOrigin
}

// handler applies Errors; safe for concurrent use.
type handler struct {
	cfg     Errors
	log     *slog.Logger
	dead    *DeadLetter
	counts  errorCounts
	lastErr atomic.Int64 // Unix milliseconds
}

type errorCounts struct{ failures, errors, skipped, retries, logged func(int64) }

func newHandler(cfg Errors, log *slog.Logger, dead *DeadLetter, m *metrics.Scope) *handler {
	if cfg.RetryDelayMax <= 0 {
		cfg.RetryDelayMax = time.Minute
	}
	h := &handler{cfg: cfg, log: log, dead: dead, counts: errorCounts{
		failures: m.Counter(&metrics.RecordFailures.Metric),
		errors:   m.Counter(&metrics.RecordErrors.Metric),
		skipped:  m.Counter(&metrics.RecordsSkipped.Metric),
		retries:  m.Counter(&metrics.Retries.Metric),
		logged:   m.Counter(&metrics.ErrorsLogged.Metric),
	}}
	m.Gauge(&metrics.LastErrorTime.Metric, func() float64 { return float64(h.lastErr.Load()) / 1000 })
	return h
}

// retry calls op again while its error is retriable and time is left; err is its first error. It returns nil or the last error.
func (h *handler) retry(ctx context.Context, err error, op func() error) error {
	start := time.Now()
	for attempt := 1; ; attempt++ {
		h.counts.failures(1)
		after, ok := connect.RetryAfter(err)
		if !ok || ctx.Err() != nil {
			return err
		}
		left := time.Duration(1<<63 - 1)
		if h.cfg.RetryTimeout >= 0 {
			if left = h.cfg.RetryTimeout - time.Since(start); left <= 0 {
				return err
			}
		}
		delay := max(Backoff(attempt, minRetryDelay, h.cfg.RetryDelayMax), after)
		if !Sleep(ctx, min(delay, left)) {
			return err
		}
		h.counts.retries(1)
		if err = op(); err == nil {
			return nil
		}
	}
}

// finish decides what becomes of a failed record: nil means it is skipped.
func (h *handler) finish(f Failure) error {
	h.counts.errors(1)
	h.lastErr.Store(time.Now().UnixMilli())
	h.write(f)
	if h.cfg.Tolerance == None {
		return &StageError{Stage: f.Stage, Class: f.Class, At: f.At, Err: f.Err}
	}
	h.counts.skipped(1)
	if h.dead != nil && (f.Wire != nil || f.Source != nil) {
		h.dead.Send(f)
	}
	return nil
}

// write is the log reporter (org.apache.kafka.connect.runtime.errors.LogReporter). Keys and values are never logged.
func (h *handler) write(f Failure) {
	if !h.cfg.Log {
		return
	}
	args := []any{"stage", f.Stage.String(), "class", f.Class, "error", f.Err}
	if h.cfg.LogMessages && f.At.Topic != "" {
		args = append(args, "topic", f.At.Topic)
		if f.At.Offset >= 0 {
			args = append(args, "partition", f.At.Partition, "offset", f.At.Offset)
		}
		switch {
		case f.Wire != nil:
			args = append(args, "timestamp", f.Wire.Timestamp)
		case f.Source != nil:
			args = append(args, "timestamp", f.Source.Record.Timestamp)
		}
	}
	h.log.Error("Error encountered processing a record", args...)
	h.counts.logged(1)
}

// Backoff is the pause after the given attempt (from 1): first doubled each time; once beyond most, a random part of most, so that
// tasks that failed together do not come back together.
func Backoff(attempt int, first, most time.Duration) time.Duration {
	if most <= 0 {
		return first
	}
	d := first
	for i := 1; i < attempt && d <= most; i++ {
		d *= 2
	}
	if d > most {
		return time.Duration(rand.Int64N(int64(most)) + 1)
	}
	return d
}

// Sleep waits for d; false if ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
