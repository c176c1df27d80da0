package workerconfig

import (
	"errors"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect/config"
)

// hmacs are the MAC algorithms that workers can sign with, by Java's names.
var hmacs = []string{"HmacSHA1", "HmacSHA224", "HmacSHA256", "HmacSHA384", "HmacSHA512", "HmacSHA512/224", "HmacSHA512/256"}

func supportedMAC(name string) error {
	if !slices.Contains(hmacs, name) {
		return errors.New("the algorithm is not supported; the supported algorithms are: " + strings.Join(hmacs, ", "))
	}
	return nil
}

func supportedMACs(names []string) error {
	if len(names) == 0 {
		return errors.New("At least one signature verification algorithm must be provided")
	}
	for _, n := range names {
		if err := supportedMAC(n); err != nil {
			return errors.New(n + ": " + err.Error())
		}
	}
	return nil
}

func replicationFactor(n int16) error {
	if n < 1 && n != -1 {
		return errors.New("Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's default")
	}
	return nil
}

// topicName is what brokers allow (org.apache.kafka.common.internals.Topic.validate).
func topicName(s string) error {
	const legal = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	if s == "" || s == "." || s == ".." || len(s) > 249 || strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(legal, r) }) {
		return errors.New("a topic name has 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-', and is not . or ..")
	}
	return nil
}

func partitions(n int32) error {
	if n < 1 && n != -1 {
		return errors.New("Number of partitions must be positive, or -1 to use the broker's default")
	}
	return nil
}

// Keys of workers in a group (Java: DistributedConfig).
var (
	keyGroupID = config.String("group.id").Required().Valid(config.NonEmpty()).Importance(config.High).
			Doc("Name of the group that the workers of this Connect cluster form.")
	keySessionTimeout = config.Int("session.timeout.ms").Default(10000).Importance(config.High).
				Doc("After how long without a heartbeat a worker is thrown out of the group. Within the broker's group.min.session.timeout.ms and group.max.session.timeout.ms.")
	keyHeartbeat = config.Int("heartbeat.interval.ms").Default(3000).Importance(config.High).
			Doc("Time between heartbeats; not more than a third of session.timeout.ms.")
	keyInstanceID = config.String("group.instance.id").Default("").
			Doc("Makes the worker a static member of its group (KIP-345): a name of its own, the same after each restart. A worker that is back within " +
			"session.timeout.ms finds its connectors and tasks, and nothing moves meanwhile; so it is not handed over when it stops, either.")
	keyRebalanceTimeout = config.Int("rebalance.timeout.ms").Default(60000).Importance(config.High).
				Doc("How long a worker may take to join once a rebalance has begun: the time to stop tasks and flush.")
	keySyncTimeout = config.Int("worker.sync.timeout.ms", config.AtLeast(1)).Default(3000).
			Doc("How long a worker that lags behind the config topic tries to catch up before it leaves the group.")
	keyUnsyncBackoff = config.Int("worker.unsync.backoff.ms", config.AtLeast(0)).Default(300000).
				Doc("How long a worker that could not catch up stays out of the group.")
	keyMaxDelay = config.Int("scheduled.rebalance.max.delay.ms", config.Range(0, 1<<31-1)).Default(300000).Importance(config.Low).
			Doc("How long the group waits for lost workers to come back before it gives their connectors and tasks to others.")
	keyProtocol = config.String("connect.protocol").Default("sessioned").Importance(config.Low).Check(func(s string) error {
		if !oneOf(strings.ToLower(s), "eager", "compatible", "sessioned") {
			return errors.New("Invalid Connect protocol compatibility: use eager, compatible or sessioned")
		}
		return nil
	}).Doc("Protocol of the group: sessioned (incremental, signed requests), compatible (incremental) or eager.")
	keyExactlyOnce = config.String("exactly.once.source.support").Default("disabled").Importance(config.High).
			Valid(config.OneOfFold("disabled", "preparing", "enabled")).
			Doc("Exactly-once support for source connectors. To switch it on in a running cluster, set preparing on every worker first, then enabled.")
	keyClientID = config.String("client.id").Default("").Importance(config.Low).
			Doc("Name of the worker's clients in the logs and quotas of the brokers.")

	keyKeyAlgorithm = config.String("inter.worker.key.generation.algorithm").Default("HmacSHA256").Importance(config.Low).Check(supportedMAC).
			Doc("Algorithm that generates the keys of requests between workers.")
	keyKeySize = config.Int("inter.worker.key.size", config.AtLeast(1)).Importance(config.Low).
			Doc("Bits of those keys; the algorithm's default if not set.")
	keyKeyTTL = config.Int("inter.worker.key.ttl.ms", config.Range(0, 1<<31-1)).Default(3600000).Importance(config.Low).
			Doc("How long such a key is used.")
	keySignature = config.String("inter.worker.signature.algorithm").Default("HmacSHA256").Importance(config.Low).Check(supportedMAC).
			Doc("Algorithm that signs requests between workers; one of inter.worker.verification.algorithms.")
	keyVerification = config.List("inter.worker.verification.algorithms").Default([]string{"HmacSHA256"}).Importance(config.Low).Check(supportedMACs).
			Doc("Algorithms whose signatures are accepted.")

	keyConfigTopic = config.String("config.storage.topic").Required().Check(topicName).Importance(config.High).
			Doc("Topic of connector and task configs: one partition, compacted.")
	keyConfigReplication = config.Short("config.storage.replication.factor").Default(3).Importance(config.Low).Check(replicationFactor).
				Doc("Replication factor of the config topic, if it is created; -1 is the broker's default.")
	keyOffsetTopic = config.String("offset.storage.topic").Required().Check(topicName).Importance(config.High).
			Doc("Topic of source offsets, compacted.")
	keyOffsetPartitions = config.Int("offset.storage.partitions").Default(25).Importance(config.Low).Check(partitions).
				Doc("Partitions of the offsets topic, if it is created; -1 is the broker's default.")
	keyOffsetReplication = config.Short("offset.storage.replication.factor").Default(3).Importance(config.Low).Check(replicationFactor).
				Doc("Replication factor of the offsets topic, if it is created; -1 is the broker's default.")
	keyStatusTopic = config.String("status.storage.topic").Required().Check(topicName).Importance(config.High).
			Doc("Topic of the status of connectors and tasks, compacted.")
	keyStatusPartitions = config.Int("status.storage.partitions").Default(5).Importance(config.Low).Check(partitions).
				Doc("Partitions of the status topic, if it is created; -1 is the broker's default.")
	keyStatusReplication = config.Short("status.storage.replication.factor").Default(3).Importance(config.Low).Check(replicationFactor).
				Doc("Replication factor of the status topic, if it is created; -1 is the broker's default.")
	keyInternalTopics = config.Boolean("internal.topics.automatic.creation.enable").Default(true).
				Doc("Whether missing internal topics are created; if not, the worker refuses to start without them.")
)

// clientKeys are the settings of the worker's own Kafka clients.
var clientKeys = []config.AnyKey{
	config.Long("metadata.max.age.ms", config.AtLeast(0)).Default(300000).Importance(config.Low).Doc("After how long cluster metadata is asked for again."),
	config.Int("send.buffer.bytes", config.AtLeast(-1)).Default(131072).Doc("Bytes of the socket's send buffer; -1 is the system's."),
	config.Int("receive.buffer.bytes", config.AtLeast(-1)).Default(32768).Doc("Bytes of the socket's receive buffer; -1 is the system's."),
	config.Long("reconnect.backoff.ms", config.AtLeast(0)).Default(50).Importance(config.Low).Doc("Wait before a broker is connected to again."),
	config.Long("reconnect.backoff.max.ms", config.AtLeast(0)).Default(1000).Importance(config.Low).Doc("Longest wait before a broker is connected to again."),
	config.Long("socket.connection.setup.timeout.ms", config.AtLeast(0)).Default(10000).Importance(config.Low).Doc("How long connecting may take at first."),
	config.Long("socket.connection.setup.timeout.max.ms", config.AtLeast(0)).Default(30000).Importance(config.Low).Doc("How long connecting may take at most."),
	config.Long("retry.backoff.ms", config.AtLeast(0)).Default(100).Importance(config.Low).Doc("Wait before a failed request is sent again."),
	config.Long("retry.backoff.max.ms", config.AtLeast(0)).Default(1000).Importance(config.Low).Doc("Longest wait before a failed request is sent again."),
	config.Long("bootstrap.resolve.timeout.ms", config.AtLeast(0)).Default(0).Importance(config.High).Doc("How long looking up bootstrap.servers is tried again; 0: once."),
	config.Int("request.timeout.ms", config.AtLeast(0)).Default(40000).Doc("How long to wait for a broker's answer."),
	config.Long("connections.max.idle.ms").Default(540000).Doc("After how long an idle connection is closed."),
	config.String("security.protocol").Default("PLAINTEXT").ValidValues("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL").Doc("How brokers are talked to."),
	config.String("metadata.recovery.strategy").Default("rebootstrap").Importance(config.Low).Valid(config.OneOfFold("none", "rebootstrap")).
		Doc("What to do when no broker is known any more."),
	config.Long("metadata.recovery.rebootstrap.trigger.ms", config.AtLeast(0)).Default(300000).Importance(config.Low).
		Doc("After how long without metadata the client starts from bootstrap.servers."),
	config.Boolean("metadata.cluster.check.enable").Default(true).Importance(config.Low).Doc("Whether a client refuses brokers of another cluster."),
}

// DistributedKeys is the Def of a worker in a group.
func DistributedKeys() *config.Def {
	return config.NewDef(
		keyGroupID, keyInstanceID, keySessionTimeout, keyRebalanceTimeout, keyHeartbeat, keyExactlyOnce, keyClientID,
		keySyncTimeout, keyUnsyncBackoff, keyInternalTopics,
		keyOffsetTopic, keyOffsetPartitions, keyOffsetReplication, keyConfigTopic, keyConfigReplication,
		keyStatusTopic, keyStatusPartitions, keyStatusReplication, keyProtocol, keyMaxDelay,
		keyKeyTTL, keyKeyAlgorithm, keyKeySize, keySignature, keyVerification,
	).With(clientKeys...).Join(commonKeys())
}

var keyOffsetFile = config.String("offset.storage.file.filename").Required().Importance(config.High).Valid(config.NonEmpty()).
	Doc("File of source offsets.")

// StandaloneKeys is the Def of a worker without a group. Client settings are no keys of it in Java; they are taken all the same.
func StandaloneKeys() *config.Def {
	return config.NewDef(keyOffsetFile).With(clientKeys...).Join(commonKeys())
}
