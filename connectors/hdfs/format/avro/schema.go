package avro

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connect/data/jsontext"
	"github.com/connectd/connectd/connectors/hdfs/format/json"
)

const (
	defaultNamespace = "io.confluent.connect.avro"
	defaultName      = "ConnectDefault"
	mapEntryName     = "MapEntry"
	precisionParam   = "connect.decimal.precision"
	defaultPrecision = 64
)

// SchemaJSON is the Avro schema of s as Confluent's AvroData makes it.
func SchemaJSON(s *data.Schema, c Config) ([]byte, error) {
	b := &builder{conf: c, named: map[string]*data.Schema{}}
	b.schema(s, "", s.Optional())
	return b.out, errors.Join(b.errs...)
}

type builder struct {
	conf    Config
	out     []byte
	named   map[string]*data.Schema // full names defined so far
	unnamed []*data.Schema          // structs without a name, in order
	entries int
	errs    []error
}

func (b *builder) text(s string)   { b.out = append(b.out, s...) }
func (b *builder) quote(s string)  { b.out = jsontext.Append(b.out, s) }
func (b *builder) key(name string) { b.text(","); b.quote(name); b.text(":") }

// schema appends s: a union with null if optional, null first unless there is a default.
func (b *builder) schema(s *data.Schema, space string, optional bool) {
	if !optional {
		b.base(s, space)
		return
	}
	if _, hasDefault := s.Default(); hasDefault {
		b.text("[")
		b.base(s, space)
		b.text(`,"null"]`)
		return
	}
	b.text(`["null",`)
	b.base(s, space)
	b.text("]")
}

// base appends s without its optionality.
func (b *builder) base(s *data.Schema, space string) {
	switch s.Kind() {
	case data.KindStruct:
		b.record(s, space)
	case data.KindList:
		b.text(`{"type":"array","items":`)
		b.schema(s.ElemSchema(), space, s.ElemSchema().Optional())
		b.props(s)
		b.text("}")
	case data.KindMap:
		b.mapping(s, space)
	default:
		b.primitive(s)
	}
}

var avroTypes = map[data.Kind]string{
	data.KindBool: "boolean", data.KindInt8: "int", data.KindInt16: "int", data.KindInt32: "int", data.KindInt64: "long",
	data.KindFloat32: "float", data.KindFloat64: "double", data.KindString: "string", data.KindBytes: "bytes",
}

func (b *builder) primitive(s *data.Schema) {
	start := len(b.out)
	b.text(`{"type":`)
	b.quote(avroTypes[s.Kind()])
	bare := len(b.out)
	if b.conf.ConnectMetaData && (s.Kind() == data.KindInt8 || s.Kind() == data.KindInt16) {
		b.key("connect.type")
		b.quote(strings.ToLower(s.Kind().String()))
	}
	if s.Logical() == data.KindDecimal {
		b.text(`,"scale":` + strconv.Itoa(int(s.Scale())) + `,"precision":` + strconv.Itoa(Precision(s)))
	}
	b.props(s)
	switch s.Logical() {
	case data.KindDecimal:
		b.text(`,"logicalType":"decimal"`)
	case data.KindDate:
		b.text(`,"logicalType":"date"`)
	case data.KindTime:
		b.text(`,"logicalType":"time-millis"`)
	case data.KindTimestamp:
		b.text(`,"logicalType":"timestamp-millis"`)
	}
	if len(b.out) == bare {
		b.out = b.out[:start]
		b.quote(avroTypes[s.Kind()])
		return
	}
	b.text("}")
}

// Precision is that of a Decimal schema: connect.decimal.precision, else 64.
func Precision(s *data.Schema) int {
	text, _ := s.Param(precisionParam)
	if n, err := strconv.ParseInt(text, 10, 31); err == nil && n > 0 {
		return int(n)
	}
	return defaultPrecision
}

// props appends what Avro has no place for.
func (b *builder) props(s *data.Schema) {
	if !b.conf.ConnectMetaData {
		return
	}
	if s.Doc() != "" {
		b.key("connect.doc")
		b.quote(s.Doc())
	}
	if v, ok := s.Version(); ok {
		b.key("connect.version")
		b.text(strconv.Itoa(int(v)))
	}
	if ps := s.Params(); len(ps) > 0 {
		b.key("connect.parameters")
		for i, p := range ps {
			b.text([]string{"{", ","}[min(i, 1)])
			b.quote(p.Key)
			b.text(":")
			b.quote(p.Value)
		}
		b.text("}")
	}
	if d, ok := s.Default(); ok {
		b.key("connect.default")
		b.value(s, d)
	}
	if s.Name() != "" {
		b.key("connect.name")
		b.quote(s.Name())
	}
}

// nameOf splits the schema's name; structs without one get a default name, numbered from the second on.
func (b *builder) nameOf(s *data.Schema) (space, name string) {
	if s.Name() != "" {
		if i := strings.LastIndexByte(s.Name(), '.'); i >= 0 {
			return s.Name()[:i], s.Name()[i+1:]
		}
		return "", s.Name()
	}
	n := 0
	for ; n < len(b.unnamed); n++ {
		if b.unnamed[n].AsRequired().Equal(s.AsRequired()) {
			break
		}
	}
	if n == len(b.unnamed) {
		b.unnamed = append(b.unnamed, s)
	}
	if n == 0 {
		return defaultNamespace, defaultName
	}
	return defaultNamespace, defaultName + strconv.Itoa(n+1)
}

func (b *builder) record(s *data.Schema, outer string) {
	space, name := b.nameOf(s)
	full := name
	if space != "" {
		full = space + "." + name
	}
	if old, ok := b.named[full]; ok {
		if !sameShape(old, s) {
			b.errs = append(b.errs, fmt.Errorf("two different structs are named %q; Avro needs a name for each", full))
		}
		if space == outer {
			full = name
		}
		b.quote(full)
		return
	}
	b.named[full] = s
	b.text(`{"type":"record","name":`)
	b.quote(name)
	if space != outer {
		b.key("namespace")
		b.quote(space)
	}
	b.text(`,"fields":[`)
	for i, f := range s.Fields() {
		if i > 0 {
			b.text(",")
		}
		b.text(`{"name":`)
		b.quote(f.Name)
		b.text(`,"type":`)
		b.schema(f.Schema, space, f.Schema.Optional())
		if d, ok := f.Schema.Default(); ok {
			b.text(`,"default":`)
			b.value(f.Schema, d)
		} else if f.Schema.Optional() {
			b.text(`,"default":null`)
		}
		b.text("}")
	}
	b.text("]")
	b.props(s)
	b.text("}")
}

// sameShape compares what becomes of the fields.
func sameShape(a, b *data.Schema) bool {
	if len(a.Fields()) != len(b.Fields()) {
		return false
	}
	for i, f := range a.Fields() {
		if g := b.Fields()[i]; f.Name != g.Name || !f.Schema.Equal(g.Schema) {
			return false
		}
	}
	return true
}

func (b *builder) mapping(s *data.Schema, space string) {
	if isAvroMap(s, b.conf) {
		b.text(`{"type":"map","values":`)
		b.schema(s.ElemSchema(), space, s.ElemSchema().Optional())
		b.props(s)
		b.text("}")
		return
	}
	b.entries++
	name := mapEntryName
	if b.entries > 1 {
		name += strconv.Itoa(b.entries)
	}
	b.text(`{"type":"array","items":{"type":"record","name":`)
	b.quote(name)
	if space != defaultNamespace {
		b.key("namespace")
		b.quote(defaultNamespace)
	}
	b.text(`,"fields":[{"name":"key","type":`)
	b.schema(s.KeySchema(), defaultNamespace, s.KeySchema().Optional())
	b.text(`},{"name":"value","type":`)
	b.schema(s.ElemSchema(), defaultNamespace, s.ElemSchema().Optional())
	b.text(`}],"connect.internal.type":"MapEntry"}`)
	b.props(s)
	b.text("}")
}

// value appends a default in Avro's JSON encoding: bytes are text of the characters 0 to 255.
func (b *builder) value(s *data.Schema, v data.Value) {
	switch v.Kind() {
	case data.KindNull:
		b.text("null")
	case data.KindBytes:
		b.quote(latin1(v.Bytes()))
	case data.KindDecimal:
		n, _ := v.Decimal()
		b.quote(latin1(json.TwosComplement(n)))
	case data.KindList:
		b.text("[")
		for i, e := range v.List() {
			if i > 0 {
				b.text(",")
			}
			b.value(s.ElemSchema(), e)
		}
		b.text("]")
	case data.KindMap:
		b.text("{")
		for i, e := range v.Map() {
			if i > 0 {
				b.text(",")
			}
			b.quote(e.Key.String())
			b.text(":")
			b.value(s.ElemSchema(), e.Value)
		}
		b.text("}")
	case data.KindStruct:
		b.text("{")
		for i, f := range s.Fields() {
			if i > 0 {
				b.text(",")
			}
			b.quote(f.Name)
			b.text(":")
			b.value(f.Schema, v.Struct().AtOrDefault(i))
		}
		b.text("}")
	default:
		out, err := json.AppendScalar(b.out, v)
		b.out = out
		if err != nil {
			b.errs = append(b.errs, err)
		}
	}
}

func latin1(raw []byte) string {
	var sb strings.Builder
	for _, c := range raw {
		sb.WriteRune(rune(c))
	}
	return sb.String()
}
