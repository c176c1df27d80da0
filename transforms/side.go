package transforms

import (
	"errors"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

// side is the half of the record a transform works on: the $Key or $Value of its class name.
type side uint8

const (
	valueSide side = iota
	keySide
)

func (s side) of(r *connect.Record) *data.Datum {
	if s == keySide {
		return &r.Key
	}
	return &r.Value
}

// noClose is embedded by transforms that hold nothing.
type noClose struct{}

// Close does nothing.
func (noClose) Close() error { return nil }

// The requirements of org.apache.kafka.connect.transforms.util.Requirements, with its messages.

func requireMap(v data.Value, purpose string) ([]data.Entry, error) {
	if v.Kind() != data.KindMap {
		return nil, errors.New("Only Map objects supported in absence of schema for [" + purpose + "], found: " + className(v))
	}
	return v.Map(), nil
}

func requireStruct(v data.Value, purpose string) (*data.Struct, error) {
	if v.Kind() != data.KindStruct {
		return nil, errors.New("Only Struct objects supported for [" + purpose + "], found: " + className(v))
	}
	return v.Struct(), nil
}

// requireRow is requireStruct for transforms that plan by the datum's schema: the struct must have its layout.
func requireRow(d data.Datum, purpose string) (*data.Struct, error) {
	st, err := requireStruct(d.Value, purpose)
	if err != nil {
		return nil, err
	}
	if d.Schema != st.Schema() && len(d.Schema.Fields()) != st.Len() {
		return nil, errors.New("the struct for [" + purpose + "] does not have the fields of the record's schema")
	}
	return st, nil
}

// newStructSchema copies a struct schema's name, version, doc and parameters, but neither optional nor default (SchemaUtil.copySchemaBasics).
func newStructSchema(s *data.Schema) *data.Builder { return data.Make(data.KindStruct).From(s, false) }

// addField adds a field with SchemaBuilder.field's errors.
func addField(b *data.Builder, name string, s *data.Schema) error {
	if name == "" {
		return errors.New("fieldName cannot be null.")
	}
	if b.HasField(name) {
		return errors.New("Cannot create field because of field name duplication " + name)
	}
	b.Field(name, s)
	return nil
}

// fieldsOf lists the fields of a schema, with Java's error for one that has none.
func fieldsOf(s *data.Schema) ([]data.Field, error) {
	if s.Kind() != data.KindStruct {
		return nil, errors.New("Cannot list fields on non-struct type")
	}
	return s.Fields(), nil
}

// put stores v with Struct.put's check of null. Kinds are right by construction.
func put(st *data.Struct, i int, v data.Value) error {
	if v.IsNull() {
		if f := st.Schema().Fields()[i]; !f.Schema.Optional() {
			return nullForRequired(f)
		}
		return nil
	}
	st.Set(i, v)
	return nil
}

func nullForRequired(f data.Field) error {
	return errors.New(`Invalid value: null used for required field: "` + f.Name + `", schema type: ` + f.Schema.Kind().String())
}

// at reads a field; withDefault as Struct.get, else as Struct.getWithoutDefault.
func at(st *data.Struct, i int, withDefault bool) data.Value {
	if withDefault {
		return st.AtOrDefault(i)
	}
	return st.At(i)
}

// lookup finds a text key in a map.
func lookup(es []data.Entry, key string) data.Value {
	if i := indexOf(es, key); i >= 0 {
		return es[i].Value
	}
	return data.Null()
}

func indexOf(es []data.Entry, key string) int {
	for i := range es {
		if es[i].Key.Kind() == data.KindString && es[i].Key.String() == key {
			return i
		}
	}
	return -1
}

// set replaces or appends an entry; es must be the caller's own.
func set(es []data.Entry, key string, v data.Value) []data.Entry {
	if i := indexOf(es, key); i >= 0 {
		es[i].Value = v
		return es
	}
	return append(es, data.Entry{Key: data.String(key), Value: v})
}

// copyEntries copies a map with room for more entries.
func copyEntries(es []data.Entry, more int) []data.Entry {
	return append(make([]data.Entry, 0, len(es)+more), es...)
}

// errNotStringKey is Java's ClassCastException.
var errNotStringKey = errors.New("a map without a schema must have keys that are strings")

// notAField is the error of Struct.get for a name that does not exist.
func notAField(name string) error { return errors.New(name + " is not a valid field name") }
