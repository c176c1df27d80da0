package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

const someConfig = `{"connector.class":"ASource","b":"1","a":"2"}`

// worker is a server over a fake, reachable over HTTP.
func worker(t *testing.T, f *fakeHerder, change func(*Config)) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(newServer(t, f, change).Handler())
	t.Cleanup(srv.Close)
	return srv
}

// answer is what a test looks at of a response whose body was read.
type answer struct {
	StatusCode int
	Header     http.Header
}

func send(t *testing.T, method, url, body string) (answer, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Basic Zm9vOmJhcg==")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	must(t, err)
	return answer{res.StatusCode, res.Header}, string(data)
}

func TestForwardReachesTheLeader(t *testing.T) {
	leader := newFake()
	leader.add("old", config.Props{"connector.class": "ASink"}, config.Props{"task": "0"})
	var authorization, query atomic.Value
	inner := newServer(t, leader, nil).Handler()
	l := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization.Store(r.Header.Get("Authorization"))
		query.Store(r.URL.RawQuery)
		inner.ServeHTTP(w, r)
	}))
	defer l.Close()
	follower := newFake()
	follower.snapshot = leader.snapshot
	follower.err = &cluster.NotLeader{URL: l.URL + "/"}
	f := worker(t, follower, nil)

	for _, c := range []struct {
		method, path, body string
		status             int
		call, want         string
	}{
		{"PUT", "/connectors/a%2F%20%C3%A9/config", someConfig, 201, "PutConnector a/ é", `"config":{"connector.class":"ASource","b":"1","a":"2","name":"a/ é"}`},
		{"PUT", "/connectors/old/config/", someConfig, 200, "PutConnector old", `"name":"old"`},
		{"PATCH", "/connectors/old/config", `{"x":"y"}`, 200, "PatchConnector old", `"x":"y"`},
		{"POST", "/connectors", `{"name":"new","config":` + someConfig + `}`, 201, "PutConnector new", `"name":"new"`},
		{"POST", "/connectors/old/restart", "", 204, "RestartConnector old", ""},
		{"POST", "/connectors/old/restart?includeTasks=true", "", 202, "RestartAll old", "RESTARTING"},
		{"POST", "/connectors/old/tasks/0/restart", "", 204, "RestartTask old-0", ""},
		{"PUT", "/connectors/old/stop", "", 204, "SetTarget old STOPPED", ""},
		{"DELETE", "/connectors/old", "", 204, "DeleteConnector old", ""},
	} {
		res, body := send(t, c.method, f.URL+c.path, c.body)
		equal(t, c.status, res.StatusCode, c.path)
		contains(t, body, c.want)
		equal(t, c.call, leader.calls[len(leader.calls)-1], c.path)
		equal(t, "Basic Zm9vOmJhcg==", authorization.Load(), c.path)
		contains(t, query.Load().(string), "forward=true")
		if c.status == 201 {
			equal(t, true, strings.HasPrefix(res.Header.Get("Location"), f.URL+"/connectors/"), c.path, res.Header.Get("Location"))
		}
		if c.status != 204 {
			equal(t, "application/json", res.Header.Get("Content-Type"), c.path)
		}
	}
	equal(t, true, leader.restart.IncludeTasks, "the query went along")
}

func TestForwardPassesErrorsOn(t *testing.T) {
	leader := newFake()
	leader.err = &cluster.Exists{Message: "Connector c already exists"}
	l := worker(t, leader, nil)
	follower := newFake()
	follower.err = &cluster.NotLeader{URL: l.URL}
	f := worker(t, follower, nil)
	res, body := send(t, "POST", f.URL+"/connectors", `{"name":"c","config":`+someConfig+`}`)
	equal(t, 409, res.StatusCode)
	equal(t, `{"error_code":409,"message":"Connector c already exists"}`, body)
}

// Two workers that each take the other for the leader: two hops, then the end.
func TestForwardNeverLoops(t *testing.T) {
	a, b := newFake(), newFake()
	sa, sb := worker(t, a, nil), worker(t, b, nil)
	a.err, b.err = &cluster.NotLeader{URL: sb.URL}, &cluster.NotAssigned{What: "c-0", URL: sa.URL}
	res, body := send(t, "PUT", sa.URL+"/connectors/c/config", someConfig)
	equal(t, 409, res.StatusCode)
	equal(t, `{"error_code":409,"message":"Cannot complete request because of a conflicting operation (e.g. worker rebalance)"}`, body)
	equal(t, 3, len(a.calls)+len(b.calls), "workers asked")
}

func TestForwardFlag(t *testing.T) {
	leader := newFake()
	l := worker(t, leader, nil)
	for _, c := range []struct {
		query, url string
		status     int
		message    string
	}{
		{"?forward=false", l.URL, 409, "conflicting operation"},
		{"?forward=x", l.URL, 409, "conflicting operation"},
		{"?forward=true", l.URL, 204, ""},
		{"", "", 409, "no known leader URL"},
		{"?forward=true", "", 409, "no known leader URL"},
		{"", "http://127.0.0.1:1/", 500, "IO Error trying to forward REST request"},
		{"", "::", 500, "Error trying to forward REST request"},
	} {
		follower := newFake()
		follower.err = &cluster.NotLeader{URL: c.url}
		w := call(newServer(t, follower, nil).Handler(), "DELETE", "/connectors/c"+c.query, "")
		equal(t, c.status, w.Code, c.query, c.url)
		contains(t, w.Body.String(), c.message)
	}
}

func TestForwardEndsWithItsTimeout(t *testing.T) {
	hang := make(chan struct{})
	l := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer l.Close()
	defer close(hang)
	follower := newFake()
	follower.err = &cluster.NotLeader{URL: l.URL}
	s := newServer(t, follower, nil)
	s.cfg.Timeout = time.Millisecond - 5*time.Second
	r := httptest.NewRequest(http.MethodDelete, "/connectors/c", nil)
	req := &request{Request: r, herder: follower, query: r.URL.Query()}
	err := s.forward(httptest.NewRecorder(), req, l.URL)
	status, message := statusOf(err)
	equal(t, 500, status)
	contains(t, message, "deadline exceeded")
}

func TestForwardRefusesRedirects(t *testing.T) {
	l := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	defer l.Close()
	follower := newFake()
	follower.err = &cluster.NotLeader{URL: l.URL}
	w := call(newServer(t, follower, nil).Handler(), "DELETE", "/connectors/c", "")
	equal(t, 500, w.Code)
	contains(t, w.Body.String(), "Unexpected status code when handling forwarded request: 302")
}

var (
	keyA = &cluster.SessionKey{Key: []byte("a key of the cluster")}
	keyB = &cluster.SessionKey{Key: []byte("another key")}
)

func verifier(current, previous *cluster.SessionKey) func(*Config) {
	return func(c *Config) {
		c.Verifier = func() (*cluster.SessionKey, *cluster.SessionKey, []string) {
			return current, previous, []string{"HmacSHA256", "HmacSHA512"}
		}
	}
}

func TestPeersPutTasks(t *testing.T) {
	tasks := []config.Props{{"b": "<1>", "a": "ü"}, {}}
	for _, c := range []struct {
		name      string
		server    func(*Config)
		key       *cluster.SessionKey
		algorithm string
		herder    error
		status    int
		message   string
	}{
		{"signed", verifier(keyA, nil), keyA, "", nil, 204, ""},
		{"signed otherwise", verifier(keyA, nil), keyA, "HmacSHA512", nil, 204, ""},
		{"signed with the key before", verifier(keyB, keyA), keyA, "", nil, 204, ""},
		{"unsigned where nobody signs", func(c *Config) { c.Unsigned = func() bool { return true } }, nil, "", nil, 204, ""},
		{"no signature", verifier(keyA, nil), nil, "", nil, 400, "Internal request missing required signature"},
		{"wrong key", verifier(keyB, nil), keyA, "", nil, 403, "Internal request contained invalid signature."},
		{"algorithm not allowed", verifier(keyA, nil), keyA, "HmacSHA1", nil, 400, "This worker does not support the 'HmacSHA1' key signing algorithm used by other workers. This worker is currently configured to use: [HmacSHA256, HmacSHA512]."},
		{"no key yet", verifier(nil, nil), keyA, "", nil, 503, "has not been able to read a session key"},
		{"no verifier", nil, keyA, "", nil, 403, "takes no requests from other workers"},
		{"not found", verifier(keyA, nil), keyA, "", &cluster.NotFound{Message: "Connector a/b not found"}, 404, "Connector a/b not found"},
		{"rebalancing", verifier(keyA, nil), keyA, "", cluster.ErrRebalancing, 409, "stale configuration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			leader := newFake()
			leader.err = c.herder
			l := worker(t, leader, c.server)
			peers := NewPeers(PeersConfig{SignatureAlgorithm: c.algorithm})
			err := peers.PutTasks(t.Context(), l.URL+"/", "a/b", tasks, c.key)
			if c.status == 204 {
				must(t, err)
				equal(t, tasks, leader.tasks)
				equal(t, []string{"PutTasks a/b"}, leader.calls)
				return
			}
			var pe *PeerError
			if !errors.As(err, &pe) {
				t.Fatalf("got %v", err)
			}
			equal(t, c.status, pe.Status)
			contains(t, pe.Message, c.message)
			equal(t, c.status == 409, errors.Is(err, cluster.ErrRebalancing))
			equal(t, c.status == 503, errors.Is(err, cluster.ErrStarting))
			if c.herder == nil {
				equal(t, 0, len(leader.calls), "the herder was not asked")
			}
		})
	}
}

// A request that was signed for the leader stays valid over a hop.
func TestSignedRequestIsForwarded(t *testing.T) {
	leader := newFake()
	l := worker(t, leader, verifier(keyA, nil))
	follower := newFake()
	follower.err = &cluster.NotLeader{URL: l.URL}
	f := worker(t, follower, verifier(keyA, nil))
	must(t, NewPeers(PeersConfig{}).PutTasks(t.Context(), f.URL, "c", nil, keyA))
	equal(t, []config.Props{}, leader.tasks)
}

func TestPeersErrors(t *testing.T) {
	p := NewPeers(PeersConfig{SignatureAlgorithm: "HmacNope"})
	contains(t, p.PutTasks(t.Context(), "", "c", nil, nil).Error(), "no known leader URL")
	contains(t, p.PutTasks(t.Context(), "http://127.0.0.1:1", "c", nil, keyA).Error(), "inter.worker.signature.algorithm")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	equal(t, true, errors.Is(p.PutTasks(ctx, "http://127.0.0.1:1", "c", nil, nil), context.Canceled))
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>")
	}))
	defer html.Close()
	contains(t, p.PutTasks(t.Context(), html.URL, "c", nil, nil).Error(), "502")
}

type fencingHerder struct{ *fakeHerder }

func (f fencingHerder) FenceZombies(ctx context.Context, name string) error {
	return f.do(ctx, "FenceZombies "+name)
}

func TestFence(t *testing.T) {
	f := newFake()
	l := worker(t, f, verifier(keyA, nil))
	var pe *PeerError
	if err := NewPeers(PeersConfig{}).FenceZombies(t.Context(), l.URL, "c", keyA); !errors.As(err, &pe) || pe.Status != 501 {
		t.Errorf("got %v", err)
	}
	s := httptest.NewServer(newServer(t, fencingHerder{f}, verifier(keyA, nil)).Handler())
	defer s.Close()
	must(t, NewPeers(PeersConfig{}).FenceZombies(t.Context(), s.URL, "c", keyA))
	equal(t, []string{"FenceZombies c"}, f.calls)
}

// The vectors are of RFC 2202, RFC 4231 and Kafka's InternalRequestSignatureTest.
func TestSign(t *testing.T) {
	signed := func(b ...int8) (out []byte) {
		for _, x := range b {
			out = append(out, byte(x))
		}
		return out
	}
	jefe, nothing := []byte("Jefe"), []byte("what do ya want for nothing?")
	for _, c := range []struct {
		algorithm string
		key, body []byte
		want      string
	}{
		{"HmacMD5", jefe, nothing, "dQx4PmqwtQPqqG4xCl23OA=="},
		{"HmacSHA1", jefe, nothing, "7/zfauXrL6LSdBbV8YTfnCWafHk="},
		{"HmacSHA256", jefe, nothing, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="},
		{
			"HmacSHA256",
			signed(109, 116, -111, 49, -94, 25, -103, 44, -99, -118, 53, -69, 87, -124, 5, 48,
				89, -105, -2, 58, -92, 87, 67, 49, -125, -79, -39, -126, -51, -53, -85, 57),
			[]byte(`[{"config":"value"},{"config":"other_value"}]`),
			"Kv1/OSsxzdVIwvZ4e30avyRIVrngDfhzVUm/kAZEKc4=",
		},
	} {
		got, err := sign(c.key, c.algorithm, c.body)
		must(t, err)
		equal(t, c.want, got, c.algorithm)
	}
	_, err := sign(jefe, "HmacNope", nil)
	contains(t, err.Error(), "HmacNope")
}

func TestSignatureHeaders(t *testing.T) {
	h := newServer(t, newFake(), verifier(keyA, nil)).Handler()
	for _, c := range []struct {
		algorithm, signature string
		status               int
		message              string
	}{
		{"HmacSHA256", "%%", 400, "Illegal base64 character"},
		{"HmacNope", "AAAA", 400, "Algorithm HmacNope not available"},
		{"HmacSHA256", "AAAA", 403, "invalid signature"},
		{"", "AAAA", 400, "missing required signature"},
	} {
		w := call(h, "POST", "/connectors/c/tasks", "[]", signatureHeader, c.signature, algorithmHeader, c.algorithm)
		equal(t, c.status, w.Code, c.signature)
		contains(t, w.Body.String(), c.message)
	}
	for _, body := range []string{"", "{}", "null", `[[]]`, `[{"a":{}}]`, "[1]"} {
		signature, err := sign(keyA.Key, "HmacSHA256", []byte(body))
		must(t, err)
		w := call(h, "POST", "/connectors/c/tasks", body, signatureHeader, signature, algorithmHeader, "HmacSHA256")
		equal(t, 400, w.Code, body)
		var m api.ErrorMessage
		must(t, json.Unmarshal(w.Body.Bytes(), &m), body)
	}
}
