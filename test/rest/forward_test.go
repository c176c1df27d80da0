//go:build integration

package rest

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// forwardStep is a call about connector {name} that only the leader, or whoever runs a task, can carry out.
type forwardStep struct {
	method, path, body string
	// await is the state of {name} before the call, tasks the number of its tasks then.
	await string
	tasks int
	// ours is a call that Java does not have.
	ours bool
}

const fileSource = `"connector.class":"org.apache.kafka.connect.file.FileStreamSourceConnector","tasks.max":"1","file":"{dir}/in.txt","topic":"{name}"`

const fileOffsets = `{"offsets":[{"partition":{"filename":"{dir}/in.txt"},"offset":{"position":4}}]}`

var forwardSteps = []forwardStep{
	{method: "POST", path: "/connectors", body: `{"name":"{name}","config":{` + fileSource + `}}`},
	{method: "POST", path: "/connectors", body: `{"name":"{name}","config":{` + fileSource + `}}`, await: "RUNNING", tasks: 1},
	{method: "POST", path: "/connectors", body: `{"name":"{name}-bad","config":{` + fileSource + `,"tasks.max":"none"}}`},
	{method: "PUT", path: "/connectors/{name}/config", body: `{` + fileSource + `}`},
	{method: "PUT", path: "/connectors/{name}-2/config", body: `{` + fileSource + `}`},
	{method: "PATCH", path: "/connectors/{name}/config", body: `{"batch.size":"100"}`, await: "RUNNING", tasks: 1},
	{method: "PATCH", path: "/connectors/{name}-none/config", body: `{"batch.size":"100"}`},
	{method: "PUT", path: "/connectors/{name}/pause", await: "RUNNING", tasks: 1},
	{method: "PUT", path: "/connectors/{name}-none/pause"},
	{method: "PUT", path: "/connectors/{name}/resume", await: "PAUSED", tasks: 1},
	{method: "POST", path: "/connectors/{name}/restart", await: "RUNNING", tasks: 1},
	{method: "POST", path: "/connectors/{name}/restart?onlyFailed=true", await: "RUNNING", tasks: 1},
	{method: "POST", path: "/connectors/{name}/restart?includeTasks=true&onlyFailed=false", await: "RUNNING", tasks: 1},
	{method: "POST", path: "/connectors/{name}-none/restart?includeTasks=true"},
	{method: "POST", path: "/connectors/{name}/tasks/0/restart", await: "RUNNING", tasks: 1},
	{method: "POST", path: "/connectors/{name}/tasks/9/restart"},
	{method: "PATCH", path: "/connectors/{name}/offsets", body: fileOffsets, await: "RUNNING", tasks: 1},
	{method: "PUT", path: "/connectors/{name}/topics/reset"},
	{method: "PUT", path: "/connectors/{name}/stop"},
	{method: "PATCH", path: "/connectors/{name}/offsets?dryRun=true", body: fileOffsets, await: "STOPPED", ours: true},
	{method: "PATCH", path: "/connectors/{name}/offsets", body: fileOffsets, await: "STOPPED"},
	{method: "DELETE", path: "/connectors/{name}/offsets?dryRun=true", ours: true},
	{method: "DELETE", path: "/connectors/{name}/offsets"},
	{method: "DELETE", path: "/connectors/{name}-none/offsets"},
	{method: "PUT", path: "/admin/loggers/org.apache.kafka.connect.runtime?scope=cluster", body: `{"level":"INFO"}`},
	{method: "DELETE", path: "/connectors/{name}-2"},
	{method: "DELETE", path: "/connectors/{name}"},
	{method: "DELETE", path: "/connectors/{name}"},
}

// TestForward: a follower of either kind answers as its leader of either kind does, and a request finds its way when the leader dies.
func TestForward(t *testing.T) {
	props := map[string]string{"session.timeout.ms": "6000", "heartbeat.interval.ms": "500", "scheduled.rebalance.max.delay.ms": "0"}
	g := process.NewGroup(t, process.Config{Binary: binary, Props: props})
	j := g.NewJava(props)
	a, b := g.Add(), g.Add()
	j.Start()
	dir := system(t, a.URL).dir
	at := func(url string) wireSystem { return wireSystem{base: url, dir: dir} }

	leads(t, at(a.URL), at(b.URL), at(j.URL))
	steady(t, at(a.URL), 3)
	compareForwarding(t, "connectd to connectd", at(a.URL), at(b.URL), true)
	compareForwarding(t, "Java to connectd", at(a.URL), at(j.URL), false)

	// The leader dies. Until the group knows, a request fails at once, and reads go on.
	a.Kill()
	for _, s := range []wireSystem{at(b.URL), at(j.URL)} {
		start := time.Now()
		got := s.must(t, wireCall{Method: http.MethodDelete, Path: "/connectors/nobody"})
		if got.Status == http.StatusInternalServerError && !strings.Contains(got.Body, "IO Error trying to forward REST request: ") ||
			got.Status != http.StatusInternalServerError && got.Status != http.StatusConflict && got.Status != http.StatusNotFound {
			t.Errorf("%s without a leader: %d %s", s.base, got.Status, got.Body)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %s to find no leader", s.base, took)
		}
	}
	if got := at(b.URL).must(t, wireCall{Method: http.MethodGet, Path: "/connectors"}); got.Status != http.StatusOK {
		t.Errorf("reading without a leader: %d %s", got.Status, got.Body)
	}

	// Java leads when connectd's workers come after it.
	b.Stop()
	steady(t, at(j.URL), 1)
	b.Start()
	steady(t, at(b.URL), 2)
	leads(t, at(j.URL), at(b.URL))
	compareForwarding(t, "connectd to Java", at(j.URL), at(b.URL), false)
}

// leads checks who the leader is by what may not be forwarded.
func leads(t *testing.T, leader wireSystem, followers ...wireSystem) {
	t.Helper()
	refused := `{"error_code":409,"message":"Cannot complete request because of a conflicting operation (e.g. worker rebalance)"}`
	unknown := `{"error_code":404,"message":"Connector nobody not found"}`
	await(t, 60*time.Second, "leader "+leader.base, func() error {
		for _, s := range append([]wireSystem{leader}, followers...) {
			want := refused
			if s == leader {
				want = unknown
			}
			if got, err := s.ask(wireCall{Method: http.MethodDelete, Path: "/connectors/nobody?forward=false"}); err != nil || got.Body != want {
				return fmt.Errorf("%s: %s, %w", s.base, got.Body, err)
			}
		}
		for _, s := range followers {
			for _, forward := range []string{"", "?forward=true"} {
				got, err := s.ask(wireCall{Method: http.MethodDelete, Path: "/connectors/nobody" + forward})
				if err != nil || got.Body != unknown {
					return fmt.Errorf("%s %s: %s, %w", s.base, forward, got.Body, err)
				}
			}
		}
		return nil
	})
}

// steady waits until the group has n members and is not rebalancing: a connector made over the worker gets to run on each.
func steady(t *testing.T, s wireSystem, n int) {
	t.Helper()
	for i := range n {
		name := fmt.Sprintf("steady-%d", i)
		body := s.fill(strings.ReplaceAll(`{`+fileSource+`}`, "{name}", name))
		await(t, 60*time.Second, name, func() error {
			got, err := s.ask(wireCall{Method: http.MethodPut, Path: "/connectors/" + name + "/config", Raw: body})
			if err == nil && got.Status/100 != 2 {
				err = fmt.Errorf("%d %s", got.Status, got.Body)
			}
			return err
		})
	}
	for i := range n {
		name := fmt.Sprintf("steady-%d", i)
		await(t, 60*time.Second, name, func() error { return s.reached(awaited{name, "RUNNING", 1}) })
	}
}

func (s wireSystem) must(t *testing.T, c wireCall) wireAnswer {
	t.Helper()
	got, err := s.ask(c)
	if err != nil {
		t.Fatalf("%s %s %s: %v", s.base, c.Method, c.Path, err)
	}
	return got
}

// passing is what depends on the worker that a connector happens to run on, and on the moment.
var passing = regexp.MustCompile(`"worker_id":"[^"]+"|"version":(null|"[^"]*")|"state":"UNASSIGNED"`)

func settle(text string) string {
	if strings.HasPrefix(text, `"state"`) {
		return `"state":"RUNNING"`
	}
	return text[:strings.IndexByte(text, ':')] + `:""`
}

// compareForwarding takes each step about one connector at the leader and about another one at the follower.
func compareForwarding(t *testing.T, what string, leader, follower wireSystem, ours bool) {
	t.Helper()
	for i, step := range forwardSteps {
		if step.ours && !ours {
			continue
		}
		var answers [2]wireAnswer
		for k, s := range []wireSystem{leader, follower} {
			name := []string{"at-leader", "at-follower"}[k]
			fill := func(text string) string { return strings.ReplaceAll(text, "{name}", name) }
			if step.await != "" {
				await(t, 60*time.Second, fmt.Sprintf("%s, step %d at %s", what, i, s.base), func() error {
					return s.reached(awaited{name, step.await, step.tasks})
				})
			}
			answers[k] = s.patient(t, wireCall{Method: step.method, Path: fill(step.path), Raw: fill(step.body)})
			answers[k].Body = passing.ReplaceAllStringFunc(strings.ReplaceAll(answers[k].Body, name, "{name}"), settle)
			answers[k].Headers["Location"] = strings.ReplaceAll(answers[k].Headers["Location"], name, "{name}")
		}
		l, f := answers[0], answers[1]
		if l.Status != f.Status || sameBody(l.Body, f.Body) != nil || l.Headers["Location"] != f.Headers["Location"] ||
			l.Headers["Content-Type"] != f.Headers["Content-Type"] {
			t.Errorf("%s: %s %s\nleader:   %d %v %s\nfollower: %d %v %s", what, step.method, step.path,
				l.Status, l.Headers, l.Body, f.Status, f.Headers, f.Body)
		}
	}
}

// patient makes a call again while the group rebalances, as every client of Kafka Connect has to.
func (s wireSystem) patient(t *testing.T, c wireCall) wireAnswer {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		got := s.must(t, c)
		rebalancing := got.Status == http.StatusConflict && (strings.Contains(got.Body, "rebalance") || strings.Contains(got.Body, "stale configuration"))
		if !rebalancing || time.Now().After(deadline) {
			return got
		}
		time.Sleep(100 * time.Millisecond) // the far side offers nothing to wait on but asking
	}
}
