package transforms_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/transforms"
	"github.com/connectd/connectd/transforms/predicates"
)

// goldenCase is one case made with Apache Kafka 4.3.1 and Debezium 3.6.1.Final.
type goldenCase struct {
	ID         string `json:"id"`
	Transforms []struct {
		Type      string       `json:"type"`
		Config    config.Props `json:"config"`
		Predicate string       `json:"predicate"`
		Negate    bool         `json:"negate"`
	} `json:"transforms"`
	Predicates map[string]struct {
		Type   string       `json:"type"`
		Config config.Props `json:"config"`
	} `json:"predicates"`
	Key       *goldenData `json:"key"`
	Value     *goldenData `json:"value"`
	Topic     string      `json:"topic"`
	Partition *int32      `json:"partition"`
	Offset    int64       `json:"offset"`
	Timestamp *int64      `json:"timestamp"`
	Headers   []struct {
		Key string `json:"key"`
		goldenData
	} `json:"headers"`
	RecordType string `json:"recordType"`
	Expected   struct {
		Dropped bool          `json:"dropped"`
		Record  *goldenRecord `json:"record"`
		Error   *struct {
			Stage   string `json:"stage"`
			Class   string `json:"class"`
			Message string `json:"message"`
		} `json:"error"`
	} `json:"expected"`
}

type goldenRecord struct {
	Topic       string `json:"topic"`
	Partition   *int32 `json:"partition"`
	Timestamp   *int64 `json:"timestamp"`
	KeySchema   any    `json:"keySchema"`
	KeyTyped    any    `json:"keyTyped"`
	ValueSchema any    `json:"valueSchema"`
	ValueTyped  any    `json:"valueTyped"`
	Headers     []struct {
		Key    string `json:"key"`
		Schema any    `json:"schema"`
		Typed  any    `json:"typed"`
	} `json:"headers"`
}

// goldenData is a datum: with schema, plain JSON, or by Java class. None: null.
type goldenData struct {
	Envelope *struct {
		Schema  any `json:"schema"`
		Payload any `json:"payload"`
	} `json:"envelope"`
	Plain *any            `json:"plain"`
	Typed *map[string]any `json:"typed"`
}

func TestGoldenApache(t *testing.T) { replay(t, "testdata/smt-cases.jsonl.gz", apacheDeviations) }

func TestGoldenExtractNewRecordState(t *testing.T) {
	replay(t, "testdata/extract-new-record-state-cases.jsonl.gz", debeziumDeviations)
}

func replay(t *testing.T, path string, deviations map[string]string) {
	passed, cases := 0, loadCases(t, path)
	for _, c := range cases {
		why := runCase(t, c)
		reason, known := deviations[c.ID]
		switch {
		case why == "" && known:
			t.Errorf("%s passes: take it off the list of deviations (%s)", c.ID, reason)
		case why != "" && !known:
			t.Errorf("%s %v: %s", c.ID, c.Transforms, why)
		case why == "":
			passed++
		}
	}
	t.Logf("%d of %d cases pass, %d are listed deviations", passed, len(cases), len(deviations))
}

func loadCases(t testing.TB, path string) []*goldenCase {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	must(t, err)
	var out []*goldenCase
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		c := new(goldenCase)
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.UseNumber()
		must(t, dec.Decode(c))
		out = append(out, c)
	}
	must(t, lines.Err())
	if len(out) == 0 {
		t.Fatal("no cases in " + path)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// step is a configured transform and its predicate.
type step struct {
	transform connect.Transform
	predicate connect.Predicate
	negate    bool
}

func configured(c *goldenCase) ([]step, error) {
	preds := map[string]connect.Predicate{}
	for name, p := range c.Predicates {
		for _, pl := range predicates.Plugins("4.3.1") {
			if pl.Name == p.Type {
				v, err := pl.Config.Parse(p.Config)
				if err != nil {
					return nil, err
				}
				preds[name] = pl.New()
				if err := preds[name].Configure(v); err != nil {
					return nil, err
				}
			}
		}
	}
	var out []step
	for _, tr := range c.Transforms {
		s := step{predicate: preds[tr.Predicate], negate: tr.Negate}
		for _, pl := range transforms.Plugins("4.3.1", "3.6.1.Final") {
			if pl.Name == tr.Type {
				v, err := pl.Config.Parse(tr.Config)
				if err != nil {
					return nil, err
				}
				s.transform = pl.New()
				if err := s.transform.Configure(v); err != nil {
					return nil, err
				}
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// runCase answers what differs from Java, or "". It also checks the contract: input values and headers are untouched, and on error the
// record too.
func runCase(t *testing.T, c *goldenCase) string {
	steps, err := configured(c)
	if err != nil {
		return c.fails("configure", err)
	}
	r := c.record(t)
	for i, s := range steps {
		if s.transform == nil {
			return "no such transform"
		}
		if s.predicate != nil && s.predicate.Test(r) == s.negate {
			continue
		}
		before := *r
		frozen := clone(&before)
		keep, err := s.transform.Apply(t.Context(), r)
		if !sameRecord(&before, frozen) {
			t.Errorf("%s: transform %d modified values it was given", c.ID, i)
		}
		if err != nil {
			if !sameRecord(r, frozen) {
				t.Errorf("%s: transform %d failed and changed the record", c.ID, i)
			}
			return c.fails("apply", err)
		}
		if !keep {
			if !c.Expected.Dropped {
				return "dropped"
			}
			return ""
		}
	}
	return c.compare(r)
}

func (c *goldenCase) fails(stage string, err error) string {
	want := c.Expected.Error
	switch {
	case want == nil:
		return stage + ": " + err.Error()
	case want.Stage != stage:
		return stage + " fails, Java at " + want.Stage + ": " + err.Error()
	}
	for _, loose := range []string{"NullPointer", "IndexOutOfBounds", "ClassCast"} {
		if strings.Contains(want.Class, loose) {
			return ""
		}
	}
	// A config's errors are all reported at once here, one a line; Java stops at the first.
	if err.Error() != want.Message && !(stage == "configure" && strings.HasPrefix(err.Error(), want.Message+"\n")) {
		return "error " + err.Error() + "\n\tJava " + want.Message
	}
	return ""
}

func (c *goldenCase) compare(r *connect.Record) string {
	want := c.Expected.Record
	switch {
	case c.Expected.Dropped:
		return "kept, Java drops"
	case c.Expected.Error != nil:
		return "no error, Java: " + c.Expected.Error.Message
	case r.Topic != want.Topic:
		return "topic " + r.Topic + ", Java " + want.Topic
	case want.Partition != nil && *want.Partition != r.Partition, want.Partition == nil && r.Partition != connect.NoPartition:
		return "partition"
	case want.Timestamp != nil && *want.Timestamp != r.Timestamp, want.Timestamp == nil && r.Timestamp != connect.NoTimestamp:
		return "timestamp"
	case len(r.Headers) != len(want.Headers):
		return "number of headers"
	}
	if s := differs("key", r.Key, want.KeySchema, want.KeyTyped); s != "" {
		return s
	}
	if s := differs("value", r.Value, want.ValueSchema, want.ValueTyped); s != "" {
		return s
	}
	for i, h := range want.Headers {
		if r.Headers[i].Key != h.Key {
			return "header " + r.Headers[i].Key + ", Java " + h.Key
		}
		if s := differs("header "+h.Key, r.Headers[i].Value, h.Schema, h.Typed); s != "" {
			return s
		}
	}
	return ""
}

func differs(what string, d data.Datum, schema, typed any) string {
	if got := schemaJSON(d.Schema); !reflect.DeepEqual(got, schema) {
		return what + " schema " + text(got) + "\n\tJava " + text(schema)
	}
	got, want := sortMaps(typedJSON(d.Value)), sortMaps(typed)
	if !reflect.DeepEqual(got, want) {
		return what + " " + text(got) + "\n\tJava " + text(want)
	}
	return ""
}

func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func clone(r *connect.Record) *connect.Record {
	s := connect.SinkRecord{Record: *r}
	return &s.Clone().Record
}

func sameRecord(a, b *connect.Record) bool {
	if a.Topic != b.Topic || a.Partition != b.Partition || a.Timestamp != b.Timestamp || len(a.Headers) != len(b.Headers) {
		return false
	}
	for i := range a.Headers {
		if a.Headers[i].Key != b.Headers[i].Key || !sameDatum(a.Headers[i].Value, b.Headers[i].Value) {
			return false
		}
	}
	return sameDatum(a.Key, b.Key) && sameDatum(a.Value, b.Value)
}

func sameDatum(a, b data.Datum) bool { return a.Schema == b.Schema && a.Value.Equal(b.Value) }
