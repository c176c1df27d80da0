// Package chaos writes to MySQL, or MariaDB with CDC_SERVER=mariadb, while connectd is killed, the server restarts, its binary log rotates, and a
// replica takes its place; then the topics, replayed, have to give the tables. It is behind the build tag "integration", starts two servers of
// test/bed of its own, and needs Kafka of test/bed. CHAOS_CHANGES is the number of changes, CHAOS_SEED repeats a run.
package chaos
