package kafka

import (
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// setter applies one key. A nil setter stands for a key that is known and needs nothing here: it is handled elsewhere (security,
// servers), belongs to Java alone, or asks for what the Go client does anyway.
type setter func(b *builder, key, value string)

const maxInt = int64(math.MaxInt32)

// commonKeys are the keys of every client. (org.apache.kafka.clients.CommonClientConfigs)
var commonKeys = map[string]setter{
	"bootstrap.servers": nil,
	"client.dns.lookup": func(b *builder, k, v string) {
		b.oneOf(k, v, "use_all_dns_ips", "resolve_canonical_bootstrap_servers_only")
	},
	"client.id": func(b *builder, _, v string) {
		if v != "" {
			b.add(kgo.ClientID(v))
		}
	},
	"client.rack": func(b *builder, _, v string) {
		if v != "" {
			b.add(kgo.Rack(v))
		}
	},
	"connections.max.idle.ms": func(b *builder, k, v string) {
		// The Go client takes 100 ms to 15 min; -1 (never) becomes the longest.
		if d, ok := b.millis(k, v, -1, math.MaxInt64); ok {
			if d < 0 {
				d = 15 * time.Minute
			}
			b.add(kgo.ConnIdleTimeout(min(max(d, 100*time.Millisecond), 15*time.Minute)))
		}
	},
	"metadata.max.age.ms": func(b *builder, k, v string) {
		if d, ok := b.millis(k, v, 0, math.MaxInt64); ok {
			d = min(max(d, 10*time.Millisecond), time.Hour)
			b.add(kgo.MetadataMaxAge(d), kgo.MetadataMinAge(min(d, b.metadataMinAge())))
		}
	},
	"request.timeout.ms": func(b *builder, k, v string) {
		if d, ok := b.millis(k, v, 0, maxInt); ok {
			b.add(kgo.RequestTimeoutOverhead(min(max(d, 100*time.Millisecond), 15*time.Minute)))
		}
	},
	"socket.connection.setup.timeout.ms": func(b *builder, k, v string) {
		if d, ok := b.millis(k, v, 1, math.MaxInt64); ok {
			b.add(kgo.DialTimeout(d))
		}
	},
	"retry.backoff.ms":         func(b *builder, k, v string) { b.setMillis(k, v, &b.backoff) },
	"retry.backoff.max.ms":     func(b *builder, k, v string) { b.setMillis(k, v, &b.backoffMax) },
	"reconnect.backoff.ms":     func(b *builder, k, v string) { b.setMillis(k, v, &b.reconnect) },
	"reconnect.backoff.max.ms": func(b *builder, k, v string) { b.setMillis(k, v, &b.reconnectMax) },

	"receive.buffer.bytes": nil, "send.buffer.bytes": nil, "metadata.recovery.strategy": nil,
	"metadata.recovery.rebootstrap.trigger.ms": nil, "metadata.cluster.check.enable": nil, "bootstrap.resolve.timeout.ms": nil,
	"bootstrap.controllers": nil, "socket.connection.setup.timeout.max.ms": nil, "default.api.timeout.ms": nil, "retries": nil,
	"metric.reporters": nil, "metrics.num.samples": nil, "metrics.sample.window.ms": nil, "metrics.recording.level": nil,
	"auto.include.jmx.reporter": nil, "enable.metrics.push": nil, "config.providers": nil,
}

// producerKeys are the keys of producers. (org.apache.kafka.clients.producer.ProducerConfig)
var producerKeys = map[string]setter{
	"acks":               func(b *builder, _, v string) { b.acks = v },
	"enable.idempotence": func(b *builder, _, v string) { b.idempotence = strings.ToLower(v) },
	"max.in.flight.requests.per.connection": func(b *builder, k, v string) {
		if n, ok := b.whole(k, v, 1, maxInt); ok {
			b.inFlight = int(n)
		}
	},
	"linger.ms": func(b *builder, k, v string) {
		if d, ok := b.millis(k, v, 0, math.MaxInt64); ok {
			b.add(kgo.ProducerLinger(min(d, time.Minute)))
		}
	},
	// Java's batch.size is a target, not a limit: a larger record still goes out, in a batch of its own. The Go client has only the
	// limit (max.request.size) and cuts batches by linger; the value is checked and has no further effect.
	"batch.size": func(b *builder, k, v string) { b.whole(k, v, 0, maxInt) },
	"max.request.size": func(b *builder, k, v string) {
		if n, ok := b.whole(k, v, 0, maxInt); ok {
			n = min(max(n, 512), 1<<30)
			b.out.MaxBatchBytes = int32(n)
			b.add(kgo.ProducerBatchMaxBytes(int32(n)))
			if n > 100<<20 {
				b.add(kgo.BrokerMaxWriteBytes(int32(n)))
			}
		}
	},
	"buffer.memory": func(b *builder, k, v string) {
		if n, ok := b.whole(k, v, 0, math.MaxInt64); ok {
			b.out.MaxBufferedBytes = int(max(n, 1))
		}
	},
	"delivery.timeout.ms": func(b *builder, k, v string) {
		// Integer.MAX_VALUE, Kafka Connect's default, means without limit.
		if d, ok := b.millis(k, v, 0, maxInt); ok && d < time.Duration(maxInt)*time.Millisecond {
			b.add(kgo.RecordDeliveryTimeout(max(d, time.Second)))
		}
	},
	"request.timeout.ms": func(b *builder, k, v string) {
		if d, ok := b.millis(k, v, 0, maxInt); ok {
			d = max(d, 100*time.Millisecond)
			b.add(kgo.ProduceRequestTimeout(d), kgo.RequestTimeoutOverhead(min(d, 15*time.Minute)))
		}
	},
	"retries": func(b *builder, k, v string) {
		if n, ok := b.whole(k, v, 0, maxInt); ok && n < maxInt {
			b.add(kgo.RecordRetries(int(n)))
		}
	},
	"compression.type": func(b *builder, k, v string) {
		v = strings.ToLower(v)
		if b.oneOf(k, v, "none", "gzip", "snappy", "lz4", "zstd") {
			b.compression = v
		}
	},
	"compression.gzip.level": compressionLevel("gzip", -1, 9),
	"compression.lz4.level":  compressionLevel("lz4", 1, 17),
	"compression.zstd.level": compressionLevel("zstd", -131072, 22),
	"transactional.id": func(b *builder, _, v string) {
		if v != "" {
			b.out.TransactionalID = v
			b.add(kgo.TransactionalID(v))
		}
	},
	"transaction.timeout.ms": func(b *builder, k, v string) {
		if d, ok := b.millis(k, v, 1, maxInt); ok {
			b.add(kgo.TransactionTimeout(d))
		}
	},
	"partitioner.class": func(b *builder, k, v string) {
		switch v[strings.LastIndexByte(v, '.')+1:] {
		case "", "null", "DefaultPartitioner", "UniformStickyPartitioner", "BuiltInPartitioner":
		case "RoundRobinPartitioner":
			b.add(kgo.RecordPartitioner(partitioner{rest: kgo.RoundRobinPartitioner()}))
		default:
			b.fail(k, "a partitioner written in Java cannot be loaded; leave it out, or use RoundRobinPartitioner")
		}
	},
	"interceptor.classes": javaOnly, "max.block.ms": nil, "partitioner.ignore.keys": ignored,
	"partitioner.adaptive.partitioning.enable": nil, "partitioner.availability.timeout.ms": nil, "key.serializer": nil,
	"value.serializer": nil, "metadata.max.idle.ms": nil, "transaction.two.phase.commit.enable": ignored,
}

// consumerKeys are the keys of sink consumers. (org.apache.kafka.clients.consumer.ConsumerConfig)
var consumerKeys = map[string]setter{
	"group.id": func(b *builder, k, v string) {
		if v == "" {
			b.fail(k, "must not be empty")
			return
		}
		b.out.GroupID = v
	},
	"group.instance.id": func(b *builder, _, v string) {
		if v != "" {
			b.add(kgo.InstanceID(v))
		}
	},
	"group.protocol": func(b *builder, k, v string) {
		if v = strings.ToLower(v); b.oneOf(k, v, "classic", "consumer") {
			b.protocol = v
		}
	},
	"group.remote.assignor":         ignored,
	"partition.assignment.strategy": func(b *builder, _, v string) { b.strategy = splitList(v) },
	"auto.offset.reset":             func(b *builder, _, v string) { b.reset = v },
	"isolation.level":               isolationLevel,
	"max.poll.records": func(b *builder, k, v string) {
		if n, ok := b.whole(k, v, 1, maxInt); ok {
			b.out.MaxPollRecords = int(n)
		}
	},
	"max.poll.interval.ms": func(b *builder, k, v string) {
		if d, ok := b.millis(k, v, 1, maxInt); ok {
			b.out.MaxPollInterval = d
		}
	},
	"session.timeout.ms":        func(b *builder, k, v string) { b.setMillis(k, v, &b.session) },
	"heartbeat.interval.ms":     func(b *builder, k, v string) { b.setMillis(k, v, &b.heartbeat) },
	"fetch.min.bytes":           fetchMinBytes,
	"fetch.max.bytes":           fetchMaxBytes,
	"fetch.max.wait.ms":         fetchMaxWait,
	"max.partition.fetch.bytes": maxPartitionFetchBytes,
	"check.crcs": func(b *builder, k, v string) {
		if on, ok := b.boolean(k, v); ok && !on {
			b.add(kgo.DisableFetchCRCValidation())
		}
	},
	"allow.auto.create.topics": func(b *builder, k, v string) {
		if on, ok := b.boolean(k, v); ok && on {
			b.add(kgo.AllowAutoTopicCreation())
		}
	},
	// The runtime commits offsets itself, behind what the sink has stored.
	"enable.auto.commit": ignored, "auto.commit.interval.ms": ignored,
	"interceptor.classes": javaOnly, "key.deserializer": nil, "value.deserializer": nil, "exclude.internal.topics": nil,
}

// readerKeys are the keys of readers of internal topics: they always start at the beginning and are in no group.
var readerKeys = map[string]setter{
	"isolation.level": isolationLevel, "fetch.min.bytes": fetchMinBytes, "fetch.max.bytes": fetchMaxBytes,
	"fetch.max.wait.ms": fetchMaxWait, "max.partition.fetch.bytes": maxPartitionFetchBytes,
	"group.id": nil, "auto.offset.reset": nil, "enable.auto.commit": nil, "max.poll.records": nil, "max.poll.interval.ms": nil,
	"session.timeout.ms": nil, "heartbeat.interval.ms": nil, "key.deserializer": nil, "value.deserializer": nil, "check.crcs": nil,
	"allow.auto.create.topics": nil, "group.protocol": nil, "partition.assignment.strategy": nil,
}

func ignored(b *builder, k, _ string) { b.warn(k, "has no effect here") }

func javaOnly(b *builder, k, v string) {
	if v != "" {
		b.warn(k, "names Java classes, which cannot be loaded; it has no effect")
	}
}

func isolationLevel(b *builder, k, v string) {
	v = strings.ToLower(v)
	if !b.oneOf(k, v, "read_committed", "read_uncommitted") {
		return
	}
	if v == "read_committed" {
		b.add(kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	} else {
		b.add(kgo.FetchIsolationLevel(kgo.ReadUncommitted()))
	}
}

func fetchMinBytes(b *builder, k, v string) {
	if n, ok := b.whole(k, v, 0, maxInt); ok {
		b.add(kgo.FetchMinBytes(int32(n)))
	}
}

func fetchMaxBytes(b *builder, k, v string) {
	if n, ok := b.whole(k, v, 0, maxInt); ok {
		n = min(max(n, 1), 1<<30)
		b.add(kgo.FetchMaxBytes(int32(n)))
		if n > 100<<20 {
			b.add(kgo.BrokerMaxReadBytes(int32(n)))
		}
	}
}

func fetchMaxWait(b *builder, k, v string) {
	if d, ok := b.millis(k, v, 0, maxInt); ok {
		b.add(kgo.FetchMaxWait(max(d, 10*time.Millisecond)))
	}
}

func maxPartitionFetchBytes(b *builder, k, v string) {
	if n, ok := b.whole(k, v, 0, maxInt); ok {
		b.add(kgo.FetchMaxPartitionBytes(int32(max(n, 1))))
	}
}

func compressionLevel(codec string, lo, hi int64) setter {
	return func(b *builder, k, v string) {
		if n, ok := b.whole(k, v, lo, hi); ok {
			b.levels[codec] = int(n)
		}
	}
}

func (b *builder) setMillis(k, v string, to *time.Duration) {
	if d, ok := b.millis(k, v, 0, maxInt); ok {
		*to = d
	}
}

// backoff doubles from lo to hi with a jitter of a fifth, as Java's ExponentialBackoff.
func backoff(lo, hi time.Duration, fails int) time.Duration {
	d := lo
	for range min(max(fails-1, 0), 40) {
		if d *= 2; d >= hi {
			d = hi
			break
		}
	}
	return time.Duration(float64(min(d, hi)) * (0.8 + 0.4*rand.Float64()))
}
