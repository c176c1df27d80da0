package sourcetask_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"
)

func TestStopSendsCommitsAndStops(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	r := run(t, cl, s, off, nil)
	p := partition("p")
	s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a"), record(p, 2, "one", "b")}
	expect(t, s.acks, "a")
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	<-s.stopped
	if got := off.get(`"p"`); got != "2" {
		t.Errorf("committed offset %q, want 2", got)
	}
	if got := consume(t, cl, "one", 2); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("topic holds %q", got)
	}
	if len(s.committed) != 1 || s.committed[0].Partition != p {
		t.Errorf("Committed heard %v", s.committed)
	}
}

func TestCommitTimer(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	run(t, cl, s, off, func(c *sourcetask.Config) { c.CommitInterval = 5 * time.Millisecond })
	p := partition("p")
	for i := 1; i <= 3; i++ {
		s.batches <- []*connect.SourceRecord{record(p, i, "t", strconv.Itoa(i))}
		expect(t, off.wrote, `"p"=`+strconv.Itoa(i))
	}
}

func TestFilteredRecordsMoveTheOffsetOn(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	run(t, cl, s, off, func(c *sourcetask.Config) { c.CommitInterval = 5 * time.Millisecond })
	p := partition("p")
	s.batches <- []*connect.SourceRecord{record(p, 1, "t", "drop1"), record(p, 2, "t", "drop2")}
	expect(t, s.acks, "drop1 dropped")
	expect(t, s.acks, "drop2 dropped")
	expect(t, off.wrote, `"p"=2`)
}

// Kafka answers in any order; an offset that is written must have all before it acknowledged.
func TestOffsetsNeverAheadOfAcknowledgements(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	// Random answers: a third of the produce requests fail once with a retriable error.
	rng := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	cl.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cl.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		if rng.IntN(3) > 0 {
			return nil, nil, false
		}
		return refuse(req.(*kmsg.ProduceRequest), kerr.NotLeaderForPartition.Code), nil, true
	})
	const parts, batches, per = 4, 60, 10
	ackedTo := map[string]map[int]bool{} // by partition: which offsets Kafka has
	off.check = func(p, o string) {
		mu.Lock()
		defer mu.Unlock()
		top, _ := strconv.Atoi(o)
		for i := 1; i <= top; i++ {
			if !ackedTo[p][i] {
				t.Errorf("partition %s: offset %d is written, but record %d is not acknowledged", p, top, i)
				return
			}
		}
	}
	task := &hearing{script: s, heard: func(r *connect.SourceRecord) {
		mu.Lock()
		defer mu.Unlock()
		k := string(r.Position.Partition.JSON())
		if ackedTo[k] == nil {
			ackedTo[k] = map[int]bool{}
		}
		o, _ := strconv.Atoi(string(r.Position.Offset.AppendJSON(nil)))
		ackedTo[k][o] = true
	}}
	r := run(t, cl, task, off, func(c *sourcetask.Config) { c.CommitInterval = time.Millisecond })
	ps := make([]*connect.SourcePartition, parts)
	next := make([]int, parts)
	for i := range ps {
		ps[i] = partition(fmt.Sprint("p", i))
	}
	want := 0
	for range batches {
		var b []*connect.SourceRecord
		for range per {
			i := rng2.IntN(parts)
			next[i]++
			rec := record(ps[i], next[i], "t", fmt.Sprintf("%d/%d", i, next[i]))
			rec.Partition = int32(rng2.IntN(3)) // Kafka partitions answer independently
			b = append(b, rec)
			want++
		}
		s.batches <- b
	}
	for range want {
		select {
		case <-s.acks:
		case <-time.After(20 * time.Second):
			t.Fatal("records were not acknowledged")
		}
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	for i, n := range next {
		if got := off.get(fmt.Sprintf(`"p%d"`, i)); got != strconv.Itoa(n) {
			t.Errorf("partition %d: last offset %s, want %d", i, got, n)
		}
	}
}

var rng2 = rand.New(rand.NewPCG(3, 4))

// hearing notes acknowledgements before the script does.
type hearing struct {
	*script
	heard func(*connect.SourceRecord)
}

func (h *hearing) RecordCommitted(r *connect.SourceRecord, m *connect.RecordMetadata) {
	h.heard(r)
	h.script.RecordCommitted(r, m)
}

func refuse(req *kmsg.ProduceRequest, code int16) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ProduceResponse)
	for _, rt := range req.Topics {
		st := kmsg.NewProduceResponseTopic()
		st.Topic, st.TopicID = rt.Topic, rt.TopicID
		for _, rp := range rt.Partitions {
			sp := kmsg.NewProduceResponseTopicPartition()
			sp.Partition, sp.ErrorCode = rp.Partition, code
			st.Partitions = append(st.Partitions, sp)
		}
		resp.Topics = append(resp.Topics, st)
	}
	return resp
}

func TestRefusedRecord(t *testing.T) {
	for _, c := range []struct {
		name      string
		tolerance pipeline.Tolerance
		fails     bool
		offset    string
	}{
		{"tolerance none fails the task", pipeline.None, true, ""},
		{"tolerance all drops it", pipeline.All, false, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl, s, off := newCluster(t), newScript(), newOffsets()
			cl.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
				return refuse(req.(*kmsg.ProduceRequest), kerr.MessageTooLarge.Code), nil, true
			})
			r := run(t, cl, s, off, func(cfg *sourcetask.Config) {
				cfg.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: text{}, Log: quiet, Errors: pipeline.Errors{Tolerance: c.tolerance}})
			})
			s.batches <- []*connect.SourceRecord{record(partition("p"), 1, "one", "a")}
			if !c.fails {
				expect(t, s.acks, "a dropped")
				r.stop()
			}
			err := r.wait(t)
			if (err != nil) != c.fails {
				t.Fatalf("Run: %v", err)
			}
			if err != nil && (!errors.Is(err, kerr.MessageTooLarge) || !strings.Contains(err.Error(), `topic "one", partition 0`)) {
				t.Errorf("error names no place: %v", err)
			}
			if got := off.get(`"p"`); got != c.offset {
				t.Errorf("offset %q, want %q", got, c.offset)
			}
		})
	}
}

func TestBadRecordCommitsThePrefix(t *testing.T) {
	for _, bad := range []string{"bad", "panic"} {
		t.Run(bad, func(t *testing.T) {
			cl, s, off := newCluster(t), newScript(), newOffsets()
			r := run(t, cl, s, off, nil)
			p := partition("p")
			s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a"), record(p, 2, "one", bad), record(p, 3, "one", "c")}
			err := r.wait(t)
			var se *pipeline.StageError
			if !errors.As(err, &se) || se.Stage != pipeline.ValueConverter {
				t.Fatalf("Run: %v", err)
			}
			if got := off.get(`"p"`); got != "1" {
				t.Errorf("offset %q, want 1: the prefix before the bad record", got)
			}
		})
	}
}

func TestPauseAndResume(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	events := make(chan string, 10)
	r := run(t, cl, s, off, func(c *sourcetask.Config) {
		c.Paused = true
		c.Events = pipeline.Events{
			Started: func() { events <- "started" }, Paused: func() { events <- "paused" }, Resumed: func() { events <- "resumed" },
			Stopped: func() { events <- "stopped" }, Failed: func(error) { events <- "failed" },
		}
	})
	expect(t, events, "paused")
	select {
	case <-s.started:
		t.Fatal("a paused task was started")
	default:
	}
	r.Resume()
	expect(t, events, "started")
	p := partition("p")
	s.batches <- []*connect.SourceRecord{record(p, 1, "one", "a")}
	expect(t, s.acks, "a")
	r.Pause()
	s.batches <- []*connect.SourceRecord{record(p, 2, "one", "b")} // ends the poll under way; still sent
	expect(t, s.acks, "b")
	expect(t, events, "paused")
	r.Resume()
	expect(t, events, "resumed")
	s.batches <- []*connect.SourceRecord{record(p, 3, "one", "c")}
	expect(t, s.acks, "c")
	r.stop()
	expect(t, events, "stopped")
}

func TestPollErrors(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	r := run(t, cl, s, off, nil)
	s.pollErr <- connect.Retriable(errors.New("away"), time.Millisecond)
	s.batches <- []*connect.SourceRecord{record(partition("p"), 1, "one", "a")}
	expect(t, s.acks, "a")
	gone := errors.New("gone")
	s.pollErr <- gone
	if err := r.wait(t); !errors.Is(err, gone) {
		t.Fatalf("Run: %v", err)
	}
	if got := off.get(`"p"`); got != "1" {
		t.Errorf("offset %q, want 1", got)
	}
}

func TestAbandonedInstanceCommitsNothing(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	s.ignore = true // stuck in Poll
	failed := make(chan error, 1)
	r := run(t, cl, s, off, func(c *sourcetask.Config) {
		c.CommitInterval = time.Hour
		c.Events.Failed = func(err error) { failed <- err }
		c.Events.Stopped = func() { failed <- nil }
	})
	s.batches <- []*connect.SourceRecord{record(partition("p"), 1, "one", "a")}
	expect(t, s.acks, "a")
	r.stop()
	r.Abandon()
	s.batches <- []*connect.SourceRecord{record(partition("p"), 2, "one", "b")} // lets go of Poll
	if err := r.wait(t); !errors.Is(err, pipeline.ErrAbandoned) {
		t.Fatalf("Run: %v", err)
	}
	if got := off.get(`"p"`); got != "" {
		t.Errorf("an abandoned instance committed %q", got)
	}
	select {
	case err := <-failed:
		t.Errorf("an abandoned instance reported %v", err)
	default:
	}
}

// A task may ask for a commit between those of the timer.
func TestCommitSoon(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	r := run(t, cl, s, off, func(c *sourcetask.Config) { c.CommitInterval = time.Hour })
	s.batches <- []*connect.SourceRecord{record(partition("p"), 1, "one", "a")}
	expect(t, s.acks, "a")
	for off.get(`"p"`) != "1" {
		s.context.CommitSoon()
		time.Sleep(time.Millisecond) // the store has no event
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
}

// With Kafka away the producer's buffer fills up; a stop still ends within its deadline, and nothing unacknowledged is committed.
func TestStopWhileKafkaIsAway(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	cl.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cl.KeepControl()
		return refuse(req.(*kmsg.ProduceRequest), kerr.NotLeaderForPartition.Code), nil, true
	})
	r := run(t, cl, s, off, func(c *sourcetask.Config) { c.MaxBufferedBytes = 100; c.CommitTimeout = 100 * time.Millisecond })
	p := partition("p")
	for i := range 10 {
		s.batches <- []*connect.SourceRecord{record(p, i, "one", strings.Repeat("x", 50)), record(p, i, "one", "y")}
	}
	<-s.started
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if got := off.get(`"p"`); got != "" {
		t.Errorf("offset %q of records that were never acknowledged", got)
	}
}

func TestTopicsAreEnsuredOnce(t *testing.T) {
	cl, s, off := newCluster(t), newScript(), newOffsets()
	made := &creator{cl: cl, fail: 1}
	r := run(t, cl, s, off, func(c *sourcetask.Config) {
		c.Topics = made
		c.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: text{}, Log: quiet,
			Topics: pipeline.NewActiveTopics(func(topic string) { made.note("active " + topic) })})
	})
	p := partition("p")
	s.batches <- []*connect.SourceRecord{record(p, 1, "new1", "a"), record(p, 2, "new2", "b"), record(p, 3, "new1", "c")}
	for range 3 {
		<-s.acks
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	slices.Sort(made.calls)
	if want := []string{"active new1", "active new2", "new1", "new1", "new2"}; !slices.Equal(made.calls, want) {
		t.Errorf("calls %q, want %q", made.calls, want)
	}
}

type creator struct {
	cl interface{ ListenAddrs() []string }

	mu    sync.Mutex
	fail  int
	calls []string
}

func (c *creator) note(s string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, s)
}

func (c *creator) EnsureTopic(ctx context.Context, topic string) error {
	c.note(topic)
	if c.fail > 0 {
		c.fail--
		return connect.Retriable(errors.New("controller moves"), time.Millisecond)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.cl.ListenAddrs()...))
	if err != nil {
		return err
	}
	defer cl.Close()
	req := kmsg.NewCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, 1, 1
	req.Topics = append(req.Topics, rt)
	_, err = req.RequestWith(ctx, cl)
	return err
}
