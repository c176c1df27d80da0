package cdc

import "github.com/connectd/connectd/connect/config"

// Keys of the group Events.
var (
	keyConverters = config.String("converters").
			Group("Events", 1).Importance(config.Low).Width(config.WidthMedium).DisplayName("List of prefixes defining custom values converters.").
			Doc("Names of custom converters, each with <name>.type and options.")
	keyPostProcessors = config.String("post.processors").
				Group("Events", 2).Importance(config.Low).Width(config.WidthMedium).DisplayName("List of change event post processors.").
				Doc("Names, <name>.type; built-in ReselectColumnsPostProcessor.")
	keyTombstonesOnDelete = config.Boolean("tombstones.on.delete").Default(true).
				Group("Events", 3).Width(config.WidthShort).DisplayName("Change the behaviour of Debezium with regards to delete operations").
				Doc("Null-value record after each delete.")
	keyHeartbeatIntervalMs = config.Int("heartbeat.interval.ms").Default(0).
				Group("Events", 4).Width(config.WidthMedium).DisplayName("Connector heartbeat interval (milli-seconds)").
				Doc("Connector heartbeat interval (milli-seconds).")
	keySignalDataCollection = config.List("signal.data.collection").
				Group("Events", 6).Width(config.WidthMedium).DisplayName("Signaling data collection").
				Doc("Db.table of the signal table (3 columns: id, type, data); list since 3.4.")
	keySignalPollIntervalMs = config.Long("signal.poll.interval.ms").Default(5000).
				Group("Events", 7).Width(config.WidthShort).DisplayName("Signal processor poll interval").
				Doc("Signal processor poll interval.")
	keySignalEnabledChannels = config.List("signal.enabled.channels").Default([]string{"source"}).
					Group("Events", 8).Width(config.WidthLong).DisplayName("Enabled channels names").
					Doc("Source, kafka, jmx, file, in-process.")
	keyTopicNamingStrategy = config.Class("topic.naming.strategy").Default("io.debezium.schema.SchemaTopicNamingStrategy").
				Group("Events", 9).Width(config.WidthMedium).DisplayName("Topic naming strategy class").
				Doc("<prefix>.<db>.<table>.")
	keyNotificationEnabledChannels = config.List("notification.enabled.channels").
					Group("Events", 10).Width(config.WidthLong).DisplayName("Enabled notification channels names").
					Doc("Sink, log, jmx.")
	keyNotificationSinkTopicName = config.String("notification.sink.topic.name").
					Group("Events", 11).Importance(config.High).Width(config.WidthLong).DisplayName("Notification topic name").
					Doc("Notification topic name.")
	keyTransactionMetadataFactory = config.Class("transaction.metadata.factory").Default("io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory").
					Group("Events", 12).Importance(config.Low).Width(config.WidthMedium).DisplayName("Factory class to create transaction context & transaction struct maker classes").
					Doc("Factory class to create transaction context & transaction struct maker classes.")
	keyCustomMetricTags = config.List("custom.metric.tags").
				Group("Events", 13).Importance(config.Low).Width(config.WidthMedium).DisplayName("Customize metric tags").
				Doc("No effect: metrics have the labels connector and task; add others where they are scraped.")
	keyColumnIncludeList = config.List("column.include.list").Aliases("column.whitelist").
				Group("Events", 14).Width(config.WidthLong).DisplayName("Include Columns").
				Doc("Db.table.col.")
	keyColumnExcludeList = config.List("column.exclude.list").Aliases("column.blacklist").
				Group("Events", 15).Width(config.WidthLong).DisplayName("Exclude Columns").
				Doc("Primary-key columns stay in the key.")
	keyTableIncludeList = config.List("table.include.list").Aliases("table.whitelist").
				Group("Events", 16).Importance(config.High).Width(config.WidthLong).DisplayName("Include Tables").
				Doc("Db.table patterns.")
	keyTableExcludeList = config.List("table.exclude.list").Aliases("table.blacklist").
				Group("Events", 17).Width(config.WidthLong).DisplayName("Exclude Tables").
				Doc("Exclude Tables.")
	keyMessageKeyColumns = config.String("message.key.columns").
				Group("Events", 18).Width(config.WidthLong).DisplayName("Columns PK mapping").
				Doc("Table-regex:col1,col2;... custom message key.")
	keySnapshotSelectStatementOverrides = config.String("snapshot.select.statement.overrides").
						Group("Events", 19).Width(config.WidthLong).DisplayName("List of tables where the default select statement used during snapshotting should be overridden.").
						Doc("Tables with own SELECT in snapshot.select.statement.overrides.<db>.<table>.")
	keyColumnMaskHashWithSalt = config.String("column.mask.hash.([^.]+).with.salt.(.+)").
					Group("Events", 20).Width(config.WidthLong).DisplayName("Mask Columns Using Hash and Salt").
					Doc("Columns whose texts are replaced by a salted hash.")
	keyColumnMaskWithDChars = config.String("column.mask.with.(d+).chars").
				Group("Events", 21).DisplayName("Mask Columns With n Asterisks").
				Doc("Columns whose texts are replaced by that many asterisks.")
	keyColumnTruncateToDChars = config.Int("column.truncate.to.(d+).chars").
					Group("Events", 22).DisplayName("Truncate Columns To n Characters").
					Doc("Columns whose texts are cut to that many characters.")
	keyIncludeSchemaChanges = config.Boolean("include.schema.changes").Default(true).
				Group("Events", 23).Width(config.WidthShort).DisplayName("Include database schema changes").
				Doc("Publish DDL to topic named <topic.prefix>.")
	keyIncludeSchemaComments = config.Boolean("include.schema.comments").Default(false).
					Group("Events", 24).Width(config.WidthShort).DisplayName("Include Table and Column Comments").
					Doc("Keep table/column comments (memory cost).")
	keyColumnPropagateSourceType = config.List("column.propagate.source.type").
					Group("Events", 25).DisplayName("Propagate Source Types by Columns").
					Doc("Adds __debezium.source.column.type/.length/.scale schema parameters.")
	keyDatatypePropagateSourceType = config.List("datatype.propagate.source.type").
					Group("Events", 26).DisplayName("Propagate Source Types by Data Type").
					Doc("Same, by type name db.type.")
	keyInternalSnapshotScanAllColumnsForce = config.Boolean("internal.snapshot.scan.all.columns.force").Default(false).
						Group("Events", 27).Importance(config.Low).Width(config.WidthShort).DisplayName("Snapshot force scan all columns of all tables").
						Doc("No effect: the definitions of the tables that are kept are all read.")
	keySnapshotTablesOrderByRowCount = config.String("snapshot.tables.order.by.row.count").Default("disabled").Valid(oneOf("snapshot.tables.order.by.row.count", "ascending", "descending", "disabled")).
						RecommendValues("ascending", "descending", "disabled").
						Group("Events", 28).DisplayName("Initial snapshot tables order by row count").
						Doc("Ascending, descending, disabled.")
	keyHeartbeatActionQuery = config.String("heartbeat.action.query").
				Group("Events", 29).Importance(config.Low).Width(config.WidthMedium).DisplayName("An optional query to execute with every heartbeat").
				Doc("SQL run at each heartbeat on the source.")
	keyIncludeQuery = config.Boolean("include.query").Default(false).
			Group("Events", 30).Width(config.WidthShort).DisplayName("Include original SQL query with in change events").
			Doc("Copy SQL text into source.query (needs binlog_rows_query_log_events).")
	keyTableIgnoreBuiltin = config.Boolean("table.ignore.builtin").Dependents("database.include.list").Default(true).
				Group("Events", 31).Importance(config.Low).Width(config.WidthShort).DisplayName("Ignore system databases").
				Doc("Skip system tables (mysql, performance_schema, sys, information_schema).")
	keyDatabaseIncludeList = config.List("database.include.list").Dependents("table.include.list").Aliases("database.whitelist").
				Group("Events", 32).Importance(config.High).Width(config.WidthLong).DisplayName("Include Databases").
				Doc("Databases; anchored full match; not with exclude.")
	keyDatabaseExcludeList = config.List("database.exclude.list").Aliases("database.blacklist").
				Group("Events", 33).Width(config.WidthLong).DisplayName("Exclude Databases").
				Doc("Exclude Databases.")
	keyBinlogBufferSize = config.Int("binlog.buffer.size").Default(0).
				Group("Events", 34).Width(config.WidthMedium).DisplayName("Binlog reader buffer size").
				Doc("Above 0, a transaction is held until its end is known, and one that ends with ROLLBACK in the binary log is not sent: so many events are held in memory, more in a temporary file. 0: rows are sent as they come.")
	keyEventDeserializationFailureHandlingMode = config.String("event.deserialization.failure.handling.mode").Default("fail").Valid(oneOf("event.deserialization.failure.handling.mode", "fail", "warn", "skip", "ignore")).
							RecommendValues("fail", "warn", "skip", "ignore").
							Group("Events", 35).Width(config.WidthShort).DisplayName("Event deserialization failure handling").
							Doc("Fail, warn, skip for bad binlog events.")
	keyInconsistentSchemaHandlingMode = config.String("inconsistent.schema.handling.mode").Default("fail").Valid(oneOf("inconsistent.schema.handling.mode", "fail", "warn", "skip", "ignore")).
						RecommendValues("fail", "warn", "skip", "ignore").
						Group("Events", 36).Width(config.WidthShort).DisplayName("Inconsistent schema failure handling").
						Doc("Fail, warn, skip: event for a table not in the in-memory schema.")
	keyGtidSourceFilterDmlEvents = config.Boolean("gtid.source.filter.dml.events").Default(true).
					Group("Events", 37).Width(config.WidthShort).DisplayName("Filter DML events").
					Doc("Drop DML from excluded sources.")
	keyGtidIgnoreOnRecovery = config.Boolean("gtid.ignore.on.recovery").Default(false).
				Group("Events", 38).Importance(config.Low).Width(config.WidthShort).DisplayName("Ignore GTID on recovery").
				Doc("Resume from file/pos even when GTIDs exist.")
	keyGtidSourceIncludes = config.List("gtid.source.includes").Dependents("table.include.list").
				Group("Events", 39).Importance(config.High).Width(config.WidthLong).DisplayName("Include GTID sources").
				Doc("Server UUIDs used to find the position.")
	keyGtidSourceExcludes = config.String("gtid.source.excludes").VisibleIf(never).
				Group("Events", 40).Width(config.WidthLong).DisplayName("Exclude GTID sources").
				Doc("UUIDs of servers whose GTIDs are left out when the position is found. Not with gtid.source.includes.")
	keySourceinfoStructMaker = config.Class("sourceinfo.struct.maker").Default("io.debezium.connector.mysql.MySqlSourceInfoStructMaker").
					Group("Events", 41).Importance(config.Low).Width(config.WidthMedium).DisplayName("Source info struct maker class").
					Doc("Source info struct maker class.")
	keyTopicHeartbeatPrefix = config.String("topic.heartbeat.prefix").Default("__debezium-heartbeat").Aliases("heartbeat.topics.prefix").
				Group("Events", 42).Importance(config.Low).Width(config.WidthMedium).DisplayName("Heartbeat topic prefix").
				Doc("Topic = <heartbeat prefix>.<topic.prefix>.")
	keyTopicHeartbeatName = config.String("topic.heartbeat.name").Default("").
				Group("Events", 43).Importance(config.Low).Width(config.WidthMedium).DisplayName("Heartbeat topic name").
				Doc("Full heartbeat topic name override.")
	keyTopicTransaction = config.String("topic.transaction").Default("transaction").
				Group("Events", 44).Importance(config.Low).Width(config.WidthMedium).DisplayName("Transaction topic name").
				Doc("Topic = <topic.prefix>.transaction.")
	keyTopicDelimiter = config.String("topic.delimiter").Default(".").
				Group("Events", 45).Importance(config.Low).Width(config.WidthShort).DisplayName("Topic delimiter").
				Doc("Topic delimiter.")
	keyTopicCacheSize = config.Int("topic.cache.size").Default(10000).
				Group("Events", 46).Importance(config.Low).Width(config.WidthShort).DisplayName("Topic cache size").
				Doc("No effect: names are kept with the tables.")
	keyBinaryHandlingMode = config.String("binary.handling.mode").Default("bytes").Valid(oneOf("binary.handling.mode", "bytes", "base64", "base64-url-safe", "hex")).
				Group("Events", 47).Importance(config.Low).Width(config.WidthShort).DisplayName("Binary Handling").
				Doc("Bytes, base64, base64-url-safe, hex.")
	keyFieldNameAdjustmentMode = config.String("field.name.adjustment.mode").Default("none").Valid(oneOf("field.name.adjustment.mode", "none", "avro", "avro_unicode")).
					Group("Events", 48).Importance(config.Low).Width(config.WidthShort).DisplayName("Field Name Adjustment").
					Doc("Same values.")
	keySkipMessagesWithoutChange = config.Boolean("skip.messages.without.change").Default(false).
					Group("Events", 49).Width(config.WidthShort).DisplayName("Skip messages without change").
					Doc("Drop updates in which no included column changed (needs binlog_row_image=FULL).")
	keyEventConvertingFailureHandlingMode = config.String("event.converting.failure.handling.mode").Default("warn").Valid(oneOf("event.converting.failure.handling.mode", "fail", "warn", "skip")).
						Group("Events", 50).Width(config.WidthShort).DisplayName("Event converting failure handling").
						Doc("No effect: a row that does not fit the known definition of its table has the definition looked up anew; what fits none is dealt with by inconsistent.schema.handling.mode, bytes that are no value by event.processing.failure.handling.mode.")
	keyResolveCreateTableLikeSchema = config.Boolean("resolve.create.table.like.schema").Default(false).
					Group("Events", 51).Width(config.WidthShort).DisplayName("Resolve CREATE TABLE LIKE").
					Doc("No effect: a table of unknown definition is always looked up, one that CREATE TABLE LIKE made, too.")
	keyUnavailableValuePlaceholder = config.String("unavailable.value.placeholder").Default("__debezium_unavailable_value").
					Group("Events", 52).Width(config.WidthMedium).DisplayName("Placeholder of missing values").
					Doc("Stands for a large value that is not in the binary log (sessions with binlog_row_image=NOBLOB or MINIMAL); of binary columns by binary.handling.mode.")
	keySourceStructVersion = config.String("source.struct.version").Default("v2").
				Group("Events", 53).Importance(config.Low).Width(config.WidthShort).DisplayName("Source struct version").
				Doc("Source block version (internal/deprecated).")
	keySignalEmitFailureMaxRetries = config.Int("signal.emit.failure.max.retries").Default(0).
					Group("Events", 54).Width(config.WidthShort).DisplayName("Retries of watermark writes").
					Doc("Retry of watermark writes.")
	keySignalEmitFailureBackoffMs = config.Long("signal.emit.failure.backoff.ms").Default(10000).
					Group("Events", 55).Width(config.WidthShort).DisplayName("Wait between retries of watermark writes (ms)").
					Doc("Wait between retries of watermark writes (ms).")
	keySignalKafkaTopic = config.String("signal.kafka.topic").
				Group("Events", 56).Importance(config.High).Width(config.WidthLong).DisplayName("Signal topic name").
				Doc("One partition; record key must equal topic.prefix.")
	keySignalKafkaGroupID = config.String("signal.kafka.groupId").Default("kafka-signal").
				Group("Events", 57).Importance(config.Low).Width(config.WidthLong).DisplayName("Signal consumer group").
				Doc("Signal consumer group.")
	keySignalKafkaBootstrapServers = config.String("signal.kafka.bootstrap.servers").
					Group("Events", 58).Importance(config.High).Width(config.WidthLong).DisplayName("Signal Kafka broker addresses").
					Doc("Signal Kafka broker addresses.")
	keySignalKafkaPollTimeoutMs = config.Int("signal.kafka.poll.timeout.ms").Default(100).
					Group("Events", 59).Importance(config.Low).Width(config.WidthShort).DisplayName("Signal poll timeout (ms)").
					Doc("No effect: signal.poll.interval.ms is the pause between two looks.")
	keySignalFile = config.String("signal.file").Default("file-signals.txt").
			Group("Events", 60).Importance(config.High).Width(config.WidthLong).DisplayName("Signal file").
			Doc("File channel.")
	keyTopicRegex = config.String("topic.regex").
			Group("Events", 61).Importance(config.Low).Width(config.WidthLong).DisplayName("Topic regex").
			Doc("With a regular expression as topic.naming.strategy: the pattern that a topic must match as a whole for topic.replacement to replace it.")
	keyTopicReplacement = config.String("topic.replacement").
				Group("Events", 62).Importance(config.Low).Width(config.WidthLong).DisplayName("Topic replacement").
				Doc("What topic.regex is replaced by; $1 and ${name} are groups of it.")
	keyTopicKeyEnforceUniqueness = config.Boolean("topic.key.enforce.uniqueness").Default(true).
					Group("Events", 63).Importance(config.Low).Width(config.WidthShort).DisplayName("Add source topic name into key").
					Doc("With topic.regex: keys get a field that tells the tables apart that share a topic.")
	keyTopicKeyFieldName = config.String("topic.key.field.name").Default("__dbz__physicalTableIdentifier").
				Group("Events", 64).Importance(config.Low).Width(config.WidthLong).DisplayName("Key field name").
				Doc("Name of that field.")
	keyTopicKeyFieldRegex = config.String("topic.key.field.regex").
				Group("Events", 65).Importance(config.Low).Width(config.WidthLong).DisplayName("Key field regex").
				Doc("Pattern that the topic a table would have must match as a whole for topic.key.field.replacement to replace it in that field.")
	keyTopicKeyFieldReplacement = config.String("topic.key.field.replacement").
					Group("Events", 66).Importance(config.Low).Width(config.WidthLong).DisplayName("Key field replacement").
					Doc("What topic.key.field.regex is replaced by; $1 and ${name} are groups of it.")
)
