package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// configState is the config topic as read so far. One goroutine at a time.
type configState struct {
	log    *slog.Logger
	offset int64
	// incarnation counts the topics of this name that were read, after the first.
	incarnation int64
	sessionKey  *cluster.SessionKey
	entries     map[string]*configEntry

	published map[string]*cluster.ConnectorSnapshot // of the last snapshot, never changed
	dirty     map[string]bool                       // connectors that differ from it
	read      cluster.ConfigRead                    // since the last snapshot
	started   bool                                  // the first read is over: from now on changes are told
}

// configEntry is all that is known under a connector's name, also while no such connector exists: after compaction a target state, a
// commit or a task count may stand before the config they belong to.
type configEntry struct {
	config       config.Props // nil: no such connector
	raw          []byte       // the record config came from
	order        []string     // the keys as they stand in raw
	applied      config.Props // config as of the last complete commit
	target       cluster.TargetState
	hasTarget    bool
	deferred     map[int32]config.Props // task configs that wait for their commit; nil: none since the start or the removal
	tasks        map[int32]config.Props
	count        int32 // tasks of the last commit, -1 without one
	inconsistent bool
	taskCount    int32
	pending      bool
	generation   int64
}

func newConfigState(log *slog.Logger) *configState {
	return &configState{log: log, offset: -1, entries: map[string]*configEntry{}, dirty: map[string]bool{}}
}

func (s *configState) entry(name string) *configEntry {
	e := s.entries[name]
	if e == nil {
		e = &configEntry{count: -1, taskCount: -1}
		s.entries[name] = e
	}
	s.dirty[name] = true
	return e
}

// recreated begins with another topic of the same name. What is known stays: the work goes on, and the records of the new topic
// change it. Workers that start later know only these.
func (s *configState) recreated() {
	s.incarnation++
	s.offset = -1
}

// note adds a name to what the next ConfigRead tells.
func (s *configState) note(list *[]string, name string) {
	if s.started {
		*list = appendOnce(*list, name)
	}
}

// apply takes in one record. What is wrong with it is logged; the state remains as it was.
func (s *configState) apply(offset int64, key, value []byte) {
	// Java counts a record unless its value is no JSON; both kinds of workers have to come to the same offset.
	if value != nil && !json.Valid(value) {
		s.log.Error("config record passed over: the value is no JSON", "offset", offset, "key", string(key))
		return
	}
	s.offset = offset + 1
	if string(value) == "null" {
		value = nil
	}
	if err := s.applyKey(string(key), value); err != nil {
		s.log.Error("config record passed over", "offset", offset, "key", string(key), "error", err)
	}
}

var errNull = errors.New("the value is null")

func (s *configState) applyKey(key string, value []byte) error {
	if name, ok := strings.CutPrefix(key, targetPrefix); ok {
		return s.applyTarget(name, value)
	}
	if name, ok := strings.CutPrefix(key, connectorPrefix); ok {
		return s.applyConnector(name, value)
	}
	if value == nil {
		return errNull
	}
	if rest, ok := strings.CutPrefix(key, taskPrefix); ok {
		return s.applyTask(rest, value)
	}
	if name, ok := strings.CutPrefix(key, commitPrefix); ok {
		return s.applyCommit(name, value)
	}
	if name, ok := strings.CutPrefix(key, restartPrefix); ok {
		return s.applyRestart(name, value)
	}
	if name, ok := strings.CutPrefix(key, taskCountPrefix); ok {
		return s.applyTaskCount(name, value)
	}
	if key == sessionKeyKey {
		return s.applySessionKey(value)
	}
	if namespace, ok := strings.CutPrefix(key, loggerPrefix); ok {
		return s.applyLogger(namespace, value)
	}
	return errors.New("unknown kind of record")
}

func (s *configState) applyTarget(name string, value []byte) error {
	if value == nil {
		e := s.entry(name)
		// A connector always has a target state; without a record of its own, it is started.
		if e.config != nil && e.target != cluster.Started {
			s.note(&s.read.Targets, name)
		}
		e.target, e.hasTarget = cluster.Started, e.config != nil
		return nil
	}
	var v struct {
		State any `json:"state"`
		V2    any `json:"state.v2"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	word, ok := v.V2.(string)
	if !ok {
		// Written by a worker before 3.5.
		if word, ok = v.State.(string); !ok {
			return errors.New("neither state.v2 nor state is text")
		}
	}
	state, ok := cluster.ParseTargetState(word)
	if !ok {
		return fmt.Errorf("unknown target state %q", word)
	}
	e := s.entry(name)
	if e.config != nil && (!e.hasTarget || e.target != state) {
		s.note(&s.read.Targets, name)
	}
	e.target, e.hasTarget = state, true
	return nil
}

func (s *configState) applyConnector(name string, value []byte) error {
	if value == nil {
		e := s.entry(name)
		e.config, e.raw, e.applied, e.tasks, e.deferred, e.count = nil, nil, nil, nil, nil, -1
		s.read.Updated = without(s.read.Updated, name)
		s.note(&s.read.Removed, name)
		return nil
	}
	props, err := parseProps(value)
	if err != nil {
		return err
	}
	e := s.entry(name)
	e.config, e.raw, e.order = props, bytes.Clone(value), keyOrder(value)
	if !e.hasTarget {
		e.target, e.hasTarget = cluster.Started, true
	}
	s.read.Removed = without(s.read.Removed, name)
	s.note(&s.read.Updated, name)
	return nil
}

func (s *configState) applyTask(rest string, value []byte) error {
	connector, n, ok := cutTask(rest)
	if !ok {
		return errors.New("the key does not end in a task number")
	}
	props, err := parseProps(value)
	if err != nil {
		return err
	}
	e := s.entry(connector)
	if e.deferred == nil {
		e.deferred = map[int32]config.Props{}
	}
	e.deferred[n] = props
	return nil
}

func (s *configState) applyCommit(name string, value []byte) error {
	count, err := parseCount(value, "tasks")
	if err != nil {
		return err
	}
	e := s.entry(name)
	e.inconsistent = false
	for i := range count {
		// More task configs than counted are fine: compaction keeps those of an earlier, larger commit.
		if _, ok := e.deferred[i]; !ok {
			e.inconsistent = true
			break
		}
	}
	if !e.inconsistent && e.deferred != nil {
		if e.tasks == nil {
			e.tasks = map[int32]config.Props{}
		}
		maps.Copy(e.tasks, e.deferred)
		e.generation++
	}
	if !e.inconsistent {
		e.applied = e.config
	}
	// Also after an incomplete commit: the next one has to bring all its task configs itself.
	clear(e.deferred)
	e.count, e.pending = count, true
	s.note(&s.read.Tasks, name)
	return nil
}

func (s *configState) applyRestart(name string, value []byte) error {
	var v map[string]any
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	// Fields that are missing or no booleans count as false, as in Kafka Connect.
	onlyFailed, _ := v["only-failed"].(bool)
	includeTasks, _ := v["include-tasks"].(bool)
	if !s.started {
		return nil // a request of the past
	}
	s.read.Restarts = append(s.read.Restarts, cluster.RestartRequest{Connector: name, OnlyFailed: onlyFailed, IncludeTasks: includeTasks})
	return nil
}

func (s *configState) applyTaskCount(name string, value []byte) error {
	count, err := parseCount(value, "task-count")
	if err != nil {
		return err
	}
	e := s.entry(name)
	e.taskCount, e.pending = count, false
	s.note(&s.read.Fenced, name)
	return nil
}

func (s *configState) applySessionKey(value []byte) error {
	var v struct {
		Key       *string `json:"key"`
		Algorithm *string `json:"algorithm"`
		Created   *int64  `json:"creation-timestamp"`
	}
	if json.Unmarshal(value, &v) != nil || v.Key == nil || v.Algorithm == nil || v.Created == nil {
		return errors.New("no session key") // the error of Unmarshal could quote the key
	}
	key, err := base64.StdEncoding.DecodeString(*v.Key)
	if err != nil {
		return errors.New("the session key is no base64")
	}
	s.sessionKey = &cluster.SessionKey{Key: key, Algorithm: *v.Algorithm, Created: *v.Created}
	s.read.SessionKey = s.sessionKey
	return nil
}

func (s *configState) applyLogger(namespace string, value []byte) error {
	var v struct {
		Level *string `json:"level"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	if v.Level == nil {
		return errors.New("level is missing")
	}
	if !s.started {
		return nil // the level of an earlier life of the cluster (KIP-976)
	}
	s.read.Loggers = append(s.read.Loggers, cluster.LoggerLevel{Namespace: namespace, Level: *v.Level})
	return nil
}

// snapshot makes the snapshot of now and takes what was read since the last one. Its cost is that of the connectors that changed, and
// one copy of the map of pointers if any did.
func (s *configState) snapshot() (*cluster.Snapshot, cluster.ConfigRead) {
	if len(s.dirty) > 0 || s.published == nil {
		next := make(map[string]*cluster.ConnectorSnapshot, len(s.published)+len(s.dirty))
		maps.Copy(next, s.published)
		for name := range s.dirty {
			if c := s.entries[name].snapshot(name); c != nil {
				next[name] = c
			} else {
				delete(next, name)
			}
		}
		s.published = next
		clear(s.dirty)
	}
	snap := &cluster.Snapshot{Offset: s.offset, Incarnation: s.incarnation, SessionKey: s.sessionKey, Connectors: s.published}
	read := s.read
	read.Snapshot, read.Offset = snap, s.offset
	s.read = cluster.ConfigRead{}
	return snap, read
}

func (e *configEntry) snapshot(name string) *cluster.ConnectorSnapshot {
	if e.config == nil {
		return nil
	}
	c := &cluster.ConnectorSnapshot{
		Name: name, Config: e.config, Order: e.order, Applied: e.applied, Target: e.target, Inconsistent: e.inconsistent,
		TaskCountRecord: e.taskCount, PendingFencing: e.pending, Generation: e.generation,
	}
	if !e.inconsistent && e.count > 0 {
		c.Tasks = make([]config.Props, e.count)
		for i := range c.Tasks {
			c.Tasks[i] = e.tasks[int32(i)]
		}
	}
	return c
}

// join adds a later read to an earlier one that nobody took.
func join(a, b cluster.ConfigRead) cluster.ConfigRead {
	for _, n := range b.Updated {
		a.Removed, a.Updated = without(a.Removed, n), appendOnce(a.Updated, n)
	}
	for _, n := range b.Removed {
		a.Updated, a.Removed = without(a.Updated, n), appendOnce(a.Removed, n)
	}
	for _, n := range b.Tasks {
		a.Tasks = appendOnce(a.Tasks, n)
	}
	for _, n := range b.Targets {
		a.Targets = appendOnce(a.Targets, n)
	}
	for _, n := range b.Fenced {
		a.Fenced = appendOnce(a.Fenced, n)
	}
	a.Restarts = append(a.Restarts, b.Restarts...)
	a.Loggers = append(a.Loggers, b.Loggers...)
	if b.SessionKey != nil {
		a.SessionKey = b.SessionKey
	}
	a.Snapshot, a.Offset = b.Snapshot, b.Offset
	return a
}

func appendOnce(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

func without(list []string, name string) []string {
	return slices.DeleteFunc(list, func(n string) bool { return n == name })
}

// parseProps reads {"properties":{…}}. Nulls are left out; numbers and booleans, which nobody should write, become their text.
func parseProps(value []byte) (config.Props, error) {
	var v struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return nil, errors.New("not of the form {\"properties\":{…}}") // the error of Unmarshal could quote a password
	}
	if v.Properties == nil {
		return nil, errors.New("properties is missing")
	}
	props := make(config.Props, len(v.Properties))
	for k, raw := range v.Properties {
		switch {
		case string(raw) == "null":
		case len(raw) > 0 && raw[0] == '"':
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				return nil, fmt.Errorf("property %q is no text", k)
			}
			props[k] = s
		default:
			props[k] = string(raw)
		}
	}
	return props, nil
}

// parseCount reads a whole number field of a record.
func parseCount(value []byte, field string) (int32, error) {
	var v map[string]json.RawMessage
	if err := json.Unmarshal(value, &v); err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(v[field]), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0, fmt.Errorf("%s is no number of tasks: %q", field, v[field])
	}
	return int32(n), nil
}

// cutTask splits "<connector>-<task>" at the last hyphen.
func cutTask(s string) (connector string, task int32, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return "", 0, false
	}
	n, err := strconv.ParseInt(s[i+1:], 10, 32)
	if err != nil || n < 0 {
		return "", 0, false
	}
	return s[:i], int32(n), true
}
