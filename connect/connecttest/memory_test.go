package connecttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

// store is the outside system of the in-memory connectors: a list of texts.
type store struct {
	mu     sync.Mutex
	list   []string
	broken bool
}

func (s *store) add(texts ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errors.New("the store is closed for now")
	}
	s.list = append(s.list, texts...)
	return nil
}

func (s *store) from(i int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list[min(i, len(s.list)):])
}

func (s *store) setBroken(b bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = b
}

// stores holds the outside systems by the name in the config.
var stores sync.Map

func open(name string) *store {
	s, _ := stores.LoadOrStore(name, new(store))
	return s.(*store)
}

var (
	name = config.String("store").Required().Valid(config.NonEmpty()).Doc("The store.")
	def  = config.NewDef(name)
)

type connector struct{ props config.Props }

func (c *connector) Start(_ context.Context, cc connect.ConnectorContext) error {
	c.props = cc.Config.Originals()
	return nil
}

func (c *connector) TaskConfigs(_ context.Context, most int) ([]config.Props, error) {
	return []config.Props{c.props.Clone()}, nil
}

func (c *connector) Stop(context.Context) error { return nil }

type sourceConnector struct {
	connector
	flaw string
}

func (c *sourceConnector) NewTask() connect.SourceTask { return &source{flaw: c.flaw} }

// source sends each text; flaw is the rule it breaks.
type source struct {
	flaw  string
	store *store
	part  *connect.SourcePartition
	next  int
	last  []*connect.SourceRecord
}

func (s *source) Start(ctx context.Context, tc connect.SourceTaskContext) error {
	s.store = open(name.Get(tc.Config))
	s.part = connect.NewSourcePartition(json.RawMessage(`{"store":"x"}`))
	if s.flaw == "leaks" {
		go func() { <-release }()
	}
	at, err := tc.Offsets.Read(ctx, s.part)
	if s.flaw == "ignores a broken offset store" && err != nil {
		return nil //nolint:nilerr // the flaw
	}
	if err != nil {
		return err
	}
	if s.flaw == "leaves a log open" {
		_, err := tc.Logs.Open(ctx, connect.LogSpec{Topic: "history", Create: config.Props{}})
		return err
	}
	if at[0] == nil || s.flaw == "does not resume" {
		return nil
	}
	var o struct{ N int }
	if err := json.Unmarshal(at[0], &o); err != nil {
		return err
	}
	s.next = o.N
	switch s.flaw {
	case "resumes one early":
		s.next--
	case "resumes one late":
		s.next++
	}
	return nil
}

func (s *source) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	texts := s.store.from(s.next)
	if len(texts) == 0 {
		idle := 20 * time.Millisecond
		if s.flaw == "blocks when idle" {
			idle = time.Hour
		}
		select {
		case <-ctx.Done():
			if s.flaw == "ignores the end of poll" {
				time.Sleep(4 * time.Second)
			}
		case <-time.After(idle):
		case <-release:
		}
		return nil, nil
	}
	var out []*connect.SourceRecord
	for _, text := range texts[:min(len(texts), 3)] {
		s.next++
		offset := s.next
		r := &connect.SourceRecord{Record: connect.Record{Topic: "t", Partition: connect.NoPartition, Offset: connect.NoOffset, Timestamp: connect.NoTimestamp,
			Value: data.Datum{Schema: data.StringSchema, Value: data.String(text)}}}
		r.Position = connect.Position{Partition: s.part, Offset: connect.RawOffset(`{"n":` + strconv.Itoa(offset) + `}`)}
		switch s.flaw {
		case "offset is no object":
			r.Position.Offset = connect.RawOffset(strconv.Itoa(offset))
		case "has no positions":
			r.Position = connect.Position{}
		case "value does not fit":
			r.Value.Schema = data.Int32Schema
		case "has no topic":
			r.Topic = ""
		case "sends twice":
			out = append(out, r)
		}
		out = append(out, r)
	}
	if s.flaw == "turns the order" {
		slices.Reverse(out)
	}
	if s.flaw == "changes records later" {
		for _, r := range s.last {
			r.Value.Value = data.String("changed")
		}
		s.last = out
	}
	return out, nil
}

func (s *source) Stop(context.Context) error {
	if s.flaw == "fails to stop" {
		return errors.New("stuck")
	}
	return nil
}

func sourcePlugin(flaw string) connect.Plugin[connect.SourceConnector] {
	return connect.Plugin[connect.SourceConnector]{Name: "MemorySource", Version: "1", Summary: "Sends texts.", TaskClass: "MemorySourceTask", Config: def,
		New: func() connect.SourceConnector { return &sourceConnector{flaw: flaw} }}
}

type sinkConnector struct {
	connector
	flaw string
}

func (c *sinkConnector) NewTask() connect.SinkTask { return &sink{flaw: c.flaw} }

// sink holds texts back until PreCommit; flaw is the rule it breaks.
type sink struct {
	flaw    string
	store   *store
	control connect.SinkControl
	held    []*connect.SinkRecord
	put     connect.Offsets
}

func (s *sink) Start(_ context.Context, tc connect.SinkTaskContext) error {
	s.store, s.control, s.put = open(name.Get(tc.Config)), tc.Control, connect.Offsets{}
	if s.flaw == "leaks" {
		go func() { <-release }()
	}
	return nil
}

func (s *sink) Open(_ context.Context, parts []connect.TopicPartition) error { return nil }

func (s *sink) Put(_ context.Context, batch []*connect.SinkRecord) error {
	if s.flaw == "fails on nothing" && len(batch) == 0 {
		return errors.New("nothing to do")
	}
	if s.store.isBroken() && len(batch) > 0 {
		err := errors.New("closed for now")
		if s.flaw == "fails for good" {
			return err
		}
		if s.flaw == "drops during failures" {
			return nil
		}
		return connect.Retriable(err, 0)
	}
	var bad connect.PutError
	for _, r := range batch {
		if r.Value.Value.Kind() != data.KindString {
			if s.flaw == "drops bad records" {
				continue
			}
			err := errors.New("not a text")
			if s.flaw == "fails with a bad record" {
				return err
			}
			bad.Failed = append(bad.Failed, connect.RecordError{Record: r, Err: err})
			continue
		}
		if s.flaw == "changes records" {
			r.Topic = "other"
		}
		if s.flaw == "loses a record" && r.Original.Offset == 3 {
			continue
		}
		s.held = append(s.held, r)
	}
	if s.flaw == "keeps the slice" && len(batch) > 0 {
		s.held = batch
	}
	if len(bad.Failed) > 0 {
		return &bad
	}
	return nil
}

func (s *store) isBroken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

func (s *sink) PreCommit(_ context.Context, put connect.Offsets) (connect.Offsets, error) {
	if s.flaw == "commits what is not stored" {
		return put, nil
	}
	if s.flaw == "turns the order" {
		slices.Reverse(s.held)
	}
	for len(s.held) > 0 {
		if r := s.held[0]; r != nil && s.store.add(r.Value.Value.String()) != nil {
			return nil, nil //nolint:nilerr // nothing may be committed
		}
		s.held = s.held[1:]
	}
	if s.flaw == "commits ahead" {
		for tp := range put {
			put[tp]++
		}
	}
	if s.flaw == "commits lost partitions" {
		for tp, o := range put {
			s.put[tp] = o
		}
		return s.put, nil
	}
	if s.flaw == "never commits" {
		return nil, nil
	}
	return put, nil
}

func (s *sink) Close(_ context.Context, parts []connect.TopicPartition, lost bool) error {
	if s.flaw != "writes lost partitions" {
		s.held = slices.DeleteFunc(s.held, func(r *connect.SinkRecord) bool { return r == nil || slices.Contains(parts, r.Original.TopicPartition) })
	}
	return nil
}

func (s *sink) Stop(context.Context) error { return nil }

func sinkPlugin(flaw string) connect.Plugin[connect.SinkConnector] {
	return connect.Plugin[connect.SinkConnector]{Name: "MemorySink", Version: "1", Summary: "Keeps texts.", TaskClass: "MemorySinkTask", Config: def,
		New: func() connect.SinkConnector { return &sinkConnector{flaw: flaw} }}
}
