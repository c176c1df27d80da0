// Package file has the FileStream source and sink of Apache Kafka under their own class names
// (org.apache.kafka.connect.file.FileStreamSourceConnector, FileStreamSinkConnector): one line is one record. They are for tests,
// trials and the many tools that use them as the example connector, not for production.
//
// The source follows a file that grows: a line is sent once its end (\n, \r\n or \r) is there. Its offset is the byte position behind
// the last sent line, {"position": n}, of the partition {"filename": file}. A file
// that has become shorter is read from the start again. Without "file" it reads standard input, which has no offset.
// The sink writes value.toString() of each record and a line end; PreCommit makes the file durable first.
package file
