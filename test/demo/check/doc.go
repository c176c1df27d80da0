// Command check compares what the demo moved: every row in MySQL with its document in Elasticsearch, by id and field,
// and every record in the Kafka topics with the lines of the files in HDFS, each exactly once and in order. It reads
// the systems through clients that connectd's own connectors do not use where there is a choice (HTTP for
// Elasticsearch and HDFS), repeats until all is equal or -wait has passed, prints a table, and exits 0 if all is equal,
// 1 if not, 2 if the flags are wrong.
package main
