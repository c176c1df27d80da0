package config

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// FuzzParse feeds every type and asserts what must hold of any text: no panic,
// Parse and Validate agree, and what REST prints of a value reads back the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", " ", "true", "FALSE", "1", "+1", "-0", "99999999999", "1e3d", "0x1p3f", "NaN", "a,b", ",", " a , , b ", "\u0000", "1_0", "٣"} {
		f.Add(s)
	}
	keys := []AnyKey{String("string"), Boolean("boolean"), Int("int"), Short("short"), Long("long"), Double("double"), List("list"), Class("class")}
	def := NewDef(keys...)
	f.Fuzz(func(t *testing.T, s string) {
		p := Props{}
		for _, k := range keys {
			p[k.Name()] = s
		}
		v, err := def.Parse(p)
		bad := map[string]string{}
		for _, e := range Errors(err) {
			bad[e.Key] = e.Message
		}
		again := Props{}
		for _, r := range def.Validate(t.Context(), p) {
			if msg, ok := bad[r.Name]; ok != (len(r.Errors) > 0) || ok && r.Errors[0] != msg {
				t.Fatalf("%s %q: Parse %q, Validate %q", r.Name, s, msg, r.Errors)
			}
			if r.Value != nil {
				again[r.Name] = *r.Value
			}
		}
		w, err := def.Parse(again)
		if err != nil {
			t.Fatalf("%q printed as %q does not read back: %v", s, again, err)
		}
		for name := range again {
			if a, b := show(v.state().parsed[name]), show(w.state().parsed[name]); a != b {
				t.Fatalf("%s %q: %q, then %q", name, s, a, b)
			}
		}
	})
}

func FuzzList(f *testing.F) {
	f.Add("a, b")
	f.Add("\v,\f")
	f.Fuzz(func(t *testing.T, s string) {
		s = trim(s)
		l := parseList(s)
		if s == "" != (len(l) == 0) || s != "" && len(l) != strings.Count(s, ",")+1 {
			t.Fatalf("%q: %d elements", s, len(l))
		}
		if slices.ContainsFunc(l, func(e string) bool { return strings.Contains(e, ",") }) {
			t.Fatalf("%q: %q", s, l)
		}
	})
}

func FuzzWhole(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(1 << 40))
	f.Fuzz(func(t *testing.T, n int64) {
		s := strconv.FormatInt(n, 10)
		if got, err := parseWhole(s, 64, TypeLong); err != nil || got != n {
			t.Fatalf("%s: %d, %v", s, got, err)
		}
		if got, err := parseWhole(s, 16, TypeShort); (err == nil) != (n == int64(int16(n))) || err == nil && got != n {
			t.Fatalf("%s as SHORT: %d, %v", s, got, err)
		}
	})
}
