package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/topiclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Options are what a store on a topic needs.
type Options struct {
	Clients *kafka.Clients
	// Topic is created if it is missing, always with cleanup.policy=compact; see Topics.
	Topic kafka.Topic
	// NoCreate makes a missing topic an error (internal.topics.automatic.creation.enable=false).
	NoCreate bool
	// CreateAfter are waited for before a missing topic is created: a broker makes one topic after the other, a partition at a time, and a
	// worker that starts for the first time needs some of them sooner than others.
	CreateAfter []<-chan struct{}
	// ReadCommitted has to be set where exactly.once.source.support is preparing or enabled.
	ReadCommitted bool
	// Reader, Writer and Admin are keys of those clients, stronger than the worker's. Admin's client creates the topic.
	Reader, Writer, Admin config.Props
	// TransactionalID makes the leader's config writes transactional and fenced; empty: not. Config only. It is
	// connect-cluster-<group.id> where exactly.once.source.support is preparing or enabled.
	TransactionalID string
	// OnState, if set, is told that Kafka cannot be reached (err != nil) and that it can again (nil). It must not block.
	OnState func(err error)
	// Log is slog's default if nil.
	Log *slog.Logger
}

// backing is the topic below a store: creation, checks, reading and writing.
type backing struct {
	o      Options
	log    *slog.Logger
	key    string // the worker's key that names the topic, for messages
	single bool   // exactly one partition
	// recreated, if set, is called when the topic is read from its start because somebody deleted it and created it anew. It must not block.
	recreated func()
	reader    *topiclog.Log
	writer    *topiclog.Writer

	once    sync.Once
	ready   chan struct{} // closed when the first read has been taken in
	stopped chan struct{} // closed when Run has returned
}

func newBacking(o Options, key string, onRecord func(*kgo.Record), onBatch func()) (*backing, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Topic.Name == "" {
		return nil, fmt.Errorf("%s: missing; name the topic", key)
	}
	settings := config.Props{}
	for k, v := range o.Topic.Settings {
		settings[k] = v
	}
	settings["cleanup.policy"] = "compact"
	o.Topic.Settings = settings
	read, err := o.Clients.LogReader(o.Reader)
	if err != nil {
		return nil, err
	}
	write, err := o.Clients.LogWriter(o.Writer)
	if err != nil {
		return nil, err
	}
	b := &backing{o: o, log: o.Log.With("topic", o.Topic.Name), key: key, ready: make(chan struct{}), stopped: make(chan struct{})}
	b.reader = topiclog.New(topiclog.Config{
		Topic: o.Topic.Name, Reader: read.Opts, ReadCommitted: o.ReadCommitted, AwaitOpen: key == keyOffsetsTopic, OnRecord: onRecord, OnBatch: onBatch,
		OnState: o.OnState, Log: o.Log, OnMissing: b.lost,
		OnRecreated: func() {
			if b.recreated != nil {
				b.recreated()
			}
		},
	})
	b.writer = topiclog.NewWriter(topiclog.WriterConfig{Topic: o.Topic.Name, Options: write.Opts, Log: o.Log})
	return b, nil
}

// run ensures the topic, reads it until ctx is done, and calls loaded once the first read came to the end.
func (b *backing) run(ctx context.Context, loaded func()) error {
	defer close(b.stopped)
	defer b.writer.Close()
	if err := b.ensure(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		if b.reader.ReadToEnd(ctx) == nil {
			loaded()
			b.once.Do(func() { close(b.ready) })
		}
	})
	return b.reader.Run(ctx)
}

// lost does what can be done for a topic that was deleted while the worker runs. The config topic is left to people: created anew, it would
// be the empty config of a cluster whose workers have another one in mind.
func (b *backing) lost(ctx context.Context) {
	const text = "an internal topic is gone: it was deleted while this worker runs"
	switch {
	case b.single:
		b.log.Error(text+"; restore it, or create it (1 partition, cleanup.policy=compact) and put the configs of all connectors again", "key", b.key)
	case b.o.NoCreate:
		b.log.Error(text+"; create it, compacted, or set internal.topics.automatic.creation.enable=true", "key", b.key)
	default:
		b.log.Error(text+"; creating it anew", "key", b.key)
		if err := b.ensure(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("the lost topic cannot be created", "key", b.key, "error", err)
		}
	}
}

// readToEnd waits for the first read too: before it, nothing is visible.
func (b *backing) readToEnd(ctx context.Context) error {
	select {
	case <-b.ready:
	case <-b.stopped:
		return fmt.Errorf("reading topic %q to its end: %w", b.o.Topic.Name, topiclog.ErrStopped)
	case <-ctx.Done():
		return fmt.Errorf("reading topic %q from its start: %w", b.o.Topic.Name, context.Cause(ctx))
	}
	return b.reader.ReadToEnd(ctx)
}

// ensure creates and checks the topic. Only what the user has to heal is an error; the rest is tried again for ever.
func (b *backing) ensure(ctx context.Context) error {
	client, err := b.o.Clients.AdminClient(b.o.Admin)
	if err != nil {
		return err
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	told := false
	for wait := 25 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := b.ensureOnce(ctx, adm)
		if err == nil {
			if told && b.o.OnState != nil {
				b.o.OnState(nil)
			}
			return nil
		}
		if hint, refused := kafka.Refused(err); refused && ctx.Err() == nil {
			return fmt.Errorf("%w; %s", err, hint)
		}
		if ctx.Err() != nil || final(err) {
			return err
		}
		b.log.Warn("topic not ready, trying again", "error", err)
		if told = true; b.o.OnState != nil {
			b.o.OnState(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (b *backing) ensureOnce(ctx context.Context, adm *kadm.Client) error {
	var info kafka.TopicInfo
	describe := func() error {
		return bounded(ctx, func(ctx context.Context) (err error) {
			info, err = kafka.DescribeTopic(ctx, adm, b.o.Topic.Name)
			return err
		})
	}
	err := describe()
	if errors.Is(err, kafka.ErrNoTopic) {
		if b.o.NoCreate {
			return &misuse{fmt.Errorf("%w; create it, or set internal.topics.automatic.creation.enable=true", err)}
		}
		if err := b.create(ctx, adm); err != nil {
			return err
		}
		err = kafka.UntilThere(ctx, describe) // it takes a moment to be seen by every broker
	}
	if err != nil {
		return err
	}
	return b.check(info)
}

// bounded gives f as long as one question to a broker may take.
func bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return f(ctx)
}

func (b *backing) create(ctx context.Context, adm *kadm.Client) error {
	for _, c := range b.o.CreateAfter {
		select {
		case <-c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return bounded(ctx, func(ctx context.Context) error {
		created, err := kafka.EnsureTopic(ctx, adm, b.o.Topic)
		if created {
			b.log.Info("topic created", "partitions", b.o.Topic.Partitions, "replication_factor", b.o.Topic.ReplicationFactor)
		}
		return err
	})
}

// check fails if the topic cannot do its work.
func (b *backing) check(info kafka.TopicInfo) error {
	servers := b.o.Clients.Worker["bootstrap.servers"]
	if b.single && info.Partitions != 1 {
		return &misuse{fmt.Errorf("topic %q (%s) has %d partitions, but the order of its records needs exactly 1; "+
			"use another topic, or stop all workers, save what this one holds and delete it, to have it created anew: "+
			"kafka-topics.sh --bootstrap-server %s --delete --topic %s", b.o.Topic.Name, b.key, info.Partitions, servers, b.o.Topic.Name)}
	}
	if err := kafka.CheckCompacted(info, b.o.Topic.Name, b.key, servers); err != nil {
		return &misuse{err}
	}
	return nil
}

// misuse marks an error that the user has to heal.
type misuse struct{ err error }

func (e *misuse) Error() string { return e.err.Error() }
func (e *misuse) Unwrap() error { return e.err }

func final(err error) bool {
	if _, ok := errors.AsType[*misuse](err); ok {
		return true
	}
	for _, e := range []error{
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.InvalidReplicationFactor, kerr.InvalidPartitions,
		kerr.InvalidConfig, kerr.InvalidTopicException, kerr.PolicyViolation,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
