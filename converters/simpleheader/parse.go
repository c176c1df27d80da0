package simpleheader

import (
	"errors"

	"github.com/connectd/connectd/connect/data"
)

const maxDepth = 200

// guess is a value and what was found out about its type. A list or map without a common element type has a kind and no schema.
type guess struct {
	value  data.Value
	kind   data.Kind // physical
	schema *data.Schema
}

// errNoValue makes an array or map a string.
var errNoValue = errors.New("not a value")

type parser struct {
	tokens
	c     *converter
	depth int
}

// parse is Values.parseString.
func (c *converter) parse(s string) data.Datum {
	if s == "" {
		return data.Datum{Schema: data.StringSchema, Value: data.String(s)}
	}
	p := parser{tokens: tokens{text: s}, c: c}
	g, err := p.value(false)
	switch {
	case err != nil:
		return data.Datum{Schema: data.StringSchema, Value: data.String(s)}
	case g == nil:
		return data.Datum{}
	default:
		return data.Datum{Schema: g.schema, Value: g.value}
	}
}

func of(s *data.Schema, v data.Value) *guess { return &guess{v, s.Kind(), s} }

// value reads one value; nil is null. Only an embedded value can fail.
func (p *parser) value(embedded bool) (*guess, error) {
	if !p.more() {
		return nil, nil
	}
	if embedded && p.accept(`"`) {
		return p.quoted(), nil
	}
	switch {
	case p.literal("null", embedded):
		return nil, nil
	case p.literal("true", embedded):
		return of(data.BoolSchema, data.Bool(true)), nil
	case p.literal("false", embedded):
		return of(data.BoolSchema, data.Bool(false)), nil
	}
	start := p.mark()
	if g, err := p.collection(); err != nil {
		p.rewind(start)
	} else if g != nil {
		return g, nil
	}
	token := p.take()
	trimmed := trim(token)
	if trimmed == "" {
		return of(data.StringSchema, data.String(token)), nil
	}
	if startsWithDigit(trimmed) {
		if g := p.temporal(trimmed); g != nil {
			return g, nil
		}
	}
	if startsWithDigit(trimmed) || trimmed[0] == '+' || trimmed[0] == '-' {
		if g := parseNumber(trimmed); g != nil {
			return g, nil
		}
	}
	if embedded {
		return nil, errNoValue
	}
	return of(data.StringSchema, data.String(p.text)), nil
}

// literal takes a word; at the top it must be all there is.
func (p *parser) literal(word string, embedded bool) bool {
	start := p.mark()
	if p.accept(word) && (embedded || !p.more()) {
		return true
	}
	p.rewind(start)
	return false
}

// quoted reads up to the closing quote: a string, unless it is a date, time or timestamp.
func (p *parser) quoted() *guess {
	var content []byte
	for p.more() && !p.accept(`"`) {
		content = append(content, p.take()...)
	}
	s := string(content)
	if startsWithDigit(trim(s)) {
		if d := p.c.parse(s); d.Schema != nil && d.Schema.Logical() >= data.KindDate {
			return of(d.Schema, d.Value)
		}
	}
	return of(data.StringSchema, data.String(s))
}

// collection reads an array or map, if one begins here.
func (p *parser) collection() (*guess, error) {
	array := p.accept("[")
	if !array && !p.accept("{") {
		return nil, nil
	}
	if p.depth++; p.depth > maxDepth {
		return nil, errNoValue
	}
	defer func() { p.depth-- }()
	if array {
		return p.array()
	}
	return p.mapping()
}

func (p *parser) array() (*guess, error) {
	var elems []*guess
	var common *guess
	for p.more() {
		if p.accept("]") {
			return p.c.list(elems, common)
		}
		if p.accept(",") {
			return nil, errNoValue
		}
		g, err := p.value(true)
		if err != nil {
			return nil, err
		}
		common = commonOf(common, g)
		elems = append(elems, g)
		end := p.mark()
		if p.accept("]") {
			p.rewind(end)
		} else if !p.accept(",") {
			return nil, errNoValue
		}
	}
	return nil, errNoValue
}

func (c *converter) list(elems []*guess, common *guess) (*guess, error) {
	out := make([]data.Value, len(elems))
	for i, g := range elems {
		v, err := align(g, common)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	l := &guess{value: data.List(out), kind: data.KindList}
	if common != nil && common.schema != nil {
		l.schema = c.schemas.Intern(data.ListOf(common.schema))
	}
	return l, nil
}

func (p *parser) mapping() (*guess, error) {
	var keys, values []*guess
	var keyType, valueType *guess
	for p.more() {
		if p.accept("}") {
			return p.c.dict(keys, values, keyType, valueType)
		}
		if p.accept(",") {
			return nil, errNoValue
		}
		k, err := p.value(true)
		if err != nil {
			return nil, err
		}
		if k == nil || !p.accept(":") {
			return nil, errNoValue
		}
		v, err := p.value(true)
		if err != nil {
			return nil, err
		}
		keys, values = append(keys, k), append(values, v)
		p.accept(",")
		keyType, valueType = commonOf(keyType, k), commonOf(valueType, v)
	}
	return nil, errNoValue
}

// dict makes a map. Without a common type of the values these stay as they are; without one of the keys all do.
func (c *converter) dict(keys, values []*guess, keyType, valueType *guess) (*guess, error) {
	if keyType == nil {
		valueType = nil
	}
	out := make([]data.Entry, 0, len(keys))
	for i := range keys {
		k, err := align(keys[i], keyType)
		if err != nil {
			return nil, err
		}
		v, err := align(values[i], valueType)
		if err != nil {
			return nil, err
		}
		out = put(out, k, v)
	}
	m := &guess{value: data.Map(out), kind: data.KindMap}
	if keyType != nil && valueType != nil && keyType.schema != nil && valueType.schema != nil {
		m.schema = c.schemas.Intern(data.MapOf(keyType.schema, valueType.schema))
	}
	return m, nil
}

// put adds an entry or replaces the value of an equal key. Headers are small.
func put(out []data.Entry, k, v data.Value) []data.Entry {
	for i := range out {
		if out[i].Key.Equal(k) {
			out[i].Value = v
			return out
		}
	}
	return append(out, data.Entry{Key: k, Value: v})
}

// commonOf is Values.commonSchemaFor: nil is no type (yet, or none in common; Java does not tell these apart either).
func commonOf(previous, latest *guess) *guess {
	switch {
	case latest == nil:
		return previous
	case previous == nil || previous.kind == latest.kind:
		return latest
	case !previous.kind.IsNumber() || !latest.kind.IsNumber():
		return nil
	case latest.kind > previous.kind:
		return latest
	default:
		return previous
	}
}
