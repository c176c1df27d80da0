package data_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

// variants are builders of pairwise different schemas. Each call builds anew.
func variants() map[string]*data.Schema {
	mk := func() *data.Builder { return data.MakeStruct("n").Field("a", data.Int32Schema) }
	return map[string]*data.Schema{
		"base": mk().Build(), "optional": mk().Optional().Build(), "name": data.MakeStruct("m").Field("a", data.Int32Schema).Build(),
		"version": mk().Version(1).Build(), "version 0": mk().Version(0).Build(), "doc": mk().Doc("d").Build(),
		"param": mk().Param("k", "v").Build(), "param value": mk().Param("k", "w").Build(), "params": mk().Param("k", "v").Param("l", "v").Build(),
		"field name":    data.MakeStruct("n").Field("b", data.Int32Schema).Build(),
		"field schema":  data.MakeStruct("n").Field("a", data.OptionalInt32Schema).Build(),
		"fields":        mk().Field("b", data.Int32Schema).Build(),
		"fields turned": data.MakeStruct("n").Field("b", data.Int32Schema).Field("a", data.Int32Schema).Build(),
		"default":       data.Make(data.KindInt32).Default(data.Int32(0)).Build(), "no default": data.Make(data.KindInt32).Build(),
		"default 1": data.Make(data.KindInt32).Default(data.Int32(1)).Build(), "kind": data.Make(data.KindInt64).Default(data.Int64(0)).Build(),
		"text default": data.Make(data.KindString).Default(data.String("1")).Build(), "empty text default": data.Make(data.KindString).Default(data.String("")).Build(),
		"text": data.Make(data.KindString).Build(), "list": data.ListOf(data.Int32Schema), "list of optional": data.ListOf(data.OptionalInt32Schema),
		"map": data.MapOf(data.StringSchema, data.Int32Schema), "map of optional": data.MapOf(data.StringSchema, data.OptionalInt32Schema),
		"map of key": data.MapOf(data.Int32Schema, data.Int32Schema), "decimal": data.DecimalBuilder(2).Build(), "scale": data.DecimalBuilder(3).Build(),
		"date": data.DateSchema, "time": data.TimeSchema, "timestamp": data.TimestampSchema,
		"nested": data.MakeStruct("n").Field("a", mk().Build()).Build(), "nested doc": data.MakeStruct("n").Field("a", mk().Doc("d").Build()).Build(),
	}
}

func TestSchemasEqualThemselvesAndNothingElse(t *testing.T) {
	a, b := variants(), variants()
	for i, x := range a {
		for j, y := range b {
			if got := x.Equal(y); got != (i == j) {
				t.Errorf("%s.Equal(%s) = %v", i, j, got)
			}
			if (x.Fingerprint() == y.Fingerprint()) != (i == j) {
				t.Errorf("fingerprints of %s and %s: %x and %x", i, j, x.Fingerprint(), y.Fingerprint())
			}
		}
		if x.Equal(nil) || (*data.Schema)(nil).Equal(x) {
			t.Errorf("%s equals no schema", i)
		}
	}
	if !(*data.Schema)(nil).Equal(nil) {
		t.Error("no schema does not equal no schema")
	}
}

func TestOrderOfParametersAndOfMapDefaultsDoesNotCount(t *testing.T) {
	mk := func(turn bool) *data.Schema {
		es := []data.Entry{{Key: data.String("x"), Value: data.Int32(1)}, {Key: data.String("y"), Value: data.Int32(2)}}
		ps := []data.Param{{Key: "k", Value: "v"}, {Key: "l", Value: "w"}}
		if turn {
			es[0], es[1] = es[1], es[0]
			ps[0], ps[1] = ps[1], ps[0]
		}
		return data.Make(data.KindMap).Key(data.StringSchema).Elem(data.Int32Schema).Params(ps...).Default(data.Map(es)).Build()
	}
	a, b := mk(false), mk(true)
	if !a.Equal(b) || a.Fingerprint() != b.Fingerprint() {
		t.Errorf("equal %v, fingerprints %x and %x", a.Equal(b), a.Fingerprint(), b.Fingerprint())
	}
	if a.Params()[0].Key != "k" || b.Params()[0].Key != "l" {
		t.Error("the declared order is lost")
	}
}

func TestAsOptionalAndAsRequired(t *testing.T) {
	for name, s := range variants() {
		o := s.AsOptional()
		if !o.Optional() || o.AsOptional() != o {
			t.Errorf("%s: AsOptional", name)
		}
		r := o.AsRequired()
		if r.Optional() || r.AsRequired() != r {
			t.Errorf("%s: AsRequired", name)
		}
		if r.Equal(o) || r.Fingerprint() == o.Fingerprint() {
			t.Errorf("%s: required equals optional", name)
		}
		if !s.Optional() && (!r.Equal(s) || r.Fingerprint() != s.Fingerprint()) {
			t.Errorf("%s: there and back is another schema", name)
		}
		if s.Optional() == o.Optional() && s != o {
			t.Errorf("%s: AsOptional of an optional schema made a new one", name)
		}
		if s.Kind() == data.KindStruct && o.Index("a") != s.Index("a") {
			t.Errorf("%s: the fields are lost", name)
		}
	}
}

func TestDefaults(t *testing.T) {
	s := data.Make(data.KindInt32).Optional().Default(data.Int32(7)).Build()
	if v, ok := s.Default(); !ok || v.Int64() != 7 {
		t.Errorf("%s %v", v, ok)
	}
	if v, ok := s.AsRequired().Default(); !ok || v.Int64() != 7 {
		t.Errorf("AsRequired: %s %v", v, ok)
	}
	if _, ok := data.Make(data.KindInt32).Optional().Default(data.Int32(7)).Default(data.Null()).Build().Default(); ok {
		t.Error("a null default is a default")
	}
	if v, ok := data.DecimalBuilder(2).Default(data.Decimal64(125, 2)).Build().Default(); !ok || v.String() != "1.25" {
		t.Errorf("%s %v", v, ok)
	}
}

func TestBuildErrors(t *testing.T) {
	for want, b := range map[string]*data.Builder{
		"use the physical kind": data.Make(data.KindDate), "schema of kind NULL": data.Make(data.KindNull),
		"field name duplication a":        data.MakeStruct("").Field("a", data.Int32Schema).Field("a", data.Int64Schema),
		"needs a name and a schema":       data.MakeStruct("").Field("", data.Int32Schema),
		"needs a name and a schema\x00":   data.MakeStruct("").Field("a", nil),
		"to a schema of kind INT32":       data.Make(data.KindInt32).Field("a", data.Int32Schema),
		"array schema needs an element":   data.Make(data.KindList),
		"map schema needs a key":          data.Make(data.KindMap).Elem(data.Int32Schema),
		"map schema needs a key\x00":      data.Make(data.KindMap).Key(data.Int32Schema),
		"scale parameter not found":       data.Make(data.KindBytes).Name(data.DecimalName),
		"invalid scale parameter":         data.Make(data.KindBytes).Name(data.DecimalName).Param("scale", "two"),
		"invalid scale parameter\x00":     data.Make(data.KindBytes).Name(data.DecimalName).Param("scale", "2147483648"),
		"a STRING does not fit schema IN": data.Make(data.KindInt32).Default(data.String("1")),
		"INT32 does not fit schema INT32": data.Make(data.KindInt32).Name(data.DateName).Default(data.Int32(1)),
		"null used for required field":    data.Make(data.KindList).Elem(data.Int32Schema).Default(data.List([]data.Value{data.Null()})),
	} {
		s, err := b.TryBuild()
		if want = strings.TrimRight(want, "\x00"); err == nil || s != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", want, s, err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q: Build did not panic", want)
				}
			}()
			b.Build()
		}()
	}
}

func TestIndexOfFewAndManyFields(t *testing.T) {
	for _, n := range []int{0, 1, 8, 9, 10, 300} {
		b := data.MakeStruct("s")
		for i := range n {
			name := "f" + strconv.Itoa(i)
			if b.HasField(name) {
				t.Fatalf("%s is taken", name)
			}
			b.Field(name, data.Int32Schema)
			if !b.HasField(name) {
				t.Fatalf("%s is free", name)
			}
		}
		s := b.Build()
		for i := range n {
			name := "f" + strconv.Itoa(i)
			if s.Index(name) != i || s.Field(name).Index != i || s.Fields()[i].Name != name {
				t.Errorf("%d fields: %s is at %d", n, name, s.Index(name))
			}
		}
		if s.Index("none") != -1 || s.Field("none") != nil {
			t.Errorf("%d fields: a missing field was found", n)
		}
		if n > 0 {
			if _, err := b.Field("f0", data.Int32Schema).TryBuild(); err == nil {
				t.Errorf("%d fields: a duplicate was taken", n)
			}
		}
	}
}

func TestBuiltSchemaDoesNotChangeWithItsBuilder(t *testing.T) {
	b := data.MakeStruct("s").Param("k", "v").Field("a", data.Int32Schema)
	s := b.Build()
	print := s.Fingerprint()
	b.Param("k", "w").Field("b", data.Int32Schema).Build()
	if v, _ := s.Param("k"); v != "v" || len(s.Fields()) != 1 || s.Fingerprint() != print {
		t.Errorf("%s, %d fields", v, len(s.Fields()))
	}
}

func TestLogicalKinds(t *testing.T) {
	for _, c := range []struct {
		s              *data.Schema
		kind, logical  data.Kind
		scale, version int32
	}{
		{data.DateSchema, data.KindInt32, data.KindDate, 0, 1}, {data.TimeSchema, data.KindInt32, data.KindTime, 0, 1},
		{data.TimestampSchema, data.KindInt64, data.KindTimestamp, 0, 1}, {data.DecimalBuilder(-3).Build(), data.KindBytes, data.KindDecimal, -3, 1},
		{data.Make(data.KindInt64).Name("io.debezium.time.Timestamp").Version(1).Build(), data.KindInt64, data.KindInt64, 0, 1},
	} {
		if v, ok := c.s.Version(); c.s.Kind() != c.kind || c.s.Logical() != c.logical || c.s.Scale() != c.scale || v != c.version || !ok {
			t.Errorf("%s: %s %s %d", c.s.Name(), c.s.Kind(), c.s.Logical(), c.s.Scale())
		}
	}
}

func TestFromCopiesTheBasics(t *testing.T) {
	s := data.Make(data.KindInt32).Name("n").Version(3).Doc("d").Param("k", "v").Optional().Default(data.Int32(1)).Build()
	if c := data.Make(data.KindInt32).From(s, true).Build(); !c.Equal(s) {
		t.Error("not all was copied")
	}
	c := data.Make(data.KindInt32).From(s, false).Build()
	if _, hasDefault := c.Default(); c.Optional() || hasDefault || c.Name() != "n" || c.Doc() != "d" || len(c.Params()) != 1 {
		t.Error("copySchemaBasics copies name, version, doc and parameters")
	}
}

func TestInterner(t *testing.T) {
	in := data.NewInterner(0)
	a, b := variants(), variants()
	for name := range a {
		if len(name) == 4 { // few: the interner is never full
			if in.Intern(a[name]) != a[name] || in.Intern(b[name]) != in.Intern(a[name]) {
				t.Errorf("%s: two pointers", name)
			}
		}
	}
	for i := range 100 { // bounded: full, it starts afresh and still answers
		s := data.MakeStruct(strconv.Itoa(i)).Build()
		if in.Intern(s) != s || in.Intern(data.MakeStruct(strconv.Itoa(i)).Build()) != s {
			t.Errorf("schema %d: two pointers", i)
		}
	}
	if in.Intern(nil) != nil {
		t.Error("no schema became one")
	}
}
