// Package takeover holds the tests of changing over from a Java Kafka Connect cluster to connectd and back, on the same three topics and
// in the same group, with running connectors. They are behind the build tag "integration" and need Kafka and MySQL of test/bed.
package takeover
