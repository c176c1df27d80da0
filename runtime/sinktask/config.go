package sinktask

import (
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/pipeline"
)

// Config makes a Task.
type Config struct {
	ID connect.TaskID
	// Task is fresh. Context is handed to its Start; ID and Control are set, Log and Metrics filled in if missing.
	Task    connect.SinkTask
	Context connect.SinkTaskContext
	// Chain belongs to the task, which closes it and its dead-letter queue.
	Chain *pipeline.Chain

	// Consumer are the options of the task's own Kafka client: brokers, security, fetch limits, balancers, reset offset, isolation
	// level. The group, topics, callbacks and commits are set by the task.
	Consumer []kgo.Opt
	// LoginRefused tells errors of connecting that no retry heals, with a hint (kafka.Refused); nil: none.
	LoginRefused func(error) (hint string, refused bool)
	Group        string   // connect-<name>, or consumer.override.group.id
	Topics       []string // topics
	// TopicsRegex is topics.regex, in Go's syntax; it must match the whole name. One of Topics and TopicsRegex is set.
	TopicsRegex string

	MaxPollRecords  int           // max.poll.records; 0: 500
	MaxPollInterval time.Duration // max.poll.interval.ms; 0: 300 s
	CommitInterval  time.Duration // offset.flush.interval.ms; 0: 60 s
	CommitTimeout   time.Duration // offset.flush.timeout.ms; 0: 5 s

	// Memory is the worker's, which the task shares; nil: no common limit.
	Memory *memory.Budget

	Paused  bool // begin in state PAUSED: Start is called on the first Resume
	Events  pipeline.Events
	Metrics *metrics.Scope // nil: not counted. Closed by the caller
	Log     *slog.Logger   // nil: slog.Default
}

func orElse[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

func (c *Config) setDefaults() {
	orElse(&c.MaxPollRecords, 500)
	orElse(&c.MaxPollInterval, 300*time.Second)
	orElse(&c.CommitInterval, time.Minute)
	orElse(&c.CommitTimeout, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Context.ID = c.ID
	if c.Context.Log == nil {
		c.Context.Log = c.Log
	}
	if c.Context.Metrics == nil {
		c.Context.Metrics = c.Metrics
	}
}
