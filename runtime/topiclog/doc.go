// Package topiclog uses a topic as a log: it reads the topic from its beginning, follows it, and writes to it.
// (org.apache.kafka.connect.util.KafkaBasedLog)
//
// # Contract
//
//   - A constructor starts nothing. [Log.Run] owns the reading and returns when its context is done.
//   - Config.OnRecord gets every record, in order within a partition, and Config.OnBatch the end of what was fetched together, both
//     from the one goroutine that calls Run. They must not call back into the Log.
//   - [Log.ReadToEnd] returns once OnRecord and OnBatch have seen everything that was in the topic when it was called; with
//     ReadCommitted, everything that was decided. It works over compaction holes, transaction markers and aborted records.
//   - Reading never gives up: lost brokers and failed fetches are retried with back-off for as long as Run's context lives, from
//     where reading stopped, and told to Config.OnState. A panic in OnRecord is logged with the record's offset, and the record passed over.
//   - [Writer.Write] returns when its records are durable. A writer with a transactional id writes them in one transaction, after
//     [Writer.Claim], which fences every earlier owner of the id; see [ErrFenced].
package topiclog
