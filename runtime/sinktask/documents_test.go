package sinktask_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sinktask"
)

// braces is text to which what is in braces is a document.
type braces struct{ text }

func (braces) IsDocument(b []byte) bool { return bytes.HasPrefix(b, []byte("{")) }

// taker is a sink that says whether it takes documents.
type taker struct {
	*sink
	takes bool
}

func (s taker) TakesDocuments() bool { return s.takes }

// Documents come as they are to a task that takes them; what cannot be read, and what the task refuses, goes the usual way.
func TestDocuments(t *testing.T) {
	for _, takes := range []bool{false, true} {
		t.Run(fmt.Sprint(takes), func(t *testing.T) {
			c, s := newCluster(t), newSink()
			p := client(t, c)
			s.set(func(batch []*connect.SinkRecord) error {
				var bad []connect.RecordError
				for _, r := range batch {
					s.calls <- fmt.Sprintf("%s %t", r.Wire.Value, r.Document)
					if string(r.Wire.Value) == "{refused}" {
						bad = append(bad, connect.RecordError{Record: r, Err: errors.New("no")})
					}
				}
				if len(bad) > 0 {
					return &connect.PutError{Failed: bad}
				}
				return nil
			})
			r := run(t, c, taker{s, takes}, func(cfg *sinktask.Config) {
				one(cfg)
				cfg.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: braces{}, Log: quiet, DeadLetter: deadLetter(t, c.ListenAddrs()),
					Errors: pipeline.Errors{Tolerance: pipeline.All}})
			})
			expect(t, s.calls, "start", "open [one-0]")
			value := map[bool]string{false: "{a}", true: "null"}[takes]
			produce(t, p, "one", 0, "{a}")
			expect(t, s.calls, fmt.Sprintf("{a} %t", takes), "put "+value)
			produce(t, p, "one", 0, "bad")
			produce(t, p, "one", 0, "b")
			expect(t, s.calls, "b false", "put b")
			produce(t, p, "one", 0, "{refused}")
			expect(t, s.calls, fmt.Sprintf("{refused} %t", takes))
			r.stop()
			if err := r.wait(t); err != nil {
				t.Fatal(err)
			}
			if got := committed(t, p, "one", 0); got != 4 {
				t.Errorf("committed %d, want 4", got)
			}
			letters := client(t, c, kgo.ConsumeTopics("dlq"))
			var got []string
			for len(got) < 2 && t.Context().Err() == nil {
				letters.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
			}
			if fmt.Sprint(got) != "[bad {refused}]" {
				t.Errorf("dead letters %q", got)
			}
		})
	}
}
