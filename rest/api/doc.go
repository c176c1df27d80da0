// Package api holds the requests and answers of the REST API as Go types, named after the classes of
// org.apache.kafka.connect.runtime.rest.entities. Fields are in the order of Kafka Connect's answers.
//
// It is a leaf: servers, workers that talk to each other and clients share it. It has no behaviour but the reading and writing of
// JSON; all types are plain values, safe to copy, not safe to change while another goroutine reads.
package api
