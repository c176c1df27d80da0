// Package pipeline runs the chain every record passes: transforms with their predicates, converters, and what happens to a record that
// fails (errors.retry.*, errors.tolerance, errors.log.*, the dead-letter topic). Source and sink tasks share this package only.
//
// # Contract
//
//   - A [Chain] serves one task. Transform, Encode and Decode are called from one goroutine; [Chain.Fail] from any.
//   - A stage is tried again as long as its error is [connect.Retriable] and errors.retry.timeout allows. After that errors.tolerance
//     decides: none makes the call return a [*StageError], all skips the record, logs it and sends it to the dead-letter topic.
//   - A panic of a stage becomes an error that names the stage. It is never retried.
//   - A record that fails is left as it was before the failing stage; values are never modified (invariant 7).
//   - A skipped or filtered record counts as handled: its offset moves on (invariants 1 and 2).
//   - A dead letter is durable before the offset of its record is committed: [DeadLetter.Oldest] and [DeadLetter.Flush].
//
// The counterpart of org.apache.kafka.connect.runtime.TransformationChain and .errors.RetryWithToleranceOperator (KIP-298, KIP-610).
package pipeline
