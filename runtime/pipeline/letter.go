package pipeline

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

// HeaderPrefix begins the context headers of a dead letter (org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter). All are
// UTF-8 texts.
const HeaderPrefix = "__connect.errors."

// The context headers, without HeaderPrefix.
const (
	HeaderTopic           = "topic" // of the record that a sink read, like the next two
	HeaderPartition       = "partition"
	HeaderOffset          = "offset"
	HeaderConnector       = "connector.name"
	HeaderTask            = "task.id"
	HeaderStage           = "stage"
	HeaderClass           = "class.name"
	HeaderException       = "exception.class.name"
	HeaderMessage         = "exception.message"
	HeaderStackTrace      = "exception.stacktrace"
	HeaderSourcePartition = "source.partition" // ours, of source connectors: a JSON document, as in the offset topic
	HeaderSourceOffset    = "source.offset"    // likewise
	HeaderTargetTopic     = "target.topic"     // where the record was to go, before the transforms unless it has bytes
	HeaderTargetPartition = "target.partition" // only if the connector or a transform chose one
	HeaderRecordFormat    = "record.format"    // what key, value and headers of the dead letter are
	HeaderRecordKeySize   = "record.key.bytes" // of a record that was too large for the dead-letter topic
	HeaderRecordValueSize = "record.value.bytes"
	FormatWire            = "wire"         // bytes as the producer got them
	FormatConnectJSON     = "connect-json" // the record before the transforms: JSON with schemas, headers too
	FormatOmitted         = "omitted"      // neither key nor value
)

// SourceOrigin is a source record as it was polled, for its dead letter.
type SourceOrigin struct {
	Record   connect.Record // before the transforms
	Position connect.Position
	// Hold is called when the dead letter begins its way; what it returns is called once, when the dead letter is durable or has
	// failed, on the goroutine of the dead-letter producer.
	Hold func() (settle func(error))
}

// letterOf makes the dead letter of f.
func (d *DeadLetter) letterOf(f Failure) *kgo.Record {
	r := &kgo.Record{Topic: d.cfg.Topic, Partition: connect.NoPartition}
	format := FormatConnectJSON
	var timestamp int64
	if f.Wire != nil {
		format, timestamp = FormatWire, f.Wire.Timestamp
		r.Key, r.Value = f.Wire.Key, f.Wire.Value
		for _, h := range f.Wire.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader(h))
		}
	} else {
		timestamp = f.Source.Record.Timestamp
		if err := d.render(&f.Source.Record, r); err != nil {
			d.cfg.Log.Warn("A record cannot be rendered; its dead letter has headers only", "topic", d.cfg.Topic, "error", err)
			format, r.Key, r.Value, r.Headers = FormatOmitted, nil, nil, nil
		}
	}
	if timestamp >= 0 {
		r.Timestamp = time.UnixMilli(timestamp)
	}
	if d.cfg.ContextHeaders {
		d.context(f, format, r)
	}
	return r
}

// render writes a record that has no bytes as JSON with schemas.
func (d *DeadLetter) render(in *connect.Record, out *kgo.Record) (err error) {
	if d.cfg.Key == nil || d.cfg.Value == nil {
		return fmt.Errorf("no converter for records without bytes")
	}
	d.rendering.Lock()
	defer d.rendering.Unlock()
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	var scratch connect.WireHeaders
	one := func(c connect.Converter, v data.Datum) ([]byte, error) {
		b, ok, err := c.Append(context.Background(), nil, in.Topic, &scratch, v)
		if err != nil || !ok {
			return nil, err
		}
		return b, nil
	}
	if out.Key, err = one(d.cfg.Key, in.Key); err != nil {
		return fmt.Errorf("rendering the key: %w", err)
	}
	if out.Value, err = one(d.cfg.Value, in.Value); err != nil {
		return fmt.Errorf("rendering the value: %w", err)
	}
	for _, h := range in.Headers {
		b, err := one(d.cfg.Value, h.Value)
		if err != nil {
			return fmt.Errorf("rendering header %q: %w", h.Key, err)
		}
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: b})
	}
	return nil
}

// context appends the context headers. One that the record has already stays, as in Java: it is a dead letter that was read again.
func (d *DeadLetter) context(f Failure, format string, r *kgo.Record) {
	own := len(r.Headers)
	add := func(key, value string) {
		key = HeaderPrefix + key
		for _, h := range r.Headers[:own] {
			if h.Key == key {
				return
			}
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	if f.At.Topic != "" && f.At.Offset >= 0 {
		add(HeaderTopic, f.At.Topic)
		add(HeaderPartition, strconv.Itoa(int(f.At.Partition)))
		add(HeaderOffset, strconv.FormatInt(f.At.Offset, 10))
	}
	add(HeaderConnector, d.cfg.ID.Connector)
	add(HeaderTask, strconv.Itoa(int(d.cfg.ID.Task)))
	add(HeaderStage, f.Stage.String())
	add(HeaderClass, f.Class)
	if f.Err != nil {
		class := ExceptionClass(f.Err, f.Stage)
		add(HeaderException, class)
		add(HeaderMessage, f.Err.Error())
		add(HeaderStackTrace, class+": "+f.Err.Error())
	}
	if s := f.Source; s != nil {
		if p := s.Position.Partition; p != nil {
			add(HeaderSourcePartition, string(p.JSON()))
		}
		if o := s.Position.Offset; o != nil {
			add(HeaderSourceOffset, string(o.AppendJSON(nil)))
		}
		to := f.At.TopicPartition
		if format != FormatWire {
			to = connect.TopicPartition{Topic: s.Record.Topic, Partition: s.Record.Partition} // as the rest of the dead letter
		}
		add(HeaderTargetTopic, to.Topic)
		if to.Partition != connect.NoPartition {
			add(HeaderTargetPartition, strconv.Itoa(int(to.Partition)))
		}
		add(HeaderRecordFormat, format)
	}
}

// stripped is the dead letter r without the record, which was too large.
func stripped(r *kgo.Record) *kgo.Record {
	small := &kgo.Record{Topic: r.Topic, Partition: connect.NoPartition, Timestamp: r.Timestamp}
	for _, h := range r.Headers {
		if h.Key != HeaderPrefix+HeaderRecordFormat && len(h.Value) <= maxKeptHeader {
			small.Headers = append(small.Headers, h)
		}
	}
	small.Headers = append(small.Headers,
		kgo.RecordHeader{Key: HeaderPrefix + HeaderRecordFormat, Value: []byte(FormatOmitted)},
		kgo.RecordHeader{Key: HeaderPrefix + HeaderRecordKeySize, Value: strconv.AppendInt(nil, int64(len(r.Key)), 10)},
		kgo.RecordHeader{Key: HeaderPrefix + HeaderRecordValueSize, Value: strconv.AppendInt(nil, int64(len(r.Value)), 10)})
	return small
}

// maxKeptHeader is the size in bytes up to which a header stays with a dead letter that was too large: the headers may be what is
// too large.
const maxKeptHeader = 16 << 10
