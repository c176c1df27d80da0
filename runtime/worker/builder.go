package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/plugin"
	"github.com/connectd/connectd/runtime/secrets"
	"github.com/connectd/connectd/runtime/sinktask"
	"github.com/connectd/connectd/runtime/sourcetask"
	"github.com/connectd/connectd/runtime/supervise"
)

// Builder makes connectors and tasks out of their configs. Its fields are set once; Tracker, Topics and Metrics may be nil.
type Builder struct {
	Registry *plugin.Registry
	Facts    connectorconfig.Worker
	Clients  *kafka.Clients
	// Secrets puts in what the config providers know, at the start of each instance, so that secrets are never kept. Nil: nothing is put in.
	Secrets *secrets.Resolver
	Offsets OffsetStore
	Logs    connect.TopicLogs
	Topics  TopicMaker
	// Tracker hears which topics a task uses, each once (KIP-558).
	Tracker func(id connect.TaskID, topic string)
	Metrics *metrics.Registry
	Memory  *memory.Budget // of all tasks; nil: no limit
	Log     *slog.Logger
	// Threads is how many threads convert a large batch of a source task: source.conversion.threads, -1 for one of the machine's choosing.
	Threads int

	CommitInterval, CommitTimeout time.Duration // offset.flush.interval.ms, offset.flush.timeout.ms

	ExactlyOnce *ExactlyOnce // nil: exactly.once.source.support is not enabled
}

// TopicMaker creates topics for sources and dead letters.
type TopicMaker interface {
	// ForSource is asked once per new topic of a source; rules are the connector's topic.creation groups.
	ForSource(admin config.Props, rules []connectorconfig.TopicRule) sourcetask.TopicCreator
	// DeadLetter makes sure that a dead-letter topic exists.
	DeadLetter(ctx context.Context, admin config.Props, topic string, replication int16) error
}

// build makes the body of a run. started is called once it is up; report takes further reports of connectors.
func (b *Builder) build(ctx context.Context, r *run, started func(), report func(cluster.Report)) (body, error) {
	props, err := b.resolve(ctx, r, r.want.Connector)
	if err != nil {
		return nil, err
	}
	var task config.Props
	if r.id.Task != connect.ConnectorTask { // before anything can fail: what is used must be known in full
		if task, err = b.resolve(ctx, r, r.want.Task); err != nil {
			return nil, err
		}
	}
	plan, err := connectorconfig.NewPlan(b.Registry, b.Facts, props)
	if err != nil {
		if bad, ok := errors.AsType[*connectorconfig.BadRequest](err); ok && bad.Unknown != "" {
			err = fmt.Errorf("this worker has no plugin %s; install it on every worker of the group, or let a connectd worker lead the group: it gives connectors "+
				"to the workers that have their plugins: %w", bad.Unknown, err)
		}
		return nil, fmt.Errorf("reading the config of connector %s: %w", r.id.Connector, err)
	}
	log := b.Log.With("connector", r.id.Connector)
	for _, w := range plan.Warnings {
		log.Warn("configuration of the connector", "warning", w)
	}
	if r.id.Task == connect.ConnectorTask {
		return b.connector(r, plan, started, report, log)
	}
	if plan.TasksMaxEnforce && r.want.Tasks > plan.TasksMax {
		return nil, configError{fmt.Errorf("the connector %s has %d task configs, which is greater than %d, the maximum number of tasks it is "+
			"configured to create; reconfigure it, or set tasks.max.enforce to false", r.id.Connector, r.want.Tasks, plan.TasksMax)}
	}
	log = log.With("task", r.id.Task)
	if plan.Source != nil {
		return b.source(ctx, r, plan, task, started, log)
	}
	return b.sink(ctx, r, plan, task, started, log)
}

func (b *Builder) version(want cluster.Want) string {
	class, versions := want.Connector["connector.class"], want.Connector["connector.plugin.version"]
	if p, err := b.Registry.Sources.Lookup(class, versions); err == nil {
		return p.Version
	}
	if p, err := b.Registry.Sinks.Lookup(class, versions); err == nil {
		return p.Version
	}
	return ""
}

func (b *Builder) policy(want cluster.Want) supervise.Policy {
	return b.Facts.RestartPolicy(want.Connector)
}

func (b *Builder) resolve(ctx context.Context, r *run, p config.Props) (config.Props, error) {
	if b.Secrets == nil {
		return p, nil
	}
	res, err := b.Secrets.Resolve(ctx, p)
	r.uses(res, err)
	if err != nil {
		return nil, fmt.Errorf("resolving config variables: %w", err)
	}
	return res.Props, nil
}

func (b *Builder) round() round {
	if b.Secrets == nil {
		return nil
	}
	return b.Secrets.Round()
}

func (b *Builder) connector(r *run, plan *connectorconfig.Plan, started func(), report func(cluster.Report), log *slog.Logger) (body, error) {
	c := &connectorRun{
		id: r.id, max: plan.TasksMax, enforce: plan.TasksMaxEnforce, started: started, log: log,
		report: func(rep cluster.Report) { rep.Epoch = r.want.Epoch; report(rep) },
	}
	c.cc = connect.ConnectorContext{
		Name: r.id.Connector, Config: plan.Config, Logs: b.Logs, Log: log, Metrics: connect.NoMetrics{},
	}
	unresolved := r.want.Connector
	class := ""
	if plan.Source != nil {
		c.fresh = func() connect.Connector { return plan.Source.New() }
		offsets, err := b.Offsets.Open(r.id.Connector, plan)
		if err != nil {
			return nil, fmt.Errorf("opening the offsets of connector %s: %w", r.id.Connector, err)
		}
		c.cc.Offsets, c.closeOffsets = offsets, offsets.Close
		class = plan.Source.TaskClass
	} else {
		c.fresh = func() connect.Connector { return plan.Sink.New() }
		class = plan.Sink.TaskClass
	}
	resolved := plan.Config.Originals()
	c.finish = func(tasks []config.Props) ([]config.Props, error) {
		return taskProps(tasks, class, plan.Sink != nil, resolved, unresolved), nil
	}
	c.init()
	return c, nil
}

// taskProps adds what Kafka Connect adds to task configs (Worker.connectorTaskConfigs), and puts the variables of the connector's
// config back in place of what they resolved to: no secret may reach the config topic.
func taskProps(tasks []config.Props, class string, sink bool, resolved, unresolved config.Props) []config.Props {
	out := make([]config.Props, len(tasks))
	for i, t := range tasks {
		p := maps.Clone(t)
		for k, v := range p {
			if raw, ok := unresolved[k]; ok && strings.Contains(raw, "${") && resolved[k] == v {
				p[k] = raw
			}
		}
		if class != "" {
			p["task.class"] = class
		}
		if sink {
			for _, k := range []string{"topics", "topics.regex"} {
				if v, ok := unresolved[k]; ok {
					p[k] = v
				}
			}
		}
		out[i] = p
	}
	return out
}

// chain makes the transforms and converters of a task. On error what was made is closed.
func (b *Builder) chain(ctx context.Context, r *run, plan *connectorconfig.Plan, dead *pipeline.DeadLetter, m *metrics.Scope, log *slog.Logger) (_ *pipeline.Chain, err error) {
	cfg := pipeline.Config{
		ID: r.id, Errors: pipeline.Errors{
			RetryTimeout: plan.Errors.RetryTimeout, RetryDelayMax: plan.Errors.RetryMaxDelay, Log: plan.Errors.Log,
			LogMessages: plan.Errors.LogMessages,
		},
		DeadLetter: dead, Log: log, Metrics: m,
	}
	if plan.Errors.TolerateAll {
		cfg.Errors.Tolerance = pipeline.All
	}
	if b.Tracker != nil {
		cfg.Topics = pipeline.NewActiveTopics(func(topic string) { b.Tracker(r.id, topic) })
	}
	return NewChain(plan, cfg)
}

// scoped closes a task's metrics and offsets when it has ended. task is the connector's.
type scoped struct {
	body
	task  any
	scope *metrics.Scope
	close func() // nil: nothing else
}

var (
	_ watched            = scoped{}
	_ connect.Progressor = scoped{}
)

// Signals are those of the body, which embedding alone hides.
func (s scoped) Signals() []cluster.Signal {
	if b, ok := s.body.(watched); ok {
		return b.Signals()
	}
	return nil
}

// Progress is what the connector's task tells, if it can.
func (s scoped) Progress() connect.Progress {
	if p, ok := s.task.(connect.Progressor); ok {
		return p.Progress()
	}
	return connect.Progress{}
}

func (s scoped) Run(ctx context.Context) error {
	defer s.end()
	return s.body.Run(ctx)
}

func (s scoped) end() {
	s.scope.Close()
	if s.close != nil {
		s.close()
	}
}

func (s scoped) Abandon() {
	s.scope.Close()
	s.body.Abandon()
	if s.close != nil {
		go s.close() // waits for the clients' goroutines
	}
}

func (b *Builder) scope(id connect.TaskID) *metrics.Scope {
	if b.Metrics == nil {
		return nil
	}
	return b.Metrics.Scope(id)
}

func (b *Builder) sink(ctx context.Context, r *run, plan *connectorconfig.Plan, task config.Props, started func(), log *slog.Logger) (body, error) {
	values, err := plan.TaskConfig(task)
	if err != nil {
		return nil, fmt.Errorf("reading the config of task %s: %w", r.id, err)
	}
	cons, err := b.Clients.SinkConsumer("connect-"+r.id.Connector, withClientID(plan.Clients.Consumer, "connector-consumer-"+r.id.String()))
	if err != nil {
		return nil, fmt.Errorf("configuring the consumer of task %s: %w", r.id, err)
	}
	warnAll(log, cons.Warnings)
	m := b.scope(r.id)
	dead, err := b.deadLetter(ctx, r, plan, m, log)
	if err != nil {
		m.Close()
		return nil, err
	}
	chain, err := b.chain(ctx, r, plan, dead, m, log)
	if err != nil {
		dead.Close()
		m.Close()
		return nil, err
	}
	sink := plan.Sink.New().NewTask()
	return scoped{sinktask.New(sinktask.Config{
		ID: r.id, Task: sink, Context: connect.SinkTaskContext{Config: values}, Chain: chain,
		Consumer: cons.Opts, LoginRefused: kafka.Refused, Group: cons.GroupID, Topics: plan.SinkTopics.Topics, TopicsRegex: plan.SinkTopics.Regex,
		MaxPollRecords: cons.MaxPollRecords, MaxPollInterval: cons.MaxPollInterval,
		CommitInterval: b.CommitInterval, CommitTimeout: b.CommitTimeout,
		Memory: b.Memory, Events: pipeline.Events{Started: started}, Metrics: m, Log: log,
	}), sink, m, nil}, nil
}

func (b *Builder) deadLetter(ctx context.Context, r *run, plan *connectorconfig.Plan, m *metrics.Scope, log *slog.Logger) (*pipeline.DeadLetter, error) {
	if plan.Errors.DeadLetterTopic == "" {
		return nil, nil
	}
	if b.Topics != nil {
		if err := b.Topics.DeadLetter(ctx, plan.Clients.Admin, plan.Errors.DeadLetterTopic, plan.Errors.DeadLetterReplication); err != nil {
			return nil, fmt.Errorf("creating the dead-letter topic: %w", err)
		}
	}
	prod, err := b.Clients.Producer(withClientID(plan.Clients.Producer, "connector-dlq-producer-"+r.id.String()))
	if err != nil {
		return nil, fmt.Errorf("configuring the dead-letter producer of task %s: %w", r.id, err)
	}
	cfg := pipeline.DeadLetterConfig{
		ID: r.id, Topic: plan.Errors.DeadLetterTopic, ContextHeaders: plan.Errors.DeadLetterHeaders, Producer: prod.Opts, Log: log, Metrics: m,
	}
	if plan.Source != nil {
		if cfg.Key, cfg.Value, err = LetterConverters(b.Registry); err != nil {
			return nil, err
		}
	}
	return pipeline.NewDeadLetter(cfg)
}

// withClientID names the client as Kafka Connect does, unless the connector's overrides do.
func withClientID(overrides config.Props, id string) config.Props {
	if overrides["client.id"] != "" {
		return overrides
	}
	p := config.Props{"client.id": id}
	maps.Copy(p, overrides)
	return p
}

func warnAll(log *slog.Logger, warnings []string) {
	for _, w := range warnings {
		log.Warn("configuration of the connector", "warning", w)
	}
}
