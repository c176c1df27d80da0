package transforms

import (
	"context"
	"errors"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	extractFieldName        = config.String("field").Required().Doc("Field name to extract.")
	extractFieldReplaceNull = replaceNull()
	extractFieldSyntax      = fieldSyntax()
	extractFieldDef         = config.NewDef(extractFieldName, extractFieldReplaceNull, extractFieldSyntax)
)

const extractFieldPurpose = "field extraction"

// extractField is org.apache.kafka.connect.transforms.ExtractField.
type extractField struct {
	noClose
	side        side
	name        string
	path        fieldPath
	withDefault bool
	plans       plans[fieldPlan]
}

type fieldPlan struct {
	at     []int
	schema *data.Schema
}

func newExtractField(s side) connect.Transform { return &extractField{side: s} }

// Configure reads the path.
func (t *extractField) Configure(v config.Values) (err error) {
	t.name, t.withDefault = extractFieldName.Get(v), extractFieldReplaceNull.Get(v)
	t.path, err = newFieldPath(t.name, extractFieldSyntax.Get(v))
	t.plans.build = t.plan
	return err
}

func (t *extractField) plan(s *data.Schema) (fieldPlan, error) {
	at, leaf, ok, err := t.path.resolve(s)
	if err == nil && !ok {
		err = errors.New("Unknown field: " + t.name)
	}
	return fieldPlan{at, leaf}, err
}

// Apply replaces the key or value by the field.
func (t *extractField) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	if d.Schema == nil {
		v, err := t.path.in(d.Value, extractFieldPurpose)
		if err != nil {
			return false, err
		}
		d.Value = v
		return true, nil
	}
	var st *data.Struct
	if !d.Value.IsNull() {
		var err error
		if st, err = requireRow(*d, extractFieldPurpose); err != nil {
			return false, err
		}
	}
	p, err := t.plans.get(d.Schema)
	if err != nil {
		return false, err
	}
	out := data.Datum{Schema: p.schema}
	if st != nil {
		if out.Value, err = walk(st, p.at, t.withDefault); err != nil {
			return false, err
		}
	}
	*d = out
	return true, nil
}
