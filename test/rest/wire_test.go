//go:build integration

package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// wireCall is one call byte by byte, as no HTTP client would make it.
type wireCall struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	Path   string `json:"path"`
	Raw    string `json:"raw,omitempty"` // body
	// Headers of the request; Content-Type is application/json unless it says otherwise ("" for none).
	Headers map[string]string `json:"h,omitempty"`
	// Await tells what has to have come about before the call.
	Await *awaited `json:"await,omitempty"`
	// Pause is what a recording waits before the call, in milliseconds; a replay repeats the call instead.
	Pause int `json:"pause,omitempty"`
}

// awaited is a state of a connector and all its tasks, of which there are Tasks.
type awaited struct {
	Connector string `json:"connector"`
	State     string `json:"state"`
	Tasks     int    `json:"tasks"`
}

// wireAnswer is an answer without what differs from run to run.
type wireAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
}

// wireSystem is a worker to talk to; dir replaces {dir} in calls.
type wireSystem struct{ base, dir string }

func (s wireSystem) host() string { return strings.TrimPrefix(s.base, "http://") }

func (s wireSystem) fill(text string) string { return strings.ReplaceAll(text, "{dir}", s.dir) }

// ask makes a call over a connection of its own.
func (s wireSystem) ask(c wireCall) (wireAnswer, error) {
	conn, err := net.DialTimeout("tcp", s.host(), 5*time.Second)
	if err != nil {
		return wireAnswer{}, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(100 * time.Second))
	body := s.fill(c.Raw)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", c.Method, c.Path, s.host())
	if _, given := c.Headers["Content-Type"]; !given {
		b.WriteString("Content-Type: application/json\r\n")
	}
	for k, v := range c.Headers {
		if k != "Content-Type" || v != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", k, v)
		}
	}
	if c.Headers["Transfer-Encoding"] == "chunked" {
		fmt.Fprintf(&b, "\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	} else {
		if body != "" || c.Method != http.MethodGet && c.Method != http.MethodHead && c.Method != http.MethodOptions {
			fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
		}
		fmt.Fprintf(&b, "\r\n%s", body)
	}
	if _, err := conn.Write(b.Bytes()); err != nil {
		return wireAnswer{}, err
	}
	req := &http.Request{Method: c.Method}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return wireAnswer{}, fmt.Errorf("reading the answer: %w", err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return wireAnswer{}, fmt.Errorf("reading the body: %w", err)
	}
	return s.normalize(res, data), nil
}

var (
	clusterID = regexp.MustCompile(`"kafka_cluster_id":"[^"]+"`)
	modified  = regexp.MustCompile(`"last_modified":\d+`)
	commitID  = regexp.MustCompile(`"commit":"[^"]+"`)
)

// normalize replaces what differs between workers and runs.
func (s wireSystem) normalize(res *http.Response, body []byte) wireAnswer {
	replace := strings.NewReplacer(s.host(), "<worker>", url.QueryEscape(s.dir), "{dir}", s.dir, "{dir}")
	a := wireAnswer{Status: res.StatusCode, Headers: map[string]string{}}
	for k, v := range res.Header {
		if k != "Date" && k != "Connection" {
			a.Headers[k] = replace.Replace(strings.Join(v, " | "))
		}
	}
	if res.ContentLength >= 0 {
		a.Headers["Content-Length"] = "<length>"
	}
	text := replace.Replace(string(body))
	text = clusterID.ReplaceAllString(text, `"kafka_cluster_id":"<cluster>"`)
	text = modified.ReplaceAllString(text, `"last_modified":"<time>"`)
	a.Body = commitID.ReplaceAllString(text, `"commit":"<commit>"`)
	return a
}

// reached asks whether what a call waits for has come about.
func (s wireSystem) reached(a awaited) error {
	got, err := s.ask(wireCall{Method: http.MethodGet, Path: "/connectors/" + url.PathEscape(a.Connector) + "/status"})
	if err != nil {
		return err
	}
	var st struct {
		Connector struct{ State string }
		Tasks     []struct{ State string }
	}
	if err := json.Unmarshal([]byte(got.Body), &st); err != nil {
		return fmt.Errorf("%w: %s", err, got.Body)
	}
	bad := slices.ContainsFunc(st.Tasks, func(t struct{ State string }) bool { return t.State != a.State })
	if bad || st.Connector.State != a.State || len(st.Tasks) != a.Tasks {
		return fmt.Errorf("%s", got.Body)
	}
	return nil
}
