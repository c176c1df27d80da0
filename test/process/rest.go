package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// REST speaks JSON to one worker of either kind; Do alone, to any other server.
type REST struct {
	t      testing.TB
	URL    string       // without a slash at the end
	client *http.Client // nil for the default
}

// StatusError is an answer of 400 or above.
type StatusError struct {
	Status int
	Body   string
}

func (e *StatusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.Status, e.Body) }

// Do sends body as JSON and reads the answer into into, if either is not nil. It takes 30 s at most. An error other than a *StatusError
// leaves open whether the worker has carried out the request.
func (r REST) Do(method, path string, body, into any) (int, error) {
	var rd io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		rd = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.URL+path, rd)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	client := r.client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err
	}
	if resp.StatusCode >= 400 {
		return resp.StatusCode, &StatusError{resp.StatusCode, string(b)}
	}
	if into != nil {
		return resp.StatusCode, json.Unmarshal(b, into)
	}
	return resp.StatusCode, nil
}

// Must repeats a request until the worker carries it out: a group that rebalances answers 409. An answer of 400 or 404 is final.
func (r REST) Must(method, path string, body, into any) {
	r.t.Helper()
	Await(r.t, 60*time.Second, method+" "+path, func() error {
		_, err := r.Do(method, path, body, into)
		if se, ok := errors.AsType[*StatusError](err); ok && (se.Status == 400 || se.Status == 404) {
			r.t.Fatalf("%s %s: %v", method, path, err)
		}
		return err
	})
}

// Put creates or replaces a connector.
func (r REST) Put(name string, config map[string]string) {
	r.t.Helper()
	r.Must("PUT", "/connectors/"+name+"/config", config, nil)
}

// Status is GET /connectors/{name}/status.
type Status struct {
	Connector Instance
	Tasks     []Instance
}

// Instance is a connector's or task's part of Status.
type Instance struct {
	ID           int
	State, Trace string
	WorkerID     string `json:"worker_id"`
}

// Status asks for a connector's status.
func (r REST) Status(name string) (s Status, err error) {
	_, err = r.Do("GET", "/connectors/"+name+"/status", nil, &s)
	return s, err
}

// AwaitState waits until the connector and exactly n tasks have the state. A FAILED one ends the test with its trace.
func (r REST) AwaitState(name, state string, n int) Status {
	r.t.Helper()
	var s Status
	Await(r.t, 90*time.Second, name+" "+state, func() (err error) {
		if s, err = r.Status(name); err != nil {
			return err
		}
		for _, x := range append([]Instance{s.Connector}, s.Tasks...) {
			if x.State == "FAILED" && state != "FAILED" {
				r.t.Fatalf("%s, task %d: %s", name, x.ID, x.Trace)
			}
			if x.State != state {
				return fmt.Errorf("%+v", s)
			}
		}
		if len(s.Tasks) != n {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	return s
}

// AwaitRunning waits until the connector and n tasks are RUNNING.
func (r REST) AwaitRunning(name string, n int) Status {
	r.t.Helper()
	return r.AwaitState(name, "RUNNING", n)
}

// Await asks until the answer is nil.
func Await(t testing.TB, limit time.Duration, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, limit, err)
		}
		time.Sleep(50 * time.Millisecond) // the far side offers nothing to wait on but asking
	}
}

// NewREST speaks to the server at url, which the test has not started as a [Worker].
func NewREST(t testing.TB, url string) REST { return REST{t: t, URL: url} }
