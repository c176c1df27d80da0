package pipeline_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

// documents is text to which what is in braces is a document.
type documents struct{ text }

func (documents) IsDocument(b []byte) bool {
	if string(b) == "panic" {
		panic("oops")
	}
	return bytes.HasPrefix(b, []byte("{"))
}

func TestDocumentsPassUndecoded(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*pipeline.Config)
		pass bool
		want bool
	}{
		"asked for":                {pass: true, want: true},
		"not asked for":            {},
		"a transform":              {edit: func(c *pipeline.Config) { c.Steps = []pipeline.Step{suffix("")} }, pass: true},
		"a converter without them": {edit: func(c *pipeline.Config) { c.Value = c.Key }, pass: true},
	} {
		t.Run(name, func(t *testing.T) {
			notes := new([]string)
			chain, _ := newChain(func(cfg *pipeline.Config) {
				cfg.Value = documents{text{notes: notes, name: "value"}}
				if c.edit != nil {
					c.edit(cfg)
				}
			})
			if c.pass {
				chain.PassDocuments()
			}
			for _, value := range []string{"{}", "v", "{}"} {
				out := connect.SinkRecord{Wire: new(connect.Wire)}
				in := &kgo.Record{Topic: "t", Key: []byte("k"), Value: []byte(value), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}}
				if o, err := chain.Decode(t.Context(), in, &out); o != pipeline.Kept || err != nil {
					t.Fatal(o, err)
				}
				want := c.want && value == "{}"
				if out.Document != want || out.Value.Value.IsNull() != want || string(out.Wire.Value) != value || out.Key.Value.String() != "k" || len(out.Headers) != 1 {
					t.Errorf("%s: got %+v", value, out)
				}
			}
		})
	}
}

// What is no document fails as it does without the look.
func TestDocumentsThatAreNoneFailAsBefore(t *testing.T) {
	broken := errors.New("malformed")
	for _, value := range []string{"bad", "panic"} {
		chain, _ := newChain(func(cfg *pipeline.Config) {
			cfg.Value = documents{text{fail: func() error { return broken }}}
		})
		chain.PassDocuments()
		out := connect.SinkRecord{Wire: new(connect.Wire)}
		_, err := chain.Decode(t.Context(), &kgo.Record{Topic: "t", Offset: 5, Value: []byte(value)}, &out)
		se, ok := errors.AsType[*pipeline.StageError](err)
		if !ok || se.Stage != pipeline.ValueConverter || se.Class != "ValueConv" || se.At.Offset != 5 || out.Document {
			t.Fatalf("%s: got %v", value, err)
		}
		if _, panicked := errors.AsType[*pipeline.PanicError](err); panicked != (value == "panic") || !panicked && !errors.Is(err, broken) {
			t.Errorf("%s: got %v", value, err)
		}
	}
}
