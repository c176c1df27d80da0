package connect

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/connectd/connectd/connect/config"
)

// Connector is the part of a connector that is not moving data: it divides the work into tasks and watches whether the division
// still holds. All methods are called from one goroutine.
type Connector interface {
	// Start begins watching. ctx bounds Start alone, not the connector's life. An error makes the connector FAILED.
	Start(ctx context.Context, cc ConnectorContext) error
	// TaskConfigs divides the work into at most max tasks. Only after Start. An error makes the runtime try again later.
	TaskConfigs(ctx context.Context, max int) ([]config.Props, error)
	// Stop is called exactly once after Start, also if Start failed. ctx bounds it.
	Stop(ctx context.Context) error
}

// SourceConnector reads from elsewhere. NewTask is called on a fresh, never started connector, perhaps on another worker: share
// nothing with it.
type SourceConnector interface {
	Connector
	NewTask() SourceTask
}

// SinkConnector writes to elsewhere. NewTask as for SourceConnector.
type SinkConnector interface {
	Connector
	NewTask() SinkTask
}

// ConnectorContext is what a connector instance gets.
type ConnectorContext struct {
	Name    string
	Config  config.Values
	Control ConnectorControl
	Offsets OffsetReader // sources; nil for sinks
	Logs    TopicLogs
	Log     *slog.Logger
	Metrics Metrics
}

// ConnectorControl may be called from any goroutine and returns at once.
type ConnectorControl interface {
	RequestTaskReconfiguration() // TaskConfigs is asked again; tasks restart only if it differs
	RaiseError(err error)        // the connector becomes FAILED
}

// OffsetReader reads committed source offsets; safe for concurrent use.
type OffsetReader interface {
	// Read returns the committed offset of each partition, nil where there is none.
	Read(ctx context.Context, ps ...*SourcePartition) ([]json.RawMessage, error)
}

// Optional abilities of connectors, found by type assertion on a fresh, never started one.
type (
	// Validator checks what a config.Def cannot: keys together, the outside system.
	Validator interface {
		Validate(ctx context.Context, v config.Values) []config.Problem
	}
	// ExactlyOnce: can the source honour it with this config? Without this interface REST says "unknown".
	ExactlyOnce interface {
		ExactlyOnceSupport(v config.Values) Support
		CanDefineTransactionBoundaries(v config.Values) bool
	}
	// SourceOffsetAlterer vets PATCH and DELETE /connectors/{name}/offsets of a source. complete=false makes REST answer
	// "The Connect framework-managed offsets … However …".
	SourceOffsetAlterer interface {
		AlterOffsets(ctx context.Context, v config.Values, changes []OffsetChange) (complete bool, err error)
	}
	// SinkOffsetAlterer is the same for sinks; a nil offset is a reset.
	SinkOffsetAlterer interface {
		AlterOffsets(ctx context.Context, v config.Values, to map[TopicPartition]*int64) (complete bool, err error)
	}
)

// OffsetChange is one source partition's new offset; a nil Offset removes it.
type OffsetChange struct{ Partition, Offset json.RawMessage }

// Support answers ExactlyOnceSupport.
type Support uint8

// The answers of org.apache.kafka.connect.source.ExactlyOnceSupport.
const (
	Unsupported Support = iota
	Supported
)
