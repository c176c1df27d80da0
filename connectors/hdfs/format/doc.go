// Package format says what a file format of the HDFS sink is. Each sub-package is one format.
//
// A [Writer] writes one file of records of one schema. It belongs to one goroutine. Write either takes the value as a whole or
// fails with a [*ValueError] and leaves the file as it was; any other error means that the file is spoilt.
package format
