package row

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"

	"github.com/connectd/connectd/connect/data"
)

var (
	emptyWKB = []byte{1, 7, 0, 0, 0, 0, 0, 0, 0} // GEOMETRYCOLLECTION EMPTY
)

func emptyGeometry() *data.Struct {
	return data.NewStruct(geometrySchema).Put("wkb", data.Bytes(emptyWKB))
}

func emptyPoint() *data.Struct {
	return data.NewStruct(pointSchema).Put("x", data.Float64(0)).Put("y", data.Float64(0)).Put("wkb", data.Bytes(emptyWKB))
}

// integer makes an integer column of v, which holds the column's bits sign- or zero-extended.
func (p *column) integer(v int64) data.Value { return data.IntOf(p.kind, v) }

// geometry makes the struct of MySQL's internal form: SRID and WKB.
func (p *column) geometry(b []byte, mem *Memory) data.Value {
	if len(b) < 4 {
		return p.missing()
	}
	srid := data.Null()
	if n := binary.LittleEndian.Uint32(b); n != 0 {
		srid = data.Int32(int32(n))
	}
	wkb := b[4:]
	if p.op == opGeometry {
		st := mem.Slab.New(p.schema)
		st.Set(0, data.Bytes(wkb))
		st.Set(1, srid)
		return data.Of(st)
	}
	if len(wkb) != 21 || wkb[0] != 1 {
		return p.missing()
	}
	st := mem.Slab.New(p.schema)
	st.Set(0, data.Float64(math.Float64frombits(binary.LittleEndian.Uint64(wkb[5:]))))
	st.Set(1, data.Float64(math.Float64frombits(binary.LittleEndian.Uint64(wkb[13:]))))
	st.Set(2, data.Bytes(wkb))
	st.Set(3, srid)
	return data.Of(st)
}

// vector makes the list of a VECTOR's little-endian floats.
func (p *column) vector(b []byte, mem *Memory) data.Value {
	vs := mem.Slab.Values(len(b) / 4)
	for i := range vs {
		vs[i] = data.Float32(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return data.List(vs)
}

// binary makes a binary column; BINARY(n) is padded with zeros, which MySQL cuts off in row images.
func (c *Codec) binary(p *column, b []byte, mem *Memory) data.Value {
	if len(b) < p.length {
		padded := mem.Bytes(p.length)
		clear(padded[copy(padded, b):])
		b = padded
	}
	switch c.opt.Binary {
	case BinaryBase64:
		out := mem.Bytes(base64.StdEncoding.EncodedLen(len(b)))
		base64.StdEncoding.Encode(out, b)
		return data.Text(out)
	case BinaryBase64URL:
		out := mem.Bytes(base64.URLEncoding.EncodedLen(len(b)))
		base64.URLEncoding.Encode(out, b)
		return data.Text(out)
	case BinaryHex:
		out := mem.Bytes(hex.EncodedLen(len(b)))
		hex.Encode(out, b)
		return data.Text(out)
	default:
		return data.Bytes(b)
	}
}

// bits makes a BIT(n) of its big-endian bytes: little endian, as java.util.BitSet.toByteArray but of full length.
func (p *column) bits(b []byte, mem *Memory) data.Value {
	out := mem.Bytes(p.length)
	for i := range out {
		out[i] = 0
		if j := len(b) - 1 - i; j >= 0 {
			out[i] = b[j]
		}
	}
	return data.Bytes(out)
}

// decimal64 and decimalBig make a decimal column of its unscaled integer.
func (c *Codec) decimal64(p *column, unscaled int64, mem *Memory) data.Value {
	v := data.Decimal64(unscaled, p.scale)
	switch c.opt.Decimal {
	case DecimalDouble:
		return data.Float64(toDouble(v))
	case DecimalString:
		return data.Text(mem.end(data.AppendDecimal(mem.begin(48), v)))
	default:
		return v
	}
}

func (c *Codec) decimalBig(p *column, unscaled *big.Int, mem *Memory) data.Value {
	v := data.Decimal(unscaled, p.scale)
	switch c.opt.Decimal {
	case DecimalDouble:
		return data.Float64(toDouble(v))
	case DecimalString:
		return data.Text(mem.end(data.AppendDecimal(mem.begin(96), v)))
	default:
		return v
	}
}

// toDouble is BigDecimal.doubleValue: the nearest double.
func toDouble(v data.Value) float64 {
	var buf [96]byte
	f, _ := parseFloat(data.AppendDecimal(buf[:0], v))
	return f
}

// set makes a SET column of its bits.
func (p *column) set(bits uint64, mem *Memory) data.Value {
	b := mem.begin(64)
	first := true
	for i := 0; bits != 0 && i < len(p.names); i, bits = i+1, bits>>1 {
		if bits&1 == 0 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, p.names[i]...)
	}
	return data.Text(mem.end(b))
}

// enum makes an ENUM column of its index, from 1; 0 is the empty string of an invalid value.
func (p *column) enum(i uint64) data.Value {
	if i == 0 || i > uint64(len(p.options)) {
		return data.String("")
	}
	return p.options[i-1]
}
