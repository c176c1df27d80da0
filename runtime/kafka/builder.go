package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/twmb/franz-go/pkg/kgo"
)

// builder collects the options of one client; errors are kept, so that the user sees all of them at once.
type builder struct {
	role   Role
	props  config.Props
	origin map[string]string
	out    Options
	errs   []error
	log    *slog.Logger // may be nil
	// endpoints are the OAuth token endpoints of the worker's own config.
	endpoints []string

	// Keys that only make sense together are gathered here and turned into options at the end.
	backoff, backoffMax     time.Duration
	reconnect, reconnectMax time.Duration
	inFlight                int
	acks                    string
	idempotence             string
	reset                   string
	strategy                []string
	protocol                string
	session, heartbeat      time.Duration
	levels                  map[string]int
	compression             string
}

func (b *builder) add(o ...kgo.Opt) { b.out.Opts = append(b.out.Opts, o...) }

// fail records that the value of key is impossible; why says what is possible.
func (b *builder) fail(key, why string) {
	b.problem(key, b.props[key], fmt.Sprintf("%s: invalid value %q: %s", b.name(key), b.props[key], why))
}

// failSecret is fail without the value.
func (b *builder) failSecret(key, why string) {
	b.problem(key, "[hidden]", b.name(key)+": "+why)
}

func (b *builder) problem(key, value, message string) {
	b.errs = append(b.errs, &config.Error{Key: b.name(key), Value: value, Message: message})
}

func (b *builder) warn(key, why string) {
	b.out.Warnings = append(b.out.Warnings, b.name(key)+": "+why)
}

// name is the key as the user wrote it.
func (b *builder) name(key string) string {
	if n := b.origin[key]; n != "" {
		return n
	}
	return key
}

func (b *builder) err() error { return errors.Join(b.errs...) }

func (b *builder) build() {
	b.backoff, b.backoffMax = 100*time.Millisecond, time.Second
	b.reconnect, b.reconnectMax = 50*time.Millisecond, time.Second
	b.session, b.heartbeat = 45*time.Second, 3*time.Second
	b.levels = map[string]int{}
	b.defaults()
	for _, k := range sortedKeys(b.props) {
		set, known := b.setter(k)
		switch {
		case known && set != nil:
			set(b, k, strings.TrimSpace(b.props[k]))
		case known || isSecurityKey(k):
		default:
			b.warn(k, "unknown key of a Kafka client, it has no effect"+b.nearest(k))
		}
	}
	b.servers()
	b.security()
	b.finish()
}

// nearest proposes a key that the user may have meant.
func (b *builder) nearest(k string) string {
	var known []config.AnyKey
	seen := map[string]bool{}
	for _, t := range b.tables() {
		for name := range t {
			if !seen[name] {
				seen[name] = true
				known = append(known, config.String(name))
			}
		}
	}
	slices.SortFunc(known, func(x, y config.AnyKey) int { return strings.Compare(x.Name(), y.Name()) })
	if near, ok := config.NewDef(known...).Nearest(k); ok {
		return "; did you mean " + b.name(k)[:len(b.name(k))-len(k)] + near + "?"
	}
	return ""
}

// tables are the keys of the role.
func (b *builder) tables() []map[string]setter {
	var tables []map[string]setter
	switch b.role {
	case RoleProducer, RoleLogWriter:
		tables = append(tables, producerKeys)
	case RoleSinkConsumer:
		tables = append(tables, consumerKeys)
	case RoleLogReader:
		tables = append(tables, readerKeys)
	}
	return append(tables, commonKeys)
}

func (b *builder) setter(k string) (setter, bool) {
	for _, t := range b.tables() {
		if set, ok := t[k]; ok {
			return set, true
		}
	}
	return nil, false
}

// defaults are the runtime's choices, before the user's keys.
func (b *builder) defaults() {
	// The Go client answers questions about topics from answers up to the minimum age, 5 s by default: a topic that was just created
	// would not be seen. Java asks again after retry.backoff.ms.
	b.add(kgo.SoftwareNameAndVersion("connectd", "1"), kgo.MetadataMinAge(b.metadataMinAge()))
	switch b.role {
	case RoleProducer:
		// A topic that is still being created must not fail a record: kgo gives up after 4 tries by default. Without a byte limit
		// it would buffer 50,000 records of any size.
		b.out.MaxBufferedBytes, b.out.MaxBatchBytes = defaultBufferedBytes, defaultBatchBytes
		b.add(kgo.UnknownTopicRetries(-1), kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchMaxBytes(defaultBatchBytes),
			kgo.AllowAutoTopicCreation(), kgo.RecordPartitioner(Partitioner()))
	case RoleLogWriter:
		b.out.MaxBufferedBytes = defaultBufferedBytes
		b.add(kgo.UnknownTopicRetries(-1), kgo.ProducerLinger(0), kgo.ProducerBatchMaxBytes(1<<20), kgo.RecordPartitioner(Partitioner()))
	case RoleSinkConsumer:
		b.reset, b.strategy, b.protocol = "earliest", []string{rangeAssignor, cooperativeAssignor}, "classic"
		b.add(kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll())
	case RoleLogReader:
		b.add(kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(500*time.Millisecond))
	}
}

const (
	defaultBufferedBytes = 8 << 20
	defaultBatchBytes    = 1 << 20
)

// metadataMinAge is how long an answer about topics is good. Admin clients only ask what somebody wants to know now, above all whether a
// topic is there that was just created: the least that kgo takes.
func (b *builder) metadataMinAge() time.Duration {
	if b.role == RoleAdmin {
		return 10 * time.Millisecond
	}
	return 100 * time.Millisecond
}

func (b *builder) servers() {
	list := splitList(b.props["bootstrap.servers"])
	if len(list) == 0 {
		b.problem("bootstrap.servers", "", `bootstrap.servers: missing; set it to a list of host:port`)
		return
	}
	for _, s := range list {
		host, port, err := net.SplitHostPort(s)
		n, perr := strconv.Atoi(port)
		if err != nil || perr != nil || host == "" || n < 1 || n > 65535 {
			b.fail("bootstrap.servers", fmt.Sprintf("%q is not host:port", s))
			return
		}
	}
	b.add(kgo.SeedBrokers(list...))
}

// finish turns the gathered keys into options.
func (b *builder) finish() {
	lo, hi := min(b.backoff, b.reconnect), max(b.backoffMax, b.reconnectMax)
	if lo <= 0 {
		lo = time.Millisecond
	}
	b.add(kgo.RetryBackoffFn(func(fails int) time.Duration { return backoff(lo, hi, fails) }))
	switch b.role {
	case RoleProducer, RoleLogWriter:
		b.finishProducer()
	case RoleSinkConsumer:
		b.finishConsumer()
	}
}

// whole parses a whole number within [lo, hi].
func (b *builder) whole(key, v string, lo, hi int64) (int64, bool) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		b.fail(key, "not a whole number")
		return 0, false
	}
	if n < lo || n > hi {
		b.fail(key, fmt.Sprintf("must be within %d and %d", lo, hi))
		return 0, false
	}
	return n, true
}

// millis parses a time in milliseconds within [lo, hi].
func (b *builder) millis(key, v string, lo, hi int64) (time.Duration, bool) {
	n, ok := b.whole(key, v, lo, hi)
	if n > math.MaxInt64/int64(time.Millisecond) {
		n = math.MaxInt64 / int64(time.Millisecond)
	}
	return time.Duration(n) * time.Millisecond, ok
}

func (b *builder) boolean(key, v string) (val, ok bool) {
	switch strings.ToLower(v) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	b.fail(key, "must be true or false")
	return false, false
}

func (b *builder) oneOf(key, v string, allowed ...string) bool {
	if slices.Contains(allowed, v) {
		return true
	}
	b.fail(key, "must be one of "+strings.Join(allowed, ", "))
	return false
}

func sortedKeys(p config.Props) []string {
	keys := make([]string, 0, len(p))
	for k := range p {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
