package connecttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// SinkDriver tells the suite about a sink connector.
type SinkDriver struct {
	Plugin connect.Plugin[connect.SinkConnector]
	// Props makes an empty outside system and a valid config to write to it.
	Props func(t testing.TB) config.Props
	// Stored lists what is durable in the outside system, one text for each record, in its order if it has one.
	Stored func(t testing.TB, props config.Props) []string
	// Record makes the value of record n of a partition and the text Stored has of it; nil: a text without a schema.
	Record func(tp connect.TopicPartition, n int64) (key, value data.Datum, stored string)
	// Topic of the records; "conformance" if empty.
	Topic string
	// Ordered: Stored keeps the order of the records of a partition.
	Ordered bool
	// Break makes the outside system refuse what comes, in a way that passes, until mend is called. nil: not tested.
	Break func(t testing.TB, props config.Props) (mend func())
	// Bad makes a record that the sink has to refuse, and no other with it. nil: not tested.
	Bad func(tp connect.TopicPartition, n int64) (key, value data.Datum)
	// Wait is how long records may take from Put until PreCommit gives them free; 10 s if 0.
	Wait time.Duration
}

// Sink runs the rules of sink connectors and tasks.
func Sink(t *testing.T, d SinkDriver) { runAll(t, sinkRules, d) }

var sinkRules = []rule[SinkDriver]{
	{"declares itself", func(t testing.TB, d SinkDriver) { checkPlugin(t, d.Plugin, true) }},
	{"misses required keys by name", func(t testing.TB, d SinkDriver) { checkRequired(t, d.Plugin, d.Props(t)) }},
	{"validates anything", validateSink},
	{"connector starts and stops", func(t testing.TB, d SinkDriver) {
		defer noLeak(t)()
		checkConnector(t, d.Plugin, d.Props(t), nil, new(Logs))
		checkFailedStart(t, d.Plugin, d.Props(t), nil, new(Logs))
	}},
	{"task starts and stops without a put", func(t testing.TB, d SinkDriver) { startSink(t, d, d.Props(t), nil).stop() }},
	{"task stops after a failed start", failedSinkStart},
	{"takes empty puts", emptyPuts},
	{"stores all records", storesAll},
	{"never commits what is not stored", commitsBehind},
	{"partitions come and go", openAndClose},
	{"lost partitions", lostPartitions},
	{"takes the same batch again after a passing failure", retriable},
	{"partitions leave during a failure", revokedWhileRetrying},
	{"refuses bad records alone", partialFailure},
}

func validateSink(t testing.TB, d SinkDriver) {
	props := d.Props(t)
	checkValidate(t, d.Plugin, props, func(ctx context.Context, v config.Values) {
		if x, ok := d.Plugin.New().(connect.Validator); ok {
			x.Validate(ctx, v)
		}
	})
	if x, ok := d.Plugin.New().(connect.SinkOffsetAlterer); ok {
		v, five := parse(t, d.Plugin, props), int64(5)
		guard(t, "altering offsets", func() {
			ctx, cancel := callContext()
			defer cancel()
			_, _ = x.AlterOffsets(ctx, v, map[connect.TopicPartition]*int64{d.part(0): nil, d.part(1): &five})
			_, _ = x.AlterOffsets(ctx, v, nil)
		})
	}
}

func (d SinkDriver) part(p int32) connect.TopicPartition {
	if d.Topic == "" {
		d.Topic = "conformance"
	}
	return connect.TopicPartition{Topic: d.Topic, Partition: p}
}

func (d SinkDriver) record(tp connect.TopicPartition, n int64) (r *connect.SinkRecord, stored string) {
	stored = fmt.Sprintf("%s record %d", tp, n)
	key, value := data.Datum{Value: data.String(fmt.Sprint(tp.Partition, "-", n))}, data.Datum{Value: data.String(stored)}
	if d.Record != nil {
		key, value, stored = d.Record(tp, n)
	}
	return newSinkRecord(tp, n, key, value), stored
}

func newSinkRecord(tp connect.TopicPartition, n int64, key, value data.Datum) *connect.SinkRecord {
	ts := int64(1_700_000_000_000) + n*1000
	return &connect.SinkRecord{
		Record:   connect.Record{Topic: tp.Topic, Partition: tp.Partition, Offset: n, Timestamp: ts, Key: key, Value: value},
		Original: connect.TopicOffset{TopicPartition: tp, Offset: n}, TimestampType: connect.CreateTime,
		Wire: &connect.Wire{Key: []byte(key.Value.String()), Value: []byte(value.Value.String()), Timestamp: ts},
	}
}

// sinkRun is a started task and what its loop knows.
type sinkRun struct {
	t       testing.TB
	d       SinkDriver
	props   config.Props
	task    connect.SinkTask
	control *SinkControl
	put     connect.Offsets // after the last Put
	want    map[connect.TopicPartition]map[int64]string
	left    func()
}

func startSink(t testing.TB, d SinkDriver, props config.Props, reporter *Reporter) *sinkRun {
	t.Helper()
	left := noLeak(t)
	task := checkConnector(t, d.Plugin, props, nil, new(Logs))
	r := &sinkRun{t: t, d: d, props: props, task: d.Plugin.New().NewTask(), control: NewSinkControl(reporter), put: connect.Offsets{},
		want: map[connect.TopicPartition]map[int64]string{}, left: left}
	ctx, cancel := callContext()
	defer cancel()
	err := r.task.Start(ctx, connect.SinkTaskContext{ID: connect.TaskID{Connector: "conformance"}, Config: parse(t, d.Plugin, task),
		Control: r.control, Log: discard(), Metrics: connect.NoMetrics{}})
	if err != nil {
		r.stop()
		t.Fatalf("starting the task: %v", err)
	}
	return r
}

func (r *sinkRun) stop() {
	r.t.Helper()
	ctx, cancel := callContext()
	defer cancel()
	if err := r.task.Stop(ctx); err != nil {
		r.t.Errorf("stopping the task: %v", err)
	}
	r.left()
}

// open hands partitions to the task; it seeks if the task asks for it, and returns where to go on, from as far as the group knows.
func (r *sinkRun) open(from connect.Offsets) connect.Offsets {
	r.t.Helper()
	r.control.Assign(append(r.control.Assignment(), slices.Collect(maps.Keys(from))...)...)
	ctx, cancel := callContext()
	defer cancel()
	if err := r.task.Open(ctx, slices.Collect(maps.Keys(from))); err != nil {
		r.t.Fatalf("Open: %v", err)
	}
	at := maps.Clone(from)
	for tp, o := range r.control.TakeSeeks() {
		if _, ok := at[tp]; !ok {
			r.t.Errorf("the task seeks in %s, which it was not given", tp)
		}
		at[tp] = o
	}
	for tp := range at {
		if r.want[tp] == nil {
			r.want[tp] = map[int64]string{}
		}
	}
	return at
}

// close takes partitions away. lost=false: PreCommit first, and its answer is what the group stores.
func (r *sinkRun) close(lost bool, parts ...connect.TopicPartition) connect.Offsets {
	r.t.Helper()
	var committed connect.Offsets
	if !lost {
		committed = r.preCommit()
	}
	ctx, cancel := callContext()
	defer cancel()
	if err := r.task.Close(ctx, parts, lost); err != nil {
		r.t.Errorf("Close(lost=%v): %v", lost, err)
	}
	r.control.Assign(slices.DeleteFunc(r.control.Assignment(), func(tp connect.TopicPartition) bool { return slices.Contains(parts, tp) })...)
	for _, tp := range parts {
		delete(r.put, tp)
	}
	return committed
}

// batch makes records from to before of each partition, interleaved.
func (r *sinkRun) batch(from, before int64, parts ...connect.TopicPartition) []*connect.SinkRecord {
	var out []*connect.SinkRecord
	for n := from; n < before; n++ {
		for _, tp := range parts {
			rec, stored := r.d.record(tp, n)
			r.want[tp][n] = stored
			out = append(out, rec)
		}
	}
	return out
}

// tryPut puts a batch. After nil the slice is the loop's again: it is spoilt here as the next fetch would.
func (r *sinkRun) tryPut(batch []*connect.SinkRecord) error {
	r.t.Helper()
	ctx, cancel := callContext()
	defer cancel()
	rendered := make([]string, len(batch))
	for i, rec := range batch {
		rendered[i] = renderRecord(&rec.Record)
	}
	own := slices.Clone(batch)
	err := r.task.Put(ctx, own)
	if err != nil {
		var bad *connect.PutError
		if !errors.As(err, &bad) {
			return err
		}
	}
	for i, rec := range batch {
		if now := renderRecord(&rec.Record); now != rendered[i] {
			r.t.Errorf("Put changed a record: %s, was %s", now, rendered[i])
		}
		r.put[rec.Original.TopicPartition] = rec.Original.Offset + 1
	}
	clear(own)
	return err
}

func (r *sinkRun) mustPut(batch []*connect.SinkRecord) {
	r.t.Helper()
	if err := r.tryPut(batch); err != nil {
		r.t.Fatalf("putting %d records: %v", len(batch), err)
	}
}

// preCommit asks what may be committed and holds it against what was put and what is stored.
func (r *sinkRun) preCommit() connect.Offsets {
	r.t.Helper()
	ctx, cancel := callContext()
	defer cancel()
	got, err := r.task.PreCommit(ctx, maps.Clone(r.put))
	if err != nil {
		if _, again := connect.RetryAfter(err); !again {
			r.t.Fatalf("PreCommit: %v", err)
		}
		return nil
	}
	stored := r.stored()
	for tp, o := range got {
		if put, ok := r.put[tp]; !ok || o > put {
			r.t.Errorf("PreCommit gives %s offset %d free, put was %d (held: %v)", tp, o, put, ok)
		}
		for n, text := range r.want[tp] {
			if _, ok := stored[text]; n < o && !ok {
				r.t.Errorf("PreCommit gives %s offset %d free, but record %d is not stored", tp, o, n)
			}
		}
	}
	return got
}

func (r *sinkRun) stored() map[string]int {
	r.t.Helper()
	out := map[string]int{}
	for _, s := range r.d.Stored(r.t, r.props) {
		out[s]++
	}
	return out
}

func (r *sinkRun) wait() time.Duration {
	if r.d.Wait > 0 {
		return r.d.Wait
	}
	return 10 * time.Second
}

// settle goes round as the loop does, with empty puts, until all that was put is given free.
func (r *sinkRun) settle() {
	r.t.Helper()
	wait := r.wait()
	for deadline := time.Now().Add(wait); ; time.Sleep(5 * time.Millisecond) {
		if maps.Equal(r.preCommit(), r.put) {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("after %v PreCommit still holds back records of %v", wait, r.put)
		}
		if err := r.tryPut(nil); err != nil {
			if _, again := connect.RetryAfter(err); !again {
				r.t.Fatalf("putting nothing: %v", err)
			}
		}
	}
}

// expectStored compares what is stored with all that is wanted.
func (r *sinkRun) expectStored() {
	r.t.Helper()
	list := r.d.Stored(r.t, r.props)
	for tp, records := range r.want {
		last := -1
		for _, n := range slices.Sorted(maps.Keys(records)) {
			i := slices.Index(list, records[n])
			if i < 0 {
				r.t.Errorf("record %d of %s is not stored: %q", n, tp, records[n])
				continue
			}
			if r.d.Ordered && i < last {
				r.t.Errorf("record %d of %s is stored before the one in front of it", n, tp)
			}
			last = i
		}
	}
}

func failedSinkStart(t testing.TB, d SinkDriver) {
	defer noLeak(t)()
	props := d.Props(t)
	v := parse(t, d.Plugin, checkConnector(t, d.Plugin, props, nil, new(Logs)))
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	guard(t, "starting with a cancelled context", func() {
		task := d.Plugin.New().NewTask()
		_ = task.Start(cancelled, connect.SinkTaskContext{Config: v, Control: NewSinkControl(nil), Log: discard(), Metrics: connect.NoMetrics{}})
		ctx, cancel := callContext()
		defer cancel()
		if err := task.Stop(ctx); err != nil {
			t.Errorf("stopping after a start with a cancelled context: %v", err)
		}
	})
}

func emptyPuts(t testing.TB, d SinkDriver) {
	r := startSink(t, d, d.Props(t), nil)
	r.mustPut(nil) // before the first assignment
	r.open(connect.Offsets{d.part(0): 0})
	for range 3 {
		r.mustPut([]*connect.SinkRecord{})
		if got := r.preCommit(); len(got) > 0 {
			t.Errorf("nothing was put, but PreCommit gives %v free", got)
		}
	}
	if n := len(r.stored()); n > 0 {
		t.Errorf("%d records out of nothing", n)
	}
	r.close(false, d.part(0))
	r.stop()
}

func storesAll(t testing.TB, d SinkDriver) {
	r := startSink(t, d, d.Props(t), nil)
	a, b := d.part(0), d.part(1)
	r.open(connect.Offsets{a: 0, b: 0})
	for n := int64(0); n < 30; n += 10 {
		r.mustPut(r.batch(n, n+10, a, b))
	}
	r.settle()
	r.expectStored()
	r.close(false, a, b)
	r.stop()
	r.expectStored()
}

func commitsBehind(t testing.TB, d SinkDriver) {
	r := startSink(t, d, d.Props(t), nil)
	a := d.part(0)
	r.open(connect.Offsets{a: 100})
	for n := int64(100); n < 110; n++ {
		r.mustPut(r.batch(n, n+1, a))
		r.preCommit()
	}
	r.settle()
	// The loop may ask about an older state, when dead letters are not durable yet.
	ctx, cancel := callContext()
	defer cancel()
	got, err := r.task.PreCommit(ctx, connect.Offsets{a: 105})
	if err != nil || got[a] > 105 {
		t.Errorf("asked about 105, PreCommit answers %d, %v", got[a], err)
	}
	r.close(false, a)
	r.stop()
}

func openAndClose(t testing.TB, d SinkDriver) {
	r := startSink(t, d, d.Props(t), nil)
	a, b := d.part(0), d.part(1)
	r.open(connect.Offsets{a: 0, b: 0})
	r.mustPut(r.batch(0, 5, a, b))
	at := connect.Offsets{a: r.close(false, a)[a]} // what is not committed is fetched again
	r.mustPut(r.batch(5, 10, b))
	at = r.open(at)
	r.mustPut(r.batch(at[a], 10, a))
	r.settle()
	r.expectStored()
	r.close(false, a, b)
	r.stop()
	r.expectStored()
}

func lostPartitions(t testing.TB, d SinkDriver) {
	r := startSink(t, d, d.Props(t), nil)
	a, b := d.part(0), d.part(1)
	r.open(connect.Offsets{a: 0, b: 0})
	r.mustPut(r.batch(0, 3, a, b))
	committed := r.preCommit()
	r.mustPut(r.batch(3, 5, a, b))
	r.close(true, a)
	r.mustPut(nil)
	if got, ok := r.preCommit()[a]; ok {
		t.Errorf("PreCommit gives offset %d of a lost partition free", got)
	}
	at := r.open(connect.Offsets{a: committed[a]})
	r.mustPut(r.batch(at[a], 8, a))
	r.settle()
	r.expectStored()
	r.close(true, a, b)
	r.stop()
}
