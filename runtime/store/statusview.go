package store

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// statusView is the status topic as read so far. It is shared by Status and MemoryStatus.
type statusView struct {
	log *slog.Logger

	mu         sync.Mutex
	connectors map[string]cluster.Status
	tasks      map[string]map[int32]cluster.Status
	topics     map[string]map[string]cluster.TopicStatus // by connector, by topic
}

func newStatusView(log *slog.Logger) *statusView {
	return &statusView{
		log: log, connectors: map[string]cluster.Status{}, tasks: map[string]map[int32]cluster.Status{},
		topics: map[string]map[string]cluster.TopicStatus{},
	}
}

// Get returns the last status of a connector (task connect.ConnectorTask) or task.
func (v *statusView) Get(id connect.TaskID) (s cluster.Status, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.get(id)
}

func (v *statusView) get(id connect.TaskID) (s cluster.Status, ok bool) {
	if id.Task == connect.ConnectorTask {
		s, ok = v.connectors[id.Connector]
	} else {
		s, ok = v.tasks[id.Connector][id.Task]
	}
	return s, ok
}

// Tasks returns the statuses of a connector's tasks, by number.
func (v *statusView) Tasks(connector string) []cluster.Status {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]cluster.Status, 0, len(v.tasks[connector]))
	for _, s := range v.tasks[connector] {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b cluster.Status) int { return cmp.Compare(a.ID.Task, b.ID.Task) })
	return out
}

// Connectors lists the connectors that have a status, sorted.
func (v *statusView) Connectors() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]string, 0, len(v.connectors))
	for n := range v.connectors {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// Topics returns the topics a connector has used, by name.
func (v *statusView) Topics(connector string) []cluster.TopicStatus {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]cluster.TopicStatus, 0, len(v.topics[connector]))
	for _, t := range v.topics[connector] {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b cluster.TopicStatus) int { return cmp.Compare(a.Topic, b.Topic) })
	return out
}

// Topic returns the status of one topic of a connector.
func (v *statusView) Topic(connector, topic string) (t cluster.TopicStatus, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok = v.topics[connector][topic]
	return t, ok
}

// safe tells whether a status may be written although its writer may be out of date: nobody else has written, or nobody of a newer
// generation. A worker that lost a task must not report it unassigned over the RUNNING of its successor.
func (v *statusView) safe(s cluster.Status) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	old, ok := v.get(s.ID)
	return !ok || old.WorkerID == s.WorkerID || old.Generation <= s.Generation
}

// apply takes in one record; what is wrong with it is logged.
func (v *statusView) apply(offset int64, key, value []byte) {
	if string(value) == "null" {
		value = nil
	}
	if err := v.applyKey(string(key), value); err != nil {
		v.log.Warn("status record passed over", "offset", offset, "key", string(key), "error", err)
	}
}

func (v *statusView) applyKey(key string, value []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if name, ok := strings.CutPrefix(key, connectorStatusPrefix); ok {
		return v.applyConnector(name, value)
	}
	if rest, ok := strings.CutPrefix(key, taskStatusPrefix); ok {
		return v.applyTask(rest, value)
	}
	if rest, ok := strings.CutPrefix(key, topicStatusPrefix); ok {
		return v.applyTopic(rest, value)
	}
	return errors.New("unknown kind of record")
}

func (v *statusView) applyConnector(name string, value []byte) error {
	if name == "" {
		return errors.New("the connector's name is empty")
	}
	if value == nil {
		// The tasks' own tombstones may be lost with the worker that should have written them.
		delete(v.connectors, name)
		delete(v.tasks, name)
		return nil
	}
	s, err := parseStatus(connect.TaskID{Connector: name, Task: connect.ConnectorTask}, value)
	if err == nil {
		v.connectors[name] = s
	}
	return err
}

func (v *statusView) applyTask(rest string, value []byte) error {
	name, n, ok := cutTask(rest)
	if !ok {
		return errors.New("the key does not end in a task number")
	}
	if value == nil {
		delete(v.tasks[name], n)
		if len(v.tasks[name]) == 0 {
			delete(v.tasks, name)
		}
		return nil
	}
	s, err := parseStatus(connect.TaskID{Connector: name, Task: n}, value)
	if err != nil {
		return err
	}
	if v.tasks[name] == nil {
		v.tasks[name] = map[int32]cluster.Status{}
	}
	v.tasks[name][n] = s
	return nil
}

func (v *statusView) applyTopic(rest string, value []byte) error {
	topic, connector, ok := cutTopicKey(rest)
	if !ok {
		return errors.New("the key is not of the form status-topic-<topic>:connector-<name>")
	}
	if value == nil {
		delete(v.topics[connector], topic)
		if len(v.topics[connector]) == 0 {
			delete(v.topics, connector)
		}
		return nil
	}
	t, err := parseTopicStatus(value)
	if err != nil {
		return err
	}
	if v.topics[connector] == nil {
		v.topics[connector] = map[string]cluster.TopicStatus{}
	}
	v.topics[connector][topic] = t
	return nil
}
