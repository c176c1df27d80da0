package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/pipeline"
	"github.com/connectd/connectd/runtime/sourcetask"
)

// OffsetStore opens what source connectors keep their offsets in: the worker's topic, or their own. Safe for concurrent use.
type OffsetStore interface {
	// Open makes a connector's offsets usable for one of its instances or tasks, until they are closed. It does not wait for Kafka.
	Open(connector string, plan *connectorconfig.Plan) (SourceOffsets, error)
}

// SourceOffsets are the offsets of one source connector. Read reads to the end first: a task that was moved here must see what its
// former worker wrote last.
type SourceOffsets interface {
	connect.OffsetReader
	sourcetask.OffsetWriter
	Close()
}

// TransactionalOffsets are SourceOffsets that an exactly-once task can write with its own producer.
type TransactionalOffsets interface {
	SourceOffsets
	sourcetask.TransactionOffsets
	// Ready waits until the topic is there.
	Ready(ctx context.Context) error
}

// ExactlyOnce is what tasks of a worker with exactly.once.source.support=enabled need (KIP-618).
type ExactlyOnce struct {
	GroupID string
	// Fence asks the leader for a round of fencing of the connector. It is called before the task's producer takes its transactional id.
	Fence func(ctx context.Context, connector string) error
	// Verify reads the config topic to its end and returns an error if the task is not this worker's any more, or if the connector has
	// newer task configs than those of generation. It is called when the producer has its transactional id.
	Verify func(ctx context.Context, id connect.TaskID, generation int64) error
}

// transaction makes a task exactly-once.
func (b *Builder) transaction(r *run, plan *connectorconfig.Plan, offsets SourceOffsets) (*sourcetask.Transaction, error) {
	own, ok := offsets.(TransactionalOffsets)
	if !ok {
		return nil, errors.New("the offset store of this worker has no transactions")
	}
	x := &sourcetask.Transaction{
		Interval: plan.SourceOptions.BoundaryInterval, Offsets: own,
		Before: func(ctx context.Context) error { return b.ExactlyOnce.Fence(ctx, r.id.Connector) },
		After: func(ctx context.Context) error {
			if err := b.ExactlyOnce.Verify(ctx, r.id, r.want.TaskGeneration); err != nil {
				return err
			}
			return own.Ready(ctx)
		},
	}
	switch plan.SourceOptions.Boundary {
	case connectorconfig.BoundaryInterval:
		x.Boundary = sourcetask.BoundaryInterval
		if x.Interval <= 0 {
			x.Interval = b.CommitInterval
		}
	case connectorconfig.BoundaryConnector:
		x.Boundary = sourcetask.BoundaryConnector
	default:
		x.Boundary = sourcetask.BoundaryPoll
	}
	return x, nil
}

// producer makes the options of a source task's producer.
func (b *Builder) producer(r *run, plan *connectorconfig.Plan) (kafka.Options, error) {
	overrides := withClientID(plan.Clients.Producer, "connector-producer-"+r.id.String())
	if r.want.FenceFirst {
		return b.Clients.TransactionalProducer(kafka.TransactionalID(b.ExactlyOnce.GroupID, r.id.Connector, r.id.Task), overrides)
	}
	return b.Clients.Producer(overrides)
}

// mostThreads is what -1 takes at most: what produces is one thread, however many convert.
const mostThreads = 4

// threads is source.conversion.threads as it is in force. More than there are cores are of no use.
func threads(configured int) int {
	cores := runtime.GOMAXPROCS(0)
	if configured < 0 {
		return min(cores, mostThreads)
	}
	return min(cores, configured)
}

func (b *Builder) source(ctx context.Context, r *run, plan *connectorconfig.Plan, task config.Props, started func(), log *slog.Logger) (_ body, err error) {
	values, err := plan.TaskConfig(task)
	if err != nil {
		return nil, fmt.Errorf("reading the config of task %s: %w", r.id, err)
	}
	prod, err := b.producer(r, plan)
	if err != nil {
		return nil, fmt.Errorf("configuring the producer of task %s: %w", r.id, err)
	}
	warnAll(log, prod.Warnings)
	offsets, err := b.Offsets.Open(r.id.Connector, plan)
	if err != nil {
		return nil, fmt.Errorf("opening the offsets of connector %s: %w", r.id.Connector, err)
	}
	m := b.scope(r.id)
	var dead *pipeline.DeadLetter
	defer func() {
		if err != nil {
			dead.Close()
			m.Close()
			offsets.Close()
		}
	}()
	if dead, err = b.deadLetter(ctx, r, plan, m, log); err != nil {
		return nil, err
	}
	cfg := sourcetask.Config{
		ID: r.id, Task: plan.Source.New().NewTask(), Producer: prod.Opts, LoginRefused: kafka.Refused, Offsets: offsets,
		Context:        connect.SourceTaskContext{Config: values, Offsets: offsets, Logs: b.Logs},
		CommitInterval: b.CommitInterval, CommitTimeout: b.CommitTimeout, MaxBufferedBytes: int64(prod.MaxBufferedBytes), MaxBatchBytes: prod.MaxBatchBytes,
		Memory: b.Memory, Events: pipeline.Events{Started: started}, Metrics: m, Log: log,
	}
	if r.want.FenceFirst {
		if cfg.Transaction, err = b.transaction(r, plan, offsets); err != nil {
			return nil, err
		}
	} else if prod.Idempotent {
		cfg.Refused, cfg.Fallback = kafka.NeedsNotIdempotent, kafka.NotIdempotent()
	}
	if b.Topics != nil {
		cfg.Topics = b.Topics.ForSource(plan.Clients.Admin, plan.SourceOptions.TopicCreation)
	}
	if cfg.Chain, err = b.chain(ctx, r, plan, dead, m, log); err != nil {
		return nil, err
	}
	cfg.Threads = threads(b.Threads)
	cfg.AnotherChain = func() (*pipeline.Chain, error) { return NewChain(plan, pipeline.Config{ID: r.id, Log: log}) }
	return scoped{sourcetask.New(cfg), cfg.Task, m, offsets.Close}, nil
}
