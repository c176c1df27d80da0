package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
)

// Decode fills out from a record read from Kafka and runs the transforms over it: key, value, then headers, as
// WorkerSinkTask.convertAndTransformRecord does. out.Wire must be set by the caller; it is filled with what shares in's memory. With an error,
// which names topic, partition and offset, the task has to fail.
func (c *Chain) Decode(ctx context.Context, in *kgo.Record, out *connect.SinkRecord) (Outcome, error) {
	c.cfg.Topics.Seen(in.Topic)
	out.Original = connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: in.Topic, Partition: in.Partition}, Offset: in.Offset}
	out.Record = connect.Record{Topic: in.Topic, Partition: in.Partition, Offset: in.Offset, Timestamp: connect.NoTimestamp}
	switch in.Attrs.TimestampType() {
	case 0:
		out.TimestampType, out.Timestamp = connect.CreateTime, in.Timestamp.UnixMilli()
	case 1:
		out.TimestampType, out.Timestamp = connect.LogAppendTime, in.Timestamp.UnixMilli()
	}
	known := c.known.matches(in)
	w := out.Wire
	w.Key, w.Value, w.Timestamp = in.Key, in.Value, in.Timestamp.UnixMilli()
	if known {
		w.Headers = c.known.wire
	} else {
		w.Headers = wireHeaders(in)
	}
	f := Failure{At: out.Original, Wire: w}
	if o, err := c.decode(ctx, in, out, f, known); o != Kept || err != nil {
		return o, err
	}
	return c.Transform(ctx, &out.Record, f)
}

// PassDocuments leaves values undecoded that are documents already (connect.DocumentTask), if nothing of the chain needs the value.
// Before the first Decode.
func (c *Chain) PassDocuments() {
	if d, ok := c.cfg.Value.(connect.DocumentConverter); ok && len(c.cfg.Steps) == 0 {
		c.docs = d
	}
}

func (c *Chain) decode(ctx context.Context, in *kgo.Record, out *connect.SinkRecord, f Failure, known bool) (Outcome, error) {
	c.converting.Lock()
	defer c.converting.Unlock()
	d := &c.dec
	*d = decoding{c: c, in: in, out: out, known: known}
	err := d.run(ctx)
	for err != nil {
		done, ferr := c.failed(ctx, err, f, func() error { return d.part(ctx) })
		if ferr != nil || !done {
			return Skipped, ferr
		}
		d.at++
		err = d.run(ctx)
	}
	return Kept, nil
}

// decoding is one record under way; at: 0 key, 1 value, then headers.
type decoding struct {
	c   *Chain
	in  *kgo.Record
	out *connect.SinkRecord
	at  int

	known bool // the headers are those of the record before
}

func (d *decoding) run(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	for last := len(d.in.Headers) + 2; d.at < last; d.at++ {
		if d.at == 2 && d.known {
			d.out.Headers = d.c.known.decoded
			return nil
		}
		if err := d.part(ctx); err != nil {
			return err
		}
	}
	if len(d.in.Headers) > 0 {
		d.c.known.note(ctx, d.c.cfg.Header, d.in)
	}
	return nil
}

func (d *decoding) part(ctx context.Context) (err error) {
	c, in := d.c, d.in
	switch d.at {
	case 0:
		c.stage, c.class = KeyConverter, c.cfg.KeyClass
		if d.out.Key, err = c.cfg.Key.Decode(ctx, in.Topic, d.out.Wire.Headers, in.Key); err != nil {
			return fmt.Errorf("converting the key: %w", err)
		}
	case 1:
		c.stage, c.class = ValueConverter, c.cfg.ValueClass
		if d.out.Document = c.docs != nil && c.docs.IsDocument(in.Value); d.out.Document {
			return nil
		}
		if d.out.Value, err = c.cfg.Value.Decode(ctx, in.Topic, d.out.Wire.Headers, in.Value); err != nil {
			return fmt.Errorf("converting the value: %w", err)
		}
	default:
		c.stage, c.class = HeaderConverter, c.cfg.HeadClass
		h := &in.Headers[d.at-2]
		v, err := c.cfg.Header.DecodeHeader(ctx, in.Topic, h.Key, h.Value)
		if err != nil {
			return fmt.Errorf("converting header %q: %w", h.Key, err)
		}
		if d.out.Headers == nil {
			d.out.Headers = make(connect.Headers, 0, len(in.Headers))
		}
		d.out.Headers = append(d.out.Headers, connect.Header{Key: h.Key, Value: v})
	}
	return nil
}

// WireOf is the bytes of a sink record for a dead letter: as read, or converted again if the task made the record. Any goroutine.
func (c *Chain) WireOf(ctx context.Context, r *connect.SinkRecord) (*connect.Wire, error) {
	if r.Wire != nil {
		return r.Wire, nil
	}
	c.converting.Lock()
	defer c.converting.Unlock()
	e := encoding{c: c, buf: new(Buffer), r: &r.Record, out: new(kgo.Record)}
	if err := e.run(ctx); err != nil {
		return nil, fmt.Errorf("converting a reported record: %w", err)
	}
	w := &connect.Wire{Key: e.out.Key, Value: e.out.Value, Timestamp: r.Timestamp}
	w.Headers = append(w.Headers, c.work...)
	return w, nil
}
