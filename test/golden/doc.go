// Package golden runs one SQL scenario against the MySQL connector in each of its modes and compares all that it writes with what
// Debezium 3.6.1 wrote: keys, values, schemas, headers, the order in each topic, schema changes, transactions and the schema history.
//
// testdata/*.sql is the scenario, modes are in modes_test.go, testdata/*.jsonl.gz the captures. test/golden/capture makes them anew with the
// real Debezium. The tests are behind the build tag "integration" and need Kafka and MySQL of test/bed; they empty MySQL's binary log, since
// positions are compared too.
package golden
