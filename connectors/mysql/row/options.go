package row

import (
	"time"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// DecimalMode is decimal.handling.mode.
type DecimalMode uint8

// The decimal modes.
const (
	DecimalPrecise DecimalMode = iota // Connect's Decimal
	DecimalDouble
	DecimalString
)

// BigintUnsignedMode is bigint.unsigned.handling.mode.
type BigintUnsignedMode uint8

// The modes of BIGINT UNSIGNED.
const (
	BigintUnsignedLong    BigintUnsignedMode = iota // INT64, wraps above 2^63-1
	BigintUnsignedPrecise                           // Connect's Decimal of scale 0
)

// BinaryMode is binary.handling.mode.
type BinaryMode uint8

// The binary modes.
const (
	BinaryBytes BinaryMode = iota
	BinaryBase64
	BinaryBase64URL
	BinaryHex
)

// TimePrecisionMode is time.precision.mode.
type TimePrecisionMode uint8

// The time precision modes.
const (
	TimeAdaptiveMicroseconds TimePrecisionMode = iota // adaptive_time_microseconds
	TimeConnect
	TimeISOString
	TimeMicroseconds
	TimeNanoseconds
)

// Options configure a codec; the zero value has Debezium's defaults (names apart).
type Options struct {
	// KeyName and ValueName name the two schemas, adjusted already: <topic>.Key and <topic>.Value.
	KeyName, ValueName string
	// KeyField, if set, is a last field of every key, of the fixed text KeyText: it tells tables apart that share a topic.
	KeyField, KeyText string

	Decimal        DecimalMode
	BigintUnsigned BigintUnsignedMode
	Binary         BinaryMode
	TimePrecision  TimePrecisionMode
	// NoTimeAdjuster is enable.time.adjuster=false: years 0–99 stay as they are, else 00–69 become 2000–2069, 70–99 1970–1999.
	NoTimeAdjuster bool
	// TinyintInt8 maps signed TINYINT to INT8 (Debezium 3.7) instead of INT16.
	TinyintInt8 bool
	// Location is the time zone of the connection whose text DecodeText reads: TIMESTAMP columns are shown in it. nil: UTC.
	Location *time.Location

	// Unavailable stands for large values that the log does not have (unavailable.value.placeholder).
	Unavailable string

	// KeyColumns overrides the key (message.key.columns), in this order; names without regard to case. nil: the table's key.
	KeyColumns []string
	// Rule tells what to do with a column: column.include/exclude.list, column.truncate/mask/propagate. nil: nothing. Called by New.
	Rule func(c *history.Column) Rule
	// Convert tells the custom converter of a column (converters); nil: none. Called by New.
	Convert func(c *history.Column) Conversion
	// FieldName adjusts a column's name (field.name.adjustment.mode); nil: none.
	FieldName func(name string) string
	// Comments puts column comments into the schemas (include.schema.comments).
	Comments bool
}

// Rule is what the column.* filters and mappers say of one column. Of Truncate, Mask and Hash the first that is set applies.
type Rule struct {
	Exclude bool // left out of the value; a key column stays in the key, unmasked
	// Truncate cuts text to this many characters (and bytes values to this many bytes) if HasTruncate.
	Truncate    int
	HasTruncate bool
	// Mask replaces text, null too, by this many asterisks if HasMask.
	Mask    int
	HasMask bool
	// Hash replaces text by its hash in hex; nil: none. The codec cuts it to the column's length, as Debezium does.
	Hash func(text []byte) string
	// Propagate adds the __debezium.source.column.* parameters to the schema.
	Propagate bool
}
