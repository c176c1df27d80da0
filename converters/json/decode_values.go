package json

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"

	"github.com/connectd/connectd/connect/data"
)

// structure reads an object as a struct. Members usually come in the order of the fields, so the next field is tried first.
func (d *decoder) structure(c byte, schema *data.Schema) (data.Value, error) {
	if c != '{' {
		return data.Value{}, d.mismatch("Structs should be encoded as JSON objects, but found %s", c)
	}
	s := &d.s
	if err := s.enter(); err != nil {
		return data.Value{}, err
	}
	fields := schema.Fields()
	st := d.slab.New(schema)
	at, complete := 0, true // complete: field after field in order, and no null
	for first := true; ; first = false {
		more, err := s.next('}', first)
		if err != nil {
			return data.Value{}, err
		}
		if !more {
			break
		}
		name, err := s.key()
		if err != nil {
			return data.Value{}, err
		}
		if at >= len(fields) || string(name) != fields[at].Name {
			i := schema.Index(str(name))
			if i < 0 {
				if err := s.skip(); err != nil {
					return data.Value{}, err
				}
				continue
			}
			at, complete = i, false
		}
		if s.peek() == 'n' { // what it means is seen to at the end, with the missing ones
			complete = false
			st.Set(at, data.Value{})
			err = s.literal("null")
		} else {
			err = d.field(st, at, &fields[at])
		}
		if err != nil {
			return data.Value{}, err
		}
		at++
	}
	if !complete || at < len(fields) {
		if err := d.fill(st, fields); err != nil {
			return data.Value{}, err
		}
	}
	return data.Of(st), nil
}

// field reads the value of a field, which is not null. A string field that holds a number is null all the same.
func (d *decoder) field(st *data.Struct, at int, f *data.Field) error {
	v, err := d.value(f.Schema)
	if err != nil {
		return inField(err, f.Name)
	}
	if v.IsNull() && !f.Schema.Optional() {
		return fmt.Errorf("Invalid value: null used for required field: %q, schema type: %s", f.Name, f.Schema.Kind())
	}
	st.Set(at, v)
	return nil
}

func (d *decoder) fill(st *data.Struct, fields []data.Field) error {
	for i := range fields {
		if !st.At(i).IsNull() {
			continue
		}
		v, err := d.null(fields[i].Schema)
		if err != nil {
			return inField(err, fields[i].Name)
		}
		st.Set(i, v)
	}
	return nil
}

func inField(err error, name string) error {
	if isSyntax(err) {
		return err
	}
	return fmt.Errorf("%w (field %q)", err, name)
}

// mismatch reads past the value and says what is wrong with it.
func (d *decoder) mismatch(format string, c byte) error {
	if err := d.s.skip(); err != nil {
		return err
	}
	return fmt.Errorf(format, nodeType(c))
}

func (d *decoder) list(c byte, elem *data.Schema) (data.Value, error) {
	s := &d.s
	if c == '{' { // Java iterates over the values of an object
		return d.objectValues(elem)
	}
	if c != '[' {
		return data.List(nil), s.skip()
	}
	if err := s.enter(); err != nil {
		return data.Value{}, err
	}
	base := len(d.values)
	for first := true; ; first = false {
		more, err := s.next(']', first)
		if err != nil {
			return data.Value{}, err
		}
		if !more {
			return d.takeList(base), nil
		}
		v, err := d.value(elem)
		if err != nil {
			return data.Value{}, err
		}
		d.values = append(d.values, v)
	}
}

func (d *decoder) takeList(base int) data.Value {
	vs := d.slab.Values(len(d.values) - base)
	copy(vs, d.values[base:])
	clear(d.values[base:])
	d.values = d.values[:base]
	return data.List(vs)
}

func (d *decoder) objectValues(elem *data.Schema) (data.Value, error) {
	m, err := d.object(elem)
	if err != nil {
		return data.Value{}, err
	}
	base := len(d.values)
	for _, e := range m.Map() {
		d.values = append(d.values, e.Value)
	}
	return d.takeList(base), nil
}

func (d *decoder) mapping(c byte, schema *data.Schema) (data.Value, error) {
	if schema.KeySchema().Kind() == data.KindString {
		if c != '{' {
			return data.Value{}, d.mismatch("Maps with string fields should be encoded as JSON objects, but found %s", c)
		}
		return d.object(schema.ElemSchema())
	}
	if c != '[' {
		return data.Value{}, d.mismatch("Maps with non-string fields should be encoded as JSON array of tuples, but found %s", c)
	}
	s := &d.s
	if err := s.enter(); err != nil {
		return data.Value{}, err
	}
	base := len(d.pairs)
	for first := true; ; first = false {
		more, err := s.next(']', first)
		if err != nil {
			return data.Value{}, err
		}
		if !more {
			return d.takeMap(base), nil
		}
		e, err := d.pair(schema)
		if err != nil {
			return data.Value{}, err
		}
		d.pairs = append(d.pairs, e)
	}
}

// pair reads [key,value].
func (d *decoder) pair(schema *data.Schema) (data.Entry, error) {
	s := &d.s
	if c := s.peek(); c != '[' {
		return data.Entry{}, d.mismatch("Found invalid map entry instead of array tuple: %s", c)
	}
	start, depth := s.i, s.depth
	n, err := s.count()
	if err != nil {
		return data.Entry{}, err
	}
	if n != 2 {
		return data.Entry{}, fmt.Errorf("Found invalid map entry, expected length 2 but found :%d", n)
	}
	s.i, s.depth = start+1, depth+1
	k, err := d.value(schema.KeySchema())
	if err != nil {
		return data.Entry{}, err
	}
	s.peek()
	s.i++ // the comma that count saw
	v, err := d.value(schema.ElemSchema())
	if err != nil {
		return data.Entry{}, err
	}
	s.peek()
	s.leave()
	return data.Entry{Key: k, Value: v}, nil
}

// count reads an array and tells its length.
func (s *scanner) count() (int, error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		more, err := s.next(']', n == 0)
		if err != nil || !more {
			return n, err
		}
		if err := s.skip(); err != nil {
			return 0, err
		}
	}
}

// object reads an object as a map with text keys.
func (d *decoder) object(elem *data.Schema) (data.Value, error) {
	s := &d.s
	if err := s.enter(); err != nil {
		return data.Value{}, err
	}
	base := len(d.pairs)
	for first := true; ; first = false {
		more, err := s.next('}', first)
		if err != nil {
			return data.Value{}, err
		}
		if !more {
			return d.takeMap(base), nil
		}
		name, err := s.key()
		if err != nil {
			return data.Value{}, err
		}
		v, err := d.value(elem)
		if err != nil {
			return data.Value{}, err
		}
		d.pairs = append(d.pairs, data.Entry{Key: data.Text(name), Value: v})
	}
}

// fewPairs is up to where looking at all earlier keys is cheaper than a Go map.
const fewPairs = 24

// takeMap makes a map of the pairs from base on; of equal keys the last value counts, at the place of the first.
func (d *decoder) takeMap(base int) data.Value {
	in := d.pairs[base:]
	out := make([]data.Entry, 0, len(in))
	if len(in) <= fewPairs {
		for _, e := range in {
			i := 0
			for i < len(out) && !sameKey(out[i].Key, e.Key) {
				i++
			}
			out = put(out, i, e)
		}
	} else {
		// Keys that are no texts are told apart by their rendering, which is one to one within a kind.
		places := make(map[string]int, len(in))
		for _, e := range in {
			k := e.Key.String()
			i, ok := places[k]
			if !ok {
				i = len(out)
				places[k] = i
			}
			out = put(out, i, e)
		}
	}
	clear(in)
	d.pairs = d.pairs[:base]
	return data.Map(out)
}

func sameKey(a, b data.Value) bool {
	if a.Kind() == data.KindString && b.Kind() == data.KindString {
		return a.String() == b.String() // looks at the lengths first
	}
	return a.Equal(b)
}

func put(out []data.Entry, i int, e data.Entry) []data.Entry {
	if i == len(out) {
		return append(out, e)
	}
	out[i].Value = e.Value
	return out
}

func (d *decoder) bytes(c byte) (data.Value, error) {
	if c != '"' {
		return data.Value{}, d.s.skip() // JsonNode.binaryValue of anything else is null
	}
	text, err := d.s.text()
	if err != nil {
		return data.Value{}, err
	}
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return data.Value{}, fmt.Errorf("Invalid bytes field: %w", err)
	}
	return data.Bytes(b), nil
}

func (d *decoder) decimal(c byte, schema *data.Schema) (data.Value, error) {
	switch {
	case isNumber(c):
		text, _, err := d.s.number()
		if err != nil {
			return data.Value{}, err
		}
		v, ok := parseDecimal(text)
		if !ok {
			return data.Value{}, fmt.Errorf("Invalid bytes for Decimal field: the exponent is out of range")
		}
		return v, nil
	case c == '"':
		text, err := d.s.text()
		if err != nil {
			return data.Value{}, err
		}
		var buf [64]byte
		b, err := base64.StdEncoding.AppendDecode(buf[:0], text)
		if err != nil {
			return data.Value{}, fmt.Errorf("Invalid bytes for Decimal field: %w", err)
		}
		if len(b) == 0 {
			return data.Value{}, fmt.Errorf("Invalid bytes for Decimal field: zero length BigInteger")
		}
		return twosComplement(b, schema.Scale()), nil
	default:
		return data.Value{}, d.mismatch("Invalid type for Decimal, underlying representation should be numeric or bytes but was %s", c)
	}
}

func (d *decoder) date(c byte, kind data.Kind) (data.Value, error) {
	if !isNumber(c) {
		if err := d.s.skip(); err != nil {
			return data.Value{}, err
		}
		return data.Value{}, badDate(kind, nodeType(c))
	}
	text, whole, err := d.s.number()
	if err != nil {
		return data.Value{}, err
	}
	if !whole {
		return data.Value{}, badDate(kind, "NUMBER")
	}
	if kind == data.KindTimestamp {
		return data.Timestamp(wrapped(text, true)), nil
	}
	n, err := strconv.ParseInt(str(text), 10, 64)
	if err != nil || n > math.MaxInt32 || n < math.MinInt32 {
		return data.Value{}, badDate(kind, "NUMBER")
	}
	if kind == data.KindTime {
		if n < 0 || n > millisPerDay {
			return data.Value{}, fmt.Errorf("Time values must use number of milliseconds greater than 0 and less than 86400000")
		}
		return data.Time(int32(n)), nil
	}
	return data.Date(int32(n)), nil
}

func badDate(kind data.Kind, node string) error {
	want := "integer"
	if kind == data.KindTimestamp {
		want = "integral"
	}
	return fmt.Errorf("Invalid type for %s, underlying representation should be %s but was %s", logicalNames[kind], want, node)
}
