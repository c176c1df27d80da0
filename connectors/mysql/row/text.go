package row

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"unsafe"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connect/data"
)

// DecodeText decodes a row of the text protocol (client.Conn.ExecuteSelectStreaming) that SelectList selected. The connection's
// character_set_results must be utf8mb4. Texts are copied into mem.
func (c *Codec) DecodeText(fields []mysql.FieldValue, mem *Memory) (Row, error) {
	if len(fields) != len(c.cols) {
		return Row{}, fmt.Errorf("reading a row of %s: %d fields for %d columns: %w", c.table.ID, len(fields), len(c.cols), ErrColumns)
	}
	r := c.newRow(mem)
	for i := range c.cols {
		p := &c.cols[i]
		if p.field < 0 && p.extra < 0 {
			continue
		}
		f := &fields[i]
		if f.Type == mysql.FieldValueTypeNull {
			r.putNull(p)
			continue
		}
		v, ok := c.text(p, f, mem)
		if !ok {
			return Row{}, fmt.Errorf("reading column %s of %s: %q is no %s: %w", p.src.Name, c.table.ID, clip(f.AsString()), p.src.TypeName, ErrMalformed)
		}
		r.put(p, v, mem)
	}
	return r, nil
}

func clip(b []byte) []byte { return b[:min(len(b), 40)] }

// text converts one field; ok is false if it is not of the column's type.
func (c *Codec) text(p *column, f *mysql.FieldValue, mem *Memory) (v data.Value, ok bool) {
	b := f.AsString()
	if f.Type != mysql.FieldValueTypeString {
		return c.textNumber(p, f, mem)
	}
	switch p.op {
	case opBool:
		for _, x := range b {
			if x != 0 {
				return data.Bool(true), true
			}
		}
		return data.Bool(false), true
	case opBits:
		return p.bits(b, mem), true
	case opInt, opUint, opYear:
		n, err := strconv.ParseInt(string(b), 10, 64)
		if err != nil {
			u, err := strconv.ParseUint(string(b), 10, 64)
			return p.integer(int64(u)), err == nil
		}
		return p.integer(n), true
	case opBigUint, opDecimal:
		return c.textDecimal(p, b, mem)
	case opFloat32, opFloat, opDouble:
		x, err := parseFloat(b)
		return p.float(x), err == nil
	case opDate, opDatetime, opTimestamp, opTime:
		return c.textTemporal(p, b, mem)
	case opJSON:
		return data.Text(mem.end(appendCompactJSON(mem.begin(len(b)), b))), true
	case opGeometry, opPoint:
		return p.geometry(mem.Copy(b), mem), true
	case opVector:
		return p.vector(b, mem), len(b)%4 == 0
	case opBinary:
		if c.opt.Binary == BinaryBytes && len(b) >= p.length {
			b = mem.Copy(b)
		}
		return c.binary(p, b, mem), true
	default:
		return data.Text(mem.Copy(b)), true
	}
}

// textNumber converts a field that the client has parsed.
func (c *Codec) textNumber(p *column, f *mysql.FieldValue, mem *Memory) (data.Value, bool) {
	if f.Type == mysql.FieldValueTypeFloat {
		switch p.op {
		case opFloat32, opFloat, opDouble:
			return p.float(f.AsFloat64()), true
		}
		return data.Value{}, false
	}
	switch p.op {
	case opBool:
		return data.Bool(f.AsUint64() != 0), true
	case opInt, opUint:
		return p.integer(f.AsInt64()), true
	case opYear:
		return c.year(f.AsInt64()), true
	case opBigUint:
		return bigUint(f.AsUint64()), true
	case opFloat32, opFloat, opDouble:
		return p.float(float64(f.AsInt64())), true
	}
	return data.Value{}, false
}

// year makes a YEAR; 0 stays 0.
func (c *Codec) year(y int64) data.Value {
	if y == 0 {
		return data.Int32(0)
	}
	return data.Int32(int32(c.adjustYear(int(y))))
}

func bigUint(n uint64) data.Value {
	if n <= math.MaxInt64 {
		return data.Decimal64(int64(n), 0)
	}
	return data.Decimal(new(big.Int).SetUint64(n), 0)
}

// float makes a floating point column of x, a double of the stored value.
func (p *column) float(x float64) data.Value {
	switch {
	case p.op == opFloat32:
		return data.Float32(float32(x))
	case p.op == opFloat:
		return data.Float64(float64(float32(x)))
	default:
		return data.Float64(x)
	}
}

func parseFloat(b []byte) (float64, error) {
	return strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64)
}

// textDecimal reads [-]digits[.digits] at the column's scale; missing fraction digits are zeros (ZEROFILL included).
func (c *Codec) textDecimal(p *column, b []byte, mem *Memory) (data.Value, bool) {
	neg := false
	s := b
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	if len(s) == 0 {
		return data.Value{}, false
	}
	var n uint64
	var digits, frac int
	big64, point := false, false
	for _, x := range s {
		switch {
		case x == '.' && !point:
			point = true
			continue
		case x < '0' || x > '9':
			return data.Value{}, false
		}
		if point {
			if frac == int(p.scale) {
				continue // more than the column has: cannot be
			}
			frac++
		}
		if n != 0 || x != '0' {
			digits++
		}
		if digits > 18 {
			big64 = true
		}
		n = n*10 + uint64(x-'0')
	}
	for ; frac < int(p.scale); frac++ {
		n *= 10
		if digits++; digits > 18 {
			big64 = true
		}
	}
	if big64 {
		return c.textBigDecimal(p, b, mem)
	}
	v := int64(n)
	if neg {
		v = -v
	}
	if p.op == opBigUint {
		return data.Decimal64(v, 0), true
	}
	return c.decimal64(p, v, mem), true
}

func (c *Codec) textBigDecimal(p *column, b []byte, mem *Memory) (data.Value, bool) {
	digits := make([]byte, 0, len(b)+int(p.scale))
	frac := -1
	for _, x := range b {
		if x == '.' {
			frac = 0
			continue
		}
		if frac >= 0 {
			if frac == int(p.scale) {
				break
			}
			frac++
		}
		digits = append(digits, x)
	}
	for frac = max(frac, 0); frac < int(p.scale); frac++ {
		digits = append(digits, '0')
	}
	n, ok := new(big.Int).SetString(string(digits), 10)
	if !ok {
		return data.Value{}, false
	}
	if p.op == opBigUint {
		return data.Decimal(n, 0), true
	}
	return c.decimalBig(p, n, mem), true
}

// textTemporal reads YYYY-MM-DD, YYYY-MM-DD HH:MM:SS[.ffffff] and [-]HHH:MM:SS[.ffffff].
func (c *Codec) textTemporal(p *column, b []byte, mem *Memory) (data.Value, bool) {
	if p.op == opTime {
		neg := len(b) > 0 && b[0] == '-'
		if neg {
			b = b[1:]
		}
		micros, ok := parseClock(b)
		if neg {
			micros = -micros
		}
		return c.time(p, micros, mem), ok
	}
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return data.Value{}, false
	}
	y, ok1 := digits(b[:4])
	m, ok2 := digits(b[5:7])
	d, ok3 := digits(b[8:10])
	if !ok1 || !ok2 || !ok3 {
		return data.Value{}, false
	}
	if p.op == opDate {
		return c.date(p, y, m, d, mem), len(b) == 10
	}
	var micros int64
	if len(b) > 10 {
		var ok bool
		if micros, ok = parseClock(b[11:]); !ok || b[10] != ' ' && b[10] != 'T' {
			return data.Value{}, false
		}
	}
	if p.op == opDatetime {
		return c.datetime(p, y, m, d, micros, mem), true
	}
	return c.localTimestamp(p, y, m, d, micros, mem), true
}

func digits(b []byte) (n int, ok bool) {
	for _, x := range b {
		if x < '0' || x > '9' {
			return 0, false
		}
		n = n*10 + int(x-'0')
	}
	return n, len(b) > 0
}

// parseClock reads H:MM:SS[.f], hours of any number of digits up to 4.
func parseClock(b []byte) (micros int64, ok bool) {
	i := 0
	for i < len(b) && b[i] != ':' {
		i++
	}
	if i > 4 || len(b) < i+6 || b[i+3] != ':' {
		return 0, false
	}
	h, ok1 := digits(b[:i])
	m, ok2 := digits(b[i+1 : i+3])
	s, ok3 := digits(b[i+4 : i+6])
	if !ok1 || !ok2 || !ok3 {
		return 0, false
	}
	micros = int64(h*3600+m*60+s) * 1_000_000
	rest := b[i+6:]
	if len(rest) == 0 {
		return micros, true
	}
	if rest[0] != '.' || len(rest) < 2 || len(rest) > 7 {
		return 0, false
	}
	f, ok := digits(rest[1:])
	for range 7 - len(rest) {
		f *= 10
	}
	return micros + int64(f), ok
}
