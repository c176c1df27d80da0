//go:build bench

package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// settled is how long a worker has nothing to do before its memory is read.
const settled = 8 * time.Second

// footprint measures a worker that has just started (idle), has 50 connectors with nothing to do (idle-50), and then makes a snapshot
// (loaded). Java is measured with its defaults, and as small and fast to start as it goes.
func footprint(t *testing.T, s *suite, _ string) {
	rows := s.size(300_000)
	table := s.bed.table(t, narrow, "footprint", rows)
	kinds := []struct{ peer, discovery string }{{Connectd, ""}, {Java, "hybrid_warn"}, {JavaTuned, "service_load"}}
	for round := 1; round <= s.rounds; round++ {
		for _, k := range kinds {
			if k.peer != Connectd && !s.has(Java) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", k.peer, round), func(t *testing.T) {
				p := s.start(t, k.peer, k.discovery)
				time.Sleep(settled) // what is measured is rest
				s.record(t, Run{Scenario: "idle", Peer: k.peer, Round: round, Figures: map[Figure]float64{
					REST: p.restUp.Seconds(), RSS: memory(t, p.pid, "VmRSS"), PeakRSS: memory(t, p.pid, "VmHWM"),
				}})
				names := idleConnectors(t, p, 50)
				time.Sleep(settled)
				s.record(t, Run{Scenario: "idle-50", Peer: k.peer, Round: round, Figures: map[Figure]float64{
					RSS: memory(t, p.pid, "VmRSS"), PeakRSS: memory(t, p.pid, "VmHWM"),
				}})
				for _, name := range names {
					p.rest.Must("DELETE", "/connectors/"+name, nil, nil)
				}
				run := Run{Peer: k.peer}
				defer func() {
					run.Scenario, run.Round = "loaded", round
					s.record(t, run)
				}()
				run = s.snapshotOn(t, p, rows, nil, table)
				p.stopped()
			})
		}
	}
}

// idleConnectors makes n sources that read an empty file, and waits until all run.
func idleConnectors(t *testing.T, p *peer, n int) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "empty.txt")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	names := make([]string, n)
	for i := range names {
		names[i] = process.Unique(fmt.Sprintf("idle%d-", i))
		p.rest.Put(names[i], map[string]string{
			"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": "1", "file": file, "topic": names[i],
		})
	}
	for _, name := range names {
		p.rest.AwaitRunning(name, 1)
	}
	return names
}
