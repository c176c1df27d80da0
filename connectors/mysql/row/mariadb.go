package row

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/hex"
	"io"
	"net/netip"

	"github.com/connectd/connectd/connect/data"
)

// Types of MariaDB's compressed columns in table maps. The replication client does not know them: the caller parses the map with the plain
// types in their place, and puts these back.
const (
	TypeBlobCompressed    = 140
	TypeVarcharCompressed = 141
)

// uuid makes a UUID. MariaDB stores those of the versions 1 to 5 with their parts in the reverse order (sql_type_uuid.h, rec_need_swap).
func (p *column) uuid(b []byte, mem *Memory) data.Value {
	var u [16]byte
	copy(u[:], b)
	if u[6]&0x80 != 0 && u[8] > 0 && u[8] < 0x60 {
		u = [16]byte{u[12], u[13], u[14], u[15], u[10], u[11], u[8], u[9], u[6], u[7], u[0], u[1], u[2], u[3], u[4], u[5]}
	}
	out := mem.Bytes(36)
	hex.Encode(out[0:8], u[0:4])
	hex.Encode(out[9:13], u[4:6])
	hex.Encode(out[14:18], u[6:8])
	hex.Encode(out[19:23], u[8:10])
	hex.Encode(out[24:36], u[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return data.Text(out)
}

// inet makes an address of its bytes in network order.
func (p *column) inet(b []byte) data.Value {
	full := make([]byte, p.length)
	copy(full, b)
	a, ok := netip.AddrFromSlice(full)
	if !ok {
		return p.missing()
	}
	return data.String(a.String())
}

// Expand reads what MariaDB compressed, the value of a column or the rows of an event: a byte 0 and the value, or a byte with the number of bytes of the length (lower three
// bits) and whether the stream has no zlib header (8), the length in big endian, and the stream. ok is false if it is none.
func Expand(b []byte) (out []byte, ok bool) {
	if len(b) == 0 {
		return b, true
	}
	if b[0] == 0 {
		return b[1:], true
	}
	n := int(b[0] & 7)
	if b[0]&0xF0 != 0x80 || n == 0 || n > 4 || len(b) < 1+n {
		return nil, false
	}
	size := bigEnd(b[1 : 1+n])
	if size > 1<<30 {
		return nil, false
	}
	var in io.ReadCloser
	if b[0]&8 != 0 {
		in = flate.NewReader(bytes.NewReader(b[1+n:]))
	} else {
		z, err := zlib.NewReader(bytes.NewReader(b[1+n:]))
		if err != nil {
			return nil, false
		}
		in = z
	}
	out = make([]byte, size)
	if _, err := io.ReadFull(in, out); err != nil {
		return nil, false
	}
	return out, in.Close() == nil
}
