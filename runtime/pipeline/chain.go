package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/metrics"
)

// Step is one transform of the chain and the predicate that guards it.
type Step struct {
	Alias     string // its name in the config, transforms.<alias>.*
	Class     string
	Transform connect.Transform
	// Predicate, if any, decides whether the transform applies; Negate turns its answer round.
	Predicate      connect.Predicate
	PredicateClass string
	Negate         bool
}

// Config makes a Chain. Its plugins are configured already and belong to the chain from then on: Close closes them.
type Config struct {
	ID    connect.TaskID
	Steps []Step

	Key, Value                      connect.Converter
	Header                          connect.HeaderConverter // nil: text and bytes as they are
	KeyClass, ValueClass, HeadClass string                  // plugin names, for errors and dead letters

	Errors     Errors
	DeadLetter *DeadLetter   // nil: none. Closed by the task, not by the chain
	Topics     *ActiveTopics // nil: not tracked
	Log        *slog.Logger  // nil: slog.Default
	Metrics    *metrics.Scope
}

// Chain is one task's transforms and converters. Make it with New; use it from one goroutine, Fail apart.
type Chain struct {
	cfg  Config
	h    *handler
	work connect.WireHeaders // Encode's scratch

	// What runs now, for the message of a failure.
	stage Stage
	class string
	enc   encoding
	dec   decoding
	known knownHeaders
	docs  connect.DocumentConverter // nil: each value is decoded
	tr    transforming

	// converting guards the converters: a task may report a record of its own making, which is converted then, from any goroutine.
	converting sync.Mutex
}

// Outcome is what became of a record.
type Outcome uint8

// The outcomes.
const (
	// Kept: the record goes on.
	Kept Outcome = iota
	// Filtered: a transform dropped it.
	Filtered
	// Skipped: it failed, and errors.tolerance lets that pass; it was logged and reported.
	Skipped
)

// New makes a chain.
func New(cfg Config) *Chain {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Header == nil {
		cfg.Header = plainHeaders{}
	}
	return &Chain{cfg: cfg, h: newHandler(cfg.Errors, cfg.Log, cfg.DeadLetter, cfg.Metrics)}
}

// Topics is the tracker of active topics; may be nil.
func (c *Chain) Topics() *ActiveTopics { return c.cfg.Topics }

// DeadLetter is the dead-letter queue; nil if there is none.
func (c *Chain) DeadLetter() *DeadLetter { return c.cfg.DeadLetter }

// Errors is the error handling the chain was made with.
func (c *Chain) Errors() Errors { return c.cfg.Errors }

// Reports tells whether a record that fails is told to anybody: log or dead-letter topic.
func (c *Chain) Reports() bool { return c.cfg.DeadLetter != nil || c.cfg.Errors.Log }

// Close closes transforms, predicates and converters, all of them, and joins their errors.
func (c *Chain) Close() error {
	var errs []error
	run := func(f func() error) {
		defer func() {
			if v := recover(); v != nil {
				errs = append(errs, &PanicError{v, debug.Stack()})
			}
		}()
		errs = append(errs, f())
	}
	for _, s := range c.cfg.Steps {
		run(s.Transform.Close)
		if s.Predicate != nil {
			run(s.Predicate.Close)
		}
	}
	if c.cfg.Key != nil {
		run(c.cfg.Key.Close)
	}
	if c.cfg.Value != nil {
		run(c.cfg.Value.Close)
	}
	run(c.cfg.Header.Close)
	return errors.Join(errs...)
}

// Fail reports a record that failed outside of the chain (TASK_PUT, KAFKA_PRODUCE). nil: it is skipped; else the error that fails
// the task. Any goroutine; it does not wait for the dead letter.
func (c *Chain) Fail(f Failure) error {
	c.h.counts.failures(1)
	return c.h.finish(f)
}

// call runs op, which is one stage, and turns its panic into an error.
func (c *Chain) call(op func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	return op()
}

// failed handles the first error of a stage: repeats op, then decides. done=true: op has succeeded after all.
func (c *Chain) failed(ctx context.Context, err error, f Failure, op func() error) (done bool, _ error) {
	stage, class := c.stage, c.class
	err = c.h.retry(ctx, err, func() error { return c.call(op) })
	if err == nil {
		return true, nil
	}
	if ctx.Err() != nil {
		// The retries ended, or the stage failed, because the task stops: nothing is known about the record. Skipping it would
		// move its offset on.
		return false, fmt.Errorf("stopping in stage %s of %s: %w", stage, class, ctx.Err())
	}
	f.Stage, f.Class, f.Err = stage, class, err
	return false, c.h.finish(f)
}

// transforming is one record on its way through the transforms; next is the one to run, or the one that failed.
type transforming struct {
	c    *Chain
	r    *connect.Record
	next int
	keep bool
}

// Transform runs the transforms over r, in place. f says where r is from, should it fail. With an error, the task has to fail.
func (c *Chain) Transform(ctx context.Context, r *connect.Record, f Failure) (Outcome, error) {
	if len(c.cfg.Steps) == 0 {
		return Kept, nil
	}
	t := &c.tr // not a local: the closure below would cost an allocation a record
	*t = transforming{c: c, r: r, keep: true}
	err := t.run(ctx)
	for err != nil {
		done, ferr := c.failed(ctx, err, f, func() error { return t.step(ctx) })
		if ferr != nil || !done {
			return Skipped, ferr
		}
		if t.next++; t.keep {
			err = t.run(ctx)
		} else {
			err = nil
		}
	}
	if !t.keep {
		return Filtered, nil
	}
	return Kept, nil
}

func (t *transforming) run(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	for ; t.next < len(t.c.cfg.Steps); t.next++ {
		if err := t.step(ctx); err != nil || !t.keep {
			return err
		}
	}
	return nil
}

func (t *transforming) step(ctx context.Context) (err error) {
	t.keep, err = t.c.step(ctx, t.next, t.r)
	return err
}

func (c *Chain) step(ctx context.Context, i int, r *connect.Record) (bool, error) {
	s := &c.cfg.Steps[i]
	c.stage = Transformation
	if s.Predicate != nil {
		c.class = s.PredicateClass
		if s.Predicate.Test(r) == s.Negate {
			return true, nil
		}
	}
	c.class = s.Class
	return s.Transform.Apply(ctx, r)
}

// plainHeaders stands in where no header converter is set: text and bytes pass as they are.
type plainHeaders struct{ connect.HeaderConverter }

func (plainHeaders) AppendHeader(_ context.Context, dst []byte, _, key string, d data.Datum) ([]byte, bool, error) {
	switch d.Value.Kind() {
	case data.KindNull:
		return dst, false, nil
	case data.KindString:
		return append(dst, d.Value.String()...), true, nil
	case data.KindBytes:
		return append(dst, d.Value.Bytes()...), true, nil
	default:
		return dst, false, errors.New("header " + key + " needs a header converter")
	}
}

func (plainHeaders) DecodeHeader(_ context.Context, _, _ string, b []byte) (data.Datum, error) {
	if b == nil {
		return data.Datum{}, nil
	}
	return data.Datum{Schema: data.OptionalBytesSchema, Value: data.Bytes(b)}, nil
}

func (plainHeaders) Close() error { return nil }
