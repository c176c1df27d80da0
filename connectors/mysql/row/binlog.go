package row

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connect/data"
)

// layout is how a table map stores each column; kept while the table maps stay the same.
type layout struct {
	types []byte
	meta  []uint16
	cols  []stored
}

// stored is the form of one column in a row image.
type stored struct {
	typ  byte // real type: ENUM and SET instead of STRING
	meta uint16
}

// Fits tells whether rows of a table map can be read by this table version: the error wraps ErrColumns.
func (c *Codec) Fits(tm *replication.TableMapEvent) error { return c.fit(tm) }

// fit makes the layout of tm, or tells that tm is not of the codec's table version.
func (c *Codec) fit(tm *replication.TableMapEvent) error {
	if bytes.Equal(c.layout.types, tm.ColumnType) && slices.Equal(c.layout.meta, tm.ColumnMeta) && c.layout.cols != nil {
		return nil
	}
	if len(tm.ColumnType) != len(c.cols) || len(tm.ColumnMeta) != len(c.cols) {
		return fmt.Errorf("reading a row of %s: the binlog has %d columns, the known table %d: %w", c.table.ID, len(tm.ColumnType), len(c.cols), ErrColumns)
	}
	cols := make([]stored, len(c.cols))
	for i, typ := range tm.ColumnType {
		var s stored
		s.typ, s.meta = RealType(typ, tm.ColumnMeta[i])
		if !c.cols[i].takes(s.typ) {
			return fmt.Errorf("reading a row of %s: column %s is %s, the binlog has type %d: %w", c.table.ID, c.cols[i].src.Name, c.cols[i].src.TypeName, s.typ, ErrColumns)
		}
		cols[i] = s
	}
	c.layout = layout{bytes.Clone(tm.ColumnType), slices.Clone(tm.ColumnMeta), cols}
	return nil
}

// RealType undoes what the server packs into the metadata of ENUM, SET and long CHAR in a table map.
func RealType(typ byte, meta uint16) (byte, uint16) {
	if typ != mysql.MYSQL_TYPE_STRING || meta < 256 {
		return typ, meta
	}
	hi, lo := byte(meta>>8), meta&0xFF
	if hi&0x30 != 0x30 { // CHAR longer than 255 bytes: two bits of the length are in the type
		return hi | 0x30, lo | uint16(hi&0x30^0x30)<<4
	}
	return hi, lo
}

// takes tells whether a stored type can be read into the column.
func (p *column) takes(typ byte) bool {
	switch p.op {
	case opBool, opBits:
		return typ == mysql.MYSQL_TYPE_BIT || p.op == opBool && typ == mysql.MYSQL_TYPE_TINY
	case opInt, opUint, opBigUint:
		switch typ {
		case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_LONGLONG:
			return true
		}
		return false
	case opFloat32, opFloat, opDouble:
		return typ == mysql.MYSQL_TYPE_FLOAT || typ == mysql.MYSQL_TYPE_DOUBLE
	case opDecimal:
		return typ == mysql.MYSQL_TYPE_NEWDECIMAL
	case opDate:
		return typ == mysql.MYSQL_TYPE_DATE || typ == mysql.MYSQL_TYPE_NEWDATE
	case opTime:
		return typ == mysql.MYSQL_TYPE_TIME || typ == mysql.MYSQL_TYPE_TIME2
	case opDatetime:
		return typ == mysql.MYSQL_TYPE_DATETIME || typ == mysql.MYSQL_TYPE_DATETIME2
	case opTimestamp:
		return typ == mysql.MYSQL_TYPE_TIMESTAMP || typ == mysql.MYSQL_TYPE_TIMESTAMP2
	case opYear:
		return typ == mysql.MYSQL_TYPE_YEAR
	case opEnum:
		return typ == mysql.MYSQL_TYPE_ENUM
	case opSet:
		return typ == mysql.MYSQL_TYPE_SET
	case opJSON:
		return typ == mysql.MYSQL_TYPE_JSON
	case opGeometry, opPoint:
		return typ == mysql.MYSQL_TYPE_GEOMETRY
	case opVector:
		return typ == mysql.MYSQL_TYPE_VECTOR
	case opUUID, opINET:
		return typ == mysql.MYSQL_TYPE_STRING
	default:
		switch typ {
		case mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_BLOB, TypeBlobCompressed, TypeVarcharCompressed:
			return true
		}
		return false
	}
}

func bitSet(b []byte, i int) bool { return i>>3 < len(b) && b[i>>3]&(1<<(i&7)) != 0 }

// DecodeBinlog decodes the row image at the start of body and returns the rest of body. present is the event's columns-present bitmap
// (nil: all). A column that is absent takes base's value (the before image of an update). If that has none either, it is null (if NOT NULL: the type's neutral value), or
// Options.Unavailable if it is a large text or binary column; see Incomplete. Values alias body.
func (c *Codec) DecodeBinlog(body []byte, tm *replication.TableMapEvent, present []byte, base Row, mem *Memory) (Row, []byte, error) {
	return c.decodeImage(body, tm, present, base, nil, mem)
}

// DecodePartial is DecodeBinlog for the row after a partial update (PARTIAL_UPDATE_ROWS_EVENT): some of its JSON columns may be given as
// differences to base. Where that has none (binlog_row_image=MINIMAL), the document is absent.
func (c *Codec) DecodePartial(body []byte, tm *replication.TableMapEvent, present []byte, base Row, mem *Memory) (Row, []byte, error) {
	if err := c.fit(tm); err != nil {
		return Row{}, nil, err
	}
	const partialJSON = 1
	if len(body) == 0 || body[0] > 250 {
		return Row{}, nil, fmt.Errorf("reading a row of %s: bad value options: %w", c.table.ID, ErrMalformed)
	}
	options, body := body[0], body[1:]
	if options&partialJSON == 0 {
		return c.decodeImage(body, tm, present, base, nil, mem)
	}
	n := 0
	for _, s := range c.layout.cols {
		if s.typ == mysql.MYSQL_TYPE_JSON {
			n++
		}
	}
	size := (n + 7) / 8
	if len(body) < size {
		return Row{}, nil, fmt.Errorf("reading a row of %s: %d bytes: %w", c.table.ID, len(body), ErrMalformed)
	}
	return c.decodeImage(body[size:], tm, present, base, body[:size:size], mem)
}

// decodeImage decodes a row image; partial tells which of the JSON columns are differences.
func (c *Codec) decodeImage(body []byte, tm *replication.TableMapEvent, present []byte, base Row, partial []byte, mem *Memory) (Row, []byte, error) {
	if err := c.fit(tm); err != nil {
		return Row{}, nil, err
	}
	n := len(c.cols)
	if present != nil {
		n = 0
		for i := range c.cols {
			if bitSet(present, i) {
				n++
			}
		}
	}
	nullBytes := (n + 7) / 8
	if len(body) < nullBytes {
		return Row{}, nil, fmt.Errorf("reading a row of %s: %d bytes: %w", c.table.ID, len(body), ErrMalformed)
	}
	nulls, b := body[:nullBytes], body[nullBytes:]
	r := c.newRow(mem)
	at := 0        // ordinal among the present columns
	documents := 0 // JSON columns so far
	for i := range c.cols {
		p := &c.cols[i]
		diffs := false
		if partial != nil && c.layout.cols[i].typ == mysql.MYSQL_TYPE_JSON {
			diffs = bitSet(partial, documents)
			documents++
		}
		if present != nil && !bitSet(present, i) {
			c.copyFrom(&r, i, base, mem)
			continue
		}
		null := bitSet(nulls, at)
		at++
		if null {
			r.putNull(p)
			continue
		}
		size, head := c.layout.cols[i].size(b)
		if size < 0 || len(b) < head+size {
			return Row{}, nil, fmt.Errorf("reading column %s of %s: the row ends early: %w", p.src.Name, c.table.ID, ErrMalformed)
		}
		raw := b[head : head+size : head+size]
		b = b[head+size:]
		if p.field < 0 && p.extra < 0 {
			continue
		}
		var v data.Value
		var ok bool
		if diffs {
			if base.Value == nil || slices.Contains(base.absent, i) {
				c.leaveOut(&r, i, mem)
				continue
			}
			v, ok = c.patched(p, raw, base)
		} else {
			v, ok = c.stored(p, c.layout.cols[i], raw, mem)
		}
		if !ok {
			return Row{}, nil, fmt.Errorf("reading column %s of %s: bad %s: %w", p.src.Name, c.table.ID, p.src.TypeName, ErrMalformed)
		}
		r.put(p, v, mem)
	}
	return r, b, nil
}

// patched is base's document changed by differences.
func (c *Codec) patched(p *column, diffs []byte, base Row) (data.Value, bool) {
	var doc data.Value
	switch {
	case p.field >= 0:
		doc = base.Value.At(p.field)
	default:
		doc = base.extra[p.extra]
	}
	if doc.Kind() != data.KindString {
		return data.Value{}, false
	}
	out, err := applyJSONDiffs(doc.TextBytes(), diffs)
	return data.Text(out), err == nil
}

// size is the length of a value at the start of b and of the length prefix before it; size is -1 if b is too short for the prefix or
// the type is unknown.
func (s stored) size(b []byte) (size, head int) {
	switch s.typ {
	case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_YEAR:
		return 1, 0
	case mysql.MYSQL_TYPE_SHORT:
		return 2, 0
	case mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_TIME:
		return 3, 0
	case mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_FLOAT, mysql.MYSQL_TYPE_TIMESTAMP:
		return 4, 0
	case mysql.MYSQL_TYPE_LONGLONG, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_DATETIME:
		return 8, 0
	case mysql.MYSQL_TYPE_NEWDECIMAL:
		return decimalSize(int(s.meta>>8), int(s.meta&0xFF)), 0
	case mysql.MYSQL_TYPE_TIMESTAMP2:
		return 4 + int(s.meta+1)/2, 0
	case mysql.MYSQL_TYPE_DATETIME2:
		return 5 + int(s.meta+1)/2, 0
	case mysql.MYSQL_TYPE_TIME2:
		return 3 + int(s.meta+1)/2, 0
	case mysql.MYSQL_TYPE_BIT:
		return int(s.meta>>8) + int(s.meta&0xFF+7)/8, 0
	case mysql.MYSQL_TYPE_ENUM, mysql.MYSQL_TYPE_SET:
		return int(s.meta & 0xFF), 0
	case mysql.MYSQL_TYPE_VARCHAR, mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_STRING, TypeVarcharCompressed:
		if s.meta < 256 {
			return prefixed(b, 1)
		}
		return prefixed(b, 2)
	case mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_GEOMETRY, mysql.MYSQL_TYPE_JSON, mysql.MYSQL_TYPE_VECTOR, TypeBlobCompressed:
		return prefixed(b, int(s.meta))
	}
	return -1, 0
}

// large tells of the types that binlog_row_image=NOBLOB leaves out.
func (s stored) large() bool {
	switch s.typ {
	case mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_GEOMETRY, mysql.MYSQL_TYPE_JSON, mysql.MYSQL_TYPE_VECTOR:
		return true
	}
	return false
}

func prefixed(b []byte, n int) (size, head int) {
	if n < 1 || n > 4 || len(b) < n {
		return -1, 0
	}
	return int(little(b[:n])), n
}

func little(b []byte) (n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return n
}

func bigEnd(b []byte) (n uint64) {
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}

// stored converts the bytes of one value; ok is false if they are none of the column's type.
func (c *Codec) stored(p *column, s stored, b []byte, mem *Memory) (v data.Value, ok bool) {
	if s.typ == TypeBlobCompressed || s.typ == TypeVarcharCompressed {
		if b, ok = Expand(b); !ok {
			return v, false
		}
	}
	switch p.op {
	case opBool:
		return data.Bool(bigEnd(b) != 0), true
	case opBits:
		return p.bits(b, mem), true
	case opInt, opUint:
		n := little(b)
		if p.op == opInt && len(b) < 8 {
			shift := 64 - 8*len(b)
			return p.integer(int64(n<<shift) >> shift), true
		}
		return p.integer(int64(n)), true
	case opBigUint:
		return bigUint(little(b)), true
	case opFloat32, opFloat, opDouble:
		if s.typ == mysql.MYSQL_TYPE_FLOAT {
			return p.float(float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))), true
		}
		return p.float(math.Float64frombits(binary.LittleEndian.Uint64(b))), true
	case opDecimal:
		return c.storedDecimal(p, int(s.meta>>8), int(s.meta&0xFF), b, mem)
	case opDate, opTime, opDatetime, opTimestamp:
		return c.storedTemporal(p, s, b, mem), true
	case opYear:
		if b[0] == 0 {
			return data.Int32(0), true
		}
		return c.year(1900 + int64(b[0])), true
	case opEnum:
		return p.enum(little(b)), true
	case opSet:
		return p.set(little(b), mem), true
	case opJSON:
		if len(b) == 0 { // written by a server that allowed NULL to become ''
			return p.missing(), true
		}
		out, err := appendBinaryJSON(mem.begin(2*len(b)), b)
		return data.Text(mem.end(out)), err == nil
	case opGeometry, opPoint:
		return p.geometry(b, mem), true
	case opVector:
		return p.vector(b, mem), len(b)%4 == 0
	case opBinary:
		return c.binary(p, b, mem), true
	case opUUID:
		return p.uuid(b, mem), true
	case opINET:
		return p.inet(b), true
	default:
		return data.Text(p.charset.decode(b, mem)), true
	}
}

func (c *Codec) storedTemporal(p *column, s stored, b []byte, mem *Memory) data.Value {
	switch s.typ {
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE:
		n := int(little(b))
		return c.date(p, n>>9, n>>5&15, n&31, mem)
	case mysql.MYSQL_TYPE_DATETIME:
		n := int64(little(b))
		d, t := n/1_000_000, n%1_000_000
		return c.datetime(p, int(d/10000), int(d/100%100), int(d%100), (t/10000*3600+t/100%100*60+t%100)*1_000_000, mem)
	case mysql.MYSQL_TYPE_DATETIME2:
		n := int64(bigEnd(b[:5])) - 0x8000000000
		if n < 0 {
			return p.missing()
		}
		ymd, hms := n>>17, n&(1<<17-1)
		micros := (hms>>12*3600+hms>>6&63*60+hms&63)*1_000_000 + fraction(b[5:])
		ym := ymd >> 5
		return c.datetime(p, int(ym/13), int(ym%13), int(ymd&31), micros, mem)
	case mysql.MYSQL_TYPE_TIMESTAMP:
		return c.timestamp(p, int64(little(b)), 0, mem)
	case mysql.MYSQL_TYPE_TIMESTAMP2:
		return c.timestamp(p, int64(bigEnd(b[:4])), fraction(b[4:]), mem)
	case mysql.MYSQL_TYPE_TIME:
		n := int64(int32(uint32(little(b))<<8) >> 8)
		neg := n < 0
		if neg {
			n = -n
		}
		return c.time(p, sign(neg, (n/10000*3600+n/100%100*60+n%100)*1_000_000), mem)
	default: // TIME2: the whole number, fraction included, is offset binary
		bits := uint(8 * len(b))
		n := int64(bigEnd(b)) - 1<<(bits-1)
		neg := n < 0
		if neg {
			n = -n
		}
		fracBits := bits - 24
		hms, frac := n>>fracBits, n&(1<<fracBits-1)
		micros := (hms>>12&0x3FF*3600 + hms>>6&63*60 + hms&63) * 1_000_000
		return c.time(p, sign(neg, micros+scaleFraction(frac, int(fracBits/8))), mem)
	}
}

func sign(neg bool, n int64) int64 {
	if neg {
		return -n
	}
	return n
}

// fraction reads the fraction bytes of the temporal types of MySQL 5.6 and later, as microseconds.
func fraction(b []byte) int64 { return scaleFraction(int64(bigEnd(b)), len(b)) }

func scaleFraction(n int64, bytes int) int64 {
	switch bytes {
	case 1:
		return n * 10000
	case 2:
		return n * 100
	default:
		return n
	}
}

// digitBytes is how many bytes so many decimal digits take.
var digitBytes = [10]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

func decimalSize(precision, scale int) int {
	integer := precision - scale
	if integer < 0 || precision > 65 || scale > 30 {
		return -1
	}
	return integer/9*4 + digitBytes[integer%9] + scale/9*4 + digitBytes[scale%9]
}
