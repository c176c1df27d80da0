package connecttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/connecttest"
	"github.com/connectd/connectd/connect/data"
)

func props(t testing.TB) config.Props {
	n := fmt.Sprintf("%s %p", t.Name(), new([16]byte))
	stores.Delete(n)
	t.Cleanup(func() { stores.Delete(n) })
	return config.Props{"store": n}
}

func sourceDriver(flaw string) connecttest.SourceDriver {
	return connecttest.SourceDriver{Plugin: sourcePlugin(flaw), Props: props, Add: func(t testing.TB, p config.Props, from, n int) {
		for i := range n {
			if err := open(p["store"]).add(fmt.Sprint("text ", from+i)); err != nil {
				t.Fatal(err)
			}
		}
	}}
}

func sinkDriver(flaw string) connecttest.SinkDriver {
	return connecttest.SinkDriver{Plugin: sinkPlugin(flaw), Props: props, Ordered: true,
		Stored: func(t testing.TB, p config.Props) []string { return open(p["store"]).from(0) },
		Break: func(t testing.TB, p config.Props) func() {
			s := open(p["store"])
			s.setBroken(true)
			return func() { s.setBroken(false) }
		},
		Bad: func(tp connect.TopicPartition, n int64) (key, value data.Datum) {
			return key, data.Datum{Value: data.Int64(n)}
		},
	}
}

func TestMemorySource(t *testing.T) { connecttest.Source(t, sourceDriver("")) }
func TestMemorySink(t *testing.T)   { connecttest.Sink(t, sinkDriver("")) }

func expect(t *testing.T, flaw, rule, words string, found map[string][]string) {
	t.Helper()
	if !strings.Contains(strings.Join(found[rule], "\n"), words) {
		t.Errorf("%s: %q finds %q, want %q", flaw, rule, found[rule], words)
	}
}

// A suite that passes a broken connector is worth nothing.
func TestBrokenSourcesFail(t *testing.T) {
	for flaw, want := range map[string][2]string{
		"leaks":                         {"task starts and stops without a poll", "goroutines are left"},
		"leaves a log open":             {"task starts and stops without a poll", "still open"},
		"ignores a broken offset store": {"task stops after a failed start", "no error"},
		"does not resume":               {"resumes at each offset", "records came of"},
		"resumes one early":             {"resumes at each offset", "records came of"},
		"resumes one late":              {"resumes at each offset", "records came within"},
		"blocks when idle":              {"poll returns in time when idle", "has not returned"},
		"ignores the end of poll":       {"stops in mid-poll", "after its context ended"},
		"offset is no object":           {"sends all records in order", "is not a JSON object"},
		"has no positions":              {"sends all records in order", "a restart would begin anew"},
		"value does not fit":            {"sends all records in order", "does not fit its schema"},
		"has no topic":                  {"sends all records in order", "no topic"},
		"sends twice":                   {"sends all records in order", "records came of"},
		"turns the order":               {"resumes at each offset", "records came within"},
		"changes records later":         {"sends all records in order", "changed after Poll"},
		"fails to stop":                 {"sends all records in order", "stuck"},
	} {
		d := sourceDriver(flaw)
		d.Wait = 300e6
		expect(t, flaw, want[0], want[1], connecttest.SourceFindings(t, d, want[0]))
	}
}

func TestBrokenSinksFail(t *testing.T) {
	for flaw, want := range map[string][2]string{
		"leaks":                      {"task starts and stops without a put", "goroutines are left"},
		"fails on nothing":           {"takes empty puts", "nothing to do"},
		"changes records":            {"stores all records", "Put changed a record"},
		"loses a record":             {"stores all records", "record 3 "},
		"turns the order":            {"stores all records", "before the one in front of it"},
		"keeps the slice":            {"stores all records", "is not stored"},
		"never commits":              {"stores all records", "still holds back"},
		"commits what is not stored": {"never commits what is not stored", "is not stored"},
		"commits ahead":              {"never commits what is not stored", "put was"},
		"commits lost partitions":    {"lost partitions", "held: false"},
		"fails for good":             {"takes the same batch again after a passing failure", "want a retriable error"},
		"drops during failures":      {"takes the same batch again after a passing failure", "is not stored"},
		"drops bad records":          {"refuses bad records alone", "failed are []"},
		"fails with a bad record":    {"refuses bad records alone", "want a *PutError"},
	} {
		d := sinkDriver(flaw)
		d.Wait = 300e6
		expect(t, flaw, want[0], want[1], connecttest.SinkFindings(t, d, want[0]))
	}
}

func TestBrokenPluginsFail(t *testing.T) {
	d := sourceDriver("")
	d.Plugin.TaskClass, d.Plugin.Summary = "", ""
	expect(t, "no task class", "declares itself", "no task class", connecttest.SourceFindings(t, d, "declares itself"))
	expect(t, "no summary", "declares itself", "summary", connecttest.SourceFindings(t, d, "declares itself"))
	d = sourceDriver("")
	d.Plugin.Config = config.NewDef(config.String("store").Required().Check(func(s string) error { panic("boom") }))
	expect(t, "a check panics", "validates anything", "boom", connecttest.SourceFindings(t, d, "validates anything"))
	d.Plugin.Config = config.NewDef(config.String("other").Required())
	expect(t, "another key", "misses required keys by name", "not valid", connecttest.SourceFindings(t, d, "misses required keys by name"))
}

// upper is a transform of texts; flaw is the rule it breaks.
type upper struct {
	flaw string
	n    int
}

func (u *upper) Configure(config.Values) error { return nil }
func (u *upper) Close() error                  { return nil }
func (u *upper) Apply(_ context.Context, r *connect.Record) (bool, error) {
	switch u.flaw {
	case "touches refused records":
		r.Topic = "changed"
	case "changes headers in place":
		for i := range r.Headers {
			r.Headers[i].Key = "changed"
		}
	case "panics":
		r.Value.Value.TextBytes()
	case "wrong schema":
		r.Value.Schema = data.Int32Schema
	case "counts":
		u.n++
		r.Key = data.Datum{Value: data.Int64(int64(u.n))}
		return true, nil
	}
	if r.Value.Value.Kind() != data.KindString {
		return false, errors.New("not a text")
	}
	r.Value.Value = data.String(strings.ToUpper(r.Value.Value.String()))
	return true, nil
}

func transformDriver(flaw string) connecttest.TransformDriver {
	record := func(v data.Datum) func() []*connect.Record {
		return func() []*connect.Record {
			return []*connect.Record{{Topic: "t", Value: v, Headers: connect.Headers{{Key: "h", Value: v}}}}
		}
	}
	return connecttest.TransformDriver{
		Plugin: connect.Plugin[connect.Transform]{Name: "Upper", Version: "1", Summary: "Shouts.", Config: config.NewDef(), New: func() connect.Transform { return &upper{flaw: flaw} }},
		Good:   record(data.Datum{Schema: data.StringSchema, Value: data.String("x")}), Bad: record(data.Datum{Value: data.Int64(1)}),
	}
}

func TestTransform(t *testing.T) { connecttest.Transform(t, transformDriver("")) }

func TestBrokenTransformsFail(t *testing.T) {
	for flaw, want := range map[string][2]string{
		"touches refused records":  {"leaves records it refuses as they were", "was changed"},
		"changes headers in place": {"takes good records", "headers were changed in place"},
		"panics":                   {"takes any record without a panic", "panics"},
		"wrong schema":             {"takes good records", "does not fit its schema"},
		"counts":                   {"leaves records it refuses as they were", "was taken"},
	} {
		expect(t, flaw, want[0], want[1], connecttest.TransformFindings(t, transformDriver(flaw)))
	}
}

// text is a converter of texts without a schema; flaw is the rule it breaks.
type text struct {
	flaw string
	last []byte
}

func (c *text) Configure(config.Values, bool) error { return nil }
func (c *text) Close() error                        { return nil }
func (c *text) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	if d.Value.IsNull() {
		return dst, false, nil
	}
	if d.Schema != nil || d.Value.Kind() != data.KindString {
		return dst, false, errors.New("not a text")
	}
	if c.flaw == "overwrites" {
		dst = dst[:0]
	}
	return append(dst, d.Value.TextBytes()...), true, nil
}

func (c *text) Decode(_ context.Context, _ string, _ connect.WireHeaders, b []byte) (data.Datum, error) {
	switch {
	case b == nil:
		return data.Datum{}, nil
	case c.flaw == "panics" && b[0] == 0xff:
		panic("boom")
	case c.flaw == "changes bytes" && len(b) > 0:
		b[0] = 'X'
	case c.flaw == "reuses memory":
		for i := range c.last {
			c.last[i] = 'X'
		}
		c.last = b
	case c.flaw == "wrong schema":
		return data.Datum{Schema: data.Int32Schema, Value: data.Text(b)}, nil
	}
	return data.Datum{Value: data.Text(b)}, nil
}

func converterDriver(flaw string) connecttest.ConverterDriver {
	return connecttest.ConverterDriver{Plugin: connect.Plugin[connect.Converter]{Name: "Text", Version: "1", Summary: "Texts.", Config: config.NewDef(),
		New: func() connect.Converter { return &text{flaw: flaw} }}}
}

func TestConverter(t *testing.T) { connecttest.Converter(t, converterDriver("")) }

func TestBrokenConvertersFail(t *testing.T) {
	for flaw, want := range map[string][2]string{
		"overwrites": {"gives back what it took", "does not append"}, "changes bytes": {"gives back what it took", "changed the bytes"},
		"reuses memory": {"gives back what it took", "decoding the next record changed"}, "panics": {"takes any bytes without a panic", "panics"},
		"wrong schema": {"takes any bytes without a panic", "does not fit its schema"},
	} {
		expect(t, flaw, want[0], want[1], connecttest.ConverterFindings(t, converterDriver(flaw)))
	}
}

func TestFakes(t *testing.T) {
	ctx := context.Background()
	var offsets connecttest.Offsets
	p := connect.NewSourcePartition(json.RawMessage(`{"a":1}`))
	offsets.Commit(&connect.SourceRecord{Position: connect.Position{Partition: p, Offset: connect.RawOffset(`{"n":1}`)}}, &connect.SourceRecord{})
	got, err := offsets.Read(ctx, connect.NewSourcePartition(json.RawMessage(`{"b":1}`)), p)
	if err != nil || got[0] != nil || string(got[1]) != `{"n":1}` || len(offsets.All()) != 1 {
		t.Errorf("%s, %v", got, err)
	}
	var logs connecttest.Logs
	if _, err := logs.Open(ctx, connect.LogSpec{Topic: "t"}); err == nil || !strings.Contains(err.Error(), `"t"`) {
		t.Errorf("a missing topic: %v", err)
	}
	l, err := logs.Open(ctx, connect.LogSpec{Topic: "t", Create: config.Props{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(ctx, []byte("k"), nil); err != nil || logs.OpenLogs() != 1 {
		t.Errorf("%v, %d open", err, logs.OpenLogs())
	}
	seen := ""
	if err := l.ReadToEnd(ctx, func(k, v []byte) error { seen += fmt.Sprint(string(k), v == nil); return nil }); err != nil || seen != "ktrue" {
		t.Errorf("%q, %v", seen, err)
	}
	if err := l.Close(); err != nil || logs.OpenLogs() != 0 || len(logs.Records("t")) != 1 {
		t.Errorf("%v, %d open", err, logs.OpenLogs())
	}
	if connecttest.NewSinkControl(nil).Reporter() != nil {
		t.Error("a control without a reporter has one")
	}
}
