package transforms

import (
	"context"
	"errors"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	flattenDelimiter = config.String("delimiter").Default(".").
				Doc("Delimiter to insert between field names from the input record when generating field names for the output record")
	flattenDef = config.NewDef(flattenDelimiter)
)

const flattenPurpose = "flattening"

// flatten is org.apache.kafka.connect.transforms.Flatten.
type flatten struct {
	noClose
	side      side
	delimiter string
	plans     plans[*flatPlan]
	structs   structs
}

// flatPlan is the flat schema and the tree of fields: a node with children is a struct, one without is the next field.
type flatPlan struct {
	schema *data.Schema
	root   []flatNode
}

type flatNode struct {
	leaf     bool
	children []flatNode
	leaves   int // below, to skip a struct that is null
}

func newFlatten(s side) connect.Transform { return &flatten{side: s} }

// Configure reads the delimiter.
func (t *flatten) Configure(v config.Values) error {
	t.delimiter = flattenDelimiter.Get(v)
	t.plans.build = t.plan
	return nil
}

func (t *flatten) join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + t.delimiter + name
}

func (t *flatten) plan(s *data.Schema) (*flatPlan, error) {
	b := newStructSchema(s)
	def, _ := s.Default()
	root, err := t.nodes(b, s, "", s.Optional(), def)
	if err != nil {
		return nil, err
	}
	schema, err := b.TryBuild()
	return &flatPlan{schema, root}, err
}

// nodes adds the fields of s to b. An optional parent makes its fields optional, and its default gives them theirs.
func (t *flatten) nodes(b *data.Builder, s *data.Schema, prefix string, optional bool, parent data.Value) ([]flatNode, error) {
	out := make([]flatNode, len(s.Fields()))
	for i, f := range s.Fields() {
		name := t.join(prefix, f.Name)
		optional := optional || f.Schema.Optional()
		def, ok := f.Schema.Default()
		if !ok && !parent.IsNull() {
			def = parent.Struct().AtOrDefault(i)
		}
		switch kind := f.Schema.Kind(); {
		case kind.IsPrimitive() || kind == data.KindList:
			leaf, err := data.Make(kind).From(f.Schema, false).Elem(f.Schema.ElemSchema()).SetOptional(optional).Default(def).TryBuild()
			if err != nil {
				return nil, err
			}
			if err := addField(b, name, leaf); err != nil {
				return nil, err
			}
			out[i] = flatNode{leaf: true, leaves: 1}
		case kind == data.KindStruct:
			children, err := t.nodes(b, f.Schema, name, optional, def)
			if err != nil {
				return nil, err
			}
			out[i] = flatNode{children: children}
			for _, c := range children {
				out[i].leaves += c.leaves
			}
		default:
			return nil, errors.New("Flatten transformation does not support " + kind.String() + " for record with schemas (for field " + name + ").")
		}
	}
	return out, nil
}

// Apply flattens; a null key or value stays.
func (t *flatten) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	if d.Value.IsNull() {
		return true, nil
	}
	if d.Schema == nil {
		es, err := requireMap(d.Value, flattenPurpose)
		if err != nil {
			return false, err
		}
		out, err := t.flattenMap(make([]data.Entry, 0, len(es)), es, "")
		if err != nil {
			return false, err
		}
		d.Value = data.Map(out)
		return true, nil
	}
	st, err := requireRow(*d, flattenPurpose)
	if err != nil {
		return false, err
	}
	p, err := t.plans.get(d.Schema)
	if err != nil {
		return false, err
	}
	out := t.structs.make(p.schema)
	if _, err := fill(out, 0, st, p.root); err != nil {
		return false, err
	}
	*d = data.Datum{Schema: p.schema, Value: data.Of(out)}
	return true, nil
}

// fill copies st to the fields of out from next on, and answers the next free one. The fields of a struct that is null stay unset.
func fill(out *data.Struct, next int, st *data.Struct, nodes []flatNode) (int, error) {
	for i := range nodes {
		n := &nodes[i]
		if n.leaf {
			if err := put(out, next, st.AtOrDefault(i)); err != nil {
				return 0, err
			}
			next++
			continue
		}
		v := st.At(i)
		if v.IsNull() {
			next += n.leaves
			continue
		}
		var err error
		if next, err = fill(out, next, v.Struct(), n.children); err != nil {
			return 0, err
		}
	}
	return next, nil
}

func (t *flatten) flattenMap(out, es []data.Entry, prefix string) ([]data.Entry, error) {
	for _, e := range es {
		if e.Key.Kind() != data.KindString {
			return nil, errNotStringKey
		}
		name := t.join(prefix, e.Key.String())
		switch k := e.Value.Kind(); {
		case k == data.KindMap:
			var err error
			if out, err = t.flattenMap(out, e.Value.Map(), name); err != nil {
				return nil, err
			}
		case k == data.KindStruct:
			return nil, errors.New("Flatten transformation does not support class " + className(e.Value) + " for record without schemas (for field " + name + ").")
		case k > data.KindStruct:
			return nil, errors.New("Flatten transformation was passed a value of type class " + className(e.Value) + " which is not supported by Connect's data API")
		default:
			out = set(out, name, e.Value)
		}
	}
	return out, nil
}
