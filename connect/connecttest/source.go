package connecttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// SourceDriver tells the suite about a source connector.
type SourceDriver struct {
	Plugin connect.Plugin[connect.SourceConnector]
	// Props makes an empty outside system and a valid config to read it.
	Props func(t testing.TB) config.Props
	// Add makes n records appear in the outside system, numbered from; the source must send one record for each, in this order.
	Add func(t testing.TB, props config.Props, from, n int)
	// Unresumable: the source has no offsets at all, a restart begins anew.
	Unresumable bool
	// ResumableAt, if set, tells whether the stream can be resumed at an offset (false: a snapshot that starts again).
	ResumableAt func(offset json.RawMessage) bool
	// Wait is how long records may take from Add to Poll; 10 s if 0.
	Wait time.Duration
}

// Source runs the rules of source connectors and tasks.
func Source(t *testing.T, d SourceDriver) { runAll(t, sourceRules, d) }

var sourceRules = []rule[SourceDriver]{
	{"declares itself", func(t testing.TB, d SourceDriver) { checkPlugin(t, d.Plugin, true) }},
	{"misses required keys by name", func(t testing.TB, d SourceDriver) { checkRequired(t, d.Plugin, d.Props(t)) }},
	{"validates anything", validateSource},
	{"connector starts and stops", func(t testing.TB, d SourceDriver) {
		defer noLeak(t)()
		checkConnector(t, d.Plugin, d.Props(t), new(Offsets), new(Logs))
		checkFailedStart(t, d.Plugin, d.Props(t), new(Offsets), new(Logs))
	}},
	{"task starts and stops without a poll", func(t testing.TB, d SourceDriver) { startSource(t, d, d.Props(t), new(Offsets)).stop() }},
	{"task stops after a failed start", failedSourceStart},
	{"poll returns in time when idle", idlePoll},
	{"stops in mid-poll", stopInMidPoll},
	{"sends all records in order", sendsAll},
	{"follows", followsSource},
	{"resumes at each offset", resumes},
}

func validateSource(t testing.TB, d SourceDriver) {
	props := d.Props(t)
	checkValidate(t, d.Plugin, props, func(ctx context.Context, v config.Values) {
		if x, ok := d.Plugin.New().(connect.Validator); ok {
			x.Validate(ctx, v)
		}
		if x, ok := d.Plugin.New().(connect.ExactlyOnce); ok {
			x.ExactlyOnceSupport(v)
			x.CanDefineTransactionBoundaries(v)
		}
	})
	x, ok := d.Plugin.New().(connect.SourceOffsetAlterer)
	if !ok {
		return
	}
	v := parse(t, d.Plugin, props)
	for _, doc := range []string{"{}", "null", `"x"`, "[]", `{"a":null}`, `{"position":-1}`, "1e999", "", "{"} {
		guard(t, "altering offsets to "+doc, func() {
			ctx, cancel := callContext()
			defer cancel()
			_, _ = x.AlterOffsets(ctx, v, []connect.OffsetChange{{Partition: json.RawMessage(doc), Offset: json.RawMessage(doc)}})
			if _, err := x.AlterOffsets(ctx, v, []connect.OffsetChange{{Partition: json.RawMessage(`{"no":"such"}`)}}); err != nil {
				t.Logf("removing the offset of a partition the connector does not have: %v", err)
			}
		})
	}
}

// sourceRun is a started task.
type sourceRun struct {
	t     testing.TB
	task  connect.SourceTask
	logs  *Logs
	left  func()
	props config.Props
}

func startSource(t testing.TB, d SourceDriver, props config.Props, offsets connect.OffsetReader) *sourceRun {
	t.Helper()
	left := noLeak(t)
	logs := new(Logs)
	task := checkConnector(t, d.Plugin, props, offsets, logs)
	r := &sourceRun{t: t, task: d.Plugin.New().NewTask(), logs: logs, left: left, props: props}
	ctx, cancel := callContext()
	defer cancel()
	if err := r.task.Start(ctx, sourceContext(parse(t, d.Plugin, task), offsets, logs)); err != nil {
		r.stop()
		t.Fatalf("starting the task: %v", err)
	}
	return r
}

func sourceContext(v config.Values, offsets connect.OffsetReader, logs connect.TopicLogs) connect.SourceTaskContext {
	return connect.SourceTaskContext{ID: connect.TaskID{Connector: "conformance"}, Config: v, Offsets: offsets, Logs: logs,
		Log: discard(), Metrics: connect.NoMetrics{}}
}

func (r *sourceRun) stop() {
	r.t.Helper()
	ctx, cancel := callContext()
	defer cancel()
	if err := r.task.Stop(ctx); err != nil {
		r.t.Errorf("stopping the task: %v", err)
	}
	if n := r.logs.OpenLogs(); n != 0 {
		r.t.Errorf("%d topic logs are still open after Stop", n)
	}
	r.left()
}

// poll polls once. The watchdog is for tasks that hang: they are lost with their goroutine, and so is the test.
func (r *sourceRun) poll(ctx context.Context) []*connect.SourceRecord {
	r.t.Helper()
	type answer struct {
		rs  []*connect.SourceRecord
		err error
	}
	done := make(chan answer, 1)
	go func() {
		rs, err := r.task.Poll(ctx)
		done <- answer{rs, err}
	}()
	select {
	case a := <-done:
		if a.err != nil && ctx.Err() == nil {
			if _, again := connect.RetryAfter(a.err); !again {
				r.t.Fatalf("polling: %v", a.err)
			}
		}
		return a.rs
	case <-time.After(pollTime + callTime/10):
		r.t.Fatalf("Poll has not returned")
		return nil
	}
}

// sent is a record as text, kept apart from the task's memory.
type sent struct {
	text, partition, offset string
	record                  *connect.SourceRecord
}

func render(r *connect.SourceRecord) sent {
	s := sent{text: renderRecord(&r.Record), record: r}
	if r.Position.Partition != nil {
		s.partition, s.offset = string(r.Position.Partition.JSON()), string(r.Position.Offset.AppendJSON(nil))
	}
	return s
}

// renderRecord leaves the timestamp out: it may be the time of the poll.
func renderRecord(r *connect.Record) string {
	out := fmt.Sprintf("%s/%d key %s value %s", r.Topic, r.Partition, r.Key.Value, r.Value.Value)
	for _, h := range r.Headers {
		out += fmt.Sprintf(" %s=%s", h.Key, h.Value.Value)
	}
	return out
}

// read polls until n records came, and checks each.
func (r *sourceRun) read(d SourceDriver, n int) []sent {
	r.t.Helper()
	wait := d.Wait
	if wait == 0 {
		wait = 10 * time.Second
	}
	var out []sent
	for deadline := time.Now().Add(wait); len(out) < n; {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d of %d records came within %v", len(out), n, wait)
		}
		for _, rec := range r.poll(context.Background()) {
			checkSourceRecord(r.t, rec)
			out = append(out, render(rec))
		}
	}
	if len(out) > n {
		r.t.Fatalf("%d records came of %d, the last: %s", len(out), n, out[len(out)-1].text)
	}
	for _, s := range out {
		if now := render(s.record); now.text != s.text || now.offset != s.offset {
			r.t.Errorf("a record changed after Poll returned it: %s at %s, was %s at %s", now.text, now.offset, s.text, s.offset)
		}
	}
	return out
}

func checkSourceRecord(t testing.TB, r *connect.SourceRecord) {
	t.Helper()
	if r.Topic == "" {
		t.Error("a record has no topic")
	}
	if r.Offset != connect.NoOffset || r.Record.Partition < connect.NoPartition {
		t.Errorf("a source record has offset %d, partition %d: want NoOffset, and NoPartition or a partition", r.Offset, r.Record.Partition)
	}
	if err := r.Key.Schema.Check(r.Key.Value); err != nil {
		t.Errorf("the key does not fit its schema: %v", err)
	}
	if err := r.Value.Schema.Check(r.Value.Value); err != nil {
		t.Errorf("the value does not fit its schema: %v", err)
	}
	if r.Position.Partition == nil {
		return
	}
	var object map[string]any
	if err := json.Unmarshal(r.Position.Partition.JSON(), &object); err != nil || object == nil {
		t.Errorf("the source partition %s is not a JSON object", r.Position.Partition.JSON())
	}
	object = nil
	if err := json.Unmarshal(r.Position.Offset.AppendJSON(nil), &object); err != nil || object == nil {
		t.Errorf("the offset %s is not a JSON object", r.Position.Offset.AppendJSON(nil))
	}
	if got := r.Position.Offset.AppendJSON([]byte("x")); !bytes.HasPrefix(got, []byte("x")) {
		t.Errorf("AppendJSON does not append: %s", got)
	}
}

func failedSourceStart(t testing.TB, d SourceDriver) {
	defer noLeak(t)()
	props := d.Props(t)
	offsets, logs := new(Offsets), new(Logs)
	v := parse(t, d.Plugin, checkConnector(t, d.Plugin, props, offsets, logs))
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for name, ctx := range map[string]context.Context{"a cancelled context": cancelled, "a broken offset store": context.Background()} {
		if name == "a broken offset store" {
			offsets.Fail(errBroken)
		}
		guard(t, "starting with "+name, func() {
			task := d.Plugin.New().NewTask()
			err := task.Start(ctx, sourceContext(v, offsets, logs))
			if err == nil && ctx.Err() == nil && !d.Unresumable {
				t.Errorf("Start with %s: no error", name)
			}
			stop, cancel := callContext()
			defer cancel()
			if err := task.Stop(stop); err != nil {
				t.Errorf("stopping after %s: %v", name, err)
			}
		})
	}
	if n := logs.OpenLogs(); n != 0 {
		t.Errorf("%d topic logs are still open", n)
	}
}

func idlePoll(t testing.TB, d SourceDriver) {
	r := startSource(t, d, d.Props(t), new(Offsets))
	for range 2 {
		began := time.Now()
		if rs := r.poll(context.Background()); len(rs) > 0 {
			t.Errorf("%d records out of nothing, the first: %s", len(rs), render(rs[0]).text)
		}
		if took := time.Since(began); took > pollTime {
			t.Errorf("an idle Poll took %v", took)
		}
	}
	r.stop()
}

func stopInMidPoll(t testing.TB, d SourceDriver) {
	r := startSource(t, d, d.Props(t), new(Offsets))
	r.poll(context.Background())
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	for ctx.Err() == nil {
		r.poll(ctx)
	}
	if took := time.Since(began); took > pollTime {
		t.Errorf("Poll returned %v after its context ended", took)
	}
	r.stop()
}

func sendsAll(t testing.TB, d SourceDriver) {
	props := d.Props(t)
	d.Add(t, props, 0, 20)
	r := startSource(t, d, props, new(Offsets))
	all := r.read(d, 20)
	if rs := r.poll(context.Background()); len(rs) > 0 {
		t.Errorf("a record too many: %s", render(rs[0]).text)
	}
	if !d.Unresumable && all[len(all)-1].partition == "" {
		t.Error("the last record has no source partition: a restart would begin anew")
	}
	r.stop()
}

// followsSource adds records while the task runs, and plays what else the runtime does meanwhile.
func followsSource(t testing.TB, d SourceDriver) {
	props := d.Props(t)
	r := startSource(t, d, props, new(Offsets))
	r.poll(context.Background())
	seen := map[string]bool{}
	for round := range 3 {
		d.Add(t, props, round*5, 5)
		got := r.read(d, 5)
		var positions []connect.Position
		batch := make([]*connect.SourceRecord, len(got))
		for i, s := range got {
			if seen[s.partition+s.offset+s.text] {
				t.Errorf("sent twice: %s", s.text)
			}
			seen[s.partition+s.offset+s.text] = true
			batch[i] = s.record
			if s.partition != "" {
				positions = append(positions, s.record.Position)
			}
		}
		r.acknowledge(batch, positions)
	}
	r.stop()
}

// acknowledge tells the task, from another goroutine, that its records are in Kafka.
func (r *sourceRun) acknowledge(batch []*connect.SourceRecord, ps []connect.Position) {
	r.t.Helper()
	done := make(chan error, 1)
	go func() {
		if x, ok := r.task.(connect.RecordCommitter); ok {
			for i, rec := range batch {
				x.RecordCommitted(rec, &connect.RecordMetadata{TopicOffset: connect.TopicOffset{
					TopicPartition: connect.TopicPartition{Topic: rec.Topic}, Offset: int64(i)}})
			}
		}
		if x, ok := r.task.(connect.Recycler); ok {
			x.Recycle(batch)
		}
		if x, ok := r.task.(connect.Committer); ok && len(ps) > 0 {
			done <- x.Committed(context.Background(), ps[len(ps)-1:])
			return
		}
		done <- nil
	}()
	if rs := r.poll(context.Background()); len(rs) > 0 { // at the same time
		r.t.Errorf("sent twice: %s", render(rs[0]).text)
	}
	if err := <-done; err != nil {
		r.t.Errorf("Committed: %v", err)
	}
}

// resumes stops after each of ten records and starts again from the offsets stored up to it: the rest must follow.
func resumes(t testing.TB, d SourceDriver) {
	props := d.Props(t)
	const n = 10
	d.Add(t, props, 0, n)
	r := startSource(t, d, props, new(Offsets))
	all := r.read(d, n)
	r.stop()
	if d.Unresumable {
		return
	}
	tested := 0
	for k, at := range all {
		next := slices.IndexFunc(all[k+1:], func(s sent) bool { return s.partition == at.partition })
		if next >= 0 && all[k+1+next].offset == at.offset {
			continue // an offset shared with the next record says nothing of which of them comes first
		}
		if d.ResumableAt != nil && !d.ResumableAt(json.RawMessage(at.offset)) {
			continue
		}
		tested++
		offsets := new(Offsets)
		for _, s := range all[:k+1] {
			offsets.Set(json.RawMessage(s.partition), json.RawMessage(s.offset))
		}
		again := startSource(t, d, props, offsets)
		rest := again.read(d, n-k-1)
		for i, s := range rest {
			if want := all[k+1+i]; s.text != want.text || s.offset != want.offset {
				t.Errorf("resumed at %s, record %d is %s at %s, want %s at %s", at.offset, i, s.text, s.offset, want.text, want.offset)
			}
		}
		if k+1 == n {
			if rs := again.poll(context.Background()); len(rs) > 0 {
				t.Errorf("resumed at the end, %s came again", render(rs[0]).text)
			}
		}
		again.stop()
	}
	if tested == 0 {
		t.Error("no offset could be resumed at")
	}
}
