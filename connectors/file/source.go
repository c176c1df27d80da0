package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	sourceFile = config.String("file").Importance(config.High).Doc("Source filename. If not specified, the standard input will be used")
	topic      = config.String("topic").Required().Valid(config.NonEmpty()).Importance(config.High).Doc("The topic to publish data to")
	batchSize  = config.Int("batch.size").Default(2000).Importance(config.Low).
			Doc("The maximum number of records the source task can read from the file each time it is polled")
	sourceDef = config.NewDef(sourceFile, topic, batchSize)
)

// Source is org.apache.kafka.connect.file.FileStreamSourceConnector of the given version.
func Source(version string) connect.Plugin[connect.SourceConnector] {
	return connect.Plugin[connect.SourceConnector]{
		Name:      "org.apache.kafka.connect.file.FileStreamSourceConnector",
		Aliases:   []string{"FileStreamSourceConnector", "FileStreamSource"},
		Version:   version,
		Summary:   "Follows a text file: one line, one record.",
		TaskClass: "org.apache.kafka.connect.file.FileStreamSourceTask",
		Config:    sourceDef,
		New:       func() connect.SourceConnector { return new(sourceConnector) },
	}
}

// single is a connector with one task whose config is its own.
type single struct{ props config.Props }

func (c *single) Start(_ context.Context, cc connect.ConnectorContext) error {
	c.props = cc.Config.Originals()
	return nil
}

// TaskConfigs gives the file to one task, however many are allowed.
func (c *single) TaskConfigs(context.Context, int) ([]config.Props, error) {
	return []config.Props{c.props}, nil
}

func (*single) Stop(context.Context) error { return nil }

type sourceConnector struct{ single }

var (
	_ connect.SourceConnector = (*sourceConnector)(nil)
	_ connect.ExactlyOnce     = (*sourceConnector)(nil)
)

func (*sourceConnector) NewTask() connect.SourceTask { return new(sourceTask) }

// ExactlyOnceSupport: a file has offsets, standard input has none.
func (*sourceConnector) ExactlyOnceSupport(v config.Values) connect.Support {
	if sourceFile.Get(v) != "" {
		return connect.Supported
	}
	return connect.Unsupported
}

func (*sourceConnector) CanDefineTransactionBoundaries(config.Values) bool { return false }

const (
	idleWait = time.Second // as Java: look again for a missing file or new lines
	readSize = 64 << 10
)

type sourceTask struct {
	tc        connect.SourceTaskContext
	path      string
	topic     string
	batch     int
	partition *connect.SourcePartition

	in     io.Reader
	closer io.Closer
	buf    []byte // bytes read and not sent
	pos    int64  // file position of buf[0]
}

func (t *sourceTask) Start(ctx context.Context, tc connect.SourceTaskContext) error {
	t.tc, t.path, t.topic, t.batch = tc, sourceFile.Get(tc.Config), topic.Get(tc.Config), int(batchSize.Get(tc.Config))
	if t.path == "" {
		t.in = os.Stdin
		return nil
	}
	doc, err := json.Marshal(map[string]string{"filename": t.path})
	if err != nil {
		return fmt.Errorf("naming file %q: %w", t.path, err)
	}
	t.partition = connect.NewSourcePartition(doc)
	stored, err := tc.Offsets.Read(ctx, t.partition)
	if err != nil {
		return fmt.Errorf("reading the offset of %s: %w", t.path, err)
	}
	if stored[0] == nil {
		return nil
	}
	var at struct{ Position *int64 }
	if err := json.Unmarshal(stored[0], &at); err != nil || at.Position == nil || *at.Position < 0 {
		return fmt.Errorf("the offset of %s has no valid \"position\": %s", t.path, stored[0])
	}
	t.pos = *at.Position
	return nil
}

// open opens the file at the position; false: it is not there yet.
func (t *sourceTask) open() (bool, error) {
	if t.in != nil {
		return true, nil
	}
	f, err := os.Open(t.path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening %s: %w", t.path, err)
	}
	if _, err := f.Seek(t.pos, io.SeekStart); err != nil {
		return false, errors.Join(fmt.Errorf("seeking to %d in %s: %w", t.pos, t.path, err), f.Close())
	}
	t.in, t.closer = f, f
	return true, nil
}

func (t *sourceTask) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	ok, err := t.open()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, wait(ctx)
	}
	for {
		if rs := t.take(); len(rs) > 0 {
			return rs, nil
		}
		n, err := t.fill()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, wait(ctx)
		}
	}
}

// wait passes the time until the file may have grown; ctx ends it.
func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-time.After(idleWait):
	}
	return nil
}

func (t *sourceTask) fill() (int, error) {
	b := make([]byte, len(t.buf)+readSize) // fresh: records alias the old one
	copy(b, t.buf)
	n, err := t.in.Read(b[len(t.buf):])
	t.buf = b[:len(t.buf)+n]
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("reading %s: %w", t.path, err)
	}
	return n, nil
}

// position is the offset of a record: the byte behind its line.
type position int64

// AppendJSON renders {"position":n}.
func (p position) AppendJSON(dst []byte) []byte {
	return append(strconv.AppendInt(append(dst, `{"position":`...), int64(p), 10), '}')
}

func (t *sourceTask) take() []*connect.SourceRecord {
	var rs []*connect.SourceRecord
	for len(rs) < t.batch {
		end, next := lineEnd(t.buf)
		if next < 0 {
			break
		}
		r := &connect.SourceRecord{Record: connect.Record{
			Topic: t.topic, Partition: connect.NoPartition, Offset: connect.NoOffset, Timestamp: time.Now().UnixMilli(),
			Value: data.Datum{Schema: data.StringSchema, Value: data.Text(t.buf[:end:end])},
		}}
		t.pos += int64(next)
		t.buf = t.buf[next:]
		if t.partition != nil {
			r.Position = connect.Position{Partition: t.partition, Offset: position(t.pos)}
		}
		rs = append(rs, r)
	}
	return rs
}

// lineEnd finds the end of the first line and the start of the next; next is -1 if the line is not complete. A \r at the end of the
// buffer may be half of \r\n.
func lineEnd(b []byte) (end, next int) {
	i := bytes.IndexAny(b, "\r\n")
	switch {
	case i < 0, b[i] == '\r' && i+1 == len(b):
		return 0, -1
	case b[i] == '\r' && b[i+1] == '\n':
		return i, i + 2
	default:
		return i, i + 1
	}
}

func (t *sourceTask) Stop(context.Context) error {
	if t.closer == nil {
		return nil
	}
	return t.closer.Close()
}
