package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/transaction"
	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/kafka"
)

// Exactly-once sources (KIP-618): what the herder and source tasks need of Kafka and of the leader.

var _ rest.Fencer = (*facade)(nil)

// FenceZombies is the leader's side of PUT /connectors/{c}/fence.
func (f *facade) FenceZombies(ctx context.Context, name string) error {
	return f.p.herder.Fence(ctx, name)
}

// isSource tells whether a connector class is that of a source.
func (p *process) isSource(class string) bool {
	if _, err := p.reg.Sources.Lookup(class, ""); err == nil {
		return true
	}
	_, kind := p.elsewhere(class)
	return kind == "source"
}

// fenceRetry is the pause between two tries of a task to get a round of fencing while the group has no leader.
const fenceRetry = 500 * time.Millisecond

// fenceTold is the try after which the log tells of the wait.
const fenceTold = 10

// fenceFirst asks the leader for a round of fencing. What passes with a rebalance is waited for.
func (p *process) fenceFirst(ctx context.Context, connector string) error {
	began := time.Now()
	for tries := 1; ; tries++ {
		err := p.fenceOnce(ctx, connector)
		if err == nil {
			return nil
		}
		_, moved := errors.AsType[*cluster.NotLeader](err)
		passing := moved || errors.Is(err, cluster.ErrRebalancing) || errors.Is(err, cluster.ErrStarting)
		if ctx.Err() != nil || !passing || time.Since(began) > opTimeout {
			err = fmt.Errorf("Failed to perform round of zombie fencing: %w", err)
			if passing {
				return connect.Retriable(err, time.Second)
			}
			return err
		}
		if tries == fenceTold {
			p.log.Info("a task waits for the leader to fence out its predecessors", "connector", connector, "reason", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(fenceRetry):
		}
	}
}

func (p *process) fenceOnce(ctx context.Context, connector string) error {
	switch m := p.herder.Member(); {
	case !m.Joined:
		return cluster.ErrRebalancing
	case m.Leader:
		return p.herder.Fence(ctx, connector)
	default:
		err := p.peers.FenceZombies(ctx, m.LeaderURL, connector, p.config.Snapshot().SessionKey)
		if _, answered := errors.AsType[*rest.PeerError](err); err != nil && !answered && ctx.Err() == nil {
			return fmt.Errorf("%w: %w", cluster.ErrRebalancing, err) // a leader that cannot be reached has a successor soon
		}
		return err
	}
}

// verifyTask tells whether a task may still start (DistributedHerder.verifyTaskGenerationAndOwnership).
func (p *process) verifyTask(ctx context.Context, id connect.TaskID, generation int64) error {
	if err := p.config.ReadToEnd(ctx); err != nil {
		return fmt.Errorf("Failed to read to end of config topic: %w", err)
	}
	if c := p.config.Snapshot().Connectors[id.Connector]; c == nil || c.Generation != generation {
		return fmt.Errorf("Cannot start source task %s with exactly-once support as the connector has already generated a new set of task configs", id)
	}
	if m := p.herder.Member(); !m.Joined || !slices.Contains(m.Assigned.Tasks, id) {
		return fmt.Errorf("Cannot start source task %s as it has already been revoked from this worker", id)
	}
	return nil
}

// fenceProducers cuts off the producers of the first n tasks (Worker.fenceZombies, Admin.fenceProducers): whoever asks for a producer id
// under a transactional id bumps its epoch, and the coordinator aborts what the former owner had begun.
func (p *process) fenceProducers(ctx context.Context, name string, props config.Props, n int32) error {
	plan, err := p.plan(ctx, props)
	if err != nil {
		return err
	}
	return p.withAdmin(plan.Clients.Admin, func(cl *kgo.Client) error {
		for i := range n {
			id := kafka.TransactionalID(p.groupID, name, i)
			if err := fenceProducer(ctx, cl, id); err != nil {
				return fmt.Errorf("fencing out transactional id %s: %w", id, err)
			}
		}
		return nil
	})
}

func fenceProducer(ctx context.Context, cl *kgo.Client, id string) error {
	for {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID = &id
		// Only used by transactions of this epoch, and there will be none.
		req.TransactionTimeoutMillis = 10_000
		res, err := req.RequestWith(ctx, cl)
		if err == nil {
			err = kerr.ErrorForCode(res.ErrorCode)
		}
		// While the former owner's transaction is being aborted the answer is CONCURRENT_TRANSACTIONS.
		if err == nil || !kerr.IsRetriable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// changeOffsets writes offsets of a stopped connector, exactly-once with the producer of its first task
// (Worker.modifySourceConnectorOffsets).
func (p *process) changeOffsets(ctx context.Context, name string, plan *connectorconfig.Plan, o *sourceOffsets, entries []cluster.SourceOffset) error {
	if err := o.Ready(ctx); err != nil {
		return err
	}
	if !p.core.ExactlyOnce {
		return o.all.Write(ctx, name, entries...)
	}
	opts, err := p.clients.TransactionalProducer(kafka.TransactionalID(p.groupID, name, 0), plan.Clients.Producer)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(opts.Opts...)
	if err != nil {
		return fmt.Errorf("making the producer: %w", err)
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(ctx); err != nil {
		return fmt.Errorf("initializing the transactional producer: %w", err)
	}
	offsets := offsetsOf(entries)
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	records, err := o.Prepare(ctx, offsets)
	if err == nil {
		err = cl.ProduceSync(ctx, records...).FirstErr()
	}
	if err != nil {
		return errors.Join(err, transaction.End(ctx, cl, kgo.TryAbort))
	}
	if err := transaction.End(ctx, cl, kgo.TryCommit); err != nil {
		return fmt.Errorf("committing the offsets: %w", err)
	}
	o.Committed(offsets)
	return nil
}

// stoppedAndFenced is stopped, with a round of fencing for exactly-once sources: a zombie's producer must not commit over the change
// (DistributedHerder.modifyConnectorOffsets).
func (f *facade) stoppedAndFenced(ctx context.Context, name string, dry bool) (*connectorconfig.Plan, error) {
	plan, err := f.stopped(ctx, name)
	if err != nil || plan.Source == nil || !f.p.core.ExactlyOnce || dry {
		return plan, err
	}
	if err := f.p.herder.Fence(ctx, name); err != nil {
		return nil, fmt.Errorf("Failed to perform zombie fencing for source connector prior to modifying offsets: %w", err)
	}
	if c := f.p.config.Snapshot().Connectors[name]; c == nil || c.Target != cluster.Stopped {
		return nil, cluster.ErrRebalancing // changed meanwhile
	}
	return f.stopped(ctx, name)
}

// sourceOffsets lists the offsets of a source connector.
func (f *facade) sourceOffsets(ctx context.Context, name string, props config.Props) ([]cluster.SourceOffset, error) {
	if f.p.own.Name == "" || props["offsets.storage.topic"] == "" && !f.p.core.ExactlyOnce {
		return f.p.offsets.List(ctx, name)
	}
	plan, err := f.p.plan(ctx, props)
	if err != nil {
		return nil, err
	}
	o, err := f.p.openOffsets(name, plan)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return o.list(ctx)
}
