package transforms_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/data"
)

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// schemaJSON is JsonConverter's form of a schema.
func schemaJSON(s *data.Schema) any {
	if s == nil {
		return nil
	}
	m := map[string]any{"optional": s.Optional()}
	for name, k := range jsonKinds {
		if k == s.Kind() {
			m["type"] = name
		}
	}
	if s.Name() != "" {
		m["name"] = s.Name()
	}
	if v, ok := s.Version(); ok {
		m["version"] = number(int64(v))
	}
	if s.Doc() != "" {
		m["doc"] = s.Doc()
	}
	if len(s.Params()) > 0 {
		ps := map[string]any{}
		for _, p := range s.Params() {
			ps[p.Key] = p.Value
		}
		m["parameters"] = ps
	}
	if d, ok := s.Default(); ok {
		m["default"] = payloadJSON(d)
	}
	switch s.Kind() {
	case data.KindList:
		m["items"] = schemaJSON(s.ElemSchema())
	case data.KindMap:
		m["keys"], m["values"] = schemaJSON(s.KeySchema()), schemaJSON(s.ElemSchema())
	case data.KindStruct:
		fs := []any{}
		for _, f := range s.Fields() {
			fm := schemaJSON(f.Schema).(map[string]any)
			fm["field"] = f.Name
			fs = append(fs, fm)
		}
		m["fields"] = fs
	}
	return m
}

// payloadJSON is JsonConverter's form of a default.
func payloadJSON(v data.Value) any {
	switch v.Kind() {
	case data.KindNull:
		return nil
	case data.KindBool:
		return v.Bool()
	case data.KindString:
		return v.String()
	case data.KindBytes:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case data.KindFloat32:
		return json.Number(javaFloat(v.Float64(), 32))
	case data.KindFloat64:
		return json.Number(javaFloat(v.Float64(), 64))
	case data.KindDecimal:
		n, _ := v.Decimal()
		b := n.Bytes()
		if n.Sign() >= 0 && (len(b) == 0 || b[0] >= 0x80) {
			b = append([]byte{0}, b...)
		}
		return base64.StdEncoding.EncodeToString(b)
	case data.KindList:
		out := []any{}
		for _, e := range v.List() {
			out = append(out, payloadJSON(e))
		}
		return out
	case data.KindMap:
		out := map[string]any{}
		for _, e := range v.Map() {
			out[e.Key.String()] = payloadJSON(e.Value)
		}
		return out
	case data.KindStruct:
		out := map[string]any{}
		for i, f := range v.Struct().Schema().Fields() {
			out[f.Name] = payloadJSON(v.Struct().AtOrDefault(i))
		}
		return out
	default:
		return number(v.Int64())
	}
}

// typedJSON is the lossless form by Java class.
func typedJSON(v data.Value) any {
	typed := func(t string, x any) any { return map[string]any{"t": t, "v": x} }
	switch v.Kind() {
	case data.KindNull:
		return nil
	case data.KindBool:
		return typed("boolean", v.Bool())
	case data.KindString:
		return typed("string", v.String())
	case data.KindBytes:
		return typed("bytes", base64.StdEncoding.EncodeToString(v.Bytes()))
	case data.KindFloat32:
		return typed("float32", javaFloat(v.Float64(), 32))
	case data.KindFloat64:
		return typed("float64", javaFloat(v.Float64(), 64))
	case data.KindDecimal:
		return typed("decimal", string(data.AppendDecimal(nil, v)))
	case data.KindDate:
		return typed("date", number(v.Int64()*86400000))
	case data.KindTime, data.KindTimestamp:
		return typed("date", number(v.Int64()))
	case data.KindList:
		out := []any{}
		for _, e := range v.List() {
			out = append(out, typedJSON(e))
		}
		return typed("array", out)
	case data.KindMap:
		out := []any{}
		for _, e := range v.Map() {
			out = append(out, []any{typedJSON(e.Key), typedJSON(e.Value)})
		}
		return typed("map", out)
	case data.KindStruct:
		out := []any{}
		for i, f := range v.Struct().Schema().Fields() {
			out = append(out, []any{f.Name, typedJSON(v.Struct().At(i))})
		}
		return typed("struct", out)
	default:
		return typed(strings.ToLower(v.Kind().String()), number(v.Int64()))
	}
}

// sortMaps orders the entries of typed maps: Java's have no order.
func sortMaps(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		if l, ok := v.([]any); ok {
			for i := range l {
				l[i] = sortMaps(l[i])
			}
		}
		return v
	}
	if l, ok := m["v"].([]any); ok {
		for i := range l {
			l[i] = sortMaps(l[i])
		}
		if m["t"] == "map" {
			sort.Slice(l, func(i, j int) bool { return text(l[i]) < text(l[j]) })
		}
	}
	return m
}

// javaFloat is Double.toString and Float.toString, written apart from what is tested.
func javaFloat(f float64, bits int) string {
	switch a := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strconv.FormatFloat(f, 'f', -1, 64), "+") + "inity"
	case a == 0 || a >= 1e-3 && a < 1e7:
		s := strconv.FormatFloat(f, 'f', -1, bits)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	m, e, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, bits), "E")
	if !strings.Contains(m, ".") {
		m, e, _ = strings.Cut(strconv.FormatFloat(f, 'E', 1, bits), "E")
	}
	n, _ := strconv.Atoi(e)
	return m + "E" + strconv.Itoa(n)
}
