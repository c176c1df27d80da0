package transforms

import (
	"slices"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

const (
	apachePrefix   = "org.apache.kafka.connect.transforms."
	debeziumPrefix = "io.debezium.transforms."
)

// Plugins are all transforms: those of Apache Kafka with the version given first, Debezium's with the second.
func Plugins(version, debeziumVersion string) []connect.Plugin[connect.Transform] {
	var out []connect.Plugin[connect.Transform]
	add := func(class, version, summary string, def *config.Def, make func() connect.Transform) {
		out = append(out, connect.Plugin[connect.Transform]{
			Name: class, Aliases: []string{class[strings.LastIndexByte(class, '.')+1:]}, Version: version, Summary: summary,
			Config: def, New: make,
		})
	}
	for _, a := range sided {
		for _, s := range []struct {
			suffix string
			side   side
		}{{"$Key", keySide}, {"$Value", valueSide}} {
			add(apachePrefix+a.name+s.suffix, version, a.summary, a.def, func() connect.Transform { return a.make(s.side) })
		}
	}
	for _, a := range plain {
		add(apachePrefix+a.name, version, a.summary, a.def, a.make)
	}
	for _, a := range debezium {
		add(debeziumPrefix+a.name, debeziumVersion, a.summary, a.def, a.make)
	}
	return out
}

// sided are the transforms with a $Key and a $Value class.
var sided = []struct {
	name, summary string
	def           *config.Def
	make          func(side) connect.Transform
}{
	{"Cast", "Casts fields or the whole key or value to a type.", castDef, newCast},
	{"ExtractField", "Replaces the key or value by one of its fields.", extractFieldDef, newExtractField},
	{"Flatten", "Flattens nested structs and maps.", flattenDef, newFlatten},
	{"HeaderFrom", "Moves or copies fields to headers.", headerFromDef, newHeaderFrom},
	{"HoistField", "Wraps the key or value into a struct or map of one field.", hoistFieldDef, newHoistField},
	{"InsertField", "Adds fields of record metadata or a fixed value.", insertFieldDef, newInsertField},
	{"MaskField", "Masks fields with a null value of their type or a replacement.", maskFieldDef, newMaskField},
	{"ReplaceField", "Drops or renames fields.", replaceFieldDef, newReplaceField},
	{"SetSchemaMetadata", "Sets the schema's name or version.", setSchemaMetadataDef, newSetSchemaMetadata},
	{"TimestampConverter", "Converts timestamps between text, Unix time and Connect's types.", timestampConverterDef, newTimestampConverter},
}

// plain are the transforms of whole records.
var plain = []struct {
	name, summary string
	def           *config.Def
	make          func() connect.Transform
}{
	{"DropHeaders", "Removes headers.", dropHeadersDef, func() connect.Transform { return new(dropHeaders) }},
	{"Filter", "Drops every record; meant to be used with a predicate.", filterDef, func() connect.Transform { return filter{} }},
	{"InsertHeader", "Adds a header with a fixed value.", insertHeaderDef, func() connect.Transform { return new(insertHeader) }},
	{"RegexRouter", "Renames topics by a regular expression.", regexRouterDef, func() connect.Transform { return new(regexRouter) }},
	{"TimestampRouter", "Puts the record's timestamp into the topic.", timestampRouterDef, func() connect.Transform { return new(timestampRouter) }},
	{"ValueToKey", "Makes the key of fields of the value.", valueToKeyDef, func() connect.Transform { return new(valueToKey) }},
}

// debezium are Debezium's transforms.
var debezium = []struct {
	name, summary string
	def           *config.Def
	make          func() connect.Transform
}{
	{"ExtractNewRecordState", "Replaces a change event by the row after the change.", unwrapDef, func() connect.Transform { return new(unwrap) }},
}

// replaceNull declares replace.null.with.default (KIP-1040).
func replaceNull() *config.Key[bool] {
	return config.Boolean("replace.null.with.default").Default(true).Doc(
		"Whether to replace fields that have a default value and that are null to the default value. When set to true, the default value is used, otherwise null is used.")
}

// distinctList declares a list whose repeated elements are removed before it is checked, as ConfigDef does for keys with a ValidList.
func distinctList(name string, emptyAllowed bool) *config.Key[[]string] {
	return config.List(name).Valid(config.Distinct(emptyAllowed, false)).ParseWith(func(text string) ([]string, error) {
		out := []string{}
		if text == "" {
			return out, nil
		}
		for _, s := range strings.Split(text, ",") {
			if s = javaTrim(s); !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
		return out, nil
	})
}
