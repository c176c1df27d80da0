package data_test

import (
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

// The cases are those of SchemaProjector.
func TestProject(t *testing.T) {
	s := func(fields ...any) *data.Schema {
		b := data.MakeStruct("s")
		for i := 0; i < len(fields); i += 2 {
			b.Field(fields[i].(string), fields[i+1].(*data.Schema))
		}
		return b.Build()
	}
	st := func(s *data.Schema, vs ...data.Value) data.Value {
		x := data.NewStruct(s)
		for i, v := range vs {
			x.Set(i, v)
		}
		return data.Of(x)
	}
	withDefault := data.Make(data.KindInt32).Default(data.Int32(7)).Build()
	wide, narrow := s("a", data.Int32Schema, "b", data.StringSchema), s("b", data.StringSchema)
	named := data.Make(data.KindInt32).Name("n").Build()
	for _, c := range []struct {
		name     string
		from     *data.Schema
		v        data.Value
		to       *data.Schema
		want     data.Value
		problems string
	}{
		{"same", data.Int32Schema, data.Int32(1), data.Int32Schema, data.Int32(1), ""},
		{"int8 to int64", data.Int8Schema, data.Int8(-1), data.Int64Schema, data.Int64(-1), ""},
		{"int64 to float32", data.Int64Schema, data.Int64(2), data.Float32Schema, data.Float32(2), ""},
		{"int16 to float64", data.Int16Schema, data.Int16(2), data.Float64Schema, data.Float64(2), ""},
		{"float32 to float64", data.Float32Schema, data.Float32(0.5), data.Float64Schema, data.Float64(0.5), ""},
		{"narrowing", data.Int64Schema, data.Int64(1), data.Int32Schema, data.Null(), "source type INT64 and target type INT32"},
		{"bool to int", data.BoolSchema, data.Bool(true), data.Int32Schema, data.Null(), "schema type mismatch"},
		{"text to bytes", data.StringSchema, data.String("x"), data.BytesSchema, data.Null(), "schema type mismatch"},
		{"mismatch of a null", data.OptionalStringSchema, data.Null(), data.OptionalBytesSchema, data.Null(), "schema type mismatch"},
		{"name", named, data.Int32(1), data.Int32Schema, data.Null(), "schema name mismatch"},
		{"parameters", data.DecimalBuilder(2).Build(), data.Decimal64(1, 2), data.DecimalBuilder(3).Build(), data.Null(), "parameters"},
		{"decimal", data.DecimalBuilder(2).Build(), data.Decimal64(1, 2), data.DecimalBuilder(2).Optional().Build(), data.Decimal64(1, 2), ""},
		{"date", data.DateSchema, data.Date(1), data.DateSchema.AsOptional(), data.Date(1), ""},
		{"optional to required", data.OptionalInt32Schema, data.Int32(1), data.Int32Schema, data.Null(), "does not provide a default"},
		{"null to default", data.OptionalInt32Schema, data.Null(), withDefault, data.Int32(7), ""},
		{"value to default", data.OptionalInt32Schema, data.Int32(1), withDefault, data.Int32(1), ""},
		{"null to optional", data.OptionalInt32Schema, data.Null(), data.OptionalInt64Schema, data.Null(), ""},
		{"value that does not fit", data.StringSchema, data.Int32(1), data.StringSchema, data.Null(), "a INT32 does not fit"},
		{"struct that is none", wide, data.String("x"), narrow, data.Null(), "a STRING does not fit"},
		{"fields dropped", wide, st(wide, data.Int32(1), data.String("x")), narrow, st(narrow, data.String("x")), ""},
		{"required field missing", narrow, st(narrow, data.String("x")), wide, data.Null(), `required field "a" is missing`},
		{"default for a missing field", narrow, st(narrow, data.String("x")), s("a", withDefault, "b", data.StringSchema),
			st(s("a", withDefault, "b", data.StringSchema), data.Int32(7), data.String("x")), ""},
		{"null for a missing optional field", narrow, st(narrow, data.String("x")), s("b", data.StringSchema, "c", data.OptionalInt32Schema),
			st(s("b", data.StringSchema, "c", data.OptionalInt32Schema), data.String("x"), data.Null()), ""},
		{"the source's default", s("a", withDefault), st(s("a", withDefault), data.Null()), s("a", data.Int64Schema), st(s("a", data.Int64Schema), data.Int64(7)), ""},
		{"field fails", wide, st(wide, data.Int32(1), data.String("x")), s("b", data.Int32Schema), data.Null(), `projecting field "b"`},
		{"list", data.ListOf(data.Int8Schema), data.List([]data.Value{data.Int8(1)}), data.ListOf(data.Int32Schema), data.List([]data.Value{data.Int32(1)}), ""},
		{"list fails", data.ListOf(data.StringSchema), data.List([]data.Value{data.String("")}), data.ListOf(data.Int32Schema), data.Null(), "mismatch"},
		{"map", data.MapOf(data.StringSchema, data.Int8Schema), data.Map([]data.Entry{{Key: data.String("k"), Value: data.Int8(1)}}),
			data.MapOf(data.StringSchema, data.Int16Schema), data.Map([]data.Entry{{Key: data.String("k"), Value: data.Int16(1)}}), ""},
		{"map key fails", data.MapOf(data.StringSchema, data.Int8Schema), data.Map([]data.Entry{{Key: data.String("k"), Value: data.Int8(1)}}),
			data.MapOf(data.Int8Schema, data.Int8Schema), data.Null(), "mismatch"},
	} {
		got, err := data.Project(c.from, c.v, c.to)
		switch {
		case c.problems != "":
			if err == nil || !strings.Contains(err.Error(), c.problems) {
				t.Errorf("%s: %v, want %q", c.name, err, c.problems)
			}
		case err != nil || !got.Equal(c.want):
			t.Errorf("%s: %s %s, %v; want %s %s", c.name, got.Kind(), got, err, c.want.Kind(), c.want)
		}
	}
}
