package elasticsearch

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/connectd/connectd/connect"
)

// Each failure of a whole request passes, and nothing is lost.
func TestRequestErrors(t *testing.T) {
	for name, fail := range map[string]func(w http.ResponseWriter, r *http.Request){
		"429": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"502": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>")
		},
		"503": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"504": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGatewayTimeout) },
		"connection cut": func(w http.ResponseWriter, _ *http.Request) {
			panic(http.ErrAbortHandler)
		},
		"body cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"errors":false,"items":[`)
		},
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"body stalls": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"errors":false,`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.onBulk = func(n int, _ []action, w http.ResponseWriter, r *http.Request) bool {
				if n < 3 {
					fail(w, r)
				}
				return n < 3
			}
			k, _ := start(t, f.URL, "linger.ms", "60000", "max.retries", "100", "read.timeout.ms", "100", "connection.timeout.ms", "100")
			put(t, k, rows(3)...)
			if err := settle(t, k); err != nil {
				t.Fatal(err)
			}
			if got := sizes(f.all()); !slices.Equal(got, []int{3}) || committed(t, k, 3) != 3 {
				t.Fatalf("stored %v", got)
			}
		})
	}
}

// Answers that do not pass fail the task with the place of the first record.
func TestFatalAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"401":               {401, `{"error":{"type":"security_exception","reason":"who are you"}}`, "401 security_exception: who are you"},
		"413 without body":  {413, "", "413 Request Entity Too Large: no reason given"},
		"no JSON":           {200, "<html>hello</html>", "check connection.url"},
		"other JSON":        {200, "{}", "check connection.url"},
		"items are missing": {200, `{"errors":true,"items":[{"index":{"status":400,"error":{"type":"x"}}}]}`, "1 items to 3 operations"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.onBulk = func(_ int, _ []action, w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
				return true
			}
			k, _ := start(t, f.URL, "linger.ms", "60000")
			put(t, k, rows(3)...)
			err := settle(t, k)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "orders") && name != "items are missing" {
				t.Fatalf("got %v", err)
			}
			if committed(t, k, 3) != 0 {
				t.Fatal("an offset was committed past what failed")
			}
		})
	}
}

// While Elasticsearch is away Put takes nothing more once the buffer is full, and when it is back all arrives.
func TestAway(t *testing.T) {
	f := newFake(t)
	var away atomic.Bool
	f.onBulk = func(_ int, _ []action, w http.ResponseWriter, _ *http.Request) bool {
		if away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return away.Load()
	}
	k, _ := start(t, f.URL, "batch.size", "2", "max.in.flight.requests", "2", "max.buffered.records", "4", "max.retries", "1000")
	all := rows(12)
	away.Store(true)
	next, refused := 0, 0
	for next < len(all) {
		err := k.Put(t.Context(), all[next:next+2])
		if err == nil {
			next += 2
			continue
		}
		if _, ok := connect.RetryAfter(err); !ok {
			t.Fatal(err)
		}
		refused++
		if k.send.records > 4 {
			t.Fatalf("%d records are kept", k.send.records)
		}
		away.Store(false)
	}
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	if refused == 0 || committed(t, k, 12) != 12 || len(f.docs) != 12 {
		t.Fatalf("refused %d times, %d documents", refused, len(f.docs))
	}
}

func TestAwayFromTheStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody listens there
	k, _ := start(t, "http://"+l.Addr().String())
	err = k.Put(t.Context(), rows(2))
	if _, ok := connect.RetryAfter(err); !ok || k.send.records != 0 || !strings.Contains(err.Error(), `topic "orders"`) {
		t.Fatalf("got %v, %d records taken", err, k.send.records)
	}
}
