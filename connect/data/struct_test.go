package data_test

import (
	"testing"

	"github.com/connectd/connectd/connect/data"
)

func TestAtGivesTheStoredValueAndGetTheDefault(t *testing.T) {
	s := data.MakeStruct("s").Field("a", data.Make(data.KindInt32).Default(data.Int32(7)).Build()).Field("b", data.OptionalStringSchema).Build()
	st := data.NewStruct(s)
	if !st.At(0).IsNull() || st.AtOrDefault(0).Int64() != 7 || !st.AtOrDefault(1).IsNull() {
		t.Errorf("%s %s %s", st.At(0), st.AtOrDefault(0), st.AtOrDefault(1))
	}
	if v, ok := st.Get("a"); !ok || v.Int64() != 7 {
		t.Errorf("%s %v", v, ok)
	}
	if _, ok := st.Get("none"); ok {
		t.Error("a missing field was found")
	}
	if st.Put("b", data.String("x")).At(1).String() != "x" || st.Len() != 2 || st.Schema() != s {
		t.Error(st)
	}
	if err := st.Validate(); err != nil {
		t.Error(err)
	}
}

func TestMisusePanics(t *testing.T) {
	for _, c := range []struct {
		name string
		want bool
		f    func()
	}{
		{"unknown field", true, func() { data.NewStruct(rowSchema).Put("none", data.Null()) }},
		{"NewStruct of INT32", true, func() { data.NewStruct(data.Int32Schema) }},
		{"Slab.New of a map", true, func() { new(data.Slab).New(data.MapOf(data.StringSchema, data.StringSchema)) }},
		{"index out of range", true, func() { data.NewStruct(rowSchema).At(2) }},
		{"IntOf of text", true, func() { data.IntOf(data.KindString, 1) }},
		{"Set after Of", invariants, setAfterOf},
		{"Put after Of", invariants, putAfterOf},
		{"Set on a published clone", invariants, func() { row(1, data.Null()).Clone().Struct().Set(0, data.Null()) }},
		{"Set on a clone", false, func() { row(1, data.Null()).Struct().Clone().Set(0, data.Null()) }},
		{"Set after Reset", false, func() {
			var b data.Slab
			_ = data.Of(b.New(rowSchema))
			b.Reset()
			b.New(rowSchema).Set(0, data.Null())
		}},
	} {
		func() {
			defer func() {
				if got := recover(); (got != nil) != c.want {
					t.Errorf("%s: panic %v, want one: %v", c.name, got, c.want)
				}
			}()
			c.f()
		}()
	}
}

func setAfterOf() {
	st := data.NewStruct(rowSchema)
	_ = data.Of(st)
	st.Set(0, data.Int32(1))
}

func putAfterOf() {
	st := new(data.Slab).New(rowSchema)
	_ = data.Of(st)
	st.Put("a", data.Int32(1))
}

func TestStructEqual(t *testing.T) {
	a, b := row(1, data.String("x")).Struct(), row(1, data.String("x")).Struct()
	if !a.Equal(b) || a.Equal(nil) || (*data.Struct)(nil).Equal(a) || !(*data.Struct)(nil).Equal(nil) {
		t.Error("equality")
	}
	other := data.NewStruct(data.MakeStruct("other").Field("a", data.Int32Schema).Field("b", data.OptionalStringSchema).Build())
	other.Set(0, data.Int32(1))
	other.Set(1, data.String("x"))
	if a.Equal(other) {
		t.Error("structs of different schemas are equal")
	}
}

func TestCheck(t *testing.T) {
	inner := data.MakeStruct("inner").Field("n", data.Int32Schema).Build()
	outer := data.MakeStruct("outer").Field("in", inner.AsOptional()).Field("list", data.ListOf(data.Int32Schema).AsOptional()).
		Field("map", data.MapOf(data.StringSchema, inner).AsOptional()).Build()
	in := func(v data.Value) data.Value {
		st := data.NewStruct(inner)
		st.Set(0, v)
		return data.Of(st)
	}
	out := func(name string, v data.Value) data.Value { return data.Of(data.NewStruct(outer).Put(name, v)) }
	for _, c := range []struct {
		s    *data.Schema
		v    data.Value
		want string // empty: fits
	}{
		{nil, data.String("anything"), ""},
		{data.Int32Schema, data.Int32(1), ""},
		{data.Int32Schema, data.Int64(1), "a INT64 does not fit schema INT32"},
		{data.Int32Schema, data.Null(), "null used for required field of INT32"},
		{data.OptionalInt32Schema, data.Null(), ""},
		{data.Make(data.KindInt32).Default(data.Int32(1)).Build(), data.Null(), ""},
		{data.DateSchema, data.Date(1), ""},
		{data.DateSchema, data.Int32(1), `a INT32 does not fit schema INT32 "org.apache.kafka.connect.data.Date"`},
		{data.Int32Schema, data.Date(1), "a DATE does not fit schema INT32"},
		{data.BytesSchema, data.String("x"), "a STRING does not fit schema BYTES"},
		{outer, out("in", in(data.Int32(1))), ""}, // required inner in a field that is optional
		{outer, out("in", in(data.Null())), `field "in": field "n": null used for required field of INT32`},
		{outer, out("in", row(1, data.Null())), `field "in": struct schemas do not match: STRUCT "row" and STRUCT "inner"`},
		{outer, out("list", data.List([]data.Value{data.Int32(1), data.String("x")})), `field "list": element 1: a STRING does not fit schema INT32`},
		{outer, out("map", data.Map([]data.Entry{{Key: data.Int32(1), Value: in(data.Int32(1))}})), `field "map": map key: a INT32 does not fit schema STRING`},
		{outer, out("map", data.Map([]data.Entry{{Key: data.String("k"), Value: in(data.String(""))}})),
			`field "map": map value of k: field "n": a STRING does not fit schema INT32`},
	} {
		err := c.s.Check(c.v)
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("%s: %v, want %s", c.v, err, c.want)
		}
	}
}
