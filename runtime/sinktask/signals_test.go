package sinktask_test

import (
	"errors"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// busy waits until the task says that it is busy with doing, or no longer.
func (r *running) busy(t *testing.T, doing string, want bool) cluster.Signal {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var got cluster.Signal
		for _, s := range r.Signals() {
			if s.Doing == doing {
				got = s
			}
		}
		if got.Busy == want {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: busy is not %v: %+v", doing, want, r.Signals())
		}
	}
}

func TestSignalsOfACallThatHangs(t *testing.T) {
	c := newCluster(t)
	s, let := newSink(), make(chan struct{})
	s.set(func(batch []*connect.SinkRecord) error {
		if len(batch) > 0 {
			<-let
		}
		return nil
	})
	r := run(t, c, s, one)
	produce(t, client(t, c), "one", 0, "a")
	first := r.busy(t, "in a call of Put", true)
	if again := r.busy(t, "in a call of Put", true); again.Progress != first.Progress {
		t.Errorf("progress %d, then %d", first.Progress, again.Progress)
	}
	close(let)
	r.busy(t, "in a call of Put", false)
}

func TestSignalsOfAPutThatIsTriedAgain(t *testing.T) {
	c := newCluster(t)
	s := newSink()
	s.set(func([]*connect.SinkRecord) error { return connect.Retriable(errors.New("busy"), time.Millisecond) })
	r := run(t, c, s, one)
	produce(t, client(t, c), "one", 0, "a")
	r.busy(t, "trying Put again", true)
	s.set(nil)
	if done := r.busy(t, "trying Put again", false); done.Progress != 1 {
		t.Errorf("%d records taken", done.Progress)
	}
}

// A partition may end in marks of transactions, which look like lag for ever: what the broker answers is progress.
func TestSignalsOfReading(t *testing.T) {
	c := newCluster(t)
	r := run(t, c, newSink(), one)
	produce(t, client(t, c), "one", 0, "a")
	const doing = "reading its topics"
	before := r.busy(t, doing, false).Progress
	for deadline := time.Now().Add(10 * time.Second); r.busy(t, doing, false).Progress <= before+1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no progress while the broker answers")
		}
	}
}
