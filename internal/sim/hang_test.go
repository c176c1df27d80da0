package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder/core"
)

// awaitStatus waits for the state of a connector or task, and returns the status.
func (b *bed) awaitStatus(id connect.TaskID, state cluster.State) (s cluster.Status) {
	b.Helper()
	b.await(id.String()+" is "+string(state), 4*time.Minute, func() string {
		s, _ = b.alive()[0].status.Get(id)
		if s.State != state {
			return "it is " + string(s.State)
		}
		return ""
	})
	return s
}

// TestConnectorsThatDoWrong: each wrong harms its connector alone, and goes when the config is put right, the connector restarted or deleted.
func TestConnectorsThatDoWrong(t *testing.T) {
	for _, key := range []string{"on.start", "on.stop", "on.configs"} {
		for _, how := range []string{"hang", "fail", "panic"} {
			t.Run(key+" "+how, func(t *testing.T) {
				inBed(t, func(b *bed) {
					b.three()
					b.must(source("good", 3))
					b.must(source("bad", 3, key, how, "version", "1"))
					time.Sleep(10 * time.Second)
					started := time.Now()
					b.must(source("also", 3))
					b.must(source("bad", 3, "version", "2"))
					b.await("bad runs with its new config", 30*time.Second, func() string { return b.versions("bad", 3, "2") })
					b.awaitQuiet(time.Minute)
					if took := time.Since(started); took > 30*time.Second {
						t.Errorf("that took %s", took)
					}
					b.must(source("bad", 3, key, how, "version", "3"))
					time.Sleep(10 * time.Second)
					b.must(core.Delete{Name: "bad"})
					b.awaitQuiet(time.Minute)
					b.audit()
				})
			})
		}
	}
}

func TestFailedConnectorIsRestarted(t *testing.T) {
	inBed(t, func(b *bed) {
		b.three()
		b.must(source("bad", 3, "on.start", "fail"))
		id := connect.TaskID{Connector: "bad", Task: connect.ConnectorTask}
		if s := b.awaitStatus(id, cluster.Failed); !strings.Contains(s.Trace, "told to fail") {
			t.Errorf("trace %q", s.Trace)
		}
		if _, err := b.do(core.RestartConnector{Name: "bad"}); err == nil || !strings.Contains(err.Error(), "told to fail") {
			t.Errorf("restarting it: %v", err)
		}
		b.must(core.RestartAll{RestartRequest: cluster.RestartRequest{Connector: "bad", OnlyFailed: true}})
		b.awaitStatus(id, cluster.Failed)
	})
}

// TestTaskThatIgnoresItsStopIsAbandoned: it can neither report nor commit, and another instance does its work.
func TestTaskThatIgnoresItsStopIsAbandoned(t *testing.T) {
	inBed(t, func(b *bed) {
		leader, _ := b.three()
		b.must(source("good", 3))
		b.must(source("bad", 2, "on.poll", "hang"))
		b.awaitQuiet(time.Minute)
		b.must(core.RestartTask{ID: task("bad", 0)})
		b.await("another instance", 20*time.Second, func() string {
			if b.begun(task("bad", 0)) < 2 {
				return "none"
			}
			return b.unrest()
		})
		b.must(source("bad", 2, "version", "2"))
		b.await("both run with the new config", 30*time.Second, b.unrest)
		time.Sleep(10 * time.Second)
		close(b.release) // the abandoned ones come back, and fail
		b.release = make(chan struct{})
		time.Sleep(10 * time.Second)
		if p := b.unrest(); p != "" {
			t.Errorf("after the abandoned instances came back: %s", p)
		}
		leader.kill()
		b.awaitQuiet(2 * time.Minute)
		b.audit()
	})
}
