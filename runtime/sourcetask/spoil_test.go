package sourcetask_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/json"
	"github.com/connectd/connectd/converters/simpleheader"
	"github.com/connectd/connectd/internal/kafkatest"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"
	"github.com/connectd/connectd/transforms"
	"github.com/connectd/connectd/transforms/predicates"
)

// cut is memory that records are cut from: as that of the MySQL connector.
type cut struct {
	slab data.Slab
	text []byte
}

func (c *cut) string(s string) data.Value {
	at := len(c.text)
	c.text = append(c.text, s...)
	return data.Text(c.text[at:len(c.text):len(c.text)])
}

// spoil makes the memory usable again; what was cut from it is garbage.
func (c *cut) spoil() {
	for i := range c.text {
		c.text[i] = '#'
	}
	c.text = c.text[:0]
	c.slab.Reset()
}

var (
	spoilRow = data.MakeStruct("db.t.Value").Field("id", data.Int64Schema).Field("name", data.StringSchema).Field("route", data.OptionalStringSchema).
			Field("x", data.OptionalFloat64Schema).Field("at", data.TimestampSchema).Optional().Build()
	spoilSource = data.MakeStruct("Source").Field("table", data.StringSchema).Field("ts_ms", data.Int64Schema).Build()
	spoilValue  = data.MakeStruct("db.t.Envelope").Field("before", spoilRow).Field("after", spoilRow).Field("source", spoilSource).
			Field("op", data.StringSchema).Field("ts_ms", data.OptionalInt64Schema).Build()
	spoilKey  = data.MakeStruct("db.t.Key").Field("id", data.Int64Schema).Field("name", data.StringSchema).Build()
	spoilPart = partition("p")
)

// record is record i, the same whatever memory it is cut from. Records of a batch share headers, as those of the MySQL connector do.
func (c *cut) record(i int, shared connect.Headers) connect.SourceRecord {
	rnd := rand.New(rand.NewPCG(uint64(i), 5))
	image := func() data.Value {
		st := c.slab.New(spoilRow)
		st.Set(0, data.Int64(int64(i)))
		st.Set(1, c.string(fmt.Sprintf("name %d", rnd.IntN(1000))))
		st.Set(2, c.string(fmt.Sprintf("r%02d", rnd.IntN(40))))
		st.Set(3, data.Float64(rnd.Float64()))
		st.Set(4, data.Timestamp(1700000000000+rnd.Int64N(1000)))
		return data.Of(st)
	}
	k, src, v := c.slab.New(spoilKey), c.slab.New(spoilSource), c.slab.New(spoilValue)
	k.Set(0, data.Int64(int64(i)))
	k.Set(1, c.string(fmt.Sprintf("key %d", i)))
	src.Set(0, c.string(fmt.Sprintf("table%d", i%3)))
	src.Set(1, data.Int64(int64(i)))
	for f := range 2 {
		if n := rnd.IntN(6); n > 1 || n != f {
			v.Set(f, image())
		}
	}
	v.Set(2, data.Of(src))
	v.Set(3, data.String("u"))
	v.Set(4, data.Int64(int64(i)))
	r := connect.SourceRecord{Record: connect.Record{Topic: "t0", Partition: connect.NoPartition, Offset: connect.NoOffset,
		Timestamp: 1700000000000 + int64(i%2)*86_400_000, Key: data.Datum{Schema: spoilKey, Value: data.Of(k)},
		Value: data.Datum{Schema: spoilValue, Value: data.Of(v)}, Headers: shared}, Position: connect.Position{Partition: spoilPart, Offset: connect.RawOffset("1")}}
	switch i % 7 {
	case 0:
		r.Value = data.Datum{}
	case 1, 2:
		r.Headers = append(connect.Headers{{Key: "own", Value: data.Datum{Schema: data.StringSchema, Value: c.string(fmt.Sprintf("own %d", i))}}}, shared...)
	}
	return r
}

func (c *cut) headers() connect.Headers {
	return connect.Headers{{Key: "a", Value: data.Datum{Schema: data.StringSchema, Value: c.string("shared a")}}, {Key: "n", Value: data.Datum{Schema: data.Int64Schema, Value: data.Int64(7)}}}
}

// spoiling is a task of some batches whose memory it spoils, and uses again, as soon as it gets it back.
type spoiling struct {
	rnd         *rand.Rand
	next, total int
	done        chan struct{}

	mu   sync.Mutex
	free []*cut
	lent map[*connect.SourceRecord]*cut
}

func (s *spoiling) Start(context.Context, connect.SourceTaskContext) error { return nil }
func (s *spoiling) Stop(context.Context) error                             { return nil }

func (s *spoiling) Poll(ctx context.Context) (out []*connect.SourceRecord, _ error) {
	if s.next == s.total {
		s.next++
		close(s.done)
	}
	if s.next > s.total {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &cut{}
	if n := len(s.free); n > 0 {
		c, s.free = s.free[n-1], s.free[:n-1]
	}
	h := c.headers()
	for range min(1+s.rnd.IntN(40), s.total-s.next) {
		r := c.record(s.next, h)
		out = append(out, &r)
		s.next++
	}
	s.lent[out[0]] = c
	return out, nil
}

func (s *spoiling) Recycle(batch []*connect.SourceRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.lent[batch[0]]
	c.spoil()
	s.free = append(s.free, c)
	for _, r := range batch {
		*r = connect.SourceRecord{Record: connect.Record{Topic: "spoiled"}}
	}
}

var spoilSteps = []struct {
	name  string
	props config.Props
}{
	{"ExtractNewRecordState", config.Props{"add.fields": "op,source.table", "add.headers": "source.ts_ms,source.table", "route.by.field": "route", "delete.tombstone.handling.mode": "rewrite-with-tombstone"}},
	{"RegexRouter", config.Props{"regex": "([rt])(.*)", "replacement": "$2$1"}},
	{"TimestampRouter", nil},
	{"RegexRouter", config.Props{"regex": "r1[0-5]", "replacement": "to"}},
	{"InsertField$Value", config.Props{"topic.field": "topic", "static.field": "s", "static.value": "v"}},
	{"InsertHeader", config.Props{"header": "i", "value.literal": "5"}},
	{"HeaderFrom$Value", config.Props{"fields": "route", "headers": "route", "operation": "move"}},
	{"HeaderFrom$Key", config.Props{"fields": "name", "headers": "k", "operation": "copy"}},
	{"DropHeaders", config.Props{"headers": "a"}},
	{"MaskField$Value", config.Props{"fields": "id"}},
	{"Flatten$Value", config.Props{"delimiter": "_"}},
	{"HoistField$Key", config.Props{"field": "h"}},
	{"ExtractField$Key", config.Props{"field": "name"}},
	{"ValueToKey", config.Props{"fields": "name"}},
	{"ReplaceField$Value", config.Props{"exclude": "x", "renames": "name:n2"}},
	{"Cast$Value", config.Props{"spec": "id:string,x:string"}},
	{"TimestampConverter$Value", config.Props{"field": "at", "target.type": "string", "format": "yyyy-MM-dd HH:mm:ss.SSS"}},
	{"SetSchemaMetadata$Value", config.Props{"schema.name": "other"}},
}

func spoilStep(t *testing.T, i int, when string) pipeline.Step {
	t.Helper()
	x := spoilSteps[i]
	var s pipeline.Step
	for _, p := range transforms.Plugins("4.3.1", "3.6.1.Final") {
		if p.Aliases[0] == x.name {
			s = pipeline.Step{Alias: x.name, Class: p.Name, Transform: p.New()}
			configured(t, p.Config, x.props, s.Transform.Configure)
		}
	}
	for _, p := range predicates.Plugins("4.3.1") {
		if when != "" && p.Aliases[0] == "TopicNameMatches" {
			s.Predicate, s.Negate = p.New(), when[0] == '!'
			configured(t, p.Config, config.Props{"pattern": strings.TrimPrefix(when, "!")}, s.Predicate.Configure)
		}
	}
	return s
}

func configured(t *testing.T, d *config.Def, p config.Props, configure func(config.Values) error) {
	t.Helper()
	v, err := d.Parse(p)
	if err == nil {
		err = configure(v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// chainMaker makes instances of one chain of some transforms.
func chainMaker(t *testing.T, rnd *rand.Rand) func(pipeline.Errors) *pipeline.Chain {
	var steps []int
	var when []string
	for i := range spoilSteps {
		if rnd.IntN(4) == 0 || i == 0 { // the first makes rows of change events, which the others need
			steps = append(steps, i)
			when = append(when, []string{"", "", "r[12].*", "!r.*"}[rnd.IntN(4)*min(i, 1)])
		}
	}
	schemas := []string{"true", "false"}[rnd.IntN(2)]
	return func(e pipeline.Errors) *pipeline.Chain {
		cfg := pipeline.Config{Errors: e, Log: quiet, Header: simpleheader.Plugin("1").New()}
		for n, i := range steps {
			cfg.Steps = append(cfg.Steps, spoilStep(t, i, when[n]))
		}
		for _, isKey := range []bool{true, false} {
			p := json.Plugin("1")
			c := p.New()
			configured(t, p.Config, config.Props{"converter.type": map[bool]string{true: "key", false: "value"}[isKey], "schemas.enable": schemas},
				func(v config.Values) error { return c.Configure(v, isKey) })
			if isKey {
				cfg.Key = c
			} else {
				cfg.Value = c
			}
		}
		return pipeline.New(cfg)
	}
}

func rendered(r *kgo.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s=%s@%d", r.Key, r.Value, r.Timestamp.UnixMilli())
	for _, h := range r.Headers {
		fmt.Fprintf(&b, " %s:%s", h.Key, h.Value)
	}
	return b.String()
}

// Whatever transforms there are, and however many threads: the records in Kafka are those that are made one by one out of memory that is used
// once.
func TestMemoryUsedAgainIsSeenByNobody(t *testing.T) {
	for _, seed := range []uint64{1, 6, 12, 17} { // with and without threads, failures reported or not, routers
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 6))
			chain := chainMaker(t, rnd)
			const total = 600
			want, topics := map[string][]string{}, []string(nil)
			one := chain(pipeline.Errors{Tolerance: pipeline.All})
			for i := range total {
				c := &cut{}
				r, out := c.record(i, c.headers()), kgo.Record{}
				if o, err := one.Transform(t.Context(), &r.Record, pipeline.Failure{}); o != pipeline.Kept || err != nil {
					continue
				}
				if o, err := one.Encode(t.Context(), new(pipeline.Buffer), &r.Record, &out, pipeline.Failure{}); o == pipeline.Kept && err == nil {
					topic := strings.Clone(out.Topic)
					want[topic] = append(want[topic], rendered(&out))
				}
			}
			for topic := range want {
				topics = append(topics, topic)
			}
			slices.Sort(topics)
			cl := newCluster(t, kfake.SeedTopics(1, append(topics, "unused")...))
			task := &spoiling{rnd: rnd, total: total, done: make(chan struct{}), lent: map[*connect.SourceRecord]*cut{}}
			errs := pipeline.Errors{Tolerance: pipeline.All, Log: seed%3 == 0}
			r := run(t, cl, task, newOffsets(), func(c *sourcetask.Config) {
				c.Chain = chain(errs)
				c.Producer = append(c.Producer, kgo.ProducerLinger(3*time.Millisecond))
				if seed%2 == 1 {
					sourcetask.FanOutSmall(c)
					c.AnotherChain = func() (*pipeline.Chain, error) { return chain(pipeline.Errors{}), nil }
				}
			})
			select {
			case <-task.done:
			case err := <-r.done:
				t.Fatal(err)
			}
			r.stop()
			if err := r.wait(t); err != nil {
				t.Fatal(err)
			}
			for _, topic := range topics {
				var got []string
				for _, r := range kafkatest.Dump(t, cl, topic) {
					got = append(got, rendered(r))
				}
				if len(got) != len(want[topic]) {
					t.Errorf("topic %s has %d records, want %d", topic, len(got), len(want[topic]))
				}
				for i := range min(len(got), len(want[topic])) {
					if got[i] != want[topic][i] {
						t.Fatalf("topic %s, record %d\ngot  %.600s\nwant %.600s", topic, i, got[i], want[topic][i])
					}
				}
			}
		})
	}
}
