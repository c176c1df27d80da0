package elasticsearch

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// action is one operation as the fake got it.
type action struct {
	Verb        string `json:"-"`
	Index       string `json:"_index"`
	ID          string `json:"_id"`
	Version     *int64 `json:"version"`
	VersionType string `json:"version_type"`
	Retry       int    `json:"retry_on_conflict"`
	Doc         string `json:"-"` // of an update: the part doc
}

type stored struct {
	version int64
	doc     string // empty: deleted
}

// fake is an Elasticsearch with indices, external versions and merging updates; hooks make it fail.
type fake struct {
	*httptest.Server
	mu       sync.Mutex
	docs     map[string]stored // index/id
	indices  map[string]string // name → mapping
	bulks    [][]action        // requests that were answered, with all their operations
	requests []string          // others: "HEAD /orders"
	auto     int

	// onBulk may answer a bulk itself, before anything is stored (n counts from 0): true if it did.
	onBulk func(n int, acts []action, w http.ResponseWriter, r *http.Request) bool
	// onItem may refuse an operation: status 0 takes it.
	onItem func(a action) (status int, kind string)
	n      int
}

func newFake(t testing.TB) *fake {
	f := &fake{docs: map[string]stored{}, indices: map[string]string{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err == nil {
			body, err = io.ReadAll(z)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	if r.URL.Path == "/_bulk" {
		f.bulk(w, r, body)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	name, mapping := strings.CutSuffix(strings.Trim(r.URL.Path, "/"), "/_mapping")
	m, exists := f.indices[name]
	switch {
	case r.Method == http.MethodPut && mapping:
		f.indices[name] = string(body)
	case r.Method == http.MethodPut && exists:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"resource_already_exists_exception","reason":"there"}}`)
	case r.Method == http.MethodPut:
		f.indices[name] = ""
	case !exists:
		w.WriteHeader(http.StatusNotFound)
	case mapping && m == "":
		fmt.Fprintf(w, `{%q:{"mappings":{}}}`, name)
	case mapping:
		fmt.Fprintf(w, `{%q:{"mappings":%s}}`, name, m)
	}
}

func (f *fake) bulk(w http.ResponseWriter, r *http.Request, body []byte) {
	acts, err := parseBulk(body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":{"type":"illegal_argument_exception","reason":%q}}`, err)
		return
	}
	f.mu.Lock()
	n := f.n
	f.n++
	hook := f.onBulk
	f.mu.Unlock()
	if hook != nil && hook(n, acts, w, r) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bulks = append(f.bulks, acts)
	var items []string
	errs := false
	for _, a := range acts {
		status, kind := 200, ""
		if f.onItem != nil {
			if s, k := f.onItem(a); s != 0 {
				status, kind = s, k
			}
		}
		if kind == "" {
			status, kind = f.apply(a)
		}
		if kind == "" {
			items = append(items, fmt.Sprintf(`{%q:{"status":%d}}`, a.Verb, status))
			continue
		}
		errs = true
		items = append(items, fmt.Sprintf(`{%q:{"status":%d,"error":{"type":%q,"reason":"because"}}}`, a.Verb, status, kind))
	}
	fmt.Fprintf(w, `{"errors":%t,"items":[%s]}`, errs, strings.Join(items, ","))
}

func (f *fake) apply(a action) (int, string) {
	if a.ID == "" {
		f.auto++
		a.ID = fmt.Sprintf("auto%d", f.auto)
	}
	at := a.Index + "/" + a.ID
	old, there := f.docs[at]
	version := old.version + 1
	if a.Version != nil {
		if there && old.version >= *a.Version {
			return 409, versionConflict
		}
		version = *a.Version
	}
	doc := a.Doc
	if a.Verb == "update" && old.doc != "" {
		merged := map[string]json.RawMessage{}
		_ = json.Unmarshal([]byte(old.doc), &merged)
		_ = json.Unmarshal([]byte(a.Doc), &merged)
		b, _ := json.Marshal(merged)
		doc = string(b)
	}
	f.docs[at] = stored{version, doc}
	if a.Verb == "delete" && old.doc == "" {
		return 404, ""
	}
	return 200, ""
}

func parseBulk(body []byte) (acts []action, err error) {
	lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	for i := 0; i < len(lines); i++ {
		var head map[string]action
		if err := json.Unmarshal(lines[i], &head); err != nil || len(head) != 1 {
			return nil, fmt.Errorf("line %d: %q is no action: %w", i, lines[i], err)
		}
		for verb, a := range head {
			a.Verb = verb
			if verb != "delete" {
				i++
				if i >= len(lines) || !json.Valid(lines[i]) {
					return nil, fmt.Errorf("line %d is no document", i)
				}
				a.Doc = string(lines[i])
			}
			if verb == "update" {
				var u struct {
					Doc    json.RawMessage
					Upsert bool `json:"doc_as_upsert"`
				}
				if err := json.Unmarshal(lines[i], &u); err != nil || !u.Upsert {
					return nil, fmt.Errorf("line %d is no upsert: %s", i, lines[i])
				}
				a.Doc = string(u.Doc)
			}
			acts = append(acts, a)
		}
	}
	return acts, nil
}

func (f *fake) doc(index, id string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.docs[index+"/"+id].doc
}

func (f *fake) all() [][]action {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([][]action(nil), f.bulks...)
}

// control is a connect.SinkControl that notes what it is asked.
type control struct {
	mu       sync.Mutex
	timeout  time.Duration
	rep      connect.Reporter
	reported []string
	last     *connect.SinkRecord // reported
	deny     error
}

func (*control) Assignment() []connect.TopicPartition { return nil }
func (*control) Pause(...connect.TopicPartition)      {}
func (*control) Resume(...connect.TopicPartition)     {}
func (*control) Seek(connect.Offsets)                 {}
func (*control) RequestCommit()                       {}
func (c *control) Reporter() connect.Reporter         { return c.rep }
func (c *control) Timeout(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timeout = d
}

func (c *control) Report(r *connect.SinkRecord, cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = r
	c.reported = append(c.reported, fmt.Sprintf("%s@%d: %v", r.Original.TopicPartition, r.Original.Offset, cause))
	return c.deny
}

func (c *control) reports() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.reported...)
}

func values(t testing.TB, url string, kv ...string) config.Values {
	t.Helper()
	p := config.Props{"connection.url": url, "retry.backoff.ms": "1", "read.timeout.ms": "5000", "linger.ms": "0"}
	for i := 0; i < len(kv); i += 2 {
		p[kv[i]] = kv[i+1]
	}
	v, err := def.Parse(p)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// start starts a task; it is stopped with the test, unless the test did so.
func start(t testing.TB, url string, kv ...string) (*task, *control) {
	t.Helper()
	c := &control{}
	k := &task{}
	tc := connect.SinkTaskContext{Config: values(t, url, kv...), Control: c, Log: slog.New(slog.DiscardHandler), Metrics: connect.NoMetrics{}}
	err := k.Start(context.Background(), tc)
	t.Cleanup(func() { _ = k.Stop(context.Background()) })
	if err != nil {
		t.Fatal(err)
	}
	return k, c
}

var row = data.MakeStruct("row").Field("a", data.OptionalInt32Schema).Field("b", data.OptionalStringSchema).Build()

func rowOf(a int32) data.Value {
	return data.Of(data.NewStruct(row).Put("a", data.Int32(a)).Put("b", data.String("x")))
}

// rec is a record of topic orders, partition 0; key nil is none.
func rec(offset int64, key any, v data.Value, headers ...connect.Header) *connect.SinkRecord {
	r := &connect.SinkRecord{Original: connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: "orders"}, Offset: offset}}
	r.Topic, r.Offset, r.Headers = "orders", offset, headers
	switch k := key.(type) {
	case string:
		r.Key = data.Datum{Schema: data.StringSchema, Value: data.String(k)}
	case int:
		r.Key = data.Datum{Schema: data.Int64Schema, Value: data.Int64(int64(k))}
	case data.Value:
		r.Key.Value = k
	}
	r.Value.Value = v
	if v.Kind() == data.KindStruct {
		r.Value.Schema = v.Struct().Schema()
	}
	return r
}

// settle waits until all is stored, or a bulk has failed for good.
func settle(t testing.TB, k *task) error {
	t.Helper()
	k.send.flush(true)
	ok, err := k.send.idle(t.Context(), 20*time.Second)
	if err == nil && !ok {
		t.Fatal("the records were not stored within 20 s")
	}
	return err
}

func put(t testing.TB, k *task, rs ...*connect.SinkRecord) {
	t.Helper()
	if err := k.Put(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
}

func committed(t testing.TB, k *task, next int64) int64 {
	t.Helper()
	tp := connect.TopicPartition{Topic: "orders"}
	got, err := k.PreCommit(t.Context(), connect.Offsets{tp: next})
	if err != nil {
		t.Fatal(err)
	}
	return got[tp]
}
