package sourcetask

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	jsonconverter "github.com/connectd/connectd/converters/json"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/transforms"
)

// Envelopes are n change events as Debezium writes them, of one table: they share schemas, and nothing else.
func Envelopes(t testing.TB, n int) []connect.SourceRecord {
	t.Helper()
	c := converterOf(t, false)
	key, value := decodeCaptured(t, c)
	out := make([]connect.SourceRecord, n)
	part := connect.NewSourcePartition(json.RawMessage(`{"server":"dbserver1"}`))
	for i := range out {
		k, v := key.Value.Struct().Clone(), value.Value.Struct().Clone()
		k.Set(0, data.Int32(int32(i)))
		for f := range v.Len() {
			if v.At(f).Kind() == data.KindStruct {
				v.Set(f, data.Of(v.At(f).Struct().Clone()))
			}
		}
		out[i] = connect.SourceRecord{
			Record: connect.Record{Topic: "dbserver1.inventory.customers", Partition: connect.NoPartition, Timestamp: connect.NoTimestamp,
				Key: data.Datum{Schema: key.Schema, Value: data.Of(k)}, Value: data.Datum{Schema: value.Schema, Value: data.Of(v)}},
			Position: connect.Position{Partition: part, Offset: connect.RawOffset(fmt.Sprintf(`{"pos":%d}`, i))},
		}
	}
	return out
}

func decodeCaptured(t testing.TB, c connect.Converter) (key, value data.Datum) {
	t.Helper()
	f, err := os.Open("../../converters/json/testdata/dbserver1.inventory.customers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var r struct{ Key, Payload string }
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(r.Payload, `"op":"u"`) {
			continue
		}
		if key, err = c.Decode(context.Background(), "t", nil, []byte(r.Key)); err == nil {
			value, err = c.Decode(context.Background(), "t", nil, []byte(r.Payload))
		}
		if err != nil {
			t.Fatal(err)
		}
		return key, value
	}
	t.Fatal("no update was captured")
	return
}

func converterOf(t testing.TB, isKey bool) connect.Converter {
	t.Helper()
	p := jsonconverter.Plugin("1")
	v, err := p.Config.Parse(config.Props{"converter.type": map[bool]string{true: "key", false: "value"}[isKey]})
	if err != nil {
		t.Fatal(err)
	}
	c := p.New()
	if err := c.Configure(v, isKey); err != nil {
		t.Fatal(err)
	}
	return c
}

func transformOf(t testing.TB, name string, props config.Props) pipeline.Step {
	t.Helper()
	for _, p := range transforms.Plugins("4.3.1", "3.6.1.Final") {
		if p.Aliases[0] != name {
			continue
		}
		v, err := p.Config.Parse(props)
		if err != nil {
			t.Fatal(err)
		}
		s := pipeline.Step{Alias: name, Class: p.Name, Transform: p.New()}
		if err := s.Transform.Configure(v); err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Fatalf("no transform %s", name)
	return pipeline.Step{}
}

// EnvelopeChain makes JSON of them, through three transforms if smts.
func EnvelopeChain(t testing.TB, smts bool) *pipeline.Chain {
	cfg := pipeline.Config{Key: converterOf(t, true), Value: converterOf(t, false), Log: slog.New(slog.DiscardHandler)}
	if smts {
		cfg.Steps = []pipeline.Step{
			transformOf(t, "ExtractNewRecordState", config.Props{"add.fields": "op,source.ts_ms"}),
			transformOf(t, "RegexRouter", config.Props{"regex": `dbserver1\.inventory\.(.*)`, "replacement": "shop_$1"}),
			transformOf(t, "Cast$Value", config.Props{"spec": "id:int64,email:string"}),
		}
	}
	return pipeline.New(cfg)
}

// What large batches gain by being converted on two threads: transforms and converters alone, nothing is produced. Batches of both kinds take
// turns, and the quickest tenth of each counts: other processes disturb the rest.
func BenchmarkConversion(b *testing.B) {
	for _, smts := range []bool{false, true} {
		for _, size := range []int{128, 256, 512, 1000, 2048, 8192} {
			b.Run(fmt.Sprintf("smts=%t/batch=%d", smts, size), func(b *testing.B) {
				made := Envelopes(b, size)
				serial, fanned := newConverting(b, made, smts, 1), newConverting(b, made, smts, 2)
				for range b.N/size + 20 {
					serial.batch(b)
					fanned.batch(b)
				}
				s, f := serial.best(), fanned.best()
				b.ReportMetric(s/float64(size), "serial-ns/record")
				b.ReportMetric(f/float64(size), "fanned-ns/record")
				b.ReportMetric(s/f, "gain")
			})
		}
	}
}

// converting sends batches nowhere.
type converting struct {
	t       *Task
	made    []connect.SourceRecord
	records []connect.SourceRecord
	ptrs    []*connect.SourceRecord
	took    []float64 // ns, of each batch
}

func newConverting(b *testing.B, made []connect.SourceRecord, smts bool, threads int) *converting {
	c := &converting{made: made, records: make([]connect.SourceRecord, len(made)), ptrs: make([]*connect.SourceRecord, len(made)),
		t: New(Config{Chain: EnvelopeChain(b, smts), Threads: threads, MaxBufferedBytes: 1 << 30,
			AnotherChain: func() (*pipeline.Chain, error) { return EnvelopeChain(b, smts), nil }})}
	for i := range c.ptrs {
		c.ptrs[i] = &c.records[i]
	}
	if c.t.fan != nil {
		c.t.fan.least = 0
	}
	b.Cleanup(c.t.cancelLife)
	b.Cleanup(c.t.fan.end)
	return c
}

func (c *converting) batch(b *testing.B) {
	copy(c.records, c.made)
	bl := c.t.pool.get(len(c.ptrs))
	begin := time.Now()
	c.t.fan.start(bl, c.ptrs)
	for i, r := range c.ptrs {
		if _, done := c.t.fan.converted(i); done {
			continue
		}
		if o, err := c.t.convert(bl, r, &bl.records[i]); o != pipeline.Kept || err != nil {
			b.Fatal(o, err)
		}
	}
	c.t.fan.finish(false)
	c.took = append(c.took, float64(time.Since(begin)))
	bl.release(1)
}

func (c *converting) best() float64 {
	slices.Sort(c.took)
	return c.took[len(c.took)/200]
}
