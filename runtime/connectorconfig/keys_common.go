package connectorconfig

import "github.com/connectd/connectd/connect/config"

// The groups of the common keys.
const (
	groupCommon        = "Common"
	groupTransforms    = "Transforms"
	groupPredicates    = "Predicates"
	groupErrors        = "Error Handling"
	groupTopicCreation = "Topic Creation"
	groupExactlyOnce   = "Exactly Once Support"
	groupOffsets       = "offsets.topic"
)

// Keys of every connector (Java: ConnectorConfig). The texts are those Kafka Connect 4.3.1 answers over REST: forms and checks
// of existing deployments compare them.
var (
	keyName = config.String("name").Required().Importance(config.High).Group(groupCommon, 1).Width(config.WidthMedium).
		DisplayName("Connector name").
		Doc("Globally unique name to use for this connector.").
		Valid(config.NonEmptyWithoutControlChars())
	keyClass = config.String("connector.class").Required().Importance(config.High).Group(groupCommon, 2).Width(config.WidthLong).
			DisplayName("Connector class").
			Doc("Name or alias of the class for this connector. Must be a subclass of " +
			"org.apache.kafka.connect.connector.Connector. If the connector is " +
			"org.apache.kafka.connect.file.FileStreamSinkConnector, you can either specify this full name,  or use " +
			"\"FileStreamSink\" or \"FileStreamSinkConnector\" to make the configuration a bit shorter")
	keyVersion = config.String("connector.plugin.version").Importance(config.Medium).Group(groupCommon, 3).Width(config.WidthMedium).
			DisplayName("Connector version").
			Doc("Version of the connector.").
			Check(versionRange)
	keyTasksMax = config.Int("tasks.max", config.AtLeast(1)).Default(1).Importance(config.High).Group(groupCommon, 4).Width(config.WidthShort).
			DisplayName("Tasks max").
			Doc("Maximum number of tasks to use for this connector.")
	keyTasksMaxEnforce = config.Boolean("tasks.max.enforce").Default(true).Importance(config.Low).Group(groupCommon, 5).Width(config.WidthShort).
				DisplayName("Enforce tasks max").
				Doc("(Deprecated) Whether to enforce that the tasks.max property is respected by the connector. By default, " +
			"connectors that generate too many tasks will fail, and existing sets of tasks that exceed the tasks.max " +
			"property will also be failed. If this property is set to false, then connectors will be allowed to generate " +
			"more than the maximum number of tasks, and existing sets of tasks that exceed the tasks.max property will be " +
			"allowed to run. This property is deprecated and will be removed in an upcoming major release.")
	keyKeyConverter = config.Class("key.converter").Importance(config.Low).Group(groupCommon, 6).Width(config.WidthShort).
			DisplayName("Key converter class").
			Doc("Converter class used to convert between Kafka Connect format and the serialized form that is written to " +
			"Kafka. This controls the format of the keys in messages written to or read from Kafka, and since this is " +
			"independent of connectors it allows any connector to work with any serialization format. Examples of common " +
			"formats include JSON and Avro.")
	keyKeyConverterVersion = config.String("key.converter.plugin.version").Importance(config.Low).Group(groupCommon, 7).Width(config.WidthShort).
				DisplayName("Key converter version").
				Doc("Version of the key converter.").
				Check(versionRange)
	keyValueConverter = config.Class("value.converter").Importance(config.Low).Group(groupCommon, 8).Width(config.WidthShort).
				DisplayName("Value converter class").
				Doc("Converter class used to convert between Kafka Connect format and the serialized form that is written to " +
			"Kafka. This controls the format of the values in messages written to or read from Kafka, and since this is " +
			"independent of connectors it allows any connector to work with any serialization format. Examples of common " +
			"formats include JSON and Avro.")
	keyValueConverterVersion = config.String("value.converter.plugin.version").Importance(config.Low).Group(groupCommon, 9).Width(config.WidthShort).
					DisplayName("Value converter version").
					Doc("Version of the value converter.").
					Check(versionRange)
	keyHeaderConverter = config.Class("header.converter").Importance(config.Low).Group(groupCommon, 10).Width(config.WidthShort).
				DisplayName("Header converter class").
				Doc("HeaderConverter class used to convert between Kafka Connect format and the serialized form that is written " +
			"to Kafka. This controls the format of the header values in messages written to or read from Kafka, and since " +
			"this is independent of connectors it allows any connector to work with any serialization format. Examples of " +
			"common formats include JSON and Avro. By default, the SimpleHeaderConverter is used to serialize header " +
			"values to strings and deserialize them by inferring the schemas.")
	keyHeaderConverterVersion = config.String("header.converter.plugin.version").Importance(config.Low).Group(groupCommon, 11).Width(config.WidthShort).
					DisplayName("Header converter version").
					Doc("Version of the header converter.").
					Check(versionRange)
	keyTransforms = config.List("transforms").Default([]string{}).Importance(config.Low).Group(groupTransforms, 12).Width(config.WidthLong).
			DisplayName("Transforms").
			Doc("Aliases for the transformations to be applied to records.").
			Check(uniqueAliases)
	keyPredicates = config.List("predicates").Default([]string{}).Importance(config.Low).Group(groupPredicates, 13).Width(config.WidthLong).
			DisplayName("Predicates").
			Doc("Aliases for the predicates used by transformations.").
			Check(uniqueAliases)
	keyConfigReload = config.String("config.action.reload").Default("restart").Importance(config.Low).Group(groupCommon, 14).Width(config.WidthMedium).
			DisplayName("Reload Action").
			Doc("The action that Connect should take on the connector when changes in external configuration providers result "+
			"in a change in the connector's configuration properties. A value of 'none' indicates that Connect will do "+
			"nothing. A value of 'restart' indicates that Connect should restart/reload the connector with the updated "+
			"configuration properties.The restart may actually be scheduled in the future if the external configuration "+
			"provider indicates that a configuration value will expire in the future.").
		ValidValues("none", "restart")
	keyRetryTimeout = config.Long("errors.retry.timeout").Default(0).Importance(config.Medium).Group(groupErrors, 1).Width(config.WidthMedium).
			DisplayName("Retry Timeout for Errors").
			Doc("The maximum duration in milliseconds that a failed operation will be reattempted. The default is 0, which " +
			"means no retries will be attempted. Use -1 for infinite retries.")
	keyRetryMaxDelay = config.Long("errors.retry.delay.max.ms").Default(60000).Importance(config.Medium).Group(groupErrors, 2).Width(config.WidthMedium).
				DisplayName("Maximum Delay Between Retries for Errors").
				Doc("The maximum duration in milliseconds between consecutive retry attempts. Jitter will be added to the delay " +
			"once this limit is reached to prevent thundering herd issues.")
	keyTolerance = config.String("errors.tolerance").Default("none").Importance(config.Medium).Group(groupErrors, 3).Width(config.WidthShort).
			DisplayName("Error Tolerance").
			Doc("Behavior for tolerating errors during connector operation. 'none' is the default value and signals that any "+
			"error will result in an immediate connector task failure; 'all' changes the behavior to skip over "+
			"problematic records.").
		ValidValues("none", "all")
	keyLogErrors = config.Boolean("errors.log.enable").Default(false).Importance(config.Medium).Group(groupErrors, 4).Width(config.WidthShort).
			DisplayName("Log Errors").
			Doc("If true, write each error and the details of the failed operation and problematic record to the Connect " +
			"application log. This is 'false' by default, so that only errors that are not tolerated are reported.")
	keyLogMessages = config.Boolean("errors.log.include.messages").Default(false).Importance(config.Medium).Group(groupErrors, 5).Width(config.WidthShort).
			DisplayName("Log Error Details").
			Doc("Whether to include in the log the Connect record that resulted in a failure. For sink records, the topic, " +
			"partition, offset, and timestamp will be logged. For source records, the key and value (and their schemas), " +
			"all headers, and the timestamp, Kafka topic, Kafka partition, source partition, and source offset will be " +
			"logged. This is 'false' by default, which will prevent record keys, values, and headers from being written " +
			"to log files.")
)
