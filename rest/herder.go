package rest

import (
	"context"
	"encoding/json"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// Herder is what the server needs of the worker. Reads answer at once, from what was last read; the others wait, bounded by ctx.
//
// Errors are those of package cluster: *NotLeader and *NotAssigned (the request is forwarded to their URL, once), ErrRebalancing (409),
// ErrStarting (503), *NotFound (404), *Exists (409), *BadRequest (400); any other is a 500.
type Herder interface {
	// Snapshot is the configuration; immutable.
	Snapshot() *cluster.Snapshot
	Status(id connect.TaskID) (cluster.Status, bool)
	Topics(connector string) []cluster.TopicStatus
	ResetTopics(connector string)

	PutConnector(ctx context.Context, r PutRequest) (Put, error)
	PatchConnector(ctx context.Context, name string, patch map[string]*string) (Put, error)
	DeleteConnector(ctx context.Context, name string) error
	SetTarget(ctx context.Context, name string, s cluster.TargetState) error
	RestartConnector(ctx context.Context, name string) error
	RestartTask(ctx context.Context, id connect.TaskID) error
	RestartAll(ctx context.Context, r cluster.RestartRequest) error
	// PutTasks is the leader's side of a follower's task configs; signed (KIP-507).
	PutTasks(ctx context.Context, name string, tasks []config.Props) error

	// Offsets lists source offsets or the group's offsets of a sink (KIP-875).
	Offsets(ctx context.Context, name string) ([]OffsetEntry, error)

	// Plugins lists what is installed; ConnectorType is "source", "sink" or "unknown".
	Plugins() []PluginInfo
	ConnectorType(class string) string
	// PluginConfig lists the keys of any plugin; *cluster.NotFound if there is no such class.
	PluginConfig(class, version string) ([]config.Definition, error)
	// Validate answers for a connector config; *cluster.BadRequest if there is no connector class to validate against.
	// Keys that are null are not in props.
	Validate(ctx context.Context, props config.Props, nulls []string) (Validation, error)

	// SetClusterLogger sets a level on all workers (KIP-976).
	SetClusterLogger(ctx context.Context, l cluster.LoggerLevel) error
	Loggers() Loggers

	Health() Health
	// KafkaClusterID is shown at /.
	KafkaClusterID() string
}

// PutRequest creates or replaces a connector.
type PutRequest struct {
	Name      string
	Props     config.Props
	Order     []string // keys as the user wrote them
	Nulls     []string // keys that are null, and not in Props
	Initial   *cluster.TargetState
	MustBeNew bool
}

// Put answers PutConnector.
type Put struct {
	Created bool
	Props   config.Props
	Tasks   []connect.TaskID
}

// OffsetEntry is one partition and its offset, both JSON objects.
type OffsetEntry struct{ Partition, Offset json.RawMessage }

// PluginInfo is one line of GET /connector-plugins.
type PluginInfo struct {
	Class, Type, Version string // Type: source, sink, transformation, predicate, converter, header_converter, …
}

// Validation is the answer of PUT /connector-plugins/{class}/config/validate.
type Validation struct {
	Name       string
	ErrorCount int
	Groups     []string
	Configs    []config.KeyResult
}

// Loggers are the log levels of this worker. Safe for concurrent use.
type Loggers interface {
	// Levels lists the loggers that are not off, by name.
	Levels() map[string]LoggerState
	// Level tells of one; the root's name has no case.
	Level(name string) (LoggerState, bool)
	// Set sets the level of a logger and of all whose names begin with its name, and lists those changed; false: no such level.
	Set(name, level string) ([]string, bool)
}

// LoggerState is one logger's level; Changed is Unix milliseconds, 0 if never.
type LoggerState struct {
	Level   string
	Changed int64
}

// Health is the answer of GET /health.
type Health struct {
	Starting bool // 503
	Problem  string
	// Stalled is stuck; the worker is healthy all the same, for another one would be stuck as well.
	Stalled map[connect.TaskID]cluster.Stall
}

// OffsetsWriter is a Herder that can change offsets (KIP-875). With a Herder that cannot, the requests are answered 501. The connector
// exists and is wanted STOPPED when a method is called. With dry set they check everything and change nothing.
type OffsetsWriter interface {
	AlterOffsets(ctx context.Context, name string, offsets []OffsetEntry, dry bool) (OffsetsChange, error)
	ResetOffsets(ctx context.Context, name string, dry bool) (OffsetsChange, error)
}

// OffsetsChange tells what was changed, or would be. Changes are needed of a dry run only.
type OffsetsChange struct {
	Message string
	Changes []OffsetDiff
}

// OffsetDiff is one partition; From and To are JSON objects, nil if there is no offset.
type OffsetDiff struct{ Partition, From, To json.RawMessage }

// Fencer is a Herder that can fence out the zombies of a source connector (KIP-618): the leader's side of PUT /connectors/{c}/fence. With
// a Herder that cannot, the request is answered 501.
type Fencer interface {
	FenceZombies(ctx context.Context, name string) error
}

// Membership is a Herder in a worker group; what it offers goes beyond Kafka Connect. With a Herder that is in none, the requests are
// answered 501.
type Membership interface {
	// MemberLeaving tells the leader that a member of the group leaves in order, and lists the URLs of all members. Another worker than the
	// leader answers *cluster.NotLeader.
	MemberLeaving(memberID string) (urls []string, err error)
	// Heartbeat makes this worker ask the coordinator at once whether the group rebalances.
	Heartbeat()
}
