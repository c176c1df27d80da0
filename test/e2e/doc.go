// Package e2e holds the tests of the whole binary against the real systems of test/bed: connectd processes, Kafka, MySQL,
// Elasticsearch and HDFS. They are behind the build tag "integration" and take the addresses from the environment (`test/bed/bed env`).
package e2e
