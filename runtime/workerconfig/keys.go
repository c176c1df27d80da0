package workerconfig

import (
	"errors"
	"slices"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/connectorconfig"
)

// Keys of both kinds of worker (Java: WorkerConfig, RestServerConfig). The manual is made from these texts.
var (
	keyBootstrapServers = config.List("bootstrap.servers").Required().Importance(config.High).Valid(config.Distinct(false, false)).
				Doc("Brokers to find the Kafka cluster with, as host:port separated by commas.")
	keyKeyConverter = config.Class("key.converter").Required().Importance(config.High).
			Doc("Converter of record keys for connectors that name none. Its keys follow with the prefix key.converter.")
	keyKeyConverterVersion = config.String("key.converter.plugin.version").Importance(config.Low).
				Doc("Version or range of versions of key.converter; the newest if not set.")
	keyValueConverter = config.Class("value.converter").Required().Importance(config.High).
				Doc("Converter of record values for connectors that name none. Its keys follow with the prefix value.converter.")
	keyValueConverterVersion = config.String("value.converter.plugin.version").Importance(config.Low).
					Doc("Version or range of versions of value.converter; the newest if not set.")
	keyHeaderConverter = config.Class("header.converter").Default("org.apache.kafka.connect.storage.SimpleHeaderConverter").Importance(config.Low).
				Doc("Converter of header values for connectors that name none. Its keys follow with the prefix header.converter.")
	keyHeaderConverterVersion = config.String("header.converter.plugin.version").Importance(config.Low).
					Doc("Version or range of versions of header.converter; the newest if not set.")

	keyShutdownTimeout = config.Long("task.shutdown.graceful.timeout.ms", config.AtLeast(0)).Default(5000).Importance(config.Low).
				Doc("How long the tasks of a worker, all together, may take to stop before they are abandoned.")
	keyStallTimeout = config.Long("task.stall.timeout.ms", config.AtLeast(0)).Default(300000).Importance(config.Low).
			Doc("After how long without progress a connector or task that has work counts as stalled: in the metric task_stalled, at /health and in the log. 0: none does.")
	keyMemoryBudget = config.Long("worker.memory.budget.bytes", config.AtLeast(-1)).Default(-1).Importance(config.Low).
			Doc("Memory for records under way of all tasks together: batches that Kafka has not acknowledged, records fetched and not yet taken by " +
			"sinks. A task that holds much waits before it takes on more; each keeps a guaranteed minimum. -1: half of GOMEMLIMIT or of the " +
			"container's limit, else a quarter of the machine's memory. 0: no common limit.")
	keyConversionThreads = config.Int("source.conversion.threads", config.AtLeast(-1)).Default(1).Importance(config.Low).
				Check(validThreads).
				Doc("How many threads at most transform and convert the records of one large batch (512 and more) of a source task; their order is kept. " +
			"Each has its own instances of transforms and converters, which costs memory. 1: the task's own only; -1: as many as there are cores, " +
			"4 at most. Batches are that large in snapshots and backlogs; more threads help where the task's own one is what limits it and cores are idle.")
	keyFlushInterval = config.Long("offset.flush.interval.ms", config.AtLeast(1)).Default(60000).Importance(config.Low).
				Doc("Time between commits of offsets.")
	keyFlushTimeout = config.Long("offset.flush.timeout.ms", config.AtLeast(1)).Default(5000).Importance(config.Low).
			Doc("How long storing source offsets may take; then it is tried again at the next commit. Without effect with exactly-once support.")

	keyTopicCreation = config.Boolean("topic.creation.enable").Default(true).Importance(config.Low).
				Doc("Whether tasks of source connectors with topic.creation keys create missing topics themselves.")
	keyTracking = config.Boolean("topic.tracking.enable").Default(true).Importance(config.Low).
			Doc("Whether the topics that each connector uses are recorded.")
	keyTrackingReset = config.Boolean("topic.tracking.allow.reset").Default(true).Importance(config.Low).
				Doc("Whether PUT /connectors/{name}/topics/reset is allowed.")

	keyOverridePolicy = config.String("connector.client.config.override.policy").Default("All").Importance(config.Medium).Check(validPolicy).
				Doc("Which client configs connectors may override with producer.override., consumer.override. and admin.override.: All, None, Allowlist, or the deprecated Principal.")
	keyOverrideAllowlist = config.List("connector.client.config.override.allowlist").Default([]string{}).Valid(config.Distinct(true, false)).
				Doc("For the policy Allowlist: the client configs that may be overridden.")

	keyConfigProviders = config.List("config.providers").Default([]string{}).Importance(config.Low).Valid(config.Distinct(true, false)).
				Doc("Names of config providers, which replace ${name:path:key} in configs. Their classes stand in config.providers.<name>.class, their settings in config.providers.<name>.param.")
	keyPluginPath = config.List("plugin.path").Importance(config.Low).Valid(config.Distinct(false, true)).
			Doc("Accepted for compatibility, without effect: plugins are compiled in.")
	keyPluginDiscovery = config.String("plugin.discovery").Default("hybrid_warn").Importance(config.Low).
				Valid(config.OneOfFold("only_scan", "service_load", "hybrid_warn", "hybrid_fail")).
				Doc("Accepted for compatibility, without effect: plugins are compiled in.")

	keyListeners = config.List("listeners").Default([]string{"http://:8083"}).Importance(config.Low).Valid(listenersValidator(true)).
			Doc("Addresses of the REST API, separated by commas: http://host:port or https://host:port. No host, or 0.0.0.0, is every interface.")
	keyAdminListeners = config.List("admin.listeners").Importance(config.Low).Valid(listenersValidator(false)).
				Doc("Addresses of /admin, as in listeners. Not set: /admin is served by listeners. Empty: it is not served.")
	keyAdvertisedHost = config.String("rest.advertised.host.name").Importance(config.Low).
				Doc("Host under which the other workers reach this one.")
	keyAdvertisedPort = config.Int("rest.advertised.port", config.Range(0, 65535)).Importance(config.Low).
				Doc("Port under which the other workers reach this one.")
	keyAdvertisedListener = config.String("rest.advertised.listener").Importance(config.Low).Check(validScheme).
				Doc("Whether the other workers reach this one by http or https.")
	keyAllowOrigin = config.String("access.control.allow.origin").Default("").Importance(config.Low).Check(validOrigins).
			Doc("Origins that may use the REST API from a browser (CORS), separated by commas: regular expressions for the whole origin, such as https://.*\\.example\\.com. * is all, empty is none.")
	keyAllowMethods = config.String("access.control.allow.methods").Default("").Importance(config.Low).
			Doc("Methods that other origins may use, separated by commas; empty is GET, POST and HEAD.")
	keyResponseHeaders = config.String("response.http.headers.config").Default("").Importance(config.Low).Check(validHeaderRules).
				Doc("Headers of REST responses: rules of the form [action] name:value, separated by commas, quoted where they hold a comma. Actions are set, add, setDate and addDate.")
	keyRESTExtensions = config.List("rest.extension.classes").Default([]string{}).Importance(config.Low).Valid(config.Distinct(true, false)).
				Doc("Accepted for compatibility, without effect: classes that extend the REST API.")
	keyClientAuth = config.String("ssl.client.auth").Default("none").Importance(config.Low).ValidValues("required", "requested", "none").
			Doc("Whether clients of https listeners need a certificate.")

	keyMetricsSamples = config.Int("metrics.num.samples", config.AtLeast(1)).Default(2).Importance(config.Low).
				Doc("Number of samples of a metric.")
	keyMetricsWindow = config.Long("metrics.sample.window.ms", config.AtLeast(0)).Default(30000).Importance(config.Low).
				Doc("Time that a sample of a metric covers.")
	keyMetricsLevel = config.String("metrics.recording.level").Default("INFO").Importance(config.Low).ValidValues("INFO", "DEBUG").
			Doc("Which metrics are recorded.")
	keyMetricReporters = config.List("metric.reporters").Default([]string{"org.apache.kafka.common.metrics.JmxReporter"}).Importance(config.Low).
				Valid(config.Distinct(true, false)).
				Doc("Accepted for compatibility, without effect: metrics are served at /metrics.")
	keyDNSLookup = config.String("client.dns.lookup").Default("use_all_dns_ips").ValidValues("use_all_dns_ips", "resolve_canonical_bootstrap_servers_only").
			Doc("How host names of brokers are looked up.")
)

// commonKeys are the keys of both kinds.
func commonKeys() *config.Def {
	return config.NewDef(
		keyBootstrapServers, keyDNSLookup, keyKeyConverter, keyKeyConverterVersion, keyValueConverter, keyValueConverterVersion,
		keyShutdownTimeout, keyMemoryBudget, keyConversionThreads, keyStallTimeout, keyFlushInterval, keyFlushTimeout, keyPluginPath, keyPluginDiscovery,
		keyMetricsWindow, keyMetricsSamples, keyMetricsLevel, keyMetricReporters,
		keyHeaderConverter, keyHeaderConverterVersion, keyConfigProviders, keyOverridePolicy, keyOverrideAllowlist, keyTopicCreation,
		keyTracking, keyTrackingReset,
		keyListeners, keyAdvertisedHost, keyAdvertisedPort, keyAdvertisedListener, keyAllowOrigin, keyAllowMethods, keyResponseHeaders,
		keyClientAuth, keyRESTExtensions, keyAdminListeners,
	).With(connectorconfig.RestartKeys()...).Join(connectorconfig.SecurityKeys()).PassThrough(passThrough...)
}

// passThrough are prefixes whose keys belong to others.
var passThrough = []string{
	"producer.", "consumer.", "admin.", "key.converter.", "value.converter.", "header.converter.", "config.providers.",
	"listeners.https.", "admin.listeners.https.", "metrics.context.",
	"config.storage.", "offset.storage.", "status.storage.",
}

func validThreads(n int32) error {
	if n == 0 {
		return errors.New("must be -1 or at least 1")
	}
	return nil
}

func validPolicy(s string) error {
	_, err := connectorconfig.ParsePolicy(s, nil)
	return err
}

func oneOf(s string, of ...string) bool { return slices.Contains(of, s) }
