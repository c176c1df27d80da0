package transforms

import (
	"errors"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// fieldSyntax declares field.syntax.version (KIP-821).
func fieldSyntax() *config.Key[string] {
	return config.String("field.syntax.version").Default("V1").Valid(config.OneOfFold("V1", "V2")).Importance(config.High).Doc(
		"Defines the version of the syntax to access fields. If set to <code>V1</code>, then the field paths are limited to access the elements at the root level of the struct or map. If set to <code>V2</code>, the syntax will support accessing nested elements. To access nested elements, dotted notation is used. If dots are already included in the field name, then backtick pairs can be used to wrap field names containing dots. E.g. to access the subfield <code>baz</code> from a field named \"foo.bar\" in a struct/map the following format can be used to access its elements: \"<code>foo.bar</code>.baz\".")
}

// fieldPath is one or more field names (org.apache.kafka.connect.transforms.field.SingleFieldPath).
type fieldPath []string

const nestedAccess = "nested field access"

// newFieldPath reads a path in the given syntax version.
func newFieldPath(path, syntax string) (fieldPath, error) {
	if !strings.EqualFold(syntax, "V2") {
		return fieldPath{path}, nil
	}
	var steps fieldPath
	for i := 0; i < len(path); {
		if path[i] != '`' {
			field, _, _ := strings.Cut(path[i:], ".")
			steps = append(steps, field)
			i += len(field) + 1
			continue
		}
		field, next, err := backticked(path, i)
		if err != nil {
			return nil, err
		}
		steps = append(steps, field)
		i = next
	}
	if strings.HasSuffix(path, ".") {
		steps = append(steps, "")
	}
	if len(steps) == 0 {
		return nil, errors.New("the field path is empty")
	}
	return steps, nil
}

// backticked reads the step whose opening backtick is at open: it ends with a backtick that is followed by a dot or the end and does
// not stand behind a backslash.
func backticked(path string, open int) (field string, next int, err error) {
	var b strings.Builder
	start, i := open+1, open+1
	for {
		n := strings.IndexByte(path[min(i, len(path)):], '`')
		if n < 0 {
			return "", 0, incompletePair(path, open)
		}
		i += n
		escaped := path[i-1] == '\\'
		switch {
		case i >= len(path)-1 && escaped:
			return "", 0, incompletePair(path, open)
		case i >= len(path)-1:
			b.WriteString(path[start:i])
			return b.String(), i + 1, nil
		case path[i+1] != '.':
			i++
		case escaped:
			b.WriteString(path[start : i-1])
			b.WriteByte('`')
			i++
			start = i
		default:
			b.WriteString(path[start:i])
			return b.String(), i + 2, nil
		}
	}
}

func incompletePair(path string, at int) error {
	return errors.New("Incomplete backtick pair in path: [" + path + "], consider adding a backslash before backtick at position " +
		strconv.Itoa(at) + " to escape it")
}

// resolve finds the ordinals and the schema at the path; ok is false if a step does not exist.
func (p fieldPath) resolve(s *data.Schema) (at []int, leaf *data.Schema, ok bool, err error) {
	for _, step := range p {
		if s.Kind() != data.KindStruct {
			return nil, nil, false, errors.New("Cannot look up fields on non-struct type")
		}
		f := s.Field(step)
		if f == nil {
			return nil, nil, false, nil
		}
		at, s = append(at, f.Index), f.Schema
	}
	return at, s, true, nil
}

// in reads the value at the path of a map without a schema; null where there is none.
func (p fieldPath) in(v data.Value, purpose string) (data.Value, error) {
	for _, step := range p {
		if v.IsNull() {
			return v, nil
		}
		es, err := requireMap(v, purpose)
		if err != nil {
			return v, err
		}
		v, purpose = lookup(es, step), nestedAccess
	}
	return v, nil
}

// walk reads the value at resolved ordinals: defaults on the way always count, at the end if withDefault.
func walk(st *data.Struct, ordinals []int, withDefault bool) (data.Value, error) {
	last := len(ordinals) - 1
	for _, i := range ordinals[:last] {
		v := st.AtOrDefault(i)
		if v.IsNull() {
			return v, nil
		}
		var err error
		if st, err = requireStruct(v, nestedAccess); err != nil {
			return v, err
		}
	}
	return at(st, ordinals[last], withDefault), nil
}
