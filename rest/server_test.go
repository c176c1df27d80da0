package rest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

func TestConfigIsChecked(t *testing.T) {
	local := []Listener{{Scheme: "http", Host: "127.0.0.1"}}
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "listeners"},
		{Config{Listeners: []Listener{{Scheme: "ftp"}}}, "ftp"},
		{Config{Listeners: []Listener{{Scheme: "https", Port: 1}}}, "ssl.keystore.location"},
		{Config{Listeners: local, AdminListeners: []Listener{{Scheme: "https"}}}, "admin.listeners"},
		{Config{Listeners: local, ResponseHeaders: []HeaderRule{{Action: "setDate", Name: "X", Value: "soon"}}}, "soon"},
		{Config{Listeners: local, ResponseHeaders: []HeaderRule{{Action: "drop", Name: "X"}}}, "drop"},
	} {
		_, err := New(c.cfg)
		if err == nil {
			t.Fatalf("no error for %s", c.want)
		}
		contains(t, err.Error(), c.want)
	}
}

// start runs a server and returns its addresses; it is stopped at the end of the test.
func start(t *testing.T, s *Server) (addrs []net.Addr, stop func() error) {
	t.Helper()
	addrs, err := s.Listen()
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if !stopped {
			must(t, stop())
		}
	})
	return addrs, stop
}

func TestLifecycle(t *testing.T) {
	s := newServer(t, nil, func(c *Config) {
		c.Listeners = append(c.Listeners, c.Listeners[0])
		c.AdminListeners = c.Listeners[:1]
	})
	addrs, stop := start(t, s)
	equal(t, 2, len(addrs))
	_, err := s.Listen()
	equal(t, true, err != nil, "a second Listen is refused")

	base := "http://" + addrs[1].String()
	for path, want := range map[string]int{"/": 200, "/health": 503, "/health/live": 200, "/metrics": 404, "/connectors": 503, "/nope": 404, "/admin/loggers": 404} {
		res, body := send(t, "GET", base+path, "")
		equal(t, want, res.StatusCode, path)
		if path == "/health" {
			equal(t, `{"status":"starting","message":"Worker is still starting up."}`, body)
		}
		if path == "/connectors" {
			equal(t, `{"error_code":503,"message":"Worker is still starting up."}`, body)
		}
	}
	s.Serve(newFake())
	res, _ := send(t, "GET", base+"/connectors", "")
	equal(t, 200, res.StatusCode)
	admin := "http://" + s.AdminAddrs()[0].String()
	res, _ = send(t, "GET", admin+"/admin/loggers/root", "")
	equal(t, 200, res.StatusCode)
	res, _ = send(t, "GET", admin+"/connectors", "")
	equal(t, 404, res.StatusCode)

	http.DefaultClient.CloseIdleConnections()
	must(t, stop())
	_, err = net.DialTimeout("tcp", addrs[0].String(), time.Second)
	equal(t, true, err != nil, "the port is free")
}

func TestListenTakesAllOrNothing(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer busy.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	must(t, free.Close())
	s := newServer(t, nil, func(c *Config) {
		c.Listeners = []Listener{
			{Scheme: "http", Host: "127.0.0.1", Port: port}, {Scheme: "http", Host: "127.0.0.1", Port: busy.Addr().(*net.TCPAddr).Port},
		}
	})
	_, err = s.Listen()
	contains(t, err.Error(), "listeners")
	again, err := net.Listen("tcp", free.Addr().String())
	must(t, err, "the first port is free again")
	must(t, again.Close())
}

// A request that the herder does not end is cut off when the server stops.
func TestRunStopsWaitingRequests(t *testing.T) {
	f := newFake()
	f.wait, f.began = true, make(chan struct{}, 1)
	s := newServer(t, f, func(c *Config) { c.ShutdownTimeout = 50 * time.Millisecond })
	addrs, stop := start(t, s)
	answered := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodDelete, "http://"+addrs[0].String()+"/connectors/c", nil)
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
		}
		answered <- err
	}()
	<-f.began
	must(t, stop())
	<-answered
}

func TestTLS(t *testing.T) {
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS()
	defer pair.Close()
	s := newServer(t, newFake(), func(c *Config) {
		c.Listeners[0].Scheme = "https"
		c.TLS = &tls.Config{Certificates: pair.TLS.Certificates, MinVersion: tls.VersionTLS12}
	})
	addrs, _ := start(t, s)
	client := NewClient(pair.Client().Transport.(*http.Transport).TLSClientConfig)
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://"+addrs[0].String()+"/connectors/c/config", strings.NewReader(someConfig))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	must(t, err)
	defer res.Body.Close()
	equal(t, 201, res.StatusCode)
	equal(t, "https://"+addrs[0].String()+"/connectors/c", res.Header.Get("Location"))
}

func TestErrorsOfTheHerder(t *testing.T) {
	for _, c := range []struct {
		err     error
		status  int
		message string
	}{
		{cluster.ErrRebalancing, 409, "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)"},
		{cluster.ErrStarting, 503, "Worker is still starting up."},
		{&cluster.NotFound{Message: "gone"}, 404, "gone"},
		{&cluster.Exists{Message: "there"}, 409, "there"},
		{&cluster.BadRequest{Message: "no"}, 400, "no"},
		{errors.New("disk"), 500, "disk"},
		{context.DeadlineExceeded, 500, "Request timed out"},
	} {
		f := newFake()
		f.err = c.err
		h := newServer(t, f, nil).Handler()
		for _, r := range []struct{ method, path, body string }{
			{"POST", "/connectors", `{"name":"c","config":{}}`},
			{"PUT", "/connectors/c/config", "{}"},
			{"PATCH", "/connectors/c/config", "{}"},
			{"DELETE", "/connectors/c", ""},
			{"PUT", "/connectors/c/pause", ""},
			{"PUT", "/connectors/c/resume", ""},
			{"PUT", "/connectors/c/stop", ""},
			{"POST", "/connectors/c/restart", ""},
			{"POST", "/connectors/c/restart?onlyFailed=TRUE", ""},
			{"POST", "/connectors/c/tasks/0/restart", ""},
			{"GET", "/connectors/c/offsets", ""},
			{"GET", "/connector-plugins/p/config", ""},
			{"PUT", "/connector-plugins/p/config/validate", "{}"},
			{"PUT", "/admin/loggers/x?scope=cluster", `{"level":"INFO"}`},
		} {
			w := call(h, r.method, r.path, r.body)
			equal(t, c.status, w.Code, r.method, r.path)
			var m map[string]any
			must(t, json.Unmarshal(w.Body.Bytes(), &m), r.path)
			equal(t, map[string]any{"error_code": float64(c.status), "message": c.message}, m, r.method, r.path)
			equal(t, "application/json", w.Header().Get("Content-Type"), r.path)
		}
	}
}

func TestOperationsTimeOut(t *testing.T) {
	f := newFake()
	f.wait = true
	h := newServer(t, f, func(c *Config) { c.Timeout = time.Millisecond }).Handler()
	w := call(h, "DELETE", "/connectors/c", "")
	equal(t, 500, w.Code)
	equal(t, `{"error_code":500,"message":"Request timed out"}`, w.Body.String())
}

type panickingHerder struct{ *fakeHerder }

func (panickingHerder) Snapshot() *cluster.Snapshot { panic("secret") }

func TestPanicIsAnAnswer(t *testing.T) {
	w := call(newServer(t, panickingHerder{newFake()}, nil).Handler(), "GET", "/connectors", "")
	equal(t, 500, w.Code)
	equal(t, `{"error_code":500,"message":"Internal error; see the log of the worker"}`, w.Body.String())
}

func TestBodiesAreBounded(t *testing.T) {
	h := newServer(t, newFake(), func(c *Config) { c.MaxBody = 100 }).Handler()
	w := call(h, "PUT", "/connectors/c/config", `{"a":"`+strings.Repeat("x", 100)+`"}`)
	equal(t, 413, w.Code)
	equal(t, `{"error_code":413,"message":"HTTP 413 Request Entity Too Large"}`, w.Body.String())
}

func TestMetrics(t *testing.T) {
	h := newServer(t, nil, func(c *Config) {
		c.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "# HELP") })
	}).Handler()
	w := call(h, "GET", "/metrics", "", "Accept", "text/plain")
	equal(t, "# HELP", w.Body.String())
	equal(t, 405, call(h, "POST", "/metrics", "").Code)
}

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		health Health
		status int
		body   string
	}{
		{Health{}, 200, `{"status":"healthy","message":"Worker has completed startup and is ready to handle requests."}`},
		{Health{Stalled: map[connect.TaskID]cluster.Stall{
			{Connector: "b", Task: 1}: {Doing: "in a call of Poll", Since: time.UnixMilli(1700000000000)}, {Connector: "b", Task: 0}: {Doing: "x", Since: time.UnixMilli(1)},
			{Connector: "a", Task: connect.ConnectorTask}: {Doing: "starting", Since: time.UnixMilli(2)},
		}}, 200, `{"status":"healthy","message":"Worker has completed startup and is ready to handle requests.",` +
			`"stalled":[{"connector":"a","task":null,"doing":"starting","since":2},{"connector":"b","task":0,"doing":"x","since":1},` +
			`{"connector":"b","task":1,"doing":"in a call of Poll","since":1700000000000}]}`},
		{Health{Starting: true}, 503, `{"status":"starting","message":"Worker is still starting up."}`},
		{Health{Starting: true, Problem: "reading topics"}, 503, `{"status":"starting","message":"Worker is still starting up. reading topics"}`},
		{Health{Problem: "no Kafka"}, 500, `{"status":"unhealthy","message":"Worker was unable to handle this request and may be unable to handle other requests. no Kafka"}`},
	} {
		f := newFake()
		f.health = c.health
		w := call(newServer(t, f, nil).Handler(), "GET", "/health", "")
		equal(t, c.status, w.Code)
		equal(t, c.body, w.Body.String())
	}
}

func TestResponseHeaders(t *testing.T) {
	h := newServer(t, newFake(), func(c *Config) {
		c.ResponseHeaders = []HeaderRule{
			{"set", "Cache-Control", "no-store"}, {"add", "X-A", "1"}, {"add", "X-A", "2"}, {"setDate", "Expires", "0"},
			{"set", "Content-Type", "text/plain"}, {"add", "Vary", "Cookie"}, {"set", "Access-Control-Allow-Origin", "http://ruled.test"},
		}
		c.AllowOrigin = "*"
	}).Handler()
	for _, path := range []string{"/", "/nope", "/connectors/nope", "/health"} {
		w := call(h, "GET", path, "", "Origin", "http://ui.test")
		equal(t, "no-store", w.Header().Get("Cache-Control"), path)
		equal(t, []string{"1", "2"}, w.Header().Values("X-A"), path)
		equal(t, []string{"Origin", "Cookie"}, w.Header().Values("Vary"), path)
		equal(t, "http://ruled.test", w.Header().Get("Access-Control-Allow-Origin"), "rules come after CORS")
		if path != "/nope" {
			equal(t, "application/json", w.Header().Get("Content-Type"), path)
		}
		_, err := http.ParseTime(w.Header().Get("Expires"))
		must(t, err, path)
	}
}

// What a worker of Kafka Connect answers is in test/rest; these are the origins.
func TestCORSOrigins(t *testing.T) {
	for _, c := range []struct {
		allowed, origin string
		ok              bool
	}{
		{"http://ui.test", "http://ui.test", true},
		{"http://ui.test", "HTTP://UI.test", true},
		{"http://ui.test", "http://ui.test.evil", false},
		{"http://ui.test", "http://ui.test:80", false},
		{"http://ui.test", "", false},
		{"http://a, http://b ,", "http://b", true},
		{"http://a|http://b", "http://bc", false},
		{`https://.*\.corp`, "https://a.b.corp", true},
		{`https://.*\.corp`, "https://a.corp.evil", false},
		{"https://*.corp", "https://a.corp", false}, // a regular expression
		{"http://a", "http://evil http://a", true},
		{"http://a,*", "http://x", true},
		{"*", "null", true},
		{"", "http://a", false},
		{" ", "http://a", false},
	} {
		h := newServer(t, newFake(), func(f *Config) { f.AllowOrigin = c.allowed }).Handler()
		want, vary := "", ""
		if c.ok {
			want = c.origin
		}
		if strings.TrimSpace(c.allowed) != "" {
			vary = "Origin"
		}
		w := call(h, "GET", "/", "", "Origin", c.origin)
		equal(t, want, w.Header().Get("Access-Control-Allow-Origin"), c.allowed, c.origin)
		equal(t, vary, w.Header().Get("Vary"), c.allowed)
		equal(t, "", w.Header().Get("Access-Control-Allow-Credentials"), c.allowed)
	}
	_, err := New(Config{Listeners: []Listener{{Scheme: "http"}}, AllowOrigin: "http://("})
	contains(t, err.Error(), "access.control.allow.origin")
}

// Nobody holds a connection for ever by being slow.
func TestServersBoundSlowClients(t *testing.T) {
	s := newServer(t, nil, nil)
	h := s.httpServer(t.Context(), s.Handler())
	for _, d := range []time.Duration{h.ReadHeaderTimeout, h.ReadTimeout, h.IdleTimeout} {
		equal(t, true, d > 0 && d <= time.Minute, d.String())
	}
	equal(t, true, h.WriteTimeout > 2*s.cfg.Timeout, "an operation and its forwarding have the time to be answered")
}
