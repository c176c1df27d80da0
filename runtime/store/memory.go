package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// MemoryConfig is Config without Kafka, for standalone workers and tests: what is written is visible, and told to Changes, when Write
// returns. (org.apache.kafka.connect.storage.MemoryConfigBackingStore)
type MemoryConfig struct {
	*configView
	ready chan struct{}

	write  sync.Mutex
	offset int64
}

// NewMemoryConfig makes an empty store.
func NewMemoryConfig(log *slog.Logger) *MemoryConfig {
	if log == nil {
		log = slog.Default()
	}
	m := &MemoryConfig{configView: newConfigView(newConfigState(log)), ready: make(chan struct{})}
	m.begin()
	close(m.ready)
	return m
}

// Run returns when ctx is done.
func (m *MemoryConfig) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Ready is closed from the beginning.
func (m *MemoryConfig) Ready() <-chan struct{} { return m.ready }

// ReadToEnd returns at once.
func (m *MemoryConfig) ReadToEnd(ctx context.Context) error { return ctx.Err() }

// Claim and Release have nothing to do: there is no other worker.
func (m *MemoryConfig) Claim(context.Context) error { return nil }

// Release has nothing to do.
func (m *MemoryConfig) Release() {}

// Write applies changes through the same records as Config.
func (m *MemoryConfig) Write(_ context.Context, asLeader bool, changes ...cluster.Change) error {
	runs, err := writeRuns(m.fillOrder(changes), asLeader, false)
	if err != nil {
		return fmt.Errorf("writing the cluster's configuration: %w", err)
	}
	m.write.Lock()
	defer m.write.Unlock()
	for _, run := range runs {
		for _, r := range run.records {
			m.apply(m.offset, r.Key, r.Value)
			m.offset++
		}
	}
	m.publish()
	return nil
}

// MemoryStatus is Status without Kafka. (org.apache.kafka.connect.storage.MemoryStatusBackingStore)
type MemoryStatus struct {
	*statusView
	ready chan struct{}
}

// NewMemoryStatus makes an empty store.
func NewMemoryStatus(log *slog.Logger) *MemoryStatus {
	if log == nil {
		log = slog.Default()
	}
	m := &MemoryStatus{statusView: newStatusView(log), ready: make(chan struct{})}
	close(m.ready)
	return m
}

// Run returns when ctx is done.
func (m *MemoryStatus) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Ready is closed from the beginning.
func (m *MemoryStatus) Ready() <-chan struct{} { return m.ready }

// ReadToEnd returns at once.
func (m *MemoryStatus) ReadToEnd(ctx context.Context) error { return ctx.Err() }

// Flush returns at once.
func (m *MemoryStatus) Flush(ctx context.Context) error { return ctx.Err() }

// Put sets a status; Destroyed removes it.
func (m *MemoryStatus) Put(s cluster.Status) { m.apply(0, StatusKey(s.ID), StatusValue(s)) }

// PutSafe is Put unless another worker of a newer generation has written a status.
func (m *MemoryStatus) PutSafe(s cluster.Status) {
	if m.safe(s) {
		m.Put(s)
	}
}

// PutTopic sets that a connector has used a topic.
func (m *MemoryStatus) PutTopic(t cluster.TopicStatus) {
	m.apply(0, TopicStatusKey(t.Topic, t.Connector), TopicStatusValue(t))
}

// DeleteTopic forgets a connector's topic.
func (m *MemoryStatus) DeleteTopic(connector, topic string) {
	m.apply(0, TopicStatusKey(topic, connector), nil)
}

// MemoryOffsets is Offsets without Kafka, with an optional file behind it: a JSON array of objects with connector, partition and
// offset, as the offsets topic has them. Each write replaces the file atomically (a new file, synced, renamed over the old one). The
// file of a Java standalone worker is a serialized java.util.HashMap and is refused.
// (org.apache.kafka.connect.storage.FileOffsetBackingStore)
type MemoryOffsets struct {
	file string

	mu   sync.Mutex
	view *offsetView
}

type fileOffset struct {
	Connector string          `json:"connector"`
	Partition json.RawMessage `json:"partition"`
	Offset    json.RawMessage `json:"offset"`
}

// NewMemoryOffsets makes a store; it reads the file (offset.storage.file.filename) if one is named and there.
func NewMemoryOffsets(file string) (*MemoryOffsets, error) {
	m := &MemoryOffsets{file: file, view: newOffsetView()}
	if file == "" {
		return m, nil
	}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading offset.storage.file.filename: %w", err)
	}
	if len(content) == 0 {
		return m, nil
	}
	if len(content) > 1 && content[0] == 0xac && content[1] == 0xed {
		return nil, fmt.Errorf("offset.storage.file.filename: %s is the offsets file of a Java worker, which cannot be read; name another file and set "+
			"the offsets through PATCH /connectors/<name>/offsets", file)
	}
	var entries []fileOffset
	if err := json.Unmarshal(content, &entries); err != nil {
		return nil, fmt.Errorf("offset.storage.file.filename: reading %s: %w", file, err)
	}
	for _, e := range entries {
		if err := m.view.apply(OffsetKey(e.Connector, e.Partition), e.Offset); err != nil {
			return nil, fmt.Errorf("offset.storage.file.filename: reading %s: connector %q: %w", file, e.Connector, err)
		}
	}
	return m, nil
}

// Run returns when ctx is done.
func (m *MemoryOffsets) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// ReadToEnd returns at once.
func (m *MemoryOffsets) ReadToEnd(ctx context.Context) error { return ctx.Err() }

// Read returns the offset of each partition, nil where there is none.
func (m *MemoryOffsets) Read(_ context.Context, connector string, ps ...*connect.SourcePartition) ([]json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view.read(connector, ps)
}

// List returns all offsets of a connector, sorted by partition.
func (m *MemoryOffsets) List(_ context.Context, connector string) ([]cluster.SourceOffset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view.list(connector), nil
}

// Write sets offsets, nil removes, and returns when the file, if there is one, is replaced.
func (m *MemoryOffsets) Write(_ context.Context, connector string, entries ...cluster.SourceOffset) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	entries = append(entries[:len(entries):len(entries)], m.view.obsolete(connector, entries)...)
	records, err := OffsetRecords(connector, entries...)
	if err != nil {
		return fmt.Errorf("storing source offsets of connector %q: %w", connector, err)
	}
	for _, r := range records {
		if err := m.view.apply(r.Key, r.Value); err != nil {
			return fmt.Errorf("storing source offsets of connector %q: %w", connector, err)
		}
	}
	if m.file == "" {
		return nil
	}
	if err := m.save(); err != nil {
		return fmt.Errorf("storing source offsets of connector %q: %w", connector, err)
	}
	return nil
}

// save replaces the file; the lock is held.
func (m *MemoryOffsets) save() error {
	entries := []fileOffset{}
	for _, connector := range slices.Sorted(maps.Keys(m.view.connectors)) {
		for _, o := range m.view.list(connector) {
			entries = append(entries, fileOffset{connector, o.Partition, o.Offset})
		}
	}
	content, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(m.file), filepath.Base(m.file)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone after the rename
	_, err = f.Write(append(content, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), m.file)
}

// Interface guards.
var _ OffsetStore = (*MemoryOffsets)(nil)
