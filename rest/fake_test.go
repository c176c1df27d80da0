package rest

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// fakeHerder is a worker without a cluster: what is put is there, and runs at once. err, if set, is the answer of every operation.
type fakeHerder struct {
	mu         sync.Mutex
	snapshot   *cluster.Snapshot
	statuses   map[connect.TaskID]cluster.Status
	topics     []cluster.TopicStatus
	offsets    []OffsetEntry
	plugins    []PluginInfo
	defs       []config.Definition
	validation Validation
	health     Health
	levels     map[string]LoggerState
	err        error
	wait       bool          // operations end with their context
	began      chan struct{} // if set, takes a value when an operation begins

	calls    []string
	put      PutRequest
	patch    map[string]*string
	tasks    []config.Props
	validate config.Props
	restart  cluster.RestartRequest
	logger   cluster.LoggerLevel
	version  string
}

func newFake() *fakeHerder {
	return &fakeHerder{
		snapshot: &cluster.Snapshot{Connectors: map[string]*cluster.ConnectorSnapshot{}},
		statuses: map[connect.TaskID]cluster.Status{},
		levels:   map[string]LoggerState{"root": {Level: "INFO"}, "runtime": {Level: "DEBUG", Changed: 1700000000000}},
	}
}

func (f *fakeHerder) do(ctx context.Context, call string) error {
	f.mu.Lock()
	f.calls = append(f.calls, call)
	wait, err := f.wait, f.err
	f.mu.Unlock()
	if f.began != nil {
		f.began <- struct{}{}
	}
	if wait {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

// add makes a running connector.
func (f *fakeHerder) add(name string, props config.Props, tasks ...config.Props) {
	f.snapshot.Connectors[name] = &cluster.ConnectorSnapshot{Name: name, Config: props, Tasks: tasks}
	f.state(name, cluster.Running)
}

func (f *fakeHerder) state(name string, s cluster.State) {
	ids := append([]connect.TaskID{{Connector: name, Task: connect.ConnectorTask}}, f.snapshot.TaskIDs(name)...)
	for _, id := range ids {
		f.statuses[id] = cluster.Status{ID: id, State: s, WorkerID: "<worker>", Version: "<version>"}
	}
}

func (f *fakeHerder) Snapshot() *cluster.Snapshot { return f.snapshot }
func (f *fakeHerder) Status(id connect.TaskID) (cluster.Status, bool) {
	s, ok := f.statuses[id]
	return s, ok
}
func (f *fakeHerder) Topics(connector string) (out []cluster.TopicStatus) {
	for _, t := range f.topics {
		if t.Connector == connector {
			out = append(out, t)
		}
	}
	return out
}
func (f *fakeHerder) ResetTopics(connector string) {
	_ = f.do(context.Background(), "ResetTopics "+connector)
}

func (f *fakeHerder) PutConnector(ctx context.Context, r PutRequest) (Put, error) {
	if err := f.do(ctx, "PutConnector "+r.Name); err != nil {
		return Put{}, err
	}
	f.put = r
	old := f.snapshot.Connectors[r.Name]
	if old != nil && r.MustBeNew {
		return Put{}, &cluster.Exists{Message: "Connector " + r.Name + " already exists"}
	}
	if old == nil {
		f.add(r.Name, r.Props)
		return Put{Created: true, Props: r.Props}, nil
	}
	f.add(r.Name, r.Props, old.Tasks...)
	return Put{Props: r.Props, Tasks: f.snapshot.TaskIDs(r.Name)}, nil
}

func (f *fakeHerder) PatchConnector(ctx context.Context, name string, patch map[string]*string) (Put, error) {
	if err := f.do(ctx, "PatchConnector "+name); err != nil {
		return Put{}, err
	}
	f.patch = patch
	c := f.snapshot.Connectors[name]
	props := maps.Clone(c.Config)
	for k, v := range patch {
		if delete(props, k); v != nil {
			props[k] = *v
		}
	}
	f.add(name, props, c.Tasks...)
	return Put{Props: props, Tasks: f.snapshot.TaskIDs(name)}, nil
}

func (f *fakeHerder) DeleteConnector(ctx context.Context, name string) error {
	return f.do(ctx, "DeleteConnector "+name)
}

func (f *fakeHerder) SetTarget(ctx context.Context, name string, s cluster.TargetState) error {
	if err := f.do(ctx, "SetTarget "+name+" "+s.String()); err != nil {
		return err
	}
	if c := f.snapshot.Connectors[name]; c != nil {
		c.Target = s
		f.state(name, map[cluster.TargetState]cluster.State{
			cluster.Started: cluster.Running, cluster.Paused: cluster.PausedSeen, cluster.Stopped: cluster.StoppedSeen,
		}[s])
	}
	return nil
}

func (f *fakeHerder) RestartConnector(ctx context.Context, name string) error {
	return f.do(ctx, "RestartConnector "+name)
}
func (f *fakeHerder) RestartTask(ctx context.Context, id connect.TaskID) error {
	return f.do(ctx, "RestartTask "+id.String())
}
func (f *fakeHerder) RestartAll(ctx context.Context, r cluster.RestartRequest) error {
	f.restart = r
	return f.do(ctx, "RestartAll "+r.Connector)
}
func (f *fakeHerder) PutTasks(ctx context.Context, name string, tasks []config.Props) error {
	f.tasks = tasks
	return f.do(ctx, "PutTasks "+name)
}
func (f *fakeHerder) Offsets(ctx context.Context, name string) ([]OffsetEntry, error) {
	return f.offsets, f.do(ctx, "Offsets "+name)
}
func (f *fakeHerder) Plugins() []PluginInfo { return f.plugins }
func (f *fakeHerder) ConnectorType(class string) string {
	switch {
	case strings.Contains(class, "Source"):
		return "source"
	case strings.Contains(class, "Sink"):
		return "sink"
	}
	return "unknown"
}
func (f *fakeHerder) PluginConfig(class, version string) ([]config.Definition, error) {
	f.version = version
	return f.defs, f.do(context.Background(), "PluginConfig "+class)
}
func (f *fakeHerder) Validate(ctx context.Context, props config.Props, _ []string) (Validation, error) {
	f.validate = props
	return f.validation, f.do(ctx, "Validate")
}
func (f *fakeHerder) SetClusterLogger(ctx context.Context, l cluster.LoggerLevel) error {
	f.logger = l
	return f.do(ctx, "SetClusterLogger")
}
func (f *fakeHerder) Loggers() Loggers       { return f }
func (f *fakeHerder) Health() Health         { return f.health }
func (f *fakeHerder) KafkaClusterID() string { return "<kafka_cluster_id>" }

func (f *fakeHerder) Levels() map[string]LoggerState { return f.levels }
func (f *fakeHerder) Level(name string) (LoggerState, bool) {
	s, ok := f.levels[name]
	return s, ok
}
func (f *fakeHerder) Set(name, level string) ([]string, bool) {
	if level == "ALL" { // a level of log4j that this one does not have
		return nil, false
	}
	f.levels[name] = LoggerState{Level: level, Changed: 1}
	return []string{name}, true
}

// newServer makes a server over h, which may be nil.
func newServer(t *testing.T, h Herder, change func(*Config)) *Server {
	t.Helper()
	cfg := Config{Listeners: []Listener{{Scheme: "http", Host: "127.0.0.1"}}, Version: "<version>", Commit: "<commit>"}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	must(t, err)
	if h != nil {
		s.Serve(h)
	}
	return s
}

// call sends one request to a handler. headers are name, value, …
func call(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "<worker>"
	if body != "" {
		r.Header.Set("Content-Type", contentJSON)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
