package sourcetask_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/metrics"
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

// A transaction that cannot be ended shows, though Kafka has acknowledged all its records. Its size is counted when it is committed.
func TestSignalsWhileATransactionDoesNotEnd(t *testing.T) {
	c, s, off := txnCluster(t), newScript(), txnOffsets{make(chan string, 100)}
	answer := make(chan struct{})
	c.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-answer })
		return nil, nil, false
	})
	reg := metrics.New()
	r := run(t, c, s, newOffsets(), func(cfg *sourcetask.Config) {
		exactlyOnce(&sourcetask.Transaction{Offsets: off})(cfg)
		cfg.Metrics = reg.Scope(cfg.ID)
	})
	p := partition("p")
	s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a"), record(p, 2, "one", "drop"), record(p, 3, "one", "b")}
	r.until(t, "producing records", func(s cluster.Signal) bool { return !s.Busy && s.Progress == 3 })
	const doing = "ending a transaction"
	if stuck := r.until(t, doing, isBusy); stuck.Progress != 3 {
		t.Errorf("progress %d", stuck.Progress)
	}
	close(answer)
	r.until(t, doing, func(s cluster.Signal) bool { return !s.Busy && s.Progress == 4 })
	w := httptest.NewRecorder()
	reg.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{`connectd_source_transaction_size_sum{connector="c",task="0"} 2`, `connectd_source_transaction_size_count{connector="c",task="0"} 1`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}
