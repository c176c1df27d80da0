package hdfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// opened is a task with one partition, a clock in the test's hand, and the folder it writes to.
type opened struct {
	*worker
	root  string
	clock time.Time
}

func openTask(t *testing.T, props config.Props) *opened {
	t.Helper()
	o := &opened{root: t.TempDir(), clock: at}
	p := config.Props{"flush.size": "3"}
	for k, v := range props {
		p[k] = v
	}
	o.worker = newWorker(t, localFS{root: o.root}, p, map[connect.TopicPartition]int64{tp0: 0}, connect.Offsets{})
	o.task.now = func() time.Time { return o.clock }
	if err := o.open(t); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *opened) put(t *testing.T, rs ...*connect.SinkRecord) error {
	return o.task.Put(t.Context(), rs)
}

// files lists the committed files below topics/orders.
func (o *opened) files(t *testing.T) []string {
	t.Helper()
	out := []string{}
	for _, f := range committedFiles(t, o.root) {
		rel, err := filepath.Rel(filepath.Join(o.root, "topics/orders"), f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rel)
	}
	slices.Sort(out)
	return out
}

func (o *opened) want(t *testing.T, files ...string) {
	t.Helper()
	if got := o.files(t); !slices.Equal(got, files) {
		t.Errorf("files %q, want %q", got, files)
	}
}

func withSchema(r *connect.SinkRecord, s *data.Schema) *connect.SinkRecord {
	st := data.NewStruct(s)
	st.Put("id", data.Int64(r.Offset))
	r.Value = data.Datum{Schema: s, Value: data.Of(st)}
	return r
}

func version(n int32, extra ...string) *data.Schema {
	b := data.MakeStruct("shop.Order").Version(n).Field("id", data.Int64Schema)
	for _, f := range extra {
		b.Field(f, data.OptionalStringSchema)
	}
	return b.Build()
}

func fileName(first, last int) string {
	return fmt.Sprintf("partition=0/orders+0+%010d+%010d.json", first, last)
}

func TestFlushSizeAndOffsets(t *testing.T) {
	o := openTask(t, nil)
	for i := range int64(7) {
		if err := o.put(t, order(tp0, i)); err != nil {
			t.Fatal(err)
		}
	}
	o.want(t, fileName(0, 2), fileName(3, 5))
	got, err := o.task.PreCommit(t.Context(), connect.Offsets{tp0: 7})
	if err != nil || !reflect.DeepEqual(got, connect.Offsets{tp0: 6}) {
		t.Errorf("PreCommit: %v, %v", got, err)
	}
	if err := o.task.Close(t.Context(), []connect.TopicPartition{tp0}, false); err != nil {
		t.Fatal(err)
	}
	o.want(t, fileName(0, 2), fileName(3, 5)) // what is open at the end is read again
	left, err := os.ReadDir(filepath.Join(o.root, "topics/+tmp/orders/+0"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSeekOnOpen(t *testing.T) {
	o := openTask(t, nil)
	if err := o.put(t, order(tp0, 0), order(tp0, 1), order(tp0, 2)); err != nil {
		t.Fatal(err)
	}
	next := newWorker(t, localFS{root: o.root}, config.Props{"flush.size": "3"}, o.log, connect.Offsets{})
	if err := next.open(t); err != nil {
		t.Fatal(err)
	}
	if got := next.ctl.seek; !reflect.DeepEqual(got, connect.Offsets{tp0: 3}) {
		t.Errorf("seeks to %v", got)
	}
	if err := next.task.Put(t.Context(), []*connect.SinkRecord{order(tp0, 1), order(tp0, 2), order(tp0, 3), order(tp0, 4), order(tp0, 5)}); err != nil {
		t.Fatal(err) // the runtime seeks first; even if it did not, nothing is written twice
	}
	o.want(t, fileName(0, 2), fileName(3, 5))
}

func TestRotationByWallClock(t *testing.T) {
	o := openTask(t, config.Props{"rotate.interval.ms": "60000"})
	if err := o.put(t, order(tp0, 0)); err != nil {
		t.Fatal(err)
	}
	if o.ctl.timeout != time.Minute {
		t.Errorf("asks to be called in %v, want 1m", o.ctl.timeout)
	}
	o.clock = o.clock.Add(59 * time.Second)
	if err := o.put(t, order(tp0, 1)); err != nil {
		t.Fatal(err)
	}
	o.want(t)
	o.clock = o.clock.Add(time.Second)
	if err := o.put(t); err != nil { // an empty batch
		t.Fatal(err)
	}
	o.want(t, fileName(0, 1))
}

func TestRotationByRecordTime(t *testing.T) {
	o := openTask(t, config.Props{
		"rotate.interval.ms": "1500", "partitioner.class": partitionerPackage + "DailyPartitioner", "locale": "en", "timezone": "UTC",
		"timestamp.extractor": "Record",
	})
	if err := o.put(t, order(tp0, 0), order(tp0, 1)); err != nil { // record n has second n
		t.Fatal(err)
	}
	o.clock = o.clock.Add(time.Hour)
	if err := o.put(t); err != nil {
		t.Fatal(err)
	}
	o.want(t) // idle: the records' time stands still
	if err := o.put(t, order(tp0, 2)); err != nil {
		t.Fatal(err)
	}
	o.want(t, "year=1970/month=01/day=01/orders+0+0000000000+0000000001.json")
}

func TestScheduledRotation(t *testing.T) {
	o := openTask(t, config.Props{"rotate.schedule.interval.ms": "3600000", "timezone": "UTC"}) // it is 14:07
	if err := o.put(t, order(tp0, 0)); err != nil {
		t.Fatal(err)
	}
	o.clock = time.Date(2024, 3, 5, 14, 59, 59, 0, time.UTC)
	if err := o.put(t); err != nil {
		t.Fatal(err)
	}
	o.want(t)
	o.clock = o.clock.Add(time.Second)
	if err := o.put(t, order(tp0, 1)); err != nil { // the record that comes then goes to the next file
		t.Fatal(err)
	}
	o.want(t, fileName(0, 0))
}

func TestSchemaChanges(t *testing.T) {
	v1, v2 := version(1), version(2, "note")
	for name, c := range map[string]struct {
		compat string
		in     []*data.Schema
		want   []string
	}{
		"none":                   {"NONE", []*data.Schema{v1, v1, v2, v1}, []string{fileName(0, 1), fileName(2, 2)}},
		"backward":               {"BACKWARD", []*data.Schema{v1, v2, v1, v2}, []string{fileName(0, 0), fileName(1, 3)}},
		"full":                   {"FULL", []*data.Schema{v1, v2, v1, v2}, []string{fileName(0, 0), fileName(1, 3)}},
		"forward":                {"FORWARD", []*data.Schema{v2, v1, v2, v1}, []string{fileName(0, 0), fileName(1, 3)}},
		"equal, another pointer": {"NONE", []*data.Schema{version(1), version(1), version(1)}, []string{fileName(0, 2)}},
	} {
		t.Run(name, func(t *testing.T) {
			o := openTask(t, config.Props{"schema.compatibility": c.compat})
			for i, s := range c.in {
				if err := o.put(t, withSchema(order(tp0, int64(i)), s)); err != nil {
					t.Fatal(err)
				}
			}
			o.want(t, c.want...)
		})
	}
}

func TestBadRecordsAreNamedAndLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		props config.Props
		bad   func(r *connect.SinkRecord)
		want  string
	}{
		"tombstone among structs": {nil, func(r *connect.SinkRecord) { r.Value = data.Datum{} }, "drop tombstones"},
		"no version": {
			config.Props{"schema.compatibility": "BACKWARD"},
			func(r *connect.SinkRecord) { withSchema(r, data.MakeStruct("x").Field("id", data.Int64Schema).Build()) }, "needs schemas with a version",
		},
		"null in a required field": {nil, func(r *connect.SinkRecord) {
			r.Value.Value = data.Of(data.NewStruct(r.Value.Schema))
		}, `field "id"`},
	} {
		t.Run(name, func(t *testing.T) {
			o := openTask(t, c.props)
			s := version(1)
			rs := []*connect.SinkRecord{withSchema(order(tp0, 0), s), withSchema(order(tp0, 1), s), withSchema(order(tp0, 2), s), withSchema(order(tp0, 3), s)}
			c.bad(rs[1])
			err := o.put(t, rs...)
			pe, ok := errors.AsType[*connect.PutError](err)
			if !ok || len(pe.Failed) != 1 || pe.Failed[0].Record != rs[1] || !strings.Contains(pe.Failed[0].Err.Error(), c.want) {
				t.Fatalf("got %v", err)
			}
			o.want(t, fileName(0, 3)) // the three others
		})
	}
}

func TestPermissionDeniedFailsTheTask(t *testing.T) {
	o := openTask(t, nil)
	f := &faultFS{fileSystem: o.task.set.fs, hook: func(int) (error, error) { return fs.ErrPermission, nil }}
	o.task.set.fs = f
	err := o.put(t, order(tp0, 0), order(tp0, 1), order(tp0, 2))
	if _, again := connect.RetryAfter(err); err == nil || again || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}

func TestHDFSAwayAtStart(t *testing.T) {
	root := t.TempDir()
	w := newWorker(t, localFS{root: root}, nil, log1(), connect.Offsets{})
	real, away := w.task.connectFS, true
	w.task.connectFS = func() (fileSystem, string, error) {
		if away {
			return nil, "", errInjected
		}
		return real()
	}
	if err := w.open(t); err != nil {
		t.Fatalf("Open must wait: %v", err)
	}
	if err := w.step(t); err != nil || w.last == nil {
		t.Fatalf("Put must hold its batch: %v, %v", err, w.last)
	}
	away = false
	if err := w.drive(t, limit, nil); err != nil {
		t.Fatal(err)
	}
	verify(t, root, log1())
}

func TestLargeFilesLeaveMemory(t *testing.T) {
	o := openTask(t, config.Props{"flush.size": "100000"})
	var rs []*connect.SinkRecord
	s := data.MakeStruct("x").Field("id", data.Int64Schema).Field("note", data.StringSchema).Build()
	for i := range int64(1000) {
		r := order(tp0, i)
		st := data.NewStruct(s)
		st.Put("id", data.Int64(i)).Put("note", data.String(strings.Repeat("x", 1000)))
		r.Value = data.Datum{Schema: s, Value: data.Of(st)}
		rs = append(rs, r)
	}
	if err := o.put(t, rs...); err != nil {
		t.Fatal(err)
	}
	w := o.task.writers[tp0]
	if sp := &w.open.files[0].spool; sp.disk == nil || sp.mem.Cap() > 2*spoolMemory {
		t.Errorf("%d bytes in memory", sp.mem.Cap())
	}
	if err := w.seal(); err != nil {
		t.Fatal(err)
	}
	if err := o.put(t); err != nil {
		t.Fatal(err)
	}
	verify(t, o.root, map[connect.TopicPartition]int64{tp0: 1000})
}
