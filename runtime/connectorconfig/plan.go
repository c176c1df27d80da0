package connectorconfig

import (
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// Plan is a validated connector config, typed: what a worker builds a connector or a task from. It is the caller's. Plans hold
// secrets: never log one.
type Plan struct {
	Name   string
	Class  string // canonical
	Source *connect.Plugin[connect.SourceConnector]
	Sink   *connect.Plugin[connect.SinkConnector] // exactly one of both is set
	Config config.Values                          // the connector's own keys, parsed

	KeyConverter    Stage[connect.Converter]
	ValueConverter  Stage[connect.Converter]
	HeaderConverter Stage[connect.HeaderConverter]
	Transforms      []Transform // in order

	TasksMax        int
	TasksMaxEnforce bool
	ReloadOnExpiry  bool // config.action.reload=restart
	Errors          Errors
	SinkTopics      SinkTopics     // sinks
	SourceOptions   SourceOptions  // sources
	Clients         ClientOverride // what the policy let through
	Warnings        []string       // for the log; no values
}

// Stage is a plugin with its config.
type Stage[T any] struct {
	Plugin     connect.Plugin[T]
	Props      config.Props  // without the prefix
	Values     config.Values // Props parsed
	FromWorker bool          // converters: inherited from the worker config
}

// Transform is one transformation and the predicate that guards it.
type Transform struct {
	Alias string
	Stage[connect.Transform]
	Predicate *Predicate // nil: always
	Negate    bool
}

// Predicate is the guard of a transformation. Each transformation gets an instance of its own, as in Java.
type Predicate struct {
	Alias string
	Stage[connect.Predicate]
}

// Errors are the errors.* keys.
type Errors struct {
	RetryTimeout  time.Duration // 0: no retries; < 0: without end
	RetryMaxDelay time.Duration
	TolerateAll   bool
	Log           bool
	LogMessages   bool // records too

	DeadLetterTopic       string // "" for none
	DeadLetterReplication int16
	DeadLetterHeaders     bool
}

// SinkTopics are what a sink reads: either Topics or Regex is set.
type SinkTopics struct {
	Topics []string // distinct, in order
	Regex  string   // must match a whole topic name; see CompileTopicsRegex
}

// Boundary is where a transaction of an exactly-once source ends.
type Boundary string

// The boundaries of transaction.boundary.
const (
	BoundaryPoll      Boundary = "poll"
	BoundaryInterval  Boundary = "interval"
	BoundaryConnector Boundary = "connector"
)

// SourceOptions are the keys of sources.
type SourceOptions struct {
	ExactlyOnceRequired bool
	Boundary            Boundary
	BoundaryInterval    time.Duration // 0: the worker's offset.flush.interval.ms
	OffsetsTopic        string        // "" for the worker's
	// TopicCreation are the rules for new topics, tried in order, the default group last; nil: leave it to the broker.
	TopicCreation []TopicRule
}

// TopicRule is one group of topic.creation.
type TopicRule struct {
	Group             string
	Include, Exclude  []string // regular expressions that match whole names
	ReplicationFactor int16    // -1: the broker's
	Partitions        int32    // -1: the broker's
	Configs           config.Props
}

// ClientOverride are client configs without their prefixes.
type ClientOverride struct{ Producer, Consumer, Admin config.Props }
