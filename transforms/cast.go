package transforms

import (
	"context"
	"errors"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	castSpecKey = config.List("spec").Required().Valid(config.Validator[[]string]{
		Check: func(l []string) error { _, err := parseCastSpec(l); return err },
		Null:  errNoCast,
		Doc:   "list of colon-delimited pairs, e.g. <code>foo:bar,abc:xyz</code>",
	}).Importance(config.High).Doc("List of fields and the type to cast them to of the form field1:type,field2:type to cast fields of Maps or Structs. A single type to cast the entire value. Valid types are int8, int16, int32, int64, float32, float64, boolean, and string. Note that binary fields can only be cast to string.")
	castReplaceNull = replaceNull()
	castDef         = config.NewDef(castSpecKey, castReplaceNull)
)

const castPurpose = "cast types"

var errNoCast = config.Verbatim("Must specify at least one field to cast.")

// castSpec says what to cast: all, or the fields in the order they were named.
type castSpec struct {
	whole  data.Kind // KindNull: fields
	fields []castTo
}

type castTo struct {
	name string
	kind data.Kind
}

func (c castSpec) kindOf(name string) data.Kind {
	for _, f := range c.fields {
		if f.name == name {
			return f.kind
		}
	}
	return data.KindNull
}

// parseCastSpec reads the pairs as Cast.parseFieldTypes does.
func parseCastSpec(mappings []string) (castSpec, error) {
	var out castSpec
	if len(mappings) == 0 {
		return out, errNoCast
	}
	for _, mapping := range mappings {
		parts := javaSplit(mapping, ':')
		switch len(parts) {
		case 1:
			kind, err := castKind(javaTrim(parts[0]))
			if err != nil {
				return out, err
			}
			out.whole = kind
		case 2:
			kind, err := castKind(javaTrim(parts[1]))
			if err != nil {
				return out, err
			}
			out.fields = out.with(castTo{javaTrim(parts[0]), kind})
		default:
			return out, config.Verbatim("Invalid value [" + strings.Join(mappings, ", ") + "] for configuration renames: Invalid rename mapping: " + mapping)
		}
	}
	if out.whole != data.KindNull && len(mappings) > 1 {
		return out, config.Verbatim("Cast transformations that specify a type to cast the entire value to may only specify a single cast in their spec")
	}
	return out, nil
}

func (c castSpec) with(to castTo) []castTo {
	for i := range c.fields {
		if c.fields[i].name == to.name {
			c.fields[i].kind = to.kind
			return c.fields
		}
	}
	return append(c.fields, to)
}

// javaTrim is String.trim: all up to the blank.
func javaTrim(s string) string { return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' }) }

func castKind(name string) (data.Kind, error) {
	upper := strings.ToUpper(name)
	for k := data.KindBool; k <= data.KindStruct; k++ {
		if k.String() != upper {
			continue
		}
		if k > data.KindString {
			return k, config.Verbatim("Cast transformation does not support casting to " + upper +
				"; supported types are [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]")
		}
		return k, nil
	}
	return data.KindNull, config.Verbatim("Invalid value java.lang.IllegalArgumentException: No enum constant org.apache.kafka.connect.data.Schema.Type." +
		upper + " for configuration Invalid type found in casting spec: " + name)
}

// cast is org.apache.kafka.connect.transforms.Cast.
type cast struct {
	noClose
	side        side
	spec        castSpec
	withDefault bool
	plans       plans[*castPlan]
	structs     structs
}

// castPlan is the schema after the cast and, by ordinal, the kind to cast to; KindNull: as it is.
type castPlan struct {
	schema *data.Schema
	to     []data.Kind
}

func newCast(s side) connect.Transform { return &cast{side: s} }

// Configure reads the spec.
func (t *cast) Configure(v config.Values) (err error) {
	t.spec, err = parseCastSpec(castSpecKey.Get(v))
	t.withDefault = castReplaceNull.Get(v)
	t.plans.build = t.plan
	return err
}

func (t *cast) plan(s *data.Schema) (*castPlan, error) {
	p := &castPlan{}
	var b *data.Builder
	target := t.spec.whole
	if target != data.KindNull {
		b = data.Make(target).From(s, false)
	} else {
		target, b = data.KindStruct, newStructSchema(s)
		fields, err := fieldsOf(s)
		if err != nil {
			return nil, err
		}
		p.to = make([]data.Kind, len(fields))
		for i, f := range fields {
			p.to[i] = t.spec.kindOf(f.Name)
			schema := f.Schema
			if p.to[i] != data.KindNull {
				if schema, err = castSchema(data.Make(p.to[i]), f.Schema, p.to[i]); err != nil {
					return nil, err
				}
			}
			b.Field(f.Name, schema)
		}
	}
	var err error
	p.schema, err = castSchema(b, s, target)
	return p, err
}

// castSchema takes optional and, cast, the default of s over to b.
func castSchema(b *data.Builder, s *data.Schema, target data.Kind) (*data.Schema, error) {
	b.SetOptional(s.Optional())
	if def, ok := s.Default(); ok {
		v, err := castValue(s, def, target)
		if err != nil {
			return nil, err
		}
		b.Default(v)
	}
	return b.TryBuild()
}

// Apply casts; a null key or value stays.
func (t *cast) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	switch {
	case d.Value.IsNull():
		return true, nil
	case d.Schema == nil:
		return true, t.applySchemaless(d)
	}
	p, err := t.plans.get(d.Schema)
	if err != nil {
		return false, err
	}
	if t.spec.whole != data.KindNull {
		v, err := castValue(d.Schema, d.Value, t.spec.whole)
		if err != nil {
			return false, err
		}
		*d = data.Datum{Schema: p.schema, Value: v}
		return true, nil
	}
	st, err := requireRow(*d, castPurpose)
	if err != nil {
		return false, err
	}
	out, fields := t.structs.make(p.schema), d.Schema.Fields()
	for i, to := range p.to {
		v := at(st, i, t.withDefault)
		if to != data.KindNull {
			if v, err = castValue(fields[i].Schema, v, to); err != nil {
				return false, err
			}
		}
		if err := put(out, i, v); err != nil {
			return false, err
		}
	}
	*d = data.Datum{Schema: p.schema, Value: data.Of(out)}
	return true, nil
}

func (t *cast) applySchemaless(d *data.Datum) error {
	if t.spec.whole != data.KindNull {
		v, err := castValue(nil, d.Value, t.spec.whole)
		if err == nil {
			d.Value = v
		}
		return err
	}
	es, err := requireMap(d.Value, castPurpose)
	if err != nil {
		return err
	}
	out := copyEntries(es, len(t.spec.fields))
	for _, f := range t.spec.fields {
		v, err := castValue(nil, lookup(es, f.name), f.kind)
		if err != nil {
			return err
		}
		out = set(out, f.name, v)
	}
	d.Value = data.Map(out)
	return nil
}

// castable is the check of Cast.castValueToType: what can be cast at all.
func castable(s *data.Schema, v data.Value) error {
	kind := v.Kind()
	if s != nil {
		kind = s.Kind()
	} else if kind > data.KindStruct {
		return errors.New("Cast transformation was passed a value of type class " + className(v) + " which is not supported by Connect's data API")
	}
	if !kind.IsPrimitive() {
		return errors.New("Cast transformation does not support casting from " + kind.String() +
			"; supported types are [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES]")
	}
	return nil
}
