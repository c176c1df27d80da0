package parquet

import (
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/hdfs/format"
	"github.com/connectd/connectd/connectors/hdfs/format/avro"
	"github.com/connectd/connectd/connectors/hdfs/format/json"
)

const (
	pageSize     = 64 << 10
	rowGroupSize = 64 << 20
)

// Format is the Parquet format.
type Format struct {
	conf  avro.Config
	cache map[*data.Schema]*plan
}

// New makes the format.
func New(c avro.Config) format.Format {
	c.CacheSize = max(c.CacheSize, 1)
	return &Format{conf: c, cache: map[*data.Schema]*plan{}}
}

// Extension is ".parquet".
func (f *Format) Extension() string { return ".parquet" }

type plan struct {
	schema *parquet.Schema
	avro   string
	root   *column
	leaves int
}

// NewWriter refuses values that are not structs.
func (f *Format) NewWriter(w io.Writer, s *data.Schema) (format.Writer, error) {
	if s == nil || s.Kind() != data.KindStruct {
		return nil, &format.ValueError{Err: errors.New("Parquet files need structs with a schema; use JsonFormat, or a converter with schemas")}
	}
	p := f.cache[s]
	if p == nil {
		var err error
		if p, err = newPlan(s, f.conf); err != nil {
			return nil, &format.ValueError{Err: err}
		}
		if len(f.cache) >= f.conf.CacheSize {
			clear(f.cache)
		}
		f.cache[s] = p
	}
	out := parquet.NewGenericWriter[any](w, p.schema, parquet.Compression(&parquet.Snappy), parquet.PageBufferSize(pageSize),
		parquet.WriteBufferSize(0), // the spool is a buffer already, and there may be thousands of files
		parquet.KeyValueMetadata("parquet.avro.schema", p.avro), parquet.KeyValueMetadata("writer.model.name", "avro"))
	return &writer{out: out, plan: p, cols: make([][]parquet.Value, p.leaves)}, nil
}

func newPlan(s *data.Schema, c avro.Config) (*plan, error) {
	text, err := avro.SchemaJSON(s.AsRequired(), c)
	if err != nil {
		return nil, err
	}
	if len(s.Fields()) == 0 {
		return nil, errors.New("Parquet cannot hold a struct without fields")
	}
	name := s.Name()
	if name == "" {
		name = "io.confluent.connect.avro.ConnectDefault"
	}
	b := &builder{}
	root, node, err := b.group(s)
	if err != nil {
		return nil, err
	}
	return &plan{parquet.NewSchema(name, node), string(text), root, b.leaves}, nil
}

// column writes the values of one schema to its leaves.
type column struct {
	s        *data.Schema
	optional bool
	first    int // leaves [first, last) are below this one
	last     int
	depth    int // repetition level of a list's or map's elements
	fields   []*column
	key      *column
	elem     *column
}

type builder struct {
	leaves int
	depth  int
}

// group is a parquet.Group that keeps the order of its fields.
type group struct {
	parquet.Group
	fields []parquet.Field
}

func (g *group) Fields() []parquet.Field { return g.fields }

type groupField struct {
	parquet.Node
	name string
}

func (f *groupField) Name() string                           { return f.name }
func (f *groupField) Value(base reflect.Value) reflect.Value { return base.FieldByName(f.name) }

func (b *builder) group(s *data.Schema) (*column, parquet.Node, error) {
	c := &column{s: s, first: b.leaves}
	g := &group{Group: parquet.Group{}}
	for _, f := range s.Fields() {
		col, node, err := b.field(f.Schema)
		if err != nil {
			return nil, nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		c.fields = append(c.fields, col)
		g.Group[f.Name] = node
		g.fields = append(g.fields, &groupField{node, f.Name})
	}
	c.last = b.leaves
	return c, g, nil
}

func (b *builder) field(s *data.Schema) (*column, parquet.Node, error) {
	c, node, err := b.node(s)
	if err != nil {
		return nil, nil, err
	}
	if s.Optional() {
		c.optional = true
		return c, parquet.Optional(node), nil
	}
	return c, parquet.Required(node), nil
}

func (b *builder) node(s *data.Schema) (*column, parquet.Node, error) {
	switch s.Kind() {
	case data.KindStruct:
		if len(s.Fields()) == 0 {
			return nil, nil, errors.New("Parquet cannot hold a struct without fields")
		}
		return b.group(s)
	case data.KindList, data.KindMap:
		return b.repeated(s)
	}
	c := &column{s: s, first: b.leaves, last: b.leaves + 1}
	b.leaves++
	return c, leaf(s), nil
}

func (b *builder) repeated(s *data.Schema) (*column, parquet.Node, error) {
	c := &column{s: s, first: b.leaves}
	b.depth++
	c.depth = b.depth
	defer func() { b.depth-- }()
	var key parquet.Node
	var err error
	if k := s.KeySchema(); k != nil {
		if c.key, key, err = b.field(k.AsRequired()); err != nil {
			return nil, nil, fmt.Errorf("map key: %w", err)
		}
	}
	var elem parquet.Node
	if c.elem, elem, err = b.field(s.ElemSchema()); err != nil {
		return nil, nil, fmt.Errorf("element: %w", err)
	}
	c.last = b.leaves
	if key != nil {
		return c, parquet.Map(key, elem), nil
	}
	return c, parquet.List(elem), nil
}

func leaf(s *data.Schema) parquet.Node {
	switch s.Logical() {
	case data.KindBool:
		return parquet.Leaf(parquet.BooleanType)
	case data.KindInt64:
		return parquet.Leaf(parquet.Int64Type)
	case data.KindFloat32:
		return parquet.Leaf(parquet.FloatType)
	case data.KindFloat64:
		return parquet.Leaf(parquet.DoubleType)
	case data.KindString:
		return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	case data.KindBytes:
		return parquet.Leaf(parquet.ByteArrayType)
	case data.KindDecimal:
		return parquet.Decimal(int(s.Scale()), avro.Precision(s), parquet.ByteArrayType)
	case data.KindDate:
		return parquet.Date()
	case data.KindTime:
		return parquet.Time(parquet.Millisecond)
	case data.KindTimestamp:
		return parquet.Timestamp(parquet.Millisecond)
	default:
		return parquet.Leaf(parquet.Int32Type)
	}
}

type writer struct {
	out  *parquet.GenericWriter[any]
	plan *plan
	cols [][]parquet.Value
	row  parquet.Row
	size int64
}

func (w *writer) Write(v data.Value) error {
	for i := range w.cols {
		w.cols[i] = w.cols[i][:0]
	}
	if err := w.add(w.plan.root, v, 0, 0); err != nil {
		return &format.ValueError{Err: err}
	}
	w.row = w.row[:0]
	for _, c := range w.cols {
		w.row = append(w.row, c...)
	}
	if _, err := w.out.WriteRows([]parquet.Row{w.row}); err != nil {
		return err
	}
	for _, x := range w.row {
		w.size += 8
		if k := x.Kind(); k == parquet.ByteArray {
			w.size += int64(len(x.ByteArray()))
		}
	}
	if w.size >= rowGroupSize {
		w.size = 0
		return w.out.Flush()
	}
	return nil
}

func (w *writer) Close() error { return w.out.Close() }

// add writes v to the leaves of c; rep and def are the levels reached so far.
func (w *writer) add(c *column, v data.Value, rep, level int) error {
	if v.IsNull() {
		v, _ = c.s.Default()
	}
	if c.optional {
		if v.IsNull() {
			w.nulls(c, rep, level)
			return nil
		}
		level++
	}
	if v.IsNull() {
		return errors.New("null value for a schema that is not optional and has no default")
	}
	if k := v.Kind(); k != c.s.Logical() && k != c.s.Kind() {
		return fmt.Errorf("a %s does not fit a schema of %s", k, c.s.Logical())
	}
	switch v.Kind() {
	case data.KindStruct:
		return w.addStruct(c, v.Struct(), rep, level)
	case data.KindList:
		for i, e := range v.List() {
			if err := w.add(c.elem, e, repetition(i, rep, c), level+1); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
		if len(v.List()) == 0 {
			w.nulls(c, rep, level)
		}
		return nil
	case data.KindMap:
		return w.addMap(c, v.Map(), rep, level)
	}
	x, err := value(c.s, v)
	w.cols[c.first] = append(w.cols[c.first], x.Level(rep, level, c.first))
	return err
}

func repetition(i, rep int, c *column) int {
	if i == 0 {
		return rep
	}
	return c.depth
}

func (w *writer) nulls(c *column, rep, level int) {
	for i := c.first; i < c.last; i++ {
		w.cols[i] = append(w.cols[i], parquet.NullValue().Level(rep, level, i))
	}
}

func (w *writer) addStruct(c *column, st *data.Struct, rep, level int) error {
	if st.Len() != len(c.fields) {
		return errors.New("a struct does not have the schema it was announced with")
	}
	for i, f := range c.fields {
		if err := w.add(f, st.At(i), rep, level); err != nil {
			return fmt.Errorf("field %q: %w", c.s.Fields()[i].Name, err)
		}
	}
	return nil
}

func (w *writer) addMap(c *column, es []data.Entry, rep, level int) error {
	for i, e := range es {
		r := repetition(i, rep, c)
		if err := w.add(c.key, e.Key, r, level+1); err != nil {
			return fmt.Errorf("map key: %w", err)
		}
		if err := w.add(c.elem, e.Value, r, level+1); err != nil {
			return fmt.Errorf("map value of %s: %w", e.Key, err)
		}
	}
	if len(es) == 0 {
		w.nulls(c, rep, level)
	}
	return nil
}

func value(s *data.Schema, v data.Value) (parquet.Value, error) {
	switch v.Kind() {
	case data.KindBool:
		return parquet.BooleanValue(v.Bool()), nil
	case data.KindInt64, data.KindTimestamp:
		return parquet.Int64Value(v.Int64()), nil
	case data.KindFloat32:
		return parquet.FloatValue(v.Float32()), nil
	case data.KindFloat64:
		return parquet.DoubleValue(v.Float64()), nil
	case data.KindString:
		return parquet.ByteArrayValue(v.TextBytes()), nil
	case data.KindBytes:
		return parquet.ByteArrayValue(v.Bytes()), nil
	case data.KindDecimal:
		n, scale := v.Decimal()
		if scale != s.Scale() {
			return parquet.Value{}, fmt.Errorf("a decimal has scale %d, but its schema has %d", scale, s.Scale())
		}
		return parquet.ByteArrayValue(json.TwosComplement(n)), nil
	default:
		return parquet.Int32Value(int32(v.Int64())), nil
	}
}
