package row

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// op is how a column's value becomes a data.Value.
type op uint8

const (
	opBool      op = iota // BIT(1), BOOLEAN
	opBits                // BIT(n): little-endian bytes
	opInt                 // signed
	opUint                // unsigned that fits the field's kind
	opBigUint             // BIGINT UNSIGNED as Decimal
	opFloat32             // FLOAT
	opFloat               // FLOAT(m,d): stored single, schema double
	opDouble              // DOUBLE, REAL
	opDecimal             // by mode
	opDate                // by mode
	opTime                // by mode
	opDatetime            // by mode
	opTimestamp           // ZonedTimestamp
	opYear
	opEnum
	opSet
	opJSON
	opText
	opBinary // by mode
	opGeometry
	opPoint
	opVector
	opUUID // MariaDB's, 16 bytes
	opINET // MariaDB's INET4 and INET6
)

// column is the plan of one column of the table, in table order.
type column struct {
	src      *history.Column
	op       op
	unsigned bool
	optional bool
	field    int       // ordinal in the value struct, or -1
	extra    int       // ordinal among the key columns that are not in the value, or -1
	key      bool      // it is of the record's key
	kind     data.Kind // of integers
	schema   *data.Schema
	length   int   // fraction digits, bytes of BINARY(n) or BIT(n)
	scale    int32 // decimals
	options  []data.Value
	names    []string // SET
	charset  *charset
	rule     Rule
	mapped   bool       // rule changes values
	stars    data.Value // of a mask
	fallback data.Value

	precision TimePrecisionMode
	convert   func(data.Value) data.Value // of a Conversion; nil: none
	zeroDate  bool                        // null and missing are fallback, even if the column is optional
}

// geometrySchema and pointSchema are io.debezium.data.geometry.Geometry and .Point, required.
var (
	geometrySchema = data.MakeStruct("io.debezium.data.geometry.Geometry").Version(1).Doc("Geometry").
			Field("wkb", data.BytesSchema).Field("srid", data.OptionalInt32Schema).Build()
	pointSchema = data.MakeStruct("io.debezium.data.geometry.Point").Version(1).Doc("Geometry (POINT)").
			Field("x", data.Float64Schema).Field("y", data.Float64Schema).
			Field("wkb", data.OptionalBytesSchema).Field("srid", data.OptionalInt32Schema).Build()
)

func semantic(k data.Kind, name string) *data.Builder { return data.Make(k).Name(name).Version(1) }

// plan finds the op and the schema builder of a column.
func (c *Codec) plan(src *history.Column) (column, *data.Builder, error) {
	p := column{src: src, optional: src.Optional, field: -1, extra: -1, length: max(src.Length, 0), precision: c.opt.TimePrecision}
	var conv Conversion
	if c.opt.Convert != nil {
		conv = c.opt.Convert(src)
	}
	if conv.ZeroDate != nil { // Debezium's converter knows one precision
		p.precision = TimeAdaptiveMicroseconds
	}
	words := strings.Fields(strings.ToUpper(src.TypeName))
	if len(words) == 0 {
		return p, nil, fmt.Errorf("column %s has no type", src.Name)
	}
	base := words[0]
	if i := strings.IndexByte(base, '('); i > 0 {
		base = base[:i]
	}
	p.unsigned = slices.Contains(words, "UNSIGNED") || slices.Contains(words, "ZEROFILL")
	b := c.planType(&p, base, src)
	if b == nil {
		return p, nil, fmt.Errorf("column %s has the unknown type %s", src.Name, src.TypeName)
	}
	if p.op == opText || p.op == opEnum || p.op == opSet {
		cs, err := findCharset(src.Charset)
		if err != nil {
			return p, nil, fmt.Errorf("column %s: %w", src.Name, err)
		}
		p.charset = cs
	}
	b, err := p.applyConversion(conv, b)
	return p, b, err
}

func (c *Codec) planType(p *column, base string, src *history.Column) *data.Builder {
	integer := func(signed, unsigned data.Kind) *data.Builder {
		p.op, p.kind = opInt, signed
		if p.unsigned {
			p.op, p.kind = opUint, unsigned
		}
		p.fallback = data.IntOf(p.kind, 0)
		return data.Make(p.kind)
	}
	switch base {
	case "BIT":
		if src.Length <= 1 {
			p.op, p.fallback = opBool, data.Bool(false)
			return data.Make(data.KindBool)
		}
		p.op, p.length, p.fallback = opBits, (src.Length+7)/8, data.Bytes(make([]byte, (src.Length+7)/8))
		return semantic(data.KindBytes, "io.debezium.data.Bits").Param("length", strconv.Itoa(src.Length))
	case "BOOL", "BOOLEAN":
		p.op, p.fallback = opBool, data.Bool(false)
		return data.Make(data.KindBool)
	case "TINYINT", "INT1":
		if c.opt.TinyintInt8 {
			return integer(data.KindInt8, data.KindInt16)
		}
		return integer(data.KindInt16, data.KindInt16)
	case "SMALLINT", "INT2":
		return integer(data.KindInt16, data.KindInt32)
	case "MEDIUMINT", "INT3", "MIDDLEINT":
		return integer(data.KindInt32, data.KindInt32)
	case "INT", "INTEGER", "INT4":
		return integer(data.KindInt32, data.KindInt64)
	case "BIGINT", "INT8", "SERIAL":
		if p.unsigned && c.opt.BigintUnsigned == BigintUnsignedPrecise {
			p.op, p.fallback = opBigUint, data.Decimal64(0, 0)
			return data.DecimalBuilder(0).Param("connect.decimal.precision", "20")
		}
		return integer(data.KindInt64, data.KindInt64)
	case "FLOAT", "FLOAT4":
		if src.Scale == history.NoLength && src.Length <= 24 {
			p.op, p.fallback = opFloat32, data.Float32(0)
			return data.Make(data.KindFloat32)
		}
		p.op, p.fallback = opFloat, data.Float64(0)
		if src.Scale == history.NoLength { // FLOAT(25) to FLOAT(53) is DOUBLE
			p.op = opDouble
		}
		return data.Make(data.KindFloat64)
	case "DOUBLE", "FLOAT8", "REAL": // a REAL is a DOUBLE: Debezium's FLOAT32 for a streamed definition would lose digits
		p.op, p.fallback = opDouble, data.Float64(0)
		return data.Make(data.KindFloat64)
	case "DECIMAL", "DEC", "FIXED", "NUMERIC":
		return c.planDecimal(p, src)
	case "YEAR":
		p.op, p.kind, p.fallback = opYear, data.KindInt32, data.Int32(0)
		return semantic(data.KindInt32, "io.debezium.time.Year")
	case "DATE", "TIME", "DATETIME", "TIMESTAMP":
		return c.planTemporal(p, base)
	case "ENUM", "SET":
		return c.planOptions(p, base, src)
	case "JSON":
		p.op, p.fallback = opJSON, data.String("{}")
		return semantic(data.KindString, "io.debezium.data.Json")
	case "POINT":
		p.op, p.fallback = opPoint, data.Of(emptyPoint())
		return structBuilder(pointSchema)
	case "GEOMETRY", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION", "GEOMCOLLECTION":
		p.op, p.fallback = opGeometry, data.Of(emptyGeometry())
		return structBuilder(geometrySchema)
	case "VECTOR":
		p.op, p.fallback = opVector, data.List(nil)
		return semantic(data.KindList, "io.debezium.data.FloatVector").Elem(data.Float32Schema)
	case "UUID":
		p.op, p.length, p.fallback = opUUID, 16, data.String("")
		return semantic(data.KindString, "io.debezium.data.Uuid")
	case "INET4", "INET6":
		p.op, p.length, p.fallback = opINET, 16, data.String("")
		if base == "INET4" {
			p.length = 4
		}
		return data.Make(data.KindString)
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB":
		return c.planBinary(p, base, src)
	}
	switch src.JDBCType {
	case history.JDBCChar, history.JDBCVarchar, history.JDBCNchar, history.JDBCNvarchar:
		p.op, p.fallback = opText, data.String("")
		return data.Make(data.KindString)
	case history.JDBCBlob, history.JDBCVarbinary, history.JDBCBinary:
		return c.planBinary(p, base, src)
	}
	return nil
}

// structBuilder starts a schema like s, so that it can be made optional.
func structBuilder(s *data.Schema) *data.Builder {
	v, _ := s.Version()
	b := data.MakeStruct(s.Name()).Version(v).Doc(s.Doc())
	for _, f := range s.Fields() {
		b.Field(f.Name, f.Schema)
	}
	return b
}

func (c *Codec) planDecimal(p *column, src *history.Column) *data.Builder {
	p.op, p.scale = opDecimal, int32(max(src.Scale, 0))
	switch c.opt.Decimal {
	case DecimalDouble:
		p.fallback = data.Float64(0)
		return data.Make(data.KindFloat64)
	case DecimalString:
		p.fallback = data.String("0")
		return data.Make(data.KindString)
	}
	p.fallback = data.Decimal64(0, p.scale)
	return data.DecimalBuilder(p.scale).Param("connect.decimal.precision", strconv.Itoa(src.Length))
}

func (c *Codec) planBinary(p *column, base string, src *history.Column) *data.Builder {
	p.op = opBinary
	if base != "BINARY" {
		p.length = 0 // only BINARY(n) is padded
	} else if src.Length == history.NoLength {
		p.length = 1
	}
	if c.opt.Binary == BinaryBytes {
		p.fallback = data.Bytes([]byte{})
		return data.Make(data.KindBytes)
	}
	p.fallback = data.String("")
	return data.Make(data.KindString)
}

func (c *Codec) planTemporal(p *column, base string) *data.Builder {
	type semantics struct {
		kind data.Kind
		name string
	}
	mode := p.precision
	var s semantics
	switch base {
	case "DATE":
		p.op = opDate
		s = semantics{data.KindInt32, "io.debezium.time.Date"}
		switch mode {
		case TimeISOString:
			s = semantics{data.KindString, "io.debezium.time.IsoDate"}
		case TimeConnect:
			s = semantics{data.KindInt32, data.DateName}
		}
	case "TIME":
		p.op = opTime
		s = semantics{data.KindInt64, "io.debezium.time.MicroTime"}
		switch mode {
		case TimeISOString:
			s = semantics{data.KindString, "io.debezium.time.IsoTime"}
		case TimeConnect:
			s = semantics{data.KindInt32, data.TimeName}
		case TimeNanoseconds:
			s = semantics{data.KindInt64, "io.debezium.time.NanoTime"}
		}
	case "DATETIME":
		p.op = opDatetime
		s = semantics{data.KindInt64, "io.debezium.time.MicroTimestamp"}
		switch {
		case mode == TimeISOString:
			s = semantics{data.KindString, "io.debezium.time.IsoTimestamp"}
		case mode == TimeConnect:
			s = semantics{data.KindInt64, data.TimestampName}
		case mode == TimeNanoseconds:
			s = semantics{data.KindInt64, "io.debezium.time.NanoTimestamp"}
		case mode == TimeAdaptiveMicroseconds && p.length <= 3:
			s = semantics{data.KindInt64, "io.debezium.time.Timestamp"}
		}
	default:
		p.op = opTimestamp
		s = semantics{data.KindString, "io.debezium.time.ZonedTimestamp"}
	}
	p.fallback = c.epoch(p)
	return semantic(s.kind, s.name)
}

func (c *Codec) planOptions(p *column, base string, src *history.Column) *data.Builder {
	p.op = opEnum
	name := "io.debezium.data.Enum"
	if base == "SET" {
		p.op, name = opSet, "io.debezium.data.EnumSet"
	}
	allowed := make([]string, len(src.EnumValues))
	for i, raw := range src.EnumValues {
		s := option(raw)
		p.names = append(p.names, s)
		p.options = append(p.options, data.String(s))
		allowed[i] = strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), ",", `\,`)
	}
	p.fallback = data.String("")
	return semantic(data.KindString, name).Param("allowed", strings.Join(allowed, ","))
}

// option is the text of an ENUM or SET option as written in the definition.
func option(raw string) string {
	if len(raw) >= 2 && raw[0] == raw[len(raw)-1] && (raw[0] == '\'' || raw[0] == '"') {
		raw = raw[1 : len(raw)-1]
	}
	return history.Unescape(raw)
}
