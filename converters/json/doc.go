// Package json is org.apache.kafka.connect.json.JsonConverter: Connect data as JSON, with the schema in an envelope
// {"schema":…,"payload":…} or without.
//
// # Contract
//
// Output is byte for byte that of Kafka Connect, with one freedom taken: entries of a map come in the order of the value, where Java's
// come in the order of a HashMap. The order of schemas and structs is the declared one.
//
// Invariant 1: on a warm converter [Converter.Append] allocates nothing but what dst grows by. What a schema decides (the rendered
// schema, field names with quotes and colon, rendered defaults) is computed once per *data.Schema and copied for each record.
//
// Invariant 2: the same schema text gives the same *data.Schema, as long as it stays in the cache (schemas.cache.size), and so do
// texts that differ but mean the same.
//
// Invariant 3: whatever the input, Decode returns; nesting beyond 1,000 levels and numbers beyond 1,000 characters are errors, as in
// Jackson's StreamReadConstraints.
//
// Texts without escapes alias the input of Decode. Structs, lists and schemaless numbers of up to 64 records are cut from shared
// memory: a value kept for long is to be cloned (data.Value.Clone).
//
// A Converter serves one task and is not safe for concurrent use.
//
// # Unlike Java
//
//   - A lone surrogate escape (\ud800) becomes U+FFFD; Java keeps it and fails when it writes the value.
//   - Input must be UTF-8 (a byte order mark is skipped); Jackson also detects UTF-16 and UTF-32.
//   - An empty name or doc of a schema is none.
//   - A schema named as a logical type over another physical type (Date over int64) stays what its type says.
package json
