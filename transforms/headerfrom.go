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
	headerFromFields = config.List("fields").Required().Valid(nonEmptyList).Importance(config.High).
				Doc("Field names in the record whose values are to be copied or moved to headers.")
	headerFromHeaders = config.List("headers").Required().Valid(nonEmptyList).Importance(config.High).
				Doc("Header names, in the same order as the field names listed in the fields configuration property.")
	headerFromOperation = config.String("operation").Required().ValidValues("move", "copy").Importance(config.High).
				Doc("Either <code>move</code> if the fields are to be moved to the headers (removed from the key/value), or <code>copy</code> if the fields are to be copied to the headers (retained in the key/value).")
	headerFromReplaceNull = replaceNull()
	headerFromDef         = config.NewDef(headerFromFields, headerFromHeaders, headerFromOperation, headerFromReplaceNull)

	// nonEmptyList is org.apache.kafka.connect.transforms.util.NonEmptyListValidator.
	nonEmptyList = config.Validator[[]string]{
		Check: func(l []string) error {
			if len(l) == 0 {
				return errors.New("Empty list")
			}
			return nil
		},
		Null: errors.New("Empty list"),
		Doc:  "non-empty list",
	}
)

// headerFrom is org.apache.kafka.connect.transforms.HeaderFrom.
type headerFrom struct {
	noClose
	side            side
	fields, headers []string
	move            bool
	purpose         string
	withDefault     bool
	plans           plans[*headerPlan]
	structs         structs
}

// headerPlan are the ordinals of the fields that become headers, and for moves what is left.
type headerPlan struct {
	fields []data.Field
	rest   rowPlan
}

func newHeaderFrom(s side) connect.Transform { return &headerFrom{side: s} }

// Configure reads the names.
func (t *headerFrom) Configure(v config.Values) error {
	t.fields, t.headers, t.withDefault = headerFromFields.Get(v), headerFromHeaders.Get(v), headerFromReplaceNull.Get(v)
	if len(t.fields) != len(t.headers) {
		return config.Verbatim("'fields' config must have the same number of elements as 'headers' config.")
	}
	operation := headerFromOperation.Get(v)
	t.move, t.purpose = operation == "move", "header "+operation
	t.plans.build = t.plan
	return nil
}

func (t *headerFrom) plan(s *data.Schema) (*headerPlan, error) {
	p := &headerPlan{}
	for _, name := range t.fields {
		f := s.Field(name)
		if f == nil {
			return nil, errors.New("the field " + name + " to become a header does not exist") // Java: NullPointerException
		}
		p.fields = append(p.fields, *f)
	}
	if !t.move {
		return p, nil
	}
	b := newStructSchema(s)
	for _, f := range s.Fields() {
		if !slices.Contains(t.fields, f.Name) {
			b.Field(f.Name, f.Schema)
			p.rest.from = append(p.rest.from, f.Index)
		}
	}
	var err error
	p.rest.schema, err = b.TryBuild()
	return p, err
}

// Apply adds the headers, and removes the fields if they are moved.
func (t *headerFrom) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	if d.Schema == nil {
		return true, t.applySchemaless(r, d)
	}
	st, err := requireRow(*d, t.purpose)
	if err != nil {
		return false, err
	}
	p, err := t.plans.get(d.Schema)
	if err != nil {
		return false, err
	}
	out := *d
	if t.move {
		rest := t.structs.make(p.rest.schema)
		for i, from := range p.rest.from {
			if err := put(rest, i, at(st, from, t.withDefault)); err != nil {
				return false, err
			}
		}
		out = data.Datum{Schema: p.rest.schema, Value: data.Of(rest)}
	}
	headers := t.copyHeaders(r)
	for i, f := range p.fields {
		headers = append(headers, connect.Header{Key: t.headers[i], Value: data.Datum{Schema: f.Schema, Value: at(st, f.Index, t.withDefault)}})
	}
	*d, r.Headers = out, headers
	return true, nil
}

func (t *headerFrom) copyHeaders(r *connect.Record) connect.Headers {
	return append(make(connect.Headers, 0, len(r.Headers)+len(t.fields)), r.Headers...)
}

func (t *headerFrom) applySchemaless(r *connect.Record, d *data.Datum) error {
	es, err := requireMap(d.Value, t.purpose)
	if err != nil {
		return err
	}
	headers := t.copyHeaders(r)
	for i, name := range t.fields {
		headers = append(headers, connect.Header{Key: t.headers[i], Value: data.Datum{Value: lookup(es, name)}})
	}
	if t.move {
		rest := make([]data.Entry, 0, len(es))
		for _, e := range es {
			if e.Key.Kind() != data.KindString || !slices.Contains(t.fields, e.Key.String()) {
				rest = append(rest, e)
			}
		}
		d.Value = data.Map(rest)
	}
	r.Headers = headers
	return nil
}
