package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

const (
	sourceClass = "sim.CountingSource"
	sinkClass   = "sim.CollectingSink"
)

// The keys of both connectors. Each but work and topic names a wrong the plugin does: hang (until the test ends), fail or panic.
var (
	topicKey   = config.String("topic").Default("").Doc("The topic to write to.")
	workKey    = config.Int("work").Default(2).Doc("How many tasks to make.")
	startKey   = config.String("on.start").Default("").Doc("What Start of the connector does wrong.")
	stopKey    = config.String("on.stop").Default("").Doc("What Stop of the connector does wrong.")
	configsKey = config.String("on.configs").Default("").Doc("What TaskConfigs does wrong.")
	pollKey    = config.String("on.poll").Default("").Doc("What Poll and Put do wrong; hang: they ignore their context.")
	versionKey = config.String("version").Default("").Doc("Goes into the task configs.")
	simDef     = config.NewDef(topicKey, workKey, startKey, stopKey, configsKey, pollKey, versionKey)
)

func (n *node) source() connect.Plugin[connect.SourceConnector] {
	return connect.Plugin[connect.SourceConnector]{Name: sourceClass, Version: "1", Config: simDef, TaskClass: "sim.Task",
		New: func() connect.SourceConnector { return &sourceConnector{connector: connector{n: n}} }}
}

func (n *node) sink() connect.Plugin[connect.SinkConnector] {
	return connect.Plugin[connect.SinkConnector]{Name: sinkClass, Version: "1", Config: simDef, TaskClass: "sim.Task",
		New: func() connect.SinkConnector { return &sinkConnector{connector: connector{n: n}} }}
}

// wrong does what a key says.
func (b *bed) wrong(how string) error {
	switch how {
	case "hang":
		<-b.release
		return errors.New("hung until the test ended")
	case "fail":
		return errors.New("told to fail")
	case "panic":
		panic("told to panic")
	}
	return nil
}

type connector struct {
	n       *node
	cc      connect.ConnectorContext
	started bool
}

func (c *connector) Start(_ context.Context, cc connect.ConnectorContext) error {
	c.cc, c.started = cc, true
	c.n.bed.event("start " + cc.Name + " on " + c.n.name)
	return c.n.bed.wrong(startKey.Get(cc.Config))
}

func (c *connector) Stop(context.Context) error {
	if !c.started {
		return nil
	}
	return c.n.bed.wrong(stopKey.Get(c.cc.Config))
}

func (c *connector) TaskConfigs(_ context.Context, most int) ([]config.Props, error) {
	if err := c.n.bed.wrong(configsKey.Get(c.cc.Config)); err != nil {
		return nil, err
	}
	tasks := make([]config.Props, min(most, int(workKey.Get(c.cc.Config))))
	for i := range tasks {
		tasks[i] = config.Props{"share": strconv.Itoa(i), "topic": topicKey.Get(c.cc.Config), "version": versionKey.Get(c.cc.Config),
			"on.poll": pollKey.Get(c.cc.Config)}
	}
	return tasks, nil
}

type sourceConnector struct{ connector }

func (c *sourceConnector) NewTask() connect.SourceTask { return &sourceTask{n: c.n} }

type sinkConnector struct{ connector }

func (c *sinkConnector) NewTask() connect.SinkTask { return &sinkTask{n: c.n} }

// life is one task instance in the ledger.
type life struct {
	n       *node
	id      connect.TaskID
	version string
	dead    bool      // its worker was killed
	told    time.Time // when it was told to stop
}

// watch notes when ctx, that of Poll, ends. The caller calls the answer before Poll returns.
func (l *life) watch(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() {
		l.n.bed.mu.Lock()
		defer l.n.bed.mu.Unlock()
		l.told = time.Now()
	})
}

// sourceTask counts: record n of share s is "<connector>/<s>/<n>".
type sourceTask struct {
	n    *node
	tc   connect.SourceTaskContext
	life *life
	part *connect.SourcePartition
	next int
}

func (t *sourceTask) Start(ctx context.Context, tc connect.SourceTaskContext) error {
	t.tc = tc
	t.life = t.n.bed.enter(t.n, tc.ID, versionKey.Get(tc.Config))
	t.part = connect.NewSourcePartition(json.RawMessage(fmt.Sprintf(`{"share":%q}`, t.tc.Config.Originals()["share"])))
	stored, err := tc.Offsets.Read(ctx, t.part)
	if err != nil {
		return err
	}
	if stored[0] != nil {
		var at struct{ N int }
		if err := json.Unmarshal(stored[0], &at); err != nil {
			return err
		}
		t.next = at.N + 1
	}
	return nil
}

func (t *sourceTask) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	defer t.life.watch(ctx)()
	if err := t.n.bed.wrong(pollKey.Get(t.tc.Config)); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(700 * time.Millisecond):
	}
	if t.n.bed.drained() {
		return nil, nil
	}
	var rs []*connect.SourceRecord
	for range 3 {
		text := fmt.Sprintf("%s/%s/%d", t.tc.ID.Connector, t.tc.Config.Originals()["share"], t.next)
		rs = append(rs, &connect.SourceRecord{
			Record: connect.Record{Topic: topicKey.Get(t.tc.Config), Partition: connect.NoPartition, Timestamp: time.Now().UnixMilli(),
				Key:   data.Datum{Schema: data.StringSchema, Value: data.String(t.tc.ID.String())},
				Value: data.Datum{Schema: data.StringSchema, Value: data.String(text)}},
			Position: connect.Position{Partition: t.part, Offset: connect.RawOffset(fmt.Sprintf(`{"n":%d}`, t.next))},
		})
		t.next++
	}
	return rs, nil
}

func (t *sourceTask) Stop(context.Context) error {
	if t.life != nil {
		t.n.bed.exit(t.life)
	}
	return nil
}

// sinkTask hands over what it gets in PreCommit: until then it is not durable.
type sinkTask struct {
	n     *node
	tc    connect.SinkTaskContext
	life  *life
	taken []connect.TopicOffset
}

func (t *sinkTask) Start(_ context.Context, tc connect.SinkTaskContext) error {
	t.tc = tc
	t.life = t.n.bed.enter(t.n, tc.ID, versionKey.Get(tc.Config))
	return nil
}

func (t *sinkTask) Open(context.Context, []connect.TopicPartition) error { return nil }

func (t *sinkTask) Put(ctx context.Context, batch []*connect.SinkRecord) error {
	defer t.life.watch(ctx)()
	if err := t.n.bed.wrong(pollKey.Get(t.tc.Config)); err != nil {
		return err
	}
	for _, r := range batch {
		t.taken = append(t.taken, r.Original)
	}
	return nil
}

func (t *sinkTask) PreCommit(_ context.Context, put connect.Offsets) (connect.Offsets, error) {
	if t.n.isDead() {
		return nil, errKilled
	}
	t.n.bed.collect(t.tc.ID.Connector, t.taken)
	t.taken = nil
	return put, nil
}

func (t *sinkTask) Close(_ context.Context, _ []connect.TopicPartition, _ bool) error {
	t.taken = nil
	return nil
}

func (t *sinkTask) Stop(context.Context) error {
	if t.life != nil {
		t.n.bed.exit(t.life)
	}
	return nil
}
