package sourcetask_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/sourcetask"
)

// until waits until the signal doing is as ok wants it.
func (r *running) until(t *testing.T, doing string, ok func(cluster.Signal) bool) cluster.Signal {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		for _, s := range r.Signals() {
			if s.Doing == doing && ok(s) {
				return s
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %+v", doing, r.Signals())
		}
	}
}

func isBusy(s cluster.Signal) bool { return s.Busy }
func isIdle(s cluster.Signal) bool { return !s.Busy }

func (o *offsets) refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = err
}

// idle is a task that has nothing to read and says so.
type idle struct{ *script }

func (idle) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Millisecond):
	}
	return nil, nil
}

func TestIdleSourceMakesProgress(t *testing.T) {
	r := run(t, newCluster(t), idle{newScript()}, newOffsets(), nil)
	const doing = "in a call of Poll"
	first := r.until(t, doing, isBusy)
	r.until(t, doing, func(s cluster.Signal) bool { return s.Progress > first.Progress+2 })
	r.until(t, "producing records", isIdle)
	r.until(t, "storing offsets", isIdle)
}

// While offsets cannot be stored that shows, and no progress; afterwards it is over.
func TestSignalsWhileOffsetsAreNotStored(t *testing.T) {
	c, s, off := newCluster(t), newScript(), newOffsets()
	r := run(t, c, s, off, func(cfg *sourcetask.Config) { cfg.CommitInterval = 20 * time.Millisecond })
	off.refuse(errors.New("away"))
	s.batches <- []*connect.SourceRecord{record(partition("p"), 1, "t", "a")}
	stuck := r.until(t, "storing offsets", isBusy)
	if stuck.Progress != 0 {
		t.Errorf("progress %d", stuck.Progress)
	}
	off.refuse(nil)
	r.until(t, "storing offsets", func(s cluster.Signal) bool { return !s.Busy && s.Progress > 0 })
	if p := r.until(t, "producing records", isIdle); p.Progress != 1 {
		t.Errorf("%d records", p.Progress)
	}
}
