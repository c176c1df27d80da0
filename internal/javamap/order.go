package javamap

import (
	"slices"
	"unicode/utf16"
)

// Order sorts keys into the order of a map with that many buckets, a power of two. Keys of one bucket keep the order they come in.
func Order(keys []string, buckets int) []string {
	mask := uint32(buckets - 1)
	slices.SortStableFunc(keys, func(a, b string) int { return int(Hash(a)&mask) - int(Hash(b)&mask) })
	return keys
}

// Grow doubles the buckets of a map until n keys fit.
func Grow(buckets, n int) int {
	for 4*n > 3*buckets {
		buckets *= 2
	}
	return buckets
}

// Default is how many buckets a map has that was made empty and has n keys.
func Default(n int) int { return Grow(16, n) }

// CopyOf is how many buckets a copy of a map with n keys has.
func CopyOf(n int) int {
	buckets := 1
	for float32(buckets) < float32(n)/0.75+1 {
		buckets *= 2
	}
	return buckets
}

// Hash is the spread of String.hashCode.
func Hash(s string) uint32 {
	var h uint32
	for _, u := range utf16.Encode([]rune(s)) {
		h = h*31 + uint32(u)
	}
	return h ^ h>>16
}
