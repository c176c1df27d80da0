package connecttest

import (
	"bytes"
	"context"
	"math"
	"math/big"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// TransformDriver tells the suite about a transform.
type TransformDriver struct {
	Plugin connect.Plugin[connect.Transform]
	Props  config.Props
	// Good are records the transform must take; each call makes them anew. Bad are records it must refuse with an error; may be nil.
	Good, Bad func() []*connect.Record
}

// Transform runs the rules of transforms.
func Transform(t *testing.T, d TransformDriver) { runAll(t, transformRules, d) }

var transformRules = []rule[TransformDriver]{
	{"declares itself", func(t testing.TB, d TransformDriver) { checkPlugin(t, d.Plugin, false) }},
	{"misses required keys by name", func(t testing.TB, d TransformDriver) { checkRequired(t, d.Plugin, d.Props) }},
	{"configures with anything", func(t testing.TB, d TransformDriver) {
		checkValidate(t, d.Plugin, d.Props, func(_ context.Context, v config.Values) {
			x := d.Plugin.New()
			if x.Configure(v) == nil {
				_, _ = x.Apply(context.Background(), &connect.Record{Topic: "t"})
			}
			_ = x.Close()
		})
	}},
	{"closes without a record", func(t testing.TB, d TransformDriver) {
		defer noLeak(t)()
		d.start(t).close()
	}},
	{"takes good records", func(t testing.TB, d TransformDriver) {
		x := d.start(t)
		for _, r := range d.Good() {
			x.apply(r, false)
		}
		x.close()
	}},
	{"leaves records it refuses as they were", func(t testing.TB, d TransformDriver) {
		if d.Bad == nil {
			return
		}
		x := d.start(t)
		for _, r := range d.Bad() {
			x.apply(r, true)
		}
		for _, r := range d.Good() { // and goes on
			x.apply(r, false)
		}
		x.close()
	}},
	{"takes any record without a panic", func(t testing.TB, d TransformDriver) {
		x := d.start(t)
		for _, v := range Samples() {
			guard(t, "transforming "+v.Value.Kind().String(), func() {
				for _, r := range []*connect.Record{{Topic: "t", Key: v}, {Topic: "t", Value: v}, {Topic: "t", Key: v, Value: v, Headers: connect.Headers{{Key: "h", Value: v}}}} {
					before, was := freeze(r), *r
					if _, err := x.t.Apply(context.Background(), r); err != nil {
						x.untouched(r, &was, before, err)
					}
				}
			})
		}
		x.close()
	}},
	{"gives the same answer again", func(t testing.TB, d TransformDriver) {
		if _, ok := d.Plugin.New().(connect.Stateful); ok {
			return
		}
		x, y := d.start(t), d.start(t)
		for range 2 {
			a, b := d.Good(), d.Good()
			for i := range a {
				x.apply(a[i], false)
				y.apply(b[i], false)
				if !equalRecords(a[i], b[i]) {
					t.Errorf("record %d: %s, and of another instance %s", i, renderRecord(a[i]), renderRecord(b[i]))
				}
			}
		}
		x.close()
		y.close()
	}},
}

type transformRun struct {
	tb testing.TB
	t  connect.Transform
}

func (d TransformDriver) start(t testing.TB) transformRun {
	t.Helper()
	x := d.Plugin.New()
	if err := x.Configure(parse(t, d.Plugin, d.Props)); err != nil {
		t.Fatalf("configuring: %v", err)
	}
	return transformRun{t, x}
}

func (x transformRun) close() {
	x.tb.Helper()
	if err := x.t.Close(); err != nil {
		x.tb.Errorf("closing: %v", err)
	}
}

// frozen is a deep copy of what a record refers to.
type frozen struct {
	key, value data.Value
	headers    connect.Headers
}

func freeze(r *connect.Record) frozen {
	f := frozen{key: r.Key.Value.Clone(), value: r.Value.Value.Clone()}
	for _, h := range r.Headers {
		f.headers = append(f.headers, connect.Header{Key: h.Key, Value: data.Datum{Schema: h.Value.Schema, Value: h.Value.Value.Clone()}})
	}
	return f
}

func (x transformRun) apply(r *connect.Record, refuse bool) {
	x.tb.Helper()
	before, was := freeze(r), *r
	err := errBroken
	panicked := true
	guard(x.tb, "transforming "+renderRecord(&was), func() {
		_, err = x.t.Apply(context.Background(), r)
		panicked = false
	})
	switch {
	case panicked:
		return
	case refuse && err == nil:
		x.tb.Errorf("a bad record was taken: %s", renderRecord(&was))
	case !refuse && err != nil:
		x.tb.Errorf("a good record was refused: %s: %v", renderRecord(&was), err)
	}
	// Whatever the transform did to the envelope, what it was given must not have changed.
	if !was.Key.Value.Equal(before.key) || !was.Value.Value.Equal(before.value) {
		x.tb.Errorf("a value was changed in place: %s", renderRecord(&was))
	}
	if !equalHeaders(was.Headers, before.headers) {
		x.tb.Errorf("the headers were changed in place: %s", renderRecord(&was))
	}
	if err != nil {
		x.untouched(r, &was, before, err)
		return
	}
	if err := r.Key.Schema.Check(r.Key.Value); err != nil {
		x.tb.Errorf("the key of the result does not fit its schema: %v", err)
	}
	if err := r.Value.Schema.Check(r.Value.Value); err != nil {
		x.tb.Errorf("the value of the result does not fit its schema: %v", err)
	}
}

func (x transformRun) untouched(r, was *connect.Record, before frozen, err error) {
	x.tb.Helper()
	if !equalRecords(r, was) || !r.Key.Value.Equal(before.key) || !r.Value.Value.Equal(before.value) || !equalHeaders(r.Headers, before.headers) {
		x.tb.Errorf("refused (%v), but the record was changed to %s, was %s", err, renderRecord(r), renderRecord(was))
	}
}

func equalRecords(a, b *connect.Record) bool {
	return a.Topic == b.Topic && a.Partition == b.Partition && a.Offset == b.Offset && a.Timestamp == b.Timestamp &&
		equalDatums(a.Key, b.Key) && equalDatums(a.Value, b.Value) && equalHeaders(a.Headers, b.Headers)
}

func equalHeaders(a, b connect.Headers) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key || !equalDatums(a[i].Value, b[i].Value) {
			return false
		}
	}
	return true
}

func equalDatums(a, b data.Datum) bool { return a.Schema.Equal(b.Schema) && a.Value.Equal(b.Value) }

// Samples are data of every kind, with and without schemas, each call anew.
func Samples() []data.Datum {
	big, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	row := data.MakeStruct("row").Field("id", data.Int64Schema).Field("name", data.OptionalStringSchema).Field("price", data.DecimalBuilder(2).Build()).
		Field("tags", data.ListOf(data.StringSchema)).Build()
	st := data.NewStruct(row).Put("id", data.Int64(1)).Put("price", data.Decimal64(1250, 2)).Put("tags", data.List([]data.Value{data.String("a"), data.String("")}))
	outer := data.MakeStruct("outer").Field("row", row.AsOptional()).Field("at", data.TimestampSchema.AsOptional()).Build()
	in := data.NewStruct(outer).Put("row", data.Of(st))
	return []data.Datum{
		{}, {Schema: data.OptionalStringSchema}, {Schema: data.BoolSchema, Value: data.Bool(true)}, {Schema: data.Int8Schema, Value: data.Int8(-128)},
		{Schema: data.Int16Schema, Value: data.Int16(math.MaxInt16)}, {Schema: data.Int32Schema, Value: data.Int32(math.MinInt32)},
		{Schema: data.Int64Schema, Value: data.Int64(math.MaxInt64)}, {Schema: data.Float32Schema, Value: data.Float32(0.1)},
		{Schema: data.Float64Schema, Value: data.Float64(-1e300)}, {Schema: data.StringSchema, Value: data.String("héllo \"<&>\"\n")},
		{Schema: data.StringSchema, Value: data.String("")}, {Schema: data.BytesSchema, Value: data.Bytes([]byte{0, 255})}, {Schema: data.BytesSchema, Value: data.Bytes(nil)},
		{Schema: data.DecimalBuilder(5).Build(), Value: data.Decimal(big, 5)}, {Schema: data.DateSchema, Value: data.Date(19000)},
		{Schema: data.TimeSchema, Value: data.Time(3_723_004)}, {Schema: data.TimestampSchema, Value: data.Timestamp(1_700_000_000_123)},
		{Schema: data.ListOf(data.OptionalInt32Schema), Value: data.List([]data.Value{data.Int32(1), data.Null()})},
		{Schema: data.MapOf(data.StringSchema, data.Int32Schema), Value: data.Map([]data.Entry{{Key: data.String("k"), Value: data.Int32(1)}})},
		{Schema: data.MapOf(data.Int32Schema, data.StringSchema), Value: data.Map([]data.Entry{{Key: data.Int32(1), Value: data.String("v")}})},
		{Schema: row, Value: data.Of(st)}, {Schema: row.AsOptional()}, {Schema: outer, Value: data.Of(in)},
		{Value: data.Bool(false)}, {Value: data.Int64(7)}, {Value: data.Float64(1.5)}, {Value: data.String("text")},
		{Value: data.List([]data.Value{data.Int64(1), data.String("x"), data.Null()})},
		{Value: data.Map([]data.Entry{{Key: data.String("a"), Value: data.Int64(1)}, {Key: data.String("b"), Value: data.Map(nil)}})},
	}
}

// ConverterDriver tells the suite about a converter.
type ConverterDriver struct {
	Plugin connect.Plugin[connect.Converter]
	Props  config.Props
	// Values must come back as they went; nil: those of Samples that Append takes.
	Values []data.Datum
	// Same compares what came back with what went; nil: schema and value are equal.
	Same func(in, out data.Datum) bool
}

// Converter runs the rules of converters.
func Converter(t *testing.T, d ConverterDriver) { runAll(t, converterRules, d) }

var converterRules = []rule[ConverterDriver]{
	{"declares itself", func(t testing.TB, d ConverterDriver) { checkPlugin(t, d.Plugin, false) }},
	{"misses required keys by name", func(t testing.TB, d ConverterDriver) { checkRequired(t, d.Plugin, d.Props) }},
	{"configures with anything", func(t testing.TB, d ConverterDriver) {
		checkValidate(t, d.Plugin, d.Props, func(_ context.Context, v config.Values) {
			x := d.Plugin.New()
			_ = x.Configure(v, false)
			_ = x.Close()
		})
	}},
	{"closes without a record", func(t testing.TB, d ConverterDriver) {
		defer noLeak(t)()
		for _, isKey := range []bool{true, false} {
			if err := d.New(t, isKey).Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		}
	}},
	{"carries null without a schema as null", func(t testing.TB, d ConverterDriver) {
		var h connect.WireHeaders
		out, ok, err := d.New(t, false).Append(context.Background(), nil, "t", &h, data.Datum{})
		if err != nil || ok && len(out) == 0 {
			t.Errorf("null: %q, ok %v, %v; want no bytes and ok=false, or an encoding of null", out, ok, err)
		}
		if back, err := d.New(t, false).Decode(context.Background(), "t", nil, nil); err != nil || !back.Value.IsNull() {
			t.Errorf("no bytes become %s, %v; want null", back.Value, err)
		}
	}},
	{"gives back what it took", roundTrip},
	{"takes any bytes without a panic", decodeAnything},
}

// New makes a configured converter.
func (d ConverterDriver) New(t testing.TB, isKey bool) connect.Converter {
	t.Helper()
	x := d.Plugin.New()
	if err := x.Configure(parse(t, d.Plugin, d.Props), isKey); err != nil {
		t.Fatalf("configuring: %v", err)
	}
	return x
}

func roundTrip(t testing.TB, d ConverterDriver) {
	enc, dec := d.New(t, false), d.New(t, false)
	values, must := d.Values, true
	if values == nil {
		values, must = Samples(), false
	}
	same := d.Same
	if same == nil {
		same = equalDatums
	}
	taken := 0
	for _, in := range values {
		frozenIn := in.Value.Clone()
		prefix := append(make([]byte, 0, 4096), "prefix"...)
		var h connect.WireHeaders
		out, ok, err := enc.Append(context.Background(), prefix, "t", &h, in)
		if err != nil {
			if must {
				t.Errorf("encoding %s: %v", in.Value, err)
			}
			continue
		}
		if !in.Value.Equal(frozenIn) {
			t.Errorf("encoding changed the value %s", frozenIn)
		}
		if !ok {
			if !in.Value.IsNull() {
				t.Errorf("%s has no bytes", in.Value)
			}
			continue
		}
		taken++
		if !bytes.HasPrefix(out, []byte("prefix")) {
			t.Errorf("Append does not append: %q", out)
			continue
		}
		b := bytes.Clone(out[len("prefix"):])
		if again, _, err := enc.Append(context.Background(), nil, "t", new(connect.WireHeaders), in); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s is %q the first time, %q, %v the second", in.Value, b, again, err)
		}
		wire := bytes.Clone(b)
		back, err := dec.Decode(context.Background(), "t", h, wire)
		if err != nil || !same(in, back) {
			t.Errorf("%s %s went as %q and came back as %s %s, %v", in.Value.Kind(), in.Value, b, back.Value.Kind(), back.Value, err)
		}
		if !bytes.Equal(wire, b) {
			t.Errorf("decoding changed the bytes %q to %q", b, wire)
		}
		kept := back.Value.Clone()
		if _, err := dec.Decode(context.Background(), "t", h, bytes.Clone(b)); err != nil || !back.Value.Equal(kept) {
			t.Errorf("decoding the next record changed %s to %s, %v", kept, back.Value, err)
		}
	}
	if taken == 0 {
		t.Error("no value was taken")
	}
	for _, x := range []connect.Converter{enc, dec} {
		if err := x.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	}
}

func decodeAnything(t testing.TB, d ConverterDriver) {
	x := d.New(t, false)
	inputs := [][]byte{{}, {0}, {0, 0, 0, 0, 1}, {0xff, 0xfe}, []byte("{"), []byte(`{"schema":null,"payload":1}`), []byte(`{"schema":{"type":"struct"},"payload":[]}`),
		bytes.Repeat([]byte("["), 100_000), bytes.Repeat([]byte{0xff}, 64)}
	for _, in := range Samples() {
		if out, ok, err := d.New(t, false).Append(context.Background(), nil, "t", new(connect.WireHeaders), in); err == nil && ok {
			for cut := 0; cut < len(out); cut += 1 + len(out)/50 {
				torn := bytes.Clone(out)
				torn[cut] ^= 0x15
				inputs = append(inputs, out[:cut], torn)
			}
		}
	}
	for _, b := range inputs {
		guard(t, "decoding "+string(b[:min(len(b), 60)]), func() {
			out, err := x.Decode(context.Background(), "t", nil, bytes.Clone(b))
			if err == nil && out.Schema != nil {
				if err := out.Schema.Check(out.Value); err != nil {
					t.Errorf("%.60q became a value that does not fit its schema: %v", b, err)
				}
			}
		})
	}
}
