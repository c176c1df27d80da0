package avro

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/hdfs/format/json"
)

// encoder writes values of one schema in Avro's binary encoding.
type encoder struct {
	s        *data.Schema
	optional bool
	null     byte // union branch of null, zigzag encoded
	some     byte // union branch of the value, zigzag encoded
	def      data.Value
	hasDef   bool
	fields   []*encoder
	key      *encoder
	elem     *encoder
	asMap    bool
}

func newEncoder(s *data.Schema, c Config) *encoder {
	e := &encoder{s: s, optional: s.Optional(), some: 2}
	if e.def, e.hasDef = s.Default(); e.hasDef {
		e.null, e.some = 2, 0
	}
	for _, f := range s.Fields() {
		e.fields = append(e.fields, newEncoder(f.Schema, c))
	}
	if s.KeySchema() != nil {
		e.asMap = isAvroMap(s, c)
		e.key = newEncoder(s.KeySchema(), c)
		if e.asMap {
			e.key = newEncoder(data.StringSchema, c)
		}
	}
	if s.ElemSchema() != nil {
		e.elem = newEncoder(s.ElemSchema(), c)
	}
	return e
}

// isAvroMap tells whether a map has keys that an Avro map can have.
func isAvroMap(s *data.Schema, c Config) bool {
	k := s.KeySchema()
	return k.Kind() == data.KindString && (!k.Optional() || c.AllowOptionalMapKeys)
}

var errRequired = errors.New("null value for a schema that is not optional and has no default")

func (e *encoder) append(b []byte, v data.Value) ([]byte, error) {
	if v.IsNull() && e.hasDef {
		v = e.def
	}
	if v.IsNull() {
		if !e.optional {
			return b, errRequired
		}
		return append(b, e.null), nil
	}
	if k := v.Kind(); k != e.s.Logical() && k != e.s.Kind() {
		return b, fmt.Errorf("a %s does not fit a schema of %s", k, e.s.Logical())
	}
	if e.optional {
		b = append(b, e.some)
	}
	switch v.Kind() {
	case data.KindBool:
		if v.Bool() {
			return append(b, 1), nil
		}
		return append(b, 0), nil
	case data.KindFloat32:
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(v.Float32())), nil
	case data.KindFloat64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float64())), nil
	case data.KindString:
		return appendBytes(b, v.TextBytes()), nil
	case data.KindBytes:
		return appendBytes(b, v.Bytes()), nil
	case data.KindDecimal:
		return e.appendDecimal(b, v)
	case data.KindList:
		return e.appendList(b, v.List())
	case data.KindMap:
		return e.appendMap(b, v.Map())
	case data.KindStruct:
		return e.appendStruct(b, v.Struct())
	default:
		return binary.AppendVarint(b, v.Int64()), nil
	}
}

func appendBytes(b, raw []byte) []byte {
	return append(binary.AppendVarint(b, int64(len(raw))), raw...)
}

func (e *encoder) appendDecimal(b []byte, v data.Value) ([]byte, error) {
	n, scale := v.Decimal()
	if scale != e.s.Scale() {
		return b, fmt.Errorf("a decimal has scale %d, but its schema has %d", scale, e.s.Scale())
	}
	return appendBytes(b, json.TwosComplement(n)), nil
}

func (e *encoder) appendList(b []byte, vs []data.Value) ([]byte, error) {
	var err error
	if len(vs) > 0 {
		b = binary.AppendVarint(b, int64(len(vs)))
	}
	for i, x := range vs {
		if b, err = e.elem.append(b, x); err != nil {
			return b, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return append(b, 0), nil
}

// appendMap writes a map, or an array of entries: the encoding is the same.
func (e *encoder) appendMap(b []byte, es []data.Entry) ([]byte, error) {
	var err error
	if len(es) > 0 {
		b = binary.AppendVarint(b, int64(len(es)))
	}
	for _, x := range es {
		if b, err = e.key.append(b, x.Key); err != nil {
			return b, fmt.Errorf("map key: %w", err)
		}
		if b, err = e.elem.append(b, x.Value); err != nil {
			return b, fmt.Errorf("map value of %s: %w", x.Key, err)
		}
	}
	return append(b, 0), nil
}

func (e *encoder) appendStruct(b []byte, st *data.Struct) ([]byte, error) {
	if st.Schema() != e.s && !sameFields(st.Schema(), e.s) {
		return b, errors.New("a struct does not have the schema it was announced with")
	}
	var err error
	for i, f := range e.fields {
		if b, err = f.append(b, st.At(i)); err != nil {
			return b, fmt.Errorf("field %q: %w", e.s.Fields()[i].Name, err)
		}
	}
	return b, nil
}

func sameFields(a, b *data.Schema) bool {
	if len(a.Fields()) != len(b.Fields()) {
		return false
	}
	for i, f := range a.Fields() {
		if g := b.Fields()[i]; f.Name != g.Name || f.Schema.Kind() != g.Schema.Kind() {
			return false
		}
	}
	return true
}
