package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/pipeline"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// text is a converter of strings which adds a header for values and notes what was converted.
type text struct {
	notes *[]string
	name  string
	fail  func() error
}

func (c text) Configure(config.Values, bool) error { return nil }
func (c text) Append(_ context.Context, dst []byte, _ string, h *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	*c.notes = append(*c.notes, fmt.Sprintf("%s with %d headers", c.name, len(*h)))
	*h = append(*h, connect.WireHeader{Key: c.name + "-header"})
	if c.fail != nil {
		if err := c.fail(); err != nil {
			return dst, false, err
		}
	}
	if d.Value.IsNull() {
		return dst, false, nil
	}
	return append(dst, d.Value.String()...), true, nil
}
func (c text) Decode(_ context.Context, _ string, _ connect.WireHeaders, b []byte) (data.Datum, error) {
	if c.fail != nil {
		if err := c.fail(); err != nil {
			return data.Datum{}, err
		}
	}
	return data.Datum{Value: data.Text(b)}, nil
}
func (text) Close() error { return nil }

type transform func(*connect.Record) (bool, error)

func (transform) Configure(config.Values) error                              { return nil }
func (f transform) Apply(_ context.Context, r *connect.Record) (bool, error) { return f(r) }
func (transform) Close() error                                               { return nil }

type predicate func(*connect.Record) bool

func (predicate) Configure(config.Values) error { return nil }
func (f predicate) Test(r *connect.Record) bool { return f(r) }
func (predicate) Close() error                  { return nil }

func newChain(edit func(*pipeline.Config)) (*pipeline.Chain, *[]string) {
	notes := new([]string)
	cfg := pipeline.Config{Key: text{notes: notes, name: "key"}, Value: text{notes: notes, name: "value"}, KeyClass: "KeyConv", ValueClass: "ValueConv"}
	if edit != nil {
		edit(&cfg)
	}
	return pipeline.New(cfg), notes
}

func suffix(s string) pipeline.Step {
	return pipeline.Step{Class: "Suffix", Transform: transform(func(r *connect.Record) (bool, error) {
		r.Topic += s
		return true, nil
	})}
}

func TestTransformsRunInOrderUnderTheirPredicates(t *testing.T) {
	isT := predicate(func(r *connect.Record) bool { return strings.HasPrefix(r.Topic, "t") })
	guarded := func(s string, negate bool) pipeline.Step {
		st := suffix(s)
		st.Predicate, st.Negate = isT, negate
		return st
	}
	c, _ := newChain(func(c *pipeline.Config) {
		c.Steps = []pipeline.Step{suffix("1"), guarded("2", false), guarded("3", true), suffix("4")}
	})
	for topic, want := range map[string]string{"t": "t124", "u": "u134"} {
		r := &connect.Record{Topic: topic}
		if o, err := c.Transform(t.Context(), r, pipeline.Failure{}); o != pipeline.Kept || err != nil || r.Topic != want {
			t.Errorf("%s became %s, %v, %v; want %s", topic, r.Topic, o, err, want)
		}
	}
}

func TestFilterEndsTheChain(t *testing.T) {
	c, _ := newChain(func(c *pipeline.Config) {
		c.Steps = []pipeline.Step{{Transform: transform(func(*connect.Record) (bool, error) { return false, nil })}, suffix("never")}
	})
	r := &connect.Record{Topic: "t"}
	if o, err := c.Transform(t.Context(), r, pipeline.Failure{}); o != pipeline.Filtered || err != nil || r.Topic != "t" {
		t.Errorf("%v, %v, topic %s", o, err, r.Topic)
	}
}

func TestHeadersThenKeyThenValue(t *testing.T) {
	c, notes := newChain(nil)
	r := &connect.Record{Topic: "t", Partition: 4, Timestamp: 12, Key: data.Datum{Value: data.String("k")},
		Headers: connect.Headers{{Key: "h", Value: data.Datum{Value: data.String("x")}}}}
	var buf pipeline.Buffer
	var out kgo.Record
	if o, err := c.Encode(t.Context(), &buf, r, &out, pipeline.Failure{}); o != pipeline.Kept || err != nil {
		t.Fatal(o, err)
	}
	if want := []string{"key with 1 headers", "value with 2 headers"}; !slices.Equal(*notes, want) {
		t.Errorf("order %q, want %q", *notes, want)
	}
	if string(out.Key) != "k" || out.Value != nil || out.Partition != 4 || out.Timestamp.UnixMilli() != 12 || len(out.Headers) != 3 ||
		out.Headers[0].Key != "h" || string(out.Headers[0].Value) != "x" || out.Headers[2].Key != "value-header" {
		t.Errorf("record %+v", out)
	}
}

// A retried part is done again alone; headers that the failed attempt added are gone.
func TestRetryRepeatsOnlyTheFailedPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		_, notes := newChain(nil)
		c, _ := newChain(func(cfg *pipeline.Config) {
			cfg.Key = text{notes: notes, name: "key"}
			cfg.Value = text{notes: notes, name: "value", fail: func() error {
				if tries++; tries < 3 {
					return connect.Retriable(errors.New("registry away"), 0)
				}
				return nil
			}}
			cfg.Errors.RetryTimeout = -1
		})
		var buf pipeline.Buffer
		var out kgo.Record
		begin := time.Now()
		if o, err := c.Encode(t.Context(), &buf, &connect.Record{Topic: "t"}, &out, pipeline.Failure{}); o != pipeline.Kept || err != nil {
			t.Fatal(o, err)
		}
		if got := time.Since(begin); got != 900*time.Millisecond {
			t.Errorf("waited %v, want 300 ms and 600 ms", got)
		}
		if want := []string{"key with 0 headers", "value with 1 headers", "value with 1 headers", "value with 1 headers"}; !slices.Equal(*notes, want) {
			t.Errorf("order %q, want %q", *notes, want)
		}
		if len(out.Headers) != 2 {
			t.Errorf("headers %v", out.Headers)
		}
	})
}

func TestErrors(t *testing.T) {
	retriable := connect.Retriable(errors.New("away"), 0)
	fatal := errors.New("broken")
	for _, c := range []struct {
		name     string
		errs     pipeline.Errors
		err      error
		panics   bool
		outcome  pipeline.Outcome
		fails    bool
		attempts int
		took     time.Duration
	}{
		{name: "none", err: fatal, fails: true, attempts: 1},
		{name: "none, panic", panics: true, fails: true, attempts: 1},
		{name: "all", errs: pipeline.Errors{Tolerance: pipeline.All}, err: fatal, attempts: 1},
		{name: "all, panic", errs: pipeline.Errors{Tolerance: pipeline.All}, panics: true, attempts: 1},
		{name: "a fatal error is not retried", errs: pipeline.Errors{RetryTimeout: -1}, err: fatal, fails: true, attempts: 1},
		{name: "no time for retries", err: retriable, fails: true, attempts: 1},
		{name: "retries within the time-out", errs: pipeline.Errors{RetryTimeout: time.Second}, err: retriable, fails: true,
			attempts: 4, took: time.Second}, // at 0, 300, 900 and 1000 ms
		{name: "retries, then tolerated", errs: pipeline.Errors{Tolerance: pipeline.All, RetryTimeout: time.Second}, err: retriable,
			attempts: 4, took: time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts := 0
				chain, _ := newChain(func(cfg *pipeline.Config) {
					cfg.Errors = c.errs
					cfg.Steps = []pipeline.Step{suffix("1"), {Class: "Bad", Transform: transform(func(*connect.Record) (bool, error) {
						attempts++
						if c.panics {
							panic("boom")
						}
						return false, c.err
					})}}
				})
				at := connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: "t", Partition: 3}, Offset: 9}
				begin := time.Now()
				o, err := chain.Transform(t.Context(), &connect.Record{Topic: "t"}, pipeline.Failure{At: at})
				if o != pipeline.Skipped || (err != nil) != c.fails || attempts != c.attempts || time.Since(begin) != c.took {
					t.Fatalf("%v, %v after %d attempts and %v", o, err, attempts, time.Since(begin))
				}
				if err == nil {
					return
				}
				for _, want := range []string{"TRANSFORMATION", "Bad", `topic "t", partition 3, offset 9`} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not name %s", err, want)
					}
				}
				if c.err != nil && !errors.Is(err, c.err) {
					t.Errorf("%v does not wrap its cause", err)
				}
			})
		})
	}
}

// A stop during retries must not make the record count as skipped: its offset would move on.
// The pauses of RetryWithToleranceOperator: 300 ms doubled, then anything up to errors.retry.delay.max.ms; without end for -1. What a
// stage itself asks to wait for is heard.
func TestPausesBetweenRetries(t *testing.T) {
	for _, c := range []struct {
		name  string
		most  time.Duration
		after time.Duration
		sure  []time.Duration
	}{
		{"by default", 0, 0, []time.Duration{300 * time.Millisecond, 600 * time.Millisecond, 1200 * time.Millisecond, 2400 * time.Millisecond,
			4800 * time.Millisecond, 9600 * time.Millisecond, 19200 * time.Millisecond, 38400 * time.Millisecond}},
		{"bounded", time.Second, 0, []time.Duration{300 * time.Millisecond, 600 * time.Millisecond}},
		{"bounded below the first", 100 * time.Millisecond, 0, nil},
		{"asked for", time.Second, 700 * time.Millisecond, []time.Duration{700 * time.Millisecond, 700 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var at []time.Time
				chain, _ := newChain(func(cfg *pipeline.Config) {
					cfg.Errors = pipeline.Errors{RetryTimeout: -1, RetryDelayMax: c.most}
					cfg.Steps = []pipeline.Step{{Transform: transform(func(*connect.Record) (bool, error) {
						if at = append(at, time.Now()); len(at) < 60 {
							return false, connect.Retriable(errors.New("away"), c.after)
						}
						return true, nil
					})}}
				})
				o, err := chain.Transform(t.Context(), &connect.Record{Topic: "t"}, pipeline.Failure{})
				if o != pipeline.Kept || err != nil || len(at) != 60 {
					t.Fatalf("%v, %v after %d attempts", o, err, len(at))
				}
				most, different := c.most, map[time.Duration]bool{}
				if most == 0 {
					most = time.Minute
				}
				for i := range at[1:] {
					pause := at[i+1].Sub(at[i])
					switch {
					case i < len(c.sure) && pause != c.sure[i]:
						t.Errorf("pause %d is %v, want %v", i+1, pause, c.sure[i])
					case pause <= 0 || pause > most:
						t.Errorf("pause %d is %v, more than %v", i+1, pause, most)
					}
					different[pause] = true
				}
				if len(different) < 10 {
					t.Errorf("%d different pauses: tasks that fail together come back together", len(different))
				}
			})
		})
	}
}

func TestStopDuringRetriesSkipsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chain, _ := newChain(func(cfg *pipeline.Config) {
			cfg.Errors = pipeline.Errors{Tolerance: pipeline.All, RetryTimeout: -1}
			cfg.Steps = []pipeline.Step{{Transform: transform(func(*connect.Record) (bool, error) {
				return false, connect.Retriable(errors.New("away"), 0)
			})}}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := chain.Transform(ctx, &connect.Record{}, pipeline.Failure{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
	})
}

func TestDecode(t *testing.T) {
	broken := errors.New("malformed")
	chain, notes := newChain(nil)
	in := &kgo.Record{Topic: "t", Partition: 1, Offset: 5, Key: []byte("k"), Value: []byte("v"), Timestamp: time.UnixMilli(77),
		Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}, {Key: "n"}}}
	out := connect.SinkRecord{Wire: new(connect.Wire)}
	if o, err := chain.Decode(t.Context(), in, &out); o != pipeline.Kept || err != nil {
		t.Fatal(o, err)
	}
	if out.Key.Value.String() != "k" || out.Value.Value.String() != "v" || len(out.Headers) != 2 || out.Timestamp != 77 ||
		out.TimestampType != connect.CreateTime || out.Original.Offset != 5 || out.Original.Partition != 1 {
		t.Errorf("record %+v", out)
	}
	bad, _ := newChain(func(cfg *pipeline.Config) {
		cfg.Value = text{notes: notes, fail: func() error { return broken }}
	})
	_, err := bad.Decode(t.Context(), in, &out)
	var se *pipeline.StageError
	if !errors.As(err, &se) || se.Stage != pipeline.ValueConverter || se.Class != "ValueConv" || se.At.Offset != 5 || !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestLogging(t *testing.T) {
	for _, c := range []struct {
		errs            pipeline.Errors
		logged, located bool
	}{
		{pipeline.Errors{Tolerance: pipeline.All}, false, false},
		{pipeline.Errors{Tolerance: pipeline.All, Log: true}, true, false},
		{pipeline.Errors{Tolerance: pipeline.All, Log: true, LogMessages: true}, true, true},
	} {
		var b bytes.Buffer
		chain, _ := newChain(func(cfg *pipeline.Config) {
			cfg.Errors, cfg.Log = c.errs, slog.New(slog.NewTextHandler(&b, nil))
		})
		f := pipeline.Failure{Stage: pipeline.TaskPut, Class: "Sink", Err: errors.New("no"), Wire: &connect.Wire{Value: []byte("secret")},
			At: connect.TopicOffset{TopicPartition: connect.TopicPartition{Topic: "orders"}, Offset: 3}}
		if err := chain.Fail(f); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), "TASK_PUT"); got != c.logged {
			t.Errorf("%+v: log %q", c.errs, &b)
		}
		if got := strings.Contains(b.String(), "topic=orders") && strings.Contains(b.String(), "offset=3"); got != c.located {
			t.Errorf("%+v: log %q", c.errs, &b)
		}
		if strings.Contains(b.String(), "secret") {
			t.Errorf("a value is in the log: %q", &b)
		}
	}
}

func TestActiveTopics(t *testing.T) {
	var got []string
	a := pipeline.NewActiveTopics(func(topic string) { got = append(got, topic) })
	for _, topic := range []string{"a", "a", "b", "a", "b"} {
		a.Seen(topic)
	}
	a.Reset()
	a.Seen("b")
	if want := []string{"a", "b", "b"}; !slices.Equal(got, want) {
		t.Errorf("reported %q, want %q", got, want)
	}
}

func TestBuffer(t *testing.T) {
	var b pipeline.Buffer
	big := bytes.Repeat([]byte("x"), pipeline.ChunkSize+1)
	for round := range 3 {
		var kept, want [][]byte
		for i := range 3000 {
			v := fmt.Appendf(nil, "value %d of round %d %s", i, round, strings.Repeat("y", i%97))
			if i%1000 == 7 {
				v = append(v, big...)
			}
			kept = append(kept, b.Keep(append(b.Tail(), v...)))
			want = append(want, v)
			h := b.Headers(i % 5)
			for j := range h {
				if h[j].Key != "" {
					t.Fatal("headers are handed out twice, or not cleared")
				}
				h[j].Key = "k"
			}
		}
		for i := range kept {
			if !bytes.Equal(kept[i], want[i]) {
				t.Fatalf("round %d: value %d was overwritten", round, i)
			}
			if cap(kept[i]) != len(kept[i]) && len(kept[i]) <= pipeline.ChunkSize {
				t.Fatalf("an append to value %d would overwrite the next one", i)
			}
		}
		b.Reset()
	}
	if b.Size() > 64*pipeline.ChunkSize {
		t.Errorf("the buffer keeps %d bytes", b.Size())
	}
}

func TestChainAllocatesNothing(t *testing.T) {
	chain, _ := newChain(func(c *pipeline.Config) {
		c.Steps = []pipeline.Step{{Class: "noop", Transform: transform(func(*connect.Record) (bool, error) { return true, nil })}}
		c.Key, c.Value = quiet{}, quiet{}
	})
	var buf pipeline.Buffer
	r := &connect.Record{Topic: "t", Value: data.Datum{Value: data.String("v")}, Timestamp: 1}
	var out kgo.Record
	if n := testing.AllocsPerRun(1000, func() {
		if o, err := chain.Transform(context.Background(), r, pipeline.Failure{}); o != pipeline.Kept || err != nil {
			t.Fatal(o, err)
		}
		if o, err := chain.Encode(context.Background(), &buf, r, &out, pipeline.Failure{}); o != pipeline.Kept || err != nil {
			t.Fatal(o, err)
		}
		buf.Reset()
	}); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

// quiet converts text without notes.
type quiet struct{ text }

func (quiet) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	if d.Value.IsNull() {
		return dst, false, nil
	}
	return append(dst, d.Value.TextBytes()...), true, nil
}

// What tasks and producers report counts as a failure, as it does for Java's RetryWithToleranceOperator.executeFailed.
func TestReportedRecordsAreCounted(t *testing.T) {
	reg := metrics.New()
	chain, _ := newChain(func(cfg *pipeline.Config) {
		cfg.Errors, cfg.Metrics = pipeline.Errors{Tolerance: pipeline.All}, reg.Scope(connect.TaskID{Connector: "c"})
	})
	if err := chain.Fail(pipeline.Failure{Stage: pipeline.TaskPut, Err: errors.New("refused")}); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	reg.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{"record_failures", "record_errors", "records_skipped"} {
		if !strings.Contains(w.Body.String(), "connectd_task_error_"+want+`_total{connector="c",task="0"} 1`) {
			t.Errorf("%s is not 1", want)
		}
	}
}
