package cdc

import "github.com/connectd/connectd/connect/config"

// Keys of the group History Storage.
var (
	keySchemaHistoryInternal = config.Class("schema.history.internal").VisibleIf(never).Default("io.debezium.storage.kafka.history.KafkaSchemaHistory").Aliases("database.history").
					Group("History Storage", 1).Importance(config.Low).Width(config.WidthLong).DisplayName("Database schema history class").
					Doc("Class of the schema history: KafkaSchemaHistory.")
	keySchemaHistoryInternalSkipUnparseableDdl = config.Boolean("schema.history.internal.skip.unparseable.ddl").Default(false).Aliases("database.history.skip.unparseable.ddl").
							Group("History Storage", 2).Importance(config.Low).Width(config.WidthShort).DisplayName("Skip DDL statements that cannot be parsed").
							Doc("Skip DDL statements that cannot be parsed.")
	keySchemaHistoryInternalStoreOnlyCapturedTablesDdl = config.Boolean("schema.history.internal.store.only.captured.tables.ddl").Default(false).Aliases("database.history.store.only.captured.tables.ddl").
								Group("History Storage", 3).Importance(config.Low).Width(config.WidthShort).DisplayName("Store only DDL that modifies tables that are captured based on include/exclude lists").
								Doc("Store only DDL that modifies tables that are captured based on include/exclude lists.")
	keySchemaHistoryInternalStoreOnlyCapturedDatabasesDdl = config.Boolean("schema.history.internal.store.only.captured.databases.ddl").Default(false).Aliases("database.history.store.only.captured.databases.ddl").
								Group("History Storage", 4).Importance(config.Low).Width(config.WidthShort).DisplayName("Store only DDL that modifies tables of databases that are captured based on include/exclude lists").
								Doc("Store only DDL that modifies tables of databases that are captured based on include/exclude lists.")
	keySchemaHistoryInternalKafkaTopic = config.String("schema.history.internal.kafka.topic").Aliases("database.history.kafka.topic").
						Group("History Storage", 5).Importance(config.High).Width(config.WidthLong).DisplayName("Database schema history topic name").
						Doc("One partition, infinite retention, never compacted.")
	keySchemaHistoryInternalKafkaBootstrapServers = config.String("schema.history.internal.kafka.bootstrap.servers").Aliases("database.history.kafka.bootstrap.servers").
							Group("History Storage", 6).Importance(config.High).Width(config.WidthLong).DisplayName("Kafka broker addresses").
							Doc("Kafka broker addresses.")
	keySchemaHistoryInternalKafkaRecoveryPollIntervalMs = config.Int("schema.history.internal.kafka.recovery.poll.interval.ms").Default(100).Aliases("database.history.kafka.recovery.poll.interval.ms").
								Group("History Storage", 7).Importance(config.Low).Width(config.WidthShort).DisplayName("Poll interval during database schema history recovery (ms)").
								Doc("No effect: the topic is read to its end.")
	keySchemaHistoryInternalKafkaRecoveryAttempts = config.Int("schema.history.internal.kafka.recovery.attempts").Default(100).Aliases("database.history.kafka.recovery.attempts").
							Group("History Storage", 8).Importance(config.Low).Width(config.WidthShort).DisplayName("Max attempts to recovery database schema history").
							Doc("No effect: the topic is read to its end.")
	keySchemaHistoryInternalKafkaQueryTimeoutMs = config.Long("schema.history.internal.kafka.query.timeout.ms").Default(3000).Aliases("database.history.kafka.query.timeout.ms").
							Group("History Storage", 9).Importance(config.Low).Width(config.WidthShort).DisplayName("Kafka admin client query timeout (ms)").
							Doc("No effect: the time-outs are those of the Kafka client.")
	keySchemaHistoryInternalKafkaCreateTimeoutMs = config.Long("schema.history.internal.kafka.create.timeout.ms").Default(30000).Aliases("database.history.kafka.create.timeout.ms").
							Group("History Storage", 10).Importance(config.Low).Width(config.WidthShort).DisplayName("Kafka admin client create timeout (ms)").
							Doc("No effect: the time-outs are those of the Kafka client.")
	keySchemaHistoryInternalKafkaBufferBatchSize = config.Int("schema.history.internal.kafka.buffer.batch.size").Default(1024).Aliases("database.history.kafka.buffer.batch.size").
							Group("History Storage", 11).Importance(config.Low).Width(config.WidthShort).DisplayName("Records written at once").
							Doc("No effect: the Kafka client sizes its batches.")
	keySchemaHistoryInternalPreferDdl = config.Boolean("schema.history.internal.prefer.ddl").Default(false).Aliases("database.history.prefer.ddl").
						Group("History Storage", 12).Importance(config.Low).Width(config.WidthShort).DisplayName("Prefer DDL to table changes").
						Doc("Rebuild by DDL text, not by tableChanges.")
	keySchemaHistoryInternalMemoryOptimization = config.String("schema.history.internal.memory.optimization").Default("off").Valid(oneOf("schema.history.internal.memory.optimization", "off", "on", "shared")).Aliases("database.history.memory.optimization").
							Group("History Storage", 13).Importance(config.Low).Width(config.WidthShort).DisplayName("Memory optimization").
							Doc("No effect: table models are kept as they are.")
	keySchemaHistoryInternalDdlFilter = config.List("schema.history.internal.ddl.filter").Aliases("database.history.ddl.filter").
						Group("History Storage", 14).Importance(config.Low).Width(config.WidthLong).DisplayName("DDL filter").
						Doc("DDL never stored: RDS heartbeat, GRANT/REVOKE, ANALYZE, views, routines, users, TRUNCATE, SAVEPOINT ...")
	keySchemaHistoryInternalFileFilename = config.String("schema.history.internal.file.filename").Aliases("database.history.file.filename").
						Group("History Storage", 15).Importance(config.Low).Width(config.WidthLong).DisplayName("File of FileSchemaHistory").
						Doc("FileSchemaHistory.")
)
