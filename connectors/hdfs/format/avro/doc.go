// Package avro writes Avro object container files (io.confluent.connect.hdfs.avro.AvroFormat).
//
// Schemas are those of Confluent's AvroData: optional is a union with null (null first unless there is a default), a struct is a
// record named after the schema (io.confluent.connect.avro.ConnectDefault without a name), and what Avro has no place for is kept
// in the properties connect.name, connect.version, connect.doc, connect.default, connect.parameters and connect.type. Maps whose
// keys are not required strings are arrays of MapEntry records.
//
// Not done: Avro enums, fixed and unions as the Avro converter marks them (they are written as their Connect types), and values
// without a schema.
package avro
