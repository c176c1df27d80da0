package row

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/go-mysql-org/go-mysql/mysql"
)

func FuzzDecodeBinlog(f *testing.F) {
	rows := savedRows(f)
	for i, r := range rows {
		f.Add(r.Image, uint8(i), []byte(nil), []byte(nil), uint8(0))
		f.Add(r.Image, uint8(i), []byte{0xFF, 0x0F}, []byte{3, 15}, uint8(2))
	}
	f.Fuzz(func(t *testing.T, body []byte, which uint8, present, meta []byte, modes uint8) {
		r := rows[int(which)%len(rows)]
		o := Options{Decimal: DecimalMode(modes % 3), Binary: BinaryMode(modes / 3 % 4), TimePrecision: TimePrecisionMode(modes / 12 % 5)}
		c := newCodec(t, savedTable(t, &r), o)
		tm := r.tableMap()
		for i, b := range meta {
			if i < len(tm.ColumnMeta) {
				tm.ColumnMeta[i] ^= uint16(b) << (8 * (b & 1))
			}
		}
		if len(present) == 0 {
			present = nil
		}
		var mem Memory
		row, rest, err := c.DecodeBinlog(body, tm, present, Row{}, &mem)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrColumns) {
				t.Fatal(err)
			}
			return
		}
		if len(rest) > len(body) {
			t.Fatal("more bytes left than there were")
		}
		for i, f := range c.ValueSchema().Fields() {
			if v := row.Value.At(i); !v.IsNull() {
				if err := f.Schema.Check(v); err != nil {
					t.Fatalf("%s: %v", f.Name, err)
				}
			}
		}
		c.Key(row, &mem)
	})
}

func FuzzBinaryJSON(f *testing.F) {
	f.Add([]byte{0x0C, 1, 'a'})
	f.Add([]byte{0x00, 1, 0, 12, 0, 11, 0, 1, 0, 0x05, 7, 0, 'k'})
	f.Add([]byte{0x02, 2, 0, 10, 0, 0x04, 1, 0, 0x04, 0, 0})
	f.Add([]byte{0x0F, 246, 4, 2, 1, 0x81, 50})
	f.Add([]byte{0x0F, 12, 8, 0, 0, 0, 0, 0, 0, 0, 25})
	for _, r := range savedRows(f) {
		f.Add(r.Image)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := appendBinaryJSON(nil, b)
		if err == nil && utf8.Valid(b) && !json.Valid(out) {
			t.Fatalf("not JSON: %q", out)
		}
	})
}

func FuzzDecodeText(f *testing.F) {
	rows := savedRows(f)
	for i := range rows {
		f.Add(uint8(i), uint8(i), uint8(4), []byte("2024-01-02 03:04:05.6"))
	}
	f.Fuzz(func(t *testing.T, which, column, kind uint8, text []byte) {
		r := rows[int(which)%len(rows)]
		c := newCodec(t, savedTable(t, &r), Options{})
		fields := r.fields()
		fields[int(column)%len(fields)] = mysql.NewFieldValue(mysql.FieldValueType(kind%5), 7, text)
		var mem Memory
		if _, err := c.DecodeText(fields, &mem); err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
	})
}
