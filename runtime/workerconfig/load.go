package workerconfig

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/connectorconfig"
)

// Problems are all the errors of a worker config. Each is a *config.Error; passwords are hidden in them.
type Problems struct{ Errors []*config.Error }

// Error lists them, one a line.
func (p *Problems) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the worker config has %d problem(s):", len(p.Errors))
	for _, e := range p.Errors {
		b.WriteString("\n  " + e.Key + ": " + strings.TrimPrefix(e.Message, e.Key+": "))
	}
	return b.String()
}

// LoadDistributed types the config of a worker in a group. The error is a *Problems.
func LoadDistributed(props config.Props) (Distributed, error) {
	l := newLoader(DistributedKeys(), props)
	v := l.values
	d := Distributed{
		Worker:                     l.worker(),
		GroupID:                    keyGroupID.Get(v),
		InstanceID:                 keyInstanceID.Get(v),
		SessionTimeout:             config.Millis(keySessionTimeout, v),
		HeartbeatInterval:          config.Millis(keyHeartbeat, v),
		RebalanceTimeout:           config.Millis(keyRebalanceTimeout, v),
		WorkerSyncTimeout:          config.Millis(keySyncTimeout, v),
		WorkerUnsyncBackoff:        config.Millis(keyUnsyncBackoff, v),
		ScheduledRebalanceMaxDelay: config.Millis(keyMaxDelay, v),
		Protocol:                   strings.ToLower(keyProtocol.Get(v)),
		ExactlyOnce:                ExactlyOnce(strings.ToLower(keyExactlyOnce.Get(v))),
		InterWorker: InterWorker{
			KeyGenerationAlgorithm: keyKeyAlgorithm.Get(v), KeySize: int(keyKeySize.Get(v)), KeyTTL: config.Millis(keyKeyTTL, v),
			SignatureAlgorithm: keySignature.Get(v), VerificationAlgorithms: keyVerification.Get(v),
		},
		Config:                  l.topic("config.storage.", keyConfigTopic, nil, keyConfigReplication),
		Offset:                  l.topic("offset.storage.", keyOffsetTopic, keyOffsetPartitions, keyOffsetReplication),
		Status:                  l.topic("status.storage.", keyStatusTopic, keyStatusPartitions, keyStatusReplication),
		AutomaticInternalTopics: keyInternalTopics.Get(v),
	}
	d.ClientID = keyClientID.Get(v)
	l.crossChecks(d)
	d.Warnings = l.warnings
	return d, l.err()
}

// LoadStandalone types the config of a worker without a group. The error is a *Problems.
func LoadStandalone(props config.Props) (Standalone, error) {
	l := newLoader(StandaloneKeys(), props)
	s := Standalone{Worker: l.worker(), OffsetFile: keyOffsetFile.Get(l.values)}
	s.Warnings = l.warnings
	return s, l.err()
}

type loader struct {
	def      *config.Def
	values   config.Values
	problems []*config.Error
	warnings []string
}

func newLoader(def *config.Def, props config.Props) *loader {
	v, err := def.Parse(props)
	return &loader{def: def, values: v, problems: config.Errors(err)}
}

func (l *loader) err() error {
	if len(l.problems) == 0 {
		return nil
	}
	return &Problems{Errors: l.problems}
}

func (l *loader) problem(key, value, message string) {
	l.problems = append(l.problems, &config.Error{Key: key, Value: value,
		Message: "Invalid value " + value + " for configuration " + key + ": " + message})
}

func (l *loader) warn(text string) { l.warnings = append(l.warnings, text) }

func (l *loader) worker() Worker {
	v := l.values
	w := Worker{
		BootstrapServers:    keyBootstrapServers.Get(v),
		KeyConverter:        l.converter("key.converter", keyKeyConverter, keyKeyConverterVersion),
		ValueConverter:      l.converter("value.converter", keyValueConverter, keyValueConverterVersion),
		HeaderConverter:     l.converter("header.converter", keyHeaderConverter, keyHeaderConverterVersion),
		MemoryBudget:        keyMemoryBudget.Get(v),
		ConversionThreads:   int(keyConversionThreads.Get(v)),
		TaskShutdownTimeout: config.Millis(keyShutdownTimeout, v),
		StallTimeout:        config.Millis(keyStallTimeout, v),
		OffsetFlushInterval: config.Millis(keyFlushInterval, v),
		OffsetFlushTimeout:  config.Millis(keyFlushTimeout, v),
		Restart:             connectorconfig.RestartPolicy(v),
		TopicCreation:       keyTopicCreation.Get(v), TopicTracking: keyTracking.Get(v), TopicTrackingAllowReset: keyTrackingReset.Get(v),
		OverridePolicy: keyOverridePolicy.Get(v), OverrideAllowlist: keyOverrideAllowlist.Get(v),
		ConfigProviders: keyConfigProviders.Get(v), PluginPath: keyPluginPath.Get(v),
		REST: l.rest(),
		Metrics: Metrics{
			NumSamples: int(keyMetricsSamples.Get(v)), SampleWindow: config.Millis(keyMetricsWindow, v),
			RecordingLevel: keyMetricsLevel.Get(v), Context: v.WithPrefix("metrics.context."),
		},
		Clients:   l.clients(),
		Originals: v.Originals(),
	}
	l.unsupported()
	l.unknown()
	l.warnings = append(l.warnings, v.Warnings()...)
	return w
}

func (l *loader) converter(property string, class, version *config.Key[string]) Converter {
	c := Converter{Class: class.Get(l.values), Version: version.Get(l.values), Props: l.values.WithPrefix(property + ".")}
	delete(c.Props, "plugin.version")
	return c
}

func (l *loader) rest() REST {
	v := l.values
	r := REST{
		AdvertisedHost: keyAdvertisedHost.Get(v), AdvertisedPort: int(keyAdvertisedPort.Get(v)), AdvertisedListener: keyAdvertisedListener.Get(v),
		AllowOrigin: keyAllowOrigin.Get(v), AllowMethods: keyAllowMethods.Get(v),
		AdminOff: keyAdminListeners.IsSet(v) && len(keyAdminListeners.Get(v)) == 0,
		TLS:      l.tls("listeners.https."),
	}
	// The keys' checks found what is wrong with these.
	r.Listeners, _ = parseListeners(keyListeners.Get(v), true)
	r.Admin, _ = parseListeners(keyAdminListeners.Get(v), false)
	r.ResponseHeaders, _ = parseHeaderRules(keyResponseHeaders.Get(v))
	if r.AdminTLS = l.tls("admin.listeners.https."); len(v.WithPrefix("admin.listeners.https.")) == 0 {
		r.AdminTLS = r.TLS
	}
	return r
}

// tls takes the keys with the prefix if there are any, else the plain ssl.* keys (Java: SSLUtils.createServerSideSslContextFactory).
func (l *loader) tls(prefix string) config.Props {
	from := l.values.WithPrefix(prefix)
	if len(from) == 0 {
		from = l.values.Originals()
	}
	out := config.Props{}
	for k, v := range from {
		if strings.HasPrefix(k, "ssl.") {
			out[k] = v
		}
	}
	return out
}

// clients sorts out what the Kafka clients get.
func (l *loader) clients() Clients {
	v := l.values
	c := Clients{
		Common:   config.Props{},
		Producer: v.WithPrefix("producer."), Consumer: v.WithPrefix("consumer."), Admin: withoutPrefix(v.WithPrefix("admin."), "listeners"),
	}
	all := v.Originals()
	for _, k := range clientKeys {
		if s, ok := all[k.Name()]; ok {
			c.Common[k.Name()] = s
		}
	}
	for k, s := range all {
		if strings.HasPrefix(k, "ssl.") || strings.HasPrefix(k, "sasl.") || oneOf(k, "bootstrap.servers", "client.dns.lookup", "client.id") {
			c.Common[k] = s
		}
	}
	return c
}

func withoutPrefix(p config.Props, prefix string) config.Props {
	for k := range p {
		if strings.HasPrefix(k, prefix) {
			delete(p, k)
		}
	}
	return p
}

func (l *loader) topic(prefix string, name *config.Key[string], parts *config.Key[int32], replication *config.Key[int16]) Topic {
	t := Topic{Name: name.Get(l.values), Partitions: 1, ReplicationFactor: replication.Get(l.values), Configs: l.values.WithPrefix(prefix)}
	if parts != nil {
		t.Partitions = parts.Get(l.values)
	} else if _, ok := t.Configs["partitions"]; ok {
		l.warn("ignoring " + prefix + "partitions: the config topic always has one partition")
	}
	if _, ok := t.Configs["cleanup.policy"]; ok {
		l.warn("ignoring " + prefix + "cleanup.policy: compaction is always used")
	}
	for _, k := range []string{"topic", "partitions", "replication.factor", "cleanup.policy", "file.filename"} {
		delete(t.Configs, k)
	}
	return t
}

// unsupported warns of keys whose feature is not there.
func (l *loader) unsupported() {
	v := l.values
	for _, k := range []struct {
		set  bool
		text string
	}{
		{keyPluginPath.IsSet(v), "plugin.path has no effect: plugins are compiled in"},
		{keyPluginDiscovery.IsSet(v), "plugin.discovery has no effect: plugins are compiled in"},
		{len(keyRESTExtensions.Get(v)) > 0, "rest.extension.classes has no effect: REST extensions are not supported; the API is open to everybody who reaches it"},
		{keyMetricReporters.IsSet(v), "metric.reporters has no effect: metrics are served at /metrics"},
		{strings.Contains(keyOverridePolicy.Get(v), "Principal"), "connector.client.config.override.policy=Principal is deprecated: use Allowlist with connector.client.config.override.allowlist=sasl.jaas.config,sasl.mechanism,security.protocol"},
	} {
		if k.set {
			l.warn(k.text)
		}
	}
}

// unknown warns of keys nobody knows.
func (l *loader) unknown() {
	for _, k := range l.values.Unknown() {
		text := "unknown key " + k
		if strings.HasPrefix(k, "internal.key.converter") || strings.HasPrefix(k, "internal.value.converter") {
			text += ": internal converters are always JSON without schemas"
		} else if near, ok := l.def.Nearest(k); ok {
			text += "; did you mean " + near + "?"
		}
		l.warn(text)
	}
}

// crossChecks are rules about several keys.
func (l *loader) crossChecks(d Distributed) {
	if !oneOf(d.InterWorker.SignatureAlgorithm, d.InterWorker.VerificationAlgorithms...) && d.InterWorker.SignatureAlgorithm != "" && len(d.InterWorker.VerificationAlgorithms) > 0 {
		l.problem(keySignature.Name(), d.InterWorker.SignatureAlgorithm, "Signature algorithm must be present in inter.worker.verification.algorithms list")
	}
	for _, t := range []struct {
		key string
		d   time.Duration
	}{
		{"session.timeout.ms", d.SessionTimeout}, {"heartbeat.interval.ms", d.HeartbeatInterval}, {"rebalance.timeout.ms", d.RebalanceTimeout},
	} {
		if t.d <= 0 && !l.hasProblem(t.key) {
			l.problem(t.key, fmt.Sprint(t.d.Milliseconds()), "it must be more than 0")
		}
	}
	if d.HeartbeatInterval >= d.SessionTimeout && d.SessionTimeout > 0 && !l.hasProblem("heartbeat.interval.ms") {
		l.problem("heartbeat.interval.ms", fmt.Sprint(d.HeartbeatInterval.Milliseconds()), "it must be less than session.timeout.ms")
	}
	l.sameTopic(d)
}

// sameTopic: one topic for two purposes corrupts both.
func (l *loader) sameTopic(d Distributed) {
	by := map[string]string{}
	for _, t := range []struct{ key, name string }{
		{"config.storage.topic", d.Config.Name}, {"offset.storage.topic", d.Offset.Name}, {"status.storage.topic", d.Status.Name},
	} {
		if other, ok := by[t.name]; ok && t.name != "" {
			l.problem(t.key, t.name, "it is the same topic as "+other)
		}
		by[t.name] = t.key
	}
}

func (l *loader) hasProblem(key string) bool {
	for _, p := range l.problems {
		if p.Key == key {
			return true
		}
	}
	return false
}

// IsProblems reports whether err says that the worker config is bad, and how.
func IsProblems(err error) (*Problems, bool) { return errors.AsType[*Problems](err) }
