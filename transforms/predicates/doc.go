// Package predicates holds the predicates of Apache Kafka Connect (KIP-585), under their Java class names.
//
// A predicate is used by one goroutine, keeps nothing of a record and does not change it.
package predicates
