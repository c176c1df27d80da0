package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/connectorconfig"
	"github.com/connectd/connectd/runtime/herder"
	"github.com/connectd/connectd/runtime/herder/core"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/logging"
	"github.com/connectd/connectd/runtime/memory"
	"github.com/connectd/connectd/runtime/metrics"
	"github.com/connectd/connectd/runtime/plugin"
	"github.com/connectd/connectd/runtime/secrets"
	"github.com/connectd/connectd/runtime/store"
	"github.com/connectd/connectd/runtime/worker"
	"github.com/connectd/connectd/runtime/workerconfig"
)

// opTimeout bounds slow actions and REST requests (ConnectResource.DEFAULT_REST_REQUEST_TIMEOUT_MS).
const opTimeout = 90 * time.Second

// configLog, statusLog and membership are what distributed and standalone bring: stores on topics or in memory, a group or none.
type (
	configLog interface {
		herder.ConfigLog
		Run(ctx context.Context) error
		Ready() <-chan struct{}
	}
	statusLog interface {
		herder.StatusLog
		Run(ctx context.Context) error
		Ready() <-chan struct{}
		Flush(ctx context.Context) error
		PutTopic(t cluster.TopicStatus)
		Topics(connector string) []cluster.TopicStatus
		Topic(connector, topic string) (cluster.TopicStatus, bool)
		DeleteTopic(connector, topic string)
	}
	offsetLog interface {
		store.OffsetStore
		Run(ctx context.Context) error
	}
	membership interface {
		herder.Membership
		Run(ctx context.Context) error
	}
)

// peers are the other workers of the group.
type peers interface {
	herder.Peers
	leavePeers
	FenceZombies(ctx context.Context, leaderURL, connector string, key *cluster.SessionKey) error
	Plugins(ctx context.Context, url string) ([]api.PluginInfo, error)
	Validate(ctx context.Context, url, class string, props config.Props) (api.ConfigInfos, error)
}

// process is one worker with all its parts. Built by distributed or standalone, run once by serve.
type process struct {
	cfg    workerconfig.Worker
	facts  connectorconfig.Worker
	core   core.Config
	sync   time.Duration // worker.sync.timeout.ms
	log    *slog.Logger
	levels *logging.Levels

	reg      *plugin.Registry
	resolver *secrets.Resolver
	clients  *kafka.Clients
	tls      restTLS
	metrics  *metrics.Registry

	config  configLog
	status  statusLog
	offsets offsetLog
	// group makes the membership once the stores are read and the address is known.
	group     func(p *process) (membership, error)
	groupID   string
	own       kafka.Topic // what connectors' own offsets topics are made like: the worker's; no name: it has none
	owners    func(cluster.Joined) map[connect.TaskID]string
	claim     func(ctx context.Context) error // nil: nothing to claim
	release   func()
	lead      *leadership // of a worker in a group
	heartbeat func()      // likewise: looks at once whether the group rebalances
	peers     peers
	newKey    func() (*cluster.SessionKey, error)
	advertise string // REST address of this worker, ends with a slash
	workerID  string // host:port of it
	// created connectors of standalone mode, put once the worker is up
	initial []config.Props
	started func(url string) // told when REST listens

	adminClient *kgo.Client
	admin       *kadm.Client
	clusterID   string
	herder      *herder.Herder
	worker      *worker.Worker
	startup     time.Time

	verify []string // inter.worker.verification.algorithms

	healthMu sync.Mutex
	problems map[string]string // by topic: why it cannot be reached
}

// open makes what each kind of worker has. The error is one of configuration.
func open(ground *groundwork, common workerconfig.Worker, facts connectorconfig.Worker, log *slog.Logger, levels *logging.Levels) (*process, error) {
	facts.Resolve = ground.resolver.ResolveProps
	p := &process{
		cfg: common, facts: facts, log: log, levels: levels, reg: ground.reg, resolver: ground.resolver, clients: &kafka.Clients{Worker: ground.props, Log: log}, tls: ground.tls,
		metrics: metrics.New(), startup: time.Now(), problems: map[string]string{},
	}
	cl, err := p.clients.AdminClient(nil)
	if err != nil {
		return nil, &usageError{err}
	}
	p.adminClient, p.admin = cl, kadm.NewClient(cl)
	return p, nil
}

// serve runs the worker until ctx is done, then hands everything over in order: tasks stop and commit, the group is left, the last
// statuses are written.
func (p *process) serve(ctx context.Context) (err error) {
	defer p.admin.Close()
	srv, err := p.listen()
	if err != nil {
		return err
	}
	// Parts that outlive the work: REST to answer until the end, stores to take the last statuses.
	outer, endOuter := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	failed := make(chan error, 8)
	start := func(what string, ctx context.Context, run func(context.Context) error) {
		parts.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", what, err)
			}
		})
	}
	defer func() {
		endOuter()
		parts.Wait()
	}()
	start("REST server", outer, srv.Run)
	start("config store", outer, p.config.Run)
	start("status store", outer, p.status.Run)
	start("offset store", outer, p.offsets.Run)
	if p.started != nil {
		p.started(p.advertise)
	}
	if err := p.await(ctx, failed); err != nil || ctx.Err() != nil {
		return err
	}
	return p.work(ctx, srv, start, failed)
}

// await waits until the stores are read.
func (p *process) await(ctx context.Context, failed <-chan error) error {
	for _, r := range []<-chan struct{}{p.config.Ready(), p.status.Ready()} {
		select {
		case <-r:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// work runs herder, group and worker.
func (p *process) work(ctx context.Context, srv *rest.Server, start func(string, context.Context, func(context.Context) error), failed <-chan error) error {
	p.worker = worker.New(worker.Config{Builder: p.builder(), Log: p.log, StopTimeout: p.cfg.TaskShutdownTimeout, Metrics: p.metrics.Worker(),
		Registry: p.metrics, StallTimeout: p.cfg.StallTimeout})
	group, err := p.group(p)
	if err != nil {
		return err
	}
	p.herder = herder.New(herder.Config{
		Core: p.core, Worker: p.worker, Config: p.config, Status: p.status, Group: group, Peers: p.peers, Log: p.log, NewKey: p.newKey,
		Owners: p.owners, Loggers: p.setLogger, Validate: p.validateForPut, OpTimeout: opTimeout, SyncTimeout: p.sync,
		FenceProducers: p.fenceProducers, Claim: p.claim, Release: p.release,
	})
	groupCtx, endGroup := context.WithCancel(context.WithoutCancel(ctx))
	var groupDone sync.WaitGroup
	defer func() {
		endGroup()
		groupDone.Wait()
	}()
	groupEnded := make(chan struct{})
	start("group membership", groupCtx, func(ctx context.Context) error {
		defer close(groupEnded)
		return group.Run(ctx)
	})
	herderCtx, endHerder := context.WithCancel(context.WithoutCancel(ctx))
	defer endHerder()
	herderEnded := make(chan struct{})
	start("herder", herderCtx, func(ctx context.Context) error {
		defer close(herderEnded)
		return p.herder.Run(ctx)
	})
	workerCtx, endWorker := context.WithCancel(context.WithoutCancel(ctx))
	defer endWorker()
	workerEnded := make(chan struct{})
	start("worker", workerCtx, func(ctx context.Context) error {
		defer close(workerEnded)
		return p.worker.Run(ctx, p.lastWord)
	})
	p.announce()
	srv.Serve(&facade{p})
	start("connectors of the command line", ctx, p.createInitial)
	start("cluster id", ctx, p.findClusterID)
	start("memory of the start", ctx, p.settle)

	select {
	case <-ctx.Done():
		p.log.Info("stopping")
		err = nil
	case err = <-failed:
		p.log.Error("stopping because a part of the worker has failed", "error", err)
	}
	// The herder first, so that nothing new begins; then the tasks commit and stop; then the group is told, and gives the work away.
	endHerder()
	<-herderEnded
	endWorker()
	<-workerEnded
	endGroup()
	<-groupEnded
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, p.status.Flush(flush))
}

// lastWord writes the statuses of the stop, when the herder no longer listens.
func (p *process) lastWord(r cluster.Report) {
	if r.Seen == cluster.Unassigned {
		p.status.PutSafe(cluster.Status{ID: r.ID, State: r.Seen, WorkerID: p.workerID, Generation: p.herder.Member().Generation})
	}
}

// findClusterID asks until Kafka answers; GET / shows it.
func (p *process) findClusterID(ctx context.Context) error {
	for {
		md, err := p.admin.BrokerMetadata(ctx)
		if err == nil {
			p.healthMu.Lock()
			p.clusterID = md.Cluster
			p.healthMu.Unlock()
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (p *process) announce() {
	p.log.Info("connectd is up", "worker", p.workerID, "version", version, "after", time.Since(p.startup).Round(time.Millisecond).String())
}

func (p *process) builder() *worker.Builder {
	b := &worker.Builder{
		Registry: p.reg, Facts: p.facts, Clients: p.clients, Secrets: p.resolver, Offsets: &offsetStores{p},
		Logs: &store.TopicLogs{Clients: p.clients, Log: p.log}, Topics: &topicMaker{p}, Metrics: p.metrics, Log: p.log,
		CommitInterval: p.cfg.OffsetFlushInterval, CommitTimeout: p.cfg.OffsetFlushTimeout,
		Threads: p.cfg.ConversionThreads,
	}
	limit := p.cfg.MemoryBudget
	if limit < 0 {
		limit = memory.Default()
	}
	memory.LimitRuntime()
	b.Memory = memory.New(limit)
	m := p.metrics.Worker()
	m.Gauge(&metrics.WorkerMemory.Metric, func() float64 { return float64(b.Memory.Used()) })
	m.Gauge(&metrics.WorkerMemoryLimit.Metric, func() float64 { return float64(b.Memory.Limit()) })
	if p.core.ExactlyOnce {
		b.ExactlyOnce = &worker.ExactlyOnce{GroupID: p.groupID, Fence: p.fenceFirst, Verify: p.verifyTask}
	}
	if p.cfg.TopicTracking {
		b.Tracker = func(id connect.TaskID, topic string) {
			if _, known := p.status.Topic(id.Connector, topic); !known {
				p.status.PutTopic(cluster.TopicStatus{Topic: topic, Connector: id.Connector, Task: id.Task, Since: time.Now().UnixMilli()})
			}
		}
	}
	return b
}

// advertised finds the REST address to advertise (RestServer.advertisedUrl): the configured one, else that of the first listener with
// the advertised scheme, which is http if any listener has it.
func advertised(r workerconfig.REST, bound []net.Addr) (url, workerID string) {
	scheme := strings.ToLower(r.AdvertisedListener)
	isScheme := func(l workerconfig.Listener) bool { return l.Scheme == scheme }
	if scheme == "" {
		if scheme = "http"; len(r.Listeners) > 0 && !slices.ContainsFunc(r.Listeners, isScheme) {
			scheme = "https"
		}
	}
	host, port := "", 0
	// Without a listener of the scheme something in front of the worker speaks it, at the first listener's address if no other is set.
	if i := max(0, slices.IndexFunc(r.Listeners, isScheme)); i < len(r.Listeners) {
		host, port = r.Listeners[i].Host, r.Listeners[i].Port
		if a, ok := addrAt(bound, i).(*net.TCPAddr); ok && port == 0 {
			port = a.Port
		}
	}
	if r.AdvertisedHost != "" {
		host = strings.Trim(r.AdvertisedHost, "[]") // of an IPv6 address
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = ownHost()
	}
	if r.AdvertisedPort != 0 {
		port = r.AdvertisedPort
	}
	workerID = net.JoinHostPort(host, strconv.Itoa(port))
	return scheme + "://" + workerID + "/", workerID
}

func addrAt(bound []net.Addr, i int) net.Addr {
	if i < len(bound) {
		return bound[i]
	}
	return nil
}
