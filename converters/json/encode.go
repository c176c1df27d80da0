package json

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connect/data/jsontext"
	"github.com/connectd/connectd/converters/internal/javatext"
)

type encoderConfig struct {
	envelope    bool // schemas.enable
	numeric     bool // decimal.format=NUMERIC
	replaceNull bool
	cacheSize   int
}

// encoder writes values. Its cache of plans is emptied when full.
type encoder struct {
	cfg     encoderConfig
	last    *plan // of the record before, nearly always the right one
	plans   map[*data.Schema]*plan
	equal   *data.Interner // a schema made anew for each record still finds its plan
	scratch []byte         // bytes of one decimal
}

// plan is what a schema decides about the output.
type plan struct {
	schema *data.Schema
	prefix []byte // {"schema":…,"payload":
	root   *node
}

// node is a schema as the encoder sees it.
type node struct {
	schema   *data.Schema
	same     *data.Schema // another schema whose structs were found to fit
	logical  data.Kind
	named    string // simple name of a logical type, for messages
	optional bool
	def      []byte // the rendered default, if it is to replace null
	fields   []fieldNode
	key      *node
	elem     *node
	textKeys bool
}

type fieldNode struct {
	name []byte // "name": with a comma before all but the first
	node *node
}

var errRequired = errors.New("Conversion error: null value for field that is required and has no default value")

func newEncoder(cfg encoderConfig) encoder {
	return encoder{cfg: cfg, plans: map[*data.Schema]*plan{}, equal: data.NewInterner(cfg.cacheSize)}
}

func (e *encoder) appendDatum(dst []byte, d data.Datum) ([]byte, bool, error) {
	if d.Schema == nil {
		if d.Value.IsNull() {
			return dst, false, nil
		}
		return e.appendPlain(dst, d.Value)
	}
	p := e.last
	if p == nil || p.schema != d.Schema {
		var err error
		if p, err = e.planFor(d.Schema); err != nil {
			return dst, false, err
		}
		e.last = p
	}
	out := dst
	if e.cfg.envelope {
		out = append(out, p.prefix...)
	}
	out, err := e.appendValue(out, p.root, d.Value)
	if err != nil {
		return dst, false, err
	}
	if e.cfg.envelope {
		out = append(out, '}')
	}
	return out, true, nil
}

func (e *encoder) appendPlain(dst []byte, v data.Value) ([]byte, bool, error) {
	out := dst
	if e.cfg.envelope {
		out = append(out, `{"schema":null,"payload":`...)
	}
	out, err := e.appendSchemaless(out, v, maxDepth)
	if err != nil {
		return dst, false, err
	}
	if e.cfg.envelope {
		out = append(out, '}')
	}
	return out, true, nil
}

func (e *encoder) appendValue(dst []byte, n *node, v data.Value) ([]byte, error) {
	if v.Kind() != n.logical {
		if v.IsNull() {
			return n.appendNull(dst)
		}
		var err error
		if v, err = n.fit(v); err != nil {
			return dst, err
		}
	}
	switch n.logical {
	case data.KindString:
		return jsontext.AppendPairs(dst, v.TextBytes()), nil
	case data.KindStruct:
		return e.appendStruct(dst, n, v.Struct())
	case data.KindList:
		return e.appendList(dst, n, v.List())
	case data.KindMap:
		return e.appendMap(dst, n, v.Map())
	case data.KindDecimal:
		return e.appendDecimal(dst, n, v)
	default:
		return appendScalar(dst, v), nil
	}
}

// appendScalar writes what looks the same with and without a schema.
func appendScalar(dst []byte, v data.Value) []byte {
	switch v.Kind() {
	case data.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case data.KindFloat32:
		return appendFloat(dst, v.Float64(), 32)
	case data.KindFloat64:
		return appendFloat(dst, v.Float64(), 64)
	case data.KindBytes:
		return appendBase64(dst, v.Bytes())
	case data.KindString:
		return jsontext.AppendPairs(dst, v.TextBytes())
	default:
		return strconv.AppendInt(dst, v.Int64(), 10)
	}
}

func (n *node) appendNull(dst []byte) ([]byte, error) {
	switch {
	case n.def != nil:
		return append(dst, n.def...), nil
	case n.optional:
		return append(dst, "null"...), nil
	default:
		return dst, errRequired
	}
}

func (e *encoder) appendStruct(dst []byte, n *node, st *data.Struct) ([]byte, error) {
	if s := st.Schema(); s != n.schema && s != n.same {
		if !n.takes(s) {
			return dst, errors.New("Mismatching schema.")
		}
		n.same = s
	}
	dst = append(dst, '{')
	for i := range n.fields {
		f := &n.fields[i]
		dst = append(dst, f.name...)
		v := st.At(i)
		switch { // the commonest kinds without a call
		case v.IsNull() && f.node.optional && f.node.def == nil:
			dst = append(dst, "null"...)
		case v.Kind() == data.KindString && f.node.logical == data.KindString:
			dst = jsontext.AppendPairs(dst, v.TextBytes())
		case v.Kind().IsInt() && f.node.logical == v.Kind():
			dst = strconv.AppendInt(dst, v.Int64(), 10)
		default:
			var err error
			if dst, err = e.appendValue(dst, f.node, v); err != nil {
				return dst, fmt.Errorf("%w (field %q)", err, n.schema.Fields()[i].Name)
			}
		}
	}
	return append(dst, '}'), nil
}

// takes tells whether structs of s can be written: Java wants equal schemas; that of the struct may differ from the field's in
// optional, default and doc here, as data.Schema.Check allows.
func (n *node) takes(s *data.Schema) bool {
	if s.Equal(n.schema) {
		return true
	}
	fs := n.schema.Fields()
	if s.Name() != n.schema.Name() || len(s.Fields()) != len(fs) {
		return false
	}
	for i, f := range s.Fields() {
		if f.Name != fs[i].Name || !f.Schema.Equal(fs[i].Schema) {
			return false
		}
	}
	return true
}

func (e *encoder) appendList(dst []byte, n *node, vs []data.Value) ([]byte, error) {
	dst = append(dst, '[')
	for i, v := range vs {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = e.appendValue(dst, n.elem, v); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (e *encoder) appendMap(dst []byte, n *node, es []data.Entry) ([]byte, error) {
	if !n.textKeys {
		return e.appendPairs(dst, n, es)
	}
	dst = append(dst, '{')
	for i, x := range es {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch {
		case x.Key.Kind() == data.KindString:
			dst = jsontext.AppendPairs(dst, x.Key.TextBytes())
		case x.Key.IsNull() && n.key.optional:
			dst = append(dst, `"null"`...) // JsonNode.asText of null
		case x.Key.IsNull():
			return dst, errRequired
		default:
			_, err := n.key.fit(x.Key)
			return dst, err
		}
		dst = append(dst, ':')
		var err error
		if dst, err = e.appendValue(dst, n.elem, x.Value); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func (e *encoder) appendPairs(dst []byte, n *node, es []data.Entry) ([]byte, error) {
	dst = append(dst, '[')
	for i, x := range es {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		var err error
		if dst, err = e.appendValue(dst, n.key, x.Key); err != nil {
			return dst, err
		}
		dst = append(dst, ',')
		if dst, err = e.appendValue(dst, n.elem, x.Value); err != nil {
			return dst, err
		}
		dst = append(dst, ']')
	}
	return append(dst, ']'), nil
}

func (e *encoder) appendDecimal(dst []byte, n *node, v data.Value) ([]byte, error) {
	if e.cfg.numeric {
		return appendDecimal(dst, v), nil
	}
	if _, scale, ok := v.Decimal64(); ok && scale != n.schema.Scale() {
		return dst, badScale(scale, n.schema.Scale())
	} else if !ok {
		if _, scale := v.Decimal(); scale != n.schema.Scale() {
			return dst, badScale(scale, n.schema.Scale())
		}
	}
	e.scratch = appendTwosComplement(e.scratch[:0], v)
	return appendBase64(dst, e.scratch), nil
}

func badScale(have, want int32) error {
	return fmt.Errorf("Decimal value has mismatching scale for given Decimal schema. Schema has scale %d, value has scale %d.", want, have)
}

// appendSchemaless writes a value that has no schema; depth is how deep it may go.
func (e *encoder) appendSchemaless(dst []byte, v data.Value, depth int) ([]byte, error) {
	if depth == 0 {
		return dst, errDepth
	}
	switch v.Kind() {
	case data.KindNull:
		return append(dst, "null"...), nil
	case data.KindList:
		dst = append(dst, '[')
		for i, x := range v.List() {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = e.appendSchemaless(dst, x, depth-1); err != nil {
				return dst, err
			}
		}
		return append(dst, ']'), nil
	case data.KindMap:
		return e.appendSchemalessMap(dst, v.Map(), depth-1)
	case data.KindStruct:
		return dst, errors.New("Mismatching schema.")
	case data.KindDecimal, data.KindDate, data.KindTime, data.KindTimestamp:
		return dst, fmt.Errorf("Java class %s does not have corresponding schema type.", javatext.Class(v.Kind()))
	default:
		return appendScalar(dst, v), nil
	}
}

// appendSchemalessMap writes an object if all keys are texts, else a list of pairs.
func (e *encoder) appendSchemalessMap(dst []byte, es []data.Entry, depth int) ([]byte, error) {
	object := true
	for _, x := range es {
		object = object && x.Key.Kind() == data.KindString
	}
	opening, closing, between := byte('{'), byte('}'), byte(':')
	if !object {
		opening, closing, between = '[', ']', ','
	}
	dst = append(dst, opening)
	for i, x := range es {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !object {
			dst = append(dst, '[')
		}
		var err error
		if dst, err = e.appendSchemaless(dst, x.Key, depth); err != nil {
			return dst, err
		}
		dst = append(dst, between)
		if dst, err = e.appendSchemaless(dst, x.Value, depth); err != nil {
			return dst, err
		}
		if !object {
			dst = append(dst, ']')
		}
	}
	return append(dst, closing), nil
}
