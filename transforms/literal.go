package transforms

import (
	"math/big"
	"strings"

	"github.com/connectd/connectd/connect/data"
)

// parseLiteral infers type and value of a text as org.apache.kafka.connect.data.Values.parseString does. Lists and maps whose elements
// have nothing in common have no schema here.
func parseLiteral(s string) data.Datum {
	if s == "" {
		return data.Datum{Schema: data.StringSchema, Value: data.String(s)}
	}
	p := literalParser{tokens: tokenizer{text: s}}
	d, ok := p.parse(false, 0)
	if !ok {
		return data.Datum{Schema: data.StringSchema, Value: data.String(s)}
	}
	return d
}

// maxLiteralDepth bounds nesting; deeper text stays a string.
const maxLiteralDepth = 64

type literalParser struct{ tokens tokenizer }

// parse reads one value; false is Java's DataException: the surrounding value is a string then.
func (p *literalParser) parse(embedded bool, depth int) (data.Datum, bool) {
	t := &p.tokens
	if !t.hasNext() {
		return data.Datum{}, true
	}
	if embedded && t.consume(`"`) {
		return p.quoted(), true
	}
	for _, lit := range []struct {
		text string
		is   data.Datum
	}{{"null", data.Datum{}}, {"true", data.Datum{Schema: data.BoolSchema, Value: data.Bool(true)}}, {"false", data.Datum{Schema: data.BoolSchema, Value: data.Bool(false)}}} {
		mark := t.mark()
		if t.consume(lit.text) && (embedded || !t.hasNext()) {
			return lit.is, true
		}
		t.rewind(mark)
	}
	mark := t.mark()
	if depth < maxLiteralDepth {
		var d data.Datum
		ok := false
		switch {
		case t.consume("["):
			d, ok = p.list(depth + 1)
		case t.consume("{"):
			d, ok = p.mapping(depth + 1)
		}
		if ok {
			return d, true
		}
		t.rewind(mark)
	}
	token := t.next()
	if javaTrim(token) == "" || strings.TrimSpace(token) == "" {
		return data.Datum{Schema: data.StringSchema, Value: data.String(token)}, true
	}
	return p.scalar(embedded, javaTrim(token))
}

func (p *literalParser) scalar(embedded bool, token string) (data.Datum, bool) {
	if isDigit(token[0]) {
		if d, ok := p.temporal(token); ok {
			return d, true
		}
	}
	if isDigit(token[0]) || token[0] == '+' || token[0] == '-' {
		if n, ok := parseBigDecimal(token); ok {
			return numberLiteral(n), true
		}
	}
	if embedded {
		return data.Datum{}, false
	}
	return data.Datum{Schema: data.StringSchema, Value: data.String(p.tokens.text)}, true
}

// temporal reads a time or timestamp, whose colons cut it into five tokens, or a date.
func (p *literalParser) temporal(token string) (data.Datum, bool) {
	t := &p.tokens
	mark := t.mark()
	if rest, ok := t.nextN(4); ok {
		if d, ok := temporalLiteral(token + rest); ok {
			return d, true
		}
	}
	t.rewind(mark)
	return temporalLiteral(token)
}

var isoFormats = map[int]struct {
	pattern string
	schema  *data.Schema
}{
	len("HH:mm:ss.SSSZ"):            {"HH:mm:ss.SSS'Z'", data.TimeSchema},
	len("yyyy-MM-ddTHH:mm:ss.SSSZ"): {"yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", data.TimestampSchema},
	len("yyyy-MM-dd"):               {"yyyy-MM-dd", data.DateSchema},
}

func temporalLiteral(token string) (data.Datum, bool) {
	token = strings.ReplaceAll(token, `\:`, ":")
	iso, ok := isoFormats[len(token)]
	if !ok {
		return data.Datum{}, false
	}
	f, err := newDateFormat(iso.pattern)
	if err != nil {
		return data.Datum{}, false
	}
	ms, ok := f.parse(token)
	if !ok {
		return data.Datum{}, false
	}
	v := data.Timestamp(ms)
	switch iso.schema.Logical() {
	case data.KindDate:
		v = data.Date(int32(floorDiv(ms, dayMillis)))
	case data.KindTime:
		v = data.Time(int32(ms))
	}
	return data.Datum{Schema: iso.schema, Value: v}, true
}

// numberLiteral takes the smallest integer type, else float, else double, else decimal.
func numberLiteral(n bigDecimal) data.Datum {
	if whole, ok := n.whole(20); ok && whole.IsInt64() && n.isWhole(whole) {
		i := whole.Int64()
		for _, s := range []*data.Schema{data.Int8Schema, data.Int16Schema, data.Int32Schema} {
			if v := data.IntOf(s.Kind(), i); v.Int64() == i {
				return data.Datum{Schema: s, Value: v}
			}
		}
		return data.Datum{Schema: data.Int64Schema, Value: data.Int64(i)}
	}
	if n.scale != 0 {
		if f := n.float(32); f-f == 0 {
			return data.Datum{Schema: data.Float32Schema, Value: data.Float32(float32(f))}
		}
		if f := n.float(64); f-f == 0 {
			return data.Datum{Schema: data.Float64Schema, Value: data.Float64(f)}
		}
	}
	return data.Datum{Schema: data.DecimalBuilder(n.scale).Build(), Value: n.value()}
}

// isWhole tells whether there is nothing behind the point.
func (d bigDecimal) isWhole(whole *big.Int) bool {
	return d.scale <= 0 || d.unscaled.Sign() == 0 || whole.Sign() != 0 && new(big.Int).Mul(whole, pow10(int64(d.scale))).Cmp(d.unscaled) == 0
}

// quoted reads up to the closing quote: text, or a date.
func (p *literalParser) quoted() data.Datum {
	var b strings.Builder
	for p.tokens.hasNext() && !p.tokens.consume(`"`) {
		b.WriteString(p.tokens.next())
	}
	if d, ok := temporalLiteral(b.String()); ok {
		return d
	}
	return data.Datum{Schema: data.StringSchema, Value: data.String(b.String())}
}

func (p *literalParser) list(depth int) (data.Datum, bool) {
	t := &p.tokens
	var vs []data.Value
	var common schemaMerger
	for t.hasNext() {
		if t.consume("]") {
			if common.schema == nil {
				return data.Datum{Value: data.List(vs)}, true
			}
			for i := range vs {
				vs[i] = widen(vs[i], common.schema)
			}
			return data.Datum{Schema: data.ListOf(common.schema), Value: data.List(vs)}, true
		}
		if t.consume(",") {
			return data.Datum{}, false
		}
		e, ok := p.parse(true, depth)
		if !ok {
			return e, false
		}
		common.merge(e.Schema)
		vs = append(vs, e.Value)
		mark := t.mark()
		if t.consume("]") {
			t.rewind(mark)
		} else if !t.consume(",") {
			return data.Datum{}, false
		}
	}
	return data.Datum{}, false
}

func (p *literalParser) mapping(depth int) (data.Datum, bool) {
	t := &p.tokens
	var es []data.Entry
	var keys, values schemaMerger
	for t.hasNext() {
		if t.consume("}") {
			return mapLiteral(es, keys.schema, values.schema), true
		}
		if t.consume(",") {
			return data.Datum{}, false
		}
		k, ok := p.parse(true, depth)
		if !ok || k.Value.IsNull() || !t.consume(":") {
			return k, false
		}
		v, ok := p.parse(true, depth)
		if !ok {
			return v, false
		}
		es = append(es, data.Entry{Key: k.Value, Value: v.Value})
		t.consume(",")
		keys.merge(k.Schema)
		values.merge(v.Schema)
	}
	return data.Datum{}, false
}

func mapLiteral(es []data.Entry, key, value *data.Schema) data.Datum {
	var out []data.Entry
	for _, e := range es {
		if key != nil {
			e.Key = widen(e.Key, key)
		}
		if key != nil && value != nil {
			e.Value = widen(e.Value, value)
		}
		replaced := false
		for i := range out {
			if out[i].Key.Equal(e.Key) {
				out[i].Value, replaced = e.Value, true
			}
		}
		if !replaced {
			out = append(out, e)
		}
	}
	if key == nil || value == nil {
		return data.Datum{Value: data.Map(out)}
	}
	return data.Datum{Schema: data.MapOf(key, value), Value: data.Map(out)}
}

// widen makes a number fit the common schema.
func widen(v data.Value, s *data.Schema) data.Value {
	if v.Kind() == s.Logical() || !v.Kind().IsNumber() || !s.Logical().IsNumber() {
		return v
	}
	if v.Kind().IsInt() {
		return castInt(v.Int64(), s.Kind())
	}
	return castFloat(v, s.Kind())
}

// schemaMerger finds a schema all elements fit: numbers widen, others must have one type (Values.SchemaMerger).
type schemaMerger struct {
	schema *data.Schema
	failed bool
}

func (m *schemaMerger) merge(s *data.Schema) {
	switch {
	case s == nil || m.failed:
	case m.schema == nil || m.schema.Kind() == s.Kind():
		m.schema = s
	case plainNumber(m.schema) && plainNumber(s):
		if s.Kind() > m.schema.Kind() {
			m.schema = s
		}
	default:
		m.schema, m.failed = nil, true
	}
}

func plainNumber(s *data.Schema) bool { return s.Kind().IsNumber() }
