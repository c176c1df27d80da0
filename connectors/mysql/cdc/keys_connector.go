package cdc

import "github.com/connectd/connectd/connect/config"

// Keys of the groups MySQL (but those of package server) and Connector.
var (
	keyTopicPrefix = config.String("topic.prefix").Aliases("database.server.name").
			Group("MySQL", 1).Importance(config.High).Width(config.WidthMedium).DisplayName("Topic prefix").
			Doc("Logical server name: first part of every topic and schema name, key of the offset partition (server), part of the history. Letters, digits, -, _, .. Changing it = new source.")
	keyDatabaseServerID = config.Long("database.server.id").
				Group("MySQL", 8).Importance(config.High).Width(config.WidthLong).DisplayName("Cluster ID").
				Doc("Replica server id; must be unique among replicas.")
	keyDatabaseServerIDOffset = config.Long("database.server.id.offset").Default(10000).
					Group("MySQL", 9).Importance(config.High).Width(config.WidthLong).DisplayName("Cluster ID offset").
					Doc("No effect: connections that read rows do not join as replicas and need no id.")
	keyDatabaseJdbcDriver = config.Class("database.jdbc.driver").Default("com.mysql.cj.jdbc.Driver").
				Group("MySQL", 14).Importance(config.Low).Width(config.WidthMedium).DisplayName("JDBC Driver Class Name").
				Doc("No effect: there is no JDBC driver.")
	keyDatabaseProtocol = config.String("database.protocol").Default("jdbc:mysql").
				Group("MySQL", 15).Importance(config.Low).Width(config.WidthMedium).DisplayName("JDBC Protocol").
				Doc("No effect: there is no JDBC driver.")
	keyEventProcessingFailureHandlingMode = config.String("event.processing.failure.handling.mode").Default("fail").Valid(oneOf("event.processing.failure.handling.mode", "fail", "warn", "skip", "ignore")).
						RecommendValues("fail", "warn", "skip", "ignore").
						Group("Connector", 1).Width(config.WidthShort).DisplayName("Event deserialization failure handling").
						Doc("Fail, warn, skip (ignore = deprecated alias).")
	keyMaxBatchSize = config.Int("max.batch.size").Default(2048).
			Group("Connector", 2).Width(config.WidthShort).DisplayName("Change event batch size").
			Doc("Records per poll.")
	keyMaxQueueSize = config.Int("max.queue.size").Default(8192).
			Group("Connector", 3).Width(config.WidthShort).DisplayName("Change event buffer size").
			Doc("Must be > max.batch.size.")
	keyPollIntervalMs = config.Long("poll.interval.ms").Default(500).
				Group("Connector", 4).Width(config.WidthShort).DisplayName("Poll interval (ms)").
				Doc("Poll interval (ms).")
	keyMaxQueueSizeInBytes = config.Long("max.queue.size.in.bytes").Default(0).
				Group("Connector", 5).Width(config.WidthLong).DisplayName("Change event buffer size in bytes").
				Doc("Change event buffer size in bytes. 0: 8 MiB, which rows of a few hundred bytes never reach with the default max.queue.size.")
	keyProvideTransactionMetadata = config.Boolean("provide.transaction.metadata").Default(false).
					Group("Connector", 6).Importance(config.Low).Width(config.WidthShort).DisplayName("Store transaction metadata information in a dedicated topic.").
					Doc("BEGIN/END topic + transaction block.")
	keySkippedOperations = config.List("skipped.operations").Default([]string{"t"}).
				Group("Connector", 7).Importance(config.Low).Width(config.WidthShort).DisplayName("Skipped Operations").
				Doc("Subset of c,u,d,t or none.")
	keySnapshotDelayMs = config.Long("snapshot.delay.ms").Default(0).
				Group("Connector", 8).Importance(config.Low).Width(config.WidthMedium).DisplayName("Snapshot Delay (milliseconds)").
				Doc("Wait before the snapshot.")
	keyStreamingDelayMs = config.Long("streaming.delay.ms").Default(0).
				Group("Connector", 9).Importance(config.Low).Width(config.WidthMedium).DisplayName("Streaming Delay (milliseconds)").
				Doc("Wait between snapshot and stream.")
	keySnapshotIncludeCollectionList = config.List("snapshot.include.collection.list").
						Group("Connector", 10).Width(config.WidthLong).DisplayName("Snapshot mode include data collection").
						Doc("Restrict data snapshot.")
	keySnapshotFetchSize = config.Int("snapshot.fetch.size").
				Group("Connector", 11).Width(config.WidthMedium).DisplayName("Snapshot fetch size").
				Doc("No effect: rows are sent as they come from the server.")
	keySnapshotMaxThreads = config.Int("snapshot.max.threads").Default(1).
				Group("Connector", 12).Width(config.WidthShort).DisplayName("Snapshot maximum threads").
				Doc("Parallel snapshot: one connection per thread; since 3.6 one table is split into chunks too.")
	keySnapshotMaxThreadsMultiplier = config.Int("snapshot.max.threads.multiplier").Default(1).
					Group("Connector", 13).Width(config.WidthShort).DisplayName("Snapshot maximum thread multiplier").
					Doc("No effect: chunks have snapshot.chunk.size rows, and each thread takes the next one.")
	keyLegacySnapshotMaxThreads = config.Boolean("legacy.snapshot.max.threads").Default(false).Aliases("internal.legacy.snapshot.max.threads").
					Group("Connector", 14).Importance(config.Low).Width(config.WidthShort).DisplayName("Enforces using a single thread per table regardless of table size").
					Doc("Old table-per-thread behaviour.")
	keySnapshotModeCustomName = config.String("snapshot.mode.custom.name").
					Group("Connector", 15).Width(config.WidthMedium).DisplayName("Snapshot Mode Custom Name").
					Doc("No effect: snapshotters are Java classes; snapshot.mode=custom is refused.")
	keySnapshotModeConfigurationBasedSnapshotData = config.Boolean("snapshot.mode.configuration.based.snapshot.data").Default(false).
							Group("Connector", 16).Width(config.WidthMedium).DisplayName("Snapshot mode property based snapshot data").
							Doc("Snapshot mode property based snapshot data.")
	keySnapshotModeConfigurationBasedSnapshotSchema = config.Boolean("snapshot.mode.configuration.based.snapshot.schema").Default(false).
							Group("Connector", 17).Width(config.WidthMedium).DisplayName("Snapshot mode property based snapshot schema").
							Doc("Snapshot mode property based snapshot schema.")
	keySnapshotModeConfigurationBasedStartStream = config.Boolean("snapshot.mode.configuration.based.start.stream").Default(false).
							Group("Connector", 18).Width(config.WidthMedium).DisplayName("Snapshot mode property based start stream").
							Doc("Snapshot mode property based start stream.")
	keySnapshotModeConfigurationBasedSnapshotOnSchemaError = config.Boolean("snapshot.mode.configuration.based.snapshot.on.schema.error").Default(false).
								Group("Connector", 19).Width(config.WidthMedium).DisplayName("Snapshot mode property based snapshot on schema error").
								Doc("Snapshot mode property based snapshot on schema error.")
	keySnapshotModeConfigurationBasedSnapshotOnDataError = config.Boolean("snapshot.mode.configuration.based.snapshot.on.data.error").Default(false).
								Group("Connector", 20).Width(config.WidthMedium).DisplayName("Snapshot mode property based snapshot on data error").
								Doc("Snapshot mode property based snapshot on data error.")
	keyRetriableRestartConnectorWaitMs = config.Long("retriable.restart.connector.wait.ms").Default(10000).
						Group("Connector", 21).Importance(config.Low).Width(config.WidthMedium).DisplayName("Retriable restart wait (ms)").
						Doc("Pause before restart after a retriable error.")
	keyQueryFetchSize = config.Int("query.fetch.size").Default(0).
				Group("Connector", 22).Width(config.WidthMedium).DisplayName("Query fetch size").
				Doc("No effect: rows are sent as they come from the server.")
	keyErrorsMaxRetries = config.Int("errors.max.retries").Default(-1).
				Group("Connector", 23).Importance(config.Low).Width(config.WidthMedium).DisplayName("The maximum number of retries").
				Doc("-1 unlimited, 0 none, n.")
	keyIncrementalSnapshotWatermarkingStrategy = config.String("incremental.snapshot.watermarking.strategy").Default("INSERT_INSERT").Valid(oneOf("incremental.snapshot.watermarking.strategy", "insert_insert", "insert_delete")).
							RecommendValues("insert_insert", "insert_delete").
							Group("Connector", 24).Importance(config.Low).Width(config.WidthMedium).DisplayName("Incremental snapshot watermarking strategy").
							Doc("Insert_insert, insert_delete (keeps the signal table small).")
	keyInternalLogPositionCheckEnable = config.Boolean("internal.log.position.check.enable").Default(true).
						Group("Connector", 25).Width(config.WidthMedium).DisplayName("Enable/Disable log position check").
						Doc("Check at start that the stored position is still in the binary log.")
	keyInternalAdvancedMetricsEnable = config.Boolean("internal.advanced.metrics.enable").Default(false).
						Group("Connector", 26).Width(config.WidthMedium).DisplayName("Enable/Disable advance metrics").
						Doc("No effect: all metrics are on.")
	keyConnectionValidationTimeoutMs = config.Long("connection.validation.timeout.ms").Default(60000).
						Group("Connector", 27).Importance(config.Low).Width(config.WidthShort).DisplayName("Connection validation timeout (ms)").
						Doc("Limit on the connection check in config validation.")
	keyExecutorShutdownTimeoutMs = config.Long("executor.shutdown.timeout.ms").Default(4000).
					Group("Connector", 28).Width(config.WidthMedium).DisplayName("Executor shutdown timeout (ms)").
					Doc("No effect: task.shutdown.graceful.timeout.ms of the worker bounds the stop.")
	keyOpenlineageIntegrationEnabled = config.Boolean("openlineage.integration.enabled").Default(false).
						Group("Connector", 29).Importance(config.Low).Width(config.WidthShort).DisplayName("Enables OpenLineage integration").
						Doc("No effect: lineage events are not emitted.")
	keyOpenlineageIntegrationConfigFilePath = config.String("openlineage.integration.config.file.path").Default("./openlineage.yml").
						Group("Connector", 30).Importance(config.Low).Width(config.WidthLong).DisplayName("Path to OpenLineage file configuration").
						Doc("No effect: lineage events are not emitted.")
	keyOpenlineageIntegrationJobNamespace = config.String("openlineage.integration.job.namespace").
						Group("Connector", 31).Importance(config.Low).Width(config.WidthLong).DisplayName("Namespace used for Debezium job").
						Doc("No effect: lineage events are not emitted.")
	keyOpenlineageIntegrationJobDescription = config.String("openlineage.integration.job.description").Default("Debezium change data capture job").
						Group("Connector", 32).Importance(config.Low).Width(config.WidthLong).DisplayName("Description used for Debezium job").
						Doc("No effect: lineage events are not emitted.")
	keyOpenlineageIntegrationJobTags = config.List("openlineage.integration.job.tags").
						Group("Connector", 33).Importance(config.Low).Width(config.WidthLong).DisplayName("Debezium job tags").
						Doc("No effect: lineage events are not emitted.")
	keyOpenlineageIntegrationJobOwners = config.List("openlineage.integration.job.owners").
						Group("Connector", 34).Importance(config.Low).Width(config.WidthLong).DisplayName("Debezium job owners").
						Doc("No effect: lineage events are not emitted.")
	keyOpenlineageIntegrationDatasetKafkaBootstrapServers = config.String("openlineage.integration.dataset.kafka.bootstrap.servers").
								Group("Connector", 35).Importance(config.Low).Width(config.WidthLong).DisplayName("Kafka bootstrap server used in Kafka Connect deployment").
								Doc("No effect: lineage events are not emitted.")
	keyExtendedHeadersEnabled = config.Boolean("extended.headers.enabled").Default(true).
					Group("Connector", 36).Importance(config.Low).Width(config.WidthShort).DisplayName("Enable/Disable extended headers").
					Doc("Adds __debezium.context.* headers (connector name, task id, logical name).")
	keyGuardrailCollectionsMax = config.Int("guardrail.collections.max").Default(0).
					Group("Connector", 37).Width(config.WidthShort).DisplayName("Maximum number of collections or tables").
					Doc("Limit on captured tables.")
	keyGuardrailCollectionsLimitAction = config.String("guardrail.collections.limit.action").Default("warn").Valid(oneOf("guardrail.collections.limit.action", "warn", "fail")).
						RecommendValues("warn", "fail").
						Group("Connector", 38).Width(config.WidthShort).DisplayName("Guardrail collections limit action").
						Doc("Warn, fail.")
	keyCustomSanitizePattern = config.String("custom.sanitize.pattern").Default(".*secret$|.*password$|.*sasl\\.jaas\\.config$|.*basic\\.auth\\.user\\.info|.*registry\\.auth\\.client-secret|.*credentials\\.json$|.*connectionstring$|.*connection\\.string$").
					Group("Connector", 39).Importance(config.Low).Width(config.WidthLong).DisplayName("Custom pattern for masking sensitive configuration").
					Doc("No effect: values of configs are not logged; passwords are hidden everywhere.")
	keyStatisticsMetricsEnabled = config.Boolean("statistics.metrics.enabled").Default(true).
					Group("Connector", 40).Width(config.WidthShort).DisplayName("Enable collecting statistics metrics like latencies").
					Doc("No effect: all metrics are on.")
	keyDecimalHandlingMode = config.String("decimal.handling.mode").Default("precise").Valid(oneOf("decimal.handling.mode", "precise", "double", "string")).
				RecommendValues("precise", "double", "string").
				Group("Connector", 41).Width(config.WidthShort).DisplayName("Decimal Handling").
				Doc("Precise (bytes Decimal), double, string.")
	keySnapshotLockTimeoutMs = config.Long("snapshot.lock.timeout.ms").Default(10000).
					Group("Connector", 42).Width(config.WidthLong).DisplayName("Snapshot lock timeout (ms)").
					Doc("Lock wait limit.")
	keyMemoryManagementSchemasClass = config.Class("memory.management.schemas.class").Default("io.debezium.relational.ConcurrentMapTableMappingStorage").
					Group("Connector", 43).Importance(config.Low).Width(config.WidthLong).DisplayName("Schema storage class").
					Doc("No effect: there are no Java classes.")
	keyMemoryManagementTablesClass = config.Class("memory.management.tables.class").Default("io.debezium.relational.ConcurrentMapTableMappingStorage").
					Group("Connector", 44).Importance(config.Low).Width(config.WidthLong).DisplayName("Table storage class").
					Doc("No effect: there are no Java classes.")
	keyConnectKeepAlive = config.Boolean("connect.keep.alive").Default(true).
				Group("Connector", 46).Importance(config.Low).Width(config.WidthShort).DisplayName("Keep connection alive (true/false)").
				Doc("No effect: a lost connection is always made anew, as often as errors.max.retries says.")
	keyConnectKeepAliveIntervalMs = config.Long("connect.keep.alive.interval.ms").Default(60000).
					Group("Connector", 47).Importance(config.Low).Width(config.WidthShort).DisplayName("Keep alive interval (ms)").
					Doc("Its period.")
	keyUseNongracefulDisconnect = config.Boolean("use.nongraceful.disconnect").Default(false).
					Group("Connector", 48).Width(config.WidthShort).DisplayName("Use Non-graceful Disconnect").
					Doc("SO_LINGER 0 on close of the binlog socket.")
	keyBinlogNetWriteTimeout = config.Long("binlog.net.write.timeout").Default(0).
					Group("Connector", 49).Width(config.WidthShort).DisplayName("Binlog Net Write Timeout").
					Doc("Session net_write_timeout, same.")
	keyBinlogNetReadTimeout = config.Long("binlog.net.read.timeout").Default(0).
				Group("Connector", 50).Width(config.WidthShort).DisplayName("Binlog Net Read Timeout").
				Doc("Session net_read_timeout on the binlog connection (0 = server's).")
	keySnapshotMode = config.String("snapshot.mode").Default("initial").Valid(oneOf("snapshot.mode", "always", "initial", "initial_only", "no_data", "recovery", "when_needed", "configuration_based", "custom", "schema_only", "schema_only_recovery", "never")).
			RecommendValues("always", "initial", "initial_only", "no_data", "recovery", "when_needed", "configuration_based", "custom").
			Group("Connector", 51).Importance(config.Low).Width(config.WidthShort).DisplayName("Snapshot mode").
			Doc("Always, initial, initial_only, no_data (was schema_only), recovery (was schema_only_recovery), when_needed, configuration_based, custom; never removed in 3.6 (dbz#1832).")
	keySnapshotQueryMode = config.String("snapshot.query.mode").Default("select_all").Valid(oneOf("snapshot.query.mode", "select_all", "custom")).
				RecommendValues("select_all", "custom").
				Group("Connector", 52).Importance(config.Low).Width(config.WidthShort).DisplayName("Snapshot query mode").
				Doc("Select_all, custom.")
	keySnapshotQueryModeCustomName = config.String("snapshot.query.mode.custom.name").
					Group("Connector", 53).Width(config.WidthMedium).DisplayName("Snapshot Query Mode Custom Name").
					Doc("No effect: queries of snapshots are Java classes; snapshot.query.mode=custom is refused.")
	keyBigintUnsignedHandlingMode = config.String("bigint.unsigned.handling.mode").Default("long").Valid(oneOf("bigint.unsigned.handling.mode", "long", "precise")).
					RecommendValues("long", "precise").
					Group("Connector", 54).Width(config.WidthShort).DisplayName("The mode for handling bigint-unsigned values").
					Doc("Long, precise.")
	keyTimePrecisionMode = config.String("time.precision.mode").Default("adaptive_time_microseconds").Valid(oneOf("time.precision.mode", "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds")).
				RecommendValues("adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds").
				Group("Connector", 55).Width(config.WidthShort).DisplayName("The time precision mode to be used").
				Doc("Adaptive_time_microseconds, connect, isostring, microseconds, nanoseconds, structured (3.7); adaptive refused for MySQL.")
	keyEnableTimeAdjuster = config.Boolean("enable.time.adjuster").Default(true).
				Group("Connector", 56).Importance(config.Low).Width(config.WidthShort).DisplayName("Enable Time Adjuster").
				Doc("Two-digit year rule 00-69 -> 2000+, 70-99 -> 1900+.")
	keySchemaNameAdjustmentMode = config.String("schema.name.adjustment.mode").Default("none").Valid(oneOf("schema.name.adjustment.mode", "none", "avro", "avro_unicode")).
					RecommendValues("none", "avro", "avro_unicode").
					Group("Connector", 57).Importance(config.Low).Width(config.WidthMedium).DisplayName("Schema Name Adjustment").
					Doc("None, avro (_), avro_unicode (_uXXXX).")
	keyMinRowCountToStreamResults = config.Int("min.row.count.to.stream.results").Default(1000).
					Group("Connector", 58).Importance(config.Low).Width(config.WidthMedium).DisplayName("Stream result set of size").
					Doc("No effect: rows are always sent as they come from the server.")
	keyIncrementalSnapshotChunkSize = config.Int("incremental.snapshot.chunk.size").Default(1024).
					Group("Connector", 59).Width(config.WidthMedium).DisplayName("Incremental snapshot chunk size").
					Doc("Rows per chunk (window buffer).")
	keyIncrementalSnapshotAllowSchemaChanges = config.Boolean("incremental.snapshot.allow.schema.changes").Default(false).
							Group("Connector", 60).Importance(config.Low).Width(config.WidthShort).DisplayName("Allow schema changes during incremental snapshot if supported.").
							Doc("No effect: a table may always change while it is read; a chunk that a change falls into is read again.")
	keySnapshotLockingMode = lockingMode("minimal", "minimal_percona", "minimal_percona_no_table_locks", "extended", "none", "custom")
	keyDdlParserType       = config.String("ddl.parser.type").Default("default").Valid(oneOf("ddl.parser.type", "default", "legacy")).
				RecommendValues("default", "legacy").
				Group("Connector", 62).Importance(config.Low).Width(config.WidthShort).DisplayName("DDL Parser Type").
				Doc("No effect: there is one parser; a table whose DDL it cannot read is learned from the server.")
	keySnapshotLockingModeCustomName = config.String("snapshot.locking.mode.custom.name").
						Group("Connector", 63).Width(config.WidthMedium).DisplayName("Snapshot Locking Mode Custom Name").
						Doc("No effect: locks are Java classes; snapshot.locking.mode=custom is refused.")
	keyReadOnly = config.Boolean("read.only").Default(false).
			Group("Connector", 64).Importance(config.Low).Width(config.WidthShort).DisplayName("Read only connector").
			Doc("GTID-based read-only incremental snapshot (no signal-table writes for watermarks).")
	keyPollDispatchIntervalMs = config.Long("poll.dispatch.interval.ms").Default(0).
					Group("Connector", 65).Width(config.WidthShort).DisplayName("Poll dispatch interval (ms)").
					Doc("Linger before a not-full batch is given out.")
	keyQueueProviderType = config.String("queue.provider.type").Default("memory").
				Group("Connector", 66).Importance(config.Low).Width(config.WidthShort).DisplayName("Queue provider").
				Doc("No effect: the queue is in memory.")
)

// lockingMode declares snapshot.locking.mode, which MariaDB's connector has one more value of.
func lockingMode(values ...string) *config.Key[string] {
	return config.String("snapshot.locking.mode").Default("minimal").Valid(oneOf("snapshot.locking.mode", values...)).RecommendValues(values...).
		Group("Connector", 61).Importance(config.Low).Width(config.WidthShort).DisplayName("Snapshot locking mode").
		Doc("Minimal, minimal_percona, minimal_percona_no_table_locks, extended, none, custom (MariaDB has minimal_at_least_once too).")
}
