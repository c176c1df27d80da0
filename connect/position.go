package connect

import "encoding/json"

// Position says where a source record came from.
type Position struct {
	Partition *SourcePartition // shared by many records; nil: nothing to store
	Offset    SourceOffset
}

// SourcePartition is a source's own name of one of its partitions, a JSON object. It is immutable and compared by pointer inside a
// task. Its JSON keeps the connector's key order: others read the offset topic byte by byte.
type SourcePartition struct{ doc json.RawMessage }

// NewSourcePartition makes a partition of a JSON object; doc must not change afterwards.
func NewSourcePartition(doc json.RawMessage) *SourcePartition { return &SourcePartition{doc: doc} }

// JSON is the partition's document; shared, do not modify.
func (p *SourcePartition) JSON() json.RawMessage { return p.doc }

// SourceOffset is rendered only if committed, on the commit goroutine: it must never change once Poll returned it. Many records may
// share one.
type SourceOffset interface{ AppendJSON(dst []byte) []byte }

// RawOffset is a SourceOffset that is rendered already.
type RawOffset json.RawMessage

// AppendJSON appends the document.
func (o RawOffset) AppendJSON(dst []byte) []byte { return append(dst, o...) }
