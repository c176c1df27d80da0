//go:build integration

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// dlq runs connectd dlq with the worker's file and returns what it prints.
func (p *proc) dlq(args ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	args = append([]string{"dlq", args[0], "--config", p.args[1]}, args[1:]...)
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String() + fmt.Sprintf("%v: %s", err, errs.String())
	}
	return out.String()
}

func (p *proc) dlqHas(want string, args ...string) {
	p.t.Helper()
	if got := p.dlq(args...); !strings.Contains(got, want) {
		p.t.Errorf("dlq %s printed\n%s\nwithout %q", strings.Join(args, " "), got, want)
	}
}

func valuesOf(rs []*kgo.Record) (out []string) {
	for _, r := range rs {
		out = append(out, string(r.Value))
	}
	slices.Sort(out)
	return out
}

func awaitRecords(t *testing.T, topic string, n int) []*kgo.Record {
	t.Helper()
	var rs []*kgo.Record
	process.Await(t, 30*time.Second, fmt.Sprintf("%d records in %s", n, topic), func() error {
		if rs = records(t, topic); len(rs) != n {
			return fmt.Errorf("%d records", len(rs))
		}
		return nil
	})
	return rs
}

// Records of a source that a transform refuses are dead letters with all of the record, and a replay with the repaired config brings
// them to their topic, once.
func TestDeadLettersOfASourceAreReplayed(t *testing.T) {
	w := newCluster(t, nil).add()
	name := process.Unique("dlqsource")
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte("1\ntwo\n3\nfour\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := map[string]string{
		"connector.class": "FileStreamSource", "tasks.max": "1", "file": file, "topic": name, "value.converter": "org.apache.kafka.connect.json.JsonConverter",
		"value.converter.schemas.enable": "false", "transforms": "cast", "transforms.cast.type": "org.apache.kafka.connect.transforms.Cast$Value",
		"transforms.cast.spec": "int32", "errors.tolerance": "all", "errors.deadletterqueue.topic.name": name + "-dlq",
		"errors.deadletterqueue.topic.replication.factor": "1", "errors.deadletterqueue.context.headers.enable": "true",
	}
	w.put(name, config)
	w.running(name, 1)
	if got := valuesOf(awaitRecords(t, name, 2)); !slices.Equal(got, []string{"1", "3"}) {
		t.Errorf("records %q", got)
	}
	for _, r := range awaitRecords(t, name+"-dlq", 2) {
		h := map[string]string{}
		for _, x := range r.Headers {
			h[strings.TrimPrefix(x.Key, "__connect.errors.")] = string(x.Value)
		}
		var value struct {
			Schema  struct{ Type string }
			Payload string
		}
		if err := json.Unmarshal(r.Value, &value); err != nil || value.Schema.Type != "string" || value.Payload != "two" && value.Payload != "four" {
			t.Errorf("value %s: %v", r.Value, err)
		}
		if h["stage"] != "TRANSFORMATION" || h["connector.name"] != name || h["target.topic"] != name || h["record.format"] != "connect-json" ||
			!strings.Contains(h["source.partition"], `"filename"`) || !strings.Contains(h["source.offset"], `"position"`) ||
			h["exception.class.name"] != "org.apache.kafka.connect.errors.DataException" {
			t.Errorf("headers %v", h)
		}
	}
	// The offset has moved past the dead letters.
	process.Await(t, 10*time.Second, "offset at the end of the file", func() error {
		var o struct {
			Offsets []struct{ Offset struct{ Position int } }
		}
		if _, err := w.Do("GET", "/connectors/"+name+"/offsets", nil, &o); err != nil {
			return err
		}
		if len(o.Offsets) != 1 || o.Offsets[0].Offset.Position != 13 {
			return fmt.Errorf("%+v", o)
		}
		return nil
	})

	w.dlqHas("TRANSFORMATION", "list", name+"-dlq")
	w.dlqHas(`"payload":"two"`, "show", "--limit", "1", name+"-dlq")
	w.dlqHas("--connector-config", "replay", name+"-dlq")
	delete(config, "transforms")
	config["name"] = name
	repaired := filepath.Join(t.TempDir(), "repaired.json")
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(repaired, b, 0o600); err != nil {
		t.Fatal(err)
	}
	w.dlqHas("2 to replay", "replay", "--dry-run", "--connector-config", repaired, name+"-dlq")
	w.dlqHas("1 replayed", "replay", "--count", "1", "--connector-config", repaired, name+"-dlq")
	w.dlqHas("1 replayed", "replay", "--connector-config", repaired, name+"-dlq")
	w.dlqHas("0 replayed", "replay", "--connector-config", repaired, name+"-dlq")
	if got := valuesOf(records(t, name)); !slices.Equal(got, []string{`"four"`, `"two"`, "1", "3"}) {
		t.Errorf("records %q", got)
	}
}

// Dead letters of a sink go back to where they were read; what fails again is a new dead letter.
func TestDeadLettersOfASinkAreReplayed(t *testing.T) {
	w := newCluster(t, nil).add()
	name := process.Unique("dlqsink")
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")), kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(20))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for _, v := range []string{`"good"`, "bad"} {
		r := &kgo.Record{Topic: name, Key: []byte(`"k"`), Value: []byte(v), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w.put(name, map[string]string{
		"connector.class": "FileStreamSink", "tasks.max": "1", "file": filepath.Join(t.TempDir(), "out"), "topics": name,
		"errors.tolerance": "all", "errors.deadletterqueue.topic.name": name + "-dlq",
		"errors.deadletterqueue.topic.replication.factor": "1", "errors.deadletterqueue.context.headers.enable": "true",
	})
	w.running(name, 1)
	awaitRecords(t, name+"-dlq", 1)
	w.dlqHas("0 to replay", "replay", "--dry-run", "--stage", "TRANSFORMATION", name+"-dlq")
	w.dlqHas("1 replayed", "replay", "--connector", name, name+"-dlq")
	back := awaitRecords(t, name, 3)
	last := back[len(back)-1]
	if string(last.Value) != "bad" || string(last.Key) != `"k"` || len(last.Headers) != 1 || last.Headers[0].Key != "h" {
		t.Errorf("replayed %+v", last)
	}
	awaitRecords(t, name+"-dlq", 2)
	w.dlqHas("1 replayed", "replay", "--connector", name, name+"-dlq")
	awaitRecords(t, name, 4)
}
