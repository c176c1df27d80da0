//go:build integration && capture

package golden

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/test/process"
)

// TestCapture makes the captures of GOLDEN_SERVER anew with the Java worker at BED_CONNECT; GOLDEN_MODES names those to make, else all.
func TestCapture(t *testing.T) {
	sv, ok := servers[os.Getenv("GOLDEN_SERVER")]
	if !ok {
		t.Fatal("GOLDEN_SERVER names one of the scenarios")
	}
	ms := sv.modes()
	if only := os.Getenv("GOLDEN_MODES"); only != "" {
		names := strings.Split(only, ",")
		ms = slices.DeleteFunc(slices.Clone(ms), func(m mode) bool { return !slices.Contains(names, m.name) })
	}
	for name, rs := range sv.play(t, process.NewREST(t, process.Bed(t, "BED_CONNECT")), process.Unique("goldenrun"), ms, sv.lean) {
		sv.save(t, name, rs)
	}
}

// save writes a capture.
func (sv server) save(t testing.TB, mode string, rs []record) {
	t.Helper()
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	e := json.NewEncoder(z)
	e.SetEscapeHTML(false)
	write := func(s stored) {
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
	}
	known := map[string]int{}
	half := func(p *part) (*int, json.RawMessage) {
		if p == nil {
			return nil, nil
		}
		if p.Schema == nil {
			return nil, p.Payload
		}
		n, ok := known[string(p.Schema)]
		if !ok {
			n = len(known)
			known[string(p.Schema)] = n
			write(stored{Schema: p.Schema})
		}
		return &n, p.Payload
	}
	for _, r := range byTopic(rs) {
		s := stored{Topic: r.topic, Headers: r.headers}
		s.KeySchema, s.Key = half(split(t, r.topic, r.key))
		s.ValueSchema, s.Value = half(split(t, r.topic, r.value))
		write(s)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(sv.file(mode), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d records, %d schemas, %d bytes", mode, len(rs), len(known), out.Len())
}
