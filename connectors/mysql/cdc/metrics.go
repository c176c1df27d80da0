package cdc

import "github.com/connectd/connectd/connect"

// The connector's metrics. In brackets: Debezium's attribute of the MBeans debezium.mysql (type=connector-metrics, context=snapshot or
// streaming). Attributes that are texts (LastTransactionId, BinlogFilename, GtidSet, SourceEventPosition, ChunkFrom, …) have no place in
// Prometheus: they are in the task's progress (taskprogress.go).
var (
	metricQueue          = metric("queue_records", "records", "Records read from MySQL that wait to be taken.")
	metricQueueRoom      = metric("queue_remaining_records", "records", "Records that the queue has room for: max.queue.size without those that wait (QueueRemainingCapacity).")
	metricQueueSize      = metric("queue_capacity_records", "records", "Records that the queue holds: max.queue.size (QueueTotalCapacity).")
	metricQueueBytes     = metric("queue_bytes", "bytes", "About what the records take that wait (CurrentQueueSizeInBytes).")
	metricQueueBytesSize = metric("queue_capacity_bytes", "bytes", "max.queue.size.in.bytes; 0 is no limit (MaxQueueSizeInBytes).")

	metricRows         = metric("snapshot_rows", "rows", "Rows sent by snapshots of the start (initial, always, …) and blocking ones, since the task started.")
	metricRunning      = metric("snapshot_running", "", "1 while a snapshot of the start or a blocking one is taken, else 0 (SnapshotRunning).")
	metricPaused       = metric("snapshot_paused", "", "1 while the incremental snapshot is paused by a signal, else 0 (SnapshotPaused).")
	metricCompleted    = metric("snapshot_completed", "", "1 if the last snapshot of this task came to its end, else 0 (SnapshotCompleted).")
	metricAborted      = metric("snapshot_aborted", "", "1 if the last snapshot of this task ended with an error, else 0 (SnapshotAborted).")
	metricSkipped      = metric("snapshot_skipped", "", "1 if this task took no snapshot at its start, else 0 (SnapshotSkipped).")
	metricDuration     = metric("snapshot_duration_seconds", "seconds", "How long the last snapshot took, or takes so far (SnapshotDurationInSeconds).")
	metricPausedFor    = metric("snapshot_paused_seconds", "seconds", "How long incremental snapshots have been paused (SnapshotPausedDurationInSeconds).")
	metricTables       = metric("snapshot_tables", "tables", "Tables of the last snapshot (TotalTableCount).")
	metricTablesLeft   = metric("snapshot_tables_remaining", "tables", "Tables of the last snapshot that are not read to their end (RemainingTableCount).")
	metricTableRows    = tableMetric("snapshot_table_rows", "rows", "Rows of a table that the last snapshot has sent (RowsScanned).")
	metricTableRowsEst = tableMetric("snapshot_table_rows_expected", "rows", "Rows of a table by the server's estimate when the last snapshot began (INFORMATION_SCHEMA.TABLES.TABLE_ROWS).")

	metricIncremental   = metric("incremental_snapshot_rows", "rows", "Rows sent by incremental snapshots, and by the rest of an interrupted one, since the task started.")
	metricIncrementalQ  = metric("incremental_snapshot_tables_remaining", "tables", "Tables that wait for an incremental snapshot, with the one being read.")
	metricWindowDropped = metric("incremental_snapshot_rows_superseded", "rows", "Rows of chunks that were not sent, since a change of the same row came in the chunk's window.")

	metricConnected   = metric("connected", "", "1 while the binary log is read from a connection, else 0 (Connected).")
	metricDisconnects = metric("disconnects", "connections", "Connections of the binary log that broke (NumberOfDisconnects).")
	metricLag         = metric("behind_source_milliseconds", "milliseconds", "Between the last event's time on the server and its reading here; -1 before the first (MilliSecondsBehindSource).")
	metricSinceEvent  = metric("since_last_event_milliseconds", "milliseconds", "Since the last event was read from the binary log; -1 before the first (MilliSecondsSinceLastEvent).")
	metricPosition    = metric("binlog_position", "bytes", "Where reading stands in the file of the binary log (BinlogPosition); the file's name is in the task's progress.")
	metricGTIDMode    = metric("gtid_mode", "", "1 if the server has GTIDs, else 0 (IsGtidModeEnabled).")
	metricEvents      = metric("binlog_events", "events", "Events read from the binary log, compressed transactions as one (TotalNumberOfEventsSeen).")
	metricCreates     = metric("create_events", "rows", "Inserted rows sent from the binary log (TotalNumberOfCreateEventsSeen).")
	metricUpdates     = metric("update_events", "rows", "Updated rows sent from the binary log (TotalNumberOfUpdateEventsSeen).")
	metricDeletes     = metric("delete_events", "rows", "Deleted rows sent from the binary log (TotalNumberOfDeleteEventsSeen).")
	metricFiltered    = metric("filtered_events", "events", "Events with rows that are not captured: of other tables, of operations or servers left out (NumberOfEventsFiltered).")
	metricErroneous   = metric("erroneous_events", "events", "Events passed over since they cannot be used (*.failure.handling.mode, inconsistent.schema.handling.mode) (NumberOfErroneousEvents, NumberOfSkippedEvents).")
	metricCommits     = metric("transactions_committed", "transactions", "Transactions read to their commit (NumberOfCommittedTransactions).")
	metricRollbacks   = metric("transactions_rolled_back", "transactions", "Transactions that end with ROLLBACK in the binary log (NumberOfRolledBackTransactions).")
	metricMalformed   = metric("transactions_not_well_formed", "transactions", "Transactions whose end is not in the binary log; binlog.buffer.size only (NumberOfNotWellFormedTransactions).")
	metricLarge       = metric("transactions_large", "transactions", "Transactions with more events than binlog.buffer.size (NumberOfLargeTransactions).")
)

var allMetrics = []*connect.Metric{
	metricQueue, metricQueueRoom, metricQueueSize, metricQueueBytes, metricQueueBytesSize,
	metricRows, metricRunning, metricPaused, metricCompleted, metricAborted, metricSkipped, metricDuration, metricPausedFor, metricTables,
	metricTablesLeft, metricTableRows, metricTableRowsEst, metricIncremental, metricIncrementalQ, metricWindowDropped,
	metricConnected, metricDisconnects, metricLag, metricSinceEvent, metricPosition, metricGTIDMode, metricEvents, metricCreates, metricUpdates,
	metricDeletes, metricFiltered, metricErroneous, metricCommits, metricRollbacks, metricMalformed, metricLarge,
}

func metric(name, unit, help string) *connect.Metric {
	return &connect.Metric{Name: "mysql_" + name, Unit: unit, Help: help}
}

func tableMetric(name, unit, help string) *connect.Metric {
	m := metric(name, unit, help)
	m.Label = "table"
	return m
}
