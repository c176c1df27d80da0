package json

import (
	"errors"
	"fmt"
	"io"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connect/data/jsontext"
	"github.com/connectd/connectd/connectors/hdfs/format"
)

// maxPlans bounds the schemas a Format keeps plans for.
const maxPlans = 1000

// Format is the JSON format.
type Format struct{ plans map[*data.Schema]*plan }

// New makes the format.
func New() format.Format { return &Format{plans: map[*data.Schema]*plan{}} }

// Extension is ".json".
func (f *Format) Extension() string { return ".json" }

// NewWriter takes any schema, and none.
func (f *Format) NewWriter(w io.Writer, s *data.Schema) (format.Writer, error) {
	e := &writer{w: w}
	if s == nil || s.Kind() != data.KindStruct {
		return e, nil
	}
	if e.plan = f.plans[s]; e.plan == nil {
		if len(f.plans) >= maxPlans {
			clear(f.plans)
		}
		e.plan = newPlan(s)
		f.plans[s] = e.plan
	}
	return e, nil
}

type writer struct {
	w    io.Writer
	plan *plan
	buf  []byte
}

func (e *writer) Write(v data.Value) error {
	var err error
	b := e.buf[:0]
	if e.plan != nil && v.Kind() == data.KindStruct {
		b, err = e.plan.append(b, v)
	} else {
		b, err = appendPlain(b, v)
	}
	if err != nil {
		return &format.ValueError{Err: err}
	}
	b = append(b, '\n')
	e.buf = b
	_, err = e.w.Write(b)
	return err
}

var _ format.DocumentWriter = (*writer)(nil)

func (e *writer) WriteDocument(doc []byte) error {
	e.buf = append(append(e.buf[:0], doc...), '\n')
	_, err := e.w.Write(e.buf)
	return err
}

func (e *writer) Close() error { return nil }

// plan renders values of one schema. Field names are quoted once.
type plan struct {
	s      *data.Schema
	fields []field
	key    *plan
	elem   *plan
}

type field struct {
	prefix []byte // ,"name":
	plan   *plan
}

func newPlan(s *data.Schema) *plan {
	p := &plan{s: s}
	for _, f := range s.Fields() {
		prefix := append(jsontext.Append([]byte{','}, f.Name), ':')
		p.fields = append(p.fields, field{prefix, newPlan(f.Schema)})
	}
	if k := s.KeySchema(); k != nil {
		p.key = newPlan(k)
	}
	if e := s.ElemSchema(); e != nil {
		p.elem = newPlan(e)
	}
	return p
}

var errRequired = errors.New("null value for a field that is required and has no default value")

func (p *plan) append(b []byte, v data.Value) ([]byte, error) {
	if v.IsNull() {
		def, ok := p.s.Default()
		switch {
		case ok:
			v = def
		case p.s.Optional():
			return append(b, "null"...), nil
		default:
			return b, errRequired
		}
	}
	switch v.Kind() {
	case data.KindStruct:
		return p.appendStruct(b, v.Struct())
	case data.KindList:
		return p.appendList(b, v.List())
	case data.KindMap:
		return p.appendMap(b, v.Map())
	case data.KindDecimal:
		return appendDecimalBytes(b, v), nil
	default:
		return AppendScalar(b, v)
	}
}

func (p *plan) appendStruct(b []byte, st *data.Struct) ([]byte, error) {
	if p.s != st.Schema() && !sameFields(p, st.Schema()) {
		return b, fmt.Errorf("a struct does not have the schema it was announced with")
	}
	start := len(b)
	var err error
	for i := range p.fields {
		b = append(b, p.fields[i].prefix...)
		if b, err = p.fields[i].plan.append(b, st.At(i)); err != nil {
			return b, fmt.Errorf("field %q: %w", p.s.Fields()[i].Name, err)
		}
	}
	if len(b) == start {
		return append(b, '{', '}'), nil
	}
	b[start] = '{' // in place of the first comma
	return append(b, '}'), nil
}

// sameFields allows a struct of an equal schema behind another pointer.
func sameFields(p *plan, s *data.Schema) bool {
	if len(p.fields) != len(s.Fields()) {
		return false
	}
	for i, f := range p.s.Fields() {
		if g := s.Fields()[i]; f.Name != g.Name || f.Schema.Kind() != g.Schema.Kind() {
			return false
		}
	}
	return true
}

func (p *plan) appendList(b []byte, vs []data.Value) ([]byte, error) {
	b = append(b, '[')
	var err error
	for i, e := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = p.elem.append(b, e); err != nil {
			return b, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return append(b, ']'), nil
}

// appendMap renders maps with text keys as objects, others as arrays of pairs.
func (p *plan) appendMap(b []byte, es []data.Entry) ([]byte, error) {
	object := p.key.s.Kind() == data.KindString && !p.key.s.Optional()
	open, close1 := byte('['), byte(']')
	if object {
		open, close1 = '{', '}'
	}
	b = append(b, open)
	var err error
	for i, e := range es {
		if i > 0 {
			b = append(b, ',')
		}
		if !object {
			b = append(b, '[')
		}
		if b, err = p.key.append(b, e.Key); err != nil {
			return b, fmt.Errorf("map key: %w", err)
		}
		if object {
			b = append(b, ':')
		} else {
			b = append(b, ',')
		}
		if b, err = p.elem.append(b, e.Value); err != nil {
			return b, fmt.Errorf("map value of %s: %w", e.Key, err)
		}
		if !object {
			b = append(b, ']')
		}
	}
	return append(b, close1), nil
}
