package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/topiclog"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Offsets is an offsets topic, the worker's or a connector's own. (org.apache.kafka.connect.storage.KafkaOffsetBackingStore)
type Offsets struct {
	b    *backing
	mu   sync.Mutex
	view *offsetView
	// lost are the offsets that a deleted topic had and the one created in its place does not have yet; nil: none. See restore.
	lost    *offsetView
	restore chan struct{} // wakes the restorer; one slot
}

// keyOffsetsTopic is the worker's key of the offsets topic.
const keyOffsetsTopic = "offset.storage.topic"

// NewOffsets makes the store; it does nothing before Run.
func NewOffsets(o Options) (*Offsets, error) {
	s := &Offsets{view: newOffsetView(), restore: make(chan struct{}, 1)}
	b, err := newBacking(o, keyOffsetsTopic, s.apply, nil)
	if err != nil {
		return nil, err
	}
	b.recreated = s.recreated
	s.b = b
	return s, nil
}

func (s *Offsets) apply(r *kgo.Record) {
	s.mu.Lock()
	err := s.view.apply(r.Key, r.Value)
	if s.lost != nil && err == nil {
		s.lost.forget(r.Key)
	}
	s.mu.Unlock()
	if err != nil {
		s.b.log.Warn("offset record passed over", "partition", r.Partition, "offset", r.Offset, "key", string(r.Key), "error", err)
	}
}

// Run creates, checks, reads and follows the topic until ctx is done.
func (s *Offsets) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var restorer sync.WaitGroup
	defer restorer.Wait()
	defer cancel()
	restorer.Go(func() { s.restorer(ctx) })
	return s.b.run(ctx, func() {})
}

// recreated notes that the topic was lost: all that is known is missing in the new one until it is seen there.
func (s *Offsets) recreated() {
	s.mu.Lock()
	s.lost = s.view.clone()
	s.mu.Unlock()
	select {
	case s.restore <- struct{}{}:
	default:
	}
}

// restorer writes the offsets of a lost topic to the one created in its place. Every worker does so, with the same offsets, less those that
// tasks have stored there meanwhile. A task on another worker that stores its first offset in the very moment may have it written
// over, until its next commit: then a crash before that has it read the records in between again.
func (s *Offsets) restorer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.restore:
		}
		for wait := time.Second; ; wait = min(2*wait, time.Minute) {
			n, err := s.restoreOnce(ctx)
			if err == nil {
				s.b.log.Warn("wrote the offsets of the lost topic to the new one", "offsets", n)
				break
			}
			s.b.log.Error("writing the offsets of the lost topic to the new one failed, trying again", "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
	}
}

func (s *Offsets) restoreOnce(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := s.ReadToEnd(ctx); err != nil {
		return 0, err
	}
	s.mu.Lock()
	lost := s.lost
	s.lost = nil
	s.mu.Unlock()
	if lost == nil {
		return 0, nil
	}
	for connector := range lost.connectors {
		entries := lost.list(connector)
		if err := s.Write(ctx, connector, entries...); err != nil {
			s.mu.Lock()
			s.lost = lost
			s.mu.Unlock()
			return n, err
		}
		n += len(entries)
	}
	return n, nil
}

// Ready is closed when the first read has come to the end.
func (s *Offsets) Ready() <-chan struct{} { return s.b.ready }

// ReadToEnd returns when everything that was in the topic at the call is visible.
func (s *Offsets) ReadToEnd(ctx context.Context) error { return s.b.readToEnd(ctx) }

// Topic is the name of the topic.
func (s *Offsets) Topic() string { return s.b.o.Topic.Name }

// Read returns the committed offset of each partition, nil where there is none, after reading to the end. Partitions are compared as
// decoded JSON.
func (s *Offsets) Read(ctx context.Context, connector string, partitions ...*connect.SourcePartition) ([]json.RawMessage, error) {
	if err := s.ReadToEnd(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.read(connector, partitions)
}

// List returns all offsets of a connector after reading to the end, sorted by partition.
func (s *Offsets) List(ctx context.Context, connector string) ([]cluster.SourceOffset, error) {
	if err := s.ReadToEnd(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.list(connector), nil
}

// Write returns when the entries are durable; nil offsets remove. Keys and values go out byte for byte. Other spellings of a
// partition that are in the topic are removed behind its new offset.
func (s *Offsets) Write(ctx context.Context, connector string, entries ...cluster.SourceOffset) error {
	s.mu.Lock()
	obsolete := s.view.obsolete(connector, entries)
	s.mu.Unlock()
	for _, batch := range [][]cluster.SourceOffset{entries, obsolete} {
		records, err := OffsetRecords(connector, batch...)
		if err == nil {
			err = s.b.writer.Write(ctx, records...)
		}
		if err != nil {
			return fmt.Errorf("storing source offsets of connector %q: %w", connector, err)
		}
	}
	return nil
}

// Records are what Write would write, for those who write with a transactional producer of their own: the entries, then tombstones
// for other spellings of their partitions that are in the topic as read so far.
func (s *Offsets) Records(connector string, entries ...cluster.SourceOffset) ([]topiclog.Record, error) {
	s.mu.Lock()
	obsolete := s.view.obsolete(connector, entries)
	s.mu.Unlock()
	return OffsetRecords(connector, append(slices.Clone(entries), obsolete...)...)
}

func (v *offsetView) list(connector string) []cluster.SourceOffset {
	out := make([]cluster.SourceOffset, 0, len(v.connectors[connector]))
	for _, e := range v.connectors[connector] {
		out = append(out, e.newest())
	}
	slices.SortFunc(out, func(a, b cluster.SourceOffset) int { return cmp.Compare(string(a.Partition), string(b.Partition)) })
	return out
}

// OffsetStore is what Offsets, ConnectorOffsets and MemoryOffsets have in common.
type OffsetStore interface {
	Read(ctx context.Context, connector string, partitions ...*connect.SourcePartition) ([]json.RawMessage, error)
	List(ctx context.Context, connector string) ([]cluster.SourceOffset, error)
	Write(ctx context.Context, connector string, entries ...cluster.SourceOffset) error
}

// Reader is what one connector's code gets of a store.
func Reader(s OffsetStore, connector string) connect.OffsetReader { return offsetReader{s, connector} }

type offsetReader struct {
	store     OffsetStore
	connector string
}

func (r offsetReader) Read(ctx context.Context, ps ...*connect.SourcePartition) ([]json.RawMessage, error) {
	return r.store.Read(ctx, r.connector, ps...)
}

// ConnectorOffsets joins a connector's own offsets topic (offsets.storage.topic) with the worker's: the own one decides, the worker's
// fills in what it lacks and gets a copy. (org.apache.kafka.connect.storage.ConnectorOffsetBackingStore)
type ConnectorOffsets struct{ Own, Worker OffsetStore }

// Read asks both.
func (c ConnectorOffsets) Read(ctx context.Context, connector string, ps ...*connect.SourcePartition) ([]json.RawMessage, error) {
	own, err := c.Own.Read(ctx, connector, ps...)
	if err != nil {
		return nil, err
	}
	worker, err := c.Worker.Read(ctx, connector, ps...)
	if err != nil {
		return nil, err
	}
	for i := range own {
		if own[i] == nil {
			own[i] = worker[i]
		}
	}
	return own, nil
}

// List merges both.
func (c ConnectorOffsets) List(ctx context.Context, connector string) ([]cluster.SourceOffset, error) {
	own, err := c.Own.List(ctx, connector)
	if err != nil {
		return nil, err
	}
	worker, err := c.Worker.List(ctx, connector)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, o := range own {
		if canon, err := canonical(o.Partition); err == nil {
			seen[canon] = true
		}
	}
	for _, o := range worker {
		if canon, err := canonical(o.Partition); err == nil && !seen[canon] {
			own = append(own, o)
		}
	}
	slices.SortFunc(own, func(a, b cluster.SourceOffset) int { return cmp.Compare(string(a.Partition), string(b.Partition)) })
	return own, nil
}

// Write writes tombstones to the worker's topic first: else a crash in between would let the old offset there shine through
// (KAFKA-15018). The copies of other offsets in the worker's topic are not waited for to succeed.
func (c ConnectorOffsets) Write(ctx context.Context, connector string, entries ...cluster.SourceOffset) error {
	var removed, kept []cluster.SourceOffset
	for _, e := range entries {
		if e.Offset == nil {
			removed = append(removed, e)
		} else {
			kept = append(kept, e)
		}
	}
	if len(removed) > 0 {
		if err := c.Worker.Write(ctx, connector, removed...); err != nil {
			return err
		}
	}
	if err := c.Own.Write(ctx, connector, entries...); err != nil {
		return err
	}
	if len(kept) > 0 {
		_ = c.Worker.Write(ctx, connector, kept...) // the own topic has them
	}
	return nil
}

// Interface guards.
var (
	_ OffsetStore = (*Offsets)(nil)
	_ OffsetStore = ConnectorOffsets{}
)
