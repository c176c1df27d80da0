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

	"github.com/connectd/connectd/test/process"
)

// TestThreeWorkers: six tasks on three workers; a killed worker's tasks run elsewhere, a returned worker gets work, and every worker's
// REST tells the same.
func TestThreeWorkers(t *testing.T) {
	c := newCluster(t, nil)
	a := c.add()
	c.sixFiles(a)
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

// sixFiles makes six connectors of one task each.
func (c *cluster) sixFiles(p *proc) {
	c.t.Helper()
	for i := range 6 {
		name := fmt.Sprintf("%s-file-%d", c.group, i)
		file := filepath.Join(c.t.TempDir(), "in.txt")
		if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o600); err != nil {
			c.t.Fatal(err)
		}
		p.put(name, map[string]string{
			"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "file": file, "topic": name, "tasks.max": "1",
		})
	}
}

// TestOrderlyLeaveMovesTheWorkAtOnce: what a worker had that is stopped with SIGTERM runs elsewhere long before
// scheduled.rebalance.max.delay.ms, and before the others' next heartbeats. Whether it is the leader makes no difference.
func TestOrderlyLeaveMovesTheWorkAtOnce(t *testing.T) {
	c := newCluster(t, map[string]string{"scheduled.rebalance.max.delay.ms": "120000"})
	a := c.add()
	c.sixFiles(a)
	c.add()
	b := c.add()
	c.balanced(3)
	for i, p := range []*proc{b, a} {
		p.stop()
		began := time.Now()
		c.procs = slices.DeleteFunc(c.procs, func(o *proc) bool { return o == p })
		c.balanced(2 - i)
		took := time.Since(began)
		t.Logf("the work of a worker that left runs elsewhere after %s", took.Round(time.Millisecond))
		if took > 2*time.Second { // the goal is one; two cores may be busy
			t.Errorf("the work of a worker that left ran elsewhere only after %s", took)
		}
	}
}

// balanced waits until the 6 connectors and 6 tasks are spread over n workers, each with 3 to 5 of the 12, and all workers agree.
func (c *cluster) balanced(n int) {
	c.t.Helper()
	process.Await(c.t, 60*time.Second, fmt.Sprintf("6 tasks on %d workers", n), func() error {
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
				return fmt.Errorf("%s says %v, %s says %v", c.procs[0].URL, first, p.URL, v)
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
		s, err := p.Status(name)
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
