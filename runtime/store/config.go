package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/topiclog"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Config is the config topic: the wanted state of the cluster. (org.apache.kafka.connect.storage.KafkaConfigBackingStore)
type Config struct {
	*configView
	b      *backing
	fenced *topiclog.Writer // nil: the leader writes as everybody
}

// NewConfig makes the store; it does nothing before Run. The topic always has one partition.
func NewConfig(o Options) (*Config, error) {
	o.Topic.Partitions = 1
	c := &Config{}
	b, err := newBacking(o, "config.storage.topic", func(r *kgo.Record) { c.apply(r.Offset, r.Key, r.Value) }, func() { c.publish() })
	if err != nil {
		return nil, err
	}
	b.single = true
	c.b, c.configView = b, newConfigView(newConfigState(b.log))
	b.recreated = c.recreated
	if o.TransactionalID != "" {
		w, err := o.Clients.LogWriter(nil)
		if err != nil {
			return nil, err
		}
		c.fenced = topiclog.NewWriter(topiclog.WriterConfig{Topic: o.Topic.Name, Options: w.Opts, TransactionalID: o.TransactionalID, Log: o.Log})
	}
	return c, nil
}

// Run creates, checks, reads and follows the topic until ctx is done.
func (c *Config) Run(ctx context.Context) error {
	if c.fenced != nil {
		defer c.fenced.Close()
	}
	return c.b.run(ctx, c.begin)
}

// Ready is closed when the first read has come to the end and Snapshot holds it.
func (c *Config) Ready() <-chan struct{} { return c.b.ready }

// ReadToEnd returns when Snapshot holds all that was in the topic at the call.
func (c *Config) ReadToEnd(ctx context.Context) error { return c.b.readToEnd(ctx) }

// Claim takes the right to write as leader, and takes it from whoever had it. Call it on becoming leader and again after a failed
// leader's write, once it is certain that this worker still leads. Without a TransactionalID there is nothing to do.
func (c *Config) Claim(ctx context.Context) error {
	if c.fenced == nil {
		return nil
	}
	return stepBack(c.fenced.Claim(ctx))
}

// stepBack says in the words of package cluster that another worker leads.
func stepBack(err error) error {
	if errors.Is(err, topiclog.ErrFenced) {
		return fmt.Errorf("%w: %w", cluster.ErrFenced, err)
	}
	return err
}

// Release gives up what Claim took; call it on losing the lead.
func (c *Config) Release() {
	if c.fenced != nil {
		c.fenced.Release()
	}
}

// Write writes changes in order, in one transaction if fenced, and returns when they are durable and visible in Snapshot. Without
// asLeader only PutTarget and PutLoggerLevel are taken; those are never fenced, also in a leader's write. After
// [cluster.ErrFenced] another worker leads; after any other failure of a fenced write Claim is due. A failed write may have been made in part
// (all of it or nothing if fenced), and a write whose context ended may still come.
func (c *Config) Write(ctx context.Context, asLeader bool, changes ...cluster.Change) error {
	if err := c.write(ctx, asLeader, changes); err != nil {
		return fmt.Errorf("writing the cluster's configuration: %w", stepBack(err))
	}
	return nil
}

func (c *Config) write(ctx context.Context, asLeader bool, changes []cluster.Change) error {
	runs, err := writeRuns(c.fillOrder(changes), asLeader, c.fenced != nil)
	if err != nil {
		return err
	}
	for _, run := range runs {
		w := c.b.writer
		if run.fenced {
			w = c.fenced
			// Invariant 4: the leader writes on top of all that is in the topic.
			if err := c.ReadToEnd(ctx); err != nil {
				return err
			}
		}
		if err := w.Write(ctx, run.records...); err != nil {
			return err
		}
	}
	return c.ReadToEnd(ctx)
}

type writeRun struct {
	fenced  bool
	records []topiclog.Record
}

var errNotLeader = errors.New("only the leader may write this change")

// writeRuns renders changes, neighbours that go the same way together.
func writeRuns(changes []cluster.Change, asLeader, fencing bool) ([]writeRun, error) {
	var runs []writeRun
	for _, ch := range changes {
		if leaderOnly(ch) && !asLeader {
			return nil, fmt.Errorf("%T: %w", ch, errNotLeader)
		}
		fenced := fencing && leaderOnly(ch)
		if len(runs) == 0 || runs[len(runs)-1].fenced != fenced {
			runs = append(runs, writeRun{fenced: fenced})
		}
		run := &runs[len(runs)-1]
		var err error
		if run.records, err = AppendRecords(run.records, ch); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// configView holds a configState and publishes it. It is shared by Config and MemoryConfig.
type configView struct {
	mu      sync.Mutex
	state   *configState
	current atomic.Pointer[cluster.Snapshot]
	changes chan cluster.ConfigRead // capacity 1; only publish sends, with the lock held
}

func newConfigView(s *configState) *configView {
	v := &configView{state: s, changes: make(chan cluster.ConfigRead, 1)}
	v.current.Store(&cluster.Snapshot{Offset: -1, Connectors: map[string]*cluster.ConnectorSnapshot{}})
	return v
}

// Snapshot is the configuration as last read; it never changes. Before the first read has come to the end it is empty with offset -1.
func (v *configView) Snapshot() *cluster.Snapshot { return v.current.Load() }

// Changes tells what was read after the first read. There is one receiver; what it does not take in time is joined into the next. The
// channel is never closed.
func (v *configView) Changes() <-chan cluster.ConfigRead { return v.changes }

// fillOrder gives task configs the key order of their connector's config.
func (v *configView) fillOrder(changes []cluster.Change) []cluster.Change {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := slices.Clone(changes)
	for i, ch := range out {
		if t, ok := ch.(cluster.PutTasks); ok && t.Order == nil && v.state.entries[t.Connector] != nil {
			t.Order = keyOrder(v.state.entries[t.Connector].raw)
			out[i] = t
		}
	}
	return out
}

func (v *configView) apply(offset int64, key, value []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.apply(offset, key, value)
}

// recreated is told that the topic that was read is gone and another one of its name is there.
func (v *configView) recreated() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.recreated()
	if names := v.current.Load().Names(); len(names) > 0 {
		v.state.log.Error("the config topic was deleted and created anew: connectors that are not in the new one go on only while the workers that know them run; "+
			"put their configs again", "connectors", names)
	}
}

// begin publishes the first snapshot.
func (v *configView) begin() {
	v.mu.Lock()
	defer v.mu.Unlock()
	snap, _ := v.state.snapshot()
	v.state.started = true
	v.current.Store(snap)
}

func (v *configView) publish() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.state.started {
		return
	}
	snap, read := v.state.snapshot()
	v.current.Store(snap)
	select {
	case earlier := <-v.changes:
		read = join(earlier, read)
	default:
	}
	v.changes <- read // there is room: nobody else sends
}
