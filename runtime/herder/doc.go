// Package herder is the shell around package core: one goroutine ([Herder.Run]) that feeds it what happens in the group, the config
// topic, the worker and REST, and performs its actions. Calls that take time run in goroutines of their own with the operation's
// deadline; their answers come back as core.Done. Reads (Snapshot, Status, Topics) never wait for the loop.
//
// The counterpart of org.apache.kafka.connect.runtime.distributed.DistributedHerder.
package herder
