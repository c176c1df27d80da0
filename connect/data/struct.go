package data

import (
	"fmt"
	"slices"
)

// Struct is a row: a schema and one value per field, in field order. It is written by one goroutine until it is published by
// [Of], and never after.
type Struct struct {
	sealed sealed // first: a field of no size at the end would add a word to every struct
	schema *Schema
	vals   []Value
}

// NewStruct makes an empty struct (all fields null) of a struct schema, on the heap. Batches use a [Slab].
func NewStruct(s *Schema) *Struct {
	mustBeStruct(s)
	return &Struct{schema: s, vals: make([]Value, len(s.fields))}
}

func mustBeStruct(s *Schema) {
	if s.kind != KindStruct {
		panic("data: a struct of a schema of kind " + s.kind.String())
	}
}

// Schema is the struct's schema.
func (s *Struct) Schema() *Schema { return s.schema }

// At is the value of field i as stored: the fast path. It panics if i is out of range.
func (s *Struct) At(i int) Value { return s.vals[i] }

// AtOrDefault is the value of field i, or the field's default in place of null (Java's Struct.get).
func (s *Struct) AtOrDefault(i int) Value {
	v := s.vals[i]
	if v.kind == KindNull && s.schema.fields[i].Schema.hasDefault {
		return s.schema.fields[i].Schema.def
	}
	return v
}

// Get is AtOrDefault by name; ok is false if there is no such field.
func (s *Struct) Get(name string) (v Value, ok bool) {
	i := s.schema.Index(name)
	if i < 0 {
		return Value{}, false
	}
	return s.AtOrDefault(i), true
}

// Set stores v in field i. Only before the struct is published; types are checked by Validate, not here.
func (s *Struct) Set(i int, v Value) {
	s.sealed.check()
	s.vals[i] = v
}

// Put stores v in the named field; it panics if there is none. For tests and cold paths.
func (s *Struct) Put(name string, v Value) *Struct {
	i := s.schema.Index(name)
	if i < 0 {
		panic("data: " + name + " is not a valid field name")
	}
	s.Set(i, v)
	return s
}

// Len is the number of fields.
func (s *Struct) Len() int { return len(s.vals) }

// Equal compares schemas and values. Two nil structs are equal.
func (s *Struct) Equal(o *Struct) bool {
	if s == o || s == nil || o == nil {
		return s == o
	}
	return s.schema.Equal(o.schema) && slices.EqualFunc(s.vals, o.vals, Value.Equal)
}

// Clone copies s deeply, out of its slab.
func (s *Struct) Clone() *Struct {
	c := NewStruct(s.schema)
	for i, v := range s.vals {
		c.vals[i] = v.Clone()
	}
	return c
}

// String renders s for messages as Java's Struct.toString does.
func (s *Struct) String() string { return string(s.appendText(nil)) }

func (s *Struct) publish() { s.sealed.set() }

// Validate checks every field against its schema: required fields without default, kinds and nested structs.
func (s *Struct) Validate() error {
	for i, f := range s.schema.fields {
		if err := f.Schema.Check(s.vals[i]); err != nil {
			return fmt.Errorf("field %q: %w", f.Name, err)
		}
	}
	return nil
}

// Check tells whether v fits the schema (ConnectSchema.validateValue). A nil schema takes anything. Null fits an optional schema and
// one with a default, wherever it stands; Java takes the default into account for struct fields only. A struct fits if its schema
// differs from s in nothing but optional, default and doc.
func (s *Schema) Check(v Value) error {
	if s == nil {
		return nil
	}
	if v.kind == KindNull {
		if s.optional || s.hasDefault {
			return nil
		}
		return fmt.Errorf("null used for required field of %s", s.describe())
	}
	if v.kind != s.logical {
		return fmt.Errorf("a %s does not fit schema %s", v.kind, s.describe())
	}
	switch v.kind {
	case KindStruct:
		st := v.Struct()
		if !st.schema.Equal(s) && !st.schema.sameBut(s) {
			return fmt.Errorf("struct schemas do not match: %s and %s", st.schema.describe(), s.describe())
		}
		return st.Validate()
	case KindList:
		for i, e := range v.List() {
			if err := s.elem.Check(e); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
	case KindMap:
		for _, e := range v.Map() {
			if err := s.key.Check(e.Key); err != nil {
				return fmt.Errorf("map key: %w", err)
			}
			if err := s.elem.Check(e.Value); err != nil {
				return fmt.Errorf("map value of %s: %w", e.Key, err)
			}
		}
	}
	return nil
}
