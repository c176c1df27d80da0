// Package json writes files of one JSON document a line (io.confluent.connect.hdfs.json.JsonFormat).
//
// Structs are rendered as org.apache.kafka.connect.json.JsonConverter does with schemas.enable=false (null fields with a default
// take it, Decimal is base64 of its two's complement, Date, Time and Timestamp are numbers); all other values as Jackson renders
// the Java object (a Decimal is a number, a Date is in milliseconds).
package json
