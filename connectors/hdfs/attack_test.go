package hdfs

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// TestRecordsLeftOutDoNotBindTheSchema: a record that cannot be written must not decide how the following ones are.
func TestRecordsLeftOutDoNotBindTheSchema(t *testing.T) {
	for name, c := range map[string]struct {
		props config.Props
		bad   func(r *connect.SinkRecord)
		then  *data.Schema
	}{
		"tombstone": {config.Props{"format.class": avroFormat}, func(r *connect.SinkRecord) { r.Value = data.Datum{} }, version(1)},
		"newer version": {
			config.Props{"schema.compatibility": "BACKWARD"},
			func(r *connect.SinkRecord) {
				s := version(9, "note")
				r.Value = data.Datum{Schema: s, Value: data.Of(data.NewStruct(s))} // id, which is required, is not set
			}, version(1),
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := openTask(t, c.props)
			bad := order(tp0, 0)
			c.bad(bad)
			err := o.put(t, bad)
			pe, ok := errors.AsType[*connect.PutError](err)
			if !ok || len(pe.Failed) != 1 {
				t.Fatalf("the bad record was taken: %v", err)
			}
			for i := int64(1); i <= 3; i++ {
				if err := o.put(t, withSchema(order(tp0, i), c.then)); err != nil {
					t.Fatal(err)
				}
			}
			if o.task.writers[tp0].schema != c.then {
				t.Errorf("current schema %v", o.task.writers[tp0].schema)
			}
			if got := o.files(t); len(got) != 1 {
				t.Errorf("files %q", got)
			}
		})
	}
}

// TestSchemaAfterSchemaless: values without a schema bind their own file only (TopicPartitionWriter.write).
func TestSchemaAfterSchemaless(t *testing.T) {
	o := openTask(t, config.Props{"flush.size": "1"})
	plain := order(tp0, 0)
	plain.Value = data.Datum{Value: data.String("x")}
	if err := o.put(t, plain, order(tp0, 1)); err != nil {
		t.Fatal(err)
	}
	o.want(t, fileName(0, 0), fileName(1, 1))
}

// TestPanicEndsTheTask: calls run on goroutines of the task's own, where nobody else would catch a panic.
func TestPanicEndsTheTask(t *testing.T) {
	for _, text := range []string{"create ", "rename "} {
		o := openTask(t, nil)
		f := &faultFS{fileSystem: o.task.set.fs}
		f.hook = func(n int) (error, error) {
			if strings.Contains(f.calls[n-1], text) {
				panic("broken client")
			}
			return nil, nil
		}
		o.task.set.fs = f
		err := o.put(t, order(tp0, 0), order(tp0, 1), order(tp0, 2))
		if _, again := connect.RetryAfter(err); err == nil || again || !strings.Contains(err.Error(), "broken client") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// TestCloseDoesNotWaitForEachPartition: with a NameNode that hangs every call costs its time limit, and the group waits.
func TestCloseDoesNotWaitForEachPartition(t *testing.T) {
	log := map[connect.TopicPartition]int64{}
	for p := range int32(200) {
		log[connect.TopicPartition{Topic: "orders", Partition: p}] = 0
	}
	f := &faultFS{fileSystem: localFS{root: t.TempDir()}, hook: func(int) (error, error) { return nil, nil }}
	w := newWorker(t, f, nil, log, connect.Offsets{})
	if err := w.open(t); err != nil {
		t.Fatal(err)
	}
	before := f.n
	f.hook = func(int) (error, error) { return errInjected, nil }
	if err := w.task.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := f.n - before; n < 1 || n > 2*concurrency {
		t.Errorf("%d calls of a file system that fails", n)
	}
}

// TestOldOffsetsAreReported: a topic that was made anew begins with offsets that the files have already.
func TestOldOffsetsAreReported(t *testing.T) {
	var out bytes.Buffer
	o := openTask(t, nil)
	if err := o.put(t, order(tp0, 0), order(tp0, 1), order(tp0, 2)); err != nil {
		t.Fatal(err)
	}
	o.task.writers[tp0].settings.log = slog.New(slog.NewTextHandler(&out, nil))
	for range 2 {
		if err := o.put(t, order(tp0, 0), order(tp0, 1), order(tp0, 2)); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "skipping records whose offsets are in HDFS already"); n != 1 {
		t.Errorf("warned %d times: %s", n, out.String())
	}
	o.want(t, fileName(0, 2))
}

// TestLocalDiskFull: what cannot be kept on this machine is given up and read again, until there is room.
func TestLocalDiskFull(t *testing.T) {
	root := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(root, "none")) // every spill fails, as with a full disk
	log := map[connect.TopicPartition]int64{tp0: 8000}
	w := newWorker(t, localFS{root: root}, config.Props{"flush.size": "8000"}, log, connect.Offsets{})
	w.drops, w.batch = true, 500
	if err := w.open(t); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 60 {
		if err := w.step(t); err != nil {
			t.Fatal(err)
		}
		if w.last != nil {
			failed++
			if !strings.Contains(w.last.Error(), "local spool") {
				t.Fatal(w.last)
			}
		}
		if w.task.writers[tp0].committed != unknown {
			t.Fatal("something was committed")
		}
	}
	if failed == 0 {
		t.Fatal("the spool was never full: the test does not test")
	}
	t.Setenv("TMPDIR", root)
	if err := w.drive(t, 100, nil); err != nil {
		t.Fatal(err)
	}
	if !w.done() {
		t.Fatalf("never got over it: %v", w.last)
	}
	verify(t, root, log)
}

// TestFailedTriesAreRemoved: while the DataNodes take no data, each try leaves a file with the NameNode.
func TestFailedTriesAreRemoved(t *testing.T) {
	o := openTask(t, nil)
	f := &faultFS{fileSystem: o.task.set.fs}
	left := func() int {
		list, err := o.task.writers[tp0].fs.List(o.task.writers[tp0].attempt)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	away := true
	f.hook = func(n int) (error, error) {
		if away && strings.Contains(f.calls[n-1], "close ") {
			return errInjected, nil
		}
		return nil, nil
	}
	o.task.set.fs = f
	rs := []*connect.SinkRecord{order(tp0, 0), order(tp0, 1), order(tp0, 2)}
	for range 10 {
		if _, again := connect.RetryAfter(o.put(t, rs...)); !again {
			t.Fatal("taken")
		}
	}
	if left() != 10 {
		t.Fatalf("%d files of failed tries: the test does not test", left())
	}
	away = false
	if err := o.put(t, rs...); err != nil {
		t.Fatal(err)
	}
	o.want(t, fileName(0, 2))
	if n := left(); n != 0 {
		t.Errorf("%d files left", n)
	}
}
