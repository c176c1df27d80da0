package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/sourcetask"
	"github.com/connectd/connectd/runtime/store"
	"github.com/connectd/connectd/runtime/worker"
)

// offsetStores opens the offsets of source connectors: those of the worker's topic, and of the connector's own (offsets.storage.topic).
type offsetStores struct{ p *process }

// Open makes what Worker.offsetStoreForExactlyOnceSourceTask and …RegularSourceTask make.
func (o *offsetStores) Open(name string, plan *connectorconfig.Plan) (worker.SourceOffsets, error) {
	return o.p.openOffsets(name, plan)
}

// sourceOffsets are the offsets of one connector.
type sourceOffsets struct {
	name    string
	all     store.OffsetStore
	primary *store.Offsets    // what transactions write to; nil: a store without transactions
	second  store.OffsetStore // the worker's, if the connector has a topic of its own, else nil
	log     *slog.Logger

	ctx    context.Context // of what Close ends
	cancel context.CancelFunc
	parts  sync.WaitGroup
	failed chan error // of the own topic's Run

	mu      sync.Mutex
	copies  map[string]cluster.SourceOffset // to write to the worker's topic
	copying bool
}

var _ worker.TransactionalOffsets = (*sourceOffsets)(nil)

func (p *process) openOffsets(name string, plan *connectorconfig.Plan) (*sourceOffsets, error) {
	o := &sourceOffsets{name: name, all: p.offsets, log: p.log.With("connector", name), failed: make(chan error, 1),
		copies: map[string]cluster.SourceOffset{}}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	o.primary, _ = p.offsets.(*store.Offsets)
	topic := p.ownTopic(plan)
	if topic == "" {
		return o, nil
	}
	t := p.own
	t.Name = topic
	own, err := store.NewOffsets(store.Options{
		Clients: p.clients, Topic: t, ReadCommitted: true, Log: p.log,
		Reader: over(p.cfg.Originals.WithPrefix("consumer."), plan.Clients.Consumer),
		Writer: over(p.cfg.Originals.WithPrefix("producer."), plan.Clients.Producer), Admin: plan.Clients.Admin,
	})
	if err != nil {
		o.cancel()
		return nil, err
	}
	o.primary, o.second, o.all = own, p.offsets, store.ConnectorOffsets{Own: own, Worker: p.offsets}
	o.parts.Go(func() {
		if err := own.Run(o.ctx); err != nil {
			o.log.Error("the connector's offsets topic cannot be used", "topic", topic, "error", err)
			o.failed <- err
		}
	})
	return o, nil
}

// over lays a connector's overrides over the worker's client keys. What makes a producer transactional is not for offsets writers.
func over(base, overrides config.Props) config.Props {
	out := base.Clone()
	if out == nil {
		out = config.Props{}
	}
	maps.Copy(out, overrides)
	for _, k := range []string{"transactional.id", "transaction.timeout.ms", "group.id", "client.id"} {
		delete(out, k)
	}
	return out
}

// ownTopic is the offsets topic of a connector that is not the worker's; "" if it is. An exactly-once task writes offsets and records in
// one transaction, hence to one cluster. (Worker.sameOffsetTopicAsWorker)
func (p *process) ownTopic(plan *connectorconfig.Plan) string {
	topic := plan.SourceOptions.OffsetsTopic
	if p.own.Name == "" || topic == "" && !p.core.ExactlyOnce {
		return ""
	}
	if topic == "" {
		topic = p.own.Name
	}
	servers := p.cfg.Originals["producer.bootstrap.servers"]
	if s := plan.Clients.Producer["bootstrap.servers"]; s != "" {
		servers = s
	}
	if topic == p.own.Name && (servers == "" || sameServers(servers, p.clients.Worker["bootstrap.servers"])) {
		return ""
	}
	return topic
}

func sameServers(a, b string) bool {
	list := func(s string) []string {
		l := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(l)
		return l
	}
	return slices.Equal(list(a), list(b))
}

func (o *sourceOffsets) Read(ctx context.Context, ps ...*connect.SourcePartition) ([]json.RawMessage, error) {
	return o.all.Read(ctx, o.name, ps...)
}

func (o *sourceOffsets) Write(ctx context.Context, offsets []sourcetask.PartitionOffset) error {
	return o.all.Write(ctx, o.name, entriesOf(offsets)...)
}

func (o *sourceOffsets) list(ctx context.Context) ([]cluster.SourceOffset, error) {
	if err := o.Ready(ctx); err != nil {
		return nil, err
	}
	return o.all.List(ctx, o.name)
}

func entriesOf(offsets []sourcetask.PartitionOffset) []cluster.SourceOffset {
	entries := make([]cluster.SourceOffset, len(offsets))
	for i, x := range offsets {
		entries[i] = cluster.SourceOffset{Partition: x.Partition, Offset: x.Offset}
	}
	return entries
}

// Ready waits until the connector's own topic is there; the worker's is.
func (o *sourceOffsets) Ready(ctx context.Context) error {
	if o.second == nil {
		return nil
	}
	select {
	case <-o.primary.Ready():
		return nil
	case err := <-o.failed:
		o.failed <- err // for others that wait
		return fmt.Errorf("opening the connector's offsets topic: %w", err)
	case <-ctx.Done():
		return fmt.Errorf("opening the connector's offsets topic %s: %w", o.primary.Topic(), context.Cause(ctx))
	}
}

// Topic is where transactions write offsets.
func (o *sourceOffsets) Topic() string { return o.primary.Topic() }

// Prepare writes what is removed to the worker's topic first: else a crash would let the old offset there shine through (KAFKA-15018).
func (o *sourceOffsets) Prepare(ctx context.Context, offsets []sourcetask.PartitionOffset) ([]*kgo.Record, error) {
	if o.primary == nil {
		return nil, errors.New("this worker's offset store has no transactions")
	}
	entries := entriesOf(offsets)
	if o.second != nil {
		var removed []cluster.SourceOffset
		for _, e := range entries {
			if e.Offset == nil {
				removed = append(removed, e)
			}
		}
		if len(removed) > 0 {
			if err := o.second.Write(ctx, o.name, removed...); err != nil {
				return nil, err
			}
		}
	}
	records, err := o.primary.Records(o.name, entries...)
	if err != nil {
		return nil, err
	}
	out := make([]*kgo.Record, len(records))
	for i, r := range records {
		out[i] = &kgo.Record{Topic: o.primary.Topic(), Key: r.Key, Value: r.Value, Partition: connect.NoPartition}
	}
	return out, nil
}

// Committed copies offsets to the worker's topic, where a connector finds them whose own topic is changed or lost. Nothing waits for it;
// while one copy is written the next ones are joined.
func (o *sourceOffsets) Committed(offsets []sourcetask.PartitionOffset) {
	if o.second == nil || o.ctx.Err() != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range entriesOf(offsets) {
		if e.Offset == nil {
			delete(o.copies, string(e.Partition))
		} else {
			o.copies[string(e.Partition)] = e
		}
	}
	if !o.copying && len(o.copies) > 0 {
		o.copying = true
		o.parts.Go(o.copyAll)
	}
}

// copyTimeout bounds one copy.
const copyTimeout = 5 * time.Second

func (o *sourceOffsets) copyAll() {
	for {
		o.mu.Lock()
		entries := slices.Collect(maps.Values(o.copies))
		clear(o.copies)
		if len(entries) == 0 {
			o.copying = false
			o.mu.Unlock()
			return
		}
		o.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), copyTimeout)
		if err := o.second.Write(ctx, o.name, entries...); err != nil {
			o.log.Warn("offsets were not copied to the worker's offsets topic", "error", err)
		}
		cancel()
	}
}

// Close ends reading of the connector's own topic, when what was committed has been copied.
func (o *sourceOffsets) Close() {
	o.cancel()
	o.parts.Wait()
}

func offsetsOf(entries []cluster.SourceOffset) []sourcetask.PartitionOffset {
	out := make([]sourcetask.PartitionOffset, len(entries))
	for i, e := range entries {
		out[i] = sourcetask.PartitionOffset{Partition: e.Partition, Offset: e.Offset}
	}
	return out
}
