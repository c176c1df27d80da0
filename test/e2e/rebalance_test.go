//go:build integration

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestThreeWorkers: six tasks on three workers; a killed worker's tasks run elsewhere, a returned worker gets work, and every worker's
// REST tells the same.
func TestThreeWorkers(t *testing.T) {
	c := newCluster(t, nil)
	a := c.add()
	for i := range 6 {
		name := fmt.Sprintf("%s-file-%d", c.group, i)
		file := filepath.Join(t.TempDir(), "in.txt")
		if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		a.put(name, map[string]string{
			"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "file": file, "topic": name, "tasks.max": "1",
		})
	}
	c.add()
	b := c.add()
	c.balanced(3)
	b.kill()
	c.procs = c.procs[:2]
	c.balanced(2)
	c.procs = append(c.procs, b)
	b.start()
	c.balanced(3)
}

// balanced waits until the 6 connectors and 6 tasks are spread over n workers, each with 3 to 5 of the 12, and all workers agree.
func (c *cluster) balanced(n int) {
	c.t.Helper()
	await(c.t, 60*time.Second, fmt.Sprintf("6 tasks on %d workers", n), func() error {
		first, err := c.procs[0].view(c.group)
		if err != nil {
			return err
		}
		for _, p := range c.procs[1:] {
			v, err := p.view(c.group)
			if err != nil {
				return err
			}
			if !maps.Equal(first, v) {
				return fmt.Errorf("%s says %v, %s says %v", c.procs[0].url, first, p.url, v)
			}
		}
		load := map[string]int{}
		for _, worker := range first {
			load[worker]++
		}
		if len(load) != n {
			return fmt.Errorf("work is on %d workers: %v", len(load), load)
		}
		if ls := slices.Sorted(maps.Values(load)); ls[len(ls)-1]-ls[0] > 2 {
			return fmt.Errorf("not balanced: %v", load)
		}
		return nil
	})
}

// view is who runs what, as one worker's REST tells it; an error while anything is not RUNNING.
func (p *proc) view(group string) (map[string]string, error) {
	out := map[string]string{}
	for i := range 6 {
		name := fmt.Sprintf("%s-file-%d", group, i)
		s, err := p.status(name)
		if err != nil {
			return nil, err
		}
		if s.Connector.State != "RUNNING" || len(s.Tasks) != 1 || s.Tasks[0].State != "RUNNING" {
			return nil, fmt.Errorf("%s: %+v", name, s)
		}
		out[name], out[name+"-0"] = s.Connector.WorkerID, s.Tasks[0].WorkerID
	}
	return out, nil
}
