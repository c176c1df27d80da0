//go:build integration

package rest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// record is how the answers are made: go test -tags integration -run TestRecord ./test/rest -record URL, with the URL of an empty worker
// of Kafka Connect whose group no other worker is in.
var record = flag.String("record", "", "URL of a worker of Kafka Connect to record answers from")

const (
	wireCallsFile   = "testdata/wire-calls.jsonl"
	wireAnswersFile = "testdata/wire-answers-4.3.1.jsonl.gz"
)

func wireCalls(t *testing.T) []wireCall {
	t.Helper()
	data, err := os.ReadFile(wireCallsFile)
	if err != nil {
		t.Fatal(err)
	}
	return linesOf[wireCall](t, data)
}

// wireAnswers are the answers of Kafka Connect by the ids of the calls.
func wireAnswers(t *testing.T) map[string]wireAnswer {
	t.Helper()
	f, err := os.Open(wireAnswersFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]wireAnswer{}
	for _, a := range linesOf[wireAnswer](t, data) {
		out[a.ID] = a
	}
	return out
}

func linesOf[T any](t *testing.T, data []byte) (out []T) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("line %d: %v", len(out)+1, err)
		}
		out = append(out, v)
	}
	if err := lines.Err(); err != nil || len(out) == 0 {
		t.Fatalf("%d lines, error %v", len(out), err)
	}
	return out
}

// system lays the files of the calls' connectors out.
func system(t *testing.T, base string) wireSystem {
	t.Helper()
	s := wireSystem{base: base, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.dir, "in.txt"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRecord(t *testing.T) {
	if *record == "" {
		return // a tool, not a test
	}
	s := system(t, *record)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	enc := json.NewEncoder(z)
	enc.SetEscapeHTML(false)
	for _, c := range wireCalls(t) {
		time.Sleep(time.Duration(c.Pause) * time.Millisecond)
		if c.Await != nil {
			await(t, 30*time.Second, c.ID, func() error { return s.reached(*c.Await) })
		}
		a, err := s.ask(c)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
		}
		a.ID = c.ID
		if err := enc.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(wireAnswersFile, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
