package config

import (
	"cmp"
	"slices"
	"strings"
)

// Def is a set of keys in the order of their declaration (Java: ConfigDef).
// Defs are immutable: every method that adds returns a new one. Safe for
// concurrent use.
type Def struct {
	decls       []*declaration
	index       map[string]int
	passThrough []string
}

// NewDef declares keys. A name declared twice panics with Java's text: it is a
// mistake in the program.
func NewDef(keys ...AnyKey) *Def {
	d := &Def{index: map[string]int{}}
	for _, k := range keys {
		if _, ok := d.index[k.Name()]; ok {
			panic("Configuration " + k.Name() + " is defined twice.")
		}
		d.put(snapshot(k))
	}
	return d
}

// With returns d and keys: a layer on top. A key whose name d has already
// replaces that one in its place.
func (d *Def) With(keys ...AnyKey) *Def {
	out := d.clone()
	for _, k := range keys {
		out.put(snapshot(k))
	}
	return out
}

// Join returns d followed by those keys of below that d does not declare: a
// plugin's own keys come first and win, the framework's follow, which is the
// order and the rule of GET /connector-plugins/{plugin}/config.
func (d *Def) Join(below *Def) *Def {
	out := d.clone()
	for _, x := range below.decls {
		if _, ok := out.index[x.name]; !ok {
			out.put(x)
		}
	}
	out.passThrough = append(out.passThrough, below.passThrough...)
	return out
}

// PassThrough names prefixes whose keys belong to someone else and are not
// Unknown: producer.override. and the like.
func (d *Def) PassThrough(prefixes ...string) *Def {
	out := d.clone()
	out.passThrough = append(out.passThrough, prefixes...)
	return out
}

// Embed returns d followed by the keys of another plugin's Def under prefix
// (key.converter.). Groups, orders and dependents stay, and messages speak of
// the short names, as Java's herder does for converters and client overrides.
func (d *Def) Embed(prefix string, sub *Def) *Def {
	out := d.clone()
	for _, x := range sub.decls {
		e := prefixed(x, prefix)
		e.shortNames = true
		out.put(e)
	}
	out.passPrefixed(prefix, sub)
	return out
}

// EmbedGroup returns d followed by the keys of sub under prefix (transforms.a.)
// and in the group given, ordered and numbered from first, dependents prefixed.
// Parse errors speak of the full names, checks of the short ones. It is Java's
// ConfigDef.embed, which transforms and predicates go through.
func (d *Def) EmbedGroup(prefix, group string, first int, sub *Def) *Def {
	out := d.clone()
	for i, x := range sub.sorted() {
		e := prefixed(x, prefix)
		g := group
		if x.group != nil {
			g += ": " + *x.group
		}
		e.group, e.order = &g, first+i
		e.dependents = withPrefix(prefix, x.dependents)
		out.put(e)
	}
	out.passPrefixed(prefix, sub)
	return out
}

func (d *Def) passPrefixed(prefix string, sub *Def) {
	d.passThrough = append(d.passThrough, withPrefix(prefix, sub.passThrough)...)
}

func prefixed(x *declaration, prefix string) *declaration {
	e := *x
	e.name = prefix + x.name
	e.prefix = prefix + x.prefix
	e.aliases = withPrefix(prefix, x.aliases)
	return &e
}

func withPrefix(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}

// snapshot copies what k says now, so that later changes to k do no harm.
func snapshot(k AnyKey) *declaration {
	x := *k.declaration()
	x.checks = slices.Clone(x.checks)
	x.dependents = slices.Clone(x.dependents)
	x.aliases = slices.Clone(x.aliases)
	return &x
}

func (d *Def) clone() *Def {
	out := &Def{decls: slices.Clone(d.decls), index: make(map[string]int, len(d.decls)), passThrough: slices.Clone(d.passThrough)}
	for i, x := range out.decls {
		out.index[x.name] = i
	}
	return out
}

func (d *Def) put(x *declaration) {
	if i, ok := d.index[x.name]; ok {
		d.decls[i] = x
		return
	}
	d.index[x.name] = len(d.decls)
	d.decls = append(d.decls, x)
}

// Definition is what REST and the manual say about a key.
type Definition struct {
	Name          string
	Type          Type
	Required      bool
	Default       *string // as text; nil: null. A secret's is [hidden]
	Importance    Importance
	Documentation string
	Group         *string // nil: null
	OrderInGroup  int     // -1 for a key without a group
	Width         Width
	DisplayName   string
	Dependents    []string // never nil
	Order         int      // place in the Def, from 0

	ValidValues string   // in words; for the manual
	Aliases     []string // deprecated names; for the manual
	Internal    bool     // not in the manual
}

// Keys lists the declared keys in order, without the hidden ones: the answer
// of GET /connector-plugins/{plugin}/config.
func (d *Def) Keys() []Definition {
	out := make([]Definition, 0, len(d.decls))
	for i, x := range d.decls {
		if !x.hidden {
			out = append(out, x.definition(i))
		}
	}
	return out
}

// Key returns the declared key of that name, hidden ones too.
func (d *Def) Key(name string) (Definition, bool) {
	i, ok := d.index[name]
	if !ok {
		return Definition{}, false
	}
	return d.decls[i].definition(i), true
}

// Groups lists the groups in the order of their first key, as REST does.
func (d *Def) Groups() []string {
	out := []string{}
	for _, x := range d.decls {
		if x.group != nil && !x.hidden && !slices.Contains(out, *x.group) {
			out = append(out, *x.group)
		}
	}
	return out
}

func (x *declaration) definition(order int) Definition {
	out := Definition{
		Name: x.name, Type: x.typ, Required: x.required, Importance: x.importance,
		Documentation: x.doc, OrderInGroup: x.order, Width: x.width,
		DisplayName: x.display, Dependents: append([]string{}, x.dependents...), Order: order,
		Aliases: slices.Clone(x.aliases), Internal: x.internal,
	}
	if x.def != nil {
		s := text(x.def)
		out.Default = &s
	}
	if x.group != nil {
		g := *x.group
		out.Group = &g
	}
	var valid []string
	for _, c := range x.checks {
		if c.doc != "" {
			valid = append(valid, c.doc)
		}
	}
	out.ValidValues = strings.Join(valid, ", ")
	return out
}

// sorted is ConfigDef.sortedConfigs: no group first, then groups as they come,
// order in group, keys without a default, importance, name.
func (d *Def) sorted() []*declaration {
	groups := map[string]int{}
	for _, x := range d.decls {
		if x.group != nil {
			if _, ok := groups[*x.group]; !ok {
				groups[*x.group] = len(groups)
			}
		}
	}
	rank := func(x *declaration) int {
		if x.group == nil {
			return -1
		}
		return groups[*x.group]
	}
	last := func(x *declaration) int {
		if x.required {
			return 0
		}
		return 1
	}
	out := slices.Clone(d.decls)
	slices.SortStableFunc(out, func(a, b *declaration) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)), cmp.Compare(a.order, b.order), cmp.Compare(last(a), last(b)),
			cmp.Compare(a.importance, b.importance), strings.Compare(a.name, b.name))
	})
	return out
}
