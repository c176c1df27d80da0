package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/secrets"
)

// vault is one secret with a TTL of a minute.
type vault struct {
	mu    sync.Mutex
	value string
	fail  error
	asked int
}

func (v *vault) Resolve(context.Context, config.Props) (secrets.Resolution, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	return secrets.Resolution{TTL: time.Minute, Fingerprint: "of " + v.value}, v.fail
}

func (v *vault) set(value string, fail error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.value, v.fail = value, fail
}

// rotating runs test with a running task that uses v.
func rotating(t *testing.T, reload string, test func(r *rig, v *vault)) {
	synctest.Test(t, func(t *testing.T) {
		v := &vault{value: "a"}
		f := &fakes{made: make(chan *fake, 16), fail: map[connect.TaskID]error{}, easy: true, secrets: v}
		r := newRigOf(t, f, time.Minute)
		w := wants(cluster.Started, 0)
		w[task0].Connector[keyReload] = reload
		r.w.Apply(1, w, nil)
		r.expect("settled 1", "c-0 RUNNING")
		test(r, v)
	})
}

// told waits for a while and answers what the worker has told.
func (r *rig) told(d time.Duration) string {
	r.t.Helper()
	end, out := time.After(d), ""
	for {
		select {
		case rep := <-r.w.Reports():
			if !rep.SecretChanged {
				r.t.Fatalf("%+v", rep)
			}
			out += fmt.Sprintf("changed %s/%d;", rep.ID, rep.Epoch)
		case <-end:
			return out
		}
	}
}

func TestChangedSecretIsToldUntilTheRunIsAnotherOne(t *testing.T) {
	rotating(t, "restart", func(r *rig, v *vault) {
		if got := r.told(time.Hour); got != "" {
			r.t.Errorf("unchanged, but told %q", got)
		}
		v.set("b", nil)
		const one = "changed c-0/0;"
		if got := r.told(150 * time.Second); strings.ReplaceAll(got, one, "") != "" || strings.Count(got, one) < 2 {
			r.t.Errorf("told %q", got)
		}
		w := wants(cluster.Started, 1)
		r.w.Apply(2, w, nil)
		r.expect("settled 2", "c-0 UNASSIGNED", "c-0 RUNNING")
		if got := r.told(time.Hour); got != "" {
			r.t.Errorf("after the restart: %q", got)
		}
	})
}

// A provider that is away for a while changes nothing; a run that failed because of it is told of as soon as it answers.
func TestSecretsThatCannotBeLookedUp(t *testing.T) {
	rotating(t, "restart", func(r *rig, v *vault) {
		v.set("a", errors.New("sealed"))
		if got := r.told(10 * time.Minute); got != "" {
			r.t.Errorf("told %q", got)
		}
		r.w.Apply(2, wants(cluster.Started, 1), nil)
		r.expect("settled 2", "c-0 UNASSIGNED")
		if rep := r.report(); rep.Seen != cluster.Failed {
			r.t.Fatalf("%+v", rep)
		}
		v.set("a", nil)
		if got := r.told(15 * time.Second); got != "changed c-0/1;" {
			r.t.Errorf("told %q", got)
		}
	})
}

func TestReloadNoneLooksNothingUp(t *testing.T) {
	rotating(t, "none", func(r *rig, v *vault) {
		asked := v.asked
		v.set("b", nil)
		if got := r.told(time.Hour); got != "" || v.asked != asked {
			r.t.Errorf("told %q, asked %d times", got, v.asked-asked)
		}
	})
}
