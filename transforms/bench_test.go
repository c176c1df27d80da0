package transforms_test

import (
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/transforms"
)

// newTransform configures a transform by its short name.
func newTransform(t testing.TB, name string, props config.Props) connect.Transform {
	t.Helper()
	for _, p := range transforms.Plugins("4.3.1", "3.6.1.Final") {
		if p.Aliases[0] != name {
			continue
		}
		v, err := p.Config.Parse(props)
		must(t, err)
		tr := p.New()
		must(t, tr.Configure(v))
		return tr
	}
	t.Fatalf("no transform %s", name)
	return nil
}

// changeEvent is an update of a table of ten columns, as Debezium's MySQL connector writes it.
func changeEvent() *connect.Record {
	row := data.MakeStruct("db.shop.orders.Value").Optional()
	for i, s := range []*data.Schema{data.Int64Schema, data.StringSchema, data.OptionalStringSchema, data.Int32Schema, data.OptionalInt32Schema,
		data.Float64Schema, data.OptionalStringSchema, data.TimestampSchema, data.BoolSchema, data.OptionalInt64Schema} {
		row.Field(string(rune('a'+i)), s)
	}
	rowSchema := row.Build()
	source := data.MakeStruct("io.debezium.connector.mysql.Source").Field("table", data.OptionalStringSchema).Field("ts_ms", data.Int64Schema).
		Field("file", data.StringSchema).Field("pos", data.Int64Schema).Build()
	envelope := data.MakeStruct("db.shop.orders.Envelope").Field("before", rowSchema).Field("after", rowSchema).
		Field("source", source).Field("op", data.StringSchema).Field("ts_ms", data.OptionalInt64Schema).Build()
	after := data.NewStruct(rowSchema)
	for i, v := range []data.Value{data.Int64(1), data.String("x"), data.Null(), data.Int32(3), data.Int32(4), data.Float64(5), data.String("six"),
		data.Timestamp(1700000000000), data.Bool(true), data.Int64(10)} {
		after.Set(i, v)
	}
	src := data.NewStruct(source).Put("table", data.String("orders")).Put("ts_ms", data.Int64(1)).Put("file", data.String("f")).Put("pos", data.Int64(4))
	ev := data.NewStruct(envelope).Put("after", data.Of(after)).Put("source", data.Of(src)).Put("op", data.String("u")).Put("ts_ms", data.Int64(2))
	return &connect.Record{Topic: "db.shop.orders", Offset: connect.NoOffset, Timestamp: 1700000000000,
		Value: data.Datum{Schema: envelope, Value: data.Of(ev)}}
}

func chainOf(t testing.TB) []connect.Transform {
	return []connect.Transform{
		newTransform(t, "ExtractNewRecordState", config.Props{"add.fields": "op,source.ts_ms"}),
		newTransform(t, "RegexRouter", config.Props{"regex": `db\.shop\.(.*)`, "replacement": "shop_$1"}),
		newTransform(t, "Cast$Value", config.Props{"spec": "a:int32,f:float32"}),
	}
}

// TestAllocations holds the budget: nothing for an identity, under half an allocation for a new schema.
func TestAllocations(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit float64
		chain []connect.Transform
	}{
		{"RegexRouter", 0, []connect.Transform{newTransform(t, "RegexRouter", config.Props{"regex": "db.(.*)", "replacement": "$1"})}},
		{"ExtractNewRecordState", 0.5, chainOf(t)[:1]},
		{"chain of 3", 1, chainOf(t)},
	} {
		in := *changeEvent()
		if got := testing.AllocsPerRun(6400, func() { apply(t, c.chain, in) }); got > c.limit {
			t.Errorf("%s: %v allocations a record, the budget is %v", c.name, got, c.limit)
		}
	}
}

// scratch is the record in work: one on the stack would escape and count as an allocation.
var scratch connect.Record

func apply(t testing.TB, chain []connect.Transform, r connect.Record) {
	scratch = r
	for _, tr := range chain {
		if keep, err := tr.Apply(t.Context(), &scratch); err != nil || !keep {
			t.Fatal(keep, err)
		}
	}
}

func BenchmarkTransforms(b *testing.B) {
	row := *changeEvent()
	apply(b, chainOf(b)[:1], row)
	unwrapped := row
	if _, err := newTransform(b, "ExtractNewRecordState", nil).Apply(b.Context(), &unwrapped); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		in    connect.Record
		chain []connect.Transform
	}{
		{"ExtractNewRecordState", row, []connect.Transform{newTransform(b, "ExtractNewRecordState", nil)}},
		{"Cast", unwrapped, []connect.Transform{newTransform(b, "Cast$Value", config.Props{"spec": "a:int32,f:float32"})}},
		{"InsertField", unwrapped, []connect.Transform{newTransform(b, "InsertField$Value", config.Props{"topic.field": "t", "timestamp.field": "ts"})}},
		{"ChainOf3", row, chainOf(b)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				apply(b, c.chain, c.in)
			}
		})
	}
}
