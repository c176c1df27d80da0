package row

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// Operations of a partial JSON update (enum_json_diff_operation).
const (
	jsonReplace = 0
	jsonInsert  = 1
	jsonRemove  = 2
)

// applyJSONDiffs changes a document, in the text form of this package, by the differences of a partial update
// (Json_diff_vector::read_binary): operation, path, and the new value as binary JSON.
func applyJSONDiffs(doc, diffs []byte) ([]byte, error) {
	for len(diffs) > 0 {
		op := diffs[0]
		path, rest, ok := jsonDiffPart(diffs[1:])
		if !ok {
			return nil, errJSON
		}
		var value []byte
		if op != jsonRemove {
			var raw []byte
			if raw, rest, ok = jsonDiffPart(rest); !ok {
				return nil, errJSON
			}
			var err error
			if value, err = appendBinaryJSON(nil, raw); err != nil {
				return nil, err
			}
		}
		legs, ok := jsonPath(path)
		if !ok {
			return nil, errJSON
		}
		if doc, ok = jsonEdit(doc, legs, op, value); !ok {
			return nil, errJSON
		}
		diffs = rest
	}
	return doc, nil
}

// jsonDiffPart cuts bytes with a length before them.
func jsonDiffPart(b []byte) (part, rest []byte, ok bool) {
	if len(b) == 0 || b[0] > 250 && len(b) < 9 {
		return nil, nil, false
	}
	n, _, head := mysql.LengthEncodedInt(b)
	if n > uint64(len(b)-head) {
		return nil, nil, false
	}
	return b[head : head+int(n)], b[head+int(n):], true
}

// jsonLeg is one step of a path: a member's name, or an element's index.
type jsonLeg struct {
	key     []byte // nil: index
	index   int
	fromEnd bool // index counts back from the last element: [last-index]; the log has such paths as the statement had them
}

// element is the leg's index into an array of n elements; n: behind the last, as for any that is further.
func (l jsonLeg) element(n int) int {
	if l.fromEnd {
		return max(0, n-1-l.index)
	}
	return l.index
}

// jsonPath reads a path without wildcards: $.name."quoted name"[3].
func jsonPath(p []byte) (legs []jsonLeg, ok bool) {
	if len(p) == 0 || p[0] != '$' {
		return nil, false
	}
	for p = p[1:]; len(p) > 0; {
		switch {
		case p[0] == '[':
			end := bytes.IndexByte(p, ']')
			if end < 0 {
				return nil, false
			}
			leg, ok := jsonIndex(p[1:end])
			if !ok {
				return nil, false
			}
			legs, p = append(legs, leg), p[end+1:]
		case p[0] == '.' && len(p) > 1 && p[1] == '"':
			end := jsonStringEnd(p, 1)
			if end < 0 {
				return nil, false
			}
			legs, p = append(legs, jsonLeg{key: jsonText(p[1:end])}), p[end:]
		case p[0] == '.':
			end := 1
			for end < len(p) && p[end] != '.' && p[end] != '[' {
				end++
			}
			legs, p = append(legs, jsonLeg{key: append([]byte{}, p[1:end]...)}), p[end:]
		default:
			return nil, false
		}
	}
	return legs, true
}

// jsonIndex reads what stands between the brackets of an array's leg: a number, last, or last-number.
func jsonIndex(s []byte) (leg jsonLeg, ok bool) {
	if s, leg.fromEnd = bytes.CutPrefix(s, []byte("last")); leg.fromEnd {
		if s = bytes.TrimSpace(s); len(s) == 0 {
			return leg, true
		}
		if s, ok = bytes.CutPrefix(s, []byte("-")); !ok {
			return leg, false
		}
		s = bytes.TrimSpace(s)
	}
	n, err := strconv.ParseUint(string(s), 10, 31)
	leg.index = int(n)
	return leg, err == nil
}

// jsonStringEnd is the place behind the string that begins at i, -1 if it does not end.
func jsonStringEnd(s []byte, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// jsonText is the content of a string; never nil.
func jsonText(quoted []byte) []byte {
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return append([]byte{}, quoted...)
	}
	return append([]byte{}, s...)
}

// jsonEnd is the place behind the value that begins at i.
func jsonEnd(s []byte, i int) int {
	for depth := 0; i < len(s); {
		switch s[i] {
		case '"':
			if i = jsonStringEnd(s, i); i < 0 {
				return -1
			}
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',':
			if depth == 0 {
				return i
			}
			i++
		default:
			i++
			if depth == 0 { // a number or word
				for i < len(s) && s[i] != ',' && s[i] != '}' && s[i] != ']' {
					i++
				}
			}
		}
		if depth == 0 {
			return i
		}
	}
	return -1
}

// jsonItem is a member or element: start is that of the member's name.
type jsonItem struct {
	key               []byte
	start, value, end int
}

// jsonItems lists what the object or array at i holds.
func jsonItems(s []byte, i int) (items []jsonItem, object, ok bool) {
	if i >= len(s) || s[i] != '{' && s[i] != '[' {
		return nil, false, false
	}
	object = s[i] == '{'
	for i++; i < len(s) && s[i] != '}' && s[i] != ']'; {
		it := jsonItem{start: i, value: i}
		if object {
			end := jsonStringEnd(s, i)
			if s[i] != '"' || end < 0 || end >= len(s) || s[end] != ':' {
				return nil, false, false
			}
			it.key, it.value = jsonText(s[i:end]), end+1
		}
		if it.end = jsonEnd(s, it.value); it.end <= it.value {
			return nil, false, false
		}
		items = append(items, it)
		if i = it.end; i < len(s) && s[i] == ',' {
			i++
		}
	}
	return items, object, i < len(s)
}

// jsonEdit carries out one operation.
func jsonEdit(doc []byte, legs []jsonLeg, op byte, value []byte) ([]byte, bool) {
	splice := func(from, to int, parts ...[]byte) ([]byte, bool) {
		return slices.Concat(append(append([][]byte{doc[:from]}, parts...), doc[to:])...), true
	}
	at := 0
	for n, leg := range legs {
		items, object, ok := jsonItems(doc, at)
		if !ok && leg.key == nil && leg.index == 0 { // [0] of what is no array is itself
			continue
		}
		if !ok || object != (leg.key != nil) {
			return nil, false
		}
		i := leg.element(len(items))
		if object {
			i = slices.IndexFunc(items, func(it jsonItem) bool { return bytes.Equal(it.key, leg.key) })
		}
		found := i >= 0 && i < len(items)
		switch {
		case n < len(legs)-1 || op == jsonReplace:
			if !found {
				return nil, false
			}
			at = items[i].value
		case op == jsonRemove:
			if !found {
				return nil, false
			}
			from, to := items[i].start, items[i].end
			if i+1 < len(items) {
				to = items[i+1].start
			} else if i > 0 {
				from = items[i-1].end
			}
			return splice(from, to)
		case op == jsonInsert:
			if object && found {
				return nil, false
			}
			var name []byte
			if object {
				name = append(appendJSONString(nil, leg.key), ':')
				i = slices.IndexFunc(items, func(it jsonItem) bool { return jsonKeyLess(leg.key, it.key) })
			}
			switch {
			case len(items) == 0:
				return splice(at+1, at+1, name, value)
			case i < 0 || i >= len(items):
				end := items[len(items)-1].end
				return splice(end, end, []byte{','}, name, value)
			default:
				return splice(items[i].start, items[i].start, name, value, []byte{','})
			}
		default:
			return nil, false
		}
	}
	end := jsonEnd(doc, at)
	if op != jsonReplace || end < 0 {
		return nil, false
	}
	return splice(at, end, value)
}

// jsonKeyLess is MySQL's order of members: by length, then by bytes.
func jsonKeyLess(a, b []byte) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return bytes.Compare(a, b) < 0
}
