package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
)

// Encode converts r and fills out, whose bytes and headers lie in buf: headers first, then key and value, which may add headers
// (AbstractWorkerSourceTask.convertTransformedRecord). out is only valid if the outcome is Kept. f says where r is from, should
// it fail; f.At is filled in. With an error, the task has to fail.
func (c *Chain) Encode(ctx context.Context, buf *Buffer, r *connect.Record, out *kgo.Record, f Failure) (Outcome, error) {
	e := &c.enc // not a local: the closure below would cost an allocation a record
	*e = encoding{c: c, buf: buf, r: r, out: out}
	err := e.run(ctx)
	for err != nil {
		f.At = connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: r.Topic, Partition: r.Partition}, Offset: connect.NoOffset}
		done, ferr := c.failed(ctx, err, f, func() error { return e.part(ctx) })
		if ferr != nil || !done {
			return Skipped, ferr
		}
		e.at++
		err = e.run(ctx)
	}
	return Kept, nil
}

// encoding is one record under way; at says which part comes next, so that a retry repeats only that one.
type encoding struct {
	c   *Chain
	buf *Buffer
	r   *connect.Record
	out *kgo.Record
	at  int // 0..len(headers)-1: headers; then key; then value; then done
}

func (e *encoding) run(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	if e.at == 0 {
		e.c.work = e.c.work[:0]
		if e.r.Timestamp < connect.NoTimestamp {
			e.c.stage, e.c.class = ValueConverter, e.c.cfg.ValueClass
			return fmt.Errorf("invalid record timestamp %d", e.r.Timestamp)
		}
	}
	if same := &e.buf.same; e.at == 0 && same.matches(e.r) {
		for _, h := range same.wire {
			e.c.work = append(e.c.work, connect.WireHeader(h))
		}
		e.at = len(e.r.Headers)
	}
	for last := len(e.r.Headers) + 2; e.at < last; e.at++ {
		if err := e.part(ctx); err != nil {
			return err
		}
	}
	e.finish()
	return nil
}

// part converts one header, the key or the value.
func (e *encoding) part(ctx context.Context) error {
	c, r := e.c, e.r
	switch e.at - len(r.Headers) {
	default:
		c.stage, c.class = HeaderConverter, c.cfg.HeadClass
		h := &r.Headers[e.at]
		out, ok, err := c.cfg.Header.AppendHeader(ctx, e.buf.Tail(), r.Topic, h.Key, h.Value)
		if err != nil {
			return fmt.Errorf("converting header %q: %w", h.Key, err)
		}
		c.work = append(c.work, connect.WireHeader{Key: h.Key, Value: e.keep(out, ok)})
		return nil
	case 0:
		if len(c.work) > 0 && !e.buf.same.matches(r) {
			e.buf.same = sameHeaders{of: r.Headers, topic: r.Topic, wire: e.wire()}
		}
		c.stage, c.class = KeyConverter, c.cfg.KeyClass
		return e.convert(ctx, c.cfg.Key, &e.out.Key, true)
	case 1:
		c.stage, c.class = ValueConverter, c.cfg.ValueClass
		return e.convert(ctx, c.cfg.Value, &e.out.Value, false)
	}
}

func (e *encoding) convert(ctx context.Context, conv connect.Converter, to *[]byte, isKey bool) error {
	d := &e.r.Value
	if isKey {
		d = &e.r.Key
	}
	n := len(e.c.work)
	out, ok, err := conv.Append(ctx, e.buf.Tail(), e.r.Topic, &e.c.work, *d)
	if err != nil {
		e.c.work = e.c.work[:n]
		if isKey {
			return fmt.Errorf("converting the key: %w", err)
		}
		return fmt.Errorf("converting the value: %w", err)
	}
	*to = e.keep(out, ok)
	return nil
}

func (e *encoding) keep(out []byte, ok bool) []byte {
	if !ok {
		return nil
	}
	if len(out) == 0 {
		return []byte{} // empty is not null
	}
	return e.buf.Keep(out)
}

func (e *encoding) finish() {
	r, out := e.r, e.out
	out.Topic, out.Partition = r.Topic, r.Partition
	if r.Timestamp >= 0 {
		out.Timestamp = time.UnixMilli(r.Timestamp)
	} else {
		out.Timestamp = time.Time{} // the producer's clock
	}
	switch {
	case len(e.c.work) == 0:
		out.Headers = nil
	case e.buf.same.unchanged(e.c.work):
		out.Headers = e.buf.same.wire
	default: // the converters of key and value added some
		out.Headers = e.wire()
	}
}

// wire cuts the headers as they are now.
func (e *encoding) wire() []kgo.RecordHeader {
	out := e.buf.Headers(len(e.c.work))
	for i, h := range e.c.work {
		out[i] = kgo.RecordHeader(h)
	}
	return out
}
