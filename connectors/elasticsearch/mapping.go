package elasticsearch

import (
	"strconv"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connect/data/jsontext"
)

// appendMapping writes the mapping of a value schema (class Mapping of Confluent's connector): text with a keyword sub-field, dates for
// Connect's logical types, double for decimals, key and value for maps whatever compact.map.entries says, null_value for defaults of
// everything but text and bytes.
func (d *documents) appendMapping(b []byte, s *data.Schema) []byte {
	switch s.Logical() {
	case data.KindDate, data.KindTime, data.KindTimestamp:
		return d.primitive(b, s, "date")
	case data.KindDecimal:
		return d.primitive(b, s, "double")
	}
	switch s.Kind() {
	case data.KindStruct:
		b = append(b, `{"properties":{`...)
		for i, f := range s.Fields() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(jsontext.Append(b, f.Name), ':')
			b = d.appendMapping(b, f.Schema)
		}
		return append(b, "}}"...)
	case data.KindList:
		return d.appendMapping(b, s.ElemSchema())
	case data.KindMap:
		b = append(b, `{"properties":{"key":`...)
		b = d.appendMapping(b, s.KeySchema())
		b = append(b, `,"value":`...)
		b = d.appendMapping(b, s.ElemSchema())
		return append(b, "}}"...)
	case data.KindString:
		return append(b, `{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}}`...)
	default:
		return d.primitive(b, s, primitives[s.Kind()])
	}
}

var primitives = map[data.Kind]string{
	data.KindBool: "boolean", data.KindInt8: "byte", data.KindInt16: "short", data.KindInt32: "integer", data.KindInt64: "long",
	data.KindFloat32: "float", data.KindFloat64: "double", data.KindBytes: "binary",
}

func (d *documents) primitive(b []byte, s *data.Schema, kind string) []byte {
	b = append(b, `{"type":`...)
	b = append(b, strconv.Quote(kind)...)
	if def, ok := s.Default(); ok && kind != "binary" {
		w := writer{names: d.names}
		before := len(b)
		b = append(b, `,"null_value":`...)
		var err error
		if kind == "date" && def.Kind() == data.KindDate { // milliseconds here, although documents carry days
			def = data.Timestamp(def.Int64() * day)
		}
		if b, err = w.append(b, def, nil, 0); err != nil {
			b = b[:before]
		}
	}
	return append(b, '}')
}
