package parquet

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/hdfs/format/avro"
)

var conf = avro.Config{Codec: "null", ConnectMetaData: true, CacheSize: 10}

func schema() *data.Schema {
	inner := data.MakeStruct("shop.Item").Field("sku", data.StringSchema).Field("n", data.OptionalInt32Schema).Build()
	return data.MakeStruct("shop.Order").
		Field("zip", data.StringSchema). // not in alphabetical order: columns keep the order of the fields
		Field("id", data.Int64Schema).
		Field("small", data.OptionalInt16Schema).
		Field("price", data.DecimalBuilder(2).Optional().Build()).
		Field("at", data.TimestampSchema.AsOptional()).
		Field("items", data.ListOf(inner)).
		Field("tags", data.Make(data.KindList).Elem(data.OptionalStringSchema).Optional().Build()).
		Field("attrs", data.MapOf(data.StringSchema, data.OptionalFloat64Schema)).
		Field("matrix", data.ListOf(data.ListOf(data.Int32Schema))).
		Build()
}

type item struct {
	SKU string `parquet:"sku"`
	N   *int32 `parquet:"n,optional"`
}

type row struct {
	Zip   string `parquet:"zip"`
	ID    int64  `parquet:"id"`
	Small *int32 `parquet:"small,optional"`
	At    *int64 `parquet:"at,optional"`
	Items []item `parquet:"items,list"`
}

func record(items []data.Value) data.Value {
	st := data.NewStruct(schema())
	st.Put("zip", data.String("10115")).Put("id", data.Int64(1)).Put("price", data.Decimal64(-250, 2)).Put("items", data.List(items)).
		Put("tags", data.List([]data.Value{data.String("a"), data.Null(), data.String("b")})).
		Put("attrs", data.Map([]data.Entry{{Key: data.String("w"), Value: data.Float64(1.5)}, {Key: data.String("h"), Value: data.Null()}})).
		Put("matrix", data.List([]data.Value{data.List(nil), data.List([]data.Value{data.Int32(1), data.Int32(2)}), data.List([]data.Value{data.Int32(3)})}))
	return data.Of(st)
}

func thing(sku string, n data.Value) data.Value {
	st := data.NewStruct(schema().Field("items").Schema.ElemSchema())
	st.Set(0, data.String(sku))
	st.Set(1, n)
	return data.Of(st)
}

func file(t *testing.T, vs ...data.Value) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := New(conf).NewWriter(&out, schema())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		if err := w.Write(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSchemaText(t *testing.T) {
	b := file(t, record(nil))
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"zip", "id", "small", "price", "at", "items.list.element.sku", "items.list.element.n", "tags.list.element",
		"attrs.key_value.key", "attrs.key_value.value", "matrix.list.element.list.element",
	}
	var got []string
	for _, c := range f.Schema().Columns() {
		got = append(got, strings.Join(c, "."))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("columns %v\nwant %v", got, want)
	}
	if f.Schema().Name() != "shop.Order" {
		t.Errorf("message name %q", f.Schema().Name())
	}
	if a, ok := f.Lookup("parquet.avro.schema"); !ok || !json.Valid([]byte(a)) || !strings.Contains(a, `"name":"Order","namespace":"shop"`) {
		t.Errorf("parquet.avro.schema: %q", a)
	}
}

// levels checks the values of every column with their repetition and definition levels.
func TestLevels(t *testing.T) {
	b := file(t, record([]data.Value{thing("x", data.Null()), thing("y", data.Int32(5))}), record(nil))
	r := parquet.NewReader(bytes.NewReader(b))
	defer func() { _ = r.Close() }()
	rows := make([]parquet.Row, 2)
	if n, err := r.ReadRows(rows); n != 2 {
		t.Fatal(n, err)
	}
	want := []string{
		"C:0 D:0 R:0 V:10115", "C:1 D:0 R:0 V:1", "C:2 D:0 R:0 V:<null>", "C:3 D:1 R:0 V:\xff\x06", "C:4 D:0 R:0 V:<null>",
		"C:5 D:1 R:0 V:x", "C:5 D:1 R:1 V:y", "C:6 D:1 R:0 V:<null>", "C:6 D:2 R:1 V:5",
		"C:7 D:3 R:0 V:a", "C:7 D:2 R:1 V:<null>", "C:7 D:3 R:1 V:b",
		"C:8 D:1 R:0 V:w", "C:8 D:1 R:1 V:h", "C:9 D:2 R:0 V:1.5", "C:9 D:1 R:1 V:<null>",
		"C:10 D:1 R:0 V:<null>", "C:10 D:2 R:1 V:1", "C:10 D:2 R:2 V:2", "C:10 D:2 R:1 V:3",
	}
	var got []string
	for _, v := range rows[0] {
		got = append(got, strings.TrimSpace(show(v)))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if s := show(rows[1][5]); s != "C:5 D:0 R:0 V:<null>" {
		t.Errorf("an empty list: %q", s)
	}
}

func show(v parquet.Value) string {
	text := "<null>"
	if !v.IsNull() {
		text = v.String()
	}
	return "C:" + itoa(v.Column()) + " D:" + itoa(v.DefinitionLevel()) + " R:" + itoa(v.RepetitionLevel()) + " V:" + text
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestReadBackAsGoStructs(t *testing.T) {
	b := file(t, record([]data.Value{thing("x", data.Null()), thing("y", data.Int32(5))}))
	rows, err := parquet.Read[row](bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if r := rows[0]; r.Zip != "10115" || r.ID != 1 || r.Small != nil || len(r.Items) != 2 || r.Items[1].SKU != "y" || *r.Items[1].N != 5 {
		t.Errorf("got %+v", rows[0])
	}
}

func TestRefusals(t *testing.T) {
	for name, s := range map[string]*data.Schema{"none": nil, "text": data.StringSchema, "empty": data.MakeStruct("x").Build()} {
		if _, err := New(conf).NewWriter(&bytes.Buffer{}, s); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	w, err := New(conf).NewWriter(&bytes.Buffer{}, schema())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(data.Of(data.NewStruct(schema()))); err == nil || !strings.Contains(err.Error(), `"zip"`) {
		t.Errorf("a null in a required field: %v", err)
	}
}

// TestAnyFieldNames: nothing is made of the names but columns.
func TestAnyFieldNames(t *testing.T) {
	s := data.MakeStruct("x").Field("id", data.Int64Schema).Field("Id", data.Int64Schema).Field("_id", data.Int64Schema).
		Field("a-b c.é", data.StringSchema).Field("1", data.OptionalInt32Schema).Build()
	c := conf
	var out bytes.Buffer
	w, err := New(c).NewWriter(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	st := data.NewStruct(s)
	st.Put("id", data.Int64(1)).Put("Id", data.Int64(2)).Put("_id", data.Int64(3)).Put("a-b c.é", data.String("x"))
	if err := w.Write(data.Of(st)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range f.Schema().Columns() {
		got = append(got, strings.Join(c, "/"))
	}
	if want := []string{"id", "Id", "_id", "a-b c.é", "1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("columns %q, want %q", got, want)
	}
}
