// Package takeover holds the tests of changing over from a Java Kafka Connect cluster to connectd and back, on the same three topics and
// in the same group, with running connectors. They are behind the build tag "integration" and need Kafka and MySQL of test/bed.
//
// TAKEOVER_VARIANTS=all runs the MariaDB variants too: they need MariaDB of test/bed, and BED_CONNECT_PLUGINS, a folder of plugins with
// Debezium's MariaDB connector 3.6.1, which is none of the bed's.
package takeover
