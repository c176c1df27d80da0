package sourcetask_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"

	"github.com/twmb/franz-go/pkg/kgo"
)

const budgetBatch = 1000

// rows is a task that uses its batches again. It makes n batches, then is silent.
type rows struct {
	part   *connect.SourcePartition
	schema *data.Schema

	mu    sync.Mutex
	idle  []*rowBatch
	back  map[*connect.SourceRecord]*rowBatch
	left  int
	again chan struct{}
	seq   counterOffset
}

// more lets it make n further batches.
func (r *rows) more(n int) {
	r.mu.Lock()
	r.left = n
	r.mu.Unlock()
	r.again <- struct{}{}
}

type rowBatch struct {
	records []connect.SourceRecord
	ptrs    []*connect.SourceRecord
	slab    data.Slab
}

type counterOffset int64

func (o *counterOffset) AppendJSON(dst []byte) []byte { return strconv.AppendInt(dst, int64(*o), 10) }

func (r *rows) Start(context.Context, connect.SourceTaskContext) error { return nil }
func (r *rows) Stop(context.Context) error                             { return nil }

func (r *rows) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	r.mu.Lock()
	if r.left == 0 {
		r.mu.Unlock()
		select {
		case <-r.again:
		case <-ctx.Done():
		}
		return nil, nil
	}
	r.left--
	var b *rowBatch
	if n := len(r.idle); n > 0 {
		b, r.idle = r.idle[n-1], r.idle[:n-1]
	}
	r.mu.Unlock()
	if b == nil {
		b = &rowBatch{records: make([]connect.SourceRecord, budgetBatch), ptrs: make([]*connect.SourceRecord, budgetBatch)}
		for i := range b.ptrs {
			b.ptrs[i] = &b.records[i]
		}
		r.mu.Lock()
		r.back[b.ptrs[0]] = b
		r.mu.Unlock()
	}
	for i := range b.records {
		st := b.slab.New(r.schema)
		st.Set(0, data.Int64(int64(i)))
		st.Set(1, data.String("the quick brown fox jumps over the lazy dog"))
		b.records[i] = connect.SourceRecord{
			Record: connect.Record{Topic: "t", Partition: connect.NoPartition, Timestamp: connect.NoTimestamp,
				Key: data.Datum{Value: data.Int64(int64(i % 100))}, Value: data.Datum{Schema: r.schema, Value: data.Of(st)}},
			Position: connect.Position{Partition: r.part, Offset: &r.seq},
		}
	}
	return b.ptrs, nil
}

func (r *rows) Recycle(batch []*connect.SourceRecord) {
	r.mu.Lock()
	b := r.back[batch[0]]
	b.slab.Reset()
	r.idle = append(r.idle, b)
	r.mu.Unlock()
}

// rowText is a converter that writes text and numbers without allocating.
type rowText struct{ text }

func (rowText) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	if d.Value.Kind() == data.KindStruct {
		st := d.Value.Struct()
		dst = strconv.AppendInt(dst, st.At(0).Int64(), 10)
		return append(dst, st.At(1).TextBytes()...), true, nil
	}
	return strconv.AppendInt(dst, d.Value.Int64(), 10), true, nil
}

// noop is an identity transform.
type noop struct{ dropPrefix }

func (noop) Apply(context.Context, *connect.Record) (bool, error) { return true, nil }

// answerProduce makes the cluster take produce requests without storing them, so that the broker's work is not measured.
func answerProduce(cl *kfake.Cluster, got func(requests int)) {
	cl.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cl.KeepControl()
		got(1)
		return refuse(req.(*kmsg.ProduceRequest), 0), nil, true
	})
}

func budgetTask(t testing.TB, batches int) (*rows, *kfake.Cluster) {
	cl := newCluster(t)
	answerProduce(cl, func(int) {})
	return &rows{part: partition("p"), schema: data.MakeStruct("row").Field("id", data.Int64Schema).Field("text", data.StringSchema).Build(),
		back: map[*connect.SourceRecord]*rowBatch{}, again: make(chan struct{}), left: batches}, cl
}

func budgetChain() *pipeline.Chain {
	return pipeline.New(pipeline.Config{Key: rowText{}, Value: rowText{}, Log: quiet, Steps: []pipeline.Step{{Class: "noop", Transform: noop{}}}})
}

// acknowledgements counts records the producer is done with.
type acknowledgements struct {
	mu    sync.Mutex
	total int64
	want  int64
	done  chan struct{}
}

var _ kgo.HookProduceRecordUnbuffered = (*acknowledgements)(nil)

func (a *acknowledgements) OnProduceRecordUnbuffered(*kgo.Record, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.total++; a.total == a.want {
		a.done <- struct{}{}
	}
}

func (a *acknowledgements) expect(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.want = a.total + int64(n)
}

func (a *acknowledgements) wait(t testing.TB) {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(30 * time.Second):
		t.Fatal("records were not acknowledged")
	}
}

// startBudget runs the source path and sends the warm-up batches.
func startBudget(t testing.TB, task func(*rows) connect.SourceTask, warm int) (*rows, *acknowledgements) {
	src, cl := budgetTask(t, warm)
	acks := &acknowledgements{done: make(chan struct{}, 1)}
	acks.expect(warm * budgetBatch)
	run(t, cl, task(src), newOffsets(), func(c *sourcetask.Config) {
		c.Chain = budgetChain()
		c.Producer = append(c.Producer, kgo.ProducerLinger(5*time.Millisecond), kgo.WithHooks(acks))
	})
	acks.wait(t)
	return src, acks
}

func recycling(r *rows) connect.SourceTask { return r }

// forgetful hides Recycle: each of its batches is garbage.
func forgetful(r *rows) connect.SourceTask { return struct{ connect.SourceTask }{r} }

// The whole source path after Poll, client and test broker included, has a budget per record: bytes cost more than allocations do.
func TestSourcePathBudget(t *testing.T) {
	for _, c := range []struct {
		name          string
		task          func(*rows) connect.SourceTask
		allocs, bytes float64
	}{
		{"recycling task", recycling, 0.1, 256},
		{"forgetful task", forgetful, 0.5, 2048},
	} {
		t.Run(c.name, func(t *testing.T) {
			batches := 100
			if raced { // the detector drops pooled memory at random and is slow: only gross waste shows
				batches, c.allocs, c.bytes = 10, 10*c.allocs, 10*c.bytes
			}
			src, acks := startBudget(t, c.task, batches)
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			acks.expect(batches * budgetBatch)
			src.more(batches)
			acks.wait(t)
			runtime.ReadMemStats(&after)
			allocs := float64(after.Mallocs-before.Mallocs) / float64(batches*budgetBatch)
			bytes := float64(after.TotalAlloc-before.TotalAlloc) / float64(batches*budgetBatch)
			t.Logf("%.4f allocations and %.0f bytes a record", allocs, bytes)
			if allocs > c.allocs || bytes > c.bytes {
				t.Errorf("%.4f allocations and %.0f bytes a record, the budget is %.1f and %.0f", allocs, bytes, c.allocs, c.bytes)
			}
		})
	}
}

func BenchmarkSourcePath(b *testing.B) {
	src, acks := startBudget(b, recycling, 100)
	b.ReportAllocs()
	b.ResetTimer()
	batches := (b.N + budgetBatch - 1) / budgetBatch
	acks.expect(batches * budgetBatch)
	src.more(batches)
	acks.wait(b)
}
