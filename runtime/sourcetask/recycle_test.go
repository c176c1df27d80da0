package sourcetask_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"
)

// reusing is a task that cuts its records from memory of its own, and spoils it as soon as it gets it back.
type reusing struct {
	s    *script
	text []byte
	back chan int // sizes of batches
}

func (r *reusing) Start(ctx context.Context, tc connect.SourceTaskContext) error {
	return r.s.Start(ctx, tc)
}
func (r *reusing) Stop(ctx context.Context) error { return r.s.Stop(ctx) }
func (r *reusing) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	return r.s.Poll(ctx)
}

func (r *reusing) Recycle(batch []*connect.SourceRecord) {
	for i := range r.text {
		r.text[i] = '#'
	}
	for _, b := range batch {
		*b = connect.SourceRecord{}
	}
	r.back <- len(batch)
}

// toTopic names the topic after the value, without a copy.
type toTopic struct{ dropPrefix }

func (toTopic) Apply(_ context.Context, r *connect.Record) (bool, error) {
	r.Topic = r.Value.Value.String()
	return true, nil
}

// held runs a reusing task whose first produce request is not answered before answer.
func held(t *testing.T, errs pipeline.Errors) (cl *kfake.Cluster, task *reusing, off *offsets, asked, answer chan struct{}, r *running) {
	cl, off = newCluster(t), newOffsets()
	asked, answer = make(chan struct{}), make(chan struct{})
	first := true
	cl.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cl.KeepControl()
		if first {
			first = false
			close(asked)
		}
		hold(cl, answer)
		return nil, nil, false
	})
	task = &reusing{s: newScript(), text: []byte("one"), back: make(chan int, 10)}
	r = run(t, cl, task, off, func(c *sourcetask.Config) {
		c.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: text{}, Steps: []pipeline.Step{{Class: "topic", Transform: toTopic{}}}, Log: quiet, Errors: errs})
	})
	rec := record(partition("p"), 7, "", "")
	rec.Value.Value = data.Text(task.text)
	task.s.batches <- []*connect.SourceRecord{rec}
	return cl, task, off, asked, answer, r
}

// A converted batch goes back to its task before Kafka has it, and nothing of it is missed later: not its text, not its topic, not its offset.
func TestBatchGoesBackWhenConverted(t *testing.T) {
	cl, task, off, asked, answer, r := held(t, pipeline.Errors{})
	<-asked
	expect(t, task.back, 1)
	if !bytes.Equal(task.text, []byte("###")) {
		t.Fatal("the memory is not spoiled: the test shows nothing")
	}
	task.s.batches <- []*connect.SourceRecord{record(partition("p"), 8, "", "one")}
	expect(t, task.back, 1)
	close(answer)
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if got := off.get(`"p"`); got != "8" {
		t.Errorf("offset %q, want 8", got)
	}
	if got := consume(t, cl, "one", 2); len(got) != 2 || got[0] != "one" || got[1] != "one" {
		t.Errorf("topic one has %q", got)
	}
	if len(task.back) != 0 {
		t.Error("a batch came back twice")
	}
}

// Where failures are logged, or go to a dead-letter topic, the record is needed until Kafka has it.
func TestBatchWaitsWhereFailuresAreReported(t *testing.T) {
	_, task, off, asked, answer, r := held(t, pipeline.Errors{Log: true})
	<-asked
	if len(task.back) != 0 {
		t.Fatal("the batch was given back before it was acknowledged")
	}
	close(answer)
	expect(t, task.back, 1)
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if got := off.get(`"p"`); got != "7" {
		t.Errorf("offset %q, want 7", got)
	}
}

// refusing is a converter that makes one record too large for the producer.
type refusing struct{ text }

func (refusing) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	if d.Value.String() == "large" {
		return append(dst, make([]byte, 200<<10)...), true, nil
	}
	return append(dst, d.Value.String()...), true, nil
}

// A batch goes back also if Kafka has refused a record of it and errors.tolerance lets that pass: what never comes back stays in the task's memory
// for good.
func TestBatchOfARefusedRecordGoesBack(t *testing.T) {
	cl, off := newCluster(t), newOffsets()
	task := &reusing{s: newScript(), text: []byte("good"), back: make(chan int, 10)}
	r := run(t, cl, task, off, func(c *sourcetask.Config) {
		c.Chain = pipeline.New(pipeline.Config{Key: plain{}, Value: refusing{}, Log: quiet, Errors: pipeline.Errors{Tolerance: pipeline.All, Log: true}})
		c.Producer = append(c.Producer, kgo.ProducerBatchMaxBytes(100<<10))
	})
	p := partition("p")
	good := record(p, 8, "one", "")
	good.Value.Value = data.Text(task.text)
	task.s.batches <- []*connect.SourceRecord{record(p, 7, "one", "large"), good}
	expect(t, task.back, 2)
	if got := consume(t, cl, "one", 1); got[0] != "good" {
		t.Errorf("topic one has %q", got)
	}
	r.stop()
	if err := r.wait(t); err != nil {
		t.Fatal(err)
	}
	if got := off.get(`"p"`); got != "8" {
		t.Errorf("offset %q, want 8", got)
	}
}
