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
	"unicode/utf8"

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
	return []config.Props{c.props.Clone()}, nil
}

func (*single) Stop(context.Context) error { return nil }

type sourceConnector struct{ single }

var (
	_ connect.SourceConnector = (*sourceConnector)(nil)
	_ connect.ExactlyOnce     = (*sourceConnector)(nil)

	_ connect.SourceOffsetAlterer = (*sourceConnector)(nil)
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

// AlterOffsets refuses what the task could not resume at, with the words of FileStreamSourceConnector.alterOffsets. Offsets may be
// removed from any partition, so that the ones of earlier configs can be cleaned up.
func (*sourceConnector) AlterOffsets(_ context.Context, v config.Values, changes []connect.OffsetChange) (bool, error) {
	if sourceFile.Get(v) == "" {
		return false, errors.New("Offsets cannot be modified if the 'file' configuration is unspecified. " +
			"This is because stdin is used for input and offsets are not tracked.")
	}
	for _, c := range changes {
		if c.Offset == nil {
			continue
		}
		var offset, partition map[string]json.RawMessage
		if err := json.Unmarshal(c.Offset, &offset); err != nil || offset["position"] == nil {
			return false, errors.New("Offset objects should either be null or contain the key 'position'")
		}
		var position *int64
		if err := json.Unmarshal(offset["position"], &position); err != nil || position == nil {
			return false, errors.New("The value for the 'position' key in the offset is expected to be a Long value")
		}
		if *position < 0 {
			return false, errors.New("The value for the 'position' key in the offset should be a non-negative value")
		}
		if err := json.Unmarshal(c.Partition, &partition); err != nil || partition == nil {
			return false, errors.New("Partition objects cannot be null")
		}
		if _, ok := partition["filename"]; !ok {
			return false, errors.New("Partition objects should contain the key 'filename'")
		}
	}
	return true, nil
}

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

	file    *os.File // nil: standard input, or not there yet
	stdin   *input   // nil: a file
	missing bool     // the log knows that the file is not there
	buf     []byte   // bytes read and not sent; records alias what was in front of them
	pos     int64    // file position of buf[0]
}

func (t *sourceTask) Start(ctx context.Context, tc connect.SourceTaskContext) error {
	t.tc, t.path, t.topic, t.batch = tc, sourceFile.Get(tc.Config), topic.Get(tc.Config), max(1, int(batchSize.Get(tc.Config)))
	if t.path == "" {
		if t.stdin == nil {
			t.stdin = standardInput()
		}
		return nil
	}
	// Not json.Marshal: it escapes <, > and &, and the offset topic is keyed by the bytes.
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]string{"filename": t.path}); err != nil {
		return fmt.Errorf("naming file %q: %w", t.path, err)
	}
	t.partition = connect.NewSourcePartition(bytes.TrimSpace(doc.Bytes()))
	stored, err := tc.Offsets.Read(ctx, t.partition)
	if err != nil {
		return fmt.Errorf("reading the offset of %s: %w", t.path, err)
	}
	if stored[0] == nil {
		return nil
	}
	var at struct{ Position *int64 }
	if err := json.Unmarshal(stored[0], &at); err != nil || at.Position != nil && *at.Position < 0 {
		return fmt.Errorf("the offset of %s has no valid \"position\": %s; reset the connector's offsets", t.path, stored[0])
	}
	if at.Position != nil { // as Java, an offset without a position is the start
		t.pos = *at.Position
	}
	return nil
}

// open opens the file at the position; false: it is not there yet.
func (t *sourceTask) open() (bool, error) {
	if t.file != nil {
		return true, nil
	}
	f, err := os.Open(t.path)
	if errors.Is(err, os.ErrNotExist) {
		if !t.missing {
			t.missing = true
			t.tc.Log.Warn("the file is not there, waiting for it", "file", t.path)
		}
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening %s: %w", t.path, err)
	}
	if t.pos > 0 {
		if _, err := f.Seek(t.pos, io.SeekStart); err != nil {
			return false, errors.Join(fmt.Errorf("seeking to %d in %s: %w", t.pos, t.path, err), f.Close())
		}
	}
	t.file, t.missing = f, false
	return true, nil
}

func (t *sourceTask) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	if t.stdin == nil {
		if ok, err := t.open(); err != nil {
			return nil, err
		} else if !ok {
			return nil, wait(ctx)
		}
	}
	for ctx.Err() == nil {
		if rs := t.take(); len(rs) > 0 {
			return rs, nil
		}
		if t.stdin != nil {
			b := t.stdin.next(ctx)
			if len(b) == 0 {
				return nil, nil
			}
			t.buf = append(t.buf, b...)
			continue
		}
		n, err := t.fill()
		if err != nil {
			return nil, err
		}
		if n > 0 {
			continue
		}
		if shorter, err := t.truncated(); err != nil {
			return nil, err
		} else if !shorter {
			return nil, wait(ctx)
		}
	}
	return nil, nil
}

// wait passes the time until the file may have grown; ctx ends it.
func wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-time.After(idleWait):
	}
	return nil
}

// fill reads more of the file. Records alias the front of the buffer, so it only ever grows at the end; a new one takes the rest over
// and is at least twice as long, so that a long line is not copied for each read.
func (t *sourceTask) fill() (int, error) {
	if cap(t.buf)-len(t.buf) < readSize/4 {
		b := make([]byte, len(t.buf), 2*len(t.buf)+readSize)
		copy(b, t.buf)
		t.buf = b
	}
	n, err := t.file.Read(t.buf[len(t.buf):cap(t.buf)])
	t.buf = t.buf[:len(t.buf)+n]
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("reading %s: %w", t.path, err)
	}
	return n, nil
}

// truncated tells whether the file has become shorter than what was read of it, as a log that is rotated by copying does; it is read
// from the start then. Java waits until the file is as long as it was, and loses the lines up to there.
func (t *sourceTask) truncated() (bool, error) {
	info, err := t.file.Stat()
	if err != nil {
		return false, fmt.Errorf("looking at %s: %w", t.path, err)
	}
	at := t.pos + int64(len(t.buf))
	if !info.Mode().IsRegular() || info.Size() >= at {
		return false, nil
	}
	t.tc.Log.Warn("the file is shorter than what was read of it, reading it from the start", "file", t.path, "position", at, "size", info.Size())
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return false, fmt.Errorf("seeking to the start of %s: %w", t.path, err)
	}
	t.pos, t.buf = 0, nil
	return true, nil
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
		line := t.buf[:end:end]
		if !utf8.Valid(line) {
			line = bytes.ToValidUTF8(line, []byte("\uFFFD")) // as Java's decoder; text is UTF-8 for every converter
		}
		r := &connect.SourceRecord{Record: connect.Record{
			Topic: t.topic, Partition: connect.NoPartition, Offset: connect.NoOffset, Timestamp: time.Now().UnixMilli(),
			Value: data.Datum{Schema: data.StringSchema, Value: data.Text(line)},
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
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}
