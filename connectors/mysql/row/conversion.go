package row

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/data"
)

// Conversion is what one of Debezium's custom converters (converters) does to a column. The zero Conversion does nothing; else one
// field is set. It holds for keys, values and defaults.
type Conversion struct {
	// Boolean makes BOOLEAN of a number or a text: everything but 0 is true (TinyIntOneToBooleanConverter).
	Boolean bool
	// Int16 makes INT16 of a boolean, number or text: 1 for true and what is above 0, else 0 (JdbcSinkDataTypesConverter, selector.boolean).
	Int16 bool
	// Float64 and Float32 make that of any number (selector.real).
	Float64, Float32 bool
	// Text makes STRING and names the column's character set in the schema (selector.string).
	Text bool
	// ZeroDate replaces null, zero dates and dates that do not exist in a DATE, DATETIME or TIMESTAMP column (ZeroDateFallbackConverter).
	ZeroDate *ZeroDate
}

// ZeroDate is a fallback; its zero value is null, which makes the column optional.
type ZeroDate struct {
	Set              bool
	Year, Month, Day int
	Micros           int64 // of the day, UTC
}

// applyConversion changes the plan p with the schema b; the error names the column that the converter cannot serve.
func (p *column) applyConversion(conv Conversion, b *data.Builder) (*data.Builder, error) {
	from := p.fallback.Kind()
	switch {
	case conv.Boolean:
		return p.converted(data.KindBool, from, toBool)
	case conv.Int16:
		return p.converted(data.KindInt16, from, toInt16)
	case conv.Float64:
		return p.converted(data.KindFloat64, from, func(v data.Value) data.Value { return data.Float64(numberOf(v)) })
	case conv.Float32:
		return p.converted(data.KindFloat32, from, func(v data.Value) data.Value { return data.Float32(float32(numberOf(v))) })
	case conv.Text:
		b, err := p.converted(data.KindString, from, toText)
		if err == nil && p.src.Charset != "" {
			b.Param("__debezium.source.column.character_set", p.src.Charset)
		}
		return b, err
	case conv.ZeroDate != nil:
		return b, p.setZeroDate(conv.ZeroDate)
	}
	return b, nil
}

func (p *column) converted(to, from data.Kind, convert func(data.Value) data.Value) (*data.Builder, error) {
	switch from {
	case data.KindList, data.KindStruct, data.KindMap:
		return nil, fmt.Errorf("column %s: its converter cannot read %s; take it out of the selector", p.src.Name, p.src.TypeName)
	}
	p.convert = func(v data.Value) data.Value {
		if v.IsNull() {
			return v
		}
		return convert(v)
	}
	p.fallback = convert(p.fallback)
	return data.Make(to), nil
}

func (p *column) setZeroDate(z *ZeroDate) error {
	p.fallback = data.Null()
	if z.Set {
		var c Codec
		var mem Memory
		q := *p // digits as needed, as ISO_OFFSET_DATE_TIME writes them
		q.length = -1
		switch p.op {
		case opDate:
			p.fallback = c.date(p, z.Year, z.Month, z.Day, &mem)
		case opDatetime:
			p.fallback = c.datetime(p, z.Year, z.Month, z.Day, z.Micros, &mem)
		case opTimestamp:
			p.fallback = c.timestamp(&q, civilDays(z.Year, z.Month, z.Day)*secondsPerDay+z.Micros/1_000_000, z.Micros%1_000_000, &mem)
		}
	}
	p.zeroDate = true
	if p.op == opTimestamp {
		p.length = -1
	}
	p.optional = p.optional || !z.Set
	return nil
}

func toBool(v data.Value) data.Value {
	switch v.Kind() {
	case data.KindBool:
		return v
	case data.KindString:
		s := v.String()
		if n, err := strconv.ParseInt(s, 10, 32); err == nil {
			return data.Bool(n != 0)
		}
		return data.Bool(strings.EqualFold(s, "true"))
	default:
		return data.Bool(numberOf(v) != 0)
	}
}

func toInt16(v data.Value) data.Value {
	yes := false
	switch v.Kind() {
	case data.KindBool:
		yes = v.Bool()
	case data.KindString:
		s := v.String()
		n, err := strconv.ParseInt(s, 10, 32)
		yes = err == nil && n > 0 || err != nil && strings.EqualFold(s, "true")
	default:
		yes = numberOf(v) > 0
	}
	if yes {
		return data.IntOf(data.KindInt16, 1)
	}
	return data.IntOf(data.KindInt16, 0)
}

// numberOf is v as a double; 0 if it is no number.
func numberOf(v data.Value) float64 {
	switch v.Kind() {
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64:
		return float64(v.Int64())
	case data.KindFloat32, data.KindFloat64:
		return v.Float64()
	case data.KindBool:
		if v.Bool() {
			return 1
		}
		return 0
	case data.KindString:
		f, err := strconv.ParseFloat(strings.TrimSpace(v.String()), 64)
		if err != nil {
			return 0
		}
		return f
	case data.KindDecimal:
		return toDouble(v)
	default:
		return 0
	}
}

func toText(v data.Value) data.Value {
	switch v.Kind() {
	case data.KindString:
		return v
	case data.KindBytes:
		return data.Text(v.Bytes())
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64:
		return data.String(strconv.FormatInt(v.Int64(), 10))
	case data.KindFloat32:
		return data.Text(data.AppendJavaFloat(nil, v.Float64(), 32))
	case data.KindFloat64:
		return data.Text(data.AppendJavaFloat(nil, v.Float64(), 64))
	case data.KindBool:
		return data.String(strconv.FormatBool(v.Bool()))
	case data.KindDecimal:
		return data.Text(data.AppendDecimal(nil, v))
	default:
		return data.String("")
	}
}
