package config

import (
	"context"
	"slices"
)

// KeyResult is the validation of one key: one element of "configs" in the
// answer of PUT /connector-plugins/{plugin}/config/validate.
type KeyResult struct {
	Definition  *Definition // nil: the key is not declared, REST prints null
	Name        string      // with its prefix
	Value       *string     // as text, secrets [hidden]; nil: null
	Recommended []string    // never nil
	Errors      []string    // never nil
	Visible     bool
}

// AddError adds a message of a check that saw more than this key.
func (r *KeyResult) AddError(message string) { r.Errors = append(r.Errors, message) }

// Validate answers for every key of d, in the order of declaration; before them
// come dependents that are named but not declared. Hidden keys appear only with
// errors. Java's ConfigDef.validateAll says the same of each key, but repeats
// the errors of a key that is the dependent of several.
//
// ctx bounds recommenders: once it is done no more are asked.
func (d *Def) Validate(ctx context.Context, p Props) []KeyResult {
	v := d.values(p)
	out := d.undefinedDependents()
	first := len(out)
	for i, x := range d.decls {
		def := x.definition(i)
		r := KeyResult{Definition: &def, Name: x.name, Recommended: []string{}, Errors: []string{}, Visible: true}
		for _, e := range v.read(x) {
			r.AddError(e.Message)
		}
		if val := v.state().parsed[x.name]; val != nil {
			s := text(val)
			r.Value = &s
		}
		out = append(out, r)
	}
	// Recommenders see all values, so they come after the last one is read.
	for i, x := range d.decls {
		r, sub := &out[first+i], v.Sub(x.prefix)
		if ctx.Err() != nil {
			break
		}
		if x.recommend != nil {
			r.Recommended = append(r.Recommended, x.recommend(sub)...)
		}
		if x.visible != nil {
			r.Visible = x.visible(sub)
		}
	}
	return slices.DeleteFunc(out, func(r KeyResult) bool {
		return r.Definition != nil && d.decls[r.Definition.Order].hidden && len(r.Errors) == 0
	})
}

// undefinedDependents is what ConfigDef says of dependents nobody defined. The
// keys of an embedded Def name theirs without the prefix.
func (d *Def) undefinedDependents() []KeyResult {
	var out []KeyResult
	seen := map[string]struct{}{}
	for _, x := range d.decls {
		for _, name := range x.dependents {
			_, declared := d.index[name]
			_, sibling := d.index[x.prefix+name]
			if _, again := seen[name]; declared || sibling || again {
				continue
			}
			seen[name] = struct{}{}
			out = append(out, KeyResult{
				Name: name, Recommended: []string{},
				Errors: []string{name + " is referred in the dependents, but not defined."},
			})
		}
	}
	return out
}

// AddProblems puts problems to the results of their keys. A problem with a key
// that has no result gets one without a definition.
func AddProblems(results []KeyResult, problems ...Problem) []KeyResult {
	for _, p := range problems {
		i := slices.IndexFunc(results, func(r KeyResult) bool { return r.Name == p.Key })
		if i < 0 {
			i = len(results)
			results = append(results, KeyResult{Name: p.Key, Recommended: []string{}, Errors: []string{}, Visible: true})
		}
		results[i].AddError(p.Message)
	}
	return results
}
