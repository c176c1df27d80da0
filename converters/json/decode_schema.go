package json

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/connectd/connectd/connect/data"
)

// schemaCache finds schemas by their text. The few used last are tried first, by comparing the front of the input with their text:
// a schema in the envelope of each record then costs one comparison. It is emptied when full.
type schemaCache struct {
	front  [4]cachedSchema
	byText map[string]*data.Schema
	same   *data.Interner
	size   int
}

type cachedSchema struct {
	text   string // a whole JSON object, so that a prefix of the input that equals it is that object
	schema *data.Schema
}

func newSchemaCache(size int) schemaCache {
	return schemaCache{byText: map[string]*data.Schema{}, same: data.NewInterner(size), size: size}
}

// recent finds the schema whose text b begins with, and the length of the text.
func (c *schemaCache) recent(b []byte) (*data.Schema, int) {
	for i := range c.front {
		f := c.front[i]
		if f.schema == nil {
			return nil, 0
		}
		if len(b) >= len(f.text) && string(b[:len(f.text)]) == f.text {
			if i > 0 {
				copy(c.front[1:i+1], c.front[:i])
				c.front[0] = f
			}
			return f.schema, len(f.text)
		}
	}
	return nil, 0
}

func (c *schemaCache) push(text string, s *data.Schema) {
	copy(c.front[1:], c.front[:])
	c.front[0] = cachedSchema{text, s}
}

func (c *schemaCache) find(raw []byte) *data.Schema {
	s := c.byText[string(raw)]
	if s != nil {
		c.push(string(raw), s)
	}
	return s
}

// add keeps s and returns the schema to use: an equal one, if there was.
func (c *schemaCache) add(raw []byte, s *data.Schema) *data.Schema {
	s = c.same.Intern(s)
	if len(c.byText) >= c.size {
		clear(c.byText)
	}
	text := string(raw)
	c.byText[text] = s
	c.push(text, s)
	return s
}

// tree is a parsed schema text.
type tree struct {
	raw   []byte
	text  []byte // of a string
	names []string
	kids  []tree // members or elements
}

func (t *tree) is(c byte) bool { return len(t.raw) > 0 && t.raw[0] == c }

// get finds the last member of the name; nil if there is none.
func (t *tree) get(name string) *tree {
	if !t.is('{') {
		return nil
	}
	for i := len(t.names) - 1; i >= 0; i-- {
		if t.names[i] == name {
			return &t.kids[i]
		}
	}
	return nil
}

// textOf is the text of a member that is a string.
func (t *tree) textOf(name string) (string, bool) {
	m := t.get(name)
	if m == nil || !m.is('"') {
		return "", false
	}
	return string(m.text), true
}

func (s *scanner) tree() (tree, error) {
	c := s.peek()
	start := s.i
	var t tree
	var err error
	switch c {
	case '"':
		t.text, err = s.text()
	case '{', '[':
		err = s.branch(&t, c+2) // ] and } are two behind [ and {
	default:
		err = s.skipScalar(c)
	}
	if err != nil {
		return tree{}, err
	}
	t.raw = s.b[start:s.i]
	return t, nil
}

func (s *scanner) branch(t *tree, closing byte) error {
	if err := s.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.next(closing, first)
		if err != nil || !more {
			return err
		}
		if closing == '}' {
			name, err := s.key()
			if err != nil {
				return err
			}
			t.names = append(t.names, string(name))
		}
		kid, err := s.tree()
		if err != nil {
			return err
		}
		t.kids = append(t.kids, kid)
	}
}

// parseSchema reads a schema as JsonConverter.asConnectSchema does. The result keeps nothing of raw.
func (d *decoder) parseSchema(raw []byte) (*data.Schema, error) {
	s := scanner{b: bytes.Clone(raw)}
	t, err := s.tree()
	if err != nil {
		return nil, err
	}
	if t.is('n') {
		return nil, nil
	}
	return d.buildSchema(&t)
}

var kindsByName = func() map[string]data.Kind {
	m := make(map[string]data.Kind, len(typeNames))
	for k, n := range typeNames {
		m[n] = k
	}
	return m
}()

func (d *decoder) buildSchema(t *tree) (*data.Schema, error) {
	name, ok := t.textOf("type")
	if !ok {
		return nil, errors.New("Schema must contain 'type' field")
	}
	kind, ok := kindsByName[name]
	if !ok {
		return nil, fmt.Errorf("Unknown schema type: %s", name)
	}
	b := data.Make(kind)
	if err := d.buildNested(b, kind, t); err != nil {
		return nil, err
	}
	if o := t.get("optional"); o != nil && o.is('t') {
		b.Optional()
	}
	if n, ok := t.textOf("name"); ok {
		b.Name(n)
	}
	if v := t.get("version"); v != nil && isNumber(v.raw[0]) && !bytes.ContainsAny(v.raw, ".eE") {
		b.Version(int32(wrapped(v.raw, true)))
	}
	if doc, ok := t.textOf("doc"); ok {
		b.Doc(doc)
	}
	if ps := t.get("parameters"); ps != nil && ps.is('{') {
		for i, k := range ps.names {
			if !ps.kids[i].is('"') {
				return nil, errors.New("Schema parameters must have string values.")
			}
			b.Param(k, string(ps.kids[i].text))
		}
	}
	s, err := b.TryBuild()
	if err != nil {
		return nil, err
	}
	return d.withDefault(b, s, t.get("default"))
}

func (d *decoder) buildNested(b *data.Builder, kind data.Kind, t *tree) error {
	switch kind {
	case data.KindList:
		items := t.get("items")
		if items == nil || items.is('n') {
			return errors.New("Array schema did not specify the element type")
		}
		s, err := d.buildSchema(items)
		if err != nil {
			return err
		}
		b.Elem(s)
	case data.KindMap:
		k, v := t.get("keys"), t.get("values")
		if k == nil || k.is('n') {
			return errors.New("Map schema did not specify the key type")
		}
		if v == nil || v.is('n') {
			return errors.New("Map schema did not specify the value type")
		}
		ks, err := d.buildSchema(k)
		if err != nil {
			return err
		}
		vs, err := d.buildSchema(v)
		if err != nil {
			return err
		}
		b.Key(ks).Elem(vs)
	case data.KindStruct:
		return d.buildFields(b, t.get("fields"))
	}
	return nil
}

func (d *decoder) buildFields(b *data.Builder, fields *tree) error {
	if fields == nil || !fields.is('[') {
		return errors.New(`Struct schema's "fields" argument is not an array.`)
	}
	seen := make(map[string]struct{}, len(fields.kids))
	for i := range fields.kids {
		f := &fields.kids[i]
		name, ok := f.textOf("field")
		if !ok {
			return errors.New("Struct schema's field name not specified properly")
		}
		if _, ok := seen[name]; ok {
			return fmt.Errorf("Cannot create field because of field name duplication %s", name)
		}
		seen[name] = struct{}{}
		s, err := d.buildSchema(f)
		if err != nil {
			return err
		}
		b.Field(name, s)
	}
	return nil
}

// withDefault adds the default, which is read by the schema itself. A null default is none, and an error if null is not allowed.
func (d *decoder) withDefault(b *data.Builder, s *data.Schema, def *tree) (*data.Schema, error) {
	if def == nil {
		return s, nil
	}
	sub := decoder{cfg: d.cfg, s: scanner{b: def.raw, depth: 1}, slab: new(data.Slab)}
	v, err := sub.value(s)
	if err != nil {
		return nil, fmt.Errorf("reading the default: %w", err)
	}
	if v.IsNull() {
		return s, nil
	}
	return b.Default(v).TryBuild()
}
