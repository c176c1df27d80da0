package transforms_test

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

// record builds the input.
func (c *goldenCase) record(t testing.TB) *connect.Record {
	r := &connect.Record{Topic: c.Topic, Partition: connect.NoPartition, Offset: c.Offset, Timestamp: connect.NoTimestamp,
		Key: c.Key.datum(t), Value: c.Value.datum(t)}
	if c.Partition != nil {
		r.Partition = *c.Partition
	}
	if c.Timestamp != nil {
		r.Timestamp = *c.Timestamp
	}
	if c.RecordType == "source" {
		r.Offset = connect.NoOffset
	}
	for _, h := range c.Headers {
		r.Headers = append(r.Headers, connect.Header{Key: h.Key, Value: h.datum(t)})
	}
	return r
}

func (d *goldenData) datum(t testing.TB) data.Datum {
	switch {
	case d == nil:
		return data.Datum{}
	case d.Envelope != nil && d.Envelope.Schema == nil:
		return data.Datum{Value: plainValue(t, d.Envelope.Payload)}
	case d.Envelope != nil:
		s := parseSchema(t, d.Envelope.Schema.(map[string]any))
		return data.Datum{Schema: s, Value: schemaValue(t, s, d.Envelope.Payload, true)}
	case d.Plain != nil:
		return data.Datum{Value: plainValue(t, *d.Plain)}
	case d.Typed != nil:
		return data.Datum{Value: typedValue(t, *d.Typed)}
	default:
		return data.Datum{}
	}
}

func plainValue(t testing.TB, v any) data.Value {
	switch x := v.(type) {
	case nil:
		return data.Null()
	case bool:
		return data.Bool(x)
	case string:
		return data.String(x)
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return data.Int64(n)
		}
		f, err := x.Float64()
		must(t, err)
		return data.Float64(f)
	case []any:
		vs := make([]data.Value, len(x))
		for i := range x {
			vs[i] = plainValue(t, x[i])
		}
		return data.List(vs)
	default:
		m := x.(map[string]any)
		var es []data.Entry
		for _, k := range sortedKeys(m) {
			es = append(es, data.Entry{Key: data.String(k), Value: plainValue(t, m[k])})
		}
		return data.Map(es)
	}
}

func sortedKeys(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

var jsonKinds = map[string]data.Kind{
	"boolean": data.KindBool, "int8": data.KindInt8, "int16": data.KindInt16, "int32": data.KindInt32, "int64": data.KindInt64,
	"float": data.KindFloat32, "double": data.KindFloat64, "string": data.KindString, "bytes": data.KindBytes,
	"array": data.KindList, "map": data.KindMap, "struct": data.KindStruct,
}

// parseSchema reads JsonConverter's form of a schema.
func parseSchema(t testing.TB, m map[string]any) *data.Schema {
	b := data.Make(jsonKinds[m["type"].(string)])
	if n, ok := m["name"].(string); ok {
		b.Name(n)
	}
	if v, ok := m["version"].(json.Number); ok {
		n, err := v.Int64()
		must(t, err)
		b.Version(int32(n))
	}
	if d, ok := m["doc"].(string); ok {
		b.Doc(d)
	}
	if ps, ok := m["parameters"].(map[string]any); ok {
		for _, k := range sortedKeys(ps) {
			b.Param(k, ps[k].(string))
		}
	}
	if o, ok := m["optional"].(bool); ok && o {
		b.Optional()
	}
	if x, ok := m["keys"].(map[string]any); ok {
		b.Key(parseSchema(t, x))
	}
	for _, k := range []string{"items", "values"} {
		if x, ok := m[k].(map[string]any); ok {
			b.Elem(parseSchema(t, x))
		}
	}
	if fs, ok := m["fields"].([]any); ok {
		for _, f := range fs {
			fm := f.(map[string]any)
			b.Field(fm["field"].(string), parseSchema(t, fm))
		}
	}
	s, err := b.TryBuild()
	must(t, err)
	if d, ok := m["default"]; ok && d != nil {
		s, err = b.Default(schemaValue(t, s, d, false)).TryBuild()
		must(t, err)
	}
	return s
}

// schemaValue reads a payload as JsonConverter does: a null of the top value becomes the default.
func schemaValue(t testing.TB, s *data.Schema, v any, top bool) data.Value {
	if v == nil {
		if def, ok := s.Default(); ok {
			return def
		}
		return data.Null()
	}
	number := func() int64 {
		n, err := v.(json.Number).Int64()
		must(t, err)
		return n
	}
	switch s.Logical() {
	case data.KindBool:
		return data.Bool(v.(bool))
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64:
		return data.IntOf(s.Logical(), number())
	case data.KindDate:
		return data.Date(int32(number()))
	case data.KindTime:
		return data.Time(int32(number()))
	case data.KindTimestamp:
		return data.Timestamp(number())
	case data.KindFloat32, data.KindFloat64:
		f, err := strconv.ParseFloat(v.(json.Number).String(), 64)
		must(t, err)
		if s.Logical() == data.KindFloat32 {
			return data.Float32(float32(f))
		}
		return data.Float64(f)
	case data.KindString:
		return data.String(v.(string))
	case data.KindBytes, data.KindDecimal:
		b, err := base64.StdEncoding.DecodeString(v.(string))
		must(t, err)
		if s.Logical() == data.KindBytes {
			return data.Bytes(b)
		}
		n := new(big.Int).SetBytes(b)
		if len(b) > 0 && b[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		return data.Decimal(n, s.Scale())
	}
	return schemaNested(t, s, v)
}

func schemaNested(t testing.TB, s *data.Schema, v any) data.Value {
	switch s.Kind() {
	case data.KindList:
		var vs []data.Value
		for _, e := range v.([]any) {
			vs = append(vs, schemaValue(t, s.ElemSchema(), e, false))
		}
		return data.List(vs)
	case data.KindMap:
		var es []data.Entry
		if m, ok := v.(map[string]any); ok {
			for _, k := range sortedKeys(m) {
				es = append(es, data.Entry{Key: data.String(k), Value: schemaValue(t, s.ElemSchema(), m[k], false)})
			}
			return data.Map(es)
		}
		for _, e := range v.([]any) {
			pair := e.([]any)
			es = append(es, data.Entry{Key: schemaValue(t, s.KeySchema(), pair[0], false), Value: schemaValue(t, s.ElemSchema(), pair[1], false)})
		}
		return data.Map(es)
	default:
		st := data.NewStruct(s)
		for i, f := range s.Fields() {
			st.Set(i, schemaValue(t, f.Schema, v.(map[string]any)[f.Name], false))
		}
		return data.Of(st)
	}
}

func typedValue(t testing.TB, m map[string]any) data.Value {
	v := m["v"]
	str := strings.Trim(text(v), `"`)
	switch kind := m["t"].(string); kind {
	case "boolean":
		return data.Bool(v.(bool))
	case "int8", "int16", "int32", "int64":
		n, err := strconv.ParseInt(str, 10, 64)
		must(t, err)
		return data.IntOf(jsonKinds[kind], n)
	case "float32", "float64":
		f, err := strconv.ParseFloat(str, 64)
		must(t, err)
		if kind == "float32" {
			return data.Float32(float32(f))
		}
		return data.Float64(f)
	case "string":
		return data.String(v.(string))
	case "bytes":
		b, err := base64.StdEncoding.DecodeString(v.(string))
		must(t, err)
		return data.Bytes(b)
	case "decimal":
		whole, frac, _ := strings.Cut(str, ".")
		n, ok := new(big.Int).SetString(whole+frac, 10)
		if !ok {
			t.Fatalf("decimal %s", str)
		}
		return data.Decimal(n, int32(len(frac)))
	case "date":
		n, err := strconv.ParseInt(str, 10, 64)
		must(t, err)
		return data.Timestamp(n)
	case "array":
		var vs []data.Value
		for _, e := range v.([]any) {
			vs = append(vs, typedOrNull(t, e))
		}
		return data.List(vs)
	case "map":
		var es []data.Entry
		for _, e := range v.([]any) {
			pair := e.([]any)
			es = append(es, data.Entry{Key: typedOrNull(t, pair[0]), Value: typedOrNull(t, pair[1])})
		}
		return data.Map(es)
	default:
		t.Fatalf("typed value of type %s", kind)
		return data.Null()
	}
}

func typedOrNull(t testing.TB, v any) data.Value {
	if v == nil {
		return data.Null()
	}
	return typedValue(t, v.(map[string]any))
}
