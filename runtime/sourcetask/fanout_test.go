package sourcetask_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"
)

// marking is a transform that goes wrong with some values, and counts what it is asked.
type marking struct {
	dropPrefix
	log    *applied
	closed *atomic.Int32
}

// applied is what all instances of marking have done.
type applied struct {
	mu     sync.Mutex
	tries  map[string]int
	inside func(value string) // nil: nothing
}

func (x marking) Apply(ctx context.Context, r *connect.Record) (bool, error) {
	v := r.Value.Value.String()
	x.log.mu.Lock()
	x.log.tries[v]++
	n := x.log.tries[v]
	x.log.mu.Unlock()
	if x.log.inside != nil {
		x.log.inside(v)
	}
	switch kind, _, _ := strings.Cut(v, " "); kind {
	case "drop":
		return false, nil
	case "panic":
		panic("boom")
	case "refused":
		return false, errors.New("refused")
	case "passing": // goes well at the fourth try
		if n < 4 {
			return false, connect.Retriable(errors.New("away"), time.Millisecond)
		}
	case "topicless":
		r.Topic = ""
	case "stuck":
		<-ctx.Done()
		return false, ctx.Err()
	}
	r.Value.Value = data.String(v + "!")
	return true, nil
}

func (x marking) Close() error { x.closed.Add(1); return nil }

// exclaiming is a converter that takes only what marking has seen once, and none that begins with "bad".
type exclaiming struct{ text }

func (exclaiming) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	v := d.Value.String()
	if strings.HasPrefix(v, "bad") || strings.Count(v, "!") != 1 {
		return append(dst, "garbage"...), false, fmt.Errorf("%q is bad", v)
	}
	return append(dst, v...), true, nil
}

type statefulMarking struct{ marking }

func (statefulMarking) Stateful() {}

const fannedBatch = 1000

// fanned is a task with lanes, and what its plugins have done.
type fanned struct {
	*running
	src          *script
	off          *offsets
	log          *applied
	cluster      *kfake.Cluster
	made, closed atomic.Int32
}

// values are the records of a batch: kinds by place, "good" elsewhere.
func fannedBatchOf(kinds map[int]string) (batch []*connect.SourceRecord, values []string) {
	parts := []*connect.SourcePartition{partition("p"), partition("q")}
	for i := range fannedBatch {
		kind := kinds[i]
		if kind == "" {
			kind = "good"
		}
		v := fmt.Sprintf("%s %d", kind, i)
		values = append(values, v)
		batch = append(batch, record(parts[i%2], i, "one", v))
	}
	return batch, values
}

func (f *fanned) start(t *testing.T, threads int, errs pipeline.Errors, edit func(*sourcetask.Config)) {
	f.src, f.off = newScript(), newOffsets()
	if f.log == nil {
		f.log = &applied{}
	}
	f.log.tries = map[string]int{}
	chain := func(errs pipeline.Errors) *pipeline.Chain {
		f.made.Add(1)
		return pipeline.New(pipeline.Config{Key: text{}, Value: exclaiming{}, Errors: errs, Log: quiet,
			Steps: []pipeline.Step{{Class: "marking", Transform: marking{log: f.log, closed: &f.closed}}}})
	}
	f.cluster = newCluster(t, kfake.SeedTopics(1, "offsets"))
	f.running = run(t, f.cluster, f.src, f.off, func(c *sourcetask.Config) {
		c.Chain, c.Threads = chain(errs), threads
		c.AnotherChain = func() (*pipeline.Chain, error) { return chain(pipeline.Errors{}), nil }
		if edit != nil {
			edit(c)
		}
	})
}

// heard takes the outcomes that the task has told so far.
func (f *fanned) heard() (out []string) {
	for {
		select {
		case a := <-f.src.acks:
			out = append(out, a)
		default:
			return out
		}
	}
}

// Whatever a batch holds, the outcome of each record, their order, the offsets and the task's end are the same on four threads as on one.
func TestFanoutIsSeenByNobody(t *testing.T) {
	all := pipeline.Errors{Tolerance: pipeline.All}
	retrying := pipeline.Errors{RetryTimeout: time.Minute, RetryDelayMax: time.Millisecond}
	everywhere := func(kind string, every int) map[int]string {
		m := map[int]string{}
		for i := 0; i < fannedBatch; i += every {
			m[i] = kind
		}
		return m
	}
	for name, c := range map[string]struct {
		kinds map[int]string
		errs  pipeline.Errors
		fails string
	}{
		"good":                         {},
		"filtered":                     {kinds: everywhere("drop", 3)},
		"all filtered":                 {kinds: everywhere("drop", 1)},
		"skipped":                      {kinds: everywhere("refused", 7), errs: all},
		"all skipped":                  {kinds: everywhere("bad", 1), errs: all},
		"refused by the converter":     {kinds: everywhere("bad", 11), errs: all},
		"panics":                       {kinds: everywhere("panic", 50), errs: all},
		"fails at first":               {kinds: map[int]string{0: "refused"}, fails: "refused"},
		"fails in the middle":          {kinds: map[int]string{500: "bad", 600: "panic"}, fails: "is bad"},
		"fails at the last":            {kinds: map[int]string{fannedBatch - 1: "panic"}, fails: "panic: boom"},
		"without topic":                {kinds: map[int]string{700: "topicless"}, errs: all, fails: "without a topic"},
		"tried again":                  {kinds: map[int]string{64: "passing", 900: "passing"}, errs: retrying},
		"tried again and filtered":     {kinds: map[int]string{1: "drop", 999: "passing", 998: "drop"}, errs: retrying},
		"fails behind what is skipped": {kinds: map[int]string{3: "refused", 999: "topicless"}, errs: all, fails: "without a topic"},
	} {
		for _, txn := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, transactions %t", name, txn), func(t *testing.T) {
				var told [2][]string
				var stored [2]string
				var ends [2]error
				for i, threads := range []int{1, 4} {
					var f fanned
					f.start(t, threads, c.errs, func(cfg *sourcetask.Config) {
						if txn {
							exactlyOnce(&sourcetask.Transaction{Boundary: sourcetask.BoundaryPoll, Offsets: txnOffsets{make(chan string, 10000)}})(cfg)
						}
					})
					batch, _ := fannedBatchOf(c.kinds)
					for range 2 { // the second finds all made
						again := slices.Clone(batch)
						for j, r := range batch {
							r := *r
							again[j] = &r
						}
						f.log.mu.Lock()
						clear(f.log.tries)
						f.log.mu.Unlock()
						f.src.batches <- again
						if c.fails != "" {
							ends[i] = f.wait(t)
							break
						}
						for range fannedBatch {
							select {
							case a := <-f.src.acks:
								told[i] = append(told[i], a)
							case err := <-f.done:
								t.Fatalf("%d records were heard of, then the task ended with %v", len(told[i]), err)
							case <-time.After(30 * time.Second):
								t.Fatalf("%d records were heard of", len(told[i]))
							}
						}
					}
					f.stop()
					err := f.wait(t)
					if c.fails == "" && err != nil {
						t.Fatal(err)
					}
					told[i] = append(told[i], f.heard()...)
					stored[i] = f.off.get(`"p"`) + " " + f.off.get(`"q"`)
					if txn {
						stored[i] = fmt.Sprint(values(t, f.cluster, "offsets"))
					}
					if c.fails != "" && (ends[i] == nil || !strings.Contains(ends[i].Error(), c.fails)) {
						t.Errorf("%d threads: the task ended with %v, want %q", threads, ends[i], c.fails)
					}
					if made := f.made.Load(); made != int32(threads) || f.closed.Load() != made {
						t.Errorf("%d threads: %d instances were made, %d closed", threads, made, f.closed.Load())
					}
				}
				sortDropped(told[0])
				sortDropped(told[1])
				if !slices.Equal(told[0], told[1]) {
					t.Errorf("one thread: %d outcomes, four: %d, first %v and %v", len(told[0]), len(told[1]), head(told[0]), head(told[1]))
				}
				if stored[0] != stored[1] {
					t.Errorf("offsets are %s, on one thread %s", stored[1], stored[0])
				}
			})
		}
	}
}

// sortDropped puts what was dropped, which is heard of at once, behind what was acknowledged, whose order stays.
func sortDropped(told []string) {
	slices.SortStableFunc(told, func(a, b string) int {
		x, y := strings.HasSuffix(a, "dropped"), strings.HasSuffix(b, "dropped")
		switch {
		case x == y:
			return 0
		case x:
			return 1
		default:
			return -1
		}
	})
}

func head(s []string) []string { return s[:min(3, len(s))] }

// Records come to the topic in their order, whichever lane is slow, and the lanes do have a part.
func TestFanoutKeepsOrder(t *testing.T) {
	for _, slow := range []int{0, 63, 64, 500, 999} {
		var f fanned
		release, others := make(chan struct{}), make(chan struct{})
		var seen atomic.Int32
		f.log = &applied{inside: func(v string) {
			if v == fmt.Sprintf("good %d", slow) {
				<-release
			} else if seen.Add(1) == 600 { // more than one goroutine could have come to
				close(others)
			}
		}}
		f.start(t, 4, pipeline.Errors{}, nil)
		batch, values := fannedBatchOf(nil)
		f.src.batches <- batch
		<-others
		close(release)
		for _, v := range values {
			expect(t, f.src.acks, v+"!")
		}
		f.stop()
		if err := f.wait(t); err != nil {
			t.Fatal(err)
		}
	}
}

// Small batches, Stateful plugins and a second instance that cannot be made are converted as ever.
func TestFanoutIsLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		records int
		edit    func(*fanned, *sourcetask.Config)
		made    int32
	}{
		"small": {records: 100, made: 1},
		"stateful": {records: fannedBatch, made: 1, edit: func(f *fanned, c *sourcetask.Config) {
			c.Chain = pipeline.New(pipeline.Config{Key: text{}, Value: exclaiming{}, Log: quiet, Steps: []pipeline.Step{{Class: "marking",
				Transform: statefulMarking{marking{log: f.log, closed: &f.closed}}}}})
		}},
		"impossible": {records: fannedBatch, made: 1, edit: func(_ *fanned, c *sourcetask.Config) {
			c.AnotherChain = func() (*pipeline.Chain, error) { panic("no more") }
		}},
		"large": {records: fannedBatch, made: 4},
	} {
		t.Run(name, func(t *testing.T) {
			var f fanned
			f.start(t, 4, pipeline.Errors{}, func(cfg *sourcetask.Config) {
				if c.edit != nil {
					c.edit(&f, cfg)
				}
			})
			batch, values := fannedBatchOf(nil)
			f.src.batches <- batch[:c.records]
			for _, v := range values[:c.records] {
				expect(t, f.src.acks, v+"!")
			}
			f.stop()
			if err := f.wait(t); err != nil {
				t.Fatal(err)
			}
			if f.made.Load() != c.made || f.closed.Load() != c.made {
				t.Errorf("%d instances were made, %d closed, want %d", f.made.Load(), f.closed.Load(), c.made)
			}
		})
	}
}

// A task that is stopped, or whose batch fails, while lanes wait for something outside ends, and nothing is produced behind the record
// that hangs.
func TestFanoutEndsWhileLanesHang(t *testing.T) {
	for name, c := range map[string]struct {
		kinds map[int]string
		fails bool
	}{
		"stopped": {kinds: map[int]string{100: "stuck", 500: "stuck", 700: "stuck"}},
		"failed":  {kinds: map[int]string{1: "refused", 500: "stuck", 700: "stuck"}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			var f fanned
			stuck := make(chan struct{}, 100)
			f.log = &applied{inside: func(v string) {
				if strings.HasPrefix(v, "stuck") {
					stuck <- struct{}{}
				}
			}}
			f.start(t, 4, pipeline.Errors{}, func(c *sourcetask.Config) { c.CommitTimeout = 50 * time.Millisecond })
			batch, _ := fannedBatchOf(c.kinds)
			f.src.batches <- batch
			if !c.fails {
				<-stuck
				f.stop()
			}
			if err := f.wait(t); (err != nil) != c.fails {
				t.Errorf("the task ended with %v", err)
			}
			for _, v := range f.heard() {
				var i int
				if _, err := fmt.Sscanf(v, "good %d!", &i); err != nil || i >= 100 {
					t.Errorf("%q was produced", v)
				}
			}
		})
	}
}

// envelopes is a task that hands out the same change events again and again.
type envelopes struct {
	rows
	made []connect.SourceRecord
}

func (e *envelopes) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	e.mu.Lock()
	if e.left == 0 {
		e.mu.Unlock()
		select {
		case <-e.again:
		case <-ctx.Done():
		}
		return nil, nil
	}
	e.left--
	var b *rowBatch
	if n := len(e.idle); n > 0 {
		b, e.idle = e.idle[n-1], e.idle[:n-1]
	} else {
		b = &rowBatch{records: make([]connect.SourceRecord, len(e.made)), ptrs: make([]*connect.SourceRecord, len(e.made))}
		for i := range b.ptrs {
			b.ptrs[i] = &b.records[i]
		}
		e.back[b.ptrs[0]] = b
	}
	e.mu.Unlock()
	copy(b.records, e.made)
	return b.ptrs, nil
}

// The whole source path with JSON of change events, on one thread and on two by turns: ns a record of the quickest turns, for the machine
// may have other things to do.
func BenchmarkSourcePathOfEnvelopes(b *testing.B) {
	for _, smts := range []bool{false, true} {
		for _, size := range []int{1000, 2048} {
			b.Run(fmt.Sprintf("smts=%t/batch=%d", smts, size), func(b *testing.B) {
				made := sourcetask.Envelopes(b, size)
				var turn [2]func() time.Duration
				for i := range turn {
					turn[i] = pathOfEnvelopes(b, made, smts, i+1)
				}
				var best [2]time.Duration
				for range b.N/(size*turnBatches) + 3 {
					for i := range turn {
						runtime.GC()
						if took := turn[i](); best[i] == 0 || took < best[i] {
							best[i] = took
						}
					}
				}
				n := float64(size * turnBatches)
				b.ReportMetric(float64(best[0])/n, "serial-ns/record")
				b.ReportMetric(float64(best[1])/n, "fanned-ns/record")
				b.ReportMetric(float64(best[0])/float64(best[1]), "gain")
			})
		}
	}
}

const turnBatches = 20

func pathOfEnvelopes(b *testing.B, made []connect.SourceRecord, smts bool, threads int) func() time.Duration {
	cl := newCluster(b, kfake.SeedTopics(1, "dbserver1.inventory.customers", "shop_customers"))
	answerProduce(cl, func(int) {})
	e := &envelopes{made: made, rows: rows{back: map[*connect.SourceRecord]*rowBatch{}, again: make(chan struct{})}}
	acks := &acknowledgements{done: make(chan struct{}, 1)}
	run(b, cl, e, newOffsets(), func(c *sourcetask.Config) {
		c.Chain, c.Threads = sourcetask.EnvelopeChain(b, smts), threads
		c.AnotherChain = func() (*pipeline.Chain, error) { return sourcetask.EnvelopeChain(b, smts), nil }
		c.Producer = append(c.Producer, kgo.ProducerLinger(5*time.Millisecond), kgo.WithHooks(acks))
	})
	return func() time.Duration {
		acks.expect(turnBatches * len(made))
		begin := time.Now()
		e.more(turnBatches)
		acks.wait(b)
		return time.Since(begin)
	}
}
