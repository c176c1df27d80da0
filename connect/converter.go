package connect

import (
	"context"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// Converter turns values into bytes and back. An instance serves one task, one direction at a time; not safe for concurrent use. A task
// may have several that work at the same time, unless it is Stateful.
type Converter interface {
	Configure(v config.Values, isKey bool) error
	// Append encodes d at the end of dst; it may add to h, the headers as they go to Kafka. ok=false: no bytes
	// (tombstone), only for a null value without a schema. It may block on a registry: ctx bounds that.
	Append(ctx context.Context, dst []byte, topic string, h *WireHeaders, d data.Datum) (out []byte, ok bool, err error)
	// Decode may keep parts of b: b never changes while the record lives. b is nil for a null.
	Decode(ctx context.Context, topic string, h WireHeaders, b []byte) (data.Datum, error)
	Close() error
}

// DocumentConverter is a Converter that can tell, without decoding, that bytes are already what a sink would write of them.
type DocumentConverter interface {
	Converter
	// IsDocument: b is a JSON object, and rendering what Decode gives for it as compact JSON gives the bytes of b again, whichever of the
	// usual ways to write a number the renderer has. Decode would not fail, and gives no schema. When in doubt it is false: b is decoded then.
	// Called on Decode's goroutine, once a record; b is not kept.
	IsDocument(b []byte) bool
}

// HeaderConverter turns header values into bytes and back.
type HeaderConverter interface {
	Configure(v config.Values) error
	AppendHeader(ctx context.Context, dst []byte, topic, key string, d data.Datum) (out []byte, ok bool, err error)
	DecodeHeader(ctx context.Context, topic, key string, b []byte) (data.Datum, error)
	Close() error
}
