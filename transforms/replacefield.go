package transforms

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	replaceExclude = distinctList("exclude", true).Default(nil).
			Doc("Fields to exclude. This takes precedence over the fields to include.")
	replaceInclude = distinctList("include", true).Default(nil).
			Doc("Fields to include. If specified, only these fields will be used.")
	replaceRenames = config.List("renames").Default(nil).Valid(config.Validator[[]string]{
		Check: func(l []string) error { _, err := parseRenames(l); return err },
		Doc:   "list of colon-delimited pairs, e.g. <code>foo:bar,abc:xyz</code>",
	}).Doc("Field rename mappings.")
	replaceReplaceNull = replaceNull()
	replaceFieldDef    = config.NewDef(replaceExclude, replaceInclude, replaceRenames, replaceReplaceNull)
)

const replaceFieldPurpose = "field replacement"

// replaceField is org.apache.kafka.connect.transforms.ReplaceField.
type replaceField struct {
	noClose
	side             side
	exclude, include []string
	renames, back    map[string]string
	withDefault      bool
	plans            plans[*rowPlan]
	structs          structs
}

// rowPlan makes a struct of schema out of the fields from of another.
type rowPlan struct {
	schema *data.Schema
	from   []int
}

func newReplaceField(s side) connect.Transform { return &replaceField{side: s} }

// Configure reads the names.
func (t *replaceField) Configure(v config.Values) (err error) {
	t.exclude, t.include, t.withDefault = replaceExclude.Get(v), replaceInclude.Get(v), replaceReplaceNull.Get(v)
	if t.renames, err = parseRenames(replaceRenames.Get(v)); err != nil {
		return err
	}
	t.back = make(map[string]string, len(t.renames))
	// Of several fields that get one name, the last counts; Java's order is that of a hash map.
	for _, from := range slices.Sorted(maps.Keys(t.renames)) {
		t.back[t.renames[from]] = from
	}
	t.plans.build = t.plan
	return nil
}

func parseRenames(mappings []string) (map[string]string, error) {
	m := make(map[string]string, len(mappings))
	for _, mapping := range mappings {
		parts := javaSplit(mapping, ':')
		if len(parts) != 2 {
			return nil, config.Verbatim("Invalid value [" + strings.Join(mappings, ", ") + "] for configuration renames: Invalid rename mapping: " + mapping)
		}
		m[parts[0]] = parts[1]
	}
	return m, nil
}

// javaSplit is String.split(sep): empty parts at the end do not count, except that an empty text is one part.
func javaSplit(s string, sep byte) []string {
	parts := strings.Split(s, string(sep))
	for len(parts) > 1 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	if len(parts) == 1 && parts[0] == "" && s != "" {
		return nil
	}
	return parts
}

func (t *replaceField) keeps(name string) bool {
	return !slices.Contains(t.exclude, name) && (len(t.include) == 0 || slices.Contains(t.include, name))
}

func (t *replaceField) renamed(name string) string {
	if to, ok := t.renames[name]; ok {
		return to
	}
	return name
}

func (t *replaceField) plan(s *data.Schema) (*rowPlan, error) {
	b, p := newStructSchema(s), &rowPlan{}
	for _, f := range s.Fields() {
		if !t.keeps(f.Name) {
			continue
		}
		to := t.renamed(f.Name)
		if err := addField(b, to, f.Schema); err != nil {
			return nil, err
		}
		// Java finds the source of a field by the reverse mapping, which differs for a field that has the new name of another.
		from := to
		if old, ok := t.back[to]; ok {
			from = old
		}
		i := s.Index(from)
		if i < 0 {
			return nil, notAField(from)
		}
		p.from = append(p.from, i)
	}
	var err error
	p.schema, err = b.TryBuild()
	return p, err
}

// Apply drops and renames; a null key or value stays.
func (t *replaceField) Apply(_ context.Context, r *connect.Record) (bool, error) {
	d := t.side.of(r)
	switch {
	case d.Value.IsNull():
		return true, nil
	case d.Schema == nil:
		return true, t.applySchemaless(d)
	}
	st, err := requireStruct(d.Value, replaceFieldPurpose)
	if err != nil {
		return false, err
	}
	p, err := t.plans.get(st.Schema())
	if err != nil {
		return false, err
	}
	out := t.structs.make(p.schema)
	for i, from := range p.from {
		if err := put(out, i, at(st, from, t.withDefault)); err != nil {
			return false, err
		}
	}
	*d = data.Datum{Schema: p.schema, Value: data.Of(out)}
	return true, nil
}

func (t *replaceField) applySchemaless(d *data.Datum) error {
	es, err := requireMap(d.Value, replaceFieldPurpose)
	if err != nil {
		return err
	}
	out := make([]data.Entry, 0, len(es))
	for _, e := range es {
		if e.Key.Kind() != data.KindString {
			return errNotStringKey
		}
		if name := e.Key.String(); t.keeps(name) {
			out = set(out, t.renamed(name), e.Value)
		}
	}
	d.Value = data.Map(out)
	return nil
}
