//go:build integration

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// golden are the records of a topic that Apache Kafka Connect 4.3.1 wrote, in order: key and value, nil for a tombstone.
type goldenRecord struct {
	key   string
	value *string
}

func golden(t *testing.T, file string) []goldenRecord {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type text struct{ Text string }
	var out []goldenRecord
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var d struct{ Key, Value *text }
		if err := json.Unmarshal(sc.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		r := goldenRecord{key: d.Key.Text}
		if d.Value != nil {
			r.value = &d.Value.Text
		}
		out = append(out, r)
	}
	if err := sc.Err(); err != nil || len(out) == 0 {
		t.Fatalf("%s: %d records, %v", file, len(out), err)
	}
	return out
}

// TestTopicsAreKafkaConnects does with connectd what the golden topics saw Apache Kafka Connect do, and compares the records of the
// three topics: configs byte for byte, statuses field by field, with what changes from run to run (worker, generation, times, keys)
// compared by type.
func TestTopicsAreKafkaConnects(t *testing.T) {
	file := "/tmp/rest-golden-in.txt" // the path the golden records carry
	if err := os.WriteFile(file, []byte("one\ntwo\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(file) })
	c := newCluster(t, nil)
	w := c.add()
	call := func(method, path string, body any) {
		t.Helper()
		process.Await(t, 30*time.Second, method+" "+path, func() error {
			_, err := w.Do(method, path, body, nil)
			if se, ok := errors.AsType[*process.StatusError](err); ok && se.Status != 409 {
				t.Fatal(err)
			}
			return err
		})
	}
	config := json.RawMessage(`{"connector.class":"org.apache.kafka.connect.file.FileStreamSourceConnector","tasks.max":"1",` +
		`"file":"/tmp/rest-golden-in.txt","topic":"g-topic"}`)
	call("POST", "/connectors", map[string]any{"name": "g-src", "config": config})
	w.running("g-src", 1)
	process.Await(t, 20*time.Second, "the source's offset", func() error {
		var o struct{ Offsets []any }
		if _, err := w.Do("GET", "/connectors/g-src/offsets", nil, &o); err != nil {
			return err
		}
		if len(o.Offsets) != 1 {
			return fmt.Errorf("%v", o)
		}
		return nil
	})
	call("PUT", "/connectors/g-src/pause", nil)
	state(t, w, "PAUSED")
	call("PUT", "/connectors/g-src/resume", nil)
	state(t, w, "RUNNING")
	call("POST", "/connectors/g-src/restart?includeTasks=true&onlyFailed=false", nil)
	state(t, w, "RUNNING")
	call("PUT", "/connectors/g-src/stop", nil)
	state(t, w, "STOPPED")
	call("PATCH", "/connectors/g-src/offsets", map[string]any{"offsets": []any{map[string]any{
		"partition": map[string]any{"filename": file}, "offset": map[string]any{"position": 4}}}})
	call("DELETE", "/connectors/g-src/offsets", nil)
	call("PUT", "/admin/loggers/g.test.a?scope=cluster", map[string]string{"level": "ERROR"})
	call("DELETE", "/connectors/g-src", nil)

	process.Await(t, 20*time.Second, "the tombstones", func() error { return c.tombstones() })
	c.compare("configs", func(key string) bool { return key == "session-key" })
	c.compare("offsets", nil)
	c.compare("status", func(string) bool { return true })
}

// state waits for a state of the connector, and of its task if it has one then.
func state(t *testing.T, w *proc, want string) {
	t.Helper()
	process.Await(t, 30*time.Second, "g-src "+want, func() error {
		s, err := w.Status("g-src")
		if err != nil {
			return err
		}
		tasks := 1
		if want == "STOPPED" {
			tasks = 0
		}
		if s.Connector.State != want || len(s.Tasks) != tasks || tasks == 1 && s.Tasks[0].State != want {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

func (c *cluster) tombstones() error {
	last := map[string]bool{}
	for _, r := range records(c.t, c.group+"-status") {
		last[string(r.Key)] = r.Value == nil
	}
	for _, k := range []string{"status-connector-g-src", "status-task-g-src-0"} {
		if !last[k] {
			return fmt.Errorf("%s has not been removed", k)
		}
	}
	return nil
}

// compare finds, for every record that connectd wrote, a golden one of the same key that is equal; fields of keys that volatile names
// are compared by name and type.
func (c *cluster) compare(topic string, volatile func(key string) bool) {
	c.t.Helper()
	want := map[string][]*string{}
	for _, g := range golden(c.t, topic+".jsonl") {
		want[g.key] = append(want[g.key], g.value)
	}
	keys := map[string]bool{}
	for _, r := range records(c.t, c.group+"-"+topic) {
		key := string(r.Key)
		keys[key] = true
		loose := volatile != nil && volatile(key)
		if !slices.ContainsFunc(want[key], func(g *string) bool { return same(g, r.Value, loose) }) {
			c.t.Errorf("%s: connectd wrote %s = %s; Kafka Connect wrote %d others", topic, key, r.Value, len(want[key]))
		}
	}
	c.t.Logf("%s: %d keys compared: %v", topic, len(keys), slices.Sorted(maps.Keys(keys)))
	if len(keys) == 0 {
		c.t.Errorf("%s: nothing to compare", topic)
	}
}

func same(golden *string, value []byte, loose bool) bool {
	if golden == nil || value == nil {
		return golden == nil && value == nil
	}
	if !loose {
		return *golden == string(value)
	}
	var a, b any
	if json.Unmarshal([]byte(*golden), &a) != nil || json.Unmarshal(value, &b) != nil {
		return false
	}
	return alike(a, b)
}

// alike compares names and types; of texts only the states count.
func alike(a, b any) bool {
	am, ok := a.(map[string]any)
	bm, ok2 := b.(map[string]any)
	if !ok || !ok2 {
		return a == nil && b == nil || reflect.TypeOf(a) == reflect.TypeOf(b)
	}
	if !slices.Equal(slices.Sorted(maps.Keys(am)), slices.Sorted(maps.Keys(bm))) || am["state"] != bm["state"] {
		return false
	}
	for k := range am {
		if !alike(am[k], bm[k]) {
			return false
		}
	}
	return true
}
