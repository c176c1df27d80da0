package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/connectd/connectd/connect/config"
)

const hexDigits = "0123456789ABCDEF"

// appendString appends s as a JSON string the way Kafka Connect's JsonConverter (Jackson) writes it: no escapes for HTML, short
// escapes where JSON has them, upper-case hex, characters beyond the BMP as two escaped surrogates.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\b':
			dst = append(dst, '\\', 'b')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\f':
			dst = append(dst, '\\', 'f')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r < 0x20:
			dst = appendEscape(dst, uint16(r))
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			dst = appendEscape(appendEscape(dst, uint16(hi)), uint16(lo))
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

func appendEscape(dst []byte, u uint16) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}

// appendProps appends {"properties":{…}} with these keys, null where p does not have one.
func appendProps(dst []byte, p config.Props, keys []string) []byte {
	dst = append(dst, `{"properties":{`...)
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, k), ':')
		if v, ok := p[k]; ok {
			dst = appendString(dst, v)
		} else {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, "}}"...)
}

// orderOf lists the keys of first, each once, then those of p that are left in Java's order.
func orderOf(p config.Props, first []string) []string {
	keys := make([]string, 0, max(len(p), len(first)))
	seen := make(map[string]bool, len(first))
	for _, k := range slices.Concat(first, javaOrder(p, nil)) {
		if !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// keyOrder lists the keys of the object under "properties" as they stand in a config record.
func keyOrder(value []byte) []string {
	var v struct{ Properties json.RawMessage }
	if json.Unmarshal(value, &v) != nil {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(v.Properties))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var keys []string
	for dec.More() {
		t, err := dec.Token()
		k, ok := t.(string)
		var skip json.RawMessage
		if err != nil || !ok || dec.Decode(&skip) != nil {
			return nil
		}
		keys = append(keys, k)
	}
	return keys
}

// javaOrder lists the keys in the order of new HashMap<>(p), so that the bytes of a task config are those a Java worker would write:
// by bucket. Keys of one bucket keep the order they came in, through maps of at least 16 buckets, from the connector's config (inserted),
// which Java's copies preserve; keys that are not in it come last, sorted.
func javaOrder(p config.Props, inserted []string) []string {
	buckets := uint32(1)
	for want := float32(len(p))/0.75 + 1; float32(buckets) < want; {
		buckets *= 2
	}
	position := make(map[string]int, len(inserted))
	for i, k := range inserted {
		position[k] = i - len(inserted) // negative: before the others
	}
	type item struct {
		key  string
		hash uint32
	}
	items := make([]item, 0, len(p))
	for k := range p {
		items = append(items, item{k, javaHash(k)})
	}
	wide := max(buckets, 16)
	slices.SortFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.hash&(buckets-1), b.hash&(buckets-1)), cmp.Compare(a.hash&(wide-1), b.hash&(wide-1)),
			cmp.Compare(position[a.key], position[b.key]), cmp.Compare(a.key, b.key))
	})
	keys := make([]string, len(items))
	for i := range items {
		keys[i] = items[i].key
	}
	return keys
}

// javaHash is java.util.HashMap's spread of String.hashCode.
func javaHash(s string) uint32 {
	var h uint32
	for _, r := range s {
		if r > 0xffff {
			hi, lo := utf16.EncodeRune(r)
			h = (h*31+uint32(hi))*31 + uint32(lo)
			continue
		}
		h = h*31 + uint32(r)
	}
	return h ^ h>>16
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
