package row

import (
	"testing"
)

// benchRows are one row of a plain table (customers) and one of all types.
func benchRows(b *testing.B) map[string]savedRow {
	out := map[string]savedRow{}
	for _, r := range savedRows(b) {
		if _, ok := out[r.Table]; !ok && (r.Table == "customers" || r.Table == "orders" || r.Table == "all_types") {
			out[r.Table] = r
		}
	}
	return out
}

func BenchmarkDecodeText(b *testing.B) {
	for name, saved := range benchRows(b) {
		b.Run(name, func(b *testing.B) {
			c, fields := newCodec(b, savedTable(b, &saved), Options{}), saved.fields()
			var mem Memory
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%256 == 0 {
					mem.Reset()
				}
				if _, err := c.DecodeText(fields, &mem); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeBinlog(b *testing.B) {
	for name, saved := range benchRows(b) {
		b.Run(name, func(b *testing.B) {
			c, tm := newCodec(b, savedTable(b, &saved), Options{}), saved.tableMap()
			var mem Memory
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%256 == 0 {
					mem.Reset()
				}
				if _, _, err := c.DecodeBinlog(saved.Image, tm, nil, Row{}, &mem); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestDecodingAllocatesNothing holds the budget: with a recycled Memory a row of common types costs no allocation.
func TestDecodingAllocatesNothing(t *testing.T) {
	for _, saved := range savedRows(t) {
		if saved.Table == "all_types" { // decimals of more than 63 bits are big integers
			continue
		}
		c, fields, tm := newCodec(t, savedTable(t, &saved), Options{}), saved.fields(), saved.tableMap()
		var mem Memory
		n := testing.AllocsPerRun(1000, func() {
			mem.Reset()
			if _, err := c.DecodeText(fields, &mem); err != nil {
				t.Fatal(err)
			}
			r, _, err := c.DecodeBinlog(saved.Image, tm, nil, Row{}, &mem)
			if err != nil {
				t.Fatal(err)
			}
			c.Key(r, &mem)
		})
		if n > 0 {
			t.Errorf("%s: %v allocations a row", saved.Table, n)
		}
	}
}
