// Package parquet writes Parquet files (io.confluent.connect.hdfs.parquet.ParquetFormat): snappy, 64 KiB pages, the Avro schema in
// the metadata key parquet.avro.schema. Columns stand in the order of the fields.
//
// Unlike the Java connector, lists have the three levels of the Parquet specification, which can hold null elements, and a row group
// ends at 64 MiB: it is kept in memory.
package parquet
