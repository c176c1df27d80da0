package simpleheader

import (
	"context"
	"unicode/utf8"
	"unsafe"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// Plugin is SimpleHeaderConverter of the given version. It has no config keys.
func Plugin(version string) connect.Plugin[connect.HeaderConverter] {
	return connect.Plugin[connect.HeaderConverter]{
		Name:    "org.apache.kafka.connect.storage.SimpleHeaderConverter",
		Aliases: []string{"SimpleHeaderConverter", "Simple"},
		Version: version,
		Summary: "Text; types are guessed when it is read.",
		Config:  config.NewDef(),
		New:     func() connect.HeaderConverter { return &converter{schemas: data.NewInterner(100)} },
	}
}

type converter struct{ schemas *data.Interner }

var _ connect.HeaderConverter = (*converter)(nil)

func (*converter) Configure(config.Values) error { return nil }

func (*converter) AppendHeader(_ context.Context, dst []byte, _, _ string, d data.Datum) ([]byte, bool, error) {
	if d.Value.IsNull() {
		return dst, false, nil
	}
	out := appendText(dst, d.Value, false)
	if out == nil {
		out = []byte{} // an empty text is no null
	}
	return out, true, nil
}

func (c *converter) DecodeHeader(_ context.Context, _, _ string, b []byte) (data.Datum, error) {
	if b == nil {
		return data.Datum{}, nil
	}
	if !utf8.Valid(b) {
		b = repair(b)
	}
	return c.parse(unsafe.String(unsafe.SliceData(b), len(b))), nil
}

func (*converter) Close() error { return nil }

func repair(b []byte) []byte {
	out := make([]byte, 0, len(b)+8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return out
}
