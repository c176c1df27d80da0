package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/plugin"
	"github.com/connectd/connectd/runtime/supervise"
)

var healing = supervise.Policy{Enable: true, Initial: time.Second, Max: time.Minute, Attempts: 3, Window: 10 * time.Minute}

// healed runs test in a bubble, with a task that was started and a worker that restarts what fails.
func healed(t *testing.T, test func(r *rig, b *fake)) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, time.Minute)
		r.f.heal, r.f.easy = healing, true
		r.w.Apply(1, wants(cluster.Started, 0), nil)
		r.expect("settled 1", "c-0 RUNNING")
		test(r, <-r.f.made)
	})
}

// failed awaits a FAILED report and answers when the restart is due, from now; 0: there is none.
func (r *rig) failed() (time.Duration, *cluster.Restart) {
	r.t.Helper()
	rep := r.report()
	if rep.Seen != cluster.Failed {
		r.t.Fatalf("%+v", rep)
	}
	if rep.Restart == nil || rep.Restart.At.IsZero() {
		return 0, rep.Restart
	}
	return time.Until(rep.Restart.At), rep.Restart
}

// around tells whether a wait is d, give or take the jitter.
func around(got, d time.Duration) bool { return got >= d*8/10 && got <= d*12/10 }

func TestFailedTaskRestartsWithBackoff(t *testing.T) {
	healed(t, func(r *rig, b *fake) {
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			b.end <- fmt.Errorf("dialing: %w", syscall.ECONNREFUSED)
			wait, restart := r.failed()
			if !around(wait, want) || restart.Attempt != i+1 || restart.Class != "retriable" {
				r.t.Fatalf("attempt %d in %s: %+v", i+1, wait, restart)
			}
			begun := time.Now()
			r.expect("c-0 RUNNING")
			if took := time.Since(begun); took != wait {
				r.t.Errorf("restarted after %s, announced %s", took, wait)
			}
			b = <-r.f.made
		}
		time.Sleep(2 * time.Minute) // all is well for a while
		b.end <- syscall.ECONNRESET
		if wait, _ := r.failed(); !around(wait, time.Second) {
			r.t.Errorf("after a good run it waits %s", wait)
		}
	})
}

func TestCrashLoopEndsWithTheBudget(t *testing.T) {
	healed(t, func(r *rig, b *fake) {
		for range healing.Attempts {
			b.end <- errors.New("panic")
			if wait, restart := r.failed(); wait == 0 || restart.Class != "panic" {
				r.t.Fatalf("%+v", restart)
			}
			r.expect("c-0 RUNNING")
			b = <-r.f.made
		}
		b.end <- errors.New("panic")
		wait, restart := r.failed()
		if wait != 0 || !strings.Contains(restart.String(), "next_retry: none") || !strings.Contains(restart.String(), "errors.restart.max.attempts=3") {
			r.t.Fatalf("%s %s", wait, restart)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(r.f.made) > 0 {
			r.t.Error("it was started again")
		}
		// By hand it starts with a new budget.
		r.w.Apply(2, wants(cluster.Started, 1), nil)
		r.expect("settled 2", "c-0 RUNNING")
		(<-r.f.made).end <- errors.New("boom")
		if _, restart := r.failed(); restart.Attempt != 1 {
			r.t.Errorf("attempt %d after a manual restart", restart.Attempt)
		}
	})
}

// The offset of a poisoned record is the same after each restart, however long the task works before it comes to it.
func TestPoisonedRecordDoesNotFlap(t *testing.T) {
	healed(t, func(r *rig, b *fake) {
		poison := &pipeline.StageError{
			Stage: pipeline.ValueConverter, Class: "org.apache.kafka.connect.json.JsonConverter", Err: errors.New("unexpected token"),
			At: connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: "t"}, Offset: 42},
		}
		runs := 1
		for ; ; runs++ {
			time.Sleep(time.Hour)
			b.end <- poison
			wait, restart := r.failed()
			if wait == 0 {
				if restart.Class != "data" || !strings.Contains(restart.Why, "same record") {
					r.t.Errorf("%+v", restart)
				}
				break
			}
			r.expect("c-0 RUNNING")
			b = <-r.f.made
		}
		if runs != 4 {
			r.t.Errorf("%d runs", runs)
		}
	})
}

func TestBackoffIsCancelled(t *testing.T) {
	quiet := func(r *rig) {
		r.t.Helper()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(r.f.made) > 0 {
			r.t.Error("it was started again")
		}
	}
	other := func() map[connect.TaskID]cluster.Want {
		return map[connect.TaskID]cluster.Want{task0: {Connector: config.Props{"name": "c", "k": "v"}}}
	}
	for name, test := range map[string]func(r *rig){
		"by deletion": func(r *rig) { r.w.Apply(2, nil, nil); r.expect("c-0 UNASSIGNED", "settled 2"); quiet(r) },
		"by a restart, which is at once": func(r *rig) {
			r.w.Apply(2, wants(cluster.Started, 1), nil)
			r.expect("settled 2", "c-0 RUNNING")
			<-r.f.made
			quiet(r)
		},
		"by another config, at once": func(r *rig) {
			r.w.Apply(2, other(), nil)
			r.expect("settled 2", "c-0 RUNNING")
			<-r.f.made
			quiet(r)
		},
		"by a pause, until it is over": func(r *rig) {
			r.w.Apply(2, wants(cluster.Paused, 0), nil)
			if wait, restart := r.failed(); wait != 0 || !strings.Contains(restart.Why, "paused") {
				r.t.Errorf("%s %+v", wait, restart)
			}
			r.expect("settled 2")
			quiet(r)
			r.w.Apply(3, wants(cluster.Started, 0), nil)
			r.expect("settled 3", "c-0 RUNNING")
			<-r.f.made
		},
		"not by a rebalance that leaves it here": func(r *rig) {
			w := wants(cluster.Started, 0)
			x := w[task0]
			x.Generation = 7
			w[task0] = x
			r.w.Apply(2, w, nil)
			r.expect("settled 2", "c-0 RUNNING")
			<-r.f.made
		},
	} {
		t.Run(name, func(t *testing.T) {
			healed(t, func(r *rig, b *fake) {
				b.end <- io.ErrUnexpectedEOF
				r.failed()
				test(r)
			})
		})
	}
}

func TestStrictModeLeavesFailedAlone(t *testing.T) {
	healed(t, func(r *rig, b *fake) {
		r.f.heal.Enable = false
		b.end <- io.EOF
		if _, restart := r.failed(); restart != nil {
			r.t.Errorf("%+v", restart)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(r.f.made) > 0 {
			r.t.Error("it was started again")
		}
	})
}

func TestClassify(t *testing.T) {
	record := func(err error) error {
		return &pipeline.StageError{Stage: pipeline.Transformation, Class: "X", Err: err}
	}
	for _, c := range []struct {
		err  error
		want supervise.Class
	}{
		{errors.New("boom"), supervise.Unknown},
		{fmt.Errorf("putting: %w", connect.Retriable(errors.New("busy"), time.Minute)), supervise.Retriable},
		{fmt.Errorf("x: %w", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), supervise.Retriable},
		{&net.DNSError{Err: "no such host", Name: "db"}, supervise.Retriable},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), supervise.Retriable},
		{errors.Join(errors.New("a"), io.ErrUnexpectedEOF), supervise.Retriable},
		{fmt.Errorf("x: %w", kerr.NotEnoughReplicas), supervise.Retriable},
		{fmt.Errorf("x: %w", kerr.TopicAuthorizationFailed), supervise.Authorization},
		{kerr.SaslAuthenticationFailed, supervise.Authorization},
		{&fs.PathError{Op: "open", Path: "/x", Err: syscall.EACCES}, supervise.Authorization},
		{fmt.Errorf("x: %w", kerr.ProducerFenced), supervise.Fenced},
		{&pipeline.PanicError{Value: io.EOF}, supervise.Panic},
		{fmt.Errorf("x: %w", record(errors.New("bad"))), supervise.Data},
		{record(&net.OpError{Op: "dial", Err: errors.New("registry is away")}), supervise.Retriable},
		{&connect.PutError{Failed: []connect.RecordError{{Err: errors.New("bad")}}}, supervise.Data},
		{fmt.Errorf("x: %w", &config.Error{Key: "k"}), supervise.Configuration},
		{&connectorconfig.BadRequest{}, supervise.Configuration},
		{fmt.Errorf("x: %w", &plugin.NotFound{}), supervise.Configuration},
		{configError{errors.New("too many tasks")}, supervise.Configuration},
	} {
		if got := classify(c.err); got.Class != c.want {
			t.Errorf("%v: %s, want %s", c.err, got.Class, c.want)
		}
	}
	if f := classify(connect.Retriable(errors.New("busy"), time.Minute)); f.After != time.Minute {
		t.Errorf("after %s", f.After)
	}
}
