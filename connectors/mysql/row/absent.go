package row

import (
	"slices"

	"github.com/connectd/connectd/connect/data"
)

// Rows whose image lacks columns (binlog_row_image is not FULL), or has differences to a value that the log does not have.

// Incomplete names a column whose value is not known, although the row is to be sent; empty if there is none. Large columns that
// binlog_row_image=NOBLOB leaves out do not count, but for those of the key: they have the placeholder.
func (c *Codec) Incomplete(r Row) string {
	for _, i := range r.absent {
		if p := &c.cols[i]; p.key || p.field >= 0 && !c.layout.cols[i].large() {
			return p.src.Name
		}
	}
	return ""
}

// Keyless names a column of the key whose value is not known; empty if there is none. A key of columns that do not find the row
// (message.key.columns) is in no image before of binlog_row_image=MINIMAL.
func (c *Codec) Keyless(r Row) string {
	for _, i := range r.absent {
		if c.cols[i].key {
			return c.cols[i].src.Name
		}
	}
	return ""
}

// Absent tells whether the value of a field is not known.
func (c *Codec) Absent(r Row, field int) bool {
	return slices.ContainsFunc(r.absent, func(i int) bool { return c.cols[i].field == field })
}

// Take sets a field to what it is in another row.
func (c *Codec) Take(r *Row, field int, from Row) {
	r.Value.Set(field, from.Value.At(field))
	for n, i := range r.absent {
		if p := &c.cols[i]; p.field == field {
			if p.extra >= 0 {
				r.extra[p.extra] = from.extra[p.extra]
			}
			r.absent = slices.Delete(r.absent, n, n+1)
			return
		}
	}
}

// SetDefaults completes an inserted row: with binlog_row_image=MINIMAL its image lacks the columns that the statement did not name. The server
// logs what it computed (auto-increment, expressions, the time, generated columns), so they have the constant default of their definition.
func (c *Codec) SetDefaults(r *Row, mem *Memory) {
	r.absent = slices.DeleteFunc(r.absent, func(i int) bool {
		p := &c.cols[i]
		switch {
		case p.src.Default != nil:
			v, ok := c.constantDefault(p)
			if ok {
				r.put(p, v, mem)
			}
			return ok
		case p.src.Virtual || !p.src.Optional:
			return false // of a NOT NULL column without a default (no strict SQL mode) it is not known
		}
		if p.field >= 0 {
			r.Value.Set(p.field, data.Null())
		}
		r.putNull(p)
		return true
	})
}

// leaveOut stores that a column's value is not known. The placeholder is in the form of binary.handling.mode, as from Debezium 3.7 on.
func (c *Codec) leaveOut(r *Row, i int, mem *Memory) {
	p := &c.cols[i]
	r.absent = append(r.absent, i)
	if p.field < 0 {
		return
	}
	r.Value.Set(p.field, p.missing())
	if !c.layout.cols[i].large() {
		return
	}
	switch kind := p.schema.Kind(); {
	case p.op == opBinary:
		r.Value.Set(p.field, c.binary(p, []byte(c.opt.Unavailable), mem))
	case kind == data.KindString:
		r.Value.Set(p.field, data.String(c.opt.Unavailable))
	case kind == data.KindBytes:
		r.Value.Set(p.field, data.Bytes([]byte(c.opt.Unavailable)))
	}
}

// copyFrom takes over base's value of a column that an image leaves out.
func (c *Codec) copyFrom(r *Row, i int, base Row, mem *Memory) {
	p := &c.cols[i]
	if base.Value == nil || slices.Contains(base.absent, i) {
		c.leaveOut(r, i, mem)
		return
	}
	if p.extra >= 0 && p.extra < len(base.extra) {
		r.extra[p.extra] = base.extra[p.extra]
	}
	if p.field >= 0 {
		r.Value.Set(p.field, base.Value.At(p.field))
	}
}
