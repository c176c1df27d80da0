package transforms

import (
	"context"
	"errors"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

const unwrapPurpose = "source field insertion"

// reference names a field of the envelope or of a block in it, and what it is to be called outside
// (AbstractExtractNewRecordState.FieldReference).
type reference struct{ block, field, name string }

// parseReferences reads "op,source.ts_ms,table:TABLE".
func parseReferences(prefix string, list []string) ([]reference, error) {
	var out []reference
	for _, s := range list {
		parts := javaSplit(s, ':')
		if len(parts) == 0 || len(parts) > 2 {
			return nil, errors.New("Unexpected field name: " + s)
		}
		path := javaSplit(parts[0], '.')
		if len(path) == 0 {
			return nil, errors.New("Unexpected field name: " + s)
		}
		ref := reference{field: path[0]}
		if len(path) > 1 {
			ref.block, ref.field = path[0], path[1]
			ref.name = prefix + ref.block + "_" + ref.field
		} else {
			ref.block, ref.name = blockOf(ref.field), prefix+ref.field
		}
		if len(parts) == 2 {
			ref.name = prefix + parts[1]
		}
		out = append(out, ref)
	}
	return out, nil
}

// blockOf is where a field without a block is looked for.
func blockOf(field string) string {
	switch field {
	case "id", "data_collection_order", "total_order":
		return "transaction"
	case "op", "ts_ms", "ts_us", "ts_ns":
		return ""
	case "updateDescription":
		return field
	default:
		return "source"
	}
}

// envelopePlan is what is known of an envelope's schema.
type envelopePlan struct {
	after, before imagePlan
	headers       []addition
}

// imagePlan is the result made of one row image: its fields, __deleted when rewriting, and the added ones.
type imagePlan struct {
	at     int
	field  *data.Schema // of the envelope
	schema *data.Schema
	added  []addition
	err    error // why schema cannot be made; fails only events that need it
}

// addition is a resolved reference: ordinals in the envelope, or in a block of it.
type addition struct {
	name      string
	schema    *data.Schema
	block, at int // block -1: at is in the envelope
}

func (a *addition) of(envelope *data.Struct) data.Value {
	if a.block < 0 {
		return envelope.At(a.at)
	}
	v := envelope.At(a.block)
	if v.Kind() != data.KindStruct { // transaction is null without provide.transaction.metadata
		return data.Null()
	}
	return v.Struct().At(a.at)
}

func (t *unwrap) plan(s *data.Schema) (*envelopePlan, error) {
	p := &envelopePlan{}
	var err error
	if p.headers, err = resolveAll(t.headers, s); err != nil {
		return nil, err
	}
	for _, image := range []struct {
		name string
		plan *imagePlan
	}{{"after", &p.after}, {"before", &p.before}} {
		f := s.Field(image.name)
		if f == nil {
			return nil, errors.New("Unknown field: " + image.name)
		}
		image.plan.at, image.plan.field = f.Index, f.Schema
		if image.plan.added, image.plan.err = resolveAll(t.fields, s); image.plan.err != nil {
			continue
		}
		if s.Index("op") < 0 {
			image.plan.err = notAField("op")
			continue
		}
		image.plan.schema, image.plan.err = t.imageSchema(f.Schema, image.plan.added)
	}
	return p, nil
}

func (t *unwrap) imageSchema(s *data.Schema, added []addition) (*data.Schema, error) {
	fields, err := fieldsOf(s)
	if err != nil {
		return nil, err
	}
	b := newStructSchema(s)
	for _, f := range fields {
		b.Field(f.Name, f.Schema)
	}
	if t.rewrite {
		if err := addField(b, "__deleted", data.OptionalStringSchema); err != nil {
			return nil, err
		}
	}
	for _, a := range added {
		if err := addField(b, a.name, a.schema); err != nil {
			return nil, err
		}
	}
	return b.TryBuild()
}

func resolveAll(refs []reference, envelope *data.Schema) ([]addition, error) {
	var out []addition
	for _, r := range refs {
		a, ok, err := r.resolve(envelope)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, a)
		}
	}
	return out, nil
}

// resolve finds the field in its block, else in the envelope itself, where another transform may have put it.
func (r reference) resolve(envelope *data.Schema) (a addition, ok bool, err error) {
	a = addition{name: r.name, block: -1}
	parent := envelope
	if r.block != "" {
		b := envelope.Field(r.block)
		if b == nil { // Java: NullPointerException
			return a, false, errors.New("cannot add " + r.name + ": the event has no block " + r.block)
		}
		if b.Schema.Kind() != data.KindStruct {
			return a, false, errors.New("Cannot look up fields on non-struct type")
		}
		parent, a.block = b.Schema, b.Index
	}
	f := parent.Field(r.field)
	if f == nil {
		if f = envelope.Field(r.field); f == nil {
			return a, false, nil
		}
		a.block = -1
	}
	a.at = f.Index
	// Of the schema only type, name, version, doc and parameters are copied.
	a.schema, err = data.Make(f.Schema.Kind()).From(f.Schema, false).Key(f.Schema.KeySchema()).Elem(f.Schema.ElemSchema()).Optional().TryBuild()
	return a, err == nil, err
}

// fieldDropper removes the fields a header lists (drop.fields.header.name).
type fieldDropper struct {
	header              string
	fromKey, compatible bool
}

func (d *fieldDropper) active(r *connect.Record) bool { return len(d.names(r)) > 0 }

// names are those in the first header of the name.
func (d *fieldDropper) names(r *connect.Record) []string {
	if strings.TrimSpace(d.header) == "" {
		return nil
	}
	for _, h := range r.Headers {
		if h.Key != d.header {
			continue
		}
		var out []string
		if v := h.Value.Value; v.Kind() == data.KindList {
			for _, e := range v.List() {
				out = append(out, e.String())
			}
		}
		return out
	}
	return nil
}

func (d *fieldDropper) apply(r *connect.Record) error {
	names := d.names(r)
	if len(names) == 0 {
		return nil
	}
	key, value := r.Key, r.Value
	if d.fromKey {
		if err := d.without(&key, names); err != nil {
			return err
		}
	}
	if err := d.without(&value, names); err != nil {
		return err
	}
	r.Key, r.Value = key, value
	return nil
}

// without rebuilds the struct; compatible schemas lose optional fields only.
func (d *fieldDropper) without(v *data.Datum, names []string) error {
	if v.Value.Kind() != data.KindStruct || v.Schema == nil {
		return nil
	}
	t := replaceField{withDefault: true}
	for _, f := range v.Schema.Fields() {
		for _, name := range names {
			if f.Name == name && (f.Schema.Optional() || !d.compatible) {
				t.exclude = append(t.exclude, name)
			}
		}
	}
	if t.exclude == nil {
		return nil
	}
	t.plans.build = t.plan
	r := connect.Record{Value: *v}
	if _, err := t.Apply(context.Background(), &r); err != nil { // does no I/O
		return err
	}
	*v = r.Value
	return nil
}
