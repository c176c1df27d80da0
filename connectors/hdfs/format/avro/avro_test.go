package avro

import (
	"bytes"
	"encoding/json"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"
	"github.com/hamba/avro/v2/ocf"

	"github.com/connectd/connectd/connect/data"
)

var conf = Config{Codec: "null", ConnectMetaData: true, Enhanced: true, CacheSize: 10}

func value() *data.Schema {
	return data.MakeStruct("shop.orders.Value").
		Field("id", data.Make(data.KindInt32).Default(data.Int32(0)).Build()).
		Field("small", data.OptionalInt16Schema).
		Field("price", data.DecimalBuilder(2).Param("connect.decimal.precision", "10").Build()).
		Field("status", data.Make(data.KindString).Name("io.debezium.data.Enum").Version(1).Param("allowed", "a,b").
			Default(data.String("a")).Optional().Build()).
		Field("at", data.TimestampSchema.AsOptional()).
		Field("tags", data.ListOf(data.OptionalStringSchema)).
		Field("by", data.MapOf(data.StringSchema, data.Int64Schema)).
		Field("pairs", data.MapOf(data.Int32Schema, data.StringSchema)).
		Build()
}

// The expected texts are what Confluent's AvroData prints for such schemas, as seen in schema registries of Debezium users.
func TestSchemaJSON(t *testing.T) {
	v := value().AsOptional()
	for name, c := range map[string]struct {
		s    *data.Schema
		want string
	}{
		"required": {data.Int32Schema, `"int"`},
		"optional": {data.OptionalStringSchema, `["null","string"]`},
		"int16":    {data.OptionalInt16Schema, `["null",{"type":"int","connect.type":"int16"}]`},
		"date":     {data.DateSchema, `{"type":"int","connect.version":1,"connect.name":"org.apache.kafka.connect.data.Date","logicalType":"date"}`},
		"decimal": {
			data.DecimalBuilder(2).Build(),
			`{"type":"bytes","scale":2,"precision":64,"connect.version":1,"connect.parameters":{"scale":"2"},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}`,
		},
		"unnamed structs": {
			data.MakeStruct("").Field("a", data.MakeStruct("").Field("b", data.Int32Schema).Build()).Build(),
			`{"type":"record","name":"ConnectDefault","namespace":"io.confluent.connect.avro","fields":[{"name":"a","type":{"type":"record","name":"ConnectDefault2","fields":[{"name":"b","type":"int"}]}}]}`,
		},
		"the same record twice": {
			data.MakeStruct("shop.orders.Envelope").Field("before", v).Field("after", v).Build(),
			`{"type":"record","name":"Envelope","namespace":"shop.orders","fields":[{"name":"before","type":["null",{"type":"record","name":"Value","fields":[` +
				`{"name":"id","type":{"type":"int","connect.default":0},"default":0},` +
				`{"name":"small","type":["null",{"type":"int","connect.type":"int16"}],"default":null},` +
				`{"name":"price","type":{"type":"bytes","scale":2,"precision":10,"connect.version":1,"connect.parameters":{"scale":"2","connect.decimal.precision":"10"},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}},` +
				`{"name":"status","type":[{"type":"string","connect.version":1,"connect.parameters":{"allowed":"a,b"},"connect.default":"a","connect.name":"io.debezium.data.Enum"},"null"],"default":"a"},` +
				`{"name":"at","type":["null",{"type":"long","connect.version":1,"connect.name":"org.apache.kafka.connect.data.Timestamp","logicalType":"timestamp-millis"}],"default":null},` +
				`{"name":"tags","type":{"type":"array","items":["null","string"]}},` +
				`{"name":"by","type":{"type":"map","values":"long"}},` +
				`{"name":"pairs","type":{"type":"array","items":{"type":"record","name":"MapEntry","namespace":"io.confluent.connect.avro","fields":[{"name":"key","type":"int"},{"name":"value","type":"string"}],"connect.internal.type":"MapEntry"}}}` +
				`],"connect.name":"shop.orders.Value"}],"default":null},{"name":"after","type":["null","Value"],"default":null}],"connect.name":"shop.orders.Envelope"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := SchemaJSON(c.s, conf)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if _, err := avro.ParseBytesWithCache(got, "", &avro.SchemaCache{}); err != nil {
				t.Errorf("not a valid schema: %v", err)
			}
			plain := conf
			plain.ConnectMetaData = false
			if got, _ := SchemaJSON(c.s, plain); strings.Contains(string(got), `"connect.n`) || !json.Valid(got) {
				t.Errorf("without connect.meta.data: %s", got)
			}
		})
	}
}

func TestSchemasAvroCannotExpress(t *testing.T) {
	clash := data.MakeStruct("x.A").Field("a", data.MakeStruct("x.A").Field("b", data.Int32Schema).Build()).Build()
	for name, c := range map[string]struct {
		s    *data.Schema
		want string
	}{
		"none":        {nil, "need values with a schema"},
		"name clash":  {clash, `two different structs are named "x.A"`},
		"field names": {data.MakeStruct("a").Field("a-b", data.Int32Schema).Build(), "cannot be an Avro schema"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(conf).NewWriter(&bytes.Buffer{}, c.s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	s := value()
	st := data.NewStruct(s)
	for name, v := range map[string]data.Value{
		"id": data.Int32(-7), "price": data.Decimal64(-12345, 2), "at": data.Timestamp(1_700_000_000_123),
		"tags":  data.List([]data.Value{data.String("x"), data.Null()}),
		"by":    data.Map([]data.Entry{{Key: data.String("k"), Value: data.Int64(1 << 40)}}),
		"pairs": data.Map([]data.Entry{{Key: data.Int32(1), Value: data.String("one")}}),
	} {
		st.Put(name, v)
	}
	for _, codec := range []string{"null", "deflate", "snappy"} {
		c := conf
		c.Codec = codec
		var out bytes.Buffer
		w, err := New(c).NewWriter(&out, s)
		if err != nil {
			t.Fatal(err)
		}
		bad := data.NewStruct(s)
		if err := w.Write(data.Of(bad)); err == nil || !strings.Contains(err.Error(), `"price"`) {
			t.Errorf("a null in a required field: got %v", err)
		}
		if err := w.Write(data.Of(st)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		d, err := ocf.NewDecoder(&out)
		if err != nil {
			t.Fatal(err)
		}
		if !d.HasNext() {
			t.Fatal("no record: ", d.Error())
		}
		var got map[string]any
		if err := d.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if d.HasNext() {
			t.Error("the refused record is in the file")
		}
		if got["id"] != int(-7) && got["id"] != int32(-7) {
			t.Errorf("id: %T %v", got["id"], got["id"])
		}
		if r, ok := got["price"].(*big.Rat); !ok || r.Cmp(big.NewRat(-12345, 100)) != 0 {
			t.Errorf("price: %v", got["price"])
		}
		if got["status"] == nil || !strings.Contains(strings.Join(strings.Fields(toJSON(t, got["status"])), ""), `"a"`) {
			t.Errorf("status: %v, want the default", got["status"])
		}
		if !reflect.DeepEqual(got["by"], map[string]any{"k": int64(1 << 40)}) {
			t.Errorf("by: %#v", got["by"])
		}
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
