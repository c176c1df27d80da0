package store

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/topiclog"
)

// The keys of the config topic (org.apache.kafka.connect.storage.KafkaConfigBackingStore).
const (
	connectorPrefix = "connector-"
	taskPrefix      = "task-"
	commitPrefix    = "commit-"
	targetPrefix    = "target-state-"
	restartPrefix   = "restart-connector-"
	taskCountPrefix = "tasks-fencing-"
	loggerPrefix    = "logger-cluster-"
	sessionKeyKey   = "session-key"
)

// AppendRecords appends the config topic's records for a change, in the order in which they have to be written.
func AppendRecords(dst []topiclog.Record, change cluster.Change) ([]topiclog.Record, error) {
	put := func(key string, value []byte) { dst = append(dst, topiclog.Record{Key: []byte(key), Value: value}) }
	switch c := change.(type) {
	case cluster.PutConnector:
		if c.Target != nil {
			put(targetPrefix+c.Name, targetValue(*c.Target))
		}
		put(connectorPrefix+c.Name, appendProps(nil, c.Config, orderOf(c.Config, c.Order)))
	case cluster.RemoveConnector:
		put(connectorPrefix+c.Name, nil)
		put(targetPrefix+c.Name, nil)
	case cluster.PutTasks:
		for i, t := range c.Tasks {
			put(taskPrefix+c.Connector+"-"+strconv.Itoa(i), appendProps(nil, t, javaOrder(t, c.Order)))
		}
		put(commitPrefix+c.Connector, append(appendInt([]byte(`{"tasks":`), int64(len(c.Tasks))), '}'))
	case cluster.PutTarget:
		put(targetPrefix+c.Connector, targetValue(c.Target))
	case cluster.PutTaskCount:
		put(taskCountPrefix+c.Connector, append(appendInt([]byte(`{"task-count":`), int64(c.Count)), '}'))
	case cluster.PutRestart:
		put(restartPrefix+c.Request.Connector, fmt.Appendf(nil, `{"include-tasks":%t,"only-failed":%t}`, c.Request.IncludeTasks, c.Request.OnlyFailed))
	case cluster.PutSessionKey:
		v := appendString([]byte(`{"key":`), base64.StdEncoding.EncodeToString(c.Key.Key))
		v = appendString(append(v, `,"algorithm":`...), c.Key.Algorithm)
		put(sessionKeyKey, append(appendInt(append(v, `,"creation-timestamp":`...), c.Key.Created), '}'))
	case cluster.PutLoggerLevel:
		put(loggerPrefix+c.Level.Namespace, append(appendString([]byte(`{"level":`), c.Level.Level), '}'))
	default:
		return dst, fmt.Errorf("unknown kind of change %T", change)
	}
	return dst, nil
}

// targetValue writes STOPPED as PAUSED in the field that workers before 3.5 read (KIP-875).
func targetValue(s cluster.TargetState) []byte {
	v1 := s
	if s == cluster.Stopped {
		v1 = cluster.Paused
	}
	return fmt.Appendf(nil, `{"state":"%s","state.v2":"%s"}`, v1, s)
}

// leaderOnly tells whether the change may be written by the leader alone.
func leaderOnly(change cluster.Change) bool {
	switch change.(type) {
	case cluster.PutTarget, cluster.PutLoggerLevel:
		return false
	}
	return true
}
