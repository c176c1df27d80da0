// Package memory shares the worker's memory for records under way among its tasks.
//
// A [Budget] has a limit; each task has an [Account] in it, which counts what the task holds: batches on their way to Kafka, fetched
// records that wait for the sink, the batch in hand. Counting never fails, since the bytes are there already; a task asks [Account.Room]
// before it takes more on.
//
// # Who gets room
//
//   - A task below its guaranteed minimum always does: a task that holds much and moves nothing cannot stop another (no deadlock).
//   - As long as three quarters of the limit are free of use, everybody does.
//   - The last quarter is for tasks that hold less than an equal share, as long as the minima that others may still claim fit in.
//
// So the limit is passed by at most what one batch of each task is larger than expected. Counts are published to the budget in grains of
// 64 KiB: the data path touches the task's own counter only.
package memory
