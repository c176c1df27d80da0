// Package golden runs one SQL scenario against the MySQL and one against the MariaDB connector in each of their modes and compares all that
// they write with what Debezium 3.6.1 wrote: keys, values, schemas, headers, the order in each topic, schema changes, transactions and the
// schema history.
//
// mysql-zones and mysql-hard are shorter ones: a server whose time zone has daylight saving, and what the first script leaves out.
// mysql-images has sessions that log less than full row images, and partial JSON. Debezium stops at those rows, so its captures are of the same
// statements with full images.
//
// testdata/SERVER/*.sql is the scenario, modes are in modes_test.go, testdata/SERVER/*.jsonl.gz the captures. test/golden/capture makes them
// anew with the real Debezium. The tests are behind the build tag "integration" and need Kafka, MySQL and MariaDB of test/bed; they empty
// the servers' binary logs, since positions are compared too.
package golden
