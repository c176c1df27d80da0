package jsontext

import (
	"bytes"
	"testing"
)

func BenchmarkAppendPairs(b *testing.B) {
	in := bytes.Repeat([]byte("plain text "), 20)
	dst := make([]byte, 0, 1024)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendPairs(dst[:0], in)
	}
}
