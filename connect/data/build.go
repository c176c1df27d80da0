package data

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Builder makes a schema. Methods return the builder; Build seals it. A builder is used once, by one goroutine.
type Builder struct {
	s     Schema
	errs  []error
	names map[string]struct{} // of the fields, once there are many
}

// Make starts a schema of a physical kind (KindBool to KindStruct).
func Make(k Kind) *Builder {
	b := &Builder{s: Schema{kind: k, logical: k}}
	if k == KindNull || k > KindStruct {
		b.fail("schema of kind %s: use the physical kind and a name", k)
	}
	return b
}

// MakeStruct starts a struct schema with a name (may be empty).
func MakeStruct(name string) *Builder { return Make(KindStruct).Name(name) }

func (b *Builder) fail(format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf(format, args...))
}

// Name sets the schema's name; the names of Connect's logical types decide the logical kind.
func (b *Builder) Name(n string) *Builder { b.s.name = n; return b }

// Version sets the schema's version.
func (b *Builder) Version(v int32) *Builder { b.s.version, b.s.hasVersion = v, true; return b }

// Doc sets the documentation.
func (b *Builder) Doc(d string) *Builder { b.s.doc = d; return b }

// Optional allows null.
func (b *Builder) Optional() *Builder { b.s.optional = true; return b }

// SetOptional allows null or not.
func (b *Builder) SetOptional(o bool) *Builder { b.s.optional = o; return b }

// Default sets the default; its kind is the logical kind of the schema. Null takes the default away.
func (b *Builder) Default(v Value) *Builder { b.s.def, b.s.hasDefault = v, !v.IsNull(); return b }

// Param adds or replaces a parameter.
func (b *Builder) Param(key, value string) *Builder {
	for i := range b.s.params {
		if b.s.params[i].Key == key {
			b.s.params[i].Value = value
			return b
		}
	}
	b.s.params = append(b.s.params, Param{key, value})
	return b
}

// Params adds parameters.
func (b *Builder) Params(ps ...Param) *Builder {
	for _, p := range ps {
		b.Param(p.Key, p.Value)
	}
	return b
}

// Field adds a field to a struct schema.
func (b *Builder) Field(name string, s *Schema) *Builder {
	switch {
	case b.s.kind != KindStruct:
		b.fail("cannot add field %q to a schema of kind %s", name, b.s.kind)
	case name == "" || s == nil:
		b.fail("a field needs a name and a schema")
	case b.HasField(name):
		b.fail("cannot create field because of field name duplication %s", name)
	default:
		b.s.fields = append(b.s.fields, Field{Name: name, Index: len(b.s.fields), Schema: s})
		if b.names != nil {
			b.names[name] = struct{}{}
		}
	}
	return b
}

// HasField tells whether the name is taken.
func (b *Builder) HasField(name string) bool {
	if len(b.s.fields) <= indexFrom {
		return b.s.Index(name) >= 0
	}
	if b.names == nil {
		b.names = make(map[string]struct{}, 2*len(b.s.fields))
		for i := range b.s.fields {
			b.names[b.s.fields[i].Name] = struct{}{}
		}
	}
	_, taken := b.names[name]
	return taken
}

// Key sets the schema of a map's keys.
func (b *Builder) Key(s *Schema) *Builder { b.s.key = s; return b }

// Elem sets the schema of a list's elements or a map's values.
func (b *Builder) Elem(s *Schema) *Builder { b.s.elem = s; return b }

// From takes over name, version, doc, optional, default and parameters of s, as SchemaUtil.copySchemaBasics does (which keeps
// optional and default only when all is true).
func (b *Builder) From(s *Schema, all bool) *Builder {
	b.s.name, b.s.version, b.s.hasVersion, b.s.doc = s.name, s.version, s.hasVersion, s.doc
	b.Params(s.params...)
	if all {
		b.s.optional, b.s.def, b.s.hasDefault = s.optional, s.def, s.hasDefault
	}
	return b
}

// Build seals the schema; it panics on an impossible one. For schemas written in code.
func (b *Builder) Build() *Schema {
	s, err := b.TryBuild()
	if err != nil {
		panic("data: " + err.Error())
	}
	return s
}

// TryBuild seals the schema or tells what is wrong with it. For schemas from outside.
func (b *Builder) TryBuild() (*Schema, error) {
	s := b.s
	if err := b.logical(&s); err != nil {
		b.errs = append(b.errs, err)
	}
	if s.kind == KindList && s.elem == nil {
		b.fail("an array schema needs an element schema")
	}
	if s.kind == KindMap && (s.elem == nil || s.key == nil) {
		b.fail("a map schema needs a key and a value schema")
	}
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	if s.hasDefault {
		if err := checkDefault(&s); err != nil {
			return nil, err
		}
	}
	s.params = slices.Clone(s.params) // Param changes them in place, should the builder be used on
	s.seal()
	return &s, nil
}

func (b *Builder) logical(s *Schema) error {
	switch {
	case s.name == DecimalName && s.kind == KindBytes:
		s.logical = KindDecimal
		p, ok := s.Param(ScaleParam)
		if !ok {
			return errors.New("invalid Decimal schema: scale parameter not found")
		}
		n, err := strconv.ParseInt(p, 10, 32)
		if err != nil {
			return fmt.Errorf("invalid scale parameter found in Decimal schema: %q", p)
		}
		s.scale = int32(n)
	case s.name == DateName && s.kind == KindInt32:
		s.logical = KindDate
	case s.name == TimeName && s.kind == KindInt32:
		s.logical = KindTime
	case s.name == TimestampName && s.kind == KindInt64:
		s.logical = KindTimestamp
	}
	return nil
}

func checkDefault(s *Schema) error {
	c := *s
	c.hasDefault = false
	if err := c.Check(s.def); err != nil {
		return fmt.Errorf("invalid default value: %w", err)
	}
	return nil
}

// The plain schemas, required and optional.
var (
	BoolSchema    = Make(KindBool).Build()
	Int8Schema    = Make(KindInt8).Build()
	Int16Schema   = Make(KindInt16).Build()
	Int32Schema   = Make(KindInt32).Build()
	Int64Schema   = Make(KindInt64).Build()
	Float32Schema = Make(KindFloat32).Build()
	Float64Schema = Make(KindFloat64).Build()
	StringSchema  = Make(KindString).Build()
	BytesSchema   = Make(KindBytes).Build()

	OptionalBoolSchema    = BoolSchema.AsOptional()
	OptionalInt8Schema    = Int8Schema.AsOptional()
	OptionalInt16Schema   = Int16Schema.AsOptional()
	OptionalInt32Schema   = Int32Schema.AsOptional()
	OptionalInt64Schema   = Int64Schema.AsOptional()
	OptionalFloat32Schema = Float32Schema.AsOptional()
	OptionalFloat64Schema = Float64Schema.AsOptional()
	OptionalStringSchema  = StringSchema.AsOptional()
	OptionalBytesSchema   = BytesSchema.AsOptional()

	// DateSchema, TimeSchema and TimestampSchema are Connect's logical types, version 1 as Java builds them.
	DateSchema      = Make(KindInt32).Name(DateName).Version(1).Build()
	TimeSchema      = Make(KindInt32).Name(TimeName).Version(1).Build()
	TimestampSchema = Make(KindInt64).Name(TimestampName).Version(1).Build()
)

// DecimalBuilder starts a Decimal schema of the given scale (version 1).
func DecimalBuilder(scale int32) *Builder {
	return Make(KindBytes).Name(DecimalName).Version(1).Param(ScaleParam, strconv.Itoa(int(scale)))
}

// ListOf is a required list schema of elem.
func ListOf(elem *Schema) *Schema { return Make(KindList).Elem(elem).Build() }

// MapOf is a required map schema.
func MapOf(key, value *Schema) *Schema { return Make(KindMap).Key(key).Elem(value).Build() }
