package herder

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder/core"
)

// Worker runs what it is told.
type Worker interface {
	// Apply replaces the wanted set, is idempotent and returns at once; it keeps neither map nor slice. changed are all that differ from
	// the last call; nil: any may.
	Apply(rev int64, want map[connect.TaskID]cluster.Want, changed []connect.TaskID)
	// Reports carry seen states, wishes for reconfiguration and settled revisions.
	Reports() <-chan cluster.Report
	// TaskConfigs asks the running connector; it may take as long as the connector's own code does.
	TaskConfigs(ctx context.Context, connector string) ([]config.Props, error)
}

// Fence asks this worker, as the leader, for a round of fencing of a source connector (KIP-618): a *cluster.NotLeader if it does not
// lead. A worker that runs a task asks for it before the task starts.
func (h *Herder) Fence(ctx context.Context, connector string) error {
	_, err := h.Do(ctx, core.Fence{Name: connector})
	return err
}

// ConfigLog is the config topic.
type ConfigLog interface {
	Snapshot() *cluster.Snapshot // immutable, shared; never copied for a request
	Changes() <-chan cluster.ConfigRead
	ReadToEnd(ctx context.Context) error
	// Write returns when the changes are durable and have been read back.
	Write(ctx context.Context, asLeader bool, changes ...cluster.Change) error
}

// StatusLog is the status topic. Puts return at once; their order is kept; they are seen here when they were read back.
type StatusLog interface {
	Put(s cluster.Status)     // cluster.Destroyed removes
	PutSafe(s cluster.Status) // only if no other worker of a newer generation wrote meanwhile
	Get(id connect.TaskID) (cluster.Status, bool)
	Tasks(connector string) []cluster.Status
	Connectors() []string // with any status, also of tasks alone
}

// Membership is the worker's place in the group.
type Membership interface {
	Rejoin(reason string)
	Leave(reason string)
	Ready(seq int64)
	Changes() <-chan cluster.MembershipChange
}

// Peers brings requests to other workers.
type Peers interface {
	// PutTasks brings task configs to the leader, signed with key if it is not nil (KIP-507).
	PutTasks(ctx context.Context, leaderURL, connector string, tasks []config.Props, key *cluster.SessionKey) error
}

// Config is what a herder is made of. Everything but the hooks is needed.
type Config struct {
	Core    core.Config
	Worker  Worker
	Config  ConfigLog
	Status  StatusLog
	Group   Membership
	Peers   Peers
	Log     *slog.Logger
	NewKey  func() (*cluster.SessionKey, error)
	Owners  func(cluster.Joined) map[connect.TaskID]string // leader: who has what after this round
	Loggers func(cluster.LoggerLevel)                      // acts on a cluster-wide logger level
	// Validate answers nil, or the error REST answers with.
	Validate func(ctx context.Context, props config.Props) error
	// Claim takes the right to write the config topic as leader, Release gives it up; nil: there is no such right.
	Claim   func(ctx context.Context) error
	Release func()
	// FenceProducers cuts off the producers of the first n tasks of a source connector (KIP-618); nil without exactly-once support.
	FenceProducers func(ctx context.Context, connector string, props config.Props, n int32) error
	// Timeouts. OpTimeout bounds each slow action (90 s, as REST's own), SyncTimeout reading the config topic
	// (worker.sync.timeout.ms).
	OpTimeout, SyncTimeout time.Duration
}

// Herder is the shell. Run it once; everything else is safe for concurrent use.
type Herder struct {
	cfg  Config
	core *core.Herder // the loop's own

	requests chan request
	stages   chan stageQuery
	done     chan core.Done
	ops      sync.WaitGroup

	mu      sync.Mutex
	waiting map[core.ReqID]chan core.Reply
	lastReq core.ReqID
	member  Member
	stopped bool

	calls map[core.OpID]context.CancelFunc // of the slow actions under way; the loop's own

	hidden map[connect.TaskID]cluster.Status // see repairStatuses; the loop's own
	rivals map[string]*rival                 // by worker id, see watchRivals; the loop's own

	ready     chan struct{} // closed at the first assignment
	readyOnce sync.Once
}

// Member is what the worker knows of its group, for health and metrics.
type Member struct {
	Joined     bool
	Leader     bool
	LeaderURL  string
	Sessioned  bool // the group has agreed on signed requests (KIP-507)
	Generation int32
	Epoch      time.Time // of the last completed round
	Away       time.Time // since when it has not been in the group or has had to join again; zero if Joined, and before the first round
	Assigned   cluster.Assignment
}

type request struct {
	id  core.ReqID
	req core.Request
}

// New makes a herder; it starts nothing. The config log must have been read once.
func New(cfg Config) *Herder {
	return &Herder{
		cfg: cfg, core: core.New(cfg.Core, cfg.Config.Snapshot()), requests: make(chan request), stages: make(chan stageQuery), done: make(chan core.Done),
		waiting: map[core.ReqID]chan core.Reply{}, ready: make(chan struct{}),
		rivals: map[string]*rival{}, calls: map[core.OpID]context.CancelFunc{},
	}
}

// Ready is closed once the worker had its first assignment.
func (h *Herder) Ready() <-chan struct{} { return h.ready }

// Member tells the worker's place in the group.
func (h *Herder) Member() Member {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.member
}

// Do carries out a request on the loop and returns its result (named at the core's request types), or the errors of package cluster.
// When ctx ends first the request may still be carried out.
func (h *Herder) Do(ctx context.Context, req core.Request) (any, error) {
	h.mu.Lock()
	if h.stopped {
		h.mu.Unlock()
		return nil, cluster.ErrStarting
	}
	h.lastReq++
	id := h.lastReq
	answer := make(chan core.Reply, 1)
	h.waiting[id] = answer
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.waiting, id)
		h.mu.Unlock()
	}()
	select {
	case h.requests <- request{id, req}:
	case r := <-answer: // the loop has ended
		return r.Result, r.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case r := <-answer:
		return r.Result, r.Err
	case <-ctx.Done():
		return nil, h.late(ctx, id)
	}
}

// stageQuery asks the loop what it is doing for a request.
type stageQuery struct {
	id     core.ReqID
	answer chan error
}

// late is the error of a request whose time is over: it names the stage.
func (h *Herder) late(ctx context.Context, id core.ReqID) error {
	cause := context.Cause(ctx)
	if !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	q := stageQuery{id, make(chan error, 1)}
	limit := time.NewTimer(time.Second)
	defer limit.Stop()
	select {
	case h.stages <- q:
		if err := <-q.answer; err != nil {
			return err
		}
	case <-limit.C:
	}
	return cause
}

func (h *Herder) tell(q stageQuery) {
	doing, since, ok := h.core.Stage(q.id)
	if !ok {
		q.answer <- nil
		return
	}
	q.answer <- &cluster.TimedOut{Doing: doing, Began: since, Cause: context.DeadlineExceeded}
}

// Snapshot is the configuration as last read.
func (h *Herder) Snapshot() *cluster.Snapshot { return h.cfg.Config.Snapshot() }

// Status is the status topic.
func (h *Herder) Status() StatusLog { return h.cfg.Status }
