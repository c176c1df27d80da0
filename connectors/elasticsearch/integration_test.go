//go:build integration

package elasticsearch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

// server is the Elasticsearch of test/bed.
func server(t *testing.T) string {
	u := os.Getenv("BED_ES")
	if u == "" {
		t.Fatal("BED_ES is not set; run test/bed/bed up es and eval its env")
	}
	return u
}

// call asks Elasticsearch and returns status and body.
func call(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// topic is an index of this test's own, removed with it.
func topic(t *testing.T, url string) string {
	name := fmt.Sprintf("it-%s-%d", strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")), time.Now().UnixNano())
	t.Cleanup(func() { call(t, http.MethodDelete, url+"/"+name, "") })
	return name
}

func on(topic string, rs ...*connect.SinkRecord) []*connect.SinkRecord {
	for _, r := range rs {
		r.Topic, r.Original.Topic = topic, topic
	}
	return rs
}

// source is a document, empty if there is none.
func source(t *testing.T, url, index, id string) string {
	status, body := call(t, http.MethodGet, url+"/"+index+"/_source/"+id, "")
	if status == http.StatusNotFound {
		return ""
	}
	return body
}

func TestRealIndexDeleteConflict(t *testing.T) {
	u := server(t)
	x := topic(t, u)
	k, _ := start(t, u, "behavior.on.null.values", "DELETE", "read.timeout.ms", "30000", "connection.compression", "true")
	put(t, k, on(x, rec(1, "a", rowOf(1)), rec(2, "b", rowOf(2)), rec(3, "a", rowOf(3)), rec(4, "b", data.Null()), rec(5, "none", data.Null()))...)
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	if got := source(t, u, x, "a"); got != `{"a":3,"b":"x"}` {
		t.Fatalf("a is %q", got)
	}
	if got := source(t, u, x, "b"); got != "" {
		t.Fatalf("b is %q", got)
	}
	// The same again, as after a crash: older versions lose, also against the deletion.
	put(t, k, on(x, rec(1, "a", rowOf(1)), rec(2, "b", rowOf(2)))...)
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	if a, b := source(t, u, x, "a"), source(t, u, x, "b"); a != `{"a":3,"b":"x"}` || b != "" {
		t.Fatalf("after a repetition a is %q, b %q", a, b)
	}
}

func TestRealUpsert(t *testing.T) {
	u := server(t)
	x := topic(t, u)
	k, _ := start(t, u, "write.method", "UPSERT", "behavior.on.null.values", "DELETE", "read.timeout.ms", "30000")
	one := func(name string, v int32) data.Value {
		return data.Of(data.NewStruct(data.MakeStruct("").Field(name, data.Int32Schema).Build()).Put(name, data.Int32(v)))
	}
	put(t, k, on(x, rec(0, "k", one("a", 1)), rec(1, "k", one("b", 2)), rec(2, "k", one("a", 3)), rec(3, "gone", one("a", 1)), rec(4, "gone", one("a", 2)),
		rec(5, "gone", one("a", 3)), rec(3, "gone", data.Null()))...)
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	if got := source(t, u, x, "k"); got != `{"a":3,"b":2}` {
		t.Fatalf("k is %q", got)
	}
	if got := source(t, u, x, "gone"); got != "" {
		t.Fatalf("a delete after updates must count whatever its offset; the document is %q", got)
	}
}

func TestRealKindsAndMapping(t *testing.T) {
	u := server(t)
	x := topic(t, u)
	s := data.MakeStruct("all").Field("i", data.Make(data.KindInt32).Optional().Default(data.Int32(7)).Build()).Field("s", data.StringSchema).Field("d", decimalSchema("2")).
		Field("b", data.BytesSchema).Field("t", data.TimestampSchema).Field("f", data.Float64Schema).
		Field("m", data.Make(data.KindMap).Key(data.StringSchema).Elem(data.Int32Schema).Build()).
		Field("n", data.Make(data.KindMap).Key(data.Int32Schema).Elem(data.Int32Schema).Build()).
		Field("l", data.Make(data.KindList).Elem(data.Int64Schema).Build()).Build()
	st := data.NewStruct(s).Put("s", data.String("\xff\u2028\"")).Put("d", data.Decimal64(-125, 2)).Put("b", data.Bytes([]byte{1})).
		Put("t", data.Timestamp(1700000000123)).Put("f", data.Float64(1e300)).Put("m", mapOf(data.String("k"), data.Int32(1))).
		Put("n", mapOf(data.Int32(5), data.Int32(6))).Put("l", data.List([]data.Value{data.Int64(1)}))
	k, _ := start(t, u, "read.timeout.ms", "30000")
	put(t, k, on(x, rec(1, "k", data.Of(st)))...)
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	want := `{"i":7,"s":"` + "\ufffd\u2028" + `\"","d":-1.25,"b":"AQ==","t":1700000000123,"f":1e+300,"m":{"k":1},"n":[{"key":5,"value":6}],"l":[1]}`
	if got := source(t, u, x, "k"); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	_, body := call(t, http.MethodGet, u+"/"+x+"/_mapping", "")
	var m map[string]struct {
		Mappings struct {
			Properties map[string]struct {
				Type      string
				NullValue any `json:"null_value"`
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]string{"i": "integer", "s": "text", "d": "double", "b": "binary", "t": "date", "f": "double", "l": "long"} {
		if got := m[x].Mappings.Properties[name].Type; got != kind {
			t.Errorf("field %s is mapped as %q, want %q", name, got, kind)
		}
	}
	if got := m[x].Mappings.Properties["i"].NullValue; got != 7.0 {
		t.Errorf("null_value of i is %v", got)
	}
}

func TestRealRefusals(t *testing.T) {
	u := server(t)
	x := topic(t, u)
	k, c := start(t, u, "behavior.on.malformed.documents", "IGNORE", "read.timeout.ms", "30000", "max.retries", "1000")
	c.rep = c
	text := data.Of(data.NewStruct(data.MakeStruct("").Field("a", data.StringSchema).Build()).Put("a", data.String("no number")))
	put(t, k, on(x, rec(1, "a", rowOf(1)), rec(2, "bad", text), rec(3, "b", rowOf(3)))...)
	if err := settle(t, k); err != nil {
		t.Fatal(err)
	}
	if source(t, u, x, "a") == "" || source(t, u, x, "b") == "" || len(c.reports()) != 1 || !strings.HasPrefix(c.reports()[0], x+"-0@2: ") {
		t.Fatalf("reports %q", c.reports())
	}

	// A full disk answers 429 per document: it waits until there is room again.
	call(t, http.MethodPut, u+"/"+x+"/_settings", `{"index.blocks.read_only_allow_delete":true}`)
	put(t, k, on(x, rec(4, "c", rowOf(4)))...)
	k.send.flush(true)
	if ok, err := k.send.idle(t.Context(), 300*time.Millisecond); ok || err != nil {
		t.Fatalf("429 must be tried again: %v, %v", ok, err)
	}
	call(t, http.MethodPut, u+"/"+x+"/_settings", `{"index.blocks.read_only_allow_delete":null}`)
	if err := settle(t, k); err != nil || source(t, u, x, "c") == "" {
		t.Fatal(err)
	}

	// A write block is somebody's will: 403, and the task fails.
	call(t, http.MethodPut, u+"/"+x+"/_settings", `{"index.blocks.write":true}`)
	put(t, k, on(x, rec(5, "d", rowOf(5)))...)
	if err := settle(t, k); err == nil || !strings.Contains(err.Error(), "offset 5") || !strings.Contains(err.Error(), "cluster_block_exception") {
		t.Fatalf("got %v", err)
	}
}

func TestRealValidate(t *testing.T) {
	u := server(t)
	if ps := new(connector).Validate(t.Context(), values(t, u)); len(ps) != 0 {
		t.Fatalf("got %v", ps)
	}
	ps := new(connector).Validate(t.Context(), values(t, u, "external.resource.usage", "INDEX", "topic.to.external.resource.mapping", "a:not-there"))
	if len(ps) != 1 || !strings.Contains(ps[0].Message, "does not exist") {
		t.Fatalf("got %v", ps)
	}
}

// Elasticsearch is killed and comes back while records flow: nothing is lost.
func TestRealKill(t *testing.T) {
	u := server(t)
	script := os.Getenv("BED")
	if script == "" {
		t.Fatal("BED is not set; eval what test/bed/bed env prints")
	}
	bed := func(args ...string) error {
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), script, args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("bed %v: %w: %s", args, err, out)
		}
		return nil
	}
	k, _ := start(t, u, "max.buffered.records", "10000", "batch.size", "50", "retry.backoff.ms", "100", "read.timeout.ms", "3000")
	x := topic(t, u)
	var stored atomic.Int64
	restarted := make(chan error, 1)
	go func() {
		for stored.Load() < 1000 {
			time.Sleep(10 * time.Millisecond)
		}
		err := bed("kill", "es")
		if err == nil {
			err = bed("up", "es")
		}
		restarted <- err
	}()
	defer func() { _ = k.Stop(context.Background()) }()
	var n int64
	next := func() []*connect.SinkRecord {
		batch := make([]*connect.SinkRecord, 100)
		for i := range batch {
			batch[i] = rec(n, int(n)%5000, rowOf(int32(n)))
			n++
		}
		return on(x, batch...)
	}
	refused, end := 0, int64(math.MaxInt64)
	for batch := next(); n < end; {
		err := k.Put(t.Context(), batch)
		switch _, again := connect.RetryAfter(err); {
		case err == nil:
			batch = next()
		case !again:
			t.Fatal(err)
		default:
			refused++
		}
		got, err := k.PreCommit(t.Context(), connect.Offsets{{Topic: x}: n - 100})
		if err != nil {
			t.Fatal(err)
		}
		stored.Store(got[connect.TopicPartition{Topic: x}])
		select {
		case err := <-restarted:
			if err != nil {
				t.Fatal(err)
			}
			end = n + 2000
		default:
		}
	}
	if ok, err := k.send.idle(t.Context(), 2*time.Minute); !ok || err != nil {
		t.Fatal(ok, err)
	}
	n -= 100 // the last batch was made, not put
	if refused == 0 {
		t.Error("Put never answered that Elasticsearch is away")
	}
	last := map[int64]int64{}
	for i := range n {
		last[i%5000] = i
	}
	for id, v := range last {
		if got, want := source(t, u, x, fmt.Sprint(id)), fmt.Sprintf(`{"a":%d,"b":"x"}`, v); got != want {
			t.Fatalf("document %d is %q, want %q", id, got, want)
		}
	}
	t.Logf("%d records, Put refused %d times", n, refused)
}
