// Package connect is the SDK of connectd: what a connector, transformation, predicate, converter, header converter or config
// provider implements, and what it gets from the runtime. Plugin authors import connect, connect/data and connect/config, and nothing
// of runtime.
//
// # Life cycle
//
// A plugin is a value ([Plugin]) with a config declaration and a constructor; nothing happens at import. The runtime makes a fresh
// instance, configures or starts it, uses it, and stops or closes it exactly once. Abilities beyond the required interface
// ([Validator], [Committer], [Recycler], …) are found by type assertion.
//
// # Ownership
//
// A record's envelope may be edited in place; the values inside may only be replaced (package data). What Poll returns belongs to the
// runtime until [Recycler] gives it back. What Put gets belongs to the task for the call; to keep a record while its batch goes,
// [SinkRecord.Clone] it.
//
// # Delivery
//
// Sources: an offset is stored only after every earlier record of its source partition is acknowledged by Kafka or deliberately
// dropped. Sinks: an offset is committed only after the record is durable in the sink or in the dead-letter topic, or deliberately
// dropped. The order within a source partition and within a topic partition is kept.
//
// # Errors
//
// [Retriable] errors make the runtime wait and call again; a [*PutError] names the records of a batch that failed; any other error
// fails the task, unless errors.tolerance lets the record be skipped.
package connect
