package json

import "unsafe"

// bytesOf is s without a copy; do not modify.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
