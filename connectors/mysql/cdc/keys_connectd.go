package cdc

import "github.com/connectd/connectd/connect/config"

// Keys that Debezium does not have.
var (
	keySnapshotChunkSize = config.Int("snapshot.chunk.size", config.AtLeast(1)).Default(50000).
				Group("Connector", 66).Importance(config.Low).Width(config.WidthShort).DisplayName("Snapshot chunk size").
				Doc("Rows of a chunk in the snapshot at the start: with snapshot.max.threads above 1 the part of a table that one thread reads at a " +
			"time; in any case the most that each thread sends again when an interrupted snapshot goes on, as offsets are stored at least twice as often.")
	keySchemaHistoryTablesEnabled = config.Boolean("schema.history.internal.tables.enabled").Default(true).
					Group("History Storage", 16).Importance(config.Low).Width(config.WidthShort).DisplayName("Copy of the table definitions").
					Doc("With the schema history in Kafka: keep the present definitions of all tables in a compacted topic beside it, so that a start reads " +
			"them and not the whole history. The history stays as Debezium writes it, and remains what counts: if the copy does not fit it, the history is " +
			"read. Not used with schema.history.internal.prefer.ddl.")
	keySchemaHistoryTablesTopic = config.String("schema.history.internal.tables.topic").Default("").
					Group("History Storage", 17).Importance(config.Low).Width(config.WidthLong).DisplayName("Topic of the copy of the table definitions").
					Doc("Topic of schema.history.internal.tables.enabled: one partition, compacted, created if it is not there; empty: " +
			"the name of schema.history.internal.kafka.topic with .tables after it. Connectors that share a history may share it. If it cannot be created, " +
			"read or written, starts are slower, and nothing else.")
	keySnapshotNewTables = config.String("snapshot.new.tables").Default("incremental").Valid(oneOf("snapshot.new.tables", "incremental", "off", "parallel")).
				Group("Connector", 67).Importance(config.Low).Width(config.WidthShort).DisplayName("Snapshot of new tables").
				Doc("What happens to tables that a change of the include and exclude lists adds: 'incremental' reads their rows by an incremental " +
			"snapshot as soon as the connector starts, 'off' sends their changes only; 'parallel', which old releases of Debezium had, is taken for 'incremental'.")
)
