package rest

import (
	"cmp"
	"slices"
	"unicode/utf16"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest/api"
)

// storedConfig shows a config as it was read from the config topic: in the order of the java.util.HashMap that Kafka Connect's
// JsonConverter fills, so that answers can be compared with a Java worker's text by text.
func storedConfig(p config.Props) api.Config {
	return api.ConfigOf(p, hashOrder(keysOf(p), grow(16, len(p))))
}

// patchedConfig shows a config that was made by changing a copy of another one (Java: ConnectUtils.patchConfig).
func patchedConfig(p config.Props, sizeBefore int) api.Config {
	return api.ConfigOf(p, hashOrder(keysOf(p), grow(tableSize(sizeBefore), len(p))))
}

// tableSize is how many buckets a copy of a map with n entries has.
func tableSize(n int) int {
	buckets := 1
	for float32(buckets) < float32(n)/0.75+1 {
		buckets *= 2
	}
	return buckets
}

// grow doubles the buckets of a HashMap until n entries fit.
func grow(buckets, n int) int {
	for 4*n > 3*buckets {
		buckets *= 2
	}
	return buckets
}

func keysOf(p config.Props) []string {
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	return keys
}

// hashOrder puts keys in the order of a java.util.HashMap of that many buckets, a power of two. Keys of one bucket, which Java keeps in
// the order they came, are sorted.
func hashOrder(keys []string, buckets int) []string {
	slices.SortFunc(keys, func(a, b string) int {
		mask := uint32(buckets - 1)
		return cmp.Or(cmp.Compare(javaHash(a)&mask, javaHash(b)&mask), cmp.Compare(a, b))
	})
	return keys
}

// javaHash is java.util.HashMap's spread of String.hashCode.
func javaHash(s string) uint32 {
	var h uint32
	for _, u := range utf16.Encode([]rune(s)) {
		h = h*31 + uint32(u)
	}
	return h ^ h>>16
}
