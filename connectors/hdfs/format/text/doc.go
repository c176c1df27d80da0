// Package text writes values as text, one a line (io.confluent.connect.hdfs.string.StringFormat).
package text
