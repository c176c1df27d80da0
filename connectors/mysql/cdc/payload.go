package cdc

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// decompress reads the payload of a compressed transaction (Transaction_payload_event): fields of type, length and value, then the
// events.
func decompress(body []byte) ([]byte, error) {
	const endMark, compression, zstandard, none = 0, 2, 0, 255
	kind := uint64(zstandard)
	for {
		field, rest, err := packed(body)
		if err != nil {
			return nil, err
		}
		if field == endMark {
			body = rest
			break
		}
		size, rest, err := packed(rest)
		if err != nil || uint64(len(rest)) < size {
			return nil, errShortEvent
		}
		if field == compression {
			if kind, _, err = packed(rest[:size]); err != nil {
				return nil, err
			}
		}
		body = rest[size:]
	}
	switch kind {
	case none:
		return body, nil
	case zstandard:
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return d.DecodeAll(body, nil)
	default:
		return nil, fmt.Errorf("unknown compression %d", kind)
	}
}

// packed reads MySQL's length-encoded integer.
func packed(b []byte) (n uint64, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, errShortEvent
	}
	size := 0
	switch b[0] {
	case 252:
		size = 2
	case 253:
		size = 3
	case 254:
		size = 8
	default:
		return uint64(b[0]), b[1:], nil
	}
	if len(b) < 1+size {
		return 0, nil, errShortEvent
	}
	for i := size; i > 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return n, b[1+size:], nil
}
