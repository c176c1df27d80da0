// Package sinktask runs one instance of a sink task: it reads the topics as a member of the connector's consumer group, converts, and
// hands batches to the task.
//
// # Goroutines
//
// The loop, Run's own goroutine, calls all methods of the task. The fetcher polls Kafka when the loop asks. Callbacks of the consumer
// group hand a request to the loop and wait for its answer: one goroutine for both would hang, since a poll waits for a running
// callback.
//
//	assign  Open; the offsets that Seek asked for go in before the first fetch (AdjustFetchOffsetsFn)
//	revoke  PreCommit, Close(lost=false), synchronous commit; a held batch loses the partitions
//	lost    Close(lost=true), no commit
//
// # States of a batch
//
//	polled ──Put ok──▶ taken: its offsets are given to PreCommit
//	       ──Retriable──▶ held: no poll; rebalances and commits go on; the same batch is put again
//	       ──*PutError──▶ the failed records go to errors.tolerance, the others are taken
//	       ──other error──▶ the task fails; its offsets are not committed
//
// # Invariants
//
//   - Invariant 2: an offset is committed only if the task returned it from PreCommit, it is not above what was put, and every dead
//     letter below it is durable.
//   - Invariant 3: an abandoned instance commits and reports nothing ([Task.Abandon]).
//   - Invariant 6: records of a topic partition are put in the order of their offsets, retries included.
//
// A call of the task that takes longer than max.poll.interval.ms makes the member leave its group, so that others get the partitions;
// when the call has returned, the partitions are closed as lost and the task joins again.
// (org.apache.kafka.connect.runtime.WorkerSinkTask)
package sinktask
