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
// # The mirror
//
// Reading the whole history takes as long as the history is. So a Store keeps the tables in a compacted topic beside it, one record a
// table ([StoreConfig].Tables, if the topics know offsets). The history remains what counts; without the mirror a start is slow, not
// wrong. What it promises: Recover gives the same model by the mirror as by the whole history.
//
//  1. The mirror is the fold of all documents of this server from the offset Base up to the offset Upto of the history, whatever their
//     positions. Documents are folded by the same code as in a recovery, when they were written, and in the order of their offsets: if
//     somebody else wrote in between (Debezium, a zombie), what came is read from the topic. Base is 0, or where the last snapshot began,
//     which records all tables anew.
//  2. Its header has bounds: positions such that, if they are at or before a stored offset, every folded document is. Only then it is
//     used. An offset that is older than some folded document (the task died after the statement and before its offset was stored) is
//     recovered from the whole history.
//  3. The header has the fingerprint of the document before Upto. It must be in the history at that offset; then the documents from Upto
//     on are applied by the usual rule, whoever wrote them, and were they written before a crash kept the mirror from getting them.
//  4. The header has the number of the records and the sum of their hashes. If they do not fit (a write that was cut off, a zombie's
//     records, retention), or lower_case_table_names or schema.history.internal.ddl.filter is another, or prefer.ddl asks for the texts,
//     the whole history is read, and the mirror written anew.
//  5. If the history is not the one of the fingerprint (deleted, cut off at its end), the mirror alone gives the model, provided that the
//     stored offset says so: it holds [Store.Covered], which is Upto, and which Debezium drops when it takes over. The tables are then
//     written into the history again. If only documents before Upto are gone, rule 3 holds, and nothing is missing.
//  6. No error of the mirror's topic fails the task. The run goes on without, and what is in the topic stays true by 2 to 4.
//
// A Model, a Store and a Parser belong to one goroutine; tables may be read from any.
package history
