package transforms

import (
	"context"
	"errors"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	valueToKeyFields = distinctList("fields", false).Required().Importance(config.High).
				Doc("Field names on the record value to extract as the record key.")
	valueToKeyReplaceNull = replaceNull()
	valueToKeyDef         = config.NewDef(valueToKeyFields, valueToKeyReplaceNull)
)

const valueToKeyPurpose = "copying fields from value to key"

// valueToKey is org.apache.kafka.connect.transforms.ValueToKey.
type valueToKey struct {
	noClose
	fields      []string
	withDefault bool
	plans       plans[*keyPlan]
	structs     structs
}

type keyPlan struct {
	schema *data.Schema
	from   []int
}

// Configure reads the names of the fields.
func (t *valueToKey) Configure(v config.Values) error {
	t.fields, t.withDefault = valueToKeyFields.Get(v), valueToKeyReplaceNull.Get(v)
	t.plans.build = t.plan
	return nil
}

func (t *valueToKey) plan(s *data.Schema) (*keyPlan, error) {
	b, p := data.Make(data.KindStruct), &keyPlan{}
	for _, name := range t.fields {
		f := s.Field(name)
		if f == nil {
			return nil, errors.New("Field does not exist: " + name)
		}
		if err := addField(b, name, f.Schema); err != nil {
			return nil, err
		}
		p.from = append(p.from, f.Index)
	}
	var err error
	p.schema, err = b.TryBuild()
	return p, err
}

// Apply replaces the key.
func (t *valueToKey) Apply(_ context.Context, r *connect.Record) (bool, error) {
	if r.Value.Schema == nil {
		es, err := requireMap(r.Value.Value, valueToKeyPurpose)
		if err != nil {
			return false, err
		}
		key := make([]data.Entry, 0, len(t.fields))
		for _, name := range t.fields {
			key = set(key, name, lookup(es, name))
		}
		r.Key = data.Datum{Value: data.Map(key)}
		return true, nil
	}
	st, err := requireStruct(r.Value.Value, valueToKeyPurpose)
	if err != nil {
		return false, err
	}
	p, err := t.plans.get(st.Schema())
	if err != nil {
		return false, err
	}
	key := t.structs.make(p.schema)
	for i, from := range p.from {
		if err := put(key, i, at(st, from, t.withDefault)); err != nil {
			return false, err
		}
	}
	r.Key = data.Datum{Schema: p.schema, Value: data.Of(key)}
	return true, nil
}
