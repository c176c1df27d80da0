package transforms

import (
	"context"
	"errors"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

const optionalityDoc = "Suffix with <code>!</code> to make this a required field, or <code>?</code> to keep it optional (the default)."

var (
	insertTopic       = config.String("topic.field").Doc("Field name for Kafka topic. " + optionalityDoc)
	insertPartition   = config.String("partition.field").Doc("Field name for Kafka partition. " + optionalityDoc)
	insertOffset      = config.String("offset.field").Doc("Field name for Kafka offset - only applicable to sink connectors.<br/>" + optionalityDoc)
	insertTimestamp   = config.String("timestamp.field").Doc("Field name for record timestamp. " + optionalityDoc)
	insertStatic      = config.String("static.field").Doc("Field name for static data field. " + optionalityDoc)
	insertStaticValue = config.String("static.value").Doc("Static field value, if field name configured.")
	insertReplaceNull = replaceNull()
	insertFieldDef    = config.NewDef(insertTopic, insertPartition, insertOffset, insertTimestamp, insertStatic, insertStaticValue, insertReplaceNull)
)

const insertFieldPurpose = "field insertion"

// insertField is org.apache.kafka.connect.transforms.InsertField.
type insertField struct {
	noClose
	side        side
	inserts     []insertion
	withDefault bool
	schemas     plans[*data.Schema]
	structs     structs
}

// insertion is one field to add: schemas by optionality, and the value from the record.
type insertion struct {
	name     string
	schema   *data.Schema
	value    func(r *connect.Record, schemaless bool) (v data.Value, ok bool, err error)
	constant data.Value // static.value
}

func newInsertField(s side) connect.Transform { return &insertField{side: s} }

// Configure reads which fields to add.
func (t *insertField) Configure(v config.Values) error {
	t.withDefault = insertReplaceNull.Get(v)
	t.schemas.build = t.schema
	t.inserts = nil
	for _, k := range []struct {
		key   *config.Key[string]
		plain *data.Schema
		value func(r *connect.Record, schemaless bool) (data.Value, bool, error)
	}{
		{insertTopic, data.StringSchema, topicOf},
		{insertPartition, data.Int32Schema, partitionOf},
		{insertOffset, data.Int64Schema, offsetOf},
		{insertTimestamp, data.TimestampSchema, timestampOf},
		{insertStatic, data.StringSchema, nil},
	} {
		if k.key.IsNull(v) {
			continue
		}
		in := insertion{name: k.key.Get(v), schema: k.plain.AsOptional(), value: k.value}
		if name, ok := strings.CutSuffix(in.name, "!"); ok {
			in.name, in.schema = name, k.plain
		} else {
			in.name = strings.TrimSuffix(in.name, "?")
		}
		if k.value == nil {
			if insertStaticValue.IsNull(v) {
				return &config.Error{Key: "static.value", Value: "null",
					Message: "Invalid value null for configuration static.value: No value specified for static field: " + in.name}
			}
			in.constant = data.String(insertStaticValue.Get(v))
		}
		t.inserts = append(t.inserts, in)
	}
	if len(t.inserts) == 0 {
		return config.Verbatim("No field insertion configured")
	}
	return nil
}

func topicOf(r *connect.Record, _ bool) (data.Value, bool, error) {
	return data.String(r.Topic), true, nil
}

func partitionOf(r *connect.Record, _ bool) (data.Value, bool, error) {
	return data.Int32(r.Partition), r.Partition != connect.NoPartition, nil
}

// offsetOf: only records read from Kafka have one.
func offsetOf(r *connect.Record, _ bool) (data.Value, bool, error) {
	if r.Offset == connect.NoOffset {
		return data.Value{}, false, errors.New("Only SinkRecord supported for [" + insertFieldPurpose + "], found: org.apache.kafka.connect.source.SourceRecord")
	}
	return data.Int64(r.Offset), true, nil
}

func timestampOf(r *connect.Record, schemaless bool) (data.Value, bool, error) {
	if schemaless {
		return data.Int64(r.Timestamp), r.Timestamp != connect.NoTimestamp, nil
	}
	return data.Timestamp(r.Timestamp), r.Timestamp != connect.NoTimestamp, nil
}

func (in *insertion) of(r *connect.Record, schemaless bool) (data.Value, bool, error) {
	if in.value == nil {
		return in.constant, true, nil
	}
	return in.value(r, schemaless)
}

func (t *insertField) schema(s *data.Schema) (*data.Schema, error) {
	b := newStructSchema(s)
	for _, f := range s.Fields() {
		b.Field(f.Name, f.Schema)
	}
	for _, in := range t.inserts {
		if err := addField(b, in.name, in.schema); err != nil {
			return nil, err
		}
	}
	return b.TryBuild()
}

// Apply adds the fields; a null key or value stays.
func (t *insertField) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	switch {
	case d.Value.IsNull():
		return true, nil
	case d.Schema == nil:
		return true, t.applySchemaless(r, d)
	}
	st, err := requireStruct(d.Value, insertFieldPurpose)
	if err != nil {
		return false, err
	}
	schema, err := t.schemas.get(st.Schema())
	if err != nil {
		return false, err
	}
	out, n := t.structs.make(schema), st.Len()
	for i := range n {
		if err := put(out, i, at(st, i, t.withDefault)); err != nil {
			return false, err
		}
	}
	for i := range t.inserts {
		v, ok, err := t.inserts[i].of(r, false)
		if err != nil {
			return false, err
		}
		if ok {
			out.Set(n+i, v)
		}
	}
	*d = data.Datum{Schema: schema, Value: data.Of(out)}
	return true, nil
}

func (t *insertField) applySchemaless(r *connect.Record, d *data.Datum) error {
	es, err := requireMap(d.Value, insertFieldPurpose)
	if err != nil {
		return err
	}
	out := copyEntries(es, len(t.inserts))
	for i := range t.inserts {
		v, ok, err := t.inserts[i].of(r, true)
		if err != nil {
			return err
		}
		if ok {
			out = set(out, t.inserts[i].name, v)
		}
	}
	d.Value = data.Map(out)
	return nil
}
