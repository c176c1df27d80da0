package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"log/slog"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/supervise"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakes builds bodies that do as they are told through their channels.
type fakes struct {
	made    chan *fake
	fail    map[connect.TaskID]error // building fails
	heal    supervise.Policy
	secrets round         // nil interface: none
	slow    chan struct{} // building waits for it, whatever the context says; nil: it does not
	easy    bool          // bodies stop when they are told to, as if hang was closed
}

type fake struct {
	id        connect.TaskID
	want      cluster.Want
	started   func()
	paused    chan bool
	abandoned chan struct{}
	end       chan error    // ends Run by itself
	hang      chan struct{} // Run returns after ctx only when this is closed
	signal    atomic.Pointer[cluster.Signal]
	progress  atomic.Pointer[connect.Progress]
}

func (b *fake) Progress() connect.Progress {
	if p := b.progress.Load(); p != nil {
		if p.Phase == "panic" {
			panic(p)
		}
		return *p
	}
	return connect.Progress{}
}

func (b *fake) Signals() []cluster.Signal {
	if s := b.signal.Load(); s != nil {
		return []cluster.Signal{*s}
	}
	return nil
}

func (f *fakes) build(_ context.Context, r *run, started func(), _ func(cluster.Report)) (body, error) {
	if f.slow != nil {
		<-f.slow
	}
	if f.secrets != nil {
		for range 2 { // the connector's config and the task's
			res, err := f.secrets.Resolve(r.ctx, nil)
			if r.uses(res, err); err != nil {
				return nil, err
			}
		}
	}
	if err := f.fail[r.id]; err != nil {
		return nil, err
	}
	b := &fake{
		id: r.id, want: r.want, started: started, paused: make(chan bool, 8), abandoned: make(chan struct{}), end: make(chan error, 1),
		hang: make(chan struct{}),
	}
	if f.easy {
		close(b.hang)
	}
	f.made <- b
	return b, nil
}

func (*fakes) version(cluster.Want) string { return "1.0" }

func (f *fakes) round() round { return f.secrets }

func (f *fakes) policy(cluster.Want) supervise.Policy { return f.heal }

func (b *fake) Run(ctx context.Context) error {
	b.started()
	select {
	case err := <-b.end:
		if err != nil && err.Error() == "panic" {
			panic("boom")
		}
		return err
	case <-ctx.Done():
		<-b.hang
		return nil
	}
}
func (b *fake) Pause()   { b.paused <- true }
func (b *fake) Resume()  { b.paused <- false }
func (b *fake) Abandon() { close(b.abandoned) }

type rig struct {
	t *testing.T
	w *Worker
	f *fakes
}

func newRig(t *testing.T, timeout time.Duration) *rig {
	return newRigOf(t, &fakes{made: make(chan *fake, 16), fail: map[connect.TaskID]error{}}, timeout)
}

func newRigOf(t *testing.T, f *fakes, timeout time.Duration) *rig {
	w := New(Config{Builder: f, Log: slog.New(slog.DiscardHandler), StopTimeout: timeout})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx, nil) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return &rig{t, w, f}
}

func (r *rig) report() cluster.Report {
	r.t.Helper()
	select {
	case rep := <-r.w.Reports():
		return rep
	case <-time.After(10 * time.Second):
		r.t.Fatal("no report")
		return cluster.Report{}
	}
}

// expect reads reports, in order: "c-0 RUNNING", "settled 3".
func (r *rig) expect(want ...string) {
	r.t.Helper()
	for _, w := range want {
		rep := r.report()
		got := fmt.Sprintf("%s %s", rep.ID, rep.Seen)
		if rep.Settled > 0 {
			got = fmt.Sprintf("settled %d", rep.Settled)
		}
		if got != w {
			r.t.Fatalf("report %q, want %q (error %v)", got, w, rep.Err)
		}
	}
}

var task0 = connect.TaskID{Connector: "c", Task: 0}

func wants(target cluster.TargetState, epoch int64) map[connect.TaskID]cluster.Want {
	return map[connect.TaskID]cluster.Want{task0: {Connector: config.Props{"name": "c"}, Target: target, Epoch: epoch}}
}

func TestRevisionSettlesWhenRevokedWorkHasStopped(t *testing.T) {
	r := newRig(t, time.Minute)
	r.w.Apply(1, wants(cluster.Started, 0), nil)
	r.expect("settled 1", "c-0 RUNNING")
	b := <-r.f.made
	r.w.Apply(2, nil, nil)
	r.w.Apply(3, nil, nil) // a later revision waits for the same
	select {
	case rep := <-r.w.Reports():
		t.Fatalf("%+v before the task has stopped", rep)
	default:
	}
	close(b.hang)
	r.expect("c-0 UNASSIGNED", "settled 2", "settled 3")
}

func TestRestartStopsThenStartsAgain(t *testing.T) {
	r := newRig(t, time.Minute)
	r.w.Apply(1, wants(cluster.Started, 0), nil)
	r.expect("settled 1", "c-0 RUNNING")
	first := <-r.f.made
	r.w.Apply(2, wants(cluster.Started, 1), nil)
	r.expect("settled 2") // nothing was revoked
	close(first.hang)
	r.expect("c-0 UNASSIGNED", "c-0 RUNNING")
	if second := <-r.f.made; second.want.Epoch != 1 {
		t.Errorf("the second run has epoch %d", second.want.Epoch)
	} else {
		close(second.hang)
	}
}

func TestInstanceThatMissesItsDeadlineIsAbandoned(t *testing.T) {
	r := newRig(t, 20*time.Millisecond)
	r.w.Apply(1, wants(cluster.Started, 0), nil)
	r.expect("settled 1", "c-0 RUNNING")
	b := <-r.f.made
	r.w.Apply(2, nil, nil)
	r.expect("c-0 UNASSIGNED", "settled 2")
	select {
	case <-b.abandoned:
	case <-time.After(10 * time.Second):
		t.Fatal("it was not told")
	}
	if _, _, n := r.w.Counts(); n != 1 {
		t.Errorf("%d abandoned instances", n)
	}
	close(b.hang)
}

func TestErrorsAndPanicsFailTheTaskAlone(t *testing.T) {
	r := newRig(t, time.Minute)
	r.w.Apply(1, wants(cluster.Started, 0), nil)
	r.expect("settled 1", "c-0 RUNNING")
	(<-r.f.made).end <- errors.New("panic")
	rep := r.report()
	if rep.Seen != cluster.Failed || !strings.Contains(rep.Err.Error(), "boom") || !strings.Contains(rep.Err.Error(), "worker_test.go") {
		t.Fatalf("%+v", rep)
	}
	r.f.fail[task0] = errors.New("no such file")
	r.w.Apply(2, wants(cluster.Started, 1), nil)
	r.expect("settled 2")
	if rep := r.report(); rep.Seen != cluster.Failed || rep.Err.Error() != "no such file" {
		t.Fatalf("%+v", rep)
	}
}

func TestPauseReachesTheBodyAlsoWhenItIsBuiltLater(t *testing.T) {
	r := newRig(t, time.Minute)
	r.w.Apply(1, wants(cluster.Started, 0), nil)
	r.expect("settled 1", "c-0 RUNNING")
	b := <-r.f.made
	r.w.Apply(2, wants(cluster.Paused, 0), nil)
	r.expect("c-0 PAUSED", "settled 2")
	if !<-b.paused {
		t.Error("resumed, not paused")
	}
	r.w.Apply(3, wants(cluster.Started, 0), nil)
	r.expect("c-0 RUNNING", "settled 3")
	if <-b.paused {
		t.Error("paused, not resumed")
	}
	close(b.hang)
}
