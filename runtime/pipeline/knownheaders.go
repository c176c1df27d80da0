package pipeline

import (
	"bytes"
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
)

// knownHeaders are headers that came twice in a row, decoded. Connectors often give all records of a topic the same (Debezium's
// __debezium.context.*), and headers are never changed in place: transforms that want others make a new slice.
type knownHeaders struct {
	topic   string
	last    []kgo.RecordHeader // of the record before; they keep its fetch alive, so that they are looked at once
	wire    connect.WireHeaders
	decoded connect.Headers
}

const (
	knownMost  = 16      // headers
	knownBytes = 4 << 10 // in all their values
)

// matches tells whether the record has the headers that are known.
func (k *knownHeaders) matches(in *kgo.Record) bool {
	if len(k.wire) == 0 || len(in.Headers) != len(k.wire) || in.Topic != k.topic {
		return false
	}
	for i := range k.wire {
		if !sameHeader(connect.WireHeader(in.Headers[i]), k.wire[i]) {
			return false
		}
	}
	return true
}

func sameHeader(a, b connect.WireHeader) bool {
	return a.Key == b.Key && (a.Value == nil) == (b.Value == nil) && bytes.Equal(a.Value, b.Value)
}

// note sees the headers of a record that are not known. If they came for the second time, they are decoded again from a copy of their
// own, which holds no fetch in memory.
func (k *knownHeaders) note(ctx context.Context, conv connect.HeaderConverter, in *kgo.Record) {
	k.wire, k.decoded = nil, nil
	if len(in.Headers) > knownMost {
		k.last = nil
		return
	}
	again := k.topic == in.Topic && len(k.last) == len(in.Headers)
	size := 0
	for i, h := range in.Headers {
		size += len(h.Value)
		again = again && sameHeader(connect.WireHeader(h), connect.WireHeader(k.last[i]))
	}
	if !again || size > knownBytes {
		k.topic, k.last = in.Topic, in.Headers
		return
	}
	k.last = nil
	wire := wireHeaders(in)
	decoded := make(connect.Headers, 0, len(wire))
	for i := range wire {
		w := &wire[i]
		w.Value = bytes.Clone(w.Value)
		v, err := conv.DecodeHeader(ctx, in.Topic, w.Key, w.Value)
		if err != nil { // not twice the same answer
			return
		}
		decoded = append(decoded, connect.Header{Key: w.Key, Value: v})
	}
	k.wire, k.decoded = wire[:len(wire):len(wire)], decoded[:len(decoded):len(decoded)]
}

func wireHeaders(in *kgo.Record) connect.WireHeaders {
	if len(in.Headers) == 0 {
		return nil
	}
	out := make(connect.WireHeaders, len(in.Headers))
	for i, h := range in.Headers {
		out[i] = connect.WireHeader(h)
	}
	return out
}
