package workerconfig

import (
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/supervise"
)

// Worker is what distributed and standalone workers have in common.
type Worker struct {
	BootstrapServers []string
	ClientID         string // distributed

	KeyConverter, ValueConverter, HeaderConverter Converter

	MemoryBudget        int64         // worker.memory.budget.bytes: -1 for one of the machine's choosing, 0 for none
	ConversionThreads   int           // source.conversion.threads: -1 for one of the machine's choosing
	TaskShutdownTimeout time.Duration // task.shutdown.graceful.timeout.ms: of all tasks together
	StallTimeout        time.Duration // task.stall.timeout.ms; 0: off
	OffsetFlushInterval time.Duration
	OffsetFlushTimeout  time.Duration

	Restart supervise.Policy // errors.restart.*, for connectors that say nothing of it

	TopicCreation           bool // topic.creation.enable
	TopicTracking           bool // topic.tracking.enable
	TopicTrackingAllowReset bool

	OverridePolicy    string   // connector.client.config.override.policy
	OverrideAllowlist []string // for the policy Allowlist

	ConfigProviders []string // config.providers; their settings are in Originals
	PluginPath      []string // accepted; connectd's plugins are compiled in

	REST    REST
	Metrics Metrics
	Clients Clients

	// Originals are the props as they were loaded: passwords too, never log them.
	Originals config.Props
	// Warnings are for the log: unknown keys, deprecated ones, keys without effect. They hold no values.
	Warnings []string
}

// Converter is a default converter of the worker.
type Converter struct {
	Class   string
	Version string       // *.converter.plugin.version; "" for the newest
	Props   config.Props // without the prefix, plugin.version left out
}

// REST are the keys of the REST server.
type REST struct {
	Listeners []Listener
	// Admin are the listeners of /admin; nil with AdminOff=false means: the same as Listeners.
	Admin    []Listener
	AdminOff bool // admin.listeners is set and empty: no /admin

	AdvertisedHost     string // "" for the host of the listener, or the machine's
	AdvertisedPort     int    // 0 for the listener's
	AdvertisedListener string // http or https; "" for the first listener's

	AllowOrigin, AllowMethods string // CORS; "" is off
	ResponseHeaders           []HeaderRule
	// TLS are the ssl.* keys of https listeners: listeners.https.ssl.*, else ssl.*. AdminTLS: admin.listeners.https.ssl.*, else TLS.
	TLS, AdminTLS config.Props
}

// Listener is one address to listen on.
type Listener struct {
	Scheme string // http or https
	Host   string // "" for all interfaces
	Port   int    // 0 for any free port
}

// HeaderRule is one entry of response.http.headers.config.
type HeaderRule struct {
	Action string // set, add, setDate or addDate
	Name   string
	Value  string // for dates: milliseconds
}

// Metrics are the metrics.* keys.
type Metrics struct {
	NumSamples     int
	SampleWindow   time.Duration
	RecordingLevel string       // INFO, DEBUG or TRACE
	Context        config.Props // metrics.context.*, without the prefix
}

// Clients are Kafka client configs. A client's config is Worker with the map of its kind on top (Java: Worker.baseProducerConfigs and
// the like), then what a connector overrides.
type Clients struct {
	// Common are the worker's own keys that are client configs: bootstrap.servers, security.protocol, ssl.*, sasl.*, …
	Common config.Props
	// Producer, Consumer and Admin are producer.*, consumer.* and admin.* without their prefixes.
	Producer, Consumer, Admin config.Props
}

// Topic is an internal topic.
type Topic struct {
	Name              string
	Partitions        int32        // -1: the broker's default
	ReplicationFactor int16        // -1: the broker's default
	Configs           config.Props // other topic configs; cleanup.policy is not among them
}

// ExactlyOnce is exactly.once.source.support (KIP-618).
type ExactlyOnce string

// The steps of switching exactly-once support for sources on.
const (
	ExactlyOnceDisabled  ExactlyOnce = "disabled"
	ExactlyOncePreparing ExactlyOnce = "preparing"
	ExactlyOnceEnabled   ExactlyOnce = "enabled"
)

// Distributed is the config of a worker in a group.
type Distributed struct {
	Worker

	GroupID                    string
	InstanceID                 string // group.instance.id, empty for a dynamic member
	SessionTimeout             time.Duration
	HeartbeatInterval          time.Duration
	RebalanceTimeout           time.Duration
	WorkerSyncTimeout          time.Duration
	WorkerUnsyncBackoff        time.Duration
	ScheduledRebalanceMaxDelay time.Duration
	Protocol                   string // connect.protocol: eager, compatible or sessioned
	ExactlyOnce                ExactlyOnce
	InterWorker                InterWorker
	Config, Offset, Status     Topic
	AutomaticInternalTopics    bool // internal.topics.automatic.creation.enable (KIP-1209)
}

// TransactionalLeader reports whether the leader writes the config topic in transactions.
func (d Distributed) TransactionalLeader() bool { return d.ExactlyOnce != ExactlyOnceDisabled }

// InterWorker are the keys of signed requests between workers (KIP-507). Algorithms are names of Java: HmacSHA256 and its like.
type InterWorker struct {
	KeyGenerationAlgorithm string
	KeySize                int // bits; 0: the algorithm's
	KeyTTL                 time.Duration
	SignatureAlgorithm     string
	VerificationAlgorithms []string
}

// Standalone is the config of a worker without a group.
type Standalone struct {
	Worker
	OffsetFile string // offset.storage.file.filename
}
