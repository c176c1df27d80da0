package connect

import (
	"context"

	"github.com/connectd/connectd/connect/config"
)

// TopicLogs opens further topics of a connector (schema history, signals) with their own client settings, which may name another
// cluster: schema.history.internal.{kafka.bootstrap.servers,producer.*,consumer.*}. Safe for concurrent use.
type TopicLogs interface {
	// Open connects; a missing topic is created if spec.Create is set, else an error that names it. The caller closes the log.
	Open(ctx context.Context, spec LogSpec) (TopicLog, error)
}

// LogSpec names a topic and how to reach it.
type LogSpec struct {
	Topic string
	// Client holds Kafka client keys as Java has them (bootstrap.servers, security.protocol, …); keys that are missing are taken
	// from the worker's own.
	Client config.Props
	Create config.Props // partitions, replication.factor, topic settings; nil: must exist
}

// TopicLog is a topic used as a log. One goroutine.
type TopicLog interface {
	// ReadToEnd calls f for each record from the start up to the end seen at the call; key and value are only valid during f.
	ReadToEnd(ctx context.Context, f func(key, value []byte) error) error
	// Append writes one record to partition 0 and returns when it is durable.
	Append(ctx context.Context, key, value []byte) error
	Close() error
}

// TopicConsumer is what a TopicLog of the runtime can do besides: read what is new to a consumer group, for channels whose records are
// orders. Same goroutine as TopicLog.
type TopicConsumer interface {
	// Consume calls f for each record of partition 0 behind the group's committed offset (from the start if it has none) up to the end
	// seen at the call, and commits what f has taken; key and value are only valid during f. An error of f ends it, uncommitted.
	Consume(ctx context.Context, group string, f func(key, value []byte) error) error
}

// LogRecord is one record for a TopicLog; nil is null.
type LogRecord struct{ Key, Value []byte }

// TopicOffsets is what a TopicLog of the runtime can do besides: use the offsets of partition 0, so that a reader need not begin at the
// start each time. Same goroutine as TopicLog.
type TopicOffsets interface {
	// ReadFrom is ReadToEnd from an offset on. It begins later if the topic does, and reads nothing if the topic ends before.
	ReadFrom(ctx context.Context, offset int64, f func(offset int64, key, value []byte) error) error
	// AppendAll writes records to partition 0 in their order, which are one or more, and returns when all are durable, with the offsets
	// of the first and the last. If others write, theirs may be between. After an error some of the records may be in the topic.
	AppendAll(ctx context.Context, records []LogRecord) (first, last int64, err error)
}
