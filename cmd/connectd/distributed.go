package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/group"
	"github.com/connectd/connectd/runtime/herder/core"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/logging"
	"github.com/connectd/connectd/runtime/store"
	"github.com/connectd/connectd/runtime/workerconfig"
)

// distributed runs a worker in a group: connectd distributed worker.properties.
func distributed(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("distributed", flag.ContinueOnError)
	if err := fs.Parse(args); err != nil {
		return &usageError{err}
	}
	if fs.NArg() > 1 {
		return &usageError{errors.New("distributed takes one file of worker properties")}
	}
	log, levels, err := newLog()
	if err != nil {
		return err
	}
	props := config.Props{}
	if fs.NArg() == 1 {
		if props, err = workerconfig.ReadFile(fs.Arg(0)); err != nil {
			return &usageError{err}
		}
	}
	return runDistributed(ctx, workerconfig.Overlay(props, os.Environ()), log, levels, nil)
}

// runDistributed runs a worker of props; started, if set, is told its REST address.
func runDistributed(ctx context.Context, props config.Props, log *slog.Logger, levels *logging.Levels, started func(string)) error {
	cfg, ground, err := distributedConfig(ctx, props, log)
	if err != nil {
		return err
	}
	return runMember(ctx, cfg, ground, log, levels, started)
}

// runMember runs a worker whose config has been judged.
func runMember(ctx context.Context, cfg workerconfig.Distributed, ground *groundwork, log *slog.Logger, levels *logging.Levels, started func(string)) error {
	p, err := open(ground, cfg.Worker, cfg.Connectors(), log, levels)
	if err != nil {
		return err
	}
	p.started = started
	p.sync = cfg.WorkerSyncTimeout
	p.core = core.Config{
		UnsyncBackoff: cfg.WorkerUnsyncBackoff, Fenced: cfg.TransactionalLeader(),
		ExactlyOnce: cfg.ExactlyOnce == workerconfig.ExactlyOnceEnabled, IsSource: p.isSource,
	}
	p.groupID = cfg.GroupID
	if cfg.Protocol == "sessioned" {
		p.core.SessionKeyTTL = cfg.InterWorker.KeyTTL
	}
	p.peers = rest.NewPeers(rest.PeersConfig{Client: rest.NewClient(p.tls.client), SignatureAlgorithm: cfg.InterWorker.SignatureAlgorithm})
	p.verify = cfg.InterWorker.VerificationAlgorithms
	p.newKey = func() (*cluster.SessionKey, error) { return newSessionKey(cfg.InterWorker) }
	if err := p.topicStores(cfg); err != nil {
		return &usageError{err}
	}
	lead := &leadership{delay: cfg.ScheduledRebalanceMaxDelay}
	p.owners, p.lead = lead.owners, lead
	p.group = func(p *process) (membership, error) { return p.join(cfg, lead) }
	return p.serve(ctx)
}

func (p *process) topicStores(cfg workerconfig.Distributed) (err error) {
	opts := func(t workerconfig.Topic) store.Options {
		return store.Options{
			Clients:  p.clients,
			Topic:    kafka.Topic{Name: t.Name, Partitions: t.Partitions, ReplicationFactor: t.ReplicationFactor, Settings: t.Configs},
			NoCreate: !cfg.AutomaticInternalTopics, Log: p.log, OnState: p.kafkaState(t.Name), ReadCommitted: cfg.TransactionalLeader(),
		}
	}
	p.own = opts(cfg.Offset).Topic
	configs := opts(cfg.Config)
	if cfg.TransactionalLeader() {
		configs.TransactionalID = "connect-cluster-" + cfg.GroupID
	}
	config, err := store.NewConfig(configs)
	if err != nil {
		return fmt.Errorf("config topic: %w", err)
	}
	status, err := store.NewStatus(opts(cfg.Status))
	if err != nil {
		return fmt.Errorf("status topic: %w", err)
	}
	// Nothing waits for the offset topic but tasks; it has the most partitions.
	ofs := opts(cfg.Offset)
	ofs.CreateAfter = []<-chan struct{}{config.Ready(), status.Ready()}
	offsets, err := store.NewOffsets(ofs)
	if err != nil {
		return fmt.Errorf("offset topic: %w", err)
	}
	p.config, p.status, p.offsets = config, status, offsets
	p.claim, p.release = config.Claim, config.Release
	return nil
}

// kafkaState hears when a topic's Kafka cannot be reached, and when it can again.
func (p *process) kafkaState(topic string) func(error) {
	return func(err error) {
		p.healthMu.Lock()
		defer p.healthMu.Unlock()
		if err != nil {
			p.problems[topic] = err.Error()
		} else {
			delete(p.problems, topic)
		}
	}
}

// join makes the membership in the worker group.
func (p *process) join(cfg workerconfig.Distributed, lead *leadership) (membership, error) {
	proto, err := group.ParseProtocol(cfg.Protocol)
	if err != nil {
		return nil, err
	}
	o, err := p.clients.Group()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(o.Opts...)
	if err != nil {
		return nil, fmt.Errorf("making the group's client: %w", err)
	}
	lead.config = p.config
	lead.able = &abilities{ask: p.peers.Plugins, late: lead.learnedLate, log: p.log}
	notice := &leaveNotice{self: p.advertise, config: p.config, peers: p.peers, log: p.log}
	m, err := group.NewMember(group.Config{
		Client: client, GroupID: cfg.GroupID, InstanceID: cfg.InstanceID, Protocol: proto, SessionTimeout: cfg.SessionTimeout, HeartbeatInterval: cfg.HeartbeatInterval,
		RebalanceTimeout: cfg.RebalanceTimeout, URL: func() string { return p.advertise },
		ConfigOffset: func() int64 { return p.config.Snapshot().Offset }, Assign: lead.assign, Depart: notice.depart, Log: p.log,
	})
	if err != nil {
		client.Close()
		return nil, err
	}
	p.heartbeat, lead.rejoin = m.Heartbeat, m.Rejoin
	return closing{m, client, lead.able}, nil
}

// closing closes the member's client when it has run, and ends what its leadership has begun.
type closing struct {
	*group.Member
	client *kgo.Client
	able   *abilities
}

func (c closing) Run(ctx context.Context) error {
	defer c.client.Close()
	defer c.able.close()
	return c.Member.Run(ctx)
}

// newSessionKey makes a key for signing requests between workers (KIP-507).
func newSessionKey(w workerconfig.InterWorker) (*cluster.SessionKey, error) {
	size := w.KeySize / 8
	if size <= 0 {
		size = 32 // what Java's generator gives for HmacSHA256
	}
	key := make([]byte, size)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("making a session key: %w", err)
	}
	return &cluster.SessionKey{Key: key, Algorithm: w.KeyGenerationAlgorithm, Created: time.Now().UnixMilli()}, nil
}
