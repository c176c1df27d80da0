package sinktask_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sinktask"
)

// A second member joins while the first has a batch in Put: the first gives partitions up only after the Put, with its offsets.
func TestRebalanceInMidBatch(t *testing.T) {
	c, a, b := newCluster(t), newSink(), newSink()
	p := client(t, c)
	inPut, release := make(chan struct{}), make(chan struct{})
	a.set(func(batch []*connect.SinkRecord) error {
		if len(batch) > 0 {
			a.set(nil)
			close(inPut)
			<-release
		}
		return nil
	})
	produce(t, p, "t", 0, "a")
	produce(t, p, "t", 1, "b")
	run(t, c, a, nil)
	expect(t, a.calls, "start", "open [t-0 t-1]")
	<-inPut
	run(t, c, b, nil)
	expect(t, b.calls, "start")
	close(release)
	// Eager (range): all partitions are given up and then shared.
	var calls []string
	for !slices.Contains(calls, "close [t-0 t-1] lost=false") {
		select {
		case got := <-a.calls:
			calls = append(calls, got)
		case <-time.After(10 * time.Second):
			t.Fatalf("no Close: %q", calls)
		}
	}
	for { // both members get one each
		got := <-b.calls
		if got == "open [t-0]" || got == "open [t-1]" {
			break
		}
	}
	if x, y := committed(t, p, "t", 0), committed(t, p, "t", 1); max(x, 0)+max(y, 0) < int64(len(calls)-1) {
		t.Errorf("committed %d and %d after %q", x, y, calls)
	}
	produce(t, p, "t", 0, "c")
	produce(t, p, "t", 1, "d")
	seen := map[string]int{}
	count := func(s *sink) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, v := range s.got {
			seen[v]++
		}
	}
	for deadline := time.Now().Add(10 * time.Second); len(seen) < 4 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		clear(seen)
		count(a)
		count(b)
	}
	for _, v := range []string{"a", "b", "c", "d"} {
		if seen[v] != 1 {
			t.Errorf("record %s was put %d times; an orderly rebalance repeats and loses nothing", v, seen[v])
		}
	}
}

// While Put is retried, partitions can be revoked; the held batch loses them.
func TestRevokeWhilePutRetries(t *testing.T) {
	c, a, b := newCluster(t), newSink(), newSink()
	p := client(t, c)
	sticky := func(cfg *sinktask.Config) {
		cfg.Consumer = append(cfg.Consumer, kgo.Balancers(kgo.CooperativeStickyBalancer()))
		cfg.CommitInterval = 20 * time.Millisecond
	}
	retrying := make(chan struct{})
	held := sync.OnceFunc(func() { close(retrying) })
	a.set(func(batch []*connect.SinkRecord) error {
		switch len(batch) {
		case 0:
			return nil
		case 1: // once more, until one batch holds both, or what the other member got was taken out
			select {
			case <-retrying:
			default:
				a.ctl.Seek(connect.Offsets{{Topic: "t", Partition: 0}: 0, {Topic: "t", Partition: 1}: 0})
				return nil
			}
		default:
			held()
		}
		return connect.Retriable(errors.New("away"), 5*time.Millisecond)
	})
	produce(t, p, "t", 0, "a")
	produce(t, p, "t", 1, "b")
	run(t, c, a, sticky)
	expect(t, a.calls, "start", "open [t-0 t-1]")
	<-retrying
	for len(a.calls) > 0 { // what was put before both came together
		<-a.calls
	}
	a.mu.Lock()
	a.got = nil
	a.mu.Unlock()
	run(t, c, b, sticky)
	expect(t, b.calls, "start")
	got := <-a.calls
	if got != "close [t-0] lost=false" && got != "close [t-1] lost=false" {
		t.Fatalf("got %q", got)
	}
	// Whatever was held, the partition that left goes on at the other member, from its beginning.
	moved, rest := "a", "b"
	if got == "close [t-1] lost=false" {
		moved, rest = "b", "a"
	}
	for got := range b.calls {
		if got == "put "+moved {
			break
		}
	}
	a.set(nil)
	produce(t, p, "t", int32(strings.Index("ab", rest)), "z")
	for got := range a.calls {
		if got == "put z" {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if want := []string{rest, "z"}; !slices.Equal(a.got, want) {
		t.Errorf("the first member put %q, want %q: %s was given up", a.got, want, moved)
	}
}

// A Put that takes longer than max.poll.interval.ms costs the membership; the task goes on in a new one.
func TestSlowPutLeavesTheGroup(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	slow := make(chan struct{})
	s.set(func(batch []*connect.SinkRecord) error {
		if len(batch) > 0 {
			s.set(nil)
			<-slow
		}
		return nil
	})
	other := newSink()
	short := func(cfg *sinktask.Config) { one(cfg); cfg.MaxPollInterval = 200 * time.Millisecond }
	run(t, c, s, short)
	expect(t, s.calls, "start", "open [one-0]")
	produce(t, p, "one", 0, "a")
	run(t, c, other, one)
	expect(t, other.calls, "start", "open [one-0]", "put a") // the group does not wait for the slow member
	close(slow)
	expect(t, s.calls, "put a", "close [one-0] lost=true")
	if got := committed(t, p, "one", 0); got != -1 {
		t.Errorf("a member that had left committed %d", got)
	}
}

// away is a transform whose service is away until up is closed.
type away struct{ up chan struct{} }

func (away) Configure(config.Values) error { return nil }
func (a away) Apply(context.Context, *connect.Record) (bool, error) {
	select {
	case <-a.up:
		return true, nil
	default:
		return false, connect.Retriable(errors.New("away"), 0)
	}
}
func (away) Close() error { return nil }

// Retries of a converter or transform do not hold up the group either.
func TestSlowRetriesLeaveTheGroup(t *testing.T) {
	c, s, other := newCluster(t), newSink(), newSink()
	p, up := client(t, c), make(chan struct{})
	run(t, c, s, func(cfg *sinktask.Config) {
		one(cfg)
		cfg.MaxPollInterval = 200 * time.Millisecond
		cfg.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: text{}, Log: quiet, Steps: []pipeline.Step{{Class: "away", Transform: away{up}}},
			Errors: pipeline.Errors{RetryTimeout: -1, RetryDelayMax: 20 * time.Millisecond}})
	})
	expect(t, s.calls, "start", "open [one-0]")
	produce(t, p, "one", 0, "a")
	run(t, c, other, one)
	expect(t, other.calls, "start", "open [one-0]", "put a")
	close(up)
	expect(t, s.calls, "close [one-0] lost=true") // and no Put of what another member has
}

// A task that waits to be let into its group stops all the same, and the group goes on without it.
func TestStopWhileAnotherMemberHoldsUpTheGroup(t *testing.T) {
	c, s, other := newCluster(t), newSink(), newSink()
	p, up, joined := client(t, c), make(chan struct{}), make(chan struct{}, 100)
	run(t, c, s, func(cfg *sinktask.Config) {
		one(cfg)
		cfg.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: text{}, Log: quiet, Steps: []pipeline.Step{{Class: "away", Transform: away{up}}},
			Errors: pipeline.Errors{RetryTimeout: -1, RetryDelayMax: 20 * time.Millisecond}})
	})
	expect(t, s.calls, "start", "open [one-0]")
	produce(t, p, "one", 0, "a")
	c.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if req.(*kmsg.JoinGroupRequest).MemberID != "" {
			joined <- struct{}{}
		}
		return nil, nil, false
	})
	o := run(t, c, other, one)
	<-joined
	o.stop()
	if err := o.wait(t); err != nil {
		t.Error(err)
	}
	close(up)
	expect(t, s.calls, "put a")
}
