package cdc

import "github.com/connectd/connectd/connect/config"

// Keys that Debezium does not have.
var (
	keySnapshotChunkSize = config.Int("snapshot.chunk.size", config.AtLeast(1)).Default(50000).
				Group("Connector", 66).Importance(config.Low).Width(config.WidthShort).DisplayName("Snapshot chunk size").
				Doc("Rows of a chunk in the snapshot at the start: with snapshot.max.threads above 1 the part of a table that one thread reads at a " +
			"time; in any case the most that each thread sends again when an interrupted snapshot goes on, as offsets are stored at least twice as often.")
	keySnapshotNewTables = config.String("snapshot.new.tables").Default("incremental").Valid(oneOf("snapshot.new.tables", "incremental", "off", "parallel")).
				Group("Connector", 67).Importance(config.Low).Width(config.WidthShort).DisplayName("Snapshot of new tables").
				Doc("What happens to tables that a change of the include and exclude lists adds: 'incremental' reads their rows by an incremental " +
			"snapshot as soon as the connector starts, 'off' sends their changes only; 'parallel', which old releases of Debezium had, is taken for 'incremental'.")
)
