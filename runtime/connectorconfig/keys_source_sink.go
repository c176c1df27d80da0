package connectorconfig

import "github.com/connectd/connectd/connect/config"

// Keys of source connectors (Java: SourceConnectorConfig).
var (
	keyCreationGroups = config.List("topic.creation.groups").Default([]string{}).Importance(config.Low).Group(groupTopicCreation, 1).Width(config.WidthLong).
				DisplayName("Topic Creation Groups").
				Doc("Groups of configurations for topics created by source connectors").
				Check(uniqueAliases)
	keyExactlyOnceSupport = config.String("exactly.once.support").Default("requested").Importance(config.Medium).Group(groupExactlyOnce, 2).Width(config.WidthShort).
				DisplayName("Exactly once support").
				Doc("Permitted values are requested, required. If set to \"required\", forces a preflight check for the connector " +
			"to ensure that it can provide exactly-once semantics with the given configuration. Some connectors may be " +
			"capable of providing exactly-once semantics but not signal to Connect that they support this; in that case, " +
			"documentation for the connector should be consulted carefully before creating it, and the value for this " +
			"property should be set to \"requested\". Additionally, if the value is set to \"required\" but the worker that " +
			"performs preflight validation does not have exactly-once support enabled for source connectors, requests to " +
			"create or validate the connector will fail.").
		Valid(config.OneOfFold("requested", "required"))
	keyBoundary = config.String("transaction.boundary").Default("poll").Importance(config.Medium).Group(groupExactlyOnce, 3).Width(config.WidthShort).
			DisplayName("Transaction Boundary").
			Doc("Permitted values are: poll, interval, connector. If set to 'poll', a new producer transaction will be " +
			"started and committed for every batch of records that each task from this connector provides to Connect. If " +
			"set to 'connector', relies on connector-defined transaction boundaries; note that not all connectors are " +
			"capable of defining their own transaction boundaries, and in that case, attempts to instantiate a connector " +
			"with this value will fail. Finally, if set to 'interval', commits transactions only after a user-defined " +
			"time interval has passed.").
		Valid(config.OneOfFold("interval", "poll", "connector"))
	keyBoundaryInterval = config.Long("transaction.boundary.interval.ms").Importance(config.Low).Group(groupExactlyOnce, 4).Width(config.WidthShort).
				DisplayName("Transaction boundary interval").
				Doc("If 'transaction.boundary' is set to 'interval', determines the interval for producer transaction commits by " +
			"connector tasks. If unset, defaults to the value of the worker-level 'offset.flush.interval.ms' property. It " +
			"has no effect if a different transaction.boundary is specified.").
		Check(notNegative)
	keyOffsetsTopic = config.String("offsets.storage.topic").Importance(config.Low).Group(groupOffsets, 1).Width(config.WidthLong).
			DisplayName("Offsets topic").
			Doc("The name of a separate offsets topic to use for this connector. If empty or not specified, the worker’s " +
			"global offsets topic name will be used. If specified, the offsets topic will be created if it does not " +
			"already exist on the Kafka cluster targeted by this connector (which may be different from the one used for " +
			"the worker's global offsets topic if the bootstrap.servers property of the connector's producer has been " +
			"overridden from the worker's). Only applicable in distributed mode; in standalone mode, setting this " +
			"property will have no effect.").
		Valid(config.NonEmpty())
)

// The keys of the dead-letter queue are for sinks in Java. connectd has them for sources, too.
func deadLetterKeys() []config.AnyKey {
	return []config.AnyKey{
		keyDlqTopic.Copy().Doc("The name of the topic to be used as the dead letter queue (DLQ) for records that fail in the " +
			"transformations or converters of this source connector, or that Kafka refuses. They are written there if " +
			"errors.tolerance is all. The topic name is blank by default, which means that no records are written to a DLQ."),
		keyDlqReplication, keyDlqHeaders,
	}
}

// Keys of sink connectors (Java: SinkConnectorConfig).
var (
	keyTopics = config.List("topics").Default([]string{}).Importance(config.High).Group(groupCommon, 4).Width(config.WidthLong).
			DisplayName("Topics").
			Doc("List of topics to consume, separated by commas")
	keyTopicsRegex = config.String("topics.regex").Default("").Importance(config.High).Group(groupCommon, 4).Width(config.WidthLong).
			DisplayName("Topics regex").
			Doc("Regular expression giving topics to consume. Under the hood, the regex is compiled to a " +
			"<code>java.util.regex.Pattern</code>. Only one of topics or topics.regex should be specified.").
		Check(validRegex)
	keyDlqTopic = config.String("errors.deadletterqueue.topic.name").Default("").Importance(config.Medium).Group(groupErrors, 6).Width(config.WidthMedium).
			DisplayName("Dead Letter Queue Topic Name").
			Doc("The name of the topic to be used as the dead letter queue (DLQ) for messages that result in an error when " +
			"processed by this sink connector, or its transformations or converters. The topic name is blank by default, " +
			"which means that no messages are to be recorded in the DLQ.")
	keyDlqReplication = config.Short("errors.deadletterqueue.topic.replication.factor").Default(3).Importance(config.Medium).Group(groupErrors, 7).Width(config.WidthMedium).
				DisplayName("Dead Letter Queue Topic Replication Factor").
				Doc("Replication factor used to create the dead letter queue topic when it doesn't already exist.")
	keyDlqHeaders = config.Boolean("errors.deadletterqueue.context.headers.enable").Default(false).Importance(config.Medium).Group(groupErrors, 8).Width(config.WidthMedium).
			DisplayName("Enable Error Context Headers").
			Doc("If true, add headers containing error context to the messages written to the dead letter queue. To avoid " +
			"clashing with headers from the original record, all error context header keys, all error context header keys " +
			"will start with <code>__connect.errors.</code>")
)
