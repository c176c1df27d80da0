package connecttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
)

// Offsets is an in-memory [connect.OffsetReader]. Partitions are the same if their JSON is, byte by byte.
type Offsets struct {
	mu  sync.Mutex
	m   map[string]json.RawMessage
	err error
}

var _ connect.OffsetReader = (*Offsets)(nil)

// Set stores the offset of a partition; nil removes it.
func (o *Offsets) Set(partition, offset json.RawMessage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if offset == nil {
		delete(o.m, string(partition))
		return
	}
	if o.m == nil {
		o.m = map[string]json.RawMessage{}
	}
	o.m[string(partition)] = bytes.Clone(offset)
}

// Commit stores the position of each record, in order, as the runtime does once they are acknowledged.
func (o *Offsets) Commit(rs ...*connect.SourceRecord) {
	for _, r := range rs {
		if r.Position.Partition != nil {
			o.Set(r.Position.Partition.JSON(), r.Position.Offset.AppendJSON(nil))
		}
	}
}

// Fail makes every Read return err; nil mends it.
func (o *Offsets) Fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// All is a copy of what is stored, by partition.
func (o *Offsets) All() map[string]json.RawMessage {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.m)
}

// Read returns the offset of each partition, nil where there is none.
func (o *Offsets) Read(ctx context.Context, ps ...*connect.SourcePartition) ([]json.RawMessage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return nil, o.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]json.RawMessage, len(ps))
	for i, p := range ps {
		out[i] = bytes.Clone(o.m[string(p.JSON())])
	}
	return out, nil
}

// Logs is an in-memory [connect.TopicLogs]; its topics outlive the logs opened on them.
type Logs struct {
	mu     sync.Mutex
	topics map[string][]LogRecord
	open   int
}

var _ connect.TopicLogs = (*Logs)(nil)

// LogRecord is one record of a topic in Logs; nil is null.
type LogRecord = connect.LogRecord

// Open opens a topic; one that is not there is made if spec.Create is set, else it is an error.
func (l *Logs) Open(_ context.Context, spec connect.LogSpec) (connect.TopicLog, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.topics[spec.Topic]; !ok {
		if spec.Create == nil {
			return nil, fmt.Errorf("topic %q does not exist", spec.Topic)
		}
		if l.topics == nil {
			l.topics = map[string][]LogRecord{}
		}
		l.topics[spec.Topic] = []LogRecord{}
	}
	l.open++
	return &log{logs: l, topic: spec.Topic}, nil
}

// Records is a copy of what a topic holds; nil if there is no such topic.
func (l *Logs) Records(topic string) []LogRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.topics[topic])
}

// OpenLogs is the number of logs that were opened and not closed.
func (l *Logs) OpenLogs() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

type log struct {
	logs   *Logs
	topic  string
	closed bool
}

func (l *log) ReadToEnd(ctx context.Context, f func(key, value []byte) error) error {
	return l.ReadFrom(ctx, 0, func(_ int64, key, value []byte) error { return f(key, value) })
}

func (l *log) ReadFrom(ctx context.Context, offset int64, f func(offset int64, key, value []byte) error) error {
	if l.closed {
		return fmt.Errorf("reading topic %q: closed", l.topic)
	}
	for i, r := range l.logs.Records(l.topic) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if int64(i) < offset {
			continue
		}
		// Copies, spoilt afterwards: key and value are only valid during f.
		k, v := bytes.Clone(r.Key), bytes.Clone(r.Value)
		err := f(int64(i), k, v)
		clear(k)
		clear(v)
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *log) Append(ctx context.Context, key, value []byte) error {
	_, _, err := l.AppendAll(ctx, []connect.LogRecord{{Key: key, Value: value}})
	return err
}

func (l *log) AppendAll(ctx context.Context, records []connect.LogRecord) (first, last int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	l.logs.mu.Lock()
	defer l.logs.mu.Unlock()
	if l.closed {
		return 0, 0, fmt.Errorf("writing to topic %q: closed", l.topic)
	}
	first = int64(len(l.logs.topics[l.topic]))
	for _, r := range records {
		l.logs.topics[l.topic] = append(l.logs.topics[l.topic], LogRecord{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value)})
	}
	return first, first + int64(len(records)) - 1, nil
}

func (l *log) Close() error {
	l.logs.mu.Lock()
	defer l.logs.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.logs.open--
	}
	return nil
}

// ConnectorControl records what a connector asks for.
type ConnectorControl struct {
	mu               sync.Mutex
	reconfigurations int
	err              error
}

var _ connect.ConnectorControl = (*ConnectorControl)(nil)

// RequestTaskReconfiguration counts.
func (c *ConnectorControl) RequestTaskReconfiguration() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reconfigurations++
}

// RaiseError keeps the first error.
func (c *ConnectorControl) RaiseError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// Seen returns the number of reconfigurations asked for and the first error raised.
func (c *ConnectorControl) Seen() (reconfigurations int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reconfigurations, c.err
}

// Reporter keeps the bad records a sink task reports.
type Reporter struct {
	mu     sync.Mutex
	bad    []connect.RecordError
	refuse error
}

var _ connect.Reporter = (*Reporter)(nil)

// Report keeps r and its cause, and returns what Refuse was given.
func (p *Reporter) Report(r *connect.SinkRecord, cause error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bad = append(p.bad, connect.RecordError{Record: r, Err: cause})
	return p.refuse
}

// Refuse makes Report return err, as it does when errors.tolerance is exceeded.
func (p *Reporter) Refuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = err
}

// Reported is a copy of what was reported so far.
func (p *Reporter) Reported() []connect.RecordError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.bad)
}

// SinkControl is a [connect.SinkControl] that remembers what a sink task asks for. Assign and the suites play the loop.
type SinkControl struct {
	mu       sync.Mutex
	reporter *Reporter
	assigned []connect.TopicPartition
	paused   map[connect.TopicPartition]struct{}
	seeks    connect.Offsets
	timeout  time.Duration
	commit   bool
}

var _ connect.SinkControl = (*SinkControl)(nil)

// NewSinkControl makes a control; with a nil reporter there is no dead-letter topic.
func NewSinkControl(r *Reporter) *SinkControl {
	return &SinkControl{reporter: r, paused: map[connect.TopicPartition]struct{}{}, seeks: connect.Offsets{}}
}

// Assign sets the assignment.
func (c *SinkControl) Assign(parts ...connect.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.assigned = slices.Clone(parts)
}

// Assignment is a copy of what Assign was given.
func (c *SinkControl) Assignment() []connect.TopicPartition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.assigned)
}

// Pause marks partitions.
func (c *SinkControl) Pause(parts ...connect.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range parts {
		c.paused[p] = struct{}{}
	}
}

// Resume takes marks away.
func (c *SinkControl) Resume(parts ...connect.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range parts {
		delete(c.paused, p)
	}
}

// Paused tells whether a partition is paused.
func (c *SinkControl) Paused(p connect.TopicPartition) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.paused[p]
	return ok
}

// Seek keeps the places until TakeSeeks.
func (c *SinkControl) Seek(to connect.Offsets) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(c.seeks, to)
}

// TakeSeeks returns the places asked for since the last call.
func (c *SinkControl) TakeSeeks() connect.Offsets {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.seeks
	c.seeks = connect.Offsets{}
	return out
}

// Timeout keeps d until TakeTimeout.
func (c *SinkControl) Timeout(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timeout = d
}

// TakeTimeout returns the last Timeout since the previous call, 0 if there was none.
func (c *SinkControl) TakeTimeout() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.timeout
	c.timeout = 0
	return d
}

// RequestCommit is remembered until TakeCommit.
func (c *SinkControl) RequestCommit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commit = true
}

// TakeCommit tells whether a commit was asked for since the last call.
func (c *SinkControl) TakeCommit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.commit
	c.commit = false
	return was
}

// Reporter is nil without one: a nil interface, as tasks compare it.
func (c *SinkControl) Reporter() connect.Reporter {
	if c.reporter == nil {
		return nil
	}
	return c.reporter
}
