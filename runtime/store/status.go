package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/topiclog"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Status is the status topic: what is seen of connectors, tasks and their topics. Writing does not wait: Put queues, Run sends, in
// order, and retries for ever. (org.apache.kafka.connect.storage.KafkaStatusBackingStore)
type Status struct {
	*statusView
	b *backing

	queueMu sync.Mutex
	queue   []queued
	idle    chan struct{} // closed when all that was queued is durable or dropped; nil while nothing is queued or on its way
	wake    chan struct{} // capacity 1
}

type queued struct {
	record topiclog.Record
	status cluster.Status
	safe   bool
}

const (
	// crowded is the length of the queue from which on only the last record of each key is kept: Kafka is away, and nobody will
	// miss what lay between.
	crowded = 4096
	// lastWords is how long Run goes on sending what is queued when its context is done: the UNASSIGNED of a worker that stops.
	lastWords = 5 * time.Second
)

// NewStatus makes the store; it does nothing before Run.
func NewStatus(o Options) (*Status, error) {
	s := &Status{wake: make(chan struct{}, 1)}
	b, err := newBacking(o, "status.storage.topic", func(r *kgo.Record) { s.apply(r.Offset, r.Key, r.Value) }, nil)
	if err != nil {
		return nil, err
	}
	s.b, s.statusView = b, newStatusView(b.log)
	return s, nil
}

// Run creates, checks, reads and follows the topic and sends what is put until ctx is done; what is queued then gets 5 s.
func (s *Status) Run(ctx context.Context) error {
	// The sender outlives ctx by its last words, and the reader the sender, whose writer it owns.
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWords, cancel) })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	ended := make(chan struct{})
	defer close(ended)
	wg.Go(func() {
		defer cancel()
		s.send(ctx, inner, ended)
	})
	return s.b.run(inner, func() {})
}

// Ready is closed when the first read has come to the end.
func (s *Status) Ready() <-chan struct{} { return s.b.ready }

// ReadToEnd returns when everything that was in the topic at the call is visible.
func (s *Status) ReadToEnd(ctx context.Context) error { return s.b.readToEnd(ctx) }

// Put queues a status; Destroyed removes it. It becomes visible here when it was read back.
func (s *Status) Put(st cluster.Status) { s.put(st, false) }

// PutSafe is Put unless another worker of a newer generation has written a status since, now or when the record goes out.
func (s *Status) PutSafe(st cluster.Status) {
	if s.safe(st) {
		s.put(st, true)
	}
}

func (s *Status) put(st cluster.Status, safe bool) {
	s.enqueue(queued{record: topiclog.Record{Key: StatusKey(st.ID), Value: StatusValue(st)}, status: st, safe: safe})
}

// PutTopic queues that a connector has used a topic.
func (s *Status) PutTopic(t cluster.TopicStatus) {
	s.enqueue(queued{record: topiclog.Record{Key: TopicStatusKey(t.Topic, t.Connector), Value: TopicStatusValue(t)}})
}

// DeleteTopic queues that a connector's topic is to be forgotten.
func (s *Status) DeleteTopic(connector, topic string) {
	s.enqueue(queued{record: topiclog.Record{Key: TopicStatusKey(topic, connector)}})
}

func (s *Status) enqueue(q queued) {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	s.queue = append(s.queue, q)
	if len(s.queue) >= crowded {
		s.queue = lastOfEach(s.queue)
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// lastOfEach keeps the last record of each key, in order.
func lastOfEach(queue []queued) []queued {
	last := make(map[string]int, len(queue))
	for i, q := range queue {
		last[string(q.record.Key)] = i
	}
	out := make([]queued, 0, len(last))
	for i, q := range queue {
		if last[string(q.record.Key)] == i {
			out = append(out, q)
		}
	}
	return out
}

// Flush waits until all that was put before is durable or dropped.
func (s *Status) Flush(ctx context.Context) error {
	s.queueMu.Lock()
	idle := s.idle
	s.queueMu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-s.b.stopped:
		return fmt.Errorf("flushing statuses: %w", topiclog.ErrStopped)
	case <-ctx.Done():
		return fmt.Errorf("flushing statuses: %w", context.Cause(ctx))
	}
}

// send writes what is queued until ctx is done, then what is left until write is; ended says that reading has failed for good.
func (s *Status) send(ctx, write context.Context, ended <-chan struct{}) {
	select {
	case <-s.b.ready: // before that the topic may not even exist
	case <-ended:
		return
	case <-ctx.Done():
		return
	}
	for {
		select {
		case <-s.wake:
			s.sendQueue(write)
		case <-ended:
			return
		case <-ctx.Done():
			s.sendQueue(write)
			return
		}
	}
}

// sendQueue sends until the queue is empty or ctx is done.
func (s *Status) sendQueue(ctx context.Context) {
	for batch := s.take(); len(batch) > 0; batch = s.take() {
		records := make([]topiclog.Record, 0, len(batch))
		for _, q := range batch {
			if !q.safe || s.safe(q.status) {
				records = append(records, q.record)
			}
		}
		if err := s.b.writer.Write(ctx, records...); err != nil {
			s.b.log.Error("statuses lost", "records", len(records), "error", err)
		}
		s.done(ctx.Err() != nil)
	}
}

const batchSize = 500

func (s *Status) take() []queued {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	n := min(len(s.queue), batchSize)
	batch := s.queue[:n:n]
	s.queue = s.queue[n:]
	return batch
}

// done ends one batch; with giveUp what is still queued is dropped.
func (s *Status) done(giveUp bool) {
	s.queueMu.Lock()
	defer s.queueMu.Unlock()
	if giveUp {
		s.queue = nil
	}
	if len(s.queue) == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}
