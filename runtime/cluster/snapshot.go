package cluster

import (
	"slices"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// Snapshot is the cluster's configuration as read from the config topic up to Offset. It is immutable: readers share it without
// locks, a writer publishes a new one. (org.apache.kafka.connect.storage.ClusterConfigState)
type Snapshot struct {
	// Offset is the offset after the last record applied, as Kafka Connect counts it in the group protocol (config_offset): workers
	// of both kinds in one group compare it. -1 for an empty topic.
	Offset int64
	// Incarnation counts how often this worker has seen the topic deleted and created anew: offsets compare within one only.
	Incarnation int64
	SessionKey  *SessionKey
	Connectors  map[string]*ConnectorSnapshot
}

// ConnectorSnapshot is one connector's part of a Snapshot; immutable as well.
type ConnectorSnapshot struct {
	Name   string
	Config config.Props
	Order  []string // the keys of Config as they stand in its record; nil if that is not known
	Target TargetState
	// Applied is the Config that Tasks were made of, as of their commit record; nil if that is not known (compacted away). Tasks run
	// with it, so that a new connector config reaches them together with the task configs made of it. (KAFKA-9228)
	Applied config.Props
	// Tasks are the committed task configs, by task number.
	Tasks []config.Props
	// Inconsistent: a compacted or aborted write left fewer task configs than the commit record promised. The connector has to
	// be asked for task configs again; until then it has no tasks.
	Inconsistent bool
	// TaskCountRecord is the count of the last tasks-fencing record, -1 if there is none (KIP-618).
	TaskCountRecord int32
	// PendingFencing: task configs were written after the last task count record.
	PendingFencing bool
	// Generation counts the task config commits seen for this connector; it tells a task start whether newer configs came.
	Generation int64
}

// Names lists the connectors, sorted.
func (s *Snapshot) Names() []string {
	names := make([]string, 0, len(s.Connectors))
	for n := range s.Connectors {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Contains tells whether the connector is configured.
func (s *Snapshot) Contains(connector string) bool { return s.Connectors[connector] != nil }

// TaskIDs lists the tasks of a connector, by number.
func (s *Snapshot) TaskIDs(connector string) []connect.TaskID {
	c := s.Connectors[connector]
	if c == nil {
		return nil
	}
	ids := make([]connect.TaskID, len(c.Tasks))
	for i := range c.Tasks {
		ids[i] = connect.TaskID{Connector: connector, Task: int32(i)}
	}
	return ids
}

// Before tells whether s was read before o.
func (s *Snapshot) Before(o *Snapshot) bool {
	if s.Incarnation != o.Incarnation {
		return s.Incarnation < o.Incarnation
	}
	return s.Offset < o.Offset
}

// SessionKey signs the internal REST requests between workers (KIP-507).
type SessionKey struct {
	Key       []byte
	Algorithm string // HmacSHA256
	Created   int64  // Unix milliseconds
}

// RestartRequest asks every worker to restart what it has of a connector (KIP-745).
type RestartRequest struct {
	Connector    string
	IncludeTasks bool
	OnlyFailed   bool
}

// LoggerLevel asks every worker to set a logger's level (KIP-976).
type LoggerLevel struct{ Namespace, Level string }
