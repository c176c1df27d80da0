//go:build integration

package rest

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/connectd/connectd/test/process"
)

// recordListeners records the answers of Java workers, which test/bed starts one after the other; it needs the bed's Kafka.
var recordListeners = flag.Bool("record-listeners", false, "record what Kafka Connect's worker answers at its listeners")

const listenersFile = "testdata/listeners-4.3.1.json"

// listenersCase is a worker with other listeners, and calls to them. {main}, {second} and {admin} are ports.
type listenersCase struct {
	name  string
	props map[string]string
	calls []listenersCall
}

type listenersCall struct {
	to, method, path string
	headers          map[string]string
}

const (
	evil  = "https://evil.test"
	exact = "https://a.example.com"
	inner = "https://x.y.example.org"
)

func get(to, path, origin string) listenersCall {
	return listenersCall{to, "GET", path, map[string]string{"Origin": origin}}
}

func preflight(to, path, origin, method string) listenersCall {
	h := map[string]string{
		"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type,x-other", "Accept": "*/*",
	}
	return listenersCall{to, "OPTIONS", path, h}
}

var listenersCases = []listenersCase{
	{"several", map[string]string{
		"listeners": "http://127.0.0.1:{main},http://localhost:{second}", "admin.listeners": "http://127.0.0.1:{admin}",
		"access.control.allow.origin":  exact + `,https://.*\\.example\\.org, http://c.test:8080`,
		"access.control.allow.methods": "GET,PUT,DELETE",
		"response.http.headers.config": `add X-A: one, add X-A: two, "set Cache-Control: no-cache, no-store", SET X-B: loud, setdate X-C: 5, setDate Expires: 60000, add Vary: Cookie`,
	}, []listenersCall{
		get("main", "/", exact), get("main", "/connectors", inner), get("second", "/connectors", "HTTPS://A.example.com"),
		get("main", "/connectors", evil), get("main", "/connectors", exact+".evil"), get("main", "/connectors", "http://c.test:8080"),
		get("main", "/connectors", evil+" "+exact), get("main", "/connectors/nope", exact), get("main", "/nope", exact),
		{"main", "GET", "/health", nil}, {"main", "POST", "/connectors", map[string]string{"Origin": exact, "Content-Type": "text/plain"}},
		{"main", "PUT", "/connectors/nope/pause", map[string]string{"Origin": exact}},
		preflight("main", "/connectors", exact, "PUT"), preflight("main", "/connectors", exact, "PATCH"), preflight("main", "/connectors", evil, "PUT"),
		preflight("second", "/connectors/nope/config", inner, "PATCH"), preflight("main", "/nope", inner, "GET"),
		{"main", "OPTIONS", "/connectors", map[string]string{"Origin": exact, "Accept": "*/*"}},
		get("main", "/admin/loggers/root", exact), get("second", "/admin/loggers", exact), get("admin", "/admin/loggers/nope", exact),
		get("admin", "/", exact), get("admin", "/connectors", exact), get("admin", "/health", exact), get("admin", "/nope", exact),
		preflight("admin", "/admin/loggers", exact, "GET"),
	}},
	{"any", map[string]string{"access.control.allow.origin": "*", "admin.listeners": ""}, []listenersCall{
		get("main", "/", evil), get("main", "/connectors", "null"), {"main", "GET", "/connectors", nil}, get("main", "/connectors/nope", evil),
		preflight("main", "/connectors", evil, "GET"), preflight("main", "/connectors", evil, "DELETE"),
		{"main", "OPTIONS", "/connectors", map[string]string{"Accept": "*/*", "Access-Control-Request-Method": "GET"}},
		get("main", "/admin/loggers", evil), get("main", "/admin/loggers/root", evil), preflight("main", "/admin/loggers", evil, "GET"),
	}},
	{"off", map[string]string{"access.control.allow.methods": "GET", "response.http.headers.config": "addDate X-Date: 0,add X-A:1"}, []listenersCall{
		get("main", "/", exact), preflight("main", "/connectors", exact, "GET"), get("main", "/connectors/nope", exact), get("main", "/admin/loggers/nope", exact),
	}},
}

func (c listenersCall) id(of listenersCase) string {
	h, _ := json.Marshal(c.headers)
	return strings.Join([]string{of.name, c.to, c.method, c.path, string(h)}, " ")
}

// ports are those of a worker at main, with others that are free.
func (c listenersCase) ports(t *testing.T, main int) (ports map[string]int, props map[string]string) {
	t.Helper()
	ports = map[string]int{"main": main, "second": process.FreePort(t), "admin": process.FreePort(t)}
	r := strings.NewReplacer("{main}", strconv.Itoa(main), "{second}", strconv.Itoa(ports["second"]), "{admin}", strconv.Itoa(ports["admin"]))
	props = map[string]string{}
	for k, v := range c.props {
		props[k] = r.Replace(v)
	}
	return ports, props
}

// ask makes the call and keeps of the answer what a config can change.
func (c listenersCall) ask(t *testing.T, ports map[string]int) wireAnswer {
	t.Helper()
	host := "127.0.0.1"
	if c.to == "second" {
		host = "localhost"
	}
	headers := maps.Clone(c.headers)
	s := wireSystem{base: fmt.Sprintf("http://%s:%d", host, ports[c.to]), dir: "/none"}
	a, err := s.ask(wireCall{Method: c.method, Path: c.path, Headers: headers})
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	for k, v := range a.Headers {
		switch {
		case k == "Server" || k == "Content-Length":
			delete(a.Headers, k)
		case k == "Expires" || k == "X-Date":
			a.Headers[k] = "<" + strconv.Itoa(len(v)) + " characters>"
		case k == "Access-Control-Allow-Methods": // Java's order is that of a hash set
			methods := strings.Split(v, ",")
			slices.Sort(methods)
			a.Headers[k] = strings.Join(methods, ",")
		}
	}
	return a
}

func TestRecordListeners(t *testing.T) {
	if !*recordListeners {
		return // a tool, not a test
	}
	answers := map[string]wireAnswer{}
	for _, c := range listenersCases {
		g := process.NewGroup(t, process.Config{})
		main := process.FreePort(t)
		ports, props := c.ports(t, main)
		if props["listeners"] == "" {
			props["listeners"] = fmt.Sprintf("http://127.0.0.1:%d", main)
		}
		j := g.NewJavaAt(main, props)
		j.Start()
		for _, call := range c.calls {
			answers[call.id(c)] = call.ask(t, ports)
		}
		j.Stop()
	}
	data, err := json.MarshalIndent(answers, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(listenersFile, append(data, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestListeners compares connectd with the recordings: CORS, response.http.headers.config, several listeners, admin.listeners.
func TestListeners(t *testing.T) {
	data, err := os.ReadFile(listenersFile)
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]wireAnswer
	if err := json.Unmarshal(data, &answers); err != nil {
		t.Fatal(err)
	}
	for _, c := range listenersCases {
		main := process.FreePort(t)
		ports, props := c.ports(t, main)
		g := process.NewGroup(t, process.Config{Binary: binary})
		w := g.Define(main, props)
		w.Start()
		for _, call := range c.calls {
			id := call.id(c)
			want, ok := answers[id]
			if !ok {
				t.Fatalf("%s has no answer of Kafka Connect: record again", id)
			}
			got := call.ask(t, ports)
			if got.Status != want.Status || !maps.Equal(got.Headers, want.Headers) {
				t.Errorf("%s:\n%d %v\nJava: %d %v", id, got.Status, got.Headers, want.Status, want.Headers)
			}
			if err := sameBody(want.Body, got.Body); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		w.Stop()
	}
}

// sameBody leaves the worker's own version out.
func sameBody(want, got string) error {
	if want == "" || want[0] != '{' && want[0] != '[' {
		if got != want {
			return fmt.Errorf("body %.300q in place of %.300q", got, want)
		}
		return nil
	}
	return sameJSON([]byte(want), []byte(got))
}
