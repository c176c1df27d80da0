// Package store keeps the cluster's state in Kafka topics, in Kafka Connect's own record formats: [Config] (connectors, tasks, target
// states), [Offsets] (source offsets) and [Status] (what is seen of connectors and tasks). Java workers read what is written here and
// the other way round. (org.apache.kafka.connect.storage.Kafka{Config,Offset,Status}BackingStore)
//
// # Contract
//
//   - A constructor starts nothing. Run creates the topic if it is missing, checks it, reads it from its start, follows it, and returns
//     when its context is done (nil), or with an error that only the user can heal: a topic with the wrong cleanup policy, too many
//     partitions, no permission. Lost brokers are waited for.
//   - ReadToEnd waits until everything that was in the topic at the call is visible; before that the stores look empty.
//   - Records that are corrupt or of an unknown kind are logged and passed over, never fatal.
//   - All methods are safe for concurrent use.
//
// # Config
//
// A [cluster.Snapshot] is immutable and published by an atomic pointer: in place during the first read, once at its end, then once per
// fetch. Task configs become visible with the commit record that counts them; a commit with fewer task configs than it counts leaves
// the connector inconsistent. What the leader writes is fenced (one transaction, transactional id connect-cluster-<group.id>) where
// exactly.once.source.support asks for it; target states and logger levels never are.
//
// # Memory twins
//
// [MemoryConfig], [MemoryOffsets] and [MemoryStatus] behave the same without Kafka; NewMemoryOffsets can keep a JSON file for standalone
// workers.
package store
