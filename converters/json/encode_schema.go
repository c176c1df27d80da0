package json

import (
	"fmt"
	"strconv"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connect/data/jsontext"
	"github.com/connectd/connectd/converters/internal/javatext"
)

// planFor finds or makes the plan of s.
func (e *encoder) planFor(s *data.Schema) (*plan, error) {
	if p := e.plans[s]; p != nil {
		return p, nil
	}
	if len(e.plans) >= e.cfg.cacheSize {
		clear(e.plans)
	}
	if known := e.equal.Intern(s); known != s {
		if p := e.plans[known]; p != nil {
			// The nodes stay those of the equal schema: structs of s fit them (node.takes).
			c := &plan{schema: s, prefix: p.prefix, root: p.root}
			e.plans[s] = c
			return c, nil
		}
	}
	root, err := e.newNode(s)
	if err != nil {
		return nil, err
	}
	p := &plan{schema: s, root: root}
	if e.cfg.envelope {
		p.prefix, err = e.appendSchema([]byte(`{"schema":`), root, "")
		if err != nil {
			return nil, err
		}
		p.prefix = append(p.prefix, `,"payload":`...)
	}
	e.plans[s] = p
	return p, nil
}

var logicalNames = map[data.Kind]string{
	data.KindDecimal: "Decimal", data.KindDate: "Date", data.KindTime: "Time", data.KindTimestamp: "Timestamp",
}

func (e *encoder) newNode(s *data.Schema) (*node, error) {
	n := &node{schema: s, logical: s.Logical(), named: logicalNames[s.Logical()], optional: s.Optional()}
	var err error
	switch s.Kind() {
	case data.KindStruct:
		n.fields = make([]fieldNode, len(s.Fields()))
		for i, f := range s.Fields() {
			var name []byte
			if i > 0 {
				name = append(name, ',')
			}
			name = append(jsontext.AppendPairs(name, bytesOf(f.Name)), ':')
			n.fields[i].name = name
			if n.fields[i].node, err = e.newNode(f.Schema); err != nil {
				return nil, err
			}
		}
	case data.KindMap:
		n.textKeys = s.KeySchema().Kind() == data.KindString
		if n.key, err = e.newNode(s.KeySchema()); err != nil {
			return nil, err
		}
		if n.elem, err = e.newNode(s.ElemSchema()); err != nil {
			return nil, err
		}
	case data.KindList:
		if n.elem, err = e.newNode(s.ElemSchema()); err != nil {
			return nil, err
		}
	}
	if v, ok := s.Default(); ok && e.cfg.replaceNull {
		if n.def, err = e.appendValue(nil, n, v); err != nil {
			return nil, fmt.Errorf("rendering the default of schema %s: %w", s.Kind(), err)
		}
	}
	return n, nil
}

// typeNames are the names of org.apache.kafka.connect.json.JsonSchema.
var typeNames = map[data.Kind]string{
	data.KindBool: "boolean", data.KindInt8: "int8", data.KindInt16: "int16", data.KindInt32: "int32", data.KindInt64: "int64",
	data.KindFloat32: "float", data.KindFloat64: "double", data.KindBytes: "bytes", data.KindString: "string",
	data.KindList: "array", data.KindMap: "map", data.KindStruct: "struct",
}

// appendSchema writes the schema of n in the order of JsonConverter.asJsonSchema; field is the name of the field that holds it.
func (e *encoder) appendSchema(dst []byte, n *node, field string) ([]byte, error) {
	s := n.schema
	dst = append(dst, `{"type":"`...)
	dst = append(dst, typeNames[s.Kind()]...)
	dst = append(dst, '"')
	dst, err := e.appendNested(dst, n)
	if err != nil {
		return nil, err
	}
	dst = strconv.AppendBool(append(dst, `,"optional":`...), s.Optional())
	if s.Name() != "" {
		dst = jsontext.AppendPairs(append(dst, `,"name":`...), bytesOf(s.Name()))
	}
	if v, ok := s.Version(); ok {
		dst = strconv.AppendInt(append(dst, `,"version":`...), int64(v), 10)
	}
	if s.Doc() != "" {
		dst = jsontext.AppendPairs(append(dst, `,"doc":`...), bytesOf(s.Doc()))
	}
	for i, p := range s.Params() {
		if i == 0 {
			dst = append(dst, `,"parameters":{`...)
		} else {
			dst = append(dst, ',')
		}
		dst = append(jsontext.AppendPairs(dst, bytesOf(p.Key)), ':')
		dst = jsontext.AppendPairs(dst, bytesOf(p.Value))
	}
	if len(s.Params()) > 0 {
		dst = append(dst, '}')
	}
	if v, ok := s.Default(); ok {
		if dst, err = e.appendValue(append(dst, `,"default":`...), n, v); err != nil {
			return nil, fmt.Errorf("rendering the default of schema %s: %w", s.Kind(), err)
		}
	}
	if field != "" {
		dst = jsontext.AppendPairs(append(dst, `,"field":`...), bytesOf(field))
	}
	return append(dst, '}'), nil
}

func (e *encoder) appendNested(dst []byte, n *node) ([]byte, error) {
	var err error
	switch n.schema.Kind() {
	case data.KindList:
		return e.appendSchema(append(dst, `,"items":`...), n.elem, "")
	case data.KindMap:
		if dst, err = e.appendSchema(append(dst, `,"keys":`...), n.key, ""); err != nil {
			return nil, err
		}
		return e.appendSchema(append(dst, `,"values":`...), n.elem, "")
	case data.KindStruct:
		dst = append(dst, `,"fields":[`...)
		for i, f := range n.schema.Fields() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = e.appendSchema(dst, n.fields[i].node, f.Name); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	default:
		return dst, nil
	}
}

const millisPerDay = 24 * 60 * 60 * 1000

// fit makes v, whose kind is not the schema's, fit if Java would: there all three date kinds are java.util.Date.
func (n *node) fit(v data.Value) (data.Value, error) {
	dates := n.logical >= data.KindDate && v.Kind() >= data.KindDate
	if !dates {
		if n.named == "" {
			return v, fmt.Errorf("Invalid type for %s: %s", n.schema.Kind(), javatext.Class(v.Kind()))
		}
		want := "Date"
		if n.logical == data.KindDecimal {
			want = "BigDecimal"
		}
		return v, fmt.Errorf("Invalid type for %s, expected %s but was %s", n.named, want, javatext.Class(v.Kind()))
	}
	ms := v.Int64()
	if v.Kind() == data.KindDate {
		ms *= millisPerDay
	}
	switch n.logical {
	case data.KindTimestamp:
		return data.Timestamp(ms), nil
	case data.KindDate:
		if ms%millisPerDay != 0 {
			return v, fmt.Errorf("Kafka Connect Date type should not have any time fields set to non-zero values.")
		}
		return data.Date(int32(ms / millisPerDay)), nil
	default:
		if ms < 0 || ms > millisPerDay {
			return v, fmt.Errorf("Kafka Connect Time type should not have any date fields set to non-zero values.")
		}
		return data.Time(int32(ms)), nil
	}
}
