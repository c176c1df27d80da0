// Package assign decides which worker of a group runs which connector instance and task. It is pure: the same input gives the same
// answer, time comes in as an argument, and all memory is the State that the leader keeps between rounds.
//
// Two strategies, chosen by the version of the protocol that the group agreed on:
//
//   - eager (v0): everything is dealt out anew in every round, round robin
//     (org.apache.kafka.connect.runtime.distributed.EagerAssignor).
//   - incremental cooperative (v1, v2; KIP-415): running work stays where it is. Work that must move is revoked in one round and
//     assigned in the next. The work of a worker that vanished is held back for scheduled.rebalance.max.delay.ms, so that a bouncing
//     worker finds it again; successive revoking rounds are spaced by an exponential backoff
//     (org.apache.kafka.connect.runtime.distributed.IncrementalCooperativeAssignor of Kafka 4.x).
//
// Where Java iterates over a hash map the order here is that of the member ids, so that scenarios are reproducible.
//
// One thing goes beyond Java: work of a member that is known to have left in order (State.Depart) is handed over at once. The group
// protocol itself does not tell the leader whether a missing member left or died, so somebody has to tell it.
//
// Another thing does too: not every member may have every plugin (Can), in a group with Kafka Connect workers or while an upgrade rolls.
//
// How to use it, on the leader:
//
//	grants, state = assign.Assign(time.Now(), state, round, snapshot, maxDelay, can)
package assign
