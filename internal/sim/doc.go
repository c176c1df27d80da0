// Package sim tests whole clusters: several workers in one process, wired as cmd/connectd wires them but without REST, over one
// in-process Kafka, in a bubble of virtual time. Workers are killed, brokers fail, connectors hang, and at the end every record is
// counted at the far end.
//
//	bed        the Kafka cluster, its faults, the workers, and the ledger of live task instances (bed_test.go)
//	node       one worker (node_test.go)
//	plugins    a source that counts, a sink that collects, and what they do wrong when told to (plugins_test.go)
//	scenarios  one failure each (the other files); random_test.go: seeded sequences of them
//
// The ledger fails a test as soon as two instances of one task are at work that are neither dead nor past their stop deadline
// (invariants 3 and 5 of docs/ARCHITECTURE.md).
package sim
