package cdc

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// historyKind is where the schema history is kept.
type historyKind uint8

const (
	historyKafka historyKind = iota
	historyFile
	historyMemory
	historyOther // that of a Java class which is not known here
)

func historyKindOf(v config.Values) historyKind {
	switch strings.TrimSpace(keySchemaHistoryInternal.Get(v)) {
	case "io.debezium.storage.kafka.history.KafkaSchemaHistory", "io.debezium.relational.history.KafkaSchemaHistory":
		return historyKafka
	case "io.debezium.storage.file.history.FileSchemaHistory", "io.debezium.relational.history.FileSchemaHistory":
		return historyFile
	case "io.debezium.relational.history.MemorySchemaHistory":
		return historyMemory
	}
	return historyOther
}

// place names it for logs and errors.
func (h *historySettings) place() string {
	switch h.kind {
	case historyFile:
		return "file " + h.file
	case historyMemory:
		return "memory"
	}
	return "topic " + h.topic
}

// openHistory opens the schema history.
func openHistory(ctx context.Context, set *settings, logs connect.TopicLogs) (connect.TopicLog, error) {
	h := &set.history
	switch h.kind {
	case historyFile:
		l, err := openFileLog(h.file)
		if err != nil {
			return nil, fmt.Errorf("opening the schema history (schema.history.internal.file.filename): %w", err)
		}
		return l, nil
	case historyMemory:
		return &memoryHistory{}, nil
	}
	l, err := logs.Open(ctx, connect.LogSpec{
		Topic: h.topic, Client: h.client,
		Create: config.Props{"partitions": "1", "cleanup.policy": "delete", "retention.ms": "9223372036854775807", "retention.bytes": "-1"},
	})
	if err != nil {
		return nil, fmt.Errorf("opening the schema history topic %s: %w", h.topic, err)
	}
	return l, nil
}

// tablesTopic is the topic of the copy of the table definitions; empty: there is none.
func tablesTopic(v config.Values) string {
	switch {
	case historyKindOf(v) != historyKafka || !keySchemaHistoryTablesEnabled.Get(v) || keySchemaHistoryInternalPreferDdl.Get(v):
		return ""
	case keySchemaHistoryTablesTopic.Get(v) != "":
		return keySchemaHistoryTablesTopic.Get(v)
	}
	return keySchemaHistoryInternalKafkaTopic.Get(v) + ".tables"
}

// openTables opens the copy of the table definitions; nil if there is none, or it cannot be opened: then starts are slower.
func openTables(ctx context.Context, set *settings, logs connect.TopicLogs, log *slog.Logger) connect.TopicLog {
	h := &set.history
	if h.tables == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tablesTimeout)
	defer cancel()
	l, err := logs.Open(ctx, connect.LogSpec{
		Topic: h.tables, Client: h.client, Create: config.Props{"partitions": "1", "cleanup.policy": "compact"},
	})
	if err != nil {
		log.Warn("the copy of the table definitions cannot be used: starts read the whole schema history; let the user create and use the topic, "+
			"or set schema.history.internal.tables.enabled=false", "topic", h.tables, "error", err)
		return nil
	}
	return l
}

// tablesTimeout is how long a start may be held up by a topic that it can do without.
const tablesTimeout = 30 * time.Second

// fileLog is a schema history in a file, a document a line (FileSchemaHistory). One goroutine.
type fileLog struct{ f *os.File }

func openFileLog(path string) (*fileLog, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	if err := mend(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return &fileLog{f}, nil
}

// mend cuts off a last line without an end: a crash left it, and nobody was told that it was written.
func mend(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for end := size; end > 0; {
		from := max(end-int64(len(buf)), 0)
		if _, err := f.ReadAt(buf[:end-from], from); err != nil {
			return err
		}
		if i := bytes.LastIndexByte(buf[:end-from], '\n'); i >= 0 {
			return cut(f, size, from+int64(i)+1)
		}
		end = from
	}
	return cut(f, size, 0)
}

func cut(f *os.File, size, to int64) error {
	if to == size {
		return nil
	}
	return f.Truncate(to)
}

// ReadToEnd implements connect.TopicLog.
func (l *fileLog) ReadToEnd(ctx context.Context, f func(key, value []byte) error) error {
	if _, err := l.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := bufio.NewReaderSize(l.f, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading %s: %w", l.f.Name(), err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if text := strings.TrimSpace(string(line)); text != "" {
			if err := f(nil, []byte(text)); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// Append writes the document as one line (in the topic it has many) and returns when the disk has it.
func (l *fileLog) Append(_ context.Context, _, value []byte) error {
	var line bytes.Buffer
	if err := json.Compact(&line, value); err != nil {
		return err
	}
	line.WriteByte('\n')
	if _, err := l.f.Write(line.Bytes()); err != nil {
		return err
	}
	return l.f.Sync()
}

// Close implements connect.TopicLog.
func (l *fileLog) Close() error { return l.f.Close() }

// memoryHistory is a schema history that ends with the task (MemorySchemaHistory). One goroutine.
type memoryHistory struct{ docs [][]byte }

// ReadToEnd implements connect.TopicLog.
func (l *memoryHistory) ReadToEnd(_ context.Context, f func(key, value []byte) error) error {
	for _, d := range l.docs {
		if err := f(nil, d); err != nil {
			return err
		}
	}
	return nil
}

// Append implements connect.TopicLog.
func (l *memoryHistory) Append(_ context.Context, _, value []byte) error {
	l.docs = append(l.docs, append([]byte(nil), value...))
	return nil
}

// Close implements connect.TopicLog.
func (l *memoryHistory) Close() error { return nil }
