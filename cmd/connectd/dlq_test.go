package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/runtime/pipeline"
)

func deadLetter(offset int64, at time.Time, context map[string]string) letter {
	r := &kgo.Record{Topic: "dlq", Offset: offset, Timestamp: at, Key: []byte("k"), Value: []byte("v"),
		Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("x")}}}
	for k, v := range context {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: pipeline.HeaderPrefix + k, Value: []byte(v)})
	}
	return letterOf(r)
}

func TestLetterFilter(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	l := deadLetter(7, at, map[string]string{"connector.name": "c", "stage": "VALUE_CONVERTER", "exception.class.name": "org.apache.kafka.connect.errors.DataException"})
	seen := map[string]bool{}
	for _, c := range []struct {
		filter letterFilter
		want   bool
	}{
		{letterFilter{to: -1}, true},
		{letterFilter{to: -1, connector: "c", stage: "value_converter", exception: "DataException", since: "2026-11-22T10:00:00Z", until: "2026-11-22T10:00:01Z"}, true},
		{letterFilter{to: -1, connector: "d"}, false},
		{letterFilter{to: -1, stage: "TASK_PUT"}, false},
		{letterFilter{to: -1, exception: "Retriable"}, false},
		{letterFilter{to: -1, from: 8}, false},
		{letterFilter{to: 6}, false},
		{letterFilter{to: 7, from: 7}, true},
		{letterFilter{to: -1, partition: only{true, 1}}, false},
		{letterFilter{to: -1, since: "2026-11-22T10:00:01Z"}, false},
		{letterFilter{to: -1, until: "2026-11-22T10:00:00Z"}, false},
	} {
		if err := c.filter.check(); err != nil {
			t.Fatal(err)
		}
		if got := c.filter.matches(l); got != c.want {
			t.Errorf("%s: %v, want %v", c.filter.text(), got, c.want)
		}
		if text := c.filter.text(); seen[text] {
			t.Errorf("two filters are %q: their replays would share a place", text)
		} else {
			seen[text] = true
		}
	}
	if err := (&letterFilter{since: "yesterday"}).check(); err == nil || !strings.Contains(err.Error(), "--since") {
		t.Errorf("a bad time: %v", err)
	}
}

func TestRestore(t *testing.T) {
	sink := map[string]string{"topic": "orders", "partition": "3", "offset": "9"}
	source := func(format string) map[string]string {
		return map[string]string{"target.topic": "orders", "record.format": format, "source.partition": "{}"}
	}
	for _, c := range []struct {
		name    string
		context map[string]string
		byKey   bool
		want    int32 // partition
		err     string
	}{
		{"sink", sink, false, 3, ""},
		{"sink by key", sink, true, -1, ""},
		{"source, refused by Kafka", source("wire"), false, -1, ""},
		{"source without its config", source("connect-json"), false, 0, "--connector-config"},
		{"omitted", source("omitted"), false, 0, "not in the dead letter"},
		{"of another time", source("protobuf"), false, 0, "unknown record format"},
		{"no context", nil, false, 0, "context.headers.enable"},
		{"bad partition", map[string]string{"topic": "orders", "partition": "x"}, false, 0, `is "x"`},
	} {
		r := &replayer{dlqCommand: &dlqCommand{replay: replayFlags{byKey: c.byKey}}}
		out, ok, err := r.restore(t.Context(), deadLetter(1, time.Now(), c.context))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || !ok || out.Topic != "orders" || out.Partition != c.want || string(out.Key) != "k" || string(out.Value) != "v" ||
			len(out.Headers) != 1 || out.Headers[0].Key != "own" {
			t.Errorf("%s: %+v, %v, %v", c.name, out, ok, err)
		}
	}
}

func TestDLQCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "list, show, replay"},
		{[]string{"drop"}, `unknown command "drop"`},
		{[]string{"list"}, "one topic"},
		{[]string{"list", "--since", "now", "t"}, "--since"},
		{[]string{"list", "t"}, "--bootstrap-server"},
		{[]string{"replay", "--rate", "-1", "t"}, "--rate"},
	} {
		var out bytes.Buffer
		if err := dlq(t.Context(), c.args, &out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
}
