package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/converters/primitive"
	"github.com/connectd/connectd/converters/simpleheader"
	"github.com/connectd/connectd/runtime/assign"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/group"
	"github.com/connectd/connectd/runtime/herder"
	"github.com/connectd/connectd/runtime/herder/core"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/plugin"
	"github.com/connectd/connectd/runtime/sourcetask"
	"github.com/connectd/connectd/runtime/store"
	"github.com/connectd/connectd/runtime/worker"
	"github.com/connectd/connectd/runtime/workerconfig"
)

// node is one worker.
type node struct {
	bed     *bed
	name    string // host:port, as in status records
	log     *slog.Logger
	cfg     workerconfig.Distributed
	reg     *plugin.Registry
	clients *kafka.Clients
	config  *store.Config
	status  *store.Status
	offsets *store.Offsets
	admin   *kadm.Client
	herder  *herder.Herder
	worker  *worker.Worker
	stop    context.CancelFunc
	ended   chan struct{}
	lead    *leadership
	member  *group.Member

	mu   sync.Mutex
	dead bool // killed: nothing of it reaches Kafka any more
	cut  bool // from the network, for a while
}

func workerProps(name string) config.Props {
	return config.Props{
		"bootstrap.servers": "localhost:9001,localhost:9002,localhost:9003", "group.id": "workers", "client.id": name,
		"key.converter":        "org.apache.kafka.connect.storage.StringConverter",
		"value.converter":      "org.apache.kafka.connect.storage.StringConverter",
		"config.storage.topic": "configs", "offset.storage.topic": "offsets", "status.storage.topic": "statuses",
		"config.storage.replication.factor": "1", "offset.storage.replication.factor": "1", "status.storage.replication.factor": "1",
		"offset.storage.partitions": "3", "status.storage.partitions": "2",
		"offset.flush.interval.ms": "2000", "worker.unsync.backoff.ms": "20000", "scheduled.rebalance.max.delay.ms": fmt.Sprint(rebalanceDelay.Milliseconds()),
	}
}

const (
	rebalanceDelay = 20 * time.Second
	sessionTimeout = 10 * time.Second
	stopTimeout    = 5 * time.Second // task.shutdown.graceful.timeout.ms
	opTimeout      = 90 * time.Second
)

// start starts a worker; it returns before the worker has joined.
func (b *bed) start(name string) *node {
	b.Helper()
	props := workerProps(name)
	cfg, err := workerconfig.LoadDistributed(props)
	if err != nil {
		b.Fatal(err)
	}
	n := &node{bed: b, name: name, cfg: cfg, log: b.log.With("worker", name), ended: make(chan struct{})}
	n.clients = &kafka.Clients{Worker: props, Extra: []kgo.Opt{kgo.Dialer(n.dial)}}
	n.reg = n.registry()
	if err := n.open(); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	b.mu.Lock()
	b.nodes[name] = n
	b.mu.Unlock()
	go func() {
		defer close(n.ended)
		if err := n.serve(ctx); err != nil && !n.isCut() && !errors.Is(err, context.DeadlineExceeded) { // its last statuses may find no broker
			b.Errorf("worker %s: %v", name, err)
		}
	}()
	return n
}

func (n *node) registry() *plugin.Registry {
	reg := new(plugin.Registry)
	err := errors.Join(reg.Sources.Add(n.source()), reg.Sinks.Add(n.sink()), reg.Converters.Add(primitive.Plugins("4.3.1")...),
		reg.HeaderConverters.Add(simpleheader.Plugin("4.3.1")))
	if err != nil {
		n.bed.Fatal(err)
	}
	return reg
}

func (n *node) open() error {
	opts := func(t workerconfig.Topic) store.Options {
		return store.Options{Clients: n.clients, Log: n.log,
			Topic: kafka.Topic{Name: t.Name, Partitions: t.Partitions, ReplicationFactor: t.ReplicationFactor, Settings: t.Configs}}
	}
	var errs [4]error
	n.config, errs[0] = store.NewConfig(opts(n.cfg.Config))
	n.status, errs[1] = store.NewStatus(opts(n.cfg.Status))
	n.offsets, errs[2] = store.NewOffsets(opts(n.cfg.Offset))
	o, err := n.clients.Admin(nil)
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(o.Opts...)
	n.admin, errs[3] = kadm.NewClient(cl), err
	return errors.Join(errs[:]...)
}

// serve is what cmd/connectd does with a worker, in the same order.
func (n *node) serve(ctx context.Context) (err error) {
	defer n.admin.Close()
	outer, endOuter := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	failed := make(chan error, 8)
	start := func(what string, ctx context.Context, run func(context.Context) error) <-chan struct{} {
		ended := make(chan struct{})
		parts.Go(func() {
			defer close(ended)
			if err := run(ctx); err != nil && ctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", what, err)
			}
		})
		return ended
	}
	defer func() {
		endOuter()
		parts.Wait()
	}()
	start("config store", outer, n.config.Run)
	start("status store", outer, n.status.Run)
	start("offset store", outer, n.offsets.Run)
	for _, r := range []<-chan struct{}{n.config.Ready(), n.status.Ready()} {
		select {
		case <-r:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
	member, client, err := n.join()
	if err != nil {
		return err
	}
	defer client.Close()
	n.worker = worker.New(worker.Config{Builder: n.builder(), Log: n.log, StopTimeout: stopTimeout})
	h := herder.New(herder.Config{
		Core:   core.Config{WorkerID: n.name, UnsyncBackoff: n.cfg.WorkerUnsyncBackoff, SessionKeyTTL: n.cfg.InterWorker.KeyTTL},
		Worker: n.worker, Config: n.config, Status: n.status, Group: member, Peers: n, Log: n.log,
		NewKey: func() (*cluster.SessionKey, error) {
			return &cluster.SessionKey{Key: []byte("key"), Algorithm: "HmacSHA256", Created: time.Now().UnixMilli()}, nil
		},
		Owners: n.lead.owners, Validate: n.validate, OpTimeout: opTimeout, SyncTimeout: n.cfg.WorkerSyncTimeout,
	})
	groupCtx, endGroup := context.WithCancel(outer)
	herderCtx, endHerder := context.WithCancel(outer)
	workerCtx, endWorker := context.WithCancel(outer)
	defer endWorker()
	defer endHerder()
	defer endGroup()
	groupEnded := start("group membership", groupCtx, member.Run)
	herderEnded := start("herder", herderCtx, h.Run)
	workerEnded := start("worker", workerCtx, func(ctx context.Context) error { return n.worker.Run(ctx, n.lastWord) })
	n.mu.Lock()
	n.herder = h
	n.mu.Unlock()
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	endHerder()
	<-herderEnded
	endWorker()
	<-workerEnded
	endGroup()
	<-groupEnded
	flush, cancel := context.WithTimeout(outer, 5*time.Second)
	defer cancel()
	return errors.Join(err, n.status.Flush(flush))
}

func (n *node) join() (*group.Member, *kgo.Client, error) {
	o, err := n.clients.Group()
	if err != nil {
		return nil, nil, err
	}
	client, err := kgo.NewClient(o.Opts...)
	if err != nil {
		return nil, nil, err
	}
	n.lead = &leadership{n: n}
	m, err := group.NewMember(group.Config{
		Client: client, GroupID: n.cfg.GroupID, Protocol: group.Sessioned, SessionTimeout: n.cfg.SessionTimeout,
		HeartbeatInterval: n.cfg.HeartbeatInterval, RebalanceTimeout: n.cfg.RebalanceTimeout, URL: n.url,
		ConfigOffset: func() int64 { return n.config.Snapshot().Offset }, Assign: n.lead.assign, Depart: n.depart, Log: n.log,
	})
	n.mu.Lock()
	n.member = m
	n.mu.Unlock()
	return m, client, err
}

// depart tells the leader of an orderly leave, and then all members, as cmd/connectd does over REST.
func (n *node) depart(_ context.Context, d group.Departure) func(context.Context) {
	if n.isCut() || n.isDead() {
		return nil
	}
	if leader := n.bed.byURL(d.LeaderURL); !d.IsLeader && leader != nil && !leader.isCut() {
		leader.lead.depart(d.MemberID)
	}
	return func(context.Context) {
		for _, o := range n.bed.alive() {
			o.mu.Lock()
			member, reachable := o.member, !o.cut && !o.dead
			o.mu.Unlock()
			if member != nil && reachable {
				member.Heartbeat()
			}
		}
	}
}

func (n *node) url() string { return "http://" + n.name + "/" }

// lastWord writes the statuses of the stop, as cmd/connectd does.
func (n *node) lastWord(r cluster.Report) {
	if r.Seen == cluster.Unassigned {
		n.status.PutSafe(cluster.Status{ID: r.ID, State: r.Seen, WorkerID: n.name, Generation: n.herder.Member().Generation})
	}
}

func (n *node) builder() *worker.Builder {
	return &worker.Builder{
		Registry: n.reg, Facts: n.cfg.Connectors(), Clients: n.clients, Offsets: sourceOffsets{n.offsets}, Log: n.log,
		CommitInterval: n.cfg.OffsetFlushInterval, CommitTimeout: n.cfg.OffsetFlushTimeout,
	}
}

type sourceOffsets struct{ s *store.Offsets }

func (o sourceOffsets) Open(name string, _ *connectorconfig.Plan) (worker.SourceOffsets, error) {
	return connectorOffsets{store.Reader(o.s, name), o.s, name}, nil
}

type connectorOffsets struct {
	connect.OffsetReader
	s    *store.Offsets
	name string
}

func (connectorOffsets) Close() {}

func (w connectorOffsets) Write(ctx context.Context, offsets []sourcetask.PartitionOffset) error {
	var entries []cluster.SourceOffset
	for _, o := range offsets {
		entries = append(entries, cluster.SourceOffset{Partition: o.Partition, Offset: o.Offset})
	}
	return w.s.Write(ctx, w.name, entries...)
}

func (n *node) validate(ctx context.Context, props config.Props) error {
	res, err := connectorconfig.Validate(ctx, n.reg, n.cfg.Connectors(), props)
	if err != nil {
		return err
	}
	if m := res.Error(); m != "" {
		return &cluster.BadRequest{Message: m}
	}
	return nil
}

// PutTasks brings task configs to the leader's herder, as the internal REST request does.
func (n *node) PutTasks(ctx context.Context, leaderURL, connector string, tasks []config.Props, key *cluster.SessionKey) error {
	if key == nil {
		return errors.New("there is no session key")
	}
	peer := n.bed.byURL(leaderURL)
	if peer == nil || n.isDead() {
		return errors.New("connection refused")
	}
	h := peer.running()
	if h == nil {
		return errors.New("the leader is starting")
	}
	return h.PutTasks(ctx, connector, tasks)
}

func (n *node) running() *herder.Herder {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead {
		return nil
	}
	return n.herder
}

// leadership is that of cmd/connectd.
type leadership struct {
	n     *node
	mu    sync.Mutex
	state assign.State
}

func (l *leadership) assign(ctx context.Context, round cluster.Round) (map[string]cluster.Grant, error) {
	if err := l.n.config.ReadToEnd(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	grants, next := assign.Assign(time.Now(), l.state, round, l.n.config.Snapshot(), rebalanceDelay, nil)
	l.state = next
	return grants, nil
}

func (l *leadership) depart(member string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = l.state.Depart(member)
}

func (l *leadership) owners(j cluster.Joined) map[connect.TaskID]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[connect.TaskID]string{}
	for member, a := range l.state.Owners() {
		for _, name := range a.Connectors {
			out[connect.TaskID{Connector: name, Task: connect.ConnectorTask}] = j.Members[member]
		}
		for _, id := range a.Tasks {
			out[id] = j.Members[member]
		}
	}
	return out
}

// dial makes connections that die with the worker. What lies below stays open until the end of the test: kfake, other than Kafka, never
// ends the session of a member whose connection dies while its JoinGroup waits for others.
func (n *node) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if n.isCut() {
		return nil, errKilled
	}
	c, err := n.bed.net.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	n.bed.mu.Lock()
	n.bed.conns = append(n.bed.conns, c)
	n.bed.mu.Unlock()
	return &mortal{Conn: c, n: n}, nil
}

var errKilled = errors.New("this worker was killed")

type mortal struct {
	net.Conn
	n *node
}

func (c *mortal) Read(p []byte) (int, error) {
	k, err := c.Conn.Read(p)
	if c.n.isCut() {
		return 0, errKilled
	}
	return k, err
}

func (c *mortal) Write(p []byte) (int, error) {
	if c.n.isCut() {
		return 0, errKilled
	}
	return c.Conn.Write(p)
}

// Close closes below only while the worker is there; the connections of one that is dead or cut off are silent, not closed.
func (c *mortal) Close() error {
	if c.n.isCut() {
		return c.Conn.SetDeadline(time.Unix(1, 0)) // ends reads under way
	}
	return c.Conn.Close()
}

func (n *node) isDead() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dead
}

func (n *node) isCut() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dead || n.cut
}

// unplug cuts the worker from the network, or joins it again.
func (n *node) unplug(cut bool) {
	n.bed.event(fmt.Sprintf("%s is cut off: %t", n.name, cut))
	n.mu.Lock()
	defer n.mu.Unlock()
	if cut || n.cut {
		n.bed.outOfTouch(time.Now())
	}
	n.cut = cut
}

// kill is the end of the process: nothing it does from now on reaches anybody. It returns when its goroutines have ended, but for those
// that hang in a connector.
func (n *node) kill() {
	n.bed.event("kill " + n.name)
	n.mu.Lock()
	n.dead = true
	n.mu.Unlock()
	n.bed.buryAll(n)
	n.stop()
	go func() { // the clean-up of a dead process takes its time and interests nobody
		<-n.ended
	}()
	n.bed.forget(n)
}

// leave stops the worker in order.
func (n *node) leave() {
	n.bed.event("leave " + n.name)
	n.stop()
	<-n.ended
	n.bed.forget(n)
}
