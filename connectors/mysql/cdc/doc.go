// Package cdc is the MySQL change data capture connector, a drop-in for Debezium's io.debezium.connector.mysql.MySqlConnector: a
// consistent snapshot, then the binary log from that position, as records with Debezium's topics, schemas, headers and offsets.
//
// # How it runs
//
// One task. Its reader goroutine goes through
//
//	recover offset and schema history → snapshot (if snapshot.mode asks for one) → streaming
//	                                  ↘ what an interrupted snapshot left, read beside the stream ↗
//
// and fills a bounded queue of batches; Poll hands them out one at a time, whatever is there at once. The reader of the binary log
// decodes on the connection's goroutine: what does not fit into the queue stays in the socket.
//
//	task.go      life cycle, offsets and schema history at start
//	snapshot.go  table definitions and the end; snapshotlock.go: locks and position; snapshotread.go: rows, by several threads
//	resume.go    an interrupted snapshot goes on; progress.go: what the offset says of it
//	incremental.go  tables read in chunks beside the stream; job.go, window.go, watermark.go, keyrange.go: its parts
//	reselect.go  post.processors; naming.go: topic.naming.strategy; historyfile.go: the schema history in a file; notes.go: keys without effect
//	signal.go    what signals ask for; signalchannel.go: where they come from; blocking.go; notify.go: what is told of it all
//	stream.go    connection to the binary log, reconnecting; events.go: what each event does
//	query.go     statements, DDL among them; status.go: the session they ran in; payload.go: compressed transactions
//	cursor.go    the position in the stream and Debezium's restart rule
//	queue.go     batches between reader and Poll
//	envelope.go  records; schemachange.go: DDL records
//	offset.go    the resumable state, in Debezium's JSON
//
// # Restart rule
//
// An offset names the start of a transaction that can be read again, the events to skip in it, and the rows to skip in the event
// after those (BinlogOffsetContext). A record's offset says "all up to and including this row is done", so of the records of one row
// (a changed primary key gives three) only the last one carries it; the others carry the offset before the row. Java gives it to all
// three and loses the rest of the row when it dies between them.
//
// # Ownership
//
// Rows alias the packets of the binary log, which are never written to again. Structs are cut from the batch's memory, which is used
// again once the runtime recycles the batch. Offsets are never recycled.
package cdc
