package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

func TestConfigBodies(t *testing.T) {
	for _, c := range []struct {
		name, body string
		order      []string
		props      config.Props
		answer     string // its config
	}{
		{
			"numbers and booleans become their text", `{"connector.class":"A","i":1,"f":1.50,"e":1E5,"b":true,"s":"1"}`,
			[]string{"connector.class", "i", "f", "e", "b", "s", "name"},
			config.Props{"connector.class": "A", "i": "1", "f": "1.50", "e": "1E5", "b": "true", "s": "1", "name": "c"},
			`{"connector.class":"A","i":"1","f":"1.50","e":"1E5","b":"true","s":"1","name":"c"}`,
		},
		{
			"null is absent, and shown once", `{"z":null,"a":"b"}`,
			[]string{"z", "a", "name"}, config.Props{"a": "b", "name": "c"}, `{"z":null,"a":"b","name":"c"}`,
		},
		{
			"a null name is set in its place", `{"name":null,"a":"b"}`,
			[]string{"name", "a"}, config.Props{"a": "b", "name": "c"}, `{"name":"c","a":"b"}`,
		},
		{
			"the last of two counts", `{"a":"1","b":"2","a":"3"}`,
			[]string{"a", "b", "name"}, config.Props{"a": "3", "b": "2", "name": "c"}, `{"a":"3","b":"2","name":"c"}`,
		},
		{
			"nothing is escaped for HTML", "\ufeff" + `{"a":"<&>\u00e9\n"}`,
			[]string{"a", "name"}, config.Props{"a": "<&>é\n", "name": "c"}, `{"a":"<&>é\n","name":"c"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []struct{ method, path, body string }{
				{"PUT", "/connectors/c/config", c.body},
				{"POST", "/connectors", `{"name":" c ","config":` + strings.TrimPrefix(c.body, "\ufeff") + `}`},
			} {
				f := newFake()
				w := call(newServer(t, f, nil).Handler(), r.method, r.path, r.body, "Content-Type", "application/json; charset=utf-8")
				equal(t, 201, w.Code, w.Body.String())
				equal(t, c.order, f.put.Order)
				equal(t, c.props, f.put.Props)
				equal(t, r.method == "POST", f.put.MustBeNew)
				equal(t, `{"name":"c","config":`+c.answer+`,"tasks":[],"type":"unknown"}`, w.Body.String())
			}
		})
	}
}

func TestInitialState(t *testing.T) {
	state := func(s cluster.TargetState) *cluster.TargetState { return &s }
	for word, want := range map[string]*cluster.TargetState{
		`"RUNNING"`: state(cluster.Started), `"paused"`: state(cluster.Paused), `"Stopped"`: state(cluster.Stopped), "null": nil,
	} {
		f := newFake()
		w := call(newServer(t, f, nil).Handler(), "POST", "/connectors", `{"name":"c","config":{},"initial_state":`+word+`}`)
		equal(t, 201, w.Code, word)
		equal(t, want, f.put.Initial, word)
	}
}

// Bad bodies are 400 wherever a body is read, and say why; the herder is not asked.
func TestBadBodies(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{"", "no body"},
		{" \n", "no body"},
		{"null", "is null"},
		{"{", "not valid JSON: unexpected end of JSON input at line 1, column 1"},
		{"{\n \"a\": b}", "at line 2, column 7"},
		{"{} x", "not valid JSON"},
		{"[]", "must be a JSON object, but is a list"},
		{"1", "must be a JSON object, but is a number"},
		{`"x"`, "must be a JSON object, but is a text"},
		{"true", "must be a JSON object, but is a boolean"},
		{"{\"a\":\"\xff\"}", "not valid UTF-8"},
		{strings.Repeat("[", 20000), "not valid JSON"},
		{`{"a":{"b":1}}`, `but is an object|Unrecognized field`},
		{`{"a":[1]}`, `but is a list|Unrecognized field`},
	} {
		for _, r := range []struct{ method, path string }{
			{"POST", "/connectors"}, {"PUT", "/connectors/c/config"}, {"PATCH", "/connectors/c/config"},
			{"PUT", "/connector-plugins/p/config/validate"}, {"PUT", "/admin/loggers/x"},
		} {
			f := newFake()
			w := call(newServer(t, f, nil).Handler(), r.method, r.path, c.body)
			equal(t, 400, w.Code, r.path, c.body)
			var m api.ErrorMessage
			must(t, json.Unmarshal(w.Body.Bytes(), &m))
			if !slices.ContainsFunc(strings.Split(c.want, "|"), func(want string) bool { return strings.Contains(m.Message, want) }) {
				t.Errorf("%s %s: %q", r.method, r.path, m.Message)
			}
			equal(t, 0, len(f.calls), r.path, c.body)
		}
	}
}

func TestBadCreateRequests(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{}`, `has no "config"`},
		{`{"name":"c"}`, `has no "config"`},
		{`{"name":"c","config":null}`, `has no "config"`},
		{`{"name":"c","config":[]}`, `"config" of the request body: must be a JSON object, but is a list`},
		{`{"name":{},"config":{}}`, `"name" of the request body`},
		{`{"name":"c","config":{"a":{}}}`, `"config" of the request body: "a": must be a text`},
		{`{"Name":"c","config":{}}`, `Unrecognized field "Name" (3 known properties: "config", "name", "initial_state")`},
		{`{"name":"c","config":{},"initial_state":"BOGUS"}`, `must be one of RUNNING, PAUSED, STOPPED`},
		{`{"name":"c","config":{},"initial_state":[]}`, `"initial_state" of the request body`},
		{`{"name":"c","config":{"name":"d"}}`, `Connector name configuration (d) doesn't match connector name in the URL (c)`},
	} {
		f := newFake()
		w := call(newServer(t, f, nil).Handler(), "POST", "/connectors", c.body)
		equal(t, 400, w.Code, c.body)
		var m api.ErrorMessage
		must(t, json.Unmarshal(w.Body.Bytes(), &m))
		contains(t, m.Message, c.want)
		equal(t, 0, len(f.calls), c.body)
	}
}

func TestNames(t *testing.T) {
	for path, name := range map[string]string{
		"/connectors/a%2Fb": "a/b", "/connectors/a%20b/": "a b", "/connectors/%C3%A9%E2%82%AC": "é€", "/connectors/a+b": "a+b",
		"/connectors/a%25b": "a%b", "/connectors/..%2F..": "../..", "/connectors/a%3Fb": "a?b",
	} {
		f := newFake()
		f.add(name, config.Props{"name": name})
		w := call(newServer(t, f, nil).Handler(), "GET", path, "")
		equal(t, 200, w.Code, path)
		var info api.ConnectorInfo
		must(t, json.Unmarshal(w.Body.Bytes(), &info))
		equal(t, name, info.Name)
	}
	h := newServer(t, newFake(), nil).Handler()
	for path, status := range map[string]int{
		"/connectors//config": 400, "//connectors": 400, "/connectors/a/config//": 400, "/connectors/%2e": 400, "/connectors/%ff": 400,
		"/connectors/a%0a": 400, "/connectors/a/b/c": 404, "/connectorss": 404, "/%63onnectors": 404, "/connectors;a=b": 200, "/connectors/.": 404,
	} {
		equal(t, status, call(h, "GET", path, "").Code, path)
	}
}

func TestPatchKeepsNulls(t *testing.T) {
	f := newFake()
	f.add("c", config.Props{"a": "1", "b": "2"})
	w := call(newServer(t, f, nil).Handler(), "PATCH", "/connectors/c/config", `{"a":null,"n":5}`)
	equal(t, 200, w.Code)
	five := "5"
	equal(t, map[string]*string{"a": nil, "n": &five}, f.patch)
}

func TestStatusShowsTraces(t *testing.T) {
	f := newFake()
	f.add("c", config.Props{"connector.class": "ASink"}, config.Props{}, config.Props{})
	id := f.snapshot.TaskIDs("c")[1]
	f.statuses[id] = cluster.Status{ID: id, State: cluster.Failed, WorkerID: "w:1", Trace: "boom\n\tat x"}
	delete(f.statuses, f.snapshot.TaskIDs("c")[0])
	h := newServer(t, f, nil).Handler()
	const failed = `{"id":1,"state":"FAILED","worker_id":"w:1","version":null,"trace":"boom\n\tat x"}`
	equal(t, `{"name":"c","connector":{"state":"RUNNING","worker_id":"<worker>","version":"<version>"},"tasks":[`+failed+`],"type":"sink"}`,
		call(h, "GET", "/connectors/c/status", "").Body.String())
	equal(t, failed, call(h, "GET", "/connectors/c/tasks/1/status", "").Body.String())
	for path, message := range map[string]string{
		"/connectors/c/tasks/0/status": "No status found for task c-0", "/connectors/c/tasks/-1/status": "No status found for task c--1",
		"/connectors/c/tasks/99999999999/status": "HTTP 404 Not Found",
	} {
		w := call(h, "GET", path, "")
		equal(t, 404, w.Code, path)
		contains(t, w.Body.String(), message)
	}
	equal(t, 404, call(h, "POST", "/connectors/c/tasks/-1/restart", "").Code, "the connector instance is no task")
}

// TestStatusShowsProgress: beside a task's other fields, everywhere a status is; not in the plan of a restart.
func TestStatusShowsProgress(t *testing.T) {
	f := newFake()
	f.add("c", config.Props{"connector.class": "ASource"}, config.Props{})
	id := f.snapshot.TaskIDs("c")[0]
	f.statuses[id] = cluster.Status{ID: id, State: cluster.Running, WorkerID: "w:1", Version: "v", Progress: `{"phase":"snapshot","rows":5}`}
	h := newServer(t, f, nil).Handler()
	const task = `{"id":0,"state":"RUNNING","worker_id":"w:1","version":"v","progress":{"phase":"snapshot","rows":5}}`
	const status = `{"name":"c","connector":{"state":"RUNNING","worker_id":"<worker>","version":"<version>"},"tasks":[` + task + `],"type":"source"}`
	equal(t, task, call(h, "GET", "/connectors/c/tasks/0/status", "").Body.String())
	equal(t, status, call(h, "GET", "/connectors/c/status", "").Body.String())
	equal(t, `{"c":{"status":`+status+`}}`, call(h, "GET", "/connectors?expand=status", "").Body.String())
	if plan := call(h, "POST", "/connectors/c/restart?includeTasks=true", "").Body.String(); strings.Contains(plan, "progress") {
		t.Error(plan)
	}
}

func TestRestartPlan(t *testing.T) {
	for query, want := range map[string][3]string{ // connector, a running task, a failed task
		"?includeTasks=true":                 {"RESTARTING", "RESTARTING", "RESTARTING"},
		"?includeTasks=true&onlyFailed=true": {"RUNNING", "RUNNING", "RESTARTING"},
		"?onlyFailed=true":                   {"RUNNING", "RUNNING", "FAILED"},
	} {
		f := newFake()
		f.add("c", config.Props{}, config.Props{}, config.Props{})
		id := f.snapshot.TaskIDs("c")[1]
		f.statuses[id] = cluster.Status{ID: id, State: cluster.Failed}
		w := call(newServer(t, f, nil).Handler(), "POST", "/connectors/c/restart"+query, "")
		equal(t, 202, w.Code, query)
		var st api.ConnectorStateInfo
		must(t, json.Unmarshal(w.Body.Bytes(), &st))
		equal(t, want, [3]string{st.Connector.State, st.Tasks[0].State, st.Tasks[1].State}, query)
		equal(t, []string{"RestartAll c"}, f.calls)
	}
	w := call(newServer(t, newFake(), nil).Handler(), "POST", "/connectors/c/restart?includeTasks=true", "")
	equal(t, 404, w.Code)
	contains(t, w.Body.String(), "Status for connector c not found")
}

func TestExpandLeavesOutWhatHasNoStatus(t *testing.T) {
	f := newFake()
	f.add("a", config.Props{"connector.class": "ASource"})
	f.snapshot.Connectors["b"] = &cluster.ConnectorSnapshot{Name: "b", Config: config.Props{}}
	h := newServer(t, f, nil).Handler()
	equal(t, `["a","b"]`, call(h, "GET", "/connectors", "").Body.String())
	equal(t, `{"a":{"status":{"name":"a","connector":{"state":"RUNNING","worker_id":"<worker>","version":"<version>"},"tasks":[],"type":"source"}}}`,
		call(h, "GET", "/connectors?expand=status", "").Body.String())
	equal(t, `{"a":{"info":{"name":"a","config":{"connector.class":"ASource"},"tasks":[],"type":"source"}},"b":{"info":{"name":"b","config":{},"tasks":[],"type":"unknown"}}}`,
		call(h, "GET", "/connectors?expand=info", "").Body.String())
}

func TestTopics(t *testing.T) {
	f := newFake()
	f.topics = []cluster.TopicStatus{{Topic: "z", Connector: "c"}, {Topic: "a", Connector: "c"}, {Topic: "a", Connector: "c", Task: 1}, {Topic: "q", Connector: "d"}}
	equal(t, `{"c":{"topics":["a","z"]}}`, call(newServer(t, f, nil).Handler(), "GET", "/connectors/c/topics", "").Body.String())
	w := call(newServer(t, f, nil).Handler(), "PUT", "/connectors/c/topics/reset", "")
	equal(t, 202, w.Code)
	equal(t, []string{"ResetTopics c"}, f.calls)
	off := newServer(t, f, func(c *Config) { c.TopicTrackingOff = true }).Handler()
	noReset := newServer(t, f, func(c *Config) { c.TopicResetOff = true }).Handler()
	for _, c := range []struct {
		h            http.Handler
		method, path string
		status       int
		message      string
	}{
		{off, "GET", "/connectors/c/topics", 403, "Topic tracking is disabled."},
		{off, "PUT", "/connectors/c/topics/reset", 403, "Topic tracking is disabled."},
		{noReset, "PUT", "/connectors/c/topics/reset", 403, "Topic tracking reset is disabled."},
		{noReset, "GET", "/connectors/c/topics", 200, "topics"},
	} {
		w := call(c.h, c.method, c.path, "")
		equal(t, c.status, w.Code, c.path)
		contains(t, w.Body.String(), c.message)
	}
}

type offsetsHerder struct {
	*fakeHerder
	entries []OffsetEntry
}

func (f *offsetsHerder) AlterOffsets(ctx context.Context, name string, e []OffsetEntry, dry bool) (OffsetsChange, error) {
	if dry {
		return OffsetsChange{Changes: []OffsetDiff{{Partition: e[0].Partition, To: e[0].Offset}}}, f.do(ctx, "dry AlterOffsets "+name)
	}
	f.entries = e
	return OffsetsChange{Message: "altered"}, f.do(ctx, "AlterOffsets "+name)
}

func (f *offsetsHerder) ResetOffsets(ctx context.Context, name string, dry bool) (OffsetsChange, error) {
	if dry {
		return OffsetsChange{}, f.do(ctx, "dry ResetOffsets "+name)
	}
	return OffsetsChange{Message: "reset"}, f.do(ctx, "ResetOffsets "+name)
}

func TestOffsets(t *testing.T) {
	f := newFake()
	f.add("c", config.Props{})
	f.snapshot.Connectors["c"].Target = cluster.Stopped
	f.add("running", config.Props{})
	without := newServer(t, f, nil).Handler()
	writer := &offsetsHerder{fakeHerder: f}
	with := newServer(t, writer, nil).Handler()
	const entry = `{"offsets":[{"partition":{"p":12345678901234567890},"offset":{"o":1.0}},{"partition":{},"offset":null}]}`
	for _, c := range []struct {
		h                  http.Handler
		method, path, body string
		status             int
		want               string
	}{
		{without, "GET", "/connectors/c/offsets", "", 200, `{"offsets":[]}`},
		{without, "PATCH", "/connectors/c/offsets", entry, 501, "Altering offsets is not supported yet"},
		{without, "DELETE", "/connectors/c/offsets", "", 501, "Resetting offsets is not supported yet"},
		{with, "PATCH", "/connectors/c/offsets", entry, 200, `{"message":"altered"}`},
		{with, "DELETE", "/connectors/c/offsets", "", 200, `{"message":"reset"}`},
		{with, "PATCH", "/connectors/c/offsets?dryRun=true", entry, 200, `{"message":"Dry run: nothing was changed","dry_run":true,"changes":[{"partition":{"p":12345678901234567890},"from":null,"to":{"o":1.0}}]}`},
		{with, "DELETE", "/connectors/c/offsets?dryRun=true", "", 200, `"dry_run":true,"changes":[]`},
		{with, "DELETE", "/connectors/running/offsets?dryRun=true", "", 400, "'/connectors/running/stop' endpoint"},
		{with, "DELETE", "/connectors/running/offsets", "", 400, "'/connectors/running/stop' endpoint"},
		{with, "PATCH", "/connectors/nope/offsets", entry, 404, "Connector nope not found"},
		{with, "PATCH", "/connectors/c/offsets", "", 400, "no body"},
		{with, "PATCH", "/connectors/c/offsets", `{"offsets":[]}`, 400, "Partitions / offsets need to be provided for an alter offsets request"},
		{with, "PATCH", "/connectors/c/offsets", `{}`, 400, "Partitions / offsets need to be provided"},
		{with, "PATCH", "/connectors/c/offsets", `{"offsets":[{"partition":{},"offset":null,"x":1}]}`, 400, "unknown field"},
		{with, "PATCH", "/connectors/c/offsets", `{"offsets":[{"partition":[],"offset":{}}]}`, 400, "offsets[0] must have a partition"},
		{with, "PATCH", "/connectors/c/offsets", `{"offsets":[{"partition":{},"offset":[]}]}`, 400, "offsets[0] must have a partition"},
		{with, "PATCH", "/connectors/c/offsets", `{"offsets":{}}`, 400, "list offsets"},
	} {
		w := call(c.h, c.method, c.path, c.body)
		equal(t, c.status, w.Code, c.method, c.body)
		contains(t, w.Body.String(), c.want)
	}
	equal(t, []OffsetEntry{{Partition: json.RawMessage(`{"p":12345678901234567890}`), Offset: json.RawMessage(`{"o":1.0}`)}, {Partition: json.RawMessage("{}")}}, writer.entries)
	f.offsets = []OffsetEntry{{Partition: json.RawMessage(`{"b":1,"a":"<"}`)}}
	equal(t, `{"offsets":[{"partition":{"b":1,"a":"<"},"offset":null}]}`, call(with, "GET", "/connectors/c/offsets", "").Body.String())
}

func TestPlugins(t *testing.T) {
	f := newFake()
	f.plugins = []PluginInfo{{Class: "A", Type: "sink", Version: "1"}, {Class: "T", Type: "transformation"}}
	h := newServer(t, f, nil).Handler()
	equal(t, `[{"class":"A","type":"sink","version":"1"}]`, call(h, "GET", "/connector-plugins/", "").Body.String())
	equal(t, `[{"class":"A","type":"sink","version":"1"},{"class":"T","type":"transformation"}]`, call(h, "GET", "/connector-plugins?connectorsOnly=false", "").Body.String())
	equal(t, `[]`, call(h, "GET", "/connector-plugins/A/config?version=2", "").Body.String())
	equal(t, "2", f.version)
	f.validation = Validation{Name: "A", Configs: []config.KeyResult{{Name: "x"}}}
	const answer = `{"name":"A","error_count":0,"groups":[],"configs":[{"definition":null,"value":{"name":"x","value":null,"recommended_values":[],"errors":[],"visible":false}}]}`
	for class, status := range map[string]int{"org.A": 200, "org.AConnector": 200, "A": 200, "org.B": 400, "Connector": 400} {
		w := call(h, "PUT", "/connector-plugins/AConnector/config/validate", `{"connector.class":"`+class+`","n":1,"z":null}`)
		equal(t, status, w.Code, class)
		if status == 200 {
			equal(t, answer, w.Body.String())
			equal(t, config.Props{"connector.class": class, "n": "1"}, f.validate)
		}
	}
}

func TestLoggers(t *testing.T) {
	f := newFake()
	h := newServer(t, f, nil).Handler()
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/admin/loggers", "", 200, `{"root":{"level":"INFO","last_modified":null},"runtime":{"level":"DEBUG","last_modified":1700000000000}}`},
		{"GET", "/admin/loggers/root", "", 200, `{"level":"INFO","last_modified":null}`},
		{"GET", "/admin/loggers/com.acme.nope", "", 404, `{"error_code":404,"message":"Logger com.acme.nope not found."}`},
		{"PUT", "/admin/loggers/a", `{"level":"NOPE"}`, 404, `{"error_code":404,"message":"invalid log level 'NOPE'."}`},
		{"PUT", "/admin/loggers/a", `{"level":"ALL"}`, 404, `{"error_code":404,"message":"invalid log level 'ALL'."}`},
		{"PUT", "/admin/loggers/a", `{}`, 400, `{"error_code":400,"message":"Desired 'level' parameter was not specified in request."}`},
		{"PUT", "/admin/loggers/a", `{"level":"warn"}`, 200, `["a"]`},
		{"PUT", "/admin/loggers/b?scope=galaxy", `{"level":"WARN"}`, 200, `["b"]`},
		{"PUT", "/admin/loggers/b?scope=Cluster", `{"level":"NOPE"}`, 404, `{"error_code":404,"message":"invalid log level 'NOPE'."}`},
		{"PUT", "/admin/loggers/b?scope=Cluster", `{"level":"TRACE"}`, 204, ""},
	} {
		w := call(h, c.method, c.path, c.body)
		equal(t, c.status, w.Code, c.path, c.body)
		equal(t, c.want, w.Body.String(), c.path, c.body)
	}
	equal(t, cluster.LoggerLevel{Namespace: "b", Level: "TRACE"}, f.logger)
	for _, change := range []func(*Config){
		func(c *Config) { c.AdminOff = true }, func(c *Config) { c.AdminListeners = c.Listeners },
	} {
		equal(t, 404, call(newServer(t, f, change).Handler(), "GET", "/admin/loggers", "").Code)
	}
}

func TestNegotiation(t *testing.T) {
	h := newServer(t, newFake(), nil).Handler()
	for accept, status := range map[string]int{
		"": 200, "*/*": 200, "application/json": 200, "text/html, application/*;q=0.5": 200, "application/json; q=0.0": 200, "application/json;q=x": 400, ",": 400, "*/json": 200, "text/html": 406,
		"application/json;charset=utf-8": 200, "text/html;q=0,*/*;q=0.1": 200,
	} {
		w := call(h, "GET", "/connectors", "", "Accept", accept)
		equal(t, status, w.Code, accept)
	}
	for contentType, status := range map[string]int{
		"": 415, "*/*": 415, "application/json": 201, "Application/JSON;charset=UTF-8": 201, "text/plain": 415, "application/x-www-form-urlencoded": 415,
	} {
		w := call(h, "PUT", "/connectors/c"+fmt.Sprint(len(contentType))+"/config", "{}", "Content-Type", contentType)
		equal(t, status, w.Code, contentType)
	}
	w := call(h, "PUT", "/connectors/c/pause", "", "Content-Type", "application/x-www-form-urlencoded")
	equal(t, 415, w.Code)
	equal(t, 202, call(h, "PUT", "/connectors/c/pause", "", "Content-Type", "").Code)
	equal(t, "application/json;charset=utf-8", call(h, "GET", "/connectors", "", "Accept", "application/json;charset=utf-8;q=1").Header().Get("Content-Type"))
	for accept, want := range map[string]string{
		"": "", "*/*": "HEAD, GET, OPTIONS", "application/json": "", "text/html": "", "text/plain;q=0.1,application/json": "", "text/*": "HEAD, GET, OPTIONS",
	} {
		equal(t, want, call(h, "OPTIONS", "/", "", "Accept", accept).Body.String(), accept)
	}
	equal(t, "HEAD,GET,OPTIONS", call(h, "OPTIONS", "/", "").Header().Get("Allow"))
}

// FuzzRequest: no bytes make the server fail.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`{"name":"c","config":{"a":1},"initial_state":"PAUSED"}`, `{"offsets":[{"partition":{"a":1},"offset":null}]}`, `{"level":"INFO"}`,
		"[]", "null", "{", `{"a":{"b":[]}}`, "\xff", `{"a":"\ud800"}`, `[{"a":"b"}]`, "\ufeff{}", `{"name":5,"config":{"x":1e999}}`, "",
	} {
		for i := range routes {
			f.Add(i, body, "c")
		}
	}
	f.Fuzz(func(t *testing.T, n int, body, name string) {
		fake := &offsetsHerder{fakeHerder: newFake()}
		fake.add("c", config.Props{"connector.class": "ASource"}, config.Props{})
		fake.snapshot.Connectors["c"].Target = cluster.Stopped
		r := routes[(n%len(routes)+len(routes))%len(routes)]
		if name == "" { // another route
			name = "c"
		}
		path := r.Path
		for _, p := range []string{"{connector}", "{plugin}", "{logger}", "{task}"} {
			path = strings.ReplaceAll(path, p, url.PathEscape(name))
		}
		if r.Method == http.MethodPatch { // the fake patches what is there
			path = strings.ReplaceAll(r.Path, "{connector}", "c")
		}
		s := newServer(t, fake, func(c *Config) { c.Unsigned = func() bool { return true } })
		w := call(s.Handler(), r.Method, path, body)
		if w.Code >= 500 && w.Code != http.StatusNotImplemented {
			t.Fatalf("%s %s with %q: %d %s", r.Method, path, body, w.Code, w.Body)
		}
		if !slices.Contains(r.Statuses, w.Code) && w.Code != 404 {
			t.Fatalf("%s %s with %q: %d is not in the table", r.Method, path, body, w.Code)
		}
		if w.Body.Len() > 0 && (!json.Valid(w.Body.Bytes()) || !utf8.Valid(w.Body.Bytes())) {
			t.Fatalf("%s %s with %q: %q", r.Method, path, body, w.Body)
		}
		if w.Code == http.StatusCreated && utf8.ValidString(body) {
			for k, v := range fake.put.Props {
				if fake.put.Order == nil || !slices.Contains(fake.put.Order, k) {
					t.Fatalf("%q=%q is not in the order of keys", k, v)
				}
			}
		}
	})
}
