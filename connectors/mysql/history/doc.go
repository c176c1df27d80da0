// Package history holds the table definitions of a MySQL server: a model of all tables, the DDL parser that keeps it current, and the
// schema history topic in Debezium's format.
//
//   - A [Table] is immutable once it was put into a [Model]; DDL makes new tables. Row codecs may keep the pointer as a version.
//   - [Parser.Apply] parses one statement, changes the model and returns the [Change] list that Debezium would have recorded: one entry
//     per table, with the text it would have stored. A statement that cannot be applied is a [*ParseError], which names the table if
//     that can be guessed: the caller reads SHOW CREATE TABLE of that table alone and calls [Parser.FromShowCreate]. Nothing here
//     panics on any input.
//   - A [Document] is one record of the schema history topic, as io.debezium.relational.history.HistoryRecord writes and reads it.
//   - A [Store] appends documents to a connect.TopicLog and recovers the model as of a [Position].
//
// The parser is a small one of its own: it reads what changes columns, keys and character sets and passes over every other clause, so
// that syntax of newer servers does not stop it. Documents keep type names and defaults as they were written (INTEGER, 1.50), and
// spatial types, SRID, INVISIBLE, START TRANSACTION after CREATE TABLE and nested default expressions must be read: the maintained
// parser of TiDB gives neither.
//
// A Model, a Store and a Parser belong to one goroutine; tables may be read from any.
package history
