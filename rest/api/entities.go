package api

import (
	"bytes"
	"encoding/json"
)

// ServerInfo answers GET /.
type ServerInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	// KafkaClusterID is null while the worker has not reached Kafka.
	KafkaClusterID *string `json:"kafka_cluster_id"`
}

// WorkerStatus answers GET /health (KIP-1017).
type WorkerStatus struct {
	Status  string `json:"status"` // healthy, starting or unhealthy
	Message string `json:"message"`
	// Stalled lists what makes no progress on this worker although it has work. Kafka Connect has no such field.
	Stalled []StalledTask `json:"stalled,omitempty"`
}

// StalledTask is a connector (Task is null) or task that is stuck. Since is Unix milliseconds.
type StalledTask struct {
	Connector string `json:"connector"`
	Task      *int32 `json:"task"`
	Doing     string `json:"doing"`
	Since     int64  `json:"since"`
}

// ErrorMessage is the body of every answer from 400 on. Code is the HTTP status.
type ErrorMessage struct {
	Code    int    `json:"error_code"`
	Message string `json:"message"`
}

// Message is an answer of one sentence.
type Message struct {
	Message string `json:"message"`
}

// TaskID names a task.
type TaskID struct {
	Connector string `json:"connector"`
	Task      int32  `json:"task"`
}

// ConnectorInfo answers GET /connectors/{connector} and everything that writes a config.
type ConnectorInfo struct {
	Name   string   `json:"name"`
	Config Config   `json:"config"`
	Tasks  []TaskID `json:"tasks"`
	Type   string   `json:"type"` // source, sink or unknown
}

// TaskInfo is one element of GET /connectors/{connector}/tasks.
type TaskInfo struct {
	ID     TaskID `json:"id"`
	Config Config `json:"config"`
}

// ConnectorStateInfo answers GET /connectors/{connector}/status.
type ConnectorStateInfo struct {
	Name      string         `json:"name"`
	Connector ConnectorState `json:"connector"`
	Tasks     []TaskState    `json:"tasks"`
	Type      string         `json:"type"`
}

// ConnectorState is the state of the connector instance. Trace is there when State is FAILED.
type ConnectorState struct {
	State    string  `json:"state"`
	WorkerID string  `json:"worker_id"`
	Version  *string `json:"version"` // null while nobody knows
	Trace    string  `json:"trace,omitempty"`
}

// TaskState answers GET /connectors/{connector}/tasks/{task}/status.
type TaskState struct {
	ID       int32   `json:"id"`
	State    string  `json:"state"`
	WorkerID string  `json:"worker_id"`
	Version  *string `json:"version"` // null while nobody knows
	Trace    string  `json:"trace,omitempty"`
	// Progress is an object, what the task tells of its work; absent if it tells nothing. Kafka Connect has no such field.
	Progress json.RawMessage `json:"progress,omitempty"`
}

// Expansion is what GET /connectors?expand= tells of one connector.
type Expansion struct {
	Info   *ConnectorInfo      `json:"info,omitempty"`
	Status *ConnectorStateInfo `json:"status,omitempty"`
}

// Expansions answer GET /connectors?expand=, in the order of Names.
type Expansions struct {
	Names []string
	By    map[string]Expansion
}

// MarshalJSON writes an object.
func (e Expansions) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, name := range e.Names {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(name); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1) // Encode ends with a line break
		b.WriteByte(':')
		if err := enc.Encode(e.By[name]); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// ActiveTopics is the value of GET /connectors/{connector}/topics, keyed by connector.
type ActiveTopics struct {
	Topics []string `json:"topics"`
}

// ConnectorOffsets are the offsets of a connector (KIP-875).
type ConnectorOffsets struct {
	Offsets []ConnectorOffset `json:"offsets"`
}

// ConnectorOffset is one partition and its offset, both JSON objects; a null offset removes the partition.
type ConnectorOffset struct {
	Partition json.RawMessage `json:"partition"`
	Offset    json.RawMessage `json:"offset"`
}

// OffsetsDryRun answers PATCH and DELETE /connectors/{connector}/offsets?dryRun=true: what the same request without it would change.
type OffsetsDryRun struct {
	Message string         `json:"message"`
	DryRun  bool           `json:"dry_run"`
	Changes []OffsetChange `json:"changes"`
}

// OffsetChange is one partition; null is no offset.
type OffsetChange struct {
	Partition json.RawMessage `json:"partition"`
	From      json.RawMessage `json:"from"`
	To        json.RawMessage `json:"to"`
}

// LoggerLevel is one logger (KIP-495); LastModified is Unix milliseconds, null if the level was never set over REST.
type LoggerLevel struct {
	Level        string `json:"level"`
	LastModified *int64 `json:"last_modified"`
}

// CreateConnectorRequest is the body of POST /connectors. InitialState is RUNNING, PAUSED or STOPPED in any case, empty for RUNNING
// (KIP-980).
type CreateConnectorRequest struct {
	Name         string  `json:"name"`
	Config       *Config `json:"config"`
	InitialState string  `json:"initial_state,omitempty"`
}

// MemberLeaving is the body of PUT /internal/leaving.
type MemberLeaving struct {
	MemberID string `json:"member_id"`
}

// GroupMembers answers it: the advertised URLs of all members.
type GroupMembers struct {
	URLs []string `json:"urls"`
}
