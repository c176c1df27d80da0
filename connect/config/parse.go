package config

import (
	"errors"
	"slices"
	"strings"
)

// Parse reads p: defaults, types, checks. All errors come joined
// (errors.Join), each a *Error, at most one a key, in the order of declaration;
// Errors lists them. The Values hold what could be read even then: a key in
// error is null. p is copied. Keys nobody declared are no errors.
func (d *Def) Parse(p Props) (Values, error) {
	v := d.values(p)
	var errs []error
	for _, x := range d.decls {
		if found := v.read(x); len(found) > 0 {
			errs = append(errs, found[0])
			// A value its checks refuse must not be used by mistake.
			v.state().parsed[x.name] = nil
		}
	}
	return v, errors.Join(errs...)
}

// Errors returns the errors Parse joined, or nil.
func Errors(err error) []*Error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*Error
		for _, e := range joined.Unwrap() {
			out = append(out, Errors(e)...)
		}
		return out
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return []*Error{e}
	}
	return nil
}

// values makes the Values of p with nothing parsed yet.
func (d *Def) values(p Props) Values {
	s := &state{originals: p.Clone(), parsed: make(map[string]any, len(d.decls))}
	if s.originals == nil {
		s.originals = Props{}
	}
	known := make(map[string]struct{}, len(d.decls))
	for _, x := range d.decls {
		known[x.name] = struct{}{}
		for _, a := range x.aliases {
			known[a] = struct{}{}
			if _, ok := p[a]; ok {
				s.warnings = append(s.warnings, aliasWarning(x, a, p))
			}
		}
	}
	for k := range p {
		if _, ok := known[k]; !ok && !d.passes(k) {
			s.unknown = append(s.unknown, k)
		}
	}
	slices.Sort(s.unknown)
	return Values{s: &s}
}

func aliasWarning(x *declaration, alias string, p Props) string {
	w := "configuration " + alias + " is deprecated, use " + x.name
	if from, _ := find(x, "", p); from != alias {
		w += " (ignored, because " + from + " is set)"
	}
	return w
}

func (d *Def) passes(key string) bool {
	return slices.ContainsFunc(d.passThrough, func(p string) bool { return strings.HasPrefix(key, p) })
}

// read parses and checks x, stores the value, and returns Java's messages: of a
// value that is missing or does not parse also what the checks say of null.
func (v Values) read(x *declaration) []*Error {
	v.state().parsed[x.name] = nil
	from, set := find(x, "", v.state().originals)
	if !set {
		if x.required {
			return append([]*Error{missing(x.name)}, x.nullErrors()...)
		}
		v.state().parsed[x.name] = x.def
		return x.check(x.def)
	}
	raw := v.state().originals[from]
	val, err := x.parse(trim(raw))
	if err != nil {
		if x.typ == TypePassword {
			raw = Hidden
		}
		return append([]*Error{invalid(x.name, x.parseName(), raw, err)}, x.nullErrors()...)
	}
	v.state().parsed[x.name] = val
	return x.check(val)
}

func (x *declaration) check(val any) []*Error {
	if val == nil {
		return nil
	}
	for _, c := range x.checks {
		if c.run == nil {
			continue
		}
		if err := c.run(x.shortName(), val); err != nil {
			return []*Error{invalid(x.name, x.shortName(), show(val), err)}
		}
	}
	return nil
}

func (x *declaration) nullErrors() []*Error {
	for _, c := range x.checks {
		if c.null != nil {
			return []*Error{invalid(x.name, x.shortName(), "null", c.null)}
		}
	}
	return nil
}

// Nearest returns the declared key whose name is most like name, for "unknown
// key, did you mean …?". It is false if none is near: more than a third of the
// name would have to change.
func (d *Def) Nearest(name string) (string, bool) {
	best, bestDist := "", max(2, len(name)/3)+1
	for _, x := range d.decls {
		if x.internal {
			continue
		}
		n := distance(name, x.name)
		// A name cut short means the whole one rather than another as short.
		if len(name) > len(x.name)/2 && strings.HasPrefix(x.name, name) {
			n = min(n, 1)
		}
		if n < bestDist {
			best, bestDist = x.name, n
		}
	}
	return best, best != ""
}

// distance is Levenshtein's, over bytes: keys are ASCII.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			subst := diag
			if a[i] != b[j] {
				subst++
			}
			diag = row[j+1]
			row[j+1] = min(subst, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Redact returns a copy of p for logs: the values of Password keys are
// [hidden], and so are those of keys d does not declare, for nobody knows what
// they hold.
func (d *Def) Redact(p Props) Props {
	out := make(Props, len(p))
	for k := range p {
		out[k] = Hidden
	}
	for _, x := range d.decls {
		if x.typ == TypePassword {
			continue
		}
		for _, name := range append([]string{x.name}, x.aliases...) {
			if s, ok := p[name]; ok {
				out[name] = s
			}
		}
	}
	return out
}
