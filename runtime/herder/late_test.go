package herder

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A config topic with the connectors "hung" and "fine", which takes every write.
type topicOf struct {
	snap    *cluster.Snapshot
	changes chan cluster.ConfigRead
	written []cluster.Change
}

func (l *topicOf) Snapshot() *cluster.Snapshot        { return l.snap }
func (l *topicOf) Changes() <-chan cluster.ConfigRead { return l.changes }
func (l *topicOf) ReadToEnd(context.Context) error    { return nil }
func (l *topicOf) Write(_ context.Context, _ bool, c ...cluster.Change) error {
	l.written = append(l.written, c...)
	return nil
}

// idle is a worker that never reports, and whose connectors hang when they are asked for task configs.
type idle struct{ reports chan cluster.Report }

func (idle) Apply(int64, map[connect.TaskID]cluster.Want, []connect.TaskID) {}
func (w idle) Reports() <-chan cluster.Report                               { return w.reports }
func (idle) TaskConfigs(ctx context.Context, _ string) ([]config.Props, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

type noStatus struct{ StatusLog }

func (noStatus) Put(cluster.Status)                            {}
func (noStatus) PutSafe(cluster.Status)                        {}
func (noStatus) Connectors() []string                          { return nil }
func (noStatus) Get(connect.TaskID) (s cluster.Status, _ bool) { return s, false }

// A connector's validation, and a restart, hang: what is asked of other connectors is done at once, so is the deletion of this one, and
// the time-outs name what the worker is at.
func TestHangingConnectorHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		named := func(name string) *cluster.ConnectorSnapshot {
			return &cluster.ConnectorSnapshot{Name: name, Config: config.Props{"name": name}}
		}
		topic := &topicOf{snap: &cluster.Snapshot{Connectors: map[string]*cluster.ConnectorSnapshot{"hung": named("hung"), "fine": named("fine")}},
			changes: make(chan cluster.ConfigRead)}
		let := make(chan struct{})
		solo := NewSolo("http://w/", topic.Snapshot)
		h := New(Config{
			Core: core.Config{WorkerID: "w:1"}, Worker: idle{make(chan cluster.Report)}, Config: topic, Status: noStatus{}, Group: solo,
			Log: slog.New(slog.DiscardHandler), OpTimeout: 90 * time.Second, SyncTimeout: time.Second,
			Validate: func(_ context.Context, p config.Props) error {
				if p["name"] == "hung" {
					<-let // whatever the context says
				}
				return nil
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- h.Run(ctx) }()
		go func() { ended <- solo.Run(ctx) }()
		<-h.Ready()
		do := func(limit time.Duration, r core.Request) (time.Duration, error) {
			begin := time.Now()
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			_, err := h.Do(ctx, r)
			return time.Since(begin), err
		}
		late := func(err error, stage string) {
			t.Helper()
			e, ok := errors.AsType[*cluster.TimedOut](err)
			if !ok || !strings.Contains(e.Error(), "Request timed out. The worker is currently "+stage+", which began at 2000-01-01T00:0") {
				t.Errorf("%v; want the stage %q", err, stage)
			}
		}
		put := make(chan error)
		go func() {
			_, err := do(30*time.Second, core.PutConfig{Name: "hung", Props: config.Props{"name": "hung"}})
			put <- err
		}()
		synctest.Wait()
		for name, r := range map[string]core.Request{
			"another connector put":    core.PutConfig{Name: "fine", Props: config.Props{"name": "fine"}},
			"another connector paused": core.SetTarget{Name: "fine", State: cluster.Paused},
			"the same deleted":         core.Delete{Name: "hung"},
			"the same stopped":         core.SetTarget{Name: "hung", State: cluster.Stopped},
		} {
			if took, err := do(time.Minute, r); err != nil || took > time.Second {
				t.Errorf("%s: %v after %s", name, err, took)
			}
		}
		late(<-put, "validating the config of connector hung")
		_, err := do(10*time.Second, core.RestartConnector{Name: "fine"})
		late(err, "restarting connector fine")
		// The operation itself is given up as well.
		took, err := do(10*time.Minute, core.PutConfig{Name: "hung", Props: config.Props{"name": "hung"}})
		late(err, "validating the config of connector hung")
		if took > 100*time.Second {
			t.Errorf("given up after %s", took)
		}
		close(let)
		cancel()
		<-ended
		<-ended
	})
}
