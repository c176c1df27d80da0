package connect_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

func text(s string) data.Datum { return data.Datum{Schema: data.StringSchema, Value: data.String(s)} }

func render(h connect.Headers) string {
	var b strings.Builder
	for _, x := range h {
		fmt.Fprintf(&b, "%s=%s ", x.Key, x.Value.Value)
	}
	return b.String()
}

func TestHeadersAreCopiedOnWrite(t *testing.T) {
	base := append(make(connect.Headers, 0, 8), connect.Header{Key: "a", Value: text("1")}, connect.Header{Key: "b", Value: text("2")}, connect.Header{Key: "a", Value: text("3")})
	for _, c := range []struct {
		name string
		got  connect.Headers
		want string
	}{
		{"With", base.With("c", text("4")), "a=1 b=2 a=3 c=4 "}, {"With again", base.With("d", text("5")), "a=1 b=2 a=3 d=5 "},
		{"With of a key that is there", base.With("a", text("6")), "a=1 b=2 a=3 a=6 "}, {"Without two", base.Without("a"), "b=2 "},
		{"Without one", base.Without("b"), "a=1 a=3 "}, {"Without none", base.Without("x"), "a=1 b=2 a=3 "},
		{"of nothing", connect.Headers(nil).With("a", text("1")), "a=1 "}, {"nothing of nothing", connect.Headers(nil).Without("a"), ""},
	} {
		if got := render(c.got); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	first, second := base.With("c", text("4")), base.With("d", text("5"))
	if render(first) == render(second) || render(base) != "a=1 b=2 a=3 " {
		t.Errorf("memory is shared: %s, %s, %s", render(first), render(second), render(base))
	}
}

func TestLastHeaderWins(t *testing.T) {
	h := connect.Headers{{Key: "a", Value: text("1")}, {Key: "a", Value: text("2")}, {Key: "b"}}
	if d, ok := h.Last("a"); !ok || d.Value.String() != "2" {
		t.Errorf("%s %v", d.Value, ok)
	}
	if d, ok := h.Last("b"); !ok || !d.Value.IsNull() {
		t.Errorf("a null header: %s %v", d.Value, ok)
	}
	if _, ok := h.Last("A"); ok {
		t.Error("keys are told apart by case")
	}
}

func TestRetriable(t *testing.T) {
	if connect.Retriable(nil, time.Second) != nil {
		t.Error("Retriable(nil) is an error")
	}
	for _, c := range []struct {
		err   error
		after time.Duration
		ok    bool
	}{
		{nil, 0, false}, {io.EOF, 0, false}, {connect.Retriable(io.EOF, 0), 0, true}, {connect.Retriable(io.EOF, time.Second), time.Second, true},
		{fmt.Errorf("reading: %w", connect.Retriable(io.EOF, time.Second)), time.Second, true},
		{errors.Join(io.ErrClosedPipe, connect.Retriable(io.EOF, time.Second)), time.Second, true},
		{connect.Retriable(connect.Retriable(io.EOF, time.Second), time.Minute), time.Minute, true}, // the outer one decides
		{&connect.PutError{Failed: []connect.RecordError{{Record: new(connect.SinkRecord), Err: connect.Retriable(io.EOF, 0)}}}, 0, false},
	} {
		if after, ok := connect.RetryAfter(c.err); after != c.after || ok != c.ok {
			t.Errorf("%v: %v %v, want %v %v", c.err, after, ok, c.after, c.ok)
		}
	}
	if err := connect.Retriable(io.EOF, 0); !errors.Is(err, io.EOF) || err.Error() != "EOF" {
		t.Errorf("%v hides its cause", err)
	}
}

func TestPutError(t *testing.T) {
	r := &connect.SinkRecord{Original: connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: "orders", Partition: 3}, Offset: 42}}
	for want, failed := range map[string][]connect.RecordError{
		"no record failed": nil,
		"2 records failed, the first at orders-3 offset 42: EOF": {{Record: r, Err: io.EOF}, {Record: r, Err: io.ErrNoProgress}},
		"1 records failed, the first at an unknown place: EOF":   {{Err: io.EOF}},
	} {
		if got := (&connect.PutError{Failed: failed}).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		connect.TaskID{Connector: "c", Task: 3}.String():                            "c-3",
		connect.TaskID{Connector: "c", Task: connect.ConnectorTask}.String():        "c",
		connect.TaskID{Connector: "a-1", Task: 0}.String():                          "a-1-0",
		connect.TopicPartition{Topic: "my.topic", Partition: 12}.String():           "my.topic-12",
		connect.TopicPartition{Topic: "t", Partition: connect.NoPartition}.String(): "t--1",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestCloneSharesNothingWithItsBatch(t *testing.T) {
	// All of it lies in one fetch, as the sink path has it.
	fetch := []byte("key|value|name|head")
	key, value, head := fetch[0:3], fetch[4:9], fetch[15:19]
	s := data.MakeStruct("s").Field("f", data.StringSchema).Build()
	slab := new(data.Slab)
	row := slab.New(s).Put("f", data.Text(value))
	r := &connect.SinkRecord{
		Record: connect.Record{Topic: "t", Partition: 1, Offset: 2, Timestamp: 3, Key: data.Datum{Schema: data.BytesSchema, Value: data.Bytes(key)},
			Value: data.Datum{Schema: s, Value: data.Of(row)}, Headers: connect.Headers{{Key: "h", Value: data.Datum{Value: data.Text(head)}}}},
		Original:      connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: "t", Partition: 1}, Offset: 2},
		TimestampType: connect.LogAppendTime,
		Wire:          &connect.Wire{Key: key, Value: fetch[0:0], Headers: connect.WireHeaders{{Key: "h", Value: head}, {Key: "null"}}, Timestamp: 3},
	}
	c := r.Clone()
	for i := range fetch {
		fetch[i] = 'X'
	}
	slab.Reset()
	if c.Topic != "t" || c.Partition != 1 || c.Offset != 2 || c.Timestamp != 3 || c.Original != r.Original || c.TimestampType != connect.LogAppendTime {
		t.Errorf("%+v", c)
	}
	if string(c.Key.Value.Bytes()) != "key" || c.Value.Value.String() != "Struct{f=value}" || render(c.Headers) != "h=head " {
		t.Errorf("%s, %s, %s", c.Key.Value.Bytes(), c.Value.Value, render(c.Headers))
	}
	if c.Key.Schema != data.BytesSchema || c.Value.Schema != s {
		t.Error("schemas are shared")
	}
	if string(c.Wire.Key) != "key" || c.Wire.Value == nil || cap(c.Wire.Value) > 8 || string(c.Wire.Headers[0].Value) != "head" || c.Wire.Headers[1].Value != nil || c.Wire.Timestamp != 3 {
		t.Errorf("%+v", c.Wire)
	}
	if c := (&connect.SinkRecord{Wire: &connect.Wire{}}).Clone(); c.Wire.Key != nil || c.Wire.Value != nil || c.Headers != nil || c.Wire == nil {
		t.Errorf("null became something: %+v", c)
	}
	if c := new(connect.SinkRecord).Clone(); c.Wire != nil || !c.Value.Value.IsNull() {
		t.Errorf("%+v", c)
	}
}

func TestPositions(t *testing.T) {
	doc := []byte(`{"b":1,"a":2}`)
	if got := string(connect.NewSourcePartition(doc).JSON()); got != `{"b":1,"a":2}` {
		t.Errorf("the order of keys is lost: %s", got)
	}
	if got := string(connect.RawOffset(`{"n":1}`).AppendJSON([]byte("x"))); got != `x{"n":1}` {
		t.Error(got)
	}
}
