package row

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

// schemaJSON is a schema as Kafka Connect's JsonConverter writes it.
func schemaJSON(s *data.Schema) map[string]any {
	m := map[string]any{"optional": s.Optional()}
	names := map[data.Kind]string{data.KindBool: "boolean", data.KindInt8: "int8", data.KindInt16: "int16", data.KindInt32: "int32",
		data.KindInt64: "int64", data.KindFloat32: "float", data.KindFloat64: "double", data.KindString: "string", data.KindBytes: "bytes",
		data.KindList: "array", data.KindStruct: "struct"}
	m["type"] = names[s.Kind()]
	if s.Name() != "" {
		m["name"] = s.Name()
	}
	if v, ok := s.Version(); ok {
		m["version"] = int64(v)
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
		m["default"] = valueJSON(d)
	}
	if s.Kind() == data.KindList {
		m["items"] = schemaJSON(s.ElemSchema())
	}
	if s.Kind() == data.KindStruct {
		fs := []any{}
		for _, f := range s.Fields() {
			fm := schemaJSON(f.Schema)
			fm["field"] = f.Name
			fs = append(fs, fm)
		}
		m["fields"] = fs
	}
	return m
}

func valueJSON(v data.Value) any {
	switch v.Kind() {
	case data.KindNull:
		return nil
	case data.KindBool:
		return v.Bool()
	case data.KindFloat32:
		// JsonConverter writes the shortest text of the float.
		var f float64
		if _, err := fmt.Sscan(fmt.Sprint(v.Float32()), &f); err != nil {
			panic(err)
		}
		return f
	case data.KindFloat64:
		return v.Float64()
	case data.KindString:
		return v.String()
	case data.KindBytes:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case data.KindDecimal:
		n, _ := v.Decimal()
		return base64.StdEncoding.EncodeToString(twosComplement(n))
	case data.KindList:
		out := []any{}
		for _, e := range v.List() {
			out = append(out, valueJSON(e))
		}
		return out
	case data.KindStruct:
		m := map[string]any{}
		for i, f := range v.Struct().Schema().Fields() {
			m[f.Name] = valueJSON(v.Struct().At(i))
		}
		return m
	default:
		return v.Int64()
	}
}

// twosComplement is java.math.BigInteger.toByteArray.
func twosComplement(n *big.Int) []byte {
	if n.Sign() >= 0 {
		b := n.Bytes()
		if len(b) == 0 || b[0] >= 0x80 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	size := new(big.Int).Not(n).BitLen()/8 + 1
	return new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size))).Bytes()
}

// parseJSON reads JSON with integers as int64 and other numbers as float64.
func parseJSON(t testing.TB, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return numbers(v)
}

func numbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n
		}
		f, _ := x.Float64()
		return f
	case []any:
		for i := range x {
			x[i] = numbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = numbers(x[k])
		}
	}
	return v
}

// differences lists where a and b differ.
func differences(path string, a, b any) (out []string) {
	am, aok := a.(map[string]any)
	bm, bok := b.(map[string]any)
	if aok && bok {
		for k := range am {
			if _, ok := bm[k]; !ok {
				out = append(out, fmt.Sprintf("%s.%s: only got %v", path, k, am[k]))
			}
		}
		for k := range bm {
			if _, ok := am[k]; !ok {
				out = append(out, fmt.Sprintf("%s.%s: missing, want %v", path, k, bm[k]))
				continue
			}
			out = append(out, differences(path+"."+k, am[k], bm[k])...)
		}
		return out
	}
	al, aok := a.([]any)
	bl, bok := b.([]any)
	if aok && bok && len(al) == len(bl) {
		for i := range al {
			name := fmt.Sprint(i)
			if m, ok := al[i].(map[string]any); ok && m["field"] != nil {
				name = fmt.Sprint(m["field"])
			}
			out = append(out, differences(path+"["+name+"]", al[i], bl[i])...)
		}
		return out
	}
	if f, ok := a.(float64); ok {
		if n, ok := b.(int64); ok && float64(n) == f {
			return nil
		}
	}
	if !reflect.DeepEqual(a, b) {
		out = append(out, fmt.Sprintf("%s: got %v (%T), want %v (%T)", path, a, a, b, b))
	}
	return out
}
