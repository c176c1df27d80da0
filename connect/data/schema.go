package data

import (
	"slices"
	"strconv"
	"strings"
)

// Schema describes values. It is immutable, and its pointer is the cache key of every converter and transform: build each once and
// share it ([Interner]). The counterpart of org.apache.kafka.connect.data.ConnectSchema.
type Schema struct {
	kind       Kind
	logical    Kind
	optional   bool
	hasVersion bool
	hasDefault bool
	version    int32
	scale      int32 // Decimal only
	name       string
	doc        string
	def        Value
	params     []Param
	fields     []Field
	index      map[string]int // nil for few fields
	key        *Schema
	elem       *Schema
	print      uint64
}

// Param is one parameter of a schema.
type Param struct{ Key, Value string }

// Field is one field of a struct schema.
type Field struct {
	Name   string
	Index  int
	Schema *Schema
}

// Kind is the physical kind: bytes for Decimal, int32 for Date and Time, int64 for Timestamp.
func (s *Schema) Kind() Kind { return s.kind }

// Logical is the kind of the values: KindDecimal, KindDate, … by the schema's name, else Kind.
func (s *Schema) Logical() Kind { return s.logical }

// Name is the schema's name, empty if it has none.
func (s *Schema) Name() string { return s.name }

// Version is the schema's version, if it has one.
func (s *Schema) Version() (v int32, ok bool) { return s.version, s.hasVersion }

// Doc is the schema's documentation.
func (s *Schema) Doc() string { return s.doc }

// Optional tells whether null is a value.
func (s *Schema) Optional() bool { return s.optional }

// Default is the default value, if there is one. A null default of an optional schema is no default, as in Connect.
func (s *Schema) Default() (Value, bool) { return s.def, s.hasDefault }

// Scale is the scale of a Decimal schema.
func (s *Schema) Scale() int32 { return s.scale }

// Params are the parameters in declared order; shared, do not modify. Equality ignores the order.
func (s *Schema) Params() []Param { return s.params }

// Param finds a parameter.
func (s *Schema) Param(key string) (string, bool) {
	for _, p := range s.params {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// Fields are the fields of a struct schema; shared, do not modify.
func (s *Schema) Fields() []Field { return s.fields }

// KeySchema is the schema of a map's keys.
func (s *Schema) KeySchema() *Schema { return s.key }

// ElemSchema is the schema of a list's elements or a map's values.
func (s *Schema) ElemSchema() *Schema { return s.elem }

// Fingerprint is a hash of all that Equal compares; stable within a process only.
func (s *Schema) Fingerprint() uint64 { return s.print }

// Index is the ordinal of the named field, or -1. For building plans, not for the path of each record.
func (s *Schema) Index(name string) int {
	if s.index != nil {
		if i, ok := s.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range s.fields {
		if s.fields[i].Name == name {
			return i
		}
	}
	return -1
}

// Field finds a field by name; nil if there is none.
func (s *Schema) Field(name string) *Field {
	if i := s.Index(name); i >= 0 {
		return &s.fields[i]
	}
	return nil
}

// Equal compares pointer, then fingerprint, then everything: kind, optional, version, name, doc, default, fields, key and element
// schema, parameters in any order. Two nil schemas are equal.
func (s *Schema) Equal(o *Schema) bool {
	if s == o {
		return true
	}
	if s == nil || o == nil || s.print != o.print {
		return false
	}
	return s.optional == o.optional && s.doc == o.doc && s.hasDefault == o.hasDefault && s.def.Equal(o.def) && s.sameBut(o)
}

// sameBut compares all but optional, default and doc: the schema of a struct is the builder's, that of the field that holds it may
// be optional.
func (s *Schema) sameBut(o *Schema) bool {
	return s.kind == o.kind && s.name == o.name && s.hasVersion == o.hasVersion && s.version == o.version &&
		sameParams(s.params, o.params) && s.key.Equal(o.key) && s.elem.Equal(o.elem) &&
		slices.EqualFunc(s.fields, o.fields, func(a, b Field) bool { return a.Name == b.Name && a.Schema.Equal(b.Schema) })
}

func sameParams(a, b []Param) bool {
	if len(a) != len(b) {
		return false
	}
	for _, p := range a {
		if !slices.Contains(b, p) {
			return false
		}
	}
	return true
}

// describe names the schema in messages.
func (s *Schema) describe() string {
	var b strings.Builder
	b.WriteString(s.kind.String())
	if s.name != "" {
		b.WriteString(" " + strconv.Quote(s.name))
	}
	return b.String()
}

// AsOptional is s with optional set; s itself if it already is, else a new schema on each call: call it where plans are built, not for
// each record.
func (s *Schema) AsOptional() *Schema {
	if s.optional {
		return s
	}
	c := *s
	c.optional = true
	c.seal()
	return &c
}

// AsRequired is s with optional cleared; s itself if it is not optional, else a new schema on each call, as AsOptional.
func (s *Schema) AsRequired() *Schema {
	if !s.optional {
		return s
	}
	c := *s
	c.optional = false
	c.seal()
	return &c
}

// indexFrom is the number of fields up to which a look-up by name compares them one by one.
const indexFrom = 8

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

type hash uint64

func (h hash) byte(b byte) hash { return (h ^ hash(b)) * fnvPrime }

func (h hash) num(n uint64) hash {
	for range 8 {
		h = h.byte(byte(n))
		n >>= 8
	}
	return h
}

func (h hash) bytes(b []byte) hash {
	for _, c := range b {
		h = h.byte(c)
	}
	return h.num(uint64(len(b)))
}

func (h hash) text(s string) hash {
	for i := range len(s) {
		h = h.byte(s[i])
	}
	return h.num(uint64(len(s)))
}

func (h hash) flag(b bool) hash {
	if b {
		return h.byte(1)
	}
	return h.byte(0)
}

// hash is the same for equal values: the entries of a map count in any order.
func (v Value) hash() hash {
	h := hash(fnvOffset).byte(byte(v.kind))
	switch v.kind {
	case KindString, KindBytes:
		return h.bytes(v.raw())
	case KindDecimal:
		return h.text(string(AppendJavaDecimal(nil, v)))
	case KindList:
		return h.values(v.List())
	case KindMap:
		var sum hash
		for _, e := range v.Map() {
			sum += hash(fnvOffset).num(uint64(e.Key.hash())).num(uint64(e.Value.hash()))
		}
		return h.num(uint64(sum))
	case KindStruct:
		return h.num(v.Struct().schema.print).values(v.Struct().vals)
	default:
		return h.num(v.num)
	}
}

func (h hash) values(vs []Value) hash {
	for _, e := range vs {
		h = h.num(uint64(e.hash()))
	}
	return h.num(uint64(len(vs)))
}

// seal computes what is derived: the index and the fingerprint.
func (s *Schema) seal() {
	h := hash(fnvOffset).byte(byte(s.kind)).flag(s.optional).flag(s.hasVersion).num(uint64(s.version)).text(s.name).text(s.doc)
	h = h.flag(s.hasDefault).num(uint64(s.def.hash()))
	var params hash // sum: the order of parameters does not count
	for _, p := range s.params {
		params += hash(fnvOffset).text(p.Key).text(p.Value)
	}
	h = h.num(uint64(params))
	if s.key != nil {
		h = h.num(s.key.print)
	}
	if s.elem != nil {
		h = h.num(s.elem.print)
	}
	for _, f := range s.fields {
		h = h.text(f.Name).num(f.Schema.print)
	}
	s.print = uint64(h)
	if len(s.fields) > indexFrom && s.index == nil {
		s.index = make(map[string]int, len(s.fields))
		for i, f := range s.fields {
			s.index[f.Name] = i
		}
	}
}
