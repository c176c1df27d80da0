// Package sourcetask runs one instance of a source task: Poll, chain, producer, and the offsets of what Kafka has acknowledged.
//
// # Goroutines
//
// Run's own goroutine calls Start, Poll and Stop, one batch ahead of the second, which transforms, converts and produces. A third
// commits offsets every offset.flush.interval.ms. With [Config].Threads, lanes (fanout.go) convert the records of large batches ahead of
// their turn; they are started by the second, end with it, and never produce. All end before Run returns. Promises run on the producer's
// goroutine: they never block, produce or share a lock with Poll.
//
// # Invariants
//
//   - Invariant 1: an offset is written only after every earlier record of its source partition was acknowledged or deliberately
//     dropped. Each poll makes one segment per source partition; only the prefix of segments that are complete is committed.
//   - Invariant 3: an abandoned instance writes no offset and reports nothing ([Task.Abandon]).
//   - Invariant 6: records of a source partition are produced in the order of Poll.
//   - Memory of a batch (its block) is used again only once all its records were acknowledged without error and no earlier record of
//     their partitions is outstanding. The task's own records go back once they are converted; if somebody has to hear of them, once each was
//     acknowledged or dropped.
//
// # Transactions
//
// With [Config].Transaction the task is exactly-once (KIP-618): the sender writes records and their offsets in transactions of the
// task's own producer and ends them itself, so there is no commit goroutine. RecordCommitted and Committed, and Recycle for a task that has
// RecordCommitted, are called behind the commit. Any record or offset that Kafka refuses fails the task, and its transaction is aborted. A producer that was fenced never takes
// its transactional id back within a run. (org.apache.kafka.connect.runtime.ExactlyOnceWorkerSourceTask)
//
// # Stop
//
// When Run's context ends: no more Poll, what was polled is sent, acknowledgements are awaited for at most CommitTimeout, the offsets
// are committed, then the task's Stop is called. (org.apache.kafka.connect.runtime.WorkerSourceTask)
package sourcetask
