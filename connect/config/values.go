package config

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// Props are a config as written in REST and the config topic. A null value is
// a key that is not there.
type Props map[string]string

// Clone returns a copy.
func (p Props) Clone() Props { return maps.Clone(p) }

// WithPrefix returns the entries whose key begins with prefix, cut off. The
// entry of the bare prefix itself is left out.
func (p Props) WithPrefix(prefix string) Props {
	out := Props{}
	for k, v := range p {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			out[rest] = v
		}
	}
	return out
}

// Values are parsed Props. They are immutable and safe for concurrent use. Of
// the zero Values every key has its default. They print as [hidden]: the
// originals may hold secrets.
type Values struct {
	// Two pointers, because fmt follows one to a struct: see Secret.
	s      **state
	prefix string // set by Sub
}

type state struct {
	originals Props
	parsed    map[string]any // by name; a declared key that is null has nil
	unknown   []string
	warnings  []string
}

// none stands for the state of the zero Values. It is never written to.
var none = &state{}

func (v Values) state() *state {
	if v.s == nil {
		return none
	}
	return *v.s
}

// Format writes [hidden] whatever the verb.
func (v Values) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Hidden) }

// LogValue returns [hidden].
func (v Values) LogValue() slog.Value { return slog.StringValue(Hidden) }

// Originals returns a copy of the props as written.
func (v Values) Originals() Props {
	if v.prefix != "" {
		return v.state().originals.WithPrefix(v.prefix)
	}
	if v.state().originals == nil {
		return Props{}
	}
	return maps.Clone(v.state().originals)
}

// WithPrefix returns the props that begin with p, cut off: producer.override.,
// converter sub-keys, pass-through.
func (v Values) WithPrefix(p string) Props { return v.state().originals.WithPrefix(v.prefix + p) }

// Unknown lists the keys nobody declared, sorted. They are no errors: plugins
// may read them from Originals.
func (v Values) Unknown() []string {
	if v.prefix == "" {
		return slices.Clone(v.state().unknown)
	}
	var out []string
	for _, u := range v.state().unknown {
		if rest, ok := strings.CutPrefix(u, v.prefix); ok {
			out = append(out, rest)
		}
	}
	return out
}

// Warnings lists deprecated names in use, in words for the log, in the order
// of declaration.
func (v Values) Warnings() []string { return slices.Clone(v.state().warnings) }

// Sub returns the values of the Def embedded under prefix, for its own keys.
func (v Values) Sub(prefix string) Values {
	v.prefix += prefix
	return v
}

func (v Values) lookup(name string) (any, bool) {
	x, ok := v.state().parsed[v.prefix+name]
	return x, ok
}

func (v Values) isSet(d *declaration) bool {
	_, ok := find(d, v.prefix, v.state().originals)
	return ok
}

// parseUndeclared answers for a key the Def does not have.
func (v Values) parseUndeclared(d *declaration) any {
	if from, ok := find(d, v.prefix, v.state().originals); ok {
		if x, err := d.parse(trim(v.state().originals[from])); err == nil {
			return x
		}
	}
	return d.def
}

// find returns the name under which p has d's value: its own, else the first
// alias that is set. prefix stands before all of them.
func find(d *declaration, prefix string, p Props) (string, bool) {
	if _, ok := p[prefix+d.name]; ok {
		return prefix + d.name, true
	}
	for _, a := range d.aliases {
		if _, ok := p[prefix+a]; ok {
			return prefix + a, true
		}
	}
	return "", false
}
