package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// TestProgressIsToldAtABoundedRate: at once if the phase is another one, else every few seconds, and only if something has changed.
func TestProgressIsToldAtABoundedRate(t *testing.T) {
	stalls(t, func(r *rig) {
		r.w.Apply(1, wants(cluster.Started, 3), nil)
		r.expect("settled 1", "c-0 RUNNING")
		b := <-r.f.made
		tells := func(phase, details string) {
			b.progress.Store(&connect.Progress{Phase: phase, Details: []byte(details)})
		}
		next := func(want string, within time.Duration) {
			r.t.Helper()
			began := time.Now()
			rep := r.report()
			if rep.ID != task0 || rep.Epoch != 3 || rep.Seen != "" || rep.Progress != want {
				r.t.Fatalf("report %+v, want %s", rep, want)
			}
			if d := time.Since(began); d > within {
				r.t.Errorf("%s after %v", want, d)
			}
		}
		silent := func(d time.Duration) {
			r.t.Helper()
			select {
			case rep := <-r.w.Reports():
				r.t.Fatalf("report %+v", rep)
			case <-time.After(d):
			}
		}
		silent(time.Minute)
		tells("snapshot", `{"rows":1}`)
		next(`{"rows":1}`, progressLook)
		tells("snapshot", `{"rows":2}`)
		silent(progressPause - 2*progressLook)
		tells("snapshot", `{"rows":3}`)
		next(`{"rows":3}`, 3*progressLook)
		tells("streaming", `{"file":"a"}`)
		next(`{"file":"a"}`, progressLook)
		silent(time.Minute)
		for _, bad := range []string{``, `[1]`, `{"a":`, `{"a":"` + strings.Repeat("x", maxProgress) + `"}`} {
			tells("other", bad)
			silent(10 * time.Second)
		}
		tells("panic", `{}`)
		silent(10 * time.Second)
		// The status of a new run, or after a pause, has no progress: it is told again.
		tells("streaming", `{"file":"a"}`)
		silent(10 * time.Second)
		r.w.Apply(2, wants(cluster.Paused, 3), nil)
		r.expect("c-0 PAUSED", "settled 2")
		silent(time.Minute)
		r.w.Apply(3, wants(cluster.Started, 3), nil)
		r.expect("c-0 RUNNING", "settled 3")
		next(`{"file":"a"}`, progressLook)
	})
}

func TestNewerProgressTakesThePlaceOfOlder(t *testing.T) {
	q := newQueue()
	other := connect.TaskID{Connector: "d"}
	for _, rep := range []cluster.Report{{ID: task0, Progress: "1"}, {ID: other, Progress: "2"}, {ID: task0, Seen: cluster.Running}, {ID: task0, Progress: "3"}} {
		q.put(rep)
	}
	var got []string
	for _, rep := range q.rest() {
		got = append(got, rep.ID.String()+" "+rep.Progress+string(rep.Seen))
	}
	if s := strings.Join(got, ", "); s != "d-0 2, c-0 RUNNING, c-0 3" {
		t.Error(s)
	}
}

// TestWrappedTaskIsWatched: what the builder makes of a task passes on what the task and its loop tell.
func TestWrappedTaskIsWatched(t *testing.T) {
	b := &fake{}
	b.signal.Store(&cluster.Signal{Doing: "in a call of Poll"})
	b.progress.Store(&connect.Progress{Phase: "snapshot"})
	var wrapped body = scoped{body: b, task: b}
	if w, ok := wrapped.(watched); !ok || len(w.Signals()) != 1 {
		t.Error("no signals")
	}
	if p, ok := wrapped.(connect.Progressor); !ok || p.Progress().Phase != "snapshot" {
		t.Error("no progress")
	}
}
