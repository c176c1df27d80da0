package store

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// The keys of the status topic (org.apache.kafka.connect.storage.KafkaStatusBackingStore).
const (
	connectorStatusPrefix = "status-connector-"
	taskStatusPrefix      = "status-task-"
	topicStatusPrefix     = "status-topic-"
	topicStatusSeparator  = ":connector-"
)

// StatusKey is the record key of a connector's or task's status.
func StatusKey(id connect.TaskID) []byte {
	if id.Task == connect.ConnectorTask {
		return []byte(connectorStatusPrefix + id.Connector)
	}
	return []byte(taskStatusPrefix + id.String())
}

// StatusValue is the record value of a status, nil (a tombstone) for Destroyed.
func StatusValue(s cluster.Status) []byte {
	if s.State == cluster.Destroyed {
		return nil
	}
	v := appendString([]byte(`{"state":`), string(s.State))
	v = appendOptional(append(v, `,"trace":`...), s.Trace)
	v = appendString(append(v, `,"worker_id":`...), s.WorkerID)
	v = appendInt(append(v, `,"generation":`...), int64(s.Generation))
	v = appendOptional(append(v, `,"version":`...), s.Version)
	if s.Progress != "" { // ours; Java workers look up the fields they know (KafkaStatusBackingStore.parseTaskStatus)
		v = append(append(v, `,"progress":`...), s.Progress...)
	}
	return append(v, '}')
}

// TopicStatusKey is the record key of a topic a connector has used.
func TopicStatusKey(topic, connector string) []byte {
	return []byte(topicStatusPrefix + topic + topicStatusSeparator + connector)
}

// TopicStatusValue is the record value of a topic status.
func TopicStatusValue(t cluster.TopicStatus) []byte {
	v := appendString([]byte(`{"topic":{"name":`), t.Topic)
	v = appendString(append(v, `,"connector":`...), t.Connector)
	v = appendInt(append(v, `,"task":`...), int64(t.Task))
	v = appendInt(append(v, `,"discoverTimestamp":`...), t.Since)
	return append(v, "}}"...)
}

func appendOptional(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return appendString(dst, s)
}

func parseStatus(id connect.TaskID, value []byte) (cluster.Status, error) {
	var v struct {
		State      string          `json:"state"`
		Trace      string          `json:"trace"`
		WorkerID   string          `json:"worker_id"`
		Generation *int32          `json:"generation"`
		Version    string          `json:"version"`
		Progress   json.RawMessage `json:"progress"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return cluster.Status{}, err
	}
	if v.Generation == nil {
		return cluster.Status{}, errors.New("generation is missing")
	}
	switch s := cluster.State(v.State); s {
	case cluster.Unassigned, cluster.Running, cluster.PausedSeen, cluster.Failed, cluster.Restarting, cluster.Destroyed, cluster.StoppedSeen:
		st := cluster.Status{ID: id, State: s, Trace: v.Trace, WorkerID: v.WorkerID, Generation: *v.Generation, Version: v.Version}
		if len(v.Progress) > 0 && v.Progress[0] == '{' {
			st.Progress = string(v.Progress)
		}
		return st, nil
	}
	return cluster.Status{}, errors.New("unknown state")
}

func parseTopicStatus(value []byte) (cluster.TopicStatus, error) {
	var v struct {
		Topic *struct {
			Name      string `json:"name"`
			Connector string `json:"connector"`
			Task      *int32 `json:"task"`
			Since     *int64 `json:"discoverTimestamp"`
		} `json:"topic"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return cluster.TopicStatus{}, err
	}
	if v.Topic == nil || v.Topic.Task == nil || v.Topic.Since == nil {
		return cluster.TopicStatus{}, errors.New("fields are missing")
	}
	return cluster.TopicStatus{Topic: v.Topic.Name, Connector: v.Topic.Connector, Task: *v.Topic.Task, Since: *v.Topic.Since}, nil
}

// cutTopicKey splits the rest of a topic status key behind its prefix; topics have no colon in their names.
func cutTopicKey(rest string) (topic, connector string, ok bool) {
	topic, connector, ok = strings.Cut(rest, topicStatusSeparator)
	return topic, connector, ok && topic != "" && connector != ""
}
