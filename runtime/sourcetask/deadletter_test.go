package sourcetask_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"
)

// plain renders any string for dead letters.
type plain struct{ text }

func (plain) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	if d.Value.IsNull() {
		return dst, false, nil
	}
	return append(append(dst, "json:"...), d.Value.String()...), true, nil
}

// renaming changes topic and value, and fails for "bad transform" after that.
type renaming struct{}

func (renaming) Configure(config.Values) error { return nil }
func (renaming) Apply(_ context.Context, r *connect.Record) (bool, error) {
	if r.Value.Value.String() == "bad transform" {
		return false, errors.New("no such field")
	}
	if r.Topic == "t" {
		r.Topic = "one"
	}
	return true, nil
}
func (renaming) Close() error { return nil }

func withDeadLetters(t *testing.T, cl *kfake.Cluster) (edit func(*sourcetask.Config), letters func(n int) []*kgo.Record) {
	t.Helper()
	addr := kgo.SeedBrokers(cl.ListenAddrs()...)
	d, err := pipeline.NewDeadLetter(pipeline.DeadLetterConfig{ID: connect.TaskID{Connector: "c", Task: 2}, Topic: "dlq",
		ContextHeaders: true, Producer: []kgo.Opt{addr, kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression())},
		Key: plain{}, Value: plain{}, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	edit = func(c *sourcetask.Config) {
		c.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: text{}, KeyClass: "KeyConv", ValueClass: "ValueConv",
			Steps:  []pipeline.Step{{Class: "Renaming", Transform: renaming{}}},
			Errors: pipeline.Errors{Tolerance: pipeline.All}, DeadLetter: d, Log: quiet})
		c.CommitInterval = 20 * time.Millisecond
	}
	return edit, func(n int) []*kgo.Record {
		cons, err := kgo.NewClient(addr, kgo.ConsumeTopics("dlq"))
		if err != nil {
			t.Fatal(err)
		}
		defer cons.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var out []*kgo.Record
		for len(out) < n && ctx.Err() == nil {
			out = append(out, cons.PollFetches(ctx).Records()...)
		}
		if len(out) != n {
			t.Fatalf("%d dead letters, want %d", len(out), n)
		}
		return out
	}
}

func headersOf(r *kgo.Record) map[string]string {
	out := map[string]string{}
	for _, h := range r.Headers {
		out[strings.TrimPrefix(h.Key, pipeline.HeaderPrefix)] = string(h.Value)
	}
	return out
}

func checkHeaders(t *testing.T, r *kgo.Record, want map[string]string) {
	t.Helper()
	got := headersOf(r)
	for k, v := range want {
		if g, ok := got[k]; v == "-" && ok || v != "-" && g != v {
			t.Errorf("header %s is %q, want %q", k, g, v)
		}
	}
}

func TestDeadLettersOfASource(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, "dlq"))
	edit, letters := withDeadLetters(t, c)
	s, off := newScript(), newOffsets()
	p := partition("p")
	big := record(p, 4, "t", strings.Repeat("x", 500<<10))
	s.batches <- []*connect.SourceRecord{record(p, 1, "t", "good"), record(p, 2, "t", "bad transform"), record(p, 3, "t", "bad"), big, record(p, 5, "t", "good too")}
	r := run(t, c, s, off, func(cfg *sourcetask.Config) {
		edit(cfg)
		cfg.Producer = append(cfg.Producer, kgo.ProducerBatchMaxBytes(100<<10))
	})
	got := letters(3)
	slices.SortFunc(got, func(a, b *kgo.Record) int {
		return strings.Compare(headersOf(a)["source.offset"], headersOf(b)["source.offset"])
	})
	common := map[string]string{"connector.name": "c", "task.id": "2", "source.partition": `"p"`, "topic": "-", "offset": "-"}
	for i, want := range []map[string]string{
		{"stage": "TRANSFORMATION", "class.name": "Renaming", "target.topic": "t", "record.format": "connect-json", "source.offset": "2",
			"exception.class.name": "org.apache.kafka.connect.errors.DataException", "exception.message": "no such field"},
		{"stage": "VALUE_CONVERTER", "class.name": "ValueConv", "target.topic": "t", "record.format": "connect-json", "source.offset": "3"},
		{"stage": "KAFKA_PRODUCE", "target.topic": "one", "target.partition": "-", "record.format": "wire", "source.offset": "4"},
	} {
		checkHeaders(t, got[i], common)
		checkHeaders(t, got[i], want)
	}
	if v := string(got[0].Value); v != "json:bad transform" {
		t.Errorf("value %q", v)
	}
	if v := string(got[1].Value); v != "json:bad" {
		t.Errorf("value %q", v)
	}
	if len(got[2].Value) != 500<<10 {
		t.Errorf("%d bytes of the record that the producer refused, want all", len(got[2].Value))
	}
	for w := range off.wrote {
		if w == `"p"=5` {
			break
		}
	}
	dropped := 0
	for range 5 {
		if strings.HasSuffix(<-s.acks, " dropped") {
			dropped++
		}
	}
	if dropped != 3 {
		t.Errorf("%d records dropped, want 3", dropped)
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
	r.done <- nil
}

// Invariant 1: the offset of a record waits for its dead letter, and never moves if that fails.
func TestOffsetWaitsForTheDeadLetter(t *testing.T) {
	for _, fails := range []bool{false, true} {
		c := newCluster(t, kfake.SeedTopics(1, "dlq"))
		edit, _ := withDeadLetters(t, c)
		asked, answer := make(chan struct{}, 100), make(chan struct{})
		dlq := c.TopicInfo("dlq").TopicID
		c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			pr, ok := req.(*kmsg.ProduceRequest)
			if !ok || pr.Topics[0].TopicID != dlq && pr.Topics[0].Topic != "dlq" {
				return nil, nil, false
			}
			asked <- struct{}{}
			hold(c, answer)
			if !fails {
				return nil, nil, false
			}
			resp := pr.ResponseKind().(*kmsg.ProduceResponse)
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = pr.Topics[0].Topic, pr.Topics[0].TopicID
			rp := kmsg.NewProduceResponseTopicPartition()
			rp.ErrorCode = kerr.TopicAuthorizationFailed.Code
			rt.Partitions = append(rt.Partitions, rp)
			resp.Topics = append(resp.Topics, rt)
			return resp, nil, true
		})
		s, off := newScript(), newOffsets()
		p, q := partition("p"), partition("q")
		r := run(t, c, s, off, edit)
		s.batches <- []*connect.SourceRecord{record(p, 1, "t", "bad"), record(p, 2, "t", "good")}
		<-asked
		// What the other partition commits shows that commits go on, without this one.
		s.batches <- []*connect.SourceRecord{record(q, 1, "t", "good")}
		for w := range off.wrote {
			if w == `"q"=1` {
				break
			}
		}
		if got := off.get(`"p"`); got != "" {
			t.Errorf("offset %s before the dead letter was durable", got)
		}
		close(answer)
		if fails {
			err := <-r.done
			if err == nil || !strings.Contains(err.Error(), "dlq") || off.get(`"p"`) != "" {
				t.Errorf("error %v, offset %q", err, off.get(`"p"`))
			}
			r.done <- err // for the clean-up
			continue
		}
		for w := range off.wrote {
			if w == `"p"=2` {
				break
			}
		}
		r.stop()
	}
}

// The last commit has the offsets of records whose dead letters have just become durable: a letter counts as written only when its record
// is settled.
func TestLastCommitCountsDeadLetters(t *testing.T) {
	for _, eos := range []bool{false, true} {
		c := newCluster(t, kfake.SeedTopics(1, "dlq", "offsets"))
		edit, _ := withDeadLetters(t, c)
		s, off := newScript(), newOffsets()
		settling, settle := make(chan struct{}), make(chan struct{})
		task := &hearing{script: s, heard: func(*connect.SourceRecord) {
			if !eos { // a transaction tells behind its commit
				close(settling)
				<-settle
			}
		}}
		p := partition("p")
		s.batches <- []*connect.SourceRecord{record(p, 1, "t", "bad")}
		r := run(t, c, task, off, func(cfg *sourcetask.Config) {
			edit(cfg)
			cfg.CommitInterval = time.Hour
			if eos {
				exactlyOnce(&sourcetask.Transaction{Offsets: txnOffsets{make(chan string, 1)}, Boundary: sourcetask.BoundaryInterval, Interval: time.Hour})(cfg)
				close(settling)
			}
		})
		<-settling
		for len(s.batches) > 0 {
			time.Sleep(time.Millisecond)
		}
		r.stop()
		time.AfterFunc(50*time.Millisecond, func() { close(settle) }) // so that a commit which does not wait is over
		if err := r.wait(t); err != nil {
			t.Fatal(err)
		}
		expect(t, s.acks, "bad dropped")
		if eos {
			if got := values(t, c, "offsets"); !slices.Equal(got, []string{"1"}) {
				t.Errorf("committed offsets %q", got)
			}
		} else if got := off.get(`"p"`); got != "1" {
			t.Errorf("offset %q", got)
		}
	}
}

// A record that is too large for the dead-letter topic, too, leaves its headers there.
func TestTooLargeForTheDeadLetterTopic(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, "dlq"))
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		pr, ok := req.(*kmsg.ProduceRequest)
		if !ok || len(pr.Topics[0].Partitions[0].Records) < 50<<10 {
			return nil, nil, false
		}
		resp := pr.ResponseKind().(*kmsg.ProduceResponse)
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = pr.Topics[0].Topic, pr.Topics[0].TopicID
		rp := kmsg.NewProduceResponseTopicPartition()
		rp.Partition, rp.ErrorCode = pr.Topics[0].Partitions[0].Partition, kerr.MessageTooLarge.Code
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	edit, letters := withDeadLetters(t, c)
	s, off := newScript(), newOffsets()
	s.batches <- []*connect.SourceRecord{record(partition("p"), 1, "t", strings.Repeat("x", 60<<10))}
	run(t, c, s, off, func(cfg *sourcetask.Config) {
		edit(cfg)
		cfg.Producer = append(cfg.Producer, kgo.ProducerBatchCompression(kgo.NoCompression()))
	})
	l := letters(1)[0]
	checkHeaders(t, l, map[string]string{"record.format": "omitted", "record.value.bytes": "61440", "stage": "KAFKA_PRODUCE", "source.offset": "1"})
	if l.Key != nil || l.Value != nil {
		t.Errorf("key %q, %d bytes of value", l.Key, len(l.Value))
	}
	if w := <-off.wrote; w != `"p"=1` {
		t.Errorf("wrote %s", w)
	}
}
