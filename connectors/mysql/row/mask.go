package row

import (
	"unicode/utf8"

	"github.com/connectd/connectd/connect/data"
)

// mask applies the column's rule to text (column.truncate, column.mask, column.mask.hash) and, for truncate, to bytes.
func (p *column) mask(v data.Value, mem *Memory) data.Value {
	if p.rule.HasMask && p.isText() { // null too, as Debezium does
		return p.stars
	}
	switch v.Kind() {
	case data.KindString:
		return p.maskText(v)
	case data.KindBytes:
		if p.rule.HasTruncate && p.op == opBinary {
			b := v.Bytes()
			return data.Bytes(b[:min(len(b), max(p.rule.Truncate, 0))])
		}
	}
	return v
}

func (p *column) maskText(v data.Value) data.Value {
	if !p.isText() {
		return v
	}
	switch {
	case p.rule.HasTruncate:
		return data.Text(truncate(v.TextBytes(), max(p.rule.Truncate, 0)))
	case p.rule.Hash != nil:
		h := []byte(p.rule.Hash(v.TextBytes()))
		if p.src.Length > 0 {
			h = truncate(h, p.src.Length)
		}
		return data.Text(h)
	}
	return v
}

// isText tells whether masks and hashes apply: columns of a JDBC text type.
func (p *column) isText() bool { return p.op == opText || p.op == opEnum || p.op == opSet }

// truncate cuts b to n UTF-16 code units, as Java's String.substring counts, but never within a character.
func truncate(b []byte, n int) []byte {
	units := 0
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		units++
		if r > 0xFFFF {
			units++
		}
		if units > n {
			return b[:i]
		}
		i += size
	}
	return b
}
