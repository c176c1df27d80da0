package elasticsearch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connect/data/jsontext"
)

// maxDepth is how deep values may be nested.
const maxDepth = 200

// writer renders values as JsonConverter without schemas does, after what DataConverter.preProcessValue makes of values with a schema:
// decimals are numbers, and maps become objects or arrays of {"key":…,"value":…} as compact.map.entries says. With raw (schema.ignore)
// that step is left out, as in Confluent's connector: decimals are base64 of their unscaled bytes then.
type writer struct {
	names   map[*data.Schema][][]byte
	raw     bool
	compact bool
}

// errRequired is JsonConverter's answer to a null where the schema has none.
var errRequired = errors.New("null value for field that is required and has no default value")

// fieldError names the innermost field of an error only: the whole path of a deep value with long names would be megabytes.
type fieldError struct {
	name string
	err  error
}

func (e *fieldError) Error() string { return fmt.Sprintf("field %q: %v", e.name, e.err) }
func (e *fieldError) Unwrap() error { return e.err }

func at(name string, err error) error {
	if _, ok := errors.AsType[*fieldError](err); ok {
		return err
	}
	return &fieldError{strings.Clone(name[:min(len(name), 100)]), err}
}

// append renders v; s is its schema, nil without.
func (w *writer) append(b []byte, v data.Value, s *data.Schema, depth int) ([]byte, error) {
	if depth > maxDepth {
		return b, fmt.Errorf("the value is nested more than %d deep", maxDepth)
	}
	switch v.Kind() {
	case data.KindNull:
		if s != nil {
			if def, ok := s.Default(); ok {
				return w.append(b, def, s, depth+1)
			}
			if !s.Optional() {
				return b, errRequired
			}
		}
		return append(b, "null"...), nil
	case data.KindBool:
		return strconv.AppendBool(b, v.Bool()), nil
	case data.KindString:
		return jsontext.Append(b, v.String()), nil
	case data.KindBytes:
		return appendBase64(b, v.Bytes()), nil
	case data.KindFloat32:
		return appendFloat(b, v.Float64(), 32), nil
	case data.KindFloat64:
		return appendFloat(b, v.Float64(), 64), nil
	case data.KindDecimal:
		if w.raw {
			return appendBase64(b, unscaled(v)), nil
		}
		return appendDecimal(b, v), nil
	case data.KindList:
		return w.list(b, v.List(), s, depth)
	case data.KindMap:
		return w.entries(b, v.Map(), s, depth)
	case data.KindStruct:
		return w.appendStruct(b, v.Struct(), depth)
	default:
		return strconv.AppendInt(b, v.Int64(), 10), nil
	}
}

func (w *writer) list(b []byte, vs []data.Value, s *data.Schema, depth int) (_ []byte, err error) {
	var elem *data.Schema
	if s != nil {
		elem = s.ElemSchema()
	}
	b = append(b, '[')
	for i, e := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = w.append(b, e, elem, depth+1); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func (w *writer) appendStruct(b []byte, st *data.Struct, depth int) (_ []byte, err error) {
	names := w.names[st.Schema()]
	fields := st.Schema().Fields()
	if names == nil {
		if len(w.names) >= maxNames {
			clear(w.names)
		}
		names = make([][]byte, 0, len(fields))
		for _, f := range fields {
			names = append(names, append(jsontext.Append(nil, f.Name), ':'))
		}
		w.names[st.Schema()] = names
	}
	b = append(b, '{')
	for i, n := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, n...)
		if b, err = w.append(b, st.At(i), fields[i].Schema, depth+1); err != nil {
			return b, at(fields[i].Name, err)
		}
	}
	return append(b, '}'), nil
}

// object renders a map as a whole document, which must be an object whatever compact.map.entries says.
func (w *writer) object(b []byte, d data.Datum) ([]byte, error) {
	es := d.Value.Map()
	if !textKeys(es) {
		return b, errors.New("the value is a map with keys that are no text; it makes no document")
	}
	return w.fields(b, es, elemOf(d.Schema), 0)
}

func elemOf(s *data.Schema) *data.Schema {
	if s == nil {
		return nil
	}
	return s.ElemSchema()
}

func textKeys(es []data.Entry) bool {
	for i := range es {
		if es[i].Key.Kind() != data.KindString {
			return false
		}
	}
	return true
}

// entries renders a map below the document. Without schema, and with schema.ignore, an object, or an array of [key,value] if a key is no
// text (JsonConverter); else an object or an array of {"key":…,"value":…}.
func (w *writer) entries(b []byte, es []data.Entry, s *data.Schema, depth int) (_ []byte, err error) {
	plain := s == nil || w.raw
	if text := textKeys(es); text && (plain || w.compact && s.KeySchema().Kind() == data.KindString) {
		return w.fields(b, es, elemOf(s), depth)
	}
	before, between, after := `{"key":`, `,"value":`, byte('}')
	if plain {
		before, between, after = `[`, `,`, ']'
	}
	var key *data.Schema
	if s != nil {
		key = s.KeySchema()
	}
	b = append(b, '[')
	for i, e := range es {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, before...)
		if b, err = w.append(b, e.Key, key, depth+1); err != nil {
			return b, err
		}
		b = append(b, between...)
		if b, err = w.append(b, e.Value, elemOf(s), depth+1); err != nil {
			return b, err
		}
		b = append(b, after)
	}
	return append(b, ']'), nil
}

func (w *writer) fields(b []byte, es []data.Entry, elem *data.Schema, depth int) (_ []byte, err error) {
	b = append(b, '{')
	for i, e := range es {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsontext.Append(b, e.Key.String()), ':')
		if b, err = w.append(b, e.Value, elem, depth+1); err != nil {
			return b, at(e.Key.String(), err)
		}
	}
	return append(b, '}'), nil
}
