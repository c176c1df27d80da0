//go:build integration

package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// TestRollingRestartOfStaticMembersMovesNothing: workers with a group.instance.id are restarted one after the other, the leader among
// them; every connector and task is where it was, and the others have not stopped any.
func TestRollingRestartOfStaticMembersMovesNothing(t *testing.T) {
	c := newCluster(t, map[string]string{"session.timeout.ms": "20000", "scheduled.rebalance.max.delay.ms": "120000"})
	for _, id := range []string{"a", "b", "c"} {
		c.extra["group.instance.id"] = id
		c.add()
	}
	c.sixFiles(c.procs[0])
	c.balanced(3)
	before, err := c.procs[0].view(c.group)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.procs {
		gaveUp := map[*proc]int{}
		for _, o := range c.procs {
			gaveUp[o] = o.revocations()
		}
		p.stop()
		p.start()
		time.Sleep(2 * time.Second) // whatever would move would move now
		c.balanced(3)
		now, err := p.view(c.group)
		if err != nil || !maps.Equal(before, now) {
			t.Fatalf("work has moved from %v to %v, %v", before, now, err)
		}
		for o, n := range gaveUp {
			if o != p && o.revocations() != n {
				t.Errorf("%s had to give work up when %s was restarted", o.URL, p.URL)
			}
		}
	}
}

var revoked = regexp.MustCompile(`"revoked":[1-9]`)

// revocations counts the rounds in which a worker had to give something up, since it was started.
func (p *proc) revocations() int {
	b, err := os.ReadFile(filepath.Join(p.dir, fmt.Sprintf("connectd.%d.log", p.runs)))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(revoked.FindAll(b, -1))
}
