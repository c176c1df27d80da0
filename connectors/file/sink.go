package file

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

var (
	sinkFile = config.String("file").Importance(config.High).
			Doc("Destination filename. If not specified, the standard output will be used")
	sinkDef = config.NewDef(sinkFile)
)

// Sink is org.apache.kafka.connect.file.FileStreamSinkConnector of the given version.
func Sink(version string) connect.Plugin[connect.SinkConnector] {
	return connect.Plugin[connect.SinkConnector]{
		Name:      "org.apache.kafka.connect.file.FileStreamSinkConnector",
		Aliases:   []string{"FileStreamSinkConnector", "FileStreamSink"},
		Version:   version,
		Summary:   "Writes each record's value as a line of a text file.",
		TaskClass: "org.apache.kafka.connect.file.FileStreamSinkTask",
		Config:    sinkDef,
		New:       func() connect.SinkConnector { return new(sinkConnector) },
	}
}

type sinkConnector struct{ single }

var _ connect.SinkConnector = (*sinkConnector)(nil)

// TaskConfigs gives each task the whole config: the group divides the partitions.
func (c *sinkConnector) TaskConfigs(_ context.Context, n int) ([]config.Props, error) {
	tasks := make([]config.Props, n)
	for i := range tasks {
		tasks[i] = c.props.Clone()
	}
	return tasks, nil
}

func (*sinkConnector) NewTask() connect.SinkTask { return new(sinkTask) }

// AlterOffsets: consumer group offsets are all there is; nothing to vet.
func (*sinkConnector) AlterOffsets(context.Context, config.Values, map[connect.TopicPartition]*int64) (bool, error) {
	return true, nil
}

type sinkTask struct {
	path string
	out  *bufio.Writer
	file *os.File // nil: standard output
	line []byte
}

func (t *sinkTask) Start(_ context.Context, tc connect.SinkTaskContext) error {
	t.path = sinkFile.Get(tc.Config)
	var w io.Writer = os.Stdout
	if t.path != "" {
		f, err := os.OpenFile(t.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("couldn't find or create file '%s' for FileStreamSinkTask: %w", t.path, err)
		}
		t.file, w = f, f
	}
	t.out = bufio.NewWriterSize(w, 64<<10)
	return nil
}

func (*sinkTask) Open(context.Context, []connect.TopicPartition) error { return nil }

func (t *sinkTask) Put(_ context.Context, batch []*connect.SinkRecord) error {
	for _, r := range batch {
		v := r.Value.Value
		if v.Kind() == data.KindString {
			t.line = append(t.line[:0], v.TextBytes()...)
		} else {
			t.line = append(t.line[:0], v.String()...)
		}
		t.line = append(t.line, '\n')
		// Whole lines in each write: several tasks may append to one file.
		if t.out.Available() < len(t.line) {
			if err := t.out.Flush(); err != nil {
				return fmt.Errorf("writing to %s: %w", t.path, err)
			}
		}
		if _, err := t.out.Write(t.line); err != nil {
			return fmt.Errorf("writing to %s: %w", t.path, err)
		}
	}
	// As in Java, where each println reaches the file: who follows it does not wait for the next commit.
	if err := t.out.Flush(); err != nil {
		return fmt.Errorf("writing to %s: %w", t.path, err)
	}
	return nil
}

// PreCommit flushes, so that no offset is committed past what the file has.
func (t *sinkTask) PreCommit(_ context.Context, put connect.Offsets) (connect.Offsets, error) {
	if err := t.out.Flush(); err != nil {
		return nil, fmt.Errorf("writing to %s: %w", t.path, err)
	}
	if t.file != nil {
		// A pipe or terminal (/dev/stdout) cannot be made durable, and says so.
		if err := t.file.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
			return nil, fmt.Errorf("making %s durable: %w", t.path, err)
		}
	}
	return put, nil
}

func (*sinkTask) Close(context.Context, []connect.TopicPartition, bool) error { return nil }

func (t *sinkTask) Stop(context.Context) error {
	if t.out == nil {
		return nil
	}
	err := t.out.Flush()
	if t.file != nil {
		err = errors.Join(err, t.file.Close())
	}
	return err
}
