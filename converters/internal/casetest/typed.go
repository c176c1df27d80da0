package casetest

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

// Typed is a value by its Java class: {"t":"int8","v":1}. A nil *Typed is null.
type Typed struct {
	T string          `json:"t"`
	V json.RawMessage `json:"v"`
}

// Value builds the value.
func (y *Typed) Value(t testing.TB) data.Value {
	t.Helper()
	if y == nil {
		return data.Null()
	}
	number := strings.Trim(string(y.V), `"`)
	switch y.T {
	case "int8", "int16", "int32", "int64":
		n, err := strconv.ParseInt(number, 10, 64)
		must(t, err)
		kind := map[string]data.Kind{"int8": data.KindInt8, "int16": data.KindInt16, "int32": data.KindInt32, "int64": data.KindInt64}
		return data.IntOf(kind[y.T], n)
	case "float32", "float64":
		f, err := strconv.ParseFloat(number, 64)
		must(t, err)
		if y.T == "float32" {
			return data.Float32(float32(f))
		}
		return data.Float64(f)
	case "boolean":
		return data.Bool(number == "true")
	case "string":
		var s string
		must(t, json.Unmarshal(y.V, &s))
		return data.String(s)
	case "bytes":
		var b []byte
		must(t, json.Unmarshal(y.V, &b))
		return data.Bytes(b)
	case "decimal":
		whole, frac, _ := strings.Cut(number, ".")
		n, ok := new(big.Int).SetString(whole+frac, 10)
		if !ok {
			t.Fatalf("decimal %q", number)
		}
		return data.Decimal(n, int32(len(frac)))
	case "date":
		n, err := strconv.ParseInt(number, 10, 64)
		must(t, err)
		return data.Timestamp(n)
	default:
		return y.nested(t)
	}
}

func (y *Typed) nested(t testing.TB) data.Value {
	t.Helper()
	switch y.T {
	case "array":
		var in []*Typed
		must(t, json.Unmarshal(y.V, &in))
		vs := make([]data.Value, len(in))
		for i, e := range in {
			vs[i] = e.Value(t)
		}
		return data.List(vs)
	case "map":
		var in [][2]*Typed
		must(t, json.Unmarshal(y.V, &in))
		es := make([]data.Entry, len(in))
		for i, e := range in {
			es[i] = data.Entry{Key: e[0].Value(t), Value: e[1].Value(t)}
		}
		return data.Map(es)
	default:
		t.Fatalf("typed value of type %q", y.T)
		return data.Null()
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Is compares the expectation with a value; maps in any order.
func (y *Typed) Is(t testing.TB, v data.Value) bool {
	t.Helper()
	if y == nil || v.IsNull() {
		return y == nil && v.IsNull()
	}
	switch v.Kind() {
	case data.KindList:
		return y.T == "array" && y.isList(t, v.List())
	case data.KindMap:
		return y.T == "map" && y.isMap(t, v.Map())
	case data.KindStruct:
		return y.T == "struct" && y.isStruct(t, v.Struct())
	}
	name, text := scalar(v)
	got, err := json.Marshal(text)
	must(t, err)
	want := string(y.V)
	if y.T == "float32" || y.T == "float64" || y.T == "decimal" || y.T == "string" || y.T == "bytes" {
		var s string
		must(t, json.Unmarshal(y.V, &s))
		b, err := json.Marshal(s)
		must(t, err)
		want = string(b)
	} else {
		got = []byte(text)
	}
	return y.T == name && want == string(got)
}

// scalar names the Java class of a value and its text.
func scalar(v data.Value) (name, text string) {
	switch v.Kind() {
	case data.KindBool:
		return "boolean", strconv.FormatBool(v.Bool())
	case data.KindString:
		return "string", v.String()
	case data.KindBytes:
		return "bytes", base64.StdEncoding.EncodeToString(v.Bytes())
	case data.KindDecimal:
		return "decimal", string(data.AppendJavaDecimal(nil, v))
	case data.KindDate:
		return "date", strconv.FormatInt(v.Int64()*86400000, 10)
	case data.KindTime, data.KindTimestamp:
		return "date", strconv.FormatInt(v.Int64(), 10)
	case data.KindFloat32:
		return "float32", javaFloat(v.Float64(), 32)
	case data.KindFloat64:
		return "float64", javaFloat(v.Float64(), 64)
	default:
		return strings.ToLower(v.Kind().String()), strconv.FormatInt(v.Int64(), 10)
	}
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

func (y *Typed) isList(t testing.TB, vs []data.Value) bool {
	var want []*Typed
	must(t, json.Unmarshal(y.V, &want))
	if len(want) != len(vs) {
		return false
	}
	for i, w := range want {
		if !w.Is(t, vs[i]) {
			return false
		}
	}
	return true
}

func (y *Typed) isMap(t testing.TB, es []data.Entry) bool {
	var want [][2]*Typed
	must(t, json.Unmarshal(y.V, &want))
	if len(want) != len(es) {
		return false
	}
	for _, w := range want {
		found := false
		for _, e := range es {
			found = found || w[0].Is(t, e.Key) && w[1].Is(t, e.Value)
		}
		if !found {
			return false
		}
	}
	return true
}

func (y *Typed) isStruct(t testing.TB, st *data.Struct) bool {
	var want [][2]json.RawMessage
	must(t, json.Unmarshal(y.V, &want))
	if len(want) != st.Len() {
		return false
	}
	for i, w := range want {
		var name string
		var v *Typed
		must(t, json.Unmarshal(w[0], &name))
		must(t, json.Unmarshal(w[1], &v))
		if st.Schema().Fields()[i].Name != name || !v.Is(t, st.At(i)) {
			return false
		}
	}
	return true
}
