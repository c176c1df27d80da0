// Package bench compares connectd with Java Kafka Connect and Debezium, and with what the machine can do at all, in one run on one machine:
// `make bench-peers`.
//
// The measuring is in tests behind the build tag "bench", which need Kafka, MySQL and the Java worker of test/bed. What is here needs none
// of them: the runs as they are kept in results.json, and their rendering as tables and plots in docs/benchmarks.md, which can be done again
// at any time:
//
//	go test ./bench -run TestPage -update
//
// Peers are connectd, the Java worker ("java", and "java-tuned" with a small heap), and "bare": a loop written for the one table, without
// a runtime, in a process of its own. What bare reaches is the raw limit.
package bench
