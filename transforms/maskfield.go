package transforms

import (
	"context"
	"errors"
	"slices"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	maskFields = distinctList("fields", false).Required().Importance(config.High).
			Doc("Names of fields to mask.")
	maskReplacement = config.String("replacement").Valid(config.NonEmpty()).Importance(config.Low).
			Doc("Custom value replacement, that will be applied to all 'fields' values (numeric or non-empty string values only).")
	maskReplaceNull = replaceNull()
	maskFieldDef    = config.NewDef(maskFields, maskReplacement, maskReplaceNull)
)

const maskFieldPurpose = "mask fields"

// maskField is org.apache.kafka.connect.transforms.MaskField.
type maskField struct {
	noClose
	side        side
	fields      []string
	withDefault bool
	custom      bool
	replacement string
	number      bigDecimal // of the replacement
	isNumber    bool
	plans       plans[[]bool] // by ordinal: masked
	structs     structs
}

func newMaskField(s side) connect.Transform { return &maskField{side: s} }

// Configure reads the names and the replacement.
func (t *maskField) Configure(v config.Values) error {
	t.fields, t.withDefault = maskFields.Get(v), maskReplaceNull.Get(v)
	t.custom, t.replacement = !maskReplacement.IsNull(v), maskReplacement.Get(v)
	t.number, t.isNumber = parseBigDecimal(t.replacement)
	t.plans.build = func(s *data.Schema) ([]bool, error) {
		p := make([]bool, len(s.Fields()))
		for i, f := range s.Fields() {
			p[i] = slices.Contains(t.fields, f.Name)
		}
		return p, nil
	}
	return nil
}

// Apply masks the fields.
func (t *maskField) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	if d.Schema == nil {
		return true, t.applySchemaless(d)
	}
	st, err := requireStruct(d.Value, maskFieldPurpose)
	if err != nil {
		return false, err
	}
	masks, err := t.plans.get(st.Schema())
	if err != nil {
		return false, err
	}
	out := t.structs.make(st.Schema())
	for i, masked := range masks {
		v := at(st, i, t.withDefault)
		if masked {
			if v, err = t.mask(v); err != nil {
				return false, err
			}
		}
		if err := put(out, i, v); err != nil {
			return false, err
		}
	}
	d.Value = data.Of(out)
	return true, nil
}

func (t *maskField) applySchemaless(d *data.Datum) error {
	es, err := requireMap(d.Value, maskFieldPurpose)
	if err != nil {
		return err
	}
	out := copyEntries(es, len(t.fields))
	for _, name := range t.fields {
		v, err := t.mask(lookup(es, name))
		if err != nil {
			return err
		}
		out = set(out, name, v)
	}
	d.Value = data.Map(out)
	return nil
}

func (t *maskField) mask(v data.Value) (data.Value, error) {
	switch {
	case v.IsNull():
		return v, nil
	case t.custom:
		return t.replace(v)
	}
	switch v.Kind() {
	case data.KindBool:
		return data.Bool(false), nil
	case data.KindInt8, data.KindInt16, data.KindInt32, data.KindInt64:
		return data.IntOf(v.Kind(), 0), nil
	case data.KindFloat32:
		return data.Float32(0), nil
	case data.KindFloat64:
		return data.Float64(0), nil
	case data.KindDecimal:
		return data.Decimal64(0, 0), nil // BigDecimal.ZERO, whatever the schema's scale
	case data.KindDate:
		return data.Date(0), nil
	case data.KindTime:
		return data.Time(0), nil
	case data.KindTimestamp:
		return data.Timestamp(0), nil
	case data.KindString:
		return data.String(""), nil
	case data.KindList:
		return data.List(nil), nil
	case data.KindMap:
		return data.Map(nil), nil
	default:
		return v, errors.New("Cannot mask value of type: class " + className(v))
	}
}

func (t *maskField) replace(v data.Value) (data.Value, error) {
	switch k := v.Kind(); {
	case k == data.KindString:
		return data.String(t.replacement), nil
	case k == data.KindDecimal && !t.isNumber:
		return v, errors.New("Unable to convert " + t.replacement + " (class java.lang.String) to number")
	case k == data.KindDecimal:
		return t.number.value(), nil
	case k.IsNumber() && !t.isNumber:
		return v, errors.New("Unable to convert " + t.replacement + " (class java.lang.String) to a number")
	case k.IsInt():
		return data.IntOf(k, t.number.int64()), nil
	case k == data.KindFloat32:
		return data.Float32(float32(t.number.float(64))), nil
	case k == data.KindFloat64:
		return data.Float64(t.number.float(64)), nil
	default:
		return v, errors.New("Cannot mask value of type class " + className(v) + " with custom replacement.")
	}
}
