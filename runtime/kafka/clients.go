package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Role is what a client is for. It selects the prefix, the keys and the defaults.
type Role uint8

// The roles.
const (
	// RoleAdmin creates and describes topics; prefix admin.
	RoleAdmin Role = iota
	// RoleProducer sends the records of a source task or dead letters; prefix producer.
	RoleProducer
	// RoleSinkConsumer is the group consumer of a sink task; prefix consumer.
	RoleSinkConsumer
	// RoleLogReader reads an internal topic from its start; the worker's keys without a prefix.
	RoleLogReader
	// RoleLogWriter writes to an internal topic; the worker's keys without a prefix.
	RoleLogWriter
	// RoleGroup holds the membership in the worker group; the worker's keys without a prefix.
	RoleGroup
)

var roleNames = [...]string{"admin", "producer", "consumer", "log reader", "log writer", "group"}

// String names the role in messages.
func (r Role) String() string { return roleNames[r] }

var rolePrefix = [...]string{"admin.", "producer.", "consumer.", "", "", ""}

// Clients makes client options out of one worker's config. It is immutable and safe for concurrent use.
type Clients struct {
	// Worker is the worker's config, secrets resolved.
	Worker config.Props
	// Extra is appended to the options of each client: logger, hooks, a test's dialer.
	Extra []kgo.Opt
	// Log is told of key stores that were renewed; nil for nobody.
	Log *slog.Logger
}

// Options are the settings of one client.
type Options struct {
	Opts []kgo.Opt
	// Warnings are sentences about keys that are unknown or have no effect, sorted by key.
	Warnings []string
	// Effective are the keys the options were made of, for logs only after secrets were taken out.
	Effective config.Props

	// MaxPollRecords is max.poll.records of a sink consumer, 500 by default.
	MaxPollRecords int
	// MaxPollInterval is max.poll.interval.ms of a sink consumer, 300 s by default.
	MaxPollInterval time.Duration
	// GroupID is group.id, also if the caller's default was overridden.
	GroupID string
	// TransactionalID is transactional.id of a producer, empty if it has none.
	TransactionalID string
	// Idempotent tells whether a producer is idempotent.
	Idempotent bool
	// MaxBatchBytes is max.request.size of a producer: no batch is larger.
	MaxBatchBytes int32
	// MaxBufferedBytes bounds what a producer buffers.
	MaxBufferedBytes int
}

// Admin makes the options of an admin client; overrides are admin.override. keys, prefix cut off.
func (c *Clients) Admin(overrides config.Props) (Options, error) {
	return c.Options(RoleAdmin, nil, overrides)
}

// AdminClient makes an admin client, which the caller closes. It does not connect yet.
func (c *Clients) AdminClient(overrides config.Props) (*kgo.Client, error) {
	o, err := c.Admin(overrides)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(o.Opts...)
	if err != nil {
		return nil, fmt.Errorf("making the admin client: %w", err)
	}
	return cl, nil
}

// Producer makes the options of a task's producer: idempotent, acks=all, retries without end; not idempotent with one request in
// flight if enable.idempotence=false. Records whose Partition is connect.NoPartition (-1) are partitioned by key, others go where
// they say.
func (c *Clients) Producer(overrides config.Props) (Options, error) {
	return c.Options(RoleProducer, nil, overrides)
}

// TransactionalProducer makes the options of the producer of an exactly-once task. Its transactional.id and enable.idempotence are fixed;
// other values are warned of (ConnectUtils.ensureProperty). transaction.timeout.ms is 60 s by default, as Java's.
func (c *Clients) TransactionalProducer(id string, overrides config.Props) (Options, error) {
	set := config.Props{"transaction.timeout.ms": "60000"}
	maps.Copy(set, c.Worker.WithPrefix(rolePrefix[RoleProducer]))
	maps.Copy(set, overrides)
	var warnings []string
	for _, k := range []struct{ name, value string }{{"enable.idempotence", "true"}, {"transactional.id", id}} {
		if v, ok := set[k.name]; ok && v != k.value {
			warnings = append(warnings, fmt.Sprintf("The value '%s' for the '%s' property will be ignored as it cannot be overridden for "+
				"connectors when exactly-once source support is enabled. The value '%s' will be used instead.", v, k.name, k.value))
		}
		set[k.name] = k.value
	}
	o, err := c.Options(RoleProducer, nil, set)
	o.Warnings = append(warnings, o.Warnings...)
	return o, err
}

// TransactionalID is the id of a task's producer (Worker.taskTransactionalId).
func TransactionalID(groupID, connector string, task int32) string {
	return groupID + "-" + connector + "-" + strconv.Itoa(int(task))
}

// SinkConsumer makes the options of a sink task's group consumer, without topics and callbacks; automatic commits are off and
// rebalances wait for AllowRebalance. group is the default of group.id, e.g. connect-<name>.
func (c *Clients) SinkConsumer(group string, overrides config.Props) (Options, error) {
	return c.Options(RoleSinkConsumer, config.Props{"group.id": group}, overrides)
}

// LogReader makes the options of a reader of an internal topic, without topics.
func (c *Clients) LogReader(overrides config.Props) (Options, error) {
	return c.Options(RoleLogReader, nil, overrides)
}

// LogWriter makes the options of a writer of an internal topic.
func (c *Clients) LogWriter(overrides config.Props) (Options, error) {
	return c.Options(RoleLogWriter, nil, overrides)
}

// Group makes the options of the worker's membership client. Session, heartbeat and rebalance times are the caller's: it speaks the
// group protocol itself.
func (c *Clients) Group() (Options, error) { return c.Options(RoleGroup, nil, nil) }

// Options makes the options for a role. defaults are weaker than anything the user wrote, overrides stronger. The error names every
// bad key, joined.
func (c *Clients) Options(role Role, defaults, overrides config.Props) (Options, error) {
	b := &builder{role: role, log: c.Log, endpoints: c.endpoints(), out: Options{MaxPollRecords: 500, MaxPollInterval: 300 * time.Second, Idempotent: true}}
	b.props, b.origin = c.layers(role, defaults, overrides)
	b.out.Effective = b.props
	b.build()
	if err := b.err(); err != nil {
		return Options{}, fmt.Errorf("configuring the %s client: %w", role, err)
	}
	slices.Sort(b.out.Warnings)
	b.out.Opts = append(b.out.Opts, c.Extra...)
	return b.out, nil
}

// Check makes the options of every role without overrides, and returns what is wrong with the worker's keys, each key once, and the
// warnings.
func (c *Clients) Check() (problems []*config.Error, warnings []string) {
	seen := map[string]bool{}
	for role := range Role(len(roleNames)) {
		var defaults config.Props
		if role == RoleSinkConsumer {
			defaults = config.Props{"group.id": "check"}
		}
		o, err := c.Options(role, defaults, nil)
		for _, p := range problemsOf(role, err) {
			if !seen[p.Key] {
				seen[p.Key] = true
				problems = append(problems, p)
			}
		}
		for _, w := range o.Warnings {
			if !seen[w] {
				seen[w] = true
				warnings = append(warnings, w)
			}
		}
	}
	return problems, warnings
}

// problemsOf takes a joined error apart.
func problemsOf(role Role, err error) []*config.Error {
	if err == nil {
		return nil
	}
	var out []*config.Error
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		for _, e := range joined.Unwrap() {
			if p, ok := errors.AsType[*config.Error](e); ok {
				out = append(out, p)
			} else {
				out = append(out, &config.Error{Key: role.String() + " client", Message: e.Error()})
			}
		}
	}
	return out
}

// layers puts the keys together; origin has, per key, the name it has in the user's config.
func (c *Clients) layers(role Role, defaults, overrides config.Props) (props config.Props, origin map[string]string) {
	props, origin = config.Props{}, map[string]string{}
	lay := func(from config.Props, prefix string) {
		for k, v := range from {
			props[k], origin[k] = v, prefix+k
		}
	}
	lay(defaults, "")
	prefix := rolePrefix[role]
	if prefix == "" {
		lay(workerClientKeys(c.Worker), "")
		c.inheritSecurity(props, overrides)
		lay(overrides, "")
		return props, origin
	}
	own := c.Worker.WithPrefix(prefix)
	stronger := maps.Clone(own)
	maps.Copy(stronger, overrides)
	for k, v := range workerClientKeys(c.Worker) {
		if k == "bootstrap.servers" || k == "client.dns.lookup" || isSecurityKey(k) {
			props[k], origin[k] = v, k
		}
	}
	c.inheritSecurity(props, stronger)
	lay(own, prefix)
	lay(overrides, prefix+"override.")
	return props, origin
}

// inheritSecurity removes the worker's security settings from props if stronger speaks of security itself or goes to other servers:
// half of the one and half of the other would authenticate with the wrong user, or send a password to a foreign cluster.
func (c *Clients) inheritSecurity(props, stronger config.Props) {
	servers, other := stronger["bootstrap.servers"]
	keep := !other || sameServers(servers, c.Worker["bootstrap.servers"])
	for k := range stronger {
		if isSecurityKey(k) {
			keep = false
		}
	}
	if !keep {
		maps.DeleteFunc(props, func(k, _ string) bool { return isSecurityKey(k) })
	}
}

// endpoints are the OAuth token endpoints that the worker's config names, for any of its clients.
func (c *Clients) endpoints() (out []string) {
	for _, prefix := range []string{"", "producer.", "consumer.", "admin."} {
		if v := strings.TrimSpace(c.Worker[prefix+keyEndpoint]); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func sameServers(a, b string) bool {
	x, y := splitList(a), splitList(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

func isSecurityKey(k string) bool {
	return k == "security.protocol" || k == "security.providers" || strings.HasPrefix(k, "ssl.") || strings.HasPrefix(k, "sasl.")
}

// workerClientKeys are those of the worker's keys that a client of the worker itself understands. The rest of a worker's config is
// not for clients, so it must not lead to warnings.
func workerClientKeys(worker config.Props) config.Props {
	out := config.Props{}
	for k, v := range worker {
		if _, ok := commonKeys[k]; ok || isSecurityKey(k) {
			out[k] = v
		}
	}
	delete(out, "group.id")
	return out
}

func splitList(s string) []string {
	var out []string
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}
