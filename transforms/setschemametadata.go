package transforms

import (
	"context"
	"errors"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	setSchemaName        = config.String("schema.name").Importance(config.High).Doc("Schema name to set.")
	setSchemaVersion     = config.Int("schema.version").Importance(config.High).Doc("Schema version to set.")
	setSchemaReplaceNull = replaceNull()
	setSchemaMetadataDef = config.NewDef(setSchemaName, setSchemaVersion, setSchemaReplaceNull)
)

// setSchemaMetadata is org.apache.kafka.connect.transforms.SetSchemaMetadata.
type setSchemaMetadata struct {
	noClose
	side        side
	setName     bool
	name        string
	setVersion  bool
	version     int32
	withDefault bool
	schemas     plans[*data.Schema]
	structs     structs
}

func newSetSchemaMetadata(s side) connect.Transform { return &setSchemaMetadata{side: s} }

// Configure reads name and version.
func (t *setSchemaMetadata) Configure(v config.Values) error {
	t.setName, t.name = !setSchemaName.IsNull(v), setSchemaName.Get(v)
	t.setVersion, t.version = !setSchemaVersion.IsNull(v), setSchemaVersion.Get(v)
	t.withDefault = setSchemaReplaceNull.Get(v)
	t.schemas.build = t.schema
	if !t.setName && !t.setVersion {
		return config.Verbatim("Neither schema name nor version configured")
	}
	return nil
}

func (t *setSchemaMetadata) schema(s *data.Schema) (*data.Schema, error) {
	fields, err := fieldsOf(s)
	if err != nil {
		return nil, err
	}
	b := t.rename(s, fields)
	def, ok := s.Default()
	if !ok {
		return b.TryBuild()
	}
	plain, err := b.TryBuild()
	if err != nil {
		return nil, err
	}
	row, err := t.copy(def.Struct(), plain, false)
	if err != nil {
		return nil, err
	}
	return t.rename(s, fields).Default(data.Of(row)).TryBuild()
}

func (t *setSchemaMetadata) rename(s *data.Schema, fields []data.Field) *data.Builder {
	b := newStructSchema(s).SetOptional(s.Optional())
	for _, f := range fields {
		b.Field(f.Name, f.Schema)
	}
	if t.setName {
		b.Name(t.name)
	}
	if t.setVersion {
		b.Version(t.version)
	}
	return b
}

func (t *setSchemaMetadata) copy(st *data.Struct, schema *data.Schema, withDefault bool) (*data.Struct, error) {
	out := t.structs.make(schema)
	for i := range st.Len() {
		if err := put(out, i, at(st, i, withDefault)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Apply gives the key or value the renamed schema; a null without a schema stays.
func (t *setSchemaMetadata) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	switch {
	case d.Schema == nil && d.Value.IsNull():
		return true, nil
	case d.Schema == nil:
		return false, errors.New("Schema required for [updating schema metadata]")
	}
	schema, err := t.schemas.get(d.Schema)
	if err != nil {
		return false, err
	}
	out := data.Datum{Schema: schema, Value: d.Value}
	if d.Value.Kind() == data.KindStruct {
		st, err := requireRow(*d, "updating schema metadata")
		if err != nil {
			return false, err
		}
		row, err := t.copy(st, schema, t.withDefault)
		if err != nil {
			return false, err
		}
		out.Value = data.Of(row)
	}
	*d = out
	return true, nil
}
