package connect

import (
	"bytes"
	"strings"

	"github.com/connectd/connectd/connect/data"
)

// Record is the envelope of one message. Edit it in place; values inside may only be replaced.
type Record struct {
	Topic     string
	Partition int32 // NoPartition leaves the choice to the producer
	Offset    int64 // sink side only, else NoOffset
	Timestamp int64 // Unix milliseconds, or NoTimestamp
	Key       data.Datum
	Value     data.Datum
	Headers   Headers
}

// SourceRecord is a record on its way to Kafka.
type SourceRecord struct {
	Record
	Position Position // never touched by transforms
}

// SinkRecord is a record read from Kafka.
type SinkRecord struct {
	Record
	Original      TopicOffset // before transforms: this is what gets committed
	TimestampType TimestampType
	// Document: Value is left out (null, no schema), since Wire.Value is the document it would be written as. Only a DocumentTask that asked
	// for it gets such records.
	Document bool
	Wire     *Wire // nil if the task made the record: a dead letter is converted again
}

// Clone is a deep copy, to keep r when its batch goes. (One kept record pins its whole fetch.)
func (r *SinkRecord) Clone() *SinkRecord {
	c := *r
	c.Key.Value = r.Key.Value.Clone()
	c.Value.Value = r.Value.Value.Clone()
	c.Headers = nil
	if len(r.Headers) > 0 {
		c.Headers = make(Headers, len(r.Headers))
	}
	for i, h := range r.Headers {
		c.Headers[i] = Header{strings.Clone(h.Key), data.Datum{Schema: h.Value.Schema, Value: h.Value.Value.Clone()}}
	}
	if r.Wire != nil {
		// bytes.Clone: slices.Clone of empty bytes would go on pointing into the fetch, and keep it.
		w := Wire{Key: bytes.Clone(r.Wire.Key), Value: bytes.Clone(r.Wire.Value), Timestamp: r.Wire.Timestamp}
		for _, h := range r.Wire.Headers {
			w.Headers = append(w.Headers, WireHeader{strings.Clone(h.Key), bytes.Clone(h.Value)})
		}
		c.Wire = &w
	}
	return &c
}

// Wire is the record as read, for dead letters. Nil slices are null.
type Wire struct {
	Key, Value []byte
	Headers    WireHeaders
	Timestamp  int64 // Unix milliseconds
}

// TimestampType says what a Kafka record's timestamp means.
type TimestampType uint8

// The timestamp types of org.apache.kafka.common.record.TimestampType.
const (
	NoTimestampType TimestampType = iota
	CreateTime
	LogAppendTime
)
