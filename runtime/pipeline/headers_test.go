package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/pipeline"
)

// counted is a header converter that counts its calls.
type counted struct {
	connect.HeaderConverter
	calls int
}

func (c *counted) AppendHeader(_ context.Context, dst []byte, topic, _ string, d data.Datum) ([]byte, bool, error) {
	c.calls++
	return append(append(dst, topic+":"...), d.Value.String()...), true, nil
}

func (c *counted) DecodeHeader(_ context.Context, _, _ string, b []byte) (data.Datum, error) {
	c.calls++
	if b == nil {
		return data.Datum{}, nil
	}
	return data.Datum{Value: data.Text(b)}, nil
}

func (*counted) Close() error { return nil }

// TestRepeatedHeadersAreDecodedOnce: records of one topic with the same headers share them; what differs in key, value, null or topic is
// decoded, and nothing of an earlier fetch is looked at again.
func TestRepeatedHeadersAreDecodedOnce(t *testing.T) {
	conv := &counted{}
	chain, _ := newChain(func(c *pipeline.Config) { c.Header = conv })
	var fetch [][]byte
	header := func(key, value string) kgo.RecordHeader {
		b := []byte(value)
		fetch = append(fetch, b)
		return kgo.RecordHeader{Key: strings.Clone(key), Value: b}
	}
	for i, step := range []struct {
		topic   string
		headers []kgo.RecordHeader
		calls   int // that are made for it
	}{
		{"t", []kgo.RecordHeader{header("a", "1"), header("b", "2")}, 2},
		{"t", []kgo.RecordHeader{header("a", "1"), header("b", "2")}, 4}, // and once more, to keep them
		{"t", []kgo.RecordHeader{header("a", "1"), header("b", "2")}, 0},
		{"t", []kgo.RecordHeader{header("a", "1"), header("b", "2")}, 0},
		{"u", []kgo.RecordHeader{header("a", "1"), header("b", "2")}, 2},
		{"t", []kgo.RecordHeader{header("a", "1"), header("b", "3")}, 2},
		{"t", []kgo.RecordHeader{header("a", "1"), header("c", "3")}, 2},
		{"t", []kgo.RecordHeader{header("a", "1"), {Key: "c"}}, 2},
		{"t", []kgo.RecordHeader{header("a", "1"), header("c", "")}, 2},
		{"t", []kgo.RecordHeader{header("a", "1")}, 1},
		{"t", nil, 0},
		{"t", []kgo.RecordHeader{header("a", "1")}, 2},
		{"t", []kgo.RecordHeader{header("a", "1")}, 0},
	} {
		want := ""
		for _, h := range step.headers {
			want += fmt.Sprintf("%s=%q(%v) ", h.Key, h.Value, h.Value == nil)
		}
		conv.calls = 0
		out := connect.SinkRecord{Wire: new(connect.Wire)}
		if o, err := chain.Decode(t.Context(), &kgo.Record{Topic: step.topic, Headers: step.headers}, &out); o != pipeline.Kept || err != nil {
			t.Fatal(o, err)
		}
		decoded, wire := "", ""
		for _, h := range out.Headers {
			text := ""
			if !h.Value.Value.IsNull() {
				text = h.Value.Value.String()
			}
			decoded += fmt.Sprintf("%s=%q(%v) ", h.Key, text, h.Value.Value.IsNull())
		}
		for _, h := range out.Wire.Headers {
			wire += fmt.Sprintf("%s=%q(%v) ", h.Key, h.Value, h.Value == nil)
		}
		if decoded != want || wire != want || conv.calls != step.calls {
			t.Errorf("record %d: headers %s, wire %s after %d calls, want %s after %d", i, decoded, wire, conv.calls, want, step.calls)
		}
		if n := len(out.Headers); cap(out.Headers) != n && conv.calls == 0 {
			t.Errorf("record %d: an append would write into headers that are shared", i)
		}
		for _, b := range fetch { // the fetch is over, its memory is somebody else's
			for j := range b {
				b[j] = 'x'
			}
		}
		fetch = nil
	}
}

// TestHeadersOfABatchAreConvertedOnce: as long as slice and topic stay. What converters add belongs to their record alone.
func TestHeadersOfABatchAreConvertedOnce(t *testing.T) {
	conv := &counted{}
	adds := 0
	chain, _ := newChain(func(c *pipeline.Config) {
		c.Header = conv
		c.Key = adding{&adds}
		c.Value = adding{new(int)}
	})
	text := func(s string) data.Datum { return data.Datum{Value: data.String(s)} }
	shared := connect.Headers{{Key: "a", Value: text("1")}, {Key: "b", Value: text("2")}}
	other := connect.Headers{{Key: "a", Value: text("9")}}
	var buf pipeline.Buffer
	for i, step := range []struct {
		topic   string
		headers connect.Headers
		adds    int
		calls   int
		want    string
	}{
		{"t", shared, 0, 2, "a=t:1 b=t:2 "},
		{"t", shared, 0, 0, "a=t:1 b=t:2 "},
		{"t", shared, 1, 0, "a=t:1 b=t:2 added= "},
		{"t", shared, 0, 0, "a=t:1 b=t:2 "},
		{"u", shared, 0, 2, "a=u:1 b=u:2 "},
		{"u", other, 1, 1, "a=u:9 added= "},
		{"u", nil, 0, 0, ""},
		{"u", nil, 1, 0, "added= "},
		{"u", other, 0, 0, "a=u:9 "},
		{"u", other[:0], 0, 0, ""},
	} {
		conv.calls, adds = 0, step.adds
		var out kgo.Record
		if o, err := chain.Encode(t.Context(), &buf, &connect.Record{Topic: step.topic, Headers: step.headers, Timestamp: connect.NoTimestamp}, &out, pipeline.Failure{}); o != pipeline.Kept || err != nil {
			t.Fatal(o, err)
		}
		got := ""
		for _, h := range out.Headers {
			got += h.Key + "=" + string(h.Value) + " "
		}
		if got != step.want || conv.calls != step.calls {
			t.Errorf("record %d: %s after %d calls, want %s after %d", i, got, conv.calls, step.want, step.calls)
		}
	}
}

// adding is a converter that adds so many headers.
type adding struct{ n *int }

func (adding) Configure(config.Values, bool) error { return nil }
func (a adding) Append(_ context.Context, dst []byte, _ string, h *connect.WireHeaders, _ data.Datum) ([]byte, bool, error) {
	for range *a.n {
		*h = append(*h, connect.WireHeader{Key: "added"})
	}
	return dst, false, nil
}
func (adding) Decode(context.Context, string, connect.WireHeaders, []byte) (data.Datum, error) {
	return data.Datum{}, nil
}
func (adding) Close() error { return nil }
