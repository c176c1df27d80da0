package transforms

import (
	"context"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	hoistFieldName = config.String("field").Required().Doc("Field name for the single field that will be created in the resulting Struct or Map.")
	hoistFieldDef  = config.NewDef(hoistFieldName)
)

// hoistField is org.apache.kafka.connect.transforms.HoistField.
type hoistField struct {
	noClose
	side    side
	name    string
	schemas plans[*data.Schema]
	structs structs
}

func newHoistField(s side) connect.Transform { return &hoistField{side: s} }

// Configure reads the field's name.
func (t *hoistField) Configure(v config.Values) error {
	t.name = hoistFieldName.Get(v)
	t.schemas.build = func(s *data.Schema) (*data.Schema, error) {
		b := data.Make(data.KindStruct)
		if err := addField(b, t.name, s); err != nil {
			return nil, err
		}
		return b.TryBuild()
	}
	return nil
}

// Apply wraps the key or value.
func (t *hoistField) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	if d.Schema == nil {
		d.Value = data.Map([]data.Entry{{Key: data.String(t.name), Value: d.Value}})
		return true, nil
	}
	schema, err := t.schemas.get(d.Schema)
	if err != nil {
		return false, err
	}
	st := t.structs.make(schema)
	if err := put(st, 0, d.Value); err != nil {
		return false, err
	}
	*d = data.Datum{Schema: schema, Value: data.Of(st)}
	return true, nil
}
