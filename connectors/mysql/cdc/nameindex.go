package cdc

import (
	"regexp"
	"slices"
	"strings"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// nameIndex finds whether a name matches one of many patterns without trying each: lists may name every table of a server. A pattern that
// is a plain name, in which a dot stands for any character, is found by a map; the others are tried.
type nameIndex struct {
	plain map[string]map[string]struct{} // dots' places → names in lower case with a dot there
	other patterns
	all   patterns
}

// fewPatterns are tried one by one.
const fewPatterns = 16

func indexOf(ps patterns) nameIndex {
	x := nameIndex{all: ps, other: ps}
	if len(ps) <= fewPatterns {
		return x
	}
	x.other, x.plain = nil, map[string]map[string]struct{}{}
	for _, re := range ps {
		name, places, ok := wildcardName(unanchored(re))
		if !ok {
			x.other = append(x.other, re)
			continue
		}
		if x.plain[places] == nil {
			x.plain[places] = map[string]struct{}{}
		}
		x.plain[places][name] = struct{}{}
	}
	return x
}

// wildcardName reads an expression of ASCII letters, digits, _, - and dots; places has a byte for each unescaped dot, its place.
func wildcardName(expr string) (name, places string, ok bool) {
	var out, at []byte
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		switch {
		case c == '.':
			if len(out) > 255 {
				return "", "", false
			}
			at = append(at, byte(len(out)))
		case c == '\\' && i+1 < len(expr) && (expr[i+1] == '.' || expr[i+1] == '$' || expr[i+1] == '-'):
			i++
			c = expr[i]
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-':
		default:
			return "", "", false
		}
		out = append(out, c)
	}
	return strings.ToLower(string(out)), string(at), len(out) > 0
}

// match is patterns' match.
func (x *nameIndex) match(name string) bool {
	if !isASCII(name) { // other characters may be the same in another case
		return x.all.match(name)
	}
	if len(x.plain) > 0 {
		lower := []byte(strings.ToLower(name))
		for places, names := range x.plain {
			if _, ok := names[dotted(lower, places)]; ok {
				return true
			}
		}
	}
	return x.other.match(name)
}

// dotted is a name with dots in some places; empty if it is too short.
func dotted(name []byte, places string) string {
	out := append([]byte(nil), name...)
	for _, p := range []byte(places) {
		if int(p) >= len(out) {
			return ""
		}
		out[p] = '.'
	}
	return string(out)
}

// namesOfTables answers whether some table's name matches a pattern without trying each.
type namesOfTables struct {
	names []string                       // of tables whose databases are captured
	by    map[string]map[string]struct{} // dots' places → names in lower case with a dot there
	ascii bool
}

func tableNames(ids []history.TableID) *namesOfTables {
	n := &namesOfTables{by: map[string]map[string]struct{}{}, ascii: true}
	for _, id := range ids {
		n.names = append(n.names, id.String())
		n.ascii = n.ascii && isASCII(id.String())
	}
	return n
}

func (n *namesOfTables) match(re *regexp.Regexp) bool {
	name, places, ok := wildcardName(unanchored(re))
	if !ok || !n.ascii {
		return slices.ContainsFunc(n.names, re.MatchString)
	}
	if n.by[places] == nil {
		n.by[places] = map[string]struct{}{}
		for _, s := range n.names {
			n.by[places][dotted([]byte(strings.ToLower(s)), places)] = struct{}{}
		}
	}
	_, ok = n.by[places][name]
	return ok
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
