package primitive

import (
	"context"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

const (
	converters = "org.apache.kafka.connect.converters."
	storage    = "org.apache.kafka.connect.storage."
)

var (
	converterType = config.String("converter.type").Required().Importance(config.Low).
			ValidValues("key", "value", "header").Doc("How this converter will be used.")
	encoding = config.String("converter.encoding").Default("UTF-8").Importance(config.High).Width(config.WidthMedium).
			DisplayName("Encoding").Doc("The name of the Java character set to use for encoding strings as byte arrays.")
	typeDef   = config.NewDef(converterType)
	stringDef = config.NewDef(converterType, encoding)
)

// codec is what the converters of this package differ in.
type codec interface {
	configure(v config.Values) error
	append(dst []byte, d data.Datum) (out []byte, ok bool, err error)
	decode(b []byte) (data.Datum, error)
}

// kind is one converter class.
type kind struct {
	pkg, name, summary string
	def                *config.Def
	make               func() codec
}

var (
	stringKind  = kind{storage, "String", "Text in a character set.", stringDef, func() codec { return new(text) }}
	bytesKind   = kind{converters, "ByteArray", "Bytes as they are.", typeDef, func() codec { return rawBytes{} }}
	booleanKind = kind{converters, "Boolean", "One byte, 0 or 1.", typeDef, func() codec { return boolean{} }}
	shortKind   = kind{converters, "Short", "16-bit integers, big-endian.", typeDef, func() codec { return short }}
	integerKind = kind{converters, "Integer", "32-bit integers, big-endian.", typeDef, func() codec { return integer }}
	longKind    = kind{converters, "Long", "64-bit integers, big-endian.", typeDef, func() codec { return long }}
	floatKind   = kind{converters, "Float", "Single precision numbers, IEEE 754 big-endian.", typeDef, func() codec { return float }}
	doubleKind  = kind{converters, "Double", "Double precision numbers, IEEE 754 big-endian.", typeDef, func() codec { return double }}
	kinds       = []kind{stringKind, bytesKind, booleanKind, shortKind, integerKind, longKind, floatKind, doubleKind}
)

func (k kind) plugin(version string) connect.Plugin[connect.Converter] {
	return connect.Plugin[connect.Converter]{
		Name: k.pkg + k.name + "Converter", Aliases: []string{k.name + "Converter", k.name}, Version: version, Summary: k.summary,
		Config: k.def, New: func() connect.Converter { return converter{k.make()} },
	}
}

func (k kind) header(version string) connect.Plugin[connect.HeaderConverter] {
	return connect.Plugin[connect.HeaderConverter]{
		Name: k.pkg + k.name + "Converter", Aliases: []string{k.name + "Converter", k.name}, Version: version, Summary: k.summary,
		Config: k.def, New: func() connect.HeaderConverter { return headerConverter{k.make()} },
	}
}

// Plugins are all converters of this package, of the given version.
func Plugins(version string) []connect.Plugin[connect.Converter] {
	out := make([]connect.Plugin[connect.Converter], len(kinds))
	for i, k := range kinds {
		out[i] = k.plugin(version)
	}
	return out
}

// HeaderPlugins are all header converters of this package, of the given version.
func HeaderPlugins(version string) []connect.Plugin[connect.HeaderConverter] {
	out := make([]connect.Plugin[connect.HeaderConverter], len(kinds))
	for i, k := range kinds {
		out[i] = k.header(version)
	}
	return out
}

// String is org.apache.kafka.connect.storage.StringConverter of the given version.
func String(version string) connect.Plugin[connect.Converter] { return stringKind.plugin(version) }

// StringHeader is StringConverter for headers.
func StringHeader(version string) connect.Plugin[connect.HeaderConverter] {
	return stringKind.header(version)
}

// ByteArray is org.apache.kafka.connect.converters.ByteArrayConverter of the given version.
func ByteArray(version string) connect.Plugin[connect.Converter] { return bytesKind.plugin(version) }

// ByteArrayHeader is ByteArrayConverter for headers.
func ByteArrayHeader(version string) connect.Plugin[connect.HeaderConverter] {
	return bytesKind.header(version)
}

type converter struct{ codec }

var _ connect.Converter = converter{}

func (c converter) Configure(v config.Values, _ bool) error { return c.configure(v) }

func (c converter) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	return present(c.append(dst, d))
}

func (c converter) Decode(_ context.Context, _ string, _ connect.WireHeaders, b []byte) (data.Datum, error) {
	return c.decode(b)
}

func (converter) Close() error { return nil }

type headerConverter struct{ codec }

var _ connect.HeaderConverter = headerConverter{}

func (c headerConverter) Configure(v config.Values) error { return c.configure(v) }

func (c headerConverter) AppendHeader(_ context.Context, dst []byte, _, _ string, d data.Datum) ([]byte, bool, error) {
	return present(c.append(dst, d))
}

func (c headerConverter) DecodeHeader(_ context.Context, _, _ string, b []byte) (data.Datum, error) {
	return c.decode(b)
}

func (headerConverter) Close() error { return nil }

// present keeps an empty text or value apart from null for callers that look at the slice: appending nothing to nil gives nil.
func present(out []byte, ok bool, err error) ([]byte, bool, error) {
	if ok && out == nil {
		out = []byte{}
	}
	return out, ok, err
}
