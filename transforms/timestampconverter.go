package transforms

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	timestampField  = config.String("field").Default("").Importance(config.High).Doc("The field containing the timestamp, or empty if the entire value is a timestamp")
	timestampTarget = config.String("target.type").Required().ValidValues("string", "unix", "Date", "Time", "Timestamp").Importance(config.High).
			Doc("The desired timestamp representation: string, unix, Date, Time, or Timestamp")
	timestampFormat = config.String("format").Default("").
			Doc("A SimpleDateFormat-compatible format for the timestamp. Used to generate the output when type=string or used to parse the input if the input is a string.")
	timestampPrecision = config.String("unix.precision").Default("milliseconds").ValidValues("nanoseconds", "microseconds", "milliseconds", "seconds").Importance(config.Low).
				Doc("The desired Unix precision for the timestamp: seconds, milliseconds, microseconds, or nanoseconds. Used to generate the output when type=unix or used to parse the input if the input is a Long.Note: This SMT will cause precision loss during conversions from, and to, values with sub-millisecond components.")
	timestampReplaceNull  = replaceNull()
	timestampConverterDef = config.NewDef(timestampField, timestampTarget, timestampFormat, timestampPrecision, timestampReplaceNull)
)

const timestampPurpose = "converting timestamp formats"

// timestampConverter is org.apache.kafka.connect.transforms.TimestampConverter.
type timestampConverter struct {
	noClose
	side        side
	field       string
	target      string
	format      *dateFormat // nil if none is configured
	perMilli    int64       // units of unix.precision in a millisecond; negative: milliseconds in a unit
	withDefault bool
	plans       plans[*timestampPlan]
	structs     structs
}

// timestampPlan is the schema with the field converted, and the field's ordinal (-1: not there).
type timestampPlan struct {
	schema *data.Schema
	at     int
}

func newTimestampConverter(s side) connect.Transform { return &timestampConverter{side: s} }

// Configure reads the target and the format.
func (t *timestampConverter) Configure(v config.Values) error {
	t.field, t.target, t.withDefault = timestampField.Get(v), timestampTarget.Get(v), timestampReplaceNull.Get(v)
	t.perMilli = map[string]int64{"nanoseconds": 1_000_000, "microseconds": 1_000, "milliseconds": 1, "seconds": -1000}[timestampPrecision.Get(v)]
	t.plans.build = t.plan
	pattern := timestampFormat.Get(v)
	if strings.TrimSpace(pattern) == "" {
		if t.target == "string" {
			return config.Verbatim("TimestampConverter requires format option to be specified when using string timestamps")
		}
		return nil
	}
	f, err := newDateFormat(pattern)
	if err != nil {
		return config.Verbatim("Invalid value java.lang.IllegalArgumentException: " + err.Error() +
			" for configuration TimestampConverter requires a SimpleDateFormat-compatible pattern for string timestamps: " + pattern)
	}
	t.format = f
	return nil
}

var (
	optionalDate      = data.DateSchema.AsOptional()
	optionalTime      = data.TimeSchema.AsOptional()
	optionalTimestamp = data.TimestampSchema.AsOptional()
)

// typeSchema is the schema of the target type; nothing of the source's schema but optional is kept.
func (t *timestampConverter) typeSchema(optional bool) *data.Schema {
	pair := map[string][2]*data.Schema{
		"string": {data.StringSchema, data.OptionalStringSchema}, "unix": {data.Int64Schema, data.OptionalInt64Schema},
		"Date": {data.DateSchema, optionalDate}, "Time": {data.TimeSchema, optionalTime}, "Timestamp": {data.TimestampSchema, optionalTimestamp},
	}[t.target]
	return pair[boolInt(optional)]
}

func (t *timestampConverter) plan(s *data.Schema) (*timestampPlan, error) {
	if t.field == "" {
		return &timestampPlan{schema: t.typeSchema(s.Optional())}, known(s)
	}
	fields, err := fieldsOf(s)
	if err != nil {
		return nil, err
	}
	p := &timestampPlan{at: -1}
	builder := func() *data.Builder {
		b := newStructSchema(s).SetOptional(s.Optional())
		for i, f := range fields {
			if f.Name == t.field {
				p.at = i
				b.Field(f.Name, t.typeSchema(f.Schema.Optional()))
			} else {
				b.Field(f.Name, f.Schema)
			}
		}
		return b
	}
	if p.schema, err = builder().TryBuild(); err != nil {
		return nil, err
	}
	if def, ok := s.Default(); ok {
		row, err := t.convertRow(def.Struct(), p)
		if err != nil {
			return nil, err
		}
		if p.schema, err = builder().Default(data.Of(row)).TryBuild(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// known refuses schemas that hold no timestamp.
func known(s *data.Schema) error {
	switch {
	case s.Name() == data.TimestampName, s.Name() == data.DateName, s.Name() == data.TimeName, s.Kind() == data.KindString, s.Kind() == data.KindInt64:
		return nil
	}
	name := s.Kind().String()
	if s.Name() != "" {
		name = s.Name() + ":" + name
	}
	return errors.New("Schema Schema{" + name + "} does not correspond to a known timestamp type format")
}

// Apply converts the key or value, or a field of it.
func (t *timestampConverter) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	if d.Schema == nil {
		return true, t.applySchemaless(d)
	}
	var st *data.Struct
	if t.field != "" && !d.Value.IsNull() {
		var err error
		if st, err = requireRow(*d, timestampPurpose); err != nil {
			return false, err
		}
	}
	p, err := t.plans.get(d.Schema)
	if err != nil {
		return false, err
	}
	out := data.Datum{Schema: p.schema}
	switch {
	case t.field == "":
		out.Value, err = t.convert(d.Value)
	case st != nil:
		var row *data.Struct
		if row, err = t.convertRow(st, p); err == nil {
			out.Value = data.Of(row)
		}
	}
	if err != nil {
		return false, err
	}
	*d = out
	return true, nil
}

func (t *timestampConverter) convertRow(st *data.Struct, p *timestampPlan) (*data.Struct, error) {
	out := t.structs.make(p.schema)
	for i := range st.Len() {
		v := at(st, i, t.withDefault)
		if i == p.at {
			if err := known(st.Schema().Fields()[i].Schema); err != nil {
				return nil, err
			}
			var err error
			if v, err = t.convert(v); err != nil {
				return nil, err
			}
		}
		if err := put(out, i, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *timestampConverter) applySchemaless(d *data.Datum) error {
	if t.field == "" || d.Value.IsNull() {
		v, err := t.convert(d.Value)
		if err == nil {
			d.Value = v
		}
		return err
	}
	es, err := requireMap(d.Value, timestampPurpose)
	if err != nil {
		return err
	}
	v, err := t.convert(lookup(es, t.field))
	if err != nil {
		return err
	}
	d.Value = data.Map(set(copyEntries(es, 1), t.field, v))
	return nil
}

func (t *timestampConverter) convert(v data.Value) (data.Value, error) {
	var ms int64
	switch v.Kind() {
	case data.KindNull:
		return v, nil
	case data.KindDate, data.KindTime, data.KindTimestamp:
		ms = millis(v)
	case data.KindInt64:
		ms = t.fromUnix(v.Int64())
	case data.KindString:
		if t.format == nil {
			return v, errors.New("TimestampConverter needs the option format to read timestamps that are text")
		}
		var ok bool
		if ms, ok = t.format.parse(v.String()); !ok {
			return v, errors.New("Could not parse timestamp: value (" + v.String() + ") does not match pattern (" + t.format.pattern + ")")
		}
	default:
		return v, errors.New("TimestampConverter does not support class " + className(v) + " objects as timestamps")
	}
	switch t.target {
	case "string":
		return data.Text(t.format.append(nil, ms)), nil
	case "unix":
		return data.Int64(t.toUnix(ms)), nil
	case "Date":
		return data.Date(int32(floorDiv(ms, dayMillis))), nil
	case "Time":
		return data.Time(int32(ms - floorDiv(ms, dayMillis)*dayMillis)), nil
	default:
		return data.Timestamp(ms), nil
	}
}

// fromUnix and toUnix are java.util.concurrent.TimeUnit: cut towards zero, kept at the ends.
func (t *timestampConverter) fromUnix(n int64) int64 {
	if t.perMilli < 0 {
		return times(n, -t.perMilli)
	}
	return n / t.perMilli
}

func (t *timestampConverter) toUnix(ms int64) int64 {
	if t.perMilli < 0 {
		return ms / -t.perMilli
	}
	return times(ms, t.perMilli)
}

func times(n, by int64) int64 {
	switch {
	case n > math.MaxInt64/by:
		return math.MaxInt64
	case n < math.MinInt64/by:
		return math.MinInt64
	}
	return n * by
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
