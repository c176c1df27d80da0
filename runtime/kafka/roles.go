package kafka

import (
	"errors"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	rangeAssignor       = "org.apache.kafka.clients.consumer.RangeAssignor"
	cooperativeAssignor = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
)

// finishProducer settles acks, idempotence and in-flight requests, which restrict each other.
func (b *builder) finishProducer() {
	idempotent := true
	switch b.idempotence {
	case "", "true":
	case "false":
		idempotent = false
	default:
		b.fail("enable.idempotence", "must be true or false")
	}
	switch b.acks {
	case "", "all", "-1":
	case "0", "1":
		if b.idempotence == "true" || b.out.TransactionalID != "" {
			b.fail("acks", "must be all for an idempotent or transactional producer")
			return
		}
		idempotent = false
		if b.acks == "0" {
			b.add(kgo.RequiredAcks(kgo.NoAck()))
		} else {
			b.add(kgo.RequiredAcks(kgo.LeaderAck()))
		}
	default:
		b.fail("acks", "must be one of all, -1, 0, 1")
		return
	}
	switch {
	case !idempotent && b.out.TransactionalID != "":
		b.fail("enable.idempotence", "a transactional producer is always idempotent")
	case !idempotent:
		// One request in flight keeps the order; Kafka Connect's default for such a producer. The user may ask for more.
		b.add(kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(max(b.inFlight, 1)))
	case b.inFlight > 5:
		b.fail("max.in.flight.requests.per.connection", "must be at most 5 for an idempotent producer")
	}
	b.out.Idempotent = idempotent
	b.add(kgo.MaxBufferedBytes(b.out.MaxBufferedBytes), kgo.ProducerBatchCompression(b.codec()))
}

func (b *builder) codec() kgo.CompressionCodec {
	codec := kgo.NoCompression()
	switch b.compression {
	case "gzip":
		codec = kgo.GzipCompression()
	case "snappy":
		codec = kgo.SnappyCompression()
	case "lz4":
		codec = kgo.Lz4Compression()
	case "zstd":
		codec = kgo.ZstdCompression()
	}
	if level, ok := b.levels[b.compression]; ok {
		codec = codec.WithLevel(level)
	}
	return codec
}

// finishConsumer settles offsets, balancers and times of a sink consumer.
func (b *builder) finishConsumer() {
	if b.out.GroupID == "" {
		b.errs = append(b.errs, errors.New("group.id: missing"))
		return
	}
	b.add(kgo.ConsumerGroup(b.out.GroupID))
	if o, ok := b.resetOffset(); ok {
		b.add(kgo.ConsumeResetOffset(o))
	}
	if b.protocol == "consumer" {
		b.add(kgo.ServerSideBalancer())
	} else {
		b.add(kgo.Balancers(b.balancers()...))
	}
	if b.heartbeat > b.session {
		b.fail("heartbeat.interval.ms", "must not be above session.timeout.ms")
	}
	b.add(kgo.SessionTimeout(max(b.session, 100*time.Millisecond)), kgo.HeartbeatInterval(max(b.heartbeat, time.Millisecond)),
		kgo.RebalanceTimeout(max(b.out.MaxPollInterval, 100*time.Millisecond)))
}

func (b *builder) resetOffset() (kgo.Offset, bool) {
	const key = "auto.offset.reset"
	switch v := strings.ToLower(b.reset); {
	case v == "earliest":
		return kgo.NewOffset().AtStart(), true
	case v == "latest":
		return kgo.NewOffset().AtEnd(), true
	case v == "none":
		return kgo.NoResetOffset(), true
	case strings.HasPrefix(v, "by_duration:"):
		d, err := parseISODuration(b.reset[len("by_duration:"):])
		if err != nil {
			b.fail(key, err.Error())
			return kgo.Offset{}, false
		}
		return kgo.NewOffset().AfterMilli(time.Now().Add(-d).UnixMilli()), true
	}
	b.fail(key, "must be one of earliest, latest, none, by_duration:<ISO 8601 duration>")
	return kgo.Offset{}, false
}

// balancers keeps the user's order: the group takes the first protocol all members have.
func (b *builder) balancers() []kgo.GroupBalancer {
	const key = "partition.assignment.strategy"
	var out []kgo.GroupBalancer
	for _, s := range b.strategy {
		switch s[strings.LastIndexByte(s, '.')+1:] {
		case "RangeAssignor":
			out = append(out, kgo.RangeBalancer())
		case "RoundRobinAssignor":
			out = append(out, kgo.RoundRobinBalancer())
		case "StickyAssignor":
			out = append(out, kgo.StickyBalancer())
		case "CooperativeStickyAssignor":
			out = append(out, kgo.CooperativeStickyBalancer())
		default:
			b.fail(key, s+" is not one of RangeAssignor, RoundRobinAssignor, StickyAssignor, CooperativeStickyAssignor")
		}
	}
	if len(out) == 0 {
		if len(b.strategy) == 0 {
			b.fail(key, "must name at least one assignor")
		}
		out = append(out, kgo.RangeBalancer())
	}
	return out
}

// NotIdempotent are the options to append where the broker does not allow idempotent writes: one request in flight keeps the order.
func NotIdempotent() []kgo.Opt {
	return []kgo.Opt{kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1)}
}

// NeedsNotIdempotent tells whether err says that this cluster refuses idempotent writes to this user (no IDEMPOTENT_WRITE on brokers
// before 2.8, or brokers without the request). Make the client again with [NotIdempotent].
func NeedsNotIdempotent(err error) bool {
	return errors.Is(err, kerr.ClusterAuthorizationFailed) || errors.Is(err, kerr.UnsupportedVersion)
}
