package pipeline_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/pipeline"
)

// A record that fails ahead of its turn is what it was, whatever its transforms have done to it by then.
func TestAheadPutsBackWhatFails(t *testing.T) {
	rename := transform(func(r *connect.Record) (bool, error) {
		r.Topic, r.Value.Value = "other", data.String("changed")
		return true, nil
	})
	for name, c := range map[string]struct {
		then    transform
		fail    error
		outcome pipeline.Outcome
		failed  bool
	}{
		"good":            {then: func(*connect.Record) (bool, error) { return true, nil }},
		"filtered":        {then: func(*connect.Record) (bool, error) { return false, nil }, outcome: pipeline.Filtered},
		"refused":         {then: func(*connect.Record) (bool, error) { return false, errors.New("no") }, failed: true},
		"panic":           {then: func(*connect.Record) (bool, error) { panic("boom") }, failed: true},
		"without a topic": {then: func(r *connect.Record) (bool, error) { r.Topic = ""; return true, nil }, failed: true},
		"not converted":   {then: func(*connect.Record) (bool, error) { return true, nil }, fail: errors.New("no"), failed: true},
	} {
		conv := text{notes: new([]string), name: "value", fail: func() error { return c.fail }}
		chain := pipeline.New(pipeline.Config{Key: conv, Value: conv, Steps: []pipeline.Step{{Transform: rename}, {Transform: c.then}}})
		r := connect.Record{Topic: "t", Value: data.Datum{Value: data.String("v")}}
		was := r
		var buf pipeline.Buffer
		var out kgo.Record
		o, err := chain.Ahead(context.Background(), &buf, &r, &out)
		switch {
		case (err != nil) != c.failed:
			t.Errorf("%s: %v", name, err)
		case c.failed && !reflect.DeepEqual(r, was):
			t.Errorf("%s: the record is %v", name, r)
		case !c.failed && o != c.outcome:
			t.Errorf("%s: the outcome is %v", name, o)
		case !c.failed && o == pipeline.Kept && (out.Topic != "other" || string(out.Value) != "changed"):
			t.Errorf("%s: %s to %s", name, out.Value, out.Topic)
		}
	}
}

// Parts take their chunks of the Buffer they are parts of, which has them again after Reset.
func TestPartsShareChunks(t *testing.T) {
	var b pipeline.Buffer
	p := b.Part()
	fill := func(b *pipeline.Buffer) { b.Keep(append(b.Tail(), make([]byte, pipeline.ChunkSize)...)) }
	for range 3 {
		x, y := b.Keep(append(b.Tail(), "one"...)), p.Keep(append(p.Tail(), "two"...))
		if string(x) != "one" || string(y) != "two" {
			t.Fatalf("%s, %s", x, y)
		}
		fill(&b)
		fill(p)
		if b.Size() != 2*pipeline.ChunkSize || p.Size() != 0 {
			t.Errorf("%d and %d bytes are held", b.Size(), p.Size())
		}
		b.Reset()
		p.Reset()
	}
}
