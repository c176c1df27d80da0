// Package transforms holds the single message transformations (SMTs) of Apache Kafka Connect 4.3 and Debezium 3.6, under their Java
// class names and with their configs, results and messages.
//
// # Contract
//
// A transform is used by one goroutine. Apply edits the record only after everything that can fail is done: on error the record is as
// it was. Values and headers that came in are never modified; new structs are cut from the transform's own small slabs. What depends on
// a schema is computed once per *data.Schema and kept in a bounded cache.
//
// Maps without a schema keep the order of their entries; new entries come last (Java's HashMap has no order).
//
// Regular expressions are in Java's syntax as far as Go's linear-time engine can serve it: look-around, back-references, possessive
// quantifiers and atomic groups are refused when the config is read. Date patterns are those of java.text.SimpleDateFormat, locale
// English, time zone UTC.
package transforms
