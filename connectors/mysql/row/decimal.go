package row

import (
	bigint "math/big"

	"github.com/connectd/connectd/connect/data"
)

// storedDecimal reads MySQL's binary decimal: groups of nine digits in four bytes, big endian, the first bit inverted, all bits
// inverted if negative.
func (c *Codec) storedDecimal(p *column, precision, scale int, b []byte, mem *Memory) (data.Value, bool) {
	if len(b) == 0 {
		return data.Value{}, false
	}
	var buf [32]byte
	d := buf[:copy(buf[:], b)]
	neg := d[0]&0x80 == 0
	d[0] ^= 0x80
	if neg {
		for i := range d {
			d[i] ^= 0xFF
		}
	}
	var n int64
	var large *bigint.Int
	digits := 0
	take := func(count int) bool {
		size := digitBytes[count]
		v := int64(bigEnd(d[:size]))
		d = d[size:]
		if v >= pow10[count] {
			return false
		}
		if digits += count; digits > 18 {
			if large == nil {
				large = bigint.NewInt(n)
			}
			large.Mul(large, bigint.NewInt(pow10[count]))
			large.Add(large, bigint.NewInt(v))
			return true
		}
		n = n*pow10[count] + v
		return true
	}
	integer := precision - scale
	ok := take(integer % 9)
	for range integer / 9 {
		ok = ok && take(9)
	}
	for range scale / 9 {
		ok = ok && take(9)
	}
	if ok = ok && take(scale%9); !ok {
		return data.Value{}, false
	}
	if large == nil {
		return c.decimal64(p, sign(neg, n), mem), int32(scale) == p.scale
	}
	if neg {
		large.Neg(large)
	}
	if large.IsInt64() {
		return c.decimal64(p, large.Int64(), mem), int32(scale) == p.scale
	}
	return c.decimalBig(p, large, mem), int32(scale) == p.scale
}

var pow10 = [10]int64{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000}
