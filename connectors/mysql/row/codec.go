package row

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// Row is one decoded row. The zero Row is no row.
type Row struct {
	Value *data.Struct // before or after: a struct of ValueSchema
	extra []data.Value // key columns that are not in Value, or differ there (masked)

	absent []int // columns that the log does not have, nor the row before (binlog_row_image is not FULL)
}

// ErrColumns tells that a table map does not fit the codec's table version (number of columns or a type): the model is not that of
// the row (inconsistent.schema.handling.mode). Wrapped.
var ErrColumns = errors.New("the row does not fit the table's known columns")

// ErrMalformed tells of bytes that are no row. Wrapped.
var ErrMalformed = errors.New("malformed row")

// Codec decodes the rows of one table version. One goroutine.
type Codec struct {
	table *history.Table
	opt   Options
	loc   *time.Location
	key   *data.Schema
	value *data.Schema
	cols  []column
	keys  []keyPart
	extra int // key columns outside of the value

	layout layout // of the last table map
}

// keyPart says where a key field comes from: the value's ordinal, or the extra one.
type keyPart struct{ field, extra int }

// New makes the codec of a table version. The error names the column and what is wrong with it (two columns with one field name, an
// unknown type or character set, a key column that does not exist).
func New(t *history.Table, o Options) (*Codec, error) {
	c := &Codec{table: t, opt: o, loc: o.Location}
	if c.loc == nil {
		c.loc = time.UTC
	}
	if err := c.buildValue(); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.ID, err)
	}
	if err := c.buildKey(); err != nil {
		return nil, fmt.Errorf("table %s: %w", t.ID, err)
	}
	return c, nil
}

func (c *Codec) fieldName(name string) string {
	if c.opt.FieldName != nil {
		return c.opt.FieldName(name)
	}
	return name
}

func (c *Codec) buildValue() error {
	vb := data.MakeStruct(c.opt.ValueName).Optional()
	taken := map[string]string{}
	n := 0
	for i := range c.table.Columns {
		src := &c.table.Columns[i]
		p, b, err := c.plan(src)
		if err != nil {
			return err
		}
		if c.opt.Rule != nil {
			p.rule = c.opt.Rule(src)
			// As in Debezium, which takes 1 for the length of an ENUM: its values are cut by column.truncate.to.0.chars alone.
			p.rule.HasTruncate = p.rule.HasTruncate && (src.Length < 0 || src.Length > p.rule.Truncate)
			p.mapped = p.rule.HasTruncate || p.rule.HasMask || p.rule.Hash != nil
			p.stars = data.String(strings.Repeat("*", max(p.rule.Mask, 0)))
		}
		c.describe(&p, b)
		s, err := b.TryBuild()
		if err != nil {
			return fmt.Errorf("column %s: %w", src.Name, err)
		}
		p.schema = s
		if !p.rule.Exclude {
			name := c.fieldName(src.Name)
			if other, ok := taken[name]; ok {
				return fmt.Errorf("columns %s and %s both have the field name %s: exclude one, or set field.name.adjustment.mode", other, src.Name, name)
			}
			taken[name] = src.Name
			vb.Field(name, s)
			p.field = n
			n++
		}
		c.cols = append(c.cols, p)
	}
	var err error
	c.value, err = vb.TryBuild()
	return err
}

// describe adds what does not depend on the type: optional, comment, propagated type, default.
func (c *Codec) describe(p *column, b *data.Builder) {
	if p.rule.Propagate {
		b.Param("__debezium.source.column.type", strings.ToUpper(p.src.TypeName))
		if p.src.Length != history.NoLength {
			b.Param("__debezium.source.column.length", strconv.Itoa(p.src.Length))
		}
		if p.src.Scale != history.NoLength {
			b.Param("__debezium.source.column.scale", strconv.Itoa(p.src.Scale))
		}
		if p.src.Comment != "" {
			b.Param("__debezium.source.column.comment", p.src.Comment)
		}
		b.Param("__debezium.source.column.name", p.src.Name)
	}
	switch {
	case p.rule.HasTruncate:
		b.Param("truncateLength", strconv.Itoa(p.rule.Truncate))
	case p.rule.HasMask || p.rule.Hash != nil:
		b.Param("masked", "true")
	}
	b.SetOptional(p.optional)
	if p.src.Comment != "" && c.opt.Comments {
		b.Doc(p.src.Comment)
	}
	if v, ok := c.defaultValue(p); ok {
		b.Default(v)
	}
}

func (c *Codec) buildKey() error {
	names := c.table.PrimaryKey
	if c.opt.KeyColumns != nil {
		names = c.opt.KeyColumns
	}
	if len(names) == 0 && c.opt.KeyField == "" {
		return nil
	}
	kb := data.MakeStruct(c.opt.KeyName)
	for _, name := range names {
		i := slices.IndexFunc(c.cols, func(p column) bool { return strings.EqualFold(p.src.Name, name) })
		if i < 0 {
			return fmt.Errorf("key column %s does not exist", name)
		}
		p := &c.cols[i]
		s := p.schema
		if p.rule.Propagate || p.mapped { // mappers do not touch the key
			q, b, err := c.plan(p.src)
			if err != nil {
				return err
			}
			c.describe(&q, b)
			if s, err = b.TryBuild(); err != nil {
				return err
			}
		}
		kb.Field(c.fieldName(p.src.Name), s)
		p.key = true
		if p.field >= 0 && !p.mapped {
			c.keys = append(c.keys, keyPart{field: p.field, extra: -1})
			continue
		}
		if p.extra < 0 {
			p.extra = c.extra
			c.extra++
		}
		c.keys = append(c.keys, keyPart{field: -1, extra: p.extra})
	}
	if c.opt.KeyField != "" {
		kb.Field(c.opt.KeyField, data.StringSchema)
	}
	var err error
	c.key, err = kb.TryBuild()
	return err
}

// Table is the table version the codec was made for.
func (c *Codec) Table() *history.Table { return c.table }

// KeySchema is the schema of keys, nil if the table has none.
func (c *Codec) KeySchema() *data.Schema { return c.key }

// ValueSchema is the struct schema of before and after, optional as the envelope needs it.
func (c *Codec) ValueSchema() *data.Schema { return c.value }

// SelectList is the column list for the SELECT whose rows DecodeText reads: every column of the table in order, invisible ones too.
// FLOAT is selected as the double of the same value, since its text has six digits only.
func (c *Codec) SelectList() string { return c.selectList(false) }

// SnapshotList is SelectList with NULL for the excluded columns that are not of the primary key: what is not sent is not read, and an index
// that holds the rest serves the server, as in Debezium's snapshot, and orders the rows.
func (c *Codec) SnapshotList() string { return c.selectList(true) }

func (c *Codec) selectList(lean bool) string {
	var b strings.Builder
	for i := range c.cols {
		if i > 0 {
			b.WriteString(", ")
		}
		if p := &c.cols[i]; lean && p.field < 0 && p.extra < 0 && !c.inPrimaryKey(p.src.Name) {
			b.WriteString("NULL")
			continue
		}
		name := "`" + strings.ReplaceAll(c.cols[i].src.Name, "`", "``") + "`"
		if c.cols[i].op == opFloat32 || c.cols[i].op == opFloat {
			name = "(" + name + " + 0e0)"
		}
		b.WriteString(name)
	}
	return b.String()
}

func (c *Codec) inPrimaryKey(name string) bool {
	return slices.ContainsFunc(c.table.PrimaryKey, func(k string) bool { return strings.EqualFold(k, name) })
}

// Key is the key struct of r, cut out of mem; nil if the table has no key or r is the zero Row.
func (c *Codec) Key(r Row, mem *Memory) *data.Struct {
	if c.key == nil || r.Value == nil {
		return nil
	}
	k := mem.Slab.New(c.key)
	for i, part := range c.keys {
		if part.field >= 0 {
			k.Set(i, r.Value.At(part.field))
		} else {
			k.Set(i, r.extra[part.extra])
		}
	}
	if c.opt.KeyField != "" {
		k.Set(len(c.keys), data.String(c.opt.KeyText))
	}
	return k
}

// newRow cuts an empty row.
func (c *Codec) newRow(mem *Memory) Row {
	r := Row{Value: mem.Slab.New(c.value)}
	if c.extra > 0 {
		r.extra = mem.Slab.Values(c.extra)
	}
	return r
}

// put stores the value of a column.
func (r *Row) put(p *column, v data.Value, mem *Memory) {
	if p.convert != nil {
		v = p.convert(v)
	}
	if p.extra >= 0 {
		r.extra[p.extra] = v
	}
	if p.field >= 0 {
		if p.mapped {
			v = p.mask(v, mem)
		}
		r.Value.Set(p.field, v)
	}
}

// putNull stores the null of a column: nothing, but a mask covers it, and a converter for zero dates replaces it.
func (r *Row) putNull(p *column) {
	if p.zeroDate {
		if p.extra >= 0 {
			r.extra[p.extra] = p.fallback
		}
		if p.field >= 0 {
			r.Value.Set(p.field, p.fallback)
		}
		return
	}
	if p.rule.HasMask && p.field >= 0 && p.isText() {
		r.Value.Set(p.field, p.stars)
	}
}
