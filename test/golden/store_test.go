//go:build integration

package golden

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// stored is a line of a capture. A schema stands in full once, in a line of its own, and is named by its number after that.
type stored struct {
	Schema      json.RawMessage `json:"schema,omitempty"`
	Topic       string          `json:"topic,omitempty"`
	KeySchema   *int            `json:"keySchema,omitempty"`
	Key         json.RawMessage `json:"key,omitempty"`
	ValueSchema *int            `json:"valueSchema,omitempty"`
	Value       json.RawMessage `json:"value,omitempty"`
	Headers     [][2]string     `json:"headers,omitempty"`
}

// part is one half of a record as JSON: nil is a null, without a schema it is plain JSON.
type part struct {
	Schema  json.RawMessage `json:"schema"`
	Payload json.RawMessage `json:"payload"`
}

func (sv server) file(mode string) string { return "testdata/" + sv.name + "/" + mode + ".jsonl.gz" }

// split cuts JSON with a schema in two; other JSON is a payload only.
func split(t testing.TB, topic string, b []byte) *part {
	t.Helper()
	if b == nil {
		return nil
	}
	if strings.HasPrefix(topic, "history-") {
		var c bytes.Buffer
		if err := json.Compact(&c, b); err != nil {
			t.Fatalf("%s: %v: %.200s", topic, err, b)
		}
		return &part{Payload: c.Bytes()}
	}
	p := new(part)
	if err := json.Unmarshal(b, p); err != nil {
		t.Fatalf("%s: %v: %.200s", topic, err, b)
	}
	if p.Schema == nil && p.Payload == nil { // the converter writes no schemas
		p.Payload = b
	}
	return p
}

// byTopic sorts records by topic and keeps the order in each: between topics a capture has none.
func byTopic(rs []record) []record {
	rs = slices.Clone(rs)
	slices.SortStableFunc(rs, func(a, b record) int { return strings.Compare(a.topic, b.topic) })
	return rs
}

// entry is a record as the comparison has it.
type entry struct {
	topic      string
	key, value *part
	headers    [][2]string
}

// load reads a capture.
func (sv server) load(t testing.TB, mode string) (out []entry) {
	t.Helper()
	f, err := os.Open(sv.file(mode))
	if err != nil {
		t.Fatalf("there is no capture of mode %s: %v (test/golden/capture makes it)", mode, err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var schemas []json.RawMessage
	half := func(n *int, payload json.RawMessage) *part {
		switch {
		case n != nil:
			return &part{Schema: schemas[*n], Payload: payload}
		case payload != nil:
			return &part{Payload: payload}
		}
		return nil
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var s stored
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("%s: %v", sv.file(mode), err)
		}
		if s.Schema != nil {
			schemas = append(schemas, s.Schema)
			continue
		}
		out = append(out, entry{s.Topic, half(s.KeySchema, s.Key), half(s.ValueSchema, s.Value), s.Headers})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
