package sim

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder/core"
)

func task(name string, n int32) connect.TaskID { return connect.TaskID{Connector: name, Task: n} }

func TestConfigChangeRestartsTasksOnce(t *testing.T) {
	inBed(t, func(b *bed) {
		b.three()
		b.must(source("c", 4, "version", "1"))
		b.awaitQuiet(time.Minute)
		before := b.begun(task("c", 1))
		b.must(source("c", 4, "version", "2"))
		b.await("version 2 runs", time.Minute, func() string { return b.versions("c", 4, "2") })
		b.awaitQuiet(time.Minute)
		time.Sleep(time.Minute)
		for n := range int32(4) {
			if got := b.begun(task("c", n)) - before; got != 1 {
				t.Errorf("task %d was restarted %d times", n, got)
			}
		}
		b.audit()
	})
}

// versions tells which tasks do not run with version, and only with it.
func (b *bed) versions(name string, tasks int, version string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range int32(tasks) {
		ls := b.lives[task(name, n)]
		if len(ls) != 1 || ls[0].version != version {
			return fmt.Sprintf("task %d: %d instances", n, len(ls))
		}
	}
	return ""
}

func TestPauseResumeStopResume(t *testing.T) {
	inBed(t, func(b *bed) {
		_, followers := b.three()
		b.must(source("c", 4))
		b.must(sink("s", 3))
		b.awaitQuiet(time.Minute)
		for _, name := range []string{"c", "s"} {
			for _, target := range []cluster.TargetState{cluster.Paused, cluster.Started, cluster.Stopped, cluster.Started, cluster.Stopped, cluster.Paused, cluster.Started} {
				req := core.SetTarget{Name: name, State: target}
				if target == cluster.Stopped {
					b.must(req)
				} else if _, err := b.ask(followers[0], req); err != nil {
					t.Errorf("a follower cannot set %s: %v", target, err)
				}
				b.await(name+" is "+target.String(), time.Minute, func() string {
					if followers[0].config.Snapshot().Connectors[name].Target != target {
						return "not read"
					}
					if target == cluster.Paused {
						return ""
					}
					return b.unrest()
				})
			}
		}
		b.audit()
	})
}

// TestStopAndResumeAtOnce: workers may read both changes together and see no stop; the task configs are gone all the same.
func TestStopAndResumeAtOnce(t *testing.T) {
	inBed(t, func(b *bed) {
		leader, _ := b.three()
		b.must(source("c", 4))
		b.awaitQuiet(time.Minute)
		for range 5 {
			var both sync.WaitGroup
			for _, target := range []cluster.TargetState{cluster.Stopped, cluster.Started} {
				both.Go(func() {
					if _, err := b.ask(leader, core.SetTarget{Name: "c", State: target}); err != nil && !errors.Is(err, cluster.ErrRebalancing) {
						t.Error(err)
					}
				})
			}
			both.Wait()
			b.must(core.SetTarget{Name: "c", State: cluster.Started})
			b.awaitQuiet(time.Minute)
		}
		b.audit()
	})
}

func TestDeleteWhileRunning(t *testing.T) {
	inBed(t, func(b *bed) {
		b.three()
		b.must(source("c", 4))
		b.must(source("d", 4))
		b.must(sink("s", 3))
		b.awaitQuiet(time.Minute)
		b.must(core.Delete{Name: "c"})
		b.must(core.Delete{Name: "s"})
		b.awaitQuiet(time.Minute)
		if _, err := b.do(core.RestartConnector{Name: "c"}); err == nil || !strings.Contains(err.Error(), "not found") {
			t.Errorf("restarting a deleted connector: %v", err)
		}
		b.must(source("c", 2))
		b.awaitQuiet(time.Minute)
		b.must(core.Delete{Name: "c"})
		b.must(core.Delete{Name: "d"})
		b.awaitQuiet(time.Minute)
	})
}

func TestRestarts(t *testing.T) {
	inBed(t, func(b *bed) {
		b.three()
		b.must(source("c", 4))
		b.awaitQuiet(time.Minute)
		begun := b.begun(task("c", 2))
		b.must(core.RestartTask{ID: task("c", 2)})
		b.awaitQuiet(time.Minute)
		if n := b.begun(task("c", 2)); n != begun+1 {
			t.Errorf("task 2 was started %d times more", n-begun)
		}
		others := b.begun(task("c", 1))
		b.must(core.RestartConnector{Name: "c"})
		b.awaitQuiet(time.Minute)
		if n := b.begun(task("c", 1)); n != others {
			t.Errorf("restarting the connector restarted task 1 %d times", n-others)
		}
		b.must(core.RestartAll{RestartRequest: cluster.RestartRequest{Connector: "c", IncludeTasks: true}})
		b.await("all tasks are restarted", time.Minute, func() string {
			for n := range int32(4) {
				if got := b.begun(task("c", n)); got < others+1 {
					return fmt.Sprintf("task %d was started %d times", n, got)
				}
			}
			return b.unrest()
		})
		b.audit()
	})
}

func TestCreatedAndDeletedInQuickSuccession(t *testing.T) {
	inBed(t, func(b *bed) {
		b.three()
		b.must(source("other", 3))
		for range 5 {
			b.must(source("c", 3))
			b.must(core.Delete{Name: "c"})
		}
		b.awaitQuiet(2 * time.Minute)
		b.must(source("c", 3))
		b.awaitQuiet(time.Minute)
		for range 3 {
			b.must(core.Delete{Name: "c"})
			b.must(source("c", 3))
		}
		b.awaitQuiet(2 * time.Minute)
	})
}

func TestHundredConnectorsAtOnce(t *testing.T) {
	inBed(t, func(b *bed) {
		b.three()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				if _, err := b.do(source(fmt.Sprintf("c%d", i), 1)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		b.awaitQuiet(3 * time.Minute)
		load := b.load()
		for name, n := range load {
			if n < 33 || n > 34 {
				t.Errorf("%s has %d tasks: %v", name, n, load)
			}
		}
		b.audit()
	})
}
