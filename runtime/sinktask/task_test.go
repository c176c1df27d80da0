package sinktask_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sinktask"
)

func one(c *sinktask.Config) { c.Topics = []string{"one"} }

func TestPutCommitStop(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	produce(t, p, "one", 0, "a", "b")
	r := run(t, c, s, one)
	expect(t, s.calls, "start", "open [one-0]", "put a", "put b")
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	expect(t, s.calls, "close [one-0] lost=false", "stop")
	if got := committed(t, p, "one", 0); got != 2 {
		t.Errorf("committed %d, want 2", got)
	}
}

func TestTopicsRegexMatchesTheWholeName(t *testing.T) {
	c, s := newCluster(t), newSink()
	run(t, c, s, func(cfg *sinktask.Config) { cfg.Topics, cfg.TopicsRegex = nil, "q|t" }) // not dlq
	expect(t, s.calls, "start", "open [t-0 t-1]")
}

func TestCommitTimerAndRequestCommit(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	done := make(chan struct{}, 100)
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		done <- struct{}{}
		return nil, nil, false
	})
	run(t, c, s, func(cfg *sinktask.Config) { one(cfg); cfg.CommitInterval = 30 * time.Millisecond })
	produce(t, p, "one", 0, "a")
	expect(t, s.calls, "start", "open [one-0]", "put a")
	<-done
	s.ctl.RequestCommit()
	produce(t, p, "one", 0, "b")
	expect(t, s.calls, "put b")
	s.ctl.RequestCommit()
	<-done
}

func TestMalformedRecordFailsTheTask(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	produce(t, p, "one", 0, "a", "b", "bad", "c")
	r := run(t, c, s, func(cfg *sinktask.Config) { one(cfg); cfg.MaxPollRecords = 2 })
	err := r.wait(t)
	if err == nil || !strings.Contains(err.Error(), `topic "one", partition 0, offset 2`) || !strings.Contains(err.Error(), "VALUE_CONVERTER") {
		t.Fatalf("Run: %v", err)
	}
	expect(t, s.calls, "start", "open [one-0]", "put a", "put b", "close [one-0] lost=false", "stop")
	if got := committed(t, p, "one", 0); got != 2 {
		t.Errorf("committed %d, want 2: what was put before the bad record", got)
	}
}

func deadLetter(t *testing.T, addrs []string) *pipeline.DeadLetter {
	t.Helper()
	d, err := pipeline.NewDeadLetter(pipeline.DeadLetterConfig{ID: connect.TaskID{Connector: "c"}, Topic: "dlq", ContextHeaders: true,
		Producer: []kgo.Opt{kgo.SeedBrokers(addrs...), kgo.ProducerLinger(0)}, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The dead letter must be durable before the offset of its record is committed.
func TestDeadLetterBeforeCommit(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	produce(t, p, "one", 0, "a", "bad", "b")
	held := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-held })
		return nil, nil, false
	})
	commits := make(chan int64, 100)
	c.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		commits <- req.(*kmsg.OffsetCommitRequest).Topics[0].Partitions[0].Offset
		return nil, nil, false
	})
	r := run(t, c, s, func(cfg *sinktask.Config) {
		one(cfg)
		cfg.Chain = chain(deadLetter(t, c.ListenAddrs()), pipeline.All)
		cfg.CommitInterval = 20 * time.Millisecond
	})
	expect(t, s.calls, "start", "open [one-0]", "put a", "put b")
	if got := <-commits; got != 1 {
		t.Fatalf("committed %d while the dead letter of offset 1 is not durable", got)
	}
	close(held)
	if got := <-commits; got != 3 {
		t.Fatalf("committed %d, want 3", got)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	checkDeadLetter(t, c.ListenAddrs())
}

func checkDeadLetter(t *testing.T, addrs []string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.ConsumeTopics("dlq"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	rs := cl.PollFetches(t.Context()).Records()
	if len(rs) != 1 || string(rs[0].Value) != "bad" || rs[0].Key != nil {
		t.Fatalf("dead letters: %v", rs)
	}
	got := map[string]string{}
	for _, h := range rs[0].Headers {
		got[h.Key] = string(h.Value)
	}
	for k, want := range map[string]string{
		"h": "x", "__connect.errors.topic": "one", "__connect.errors.partition": "0", "__connect.errors.offset": "1",
		"__connect.errors.connector.name": "c", "__connect.errors.task.id": "0", "__connect.errors.stage": "VALUE_CONVERTER",
		"__connect.errors.class.name": "text", "__connect.errors.exception.class.name": "org.apache.kafka.connect.errors.DataException",
		"__connect.errors.exception.message": "converting the value: malformed",
	} {
		if got[k] != want {
			t.Errorf("header %s = %q, want %q", k, got[k], want)
		}
	}
	if got["__connect.errors.exception.stacktrace"] == "" {
		t.Error("no stack trace header")
	}
}

func TestDeadLetterThatCannotBeWrittenFailsTheTask(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	produce(t, p, "one", 0, "bad", "b")
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		pr := req.(*kmsg.ProduceRequest)
		resp := pr.ResponseKind().(*kmsg.ProduceResponse)
		for _, rt := range pr.Topics {
			st := kmsg.NewProduceResponseTopic()
			st.Topic, st.TopicID = rt.Topic, rt.TopicID
			sp := kmsg.NewProduceResponseTopicPartition()
			sp.ErrorCode = kerr.TopicAuthorizationFailed.Code
			st.Partitions = append(st.Partitions, sp)
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, true
	})
	r := run(t, c, s, func(cfg *sinktask.Config) {
		one(cfg)
		cfg.Chain = chain(deadLetter(t, c.ListenAddrs()), pipeline.All)
		cfg.CommitInterval = 10 * time.Millisecond
	})
	err := r.wait(t)
	if !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.Contains(err.Error(), `dead-letter topic "dlq"`) {
		t.Fatalf("Run: %v", err)
	}
	if got := committed(t, p, "one", 0); got > 0 {
		t.Errorf("committed %d past a record that is nowhere", got)
	}
}

func TestPutError(t *testing.T) {
	for _, tol := range []pipeline.Tolerance{pipeline.None, pipeline.All} {
		c, s := newCluster(t), newSink()
		p := client(t, c)
		produce(t, p, "one", 0, "a", "b")
		s.set(func(b []*connect.SinkRecord) error {
			if len(b) == 0 {
				return nil
			}
			s.calls <- "refused"
			return &connect.PutError{Failed: []connect.RecordError{{Record: b[1], Err: errors.New("no")}}}
		})
		r := run(t, c, s, func(cfg *sinktask.Config) { one(cfg); cfg.Chain = chain(nil, tol) })
		expect(t, s.calls, "start", "open [one-0]", "refused")
		want := int64(-1)
		if tol == pipeline.All {
			want = 2
			r.stop()
		}
		err := r.wait(t)
		if (err != nil) != (tol == pipeline.None) {
			t.Errorf("tolerance %d: Run: %v", tol, err)
		}
		if err != nil && !strings.Contains(err.Error(), `topic "one", partition 0, offset 1`) {
			t.Errorf("error names no place: %v", err)
		}
		if got := committed(t, p, "one", 0); got != want {
			t.Errorf("tolerance %d: committed %d, want %d", tol, got, want)
		}
	}
}

func TestRetriablePutGetsTheSameBatch(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	produce(t, p, "one", 0, "a", "b")
	tries := 0
	s.set(func(b []*connect.SinkRecord) error {
		if len(b) == 0 {
			return nil
		}
		if tries++; tries < 4 {
			return connect.Retriable(errors.New("away"), time.Millisecond)
		}
		return nil
	})
	run(t, c, s, one)
	expect(t, s.calls, "start", "open [one-0]", "put a", "put b")
	produce(t, p, "one", 0, "c")
	expect(t, s.calls, "put c")
}

func TestFailedPutCommitsOnlyWhatWasTaken(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	r := run(t, c, s, one)
	produce(t, p, "one", 0, "a")
	expect(t, s.calls, "start", "open [one-0]", "put a")
	boom := errors.New("boom")
	s.set(func(b []*connect.SinkRecord) error {
		if len(b) > 0 {
			return boom
		}
		return nil
	})
	produce(t, p, "one", 0, "b")
	if err := r.wait(t); !errors.Is(err, boom) || !strings.Contains(err.Error(), "offset 1") {
		t.Fatalf("Run: %v", err)
	}
	if got := committed(t, p, "one", 0); got != 1 {
		t.Errorf("committed %d, want 1", got)
	}
}

func TestSeekFromOpen(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	produce(t, p, "one", 0, "a", "b", "c")
	s.onOpen = func(parts []connect.TopicPartition) { s.ctl.Seek(connect.Offsets{parts[0]: 2}) }
	run(t, c, s, one)
	expect(t, s.calls, "start", "open [one-0]", "put c")
}

func TestSeekLater(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	produce(t, p, "one", 0, "a", "b", "c")
	run(t, c, s, one)
	expect(t, s.calls, "start", "open [one-0]", "put a", "put b", "put c")
	s.ctl.Seek(connect.Offsets{{Topic: "one"}: 1})
	expect(t, s.calls, "put b", "put c")
}

func TestPreCommitAnswerIsCut(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	produce(t, p, "one", 0, "a", "b")
	s.preCommit = func(put connect.Offsets) connect.Offsets {
		return connect.Offsets{{Topic: "one"}: 7, {Topic: "t"}: 1}
	}
	r := run(t, c, s, one)
	expect(t, s.calls, "start", "open [one-0]", "put a", "put b")
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if got := committed(t, p, "one", 0); got != -1 {
		t.Errorf("committed %d, want nothing", got)
	}
}

func TestPauseOfTheWholeTask(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	events := make(chan string, 10)
	r := run(t, c, s, func(cfg *sinktask.Config) {
		one(cfg)
		cfg.CommitInterval = 20 * time.Millisecond // also the longest poll
		cfg.Events = pipeline.Events{Paused: func() { events <- "paused" }, Resumed: func() { events <- "resumed" }}
	})
	produce(t, p, "one", 0, "a")
	expect(t, s.calls, "start", "open [one-0]", "put a")
	r.Pause()
	expect(t, events, "paused")
	produce(t, p, "one", 0, "b")
	s.mu.Lock()
	empty := s.emptyPuts
	s.mu.Unlock()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // a paused task still gets its empty Puts
		s.mu.Lock()
		n := s.emptyPuts
		s.mu.Unlock()
		if n > empty+3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a paused task gets no empty Put")
		}
	}
	select {
	case got := <-s.calls:
		t.Fatalf("paused, but got %q", got)
	default:
	}
	r.Resume()
	expect(t, events, "resumed")
	expect(t, s.calls, "put b")
}

func TestPauseOfAPartition(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	run(t, c, s, func(cfg *sinktask.Config) { cfg.CommitInterval = 20 * time.Millisecond })
	expect(t, s.calls, "start", "open [t-0 t-1]")
	s.ctl.Pause(connect.TopicPartition{Topic: "t", Partition: 0})
	produce(t, p, "t", 0, "a", "b")
	produce(t, p, "t", 1, "x")
	expect(t, s.calls, "put x")
	produce(t, p, "t", 1, "y")
	expect(t, s.calls, "put y")
	s.ctl.Resume(connect.TopicPartition{Topic: "t", Partition: 0})
	expect(t, s.calls, "put a", "put b")
}

func TestAbandonedInstanceCommitsNothing(t *testing.T) {
	c, s := newCluster(t), newSink()
	p := client(t, c)
	stuck, release := make(chan struct{}), make(chan struct{})
	reported := make(chan error, 2)
	s.set(func(b []*connect.SinkRecord) error {
		if len(b) > 0 && b[0].Value.Value.String() == "b" {
			close(stuck)
			<-release
			reported <- s.ctl.Reporter().Report(b[0], errors.New("late"))
		}
		return nil
	})
	r := run(t, c, s, func(cfg *sinktask.Config) {
		one(cfg)
		cfg.Chain = chain(deadLetter(t, c.ListenAddrs()), pipeline.All)
		cfg.Events = pipeline.Events{Failed: func(err error) { reported <- err }, Stopped: func() { reported <- nil }}
	})
	produce(t, p, "one", 0, "a")
	expect(t, s.calls, "start", "open [one-0]", "put a")
	produce(t, p, "one", 0, "b")
	<-stuck
	r.stop()
	r.Abandon()
	close(release)
	if err := r.wait(t); !errors.Is(err, pipeline.ErrAbandoned) {
		t.Fatalf("Run: %v", err)
	}
	if err := <-reported; !errors.Is(err, pipeline.ErrAbandoned) {
		t.Errorf("Report of an abandoned instance: %v", err)
	}
	if len(reported) > 0 {
		t.Errorf("an abandoned instance reported %v", <-reported)
	}
	if got := committed(t, p, "one", 0); got != -1 {
		t.Errorf("an abandoned instance committed %d", got)
	}
}

func TestStopDuringPoll(t *testing.T) {
	c, s := newCluster(t), newSink()
	r := run(t, c, s, one)
	expect(t, s.calls, "start", "open [one-0]")
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	expect(t, s.calls, "close [one-0] lost=false", "stop")
}

func TestPausedTaskIsNotStarted(t *testing.T) {
	c, s := newCluster(t), newSink()
	r := run(t, c, s, func(cfg *sinktask.Config) { one(cfg); cfg.Paused = true })
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if len(s.calls) > 0 {
		t.Errorf("a task that never ran was called: %s", <-s.calls)
	}
}
