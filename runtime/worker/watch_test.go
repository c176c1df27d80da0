package worker

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/metrics"
)

// stalls runs test with a worker that calls a task stalled after a minute.
func stalls(t *testing.T, test func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakes{made: make(chan *fake, 16), fail: map[connect.TaskID]error{}, easy: true}
		w := New(Config{Builder: f, Log: slog.New(slog.DiscardHandler), StopTimeout: time.Minute, StallTimeout: time.Minute, Registry: metrics.New()})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx, nil) }()
		t.Cleanup(func() {
			cancel()
			<-ended
		})
		test(&rig{t, w, f})
	})
}

// stalled is what task 0 is stuck at, "" if it is not, and what /metrics say must agree.
func (r *rig) stalled() string {
	r.t.Helper()
	s, ok := r.w.Stalled()[task0]
	families, err := r.w.cfg.Registry.Gatherer().Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "connectd_task_stalled" {
			if v := f.GetMetric()[0].GetGauge().GetValue(); (v == 1) != ok {
				r.t.Errorf("the metric is %v", v)
			}
		}
	}
	return s.Doing
}

func TestTaskWithWorkAndWithoutProgressIsStalled(t *testing.T) {
	stalls(t, func(r *rig) {
		r.w.Apply(1, wants(cluster.Started, 0), nil)
		r.expect("settled 1", "c-0 RUNNING")
		b := <-r.f.made
		is := func(busy bool, progress int64, want string) {
			r.t.Helper()
			b.signal.Store(&cluster.Signal{Doing: "in a call of Put", Busy: busy, Progress: progress})
			time.Sleep(90 * time.Second)
			if got := r.stalled(); got != want {
				r.t.Errorf("busy %v, progress %d: %q, want %q", busy, progress, got, want)
			}
		}
		is(true, 1, "in a call of Put")
		is(true, 1, "in a call of Put")
		is(false, 1, "")
		is(true, 1, "in a call of Put")
		// A restart forgets it.
		r.w.Apply(2, wants(cluster.Started, 1), nil)
		r.expect("settled 2", "c-0 UNASSIGNED", "c-0 RUNNING")
		if got := r.stalled(); got != "" {
			r.t.Errorf("stalled after a restart: %q", got)
		}
	})
}

func TestHangingStartIsStalled(t *testing.T) {
	stalls(t, func(r *rig) {
		r.f.slow = make(chan struct{})
		r.w.Apply(1, wants(cluster.Started, 0), nil)
		r.expect("settled 1")
		time.Sleep(90 * time.Second)
		if got := r.stalled(); got != "starting" {
			r.t.Errorf("%q", got)
		}
		close(r.f.slow)
		r.expect("c-0 RUNNING")
		if got := r.stalled(); got != "starting" { // until the next look
			r.t.Errorf("%q", got)
		}
		time.Sleep(20 * time.Second)
		if got := r.stalled(); got != "" {
			r.t.Errorf("%q", got)
		}
	})
}
