package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/topiclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TopicLogs opens further topics of connectors, such as the schema history. Safe for concurrent use.
type TopicLogs struct {
	Clients *kafka.Clients
	// Log is slog's default if nil.
	Log *slog.Logger
}

// Open connects to the topic's cluster and makes sure that the topic is there. Keys of spec.Client with the prefixes producer. and
// consumer. go to that client alone. spec.Create has partitions (1), replication.factor (-1, the broker's) and topic settings.
func (t *TopicLogs) Open(ctx context.Context, spec connect.LogSpec) (connect.TopicLog, error) {
	l, err := t.open(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("opening topic %q: %w", spec.Topic, err)
	}
	return l, nil
}

func (t *TopicLogs) open(ctx context.Context, spec connect.LogSpec) (*connectorLog, error) {
	if spec.Topic == "" {
		return nil, errors.New("the topic's name is empty")
	}
	shared, producer, consumer := splitClient(spec.Client)
	admin, err := t.Clients.Options(kafka.RoleLogReader, nil, shared)
	if err != nil {
		return nil, err
	}
	reader, err := t.Clients.LogReader(consumer)
	if err != nil {
		return nil, err
	}
	writer, err := t.Clients.LogWriter(producer)
	if err != nil {
		return nil, err
	}
	if err := ensureTopic(ctx, admin.Opts, spec); err != nil {
		return nil, err
	}
	// The topic gets all its records in partition 0, whatever their key: order is what a history is for.
	opts := append(slices.Clone(writer.Opts), kgo.DefaultProduceTopic(spec.Topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("making the client: %w", err)
	}
	return &connectorLog{topic: spec.Topic, reader: reader.Opts, client: client, log: t.Log}, nil
}

func ensureTopic(ctx context.Context, opts []kgo.Opt, spec connect.LogSpec) error {
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("making the client: %w", err)
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	if spec.Create == nil {
		_, err := kafka.DescribeTopic(ctx, adm, spec.Topic)
		return err
	}
	topic := kafka.Topic{Name: spec.Topic, Partitions: 1, ReplicationFactor: -1, Settings: config.Props{}}
	for k, v := range spec.Create {
		switch k {
		case "partitions":
			n, err := strconv.ParseInt(v, 10, 32)
			if err != nil {
				return fmt.Errorf("partitions: %q is not a whole number", v)
			}
			topic.Partitions = int32(n)
		case "replication.factor":
			n, err := strconv.ParseInt(v, 10, 16)
			if err != nil {
				return fmt.Errorf("replication.factor: %q is not a whole number up to %d", v, math.MaxInt16)
			}
			topic.ReplicationFactor = int16(n)
		default:
			topic.Settings[k] = v
		}
	}
	_, err = kafka.EnsureTopic(ctx, adm, topic)
	return err
}

// splitClient gives each client its own keys over the shared ones.
func splitClient(p config.Props) (shared, producer, consumer config.Props) {
	shared, producer, consumer = config.Props{}, config.Props{}, config.Props{}
	own := map[string]config.Props{"producer.": producer, "consumer.": consumer}
	for k, v := range p {
		isOwn := false
		for prefix := range own {
			if len(k) > len(prefix) && k[:len(prefix)] == prefix {
				isOwn = true
			}
		}
		if !isOwn {
			shared[k], producer[k], consumer[k] = v, v, v
		}
	}
	for prefix, props := range own {
		for k, v := range p.WithPrefix(prefix) {
			props[k] = v
		}
	}
	return shared, producer, consumer
}

// connectorLog is one opened topic.
type connectorLog struct {
	topic  string
	reader []kgo.Opt
	client *kgo.Client
	log    *slog.Logger
	groups map[string]int64 // next offset of the groups Consume was called for
}

// ReadToEnd reads with a client of its own. An error of f ends the reading.
func (l *connectorLog) ReadToEnd(ctx context.Context, f func(key, value []byte) error) error {
	return l.read(ctx, 0, func(r *kgo.Record) error { return f(r.Key, r.Value) })
}

// ReadFrom implements connect.TopicOffsets. An error of f ends the reading.
func (l *connectorLog) ReadFrom(ctx context.Context, offset int64, f func(offset int64, key, value []byte) error) error {
	return l.read(ctx, offset, func(r *kgo.Record) error {
		if r.Partition != 0 {
			return nil
		}
		return f(r.Offset, r.Key, r.Value)
	})
}

func (l *connectorLog) read(ctx context.Context, from int64, f func(*kgo.Record) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	reading := topiclog.New(topiclog.Config{Topic: l.topic, From: from, Reader: l.reader, Log: l.log, OnRecord: func(r *kgo.Record) {
		if failed == nil {
			if failed = call(r, f); failed != nil {
				cancel()
			}
		}
	}})
	done := make(chan error, 1)
	go func() { done <- reading.Run(ctx) }()
	err := reading.ReadToEnd(ctx)
	cancel()
	runErr := <-done // from here on failed is ours
	return firstError(failed, runErr, err)
}

// call turns a panic of f into an error: a topiclog would pass the record over, but a history with a hole is none.
func call(r *kgo.Record, f func(*kgo.Record) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("handling the record at offset %d of topic %q: panic: %v", r.Offset, r.Topic, p)
		}
	}()
	return f(r)
}

// firstError returns the first error there is.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Consume reads what is new to a group, by offsets that it commits itself: the group has no members. While nothing is new it only asks
// for the end.
func (l *connectorLog) Consume(ctx context.Context, group string, f func(key, value []byte) error) error {
	adm := kadm.NewClient(l.client)
	next, err := l.committed(ctx, adm, group)
	if err != nil {
		return fmt.Errorf("reading topic %q for group %q: %w", l.topic, group, err)
	}
	ends, err := adm.ListEndOffsets(ctx, l.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("reading topic %q for group %q: asking for the end: %w", l.topic, group, err)
	}
	end, _ := ends.Lookup(l.topic, 0)
	if next >= end.Offset {
		return nil
	}
	opts := append(slices.Clone(l.reader), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.topic: {0: kgo.NewOffset().At(next)}}),
		kgo.KeepControlRecords()) // the last one may be such a record
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("reading topic %q for group %q: making the client: %w", l.topic, group, err)
	}
	defer client.Close()
	for next < end.Offset {
		polled := client.PollFetches(ctx)
		if err := polled.Err(); err != nil {
			return fmt.Errorf("reading topic %q for group %q: %w", l.topic, group, err)
		}
		for r := range polled.RecordsAll() {
			if !r.Attrs.IsControl() {
				if err := call(r, func(r *kgo.Record) error { return f(r.Key, r.Value) }); err != nil {
					return err
				}
			}
			next = r.Offset + 1
		}
		var commit kadm.Offsets
		commit.AddOffset(l.topic, 0, next, -1)
		if err := adm.CommitAllOffsets(ctx, group, commit); err != nil {
			return fmt.Errorf("committing offset %d of topic %q for group %q: %w", next, l.topic, group, err)
		}
		l.groups[group] = next
	}
	return nil
}

// committed is the group's next offset; the first that there is if it has none, or one that is gone.
func (l *connectorLog) committed(ctx context.Context, adm *kadm.Client, group string) (int64, error) {
	if next, ok := l.groups[group]; ok {
		return next, nil
	}
	starts, err := adm.ListStartOffsets(ctx, l.topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("asking for the start: %w", err)
	}
	start, _ := starts.Lookup(l.topic, 0)
	next := start.Offset
	offsets, err := adm.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return 0, fmt.Errorf("asking for the committed offset: %w", err)
	}
	if o, ok := offsets.Lookup(l.topic, 0); ok && o.Err == nil && o.At > next {
		next = o.At
	}
	if l.groups == nil {
		l.groups = map[string]int64{}
	}
	l.groups[group] = next
	return next, nil
}

// Append writes one record to partition 0 and returns when it is durable.
func (l *connectorLog) Append(ctx context.Context, key, value []byte) error {
	_, _, err := l.AppendAll(ctx, []connect.LogRecord{{Key: key, Value: value}})
	return err
}

// AppendAll implements connect.TopicOffsets.
func (l *connectorLog) AppendAll(ctx context.Context, records []connect.LogRecord) (first, last int64, err error) {
	rs := make([]*kgo.Record, len(records))
	for i := range records {
		rs[i] = &kgo.Record{Key: records[i].Key, Value: records[i].Value}
	}
	results := l.client.ProduceSync(ctx, rs...)
	if err := results.FirstErr(); err != nil {
		return 0, 0, fmt.Errorf("writing to topic %q: %w", l.topic, err)
	}
	return rs[0].Offset, rs[len(rs)-1].Offset, nil
}

// Close ends the client.
func (l *connectorLog) Close() error {
	l.client.Close()
	return nil
}

// Interface guards.
var (
	_ connect.TopicLogs = (*TopicLogs)(nil)
	_ connect.TopicLog  = (*connectorLog)(nil)

	_ connect.TopicConsumer = (*connectorLog)(nil)
	_ connect.TopicOffsets  = (*connectorLog)(nil)
)
