package row

import "github.com/connectd/connectd/connect/data"

// Column is the value of r's column i, as the table counts them; ok is false if the row does not have it (excluded from the value and no
// part of the key, or changed by a mapper).
func (c *Codec) Column(r Row, i int) (v data.Value, ok bool) {
	if i < 0 || i >= len(c.cols) || r.Value == nil {
		return data.Value{}, false
	}
	p := &c.cols[i]
	switch {
	case p.extra >= 0 && p.extra < len(r.extra):
		return r.extra[p.extra], true
	case p.field >= 0 && !p.mapped:
		return r.Value.At(p.field), true
	}
	return data.Value{}, false
}
