// Package data is the value model of connectd: schemas, values and structs, the counterpart of org.apache.kafka.connect.data.
//
// A [Value] is 24 bytes and holds scalars, text, dates and small decimals without allocating. A [Schema] is immutable and shared;
// its pointer is the cache key of every converter and transform. A [Struct] is a row: a schema and one value per field, reached by
// ordinal. Names are resolved to ordinals once per schema ([Schema.Index]), never per record.
//
// # Rules
//
//   - Nothing reachable from a value changes once the value has left the code that built it (invariant 7 of docs/ARCHITECTURE.md).
//     Under build tag "invariants", Set panics on a struct that was published with [Of].
//   - [Text] and [Bytes] alias the caller's memory: it must never change while the value lives. [Value.Clone] copies.
//   - A schema has a physical kind ([Schema.Kind]: what converters and transforms switch on) and a logical kind
//     ([Schema.Logical], by name: Decimal, Date, Time, Timestamp). A value carries the logical kind, also without a schema.
//   - No type of this package is safe for concurrent writes; reading shared values, schemas and structs is.
package data
