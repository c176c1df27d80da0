package json

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/connectd/connectd/connect/data"
)

type decoderConfig struct {
	envelope    bool // schemas.enable
	replaceNull bool
	cacheSize   int
}

// slabRecords is how many records share memory: enough to make allocations rare, few enough that a kept record pins little.
const slabRecords = 64

// decoder reads values.
type decoder struct {
	cfg    decoderConfig
	fixed  *data.Schema // schema.content
	cache  schemaCache
	s      scanner
	slab   *data.Slab
	used   int
	values []data.Value // elements of the lists being read
	pairs  []data.Entry // entries of the maps being read
}

var errEnvelope = errors.New(`JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain additional ` +
	`fields. If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration.`)

func newDecoder(cfg decoderConfig) decoder {
	return decoder{cfg: cfg, cache: newSchemaCache(cfg.cacheSize)}
}

func (d *decoder) decode(b []byte) (data.Datum, error) {
	if b == nil {
		return data.Datum{}, nil
	}
	if d.used++; d.slab == nil || d.used > slabRecords {
		d.slab, d.used = new(data.Slab), 1
	}
	d.s = scanner{b: bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))}
	out, err := d.document()
	d.s.b = nil
	if err != nil {
		d.unwind()
		if isSyntax(err) {
			err = fmt.Errorf("Converting byte[] to Kafka Connect data failed due to serialization error: %w", err)
		}
		return data.Datum{}, err
	}
	return out, nil
}

// unwind forgets the half of a document that was read before an error.
func (d *decoder) unwind() {
	clear(d.values)
	clear(d.pairs)
	d.values, d.pairs = d.values[:0], d.pairs[:0]
}

func (d *decoder) document() (data.Datum, error) {
	if d.cfg.envelope && d.fixed == nil {
		return d.envelope()
	}
	if d.s.peek(); d.s.i == len(d.s.b) { // nothing but blanks: Jackson's MissingNode
		if d.cfg.envelope {
			v, err := d.null(d.fixed)
			return data.Datum{Schema: d.fixed, Value: v}, err
		}
		return data.Datum{}, nil
	}
	var schema *data.Schema
	if d.cfg.envelope {
		schema = d.fixed
	}
	v, err := d.value(schema)
	return data.Datum{Schema: schema, Value: v}, err
}

// envelope reads {"schema":…,"payload":…}. In this order, and with a schema seen before, the schema is not even scanned.
func (d *decoder) envelope() (data.Datum, error) {
	s := &d.s
	if s.peek() != '{' {
		return data.Datum{}, d.notEnvelope()
	}
	if err := s.enter(); err != nil {
		return data.Datum{}, err
	}
	if !d.member("schema") {
		return d.anyEnvelope()
	}
	schema, err := d.schema()
	if err != nil {
		if isSyntax(err) {
			return data.Datum{}, err
		}
		return d.anyEnvelope() // it may not be the schema: of two members with one name the last counts
	}
	if s.peek() != ',' {
		return d.anyEnvelope()
	}
	s.i++
	if !d.member("payload") {
		return d.anyEnvelope()
	}
	v, err := d.value(schema)
	if err != nil || s.peek() != '}' {
		return d.anyEnvelope()
	}
	return data.Datum{Schema: schema, Value: v}, nil
}

// member reads the name and colon if they are the ones wanted.
func (d *decoder) member(name string) bool {
	s := &d.s
	if s.peek() != '"' {
		return false
	}
	rest := s.b[s.i+1:]
	if len(rest) <= len(name) || string(rest[:len(name)]) != name || rest[len(name)] != '"' {
		return false
	}
	s.i += len(name) + 2
	if s.peek() != ':' {
		return false
	}
	s.i++
	s.peek()
	return true
}

// notEnvelope sees that the document can be read at all.
func (d *decoder) notEnvelope() error {
	if d.s.peek(); d.s.i < len(d.s.b) {
		if err := d.s.skip(); err != nil {
			return err
		}
	}
	return errEnvelope
}

// anyEnvelope starts again and takes the members in any order, the last of each name.
func (d *decoder) anyEnvelope() (data.Datum, error) {
	d.s = scanner{b: d.s.b}
	d.unwind()
	s := &d.s
	s.peek()
	if err := s.enter(); err != nil {
		return data.Datum{}, err
	}
	schemaAt, payloadAt, other := -1, -1, false
	for first := true; ; first = false {
		more, err := s.next('}', first)
		if err != nil {
			return data.Datum{}, err
		}
		if !more {
			break
		}
		name, err := s.key()
		if err != nil {
			return data.Datum{}, err
		}
		s.peek()
		switch string(name) {
		case "schema":
			schemaAt = s.i
		case "payload":
			payloadAt = s.i
		default:
			other = true
		}
		if err := s.skip(); err != nil {
			return data.Datum{}, err
		}
	}
	if other || schemaAt < 0 || payloadAt < 0 {
		return data.Datum{}, errEnvelope
	}
	*s = scanner{b: s.b, i: schemaAt, depth: 1}
	schema, err := d.schema()
	if err != nil {
		return data.Datum{}, err
	}
	*s = scanner{b: s.b, i: payloadAt, depth: 1}
	v, err := d.value(schema)
	return data.Datum{Schema: schema, Value: v}, err
}

// schema reads the schema at the scanner, or finds it by its text.
func (d *decoder) schema() (*data.Schema, error) {
	s := &d.s
	if s.b[s.i:] == nil || s.i >= len(s.b) {
		return nil, s.unexpected("a schema")
	}
	if s.b[s.i] == 'n' {
		return nil, s.literal("null")
	}
	if schema, n := d.cache.recent(s.b[s.i:]); schema != nil {
		s.i += n
		return schema, nil
	}
	start := s.i
	if err := s.skip(); err != nil {
		return nil, err
	}
	raw := s.b[start:s.i]
	if schema := d.cache.find(raw); schema != nil {
		return schema, nil
	}
	schema, err := d.parseSchema(raw)
	if err != nil {
		return nil, err
	}
	return d.cache.add(raw, schema), nil
}

// null is what a null means for the schema.
func (d *decoder) null(schema *data.Schema) (data.Value, error) {
	if schema == nil {
		return data.Value{}, nil
	}
	if def, ok := schema.Default(); ok && d.cfg.replaceNull {
		return def, nil
	}
	if schema.Optional() {
		return data.Value{}, nil
	}
	return data.Value{}, fmt.Errorf("Invalid null value for required %s field", schema.Kind())
}

// value reads a value. Without a schema its kind follows from the text.
func (d *decoder) value(schema *data.Schema) (data.Value, error) {
	c := d.s.peek()
	if c == 'n' {
		if err := d.s.literal("null"); err != nil {
			return data.Value{}, err
		}
		return d.null(schema)
	}
	if schema == nil {
		return d.schemaless(c)
	}
	switch schema.Logical() {
	case data.KindStruct:
		return d.structure(c, schema)
	case data.KindString:
		if c == '"' {
			b, err := d.s.text()
			return data.Text(b), err
		}
		return data.Value{}, d.s.skip() // JsonNode.textValue of anything else is null
	case data.KindList:
		return d.list(c, schema.ElemSchema())
	case data.KindMap:
		return d.mapping(c, schema)
	case data.KindBytes:
		return d.bytes(c)
	case data.KindBool:
		err := d.s.skip()
		return data.Bool(c == 't'), err
	case data.KindDecimal:
		return d.decimal(c, schema)
	case data.KindDate, data.KindTime, data.KindTimestamp:
		return d.date(c, schema.Logical())
	default:
		return d.num(c, schema.Kind())
	}
}

func (d *decoder) schemaless(c byte) (data.Value, error) {
	switch c {
	case '"':
		b, err := d.s.text()
		return data.Text(b), err
	case '{':
		return d.object(nil)
	case '[':
		return d.list(c, nil)
	case 't', 'f':
		err := d.s.skip()
		return data.Bool(c == 't'), err
	}
	if c != '-' && (c < '0' || c > '9') {
		return data.Value{}, d.s.skipScalar(c)
	}
	text, whole, err := d.s.number()
	switch {
	case err != nil:
		return data.Value{}, err
	case whole:
		return data.Int64(wrapped(text, true)), nil
	default:
		return data.Float64(parseFloat(text, 64)), nil
	}
}

func isNumber(c byte) bool { return c == '-' || c >= '0' && c <= '9' }

// num reads a number; what is none counts as 0, as JsonNode.intValue has it.
func (d *decoder) num(c byte, kind data.Kind) (data.Value, error) {
	text, whole := []byte("0"), true
	var err error
	if isNumber(c) {
		text, whole, err = d.s.number()
	} else {
		err = d.s.skip()
	}
	switch {
	case err != nil:
		return data.Value{}, err
	case kind == data.KindFloat32:
		return data.Float32(float32(parseFloat(text, 32))), nil
	case kind == data.KindFloat64:
		return data.Float64(parseFloat(text, 64)), nil
	default:
		return data.IntOf(kind, wrapped(text, whole)), nil
	}
}
