package cluster

import "github.com/connectd/connectd/connect/config"

// Change is one change to write to the config topic. The variants are the types of this file whose name begins with Put, and
// RemoveConnector; each becomes one or more records that are written in order, and in one transaction when the leader writes fenced.
type Change interface{ change() }

// PutConnector creates a connector or replaces its config. Leader only.
type PutConnector struct {
	Name   string
	Config config.Props
	// Order is the order of the keys as the user wrote them; keys it does not name follow in Kafka Connect's own order. A key of
	// Order without an entry in Config is written as null, as Kafka Connect does with a null in the request.
	Order []string
	// Target is written before the config if it is set (KIP-980): the connector never runs in another state first.
	Target *TargetState
}

// RemoveConnector deletes a connector: its config and its target state. Leader only.
type RemoveConnector struct{ Name string }

// PutTasks replaces the task configs of a connector and commits them. Leader only.
type PutTasks struct {
	Connector string
	Tasks     []config.Props
	// Order is the order of the keys in the connector's config. It settles what Java's hash order leaves open; the store fills it in
	// if it is nil.
	Order []string
}

// PutTarget sets what the user wants of a connector. Any worker may write it, the last write wins.
type PutTarget struct {
	Connector string
	Target    TargetState
}

// PutTaskCount records after a round of fencing how many tasks the connector may have had (KIP-618). Leader only.
type PutTaskCount struct {
	Connector string
	Count     int32
}

// PutRestart asks all workers to restart what they have of a connector. Leader only.
type PutRestart struct{ Request RestartRequest }

// PutSessionKey distributes a new session key. Leader only.
type PutSessionKey struct{ Key SessionKey }

// PutLoggerLevel sets the level of a logger on all workers. Any worker may write it.
type PutLoggerLevel struct{ Level LoggerLevel }

func (PutConnector) change()    {}
func (RemoveConnector) change() {}
func (PutTasks) change()        {}
func (PutTarget) change()       {}
func (PutTaskCount) change()    {}
func (PutRestart) change()      {}
func (PutSessionKey) change()   {}
func (PutLoggerLevel) change()  {}

// ConfigRead tells what was read from the config topic after the start. Reads that nobody has taken yet are joined into one, so it
// says what differs, not how it came about: look things up in Snapshot. A connector is in at most one of Updated and Removed.
type ConfigRead struct {
	// Snapshot is the configuration with all of it applied; Offset is its Offset.
	Snapshot *Snapshot
	Offset   int64
	// Updated lists connectors whose config was written, also unchanged.
	Updated []string
	// Removed lists connectors that were deleted.
	Removed []string
	// Tasks lists connectors whose task configs were committed, also to none and to an inconsistent set.
	Tasks []string
	// Targets lists connectors that exist and whose target state is another than before.
	Targets []string
	// Fenced lists connectors that got a task count record.
	Fenced []string
	// Restarts holds the restart requests, in order; of one connector only the last that covers more (KIP-745) matters to the reader.
	Restarts []RestartRequest
	// SessionKey is the new key, nil if there is none.
	SessionKey *SessionKey
	// Loggers holds the logger levels, in order.
	Loggers []LoggerLevel
}

// Empty tells whether nothing but the offset changed.
func (r *ConfigRead) Empty() bool {
	return len(r.Updated) == 0 && len(r.Removed) == 0 && len(r.Tasks) == 0 && len(r.Targets) == 0 && len(r.Fenced) == 0 &&
		len(r.Restarts) == 0 && r.SessionKey == nil && len(r.Loggers) == 0
}

// SourceOffset is one entry of the offsets topic. (org.apache.kafka.connect.storage.OffsetStorageWriter)
type SourceOffset struct {
	// Partition is the connector's name of the source partition, a JSON object, in the connector's own order of keys.
	Partition []byte
	// Offset is a JSON object; nil removes the entry.
	Offset []byte
}
