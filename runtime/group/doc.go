// Package group makes a worker a member of its group: it joins, receives work, heartbeats and leaves, through the classic group
// protocol of Kafka with protocol type "connect", byte for byte as Kafka Connect workers do, so that both kinds of worker can share a
// group (org.apache.kafka.connect.runtime.distributed.WorkerCoordinator and WorkerGroupMember; KIP-415, KIP-507).
//
// A Member tells what happens on Changes, in order, and is told by Rejoin, Leave and Ready:
//
//	outside ──JoinGroup──▶ joining ──SyncGroup──▶ syncing ──Joined──▶ stable ──rebalance, Rejoin, delay over──▶ joining
//	   ▲                                                                │ Leave
//	   └── session lost: Left ─────────────────────────────────────────┤
//	   └── Rejoin ── away ◀── leaving ◀──Ready── quitting ◀── Left ─────┘
//
// Rules that the herder can rely on, and has to keep:
//
//   - Under compatible and sessioned, running work is not touched by a rebalance. Joined.Grant.Revoked has to be stopped; after
//     Ready(Joined.Seq) the member rejoins by itself, so that the leader can give it to others.
//   - Under eager, Revoking comes before every JoinGroup if there is work, and also when a cooperative group falls back to eager; after
//     Ready(Revoking.Seq) the member joins.
//   - Left takes all work away. The member joins again after Ready(Left.Seq); after Leave only when Rejoin is called, and the coordinator
//     is told of the leave only after Ready.
//   - Ready is cumulative: Ready(n) confirms all changes up to n. Until then the member keeps heartbeating and does not join, whatever
//     happens in the group (invariant 5).
//   - The member rejoins by itself when Grant.Delay has passed.
//   - After a Joined with an error, or with a ConfigOffset other than its own, the herder reads its config log to the end and calls
//     Rejoin if they still differ (DistributedHerder.handleRebalanceCompleted).
//   - UNKNOWN_MEMBER_ID and ILLEGAL_GENERATION make the member join anew with the work it has, as in Java: it may have been away for less
//     than the rebalance delay. Work claimed twice is taken from both by the leader. When no coordinator answered for a session
//     time-out the member gives up its work (Left).
//
// Run is the only goroutine that lives as long as the member; each request to Kafka has a short-lived one, and all have ended when Run
// returns.
package group
