package metrics

import "github.com/connectd/connectd/connect"

// Type says how a metric behaves.
type Type uint8

// The types of metrics.
const (
	// Counter only grows while its scope lives.
	Counter Type = iota
	// Gauge is read at scrape time.
	Gauge
	// Histogram counts observations in buckets.
	Histogram
)

// String is the word of the manual and of the Prometheus text format.
func (t Type) String() string { return [...]string{"counter", "gauge", "histogram"}[t] }

// Metric is one row of the table.
type Metric struct {
	connect.Metric
	Type   Type
	Labels []string
	// JMX names Kafka Connect's twin, "type: attribute" below kafka.connect; empty if it has none.
	JMX string
}

var (
	taskLabels   = []string{"connector", "task"}
	statusLabels = []string{"connector", "task", "status"}
)

func row(t Type, name, unit, help string, labels []string, jmx string) *Metric {
	return &Metric{Metric: connect.Metric{Name: name, Unit: unit, Help: help}, Type: t, Labels: labels, JMX: jmx}
}

// Source tasks.
var (
	SourceRecordPoll = row(Counter, "source_record_poll", "records",
		"Records returned by Poll, before transforms.", taskLabels, "source-task-metrics: source-record-poll-total")
	SourceRecordWrite = row(Counter, "source_record_write", "records",
		"Records acknowledged by Kafka.", taskLabels, "source-task-metrics: source-record-write-total")
	SourceRecordActive = row(Gauge, "source_record_active", "records",
		"Records polled and not yet acknowledged or dropped.", taskLabels, "source-task-metrics: source-record-active-count")
	TaskMemory = row(Gauge, "task_memory_used_bytes", "bytes",
		"Memory of records under way: batches on their way to Kafka, or fetched and not yet taken by the sink.", taskLabels, "")
	TaskMemoryShare = row(Gauge, "task_memory_guaranteed_bytes", "bytes",
		"What the task may hold when worker.memory.budget.bytes is used up; 0 without a limit.", taskLabels, "")
	SourceBytesActive = row(Gauge, "source_bytes_active", "bytes",
		"Bytes handed to the producer and not yet acknowledged.", taskLabels, "")
	SourcePollTime = row(Histogram, "source_poll_batch_seconds", "seconds",
		"Time a Poll took that returned records.", taskLabels, "source-task-metrics: poll-batch-avg-time-ms")
	TransactionSize = row(Histogram, "source_transaction_size", "records",
		"Records of a transaction that was committed.", taskLabels, "source-task-metrics: transaction-size-avg")
)

// Sink tasks.
var (
	SinkRecordRead = row(Counter, "sink_record_read", "records",
		"Records read from Kafka, before transforms.", taskLabels, "sink-task-metrics: sink-record-read-total")
	SinkRecordSend = row(Counter, "sink_record_send", "records",
		"Records the task took charge of.", taskLabels, "sink-task-metrics: sink-record-send-total")
	SinkPartitions = row(Gauge, "sink_partition_count", "partitions",
		"Topic partitions assigned to the task.", taskLabels, "sink-task-metrics: partition-count")
	SinkPutTime = row(Histogram, "sink_put_batch_seconds", "seconds",
		"Time a Put of a non-empty batch took.", taskLabels, "sink-task-metrics: put-batch-avg-time-ms")
)

// All tasks.
var (
	BatchSize = row(Histogram, "task_batch_size", "records",
		"Records of a batch that was polled or put.", taskLabels, "connector-task-metrics: batch-size-avg")
	OffsetCommitSuccess = row(Counter, "task_offset_commit_success", "commits",
		"Offset commits that succeeded.", taskLabels, "connector-task-metrics: offset-commit-success-percentage")
	OffsetCommitFailure = row(Counter, "task_offset_commit_failure", "commits",
		"Offset commits that failed or timed out.", taskLabels, "connector-task-metrics: offset-commit-failure-percentage")
	OffsetCommitTime = row(Histogram, "task_offset_commit_seconds", "seconds",
		"Time an offset commit took.", taskLabels, "connector-task-metrics: offset-commit-avg-time-ms")
	TaskStatus = row(Gauge, "task_status", "",
		"1 for the state the task is in, 0 for the others.", statusLabels, "connector-task-metrics: status")
	TaskRestarts = row(Counter, "task_restarts", "restarts",
		"Restarts after a failure (errors.restart.*), of connectors too: those have no task.", taskLabels, "")
	TaskStalled = row(Gauge, "task_stalled", "",
		"1 if there is work and no progress for longer than task.stall.timeout.ms, else 0.", taskLabels, "")
	TaskNextRestart = row(Gauge, "task_next_restart_timestamp_seconds", "seconds",
		"Unix time of the next restart after a failure, 0 if none is waited for.", taskLabels, "")
)

// Bad records.
var (
	RecordFailures = row(Counter, "task_error_record_failures", "failures",
		"Operations on records that failed, each attempt counted.", taskLabels, "task-error-metrics: total-record-failures")
	RecordErrors = row(Counter, "task_error_record_errors", "records",
		"Records that failed for good.", taskLabels, "task-error-metrics: total-record-errors")
	RecordsSkipped = row(Counter, "task_error_records_skipped", "records",
		"Records skipped because errors.tolerance is all.", taskLabels, "task-error-metrics: total-records-skipped")
	Retries = row(Counter, "task_error_retries", "retries",
		"Operations repeated under errors.retry.timeout.", taskLabels, "task-error-metrics: total-retries")
	ErrorsLogged = row(Counter, "task_error_errors_logged", "records",
		"Errors written to the log under errors.log.enable.", taskLabels, "task-error-metrics: total-errors-logged")
	DeadLetterRequests = row(Counter, "task_error_deadletterqueue_produce_requests", "records",
		"Records sent to the dead-letter topic.", taskLabels, "task-error-metrics: deadletterqueue-produce-requests")
	DeadLetterFailures = row(Counter, "task_error_deadletterqueue_produce_failures", "records",
		"Records the dead-letter topic refused.", taskLabels, "task-error-metrics: deadletterqueue-produce-failures")
	LastErrorTime = row(Gauge, "task_error_last_error_timestamp_seconds", "seconds",
		"Unix time of the last failed record, 0 if there was none.", taskLabels, "task-error-metrics: last-error-timestamp")
)

// The worker.
var (
	WorkerConnectors = row(Gauge, "worker_connector_count", "connectors",
		"Connectors that run on this worker.", nil, "connect-worker-metrics: connector-count")
	WorkerTasks = row(Gauge, "worker_task_count", "tasks",
		"Tasks that run on this worker.", nil, "connect-worker-metrics: task-count")
	ConnectorStartups = row(Counter, "worker_connector_startup_attempts", "starts",
		"Connector starts tried.", nil, "connect-worker-metrics: connector-startup-attempts-total")
	ConnectorStartupFailures = row(Counter, "worker_connector_startup_failure", "starts",
		"Connector starts that failed.", nil, "connect-worker-metrics: connector-startup-failure-total")
	TaskStartups = row(Counter, "worker_task_startup_attempts", "starts",
		"Task starts tried.", nil, "connect-worker-metrics: task-startup-attempts-total")
	TaskStartupFailures = row(Counter, "worker_task_startup_failure", "starts",
		"Task starts that failed.", nil, "connect-worker-metrics: task-startup-failure-total")
	WorkerMemory = row(Gauge, "worker_memory_used_bytes", "bytes",
		"Memory of records under way, of all tasks.", nil, "")
	WorkerMemoryLimit = row(Gauge, "worker_memory_limit_bytes", "bytes",
		"worker.memory.budget.bytes as it is in force; 0 is no limit.", nil, "")
	AbandonedTasks = row(Gauge, "worker_abandoned_tasks", "tasks",
		"Task instances that missed their stop deadline and have not exited yet.", nil, "")
	Rebalances = row(Counter, "worker_rebalance_completed", "rebalances",
		"Rebalances this worker went through.", nil, "connect-worker-rebalance-metrics: completed-rebalances-total")
)

// Table lists all metrics of the runtime, in the order of the manual.
func Table() []*Metric {
	return []*Metric{
		SourceRecordPoll, SourceRecordWrite, SourceRecordActive, TaskMemory, TaskMemoryShare, SourceBytesActive, SourcePollTime, TransactionSize,
		SinkRecordRead, SinkRecordSend, SinkPartitions, SinkPutTime,
		BatchSize, OffsetCommitSuccess, OffsetCommitFailure, OffsetCommitTime, TaskStatus, TaskRestarts, TaskStalled, TaskNextRestart,
		RecordFailures, RecordErrors, RecordsSkipped, Retries, ErrorsLogged, DeadLetterRequests, DeadLetterFailures, LastErrorTime,
		WorkerConnectors, WorkerTasks, ConnectorStartups, ConnectorStartupFailures, TaskStartups, TaskStartupFailures,
		WorkerMemory, WorkerMemoryLimit, AbandonedTasks, Rebalances,
	}
}
