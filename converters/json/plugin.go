package json

import (
	"context"
	"fmt"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

const (
	className     = "org.apache.kafka.connect.json.JsonConverter"
	summary       = "JSON, with the schema in an envelope or without."
	schemas       = "Schemas"
	serialization = "Serialization"
)

// The keys of org.apache.kafka.connect.json.JsonConverterConfig.
var (
	converterType = config.String("converter.type").Required().Importance(config.Low).
			ValidValues("key", "value", "header").Doc("How this converter will be used.")
	schemasEnable = config.Boolean("schemas.enable").Default(true).Importance(config.High).Group(schemas, 0).
			Width(config.WidthMedium).DisplayName("Enable Schemas").
			Doc("Include schemas within each of the serialized values and keys.")
	schemasCacheSize = config.Int("schemas.cache.size").Default(1000).Importance(config.High).Group(schemas, 1).
				Width(config.WidthMedium).DisplayName("Schema Cache Size").
				Doc("The maximum number of schemas that can be cached in this converter instance.")
	schemaContent = config.String("schema.content").Importance(config.High).Group(schemas, 2).
			Width(config.WidthMedium).DisplayName("Schema Content").
			Doc("When set, this is used as the schema for all messages, and the schemas within each of the message will be ignored." +
			"Otherwise, the schema will be included in the content of each message. This configuration applies only " +
			"'schemas.enable' is true, and it exclusively affects the sink connector.")
	decimalFormat = config.String("decimal.format").Default("BASE64").Valid(config.OneOfFold("BASE64", "NUMERIC")).
			Importance(config.Low).Group(serialization, 0).Width(config.WidthMedium).DisplayName("Decimal Format").
			Doc("Controls which format this converter will serialize decimals in. This value is case insensitive and can be " +
			"either 'BASE64' (default) or 'NUMERIC'")
	replaceNull = config.Boolean("replace.null.with.default").Default(true).Importance(config.Low).Group(serialization, 1).
			Width(config.WidthMedium).DisplayName("Replace null with default").
			Doc("Whether to replace fields that have a default value and that are null to the default value. When set to true, " +
			"the default value is used, otherwise null is used.")
	def = config.NewDef(converterType, schemasEnable, schemasCacheSize, schemaContent, decimalFormat, replaceNull)
)

// Plugin is JsonConverter for keys and values, of the given version.
func Plugin(version string) connect.Plugin[connect.Converter] {
	return connect.Plugin[connect.Converter]{
		Name: className, Aliases: []string{"JsonConverter", "Json"}, Version: version, Summary: summary, Config: def,
		New: func() connect.Converter { return new(Converter) },
	}
}

// HeaderPlugin is JsonConverter for headers, of the given version.
func HeaderPlugin(version string) connect.Plugin[connect.HeaderConverter] {
	return connect.Plugin[connect.HeaderConverter]{
		Name: className, Aliases: []string{"JsonConverter", "Json"}, Version: version, Summary: summary, Config: def,
		New: func() connect.HeaderConverter { return new(headerConverter) },
	}
}

// Converter converts keys and values. Configure it once before use.
type Converter struct {
	encoder   encoder
	decoder   decoder
	documents documents
}

var _ connect.Converter = (*Converter)(nil)

// Configure reads the settings. The error of a bad schema.content says where it is wrong.
func (c *Converter) Configure(v config.Values, _ bool) error { return c.configure(v) }

func (c *Converter) configure(v config.Values) error {
	size := max(int(schemasCacheSize.Get(v)), 1)
	enable, replace := schemasEnable.Get(v), replaceNull.Get(v)
	c.encoder = newEncoder(encoderConfig{
		envelope: enable, numeric: strings.EqualFold(decimalFormat.Get(v), "NUMERIC"), replaceNull: replace, cacheSize: size,
	})
	c.decoder = newDecoder(decoderConfig{envelope: enable, replaceNull: replace, cacheSize: size})
	if text := schemaContent.Get(v); text != "" {
		s, err := c.decoder.parseSchema([]byte(text))
		if err != nil {
			if isSyntax(err) {
				return fmt.Errorf("Failed to parse schema in converter config due to serialization error: %w", err)
			}
			return err
		}
		c.decoder.fixed = s
	}
	return nil
}

// Append encodes d at the end of dst. Without schema and value there are no bytes.
func (c *Converter) Append(_ context.Context, dst []byte, _ string, _ *connect.WireHeaders, d data.Datum) ([]byte, bool, error) {
	return c.encoder.appendDatum(dst, d)
}

// Decode parses b, which must not change while the value lives. nil is null.
func (c *Converter) Decode(_ context.Context, _ string, _ connect.WireHeaders, b []byte) (data.Datum, error) {
	return c.decoder.decode(b)
}

// Close does nothing.
func (c *Converter) Close() error { return nil }

type headerConverter struct{ c Converter }

var _ connect.HeaderConverter = (*headerConverter)(nil)

func (h *headerConverter) Configure(v config.Values) error { return h.c.configure(v) }

func (h *headerConverter) AppendHeader(_ context.Context, dst []byte, _, _ string, d data.Datum) ([]byte, bool, error) {
	return h.c.encoder.appendDatum(dst, d)
}

func (h *headerConverter) DecodeHeader(_ context.Context, _, _ string, b []byte) (data.Datum, error) {
	return h.c.decoder.decode(b)
}

func (h *headerConverter) Close() error { return nil }
