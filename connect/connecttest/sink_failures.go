package connecttest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
)

// breakAndPut puts a batch while the outside system refuses; again tells that the batch has to come again.
func (r *sinkRun) breakAndPut(batch []*connect.SinkRecord) (mend func(), again bool) {
	r.t.Helper()
	mend = r.d.Break(r.t, r.props)
	// A sink that works in the background hears of the failure later.
	for i := 0; i < 5 && !again; i++ {
		now := batch
		if i > 0 {
			now = nil
		}
		err := r.tryPut(now)
		if err == nil {
			r.preCommit()
			continue
		}
		if _, ok := connect.RetryAfter(err); !ok {
			mend()
			r.t.Fatalf("the outside system refuses for a while, Put says: %v; want a retriable error", err)
		}
		again = i == 0
		if !again {
			break
		}
	}
	return mend, again
}

func retriable(t testing.TB, d SinkDriver) {
	if d.Break == nil {
		return
	}
	r := startSink(t, d, d.Props(t), nil)
	a, b := d.part(0), d.part(1)
	r.open(connect.Offsets{a: 0, b: 0})
	r.mustPut(r.batch(0, 3, a, b))
	r.settle()
	batch := r.batch(3, 8, a, b)
	mend, again := r.breakAndPut(batch)
	r.preCommit() // rebalances and commits go on
	mend()
	if again {
		r.putUntilTaken(batch)
	}
	r.putUntilTaken(r.batch(8, 10, a, b))
	r.settle()
	r.expectStored()
	r.close(false, a, b)
	r.stop()
}

// putUntilTaken repeats a batch as the loop does.
func (r *sinkRun) putUntilTaken(batch []*connect.SinkRecord) {
	r.t.Helper()
	var err error
	for range 100 {
		if err = r.tryPut(batch); err == nil {
			return
		}
		after, again := connect.RetryAfter(err)
		if !again {
			break
		}
		time.Sleep(min(max(after, 10*time.Millisecond), 500*time.Millisecond))
	}
	r.t.Fatalf("the same batch again: %v", err)
}

func revokedWhileRetrying(t testing.TB, d SinkDriver) {
	if d.Break == nil {
		return
	}
	r := startSink(t, d, d.Props(t), nil)
	a, b := d.part(0), d.part(1)
	r.open(connect.Offsets{a: 0, b: 0})
	batch := r.batch(0, 5, a, b)
	mend, again := r.breakAndPut(batch)
	r.close(true, a)
	batch = slices.DeleteFunc(batch, func(rec *connect.SinkRecord) bool { return rec.Original.TopicPartition == a })
	mend()
	if again {
		r.putUntilTaken(batch)
	}
	r.settle()
	if len(r.put) != 1 {
		t.Errorf("committed %v, want partition %s alone", r.put, b)
	}
	delete(r.want, a) // someone else's now: written or not
	r.expectStored()
	r.close(false, b)
	r.stop()
}

func partialFailure(t testing.TB, d SinkDriver) {
	if d.Bad == nil {
		return
	}
	for _, reporter := range []*Reporter{nil, new(Reporter)} {
		r := startSink(t, d, d.Props(t), reporter)
		a := d.part(0)
		r.open(connect.Offsets{a: 0})
		batch := r.batch(0, 5, a)
		key, value := d.Bad(a, 2)
		bad := newSinkRecord(a, 2, key, value)
		batch[2] = bad
		delete(r.want[a], 2)
		var failed []connect.RecordError
		hear := func(err error) {
			var e *connect.PutError
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("a bad record: %v; want a *PutError that names it, or a report", err)
			}
			if e != nil {
				failed = append(failed, e.Failed...)
			}
		}
		hear(r.tryPut(batch))
		for deadline := time.Now().Add(r.wait()); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if reporter != nil && len(reporter.Reported()) > 0 || len(failed) > 0 {
				break
			}
			hear(r.tryPut(nil))
			r.preCommit()
		}
		if reporter != nil {
			failed = append(failed, reporter.Reported()...)
		}
		if len(failed) != 1 || failed[0].Record == nil || failed[0].Record.Original != bad.Original || failed[0].Err == nil {
			t.Errorf("with reporter: %v: failed are %v, want the record at %v alone", reporter != nil, failed, bad.Original)
		}
		r.settle()
		r.expectStored()
		r.close(false, a)
		r.stop()
	}
}
