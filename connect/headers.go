package connect

import "github.com/connectd/connectd/connect/data"

// Headers are never modified in place: With and Without return a new slice. Keys may repeat; the last one wins for look-ups.
type Headers []Header

// Header is one header of a record.
type Header struct {
	Key   string
	Value data.Datum
}

// With returns h and one more header at the end.
func (h Headers) With(key string, d data.Datum) Headers {
	out := make(Headers, len(h), len(h)+1)
	copy(out, h)
	return append(out, Header{key, d})
}

// Without returns h less all headers of the key; h itself if there are none.
func (h Headers) Without(key string) Headers {
	n := 0
	for i := range h {
		if h[i].Key == key {
			n++
		}
	}
	if n == 0 {
		return h
	}
	out := make(Headers, 0, len(h)-n)
	for _, x := range h {
		if x.Key != key {
			out = append(out, x)
		}
	}
	return out
}

// Last finds the last header of the key.
func (h Headers) Last(key string) (data.Datum, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].Key == key {
			return h[i].Value, true
		}
	}
	return data.Datum{}, false
}

// WireHeaders are headers as Kafka carries them.
type WireHeaders []WireHeader

// WireHeader is one header as Kafka carries it; a nil Value is null.
type WireHeader struct {
	Key   string
	Value []byte
}
