package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/runtime/cluster"
)

// Config is what a Member needs.
type Config struct {
	// Client sends the requests; it is not closed by the member, and should be closed after Run has returned. It must not
	// be configured as a group consumer itself.
	Client   *kgo.Client
	GroupID  string   // group.id
	Protocol Protocol // connect.protocol
	// SessionTimeout (default 10 s), HeartbeatInterval (default 3 s, less than SessionTimeout) and RebalanceTimeout (default 60 s): the
	// worker's session.timeout.ms, heartbeat.interval.ms and rebalance.timeout.ms.
	SessionTimeout    time.Duration
	HeartbeatInterval time.Duration
	RebalanceTimeout  time.Duration
	// InstanceID is group.instance.id; empty for dynamic membership. A static member does not leave the group when Run ends, and joins once
	// more after its first round, since that may have been none (see install).
	InstanceID string
	// URL gives the advertised REST URL, with a slash at its end; ConfigOffset the offset of the last config record read, -1 for none.
	// Both are called from Run before each join and must not block.
	URL          func() string
	ConfigOffset func() int64
	// Assign is called when this member leads, once per round and never concurrently, in a goroutine of its own while Run heartbeats. It may block
	// (reading the config log to its end); ctx ends when its answer is no longer wanted. A member it leaves out gets nothing new. An error
	// abandons the round: the member joins again after a pause.
	Assign func(ctx context.Context, round cluster.Round) (map[string]cluster.Grant, error)
	// Depart, if set, is called when this member is about to leave in order and its work has stopped: LeaveGroup does not tell the leader
	// whether a member left or died, so this is where to tell it. What Depart returns is called after the coordinator has taken the
	// leave, nil for nothing to do. Both run while the leave waits, outside of Run's goroutine or at its end, and are bounded by ctx.
	Depart func(ctx context.Context, d Departure) (left func(ctx context.Context))
	// Backoff is the pause before attempt n = 1, 2, … after a failure. Default: 100 ms, doubled each time, at most 1 s.
	Backoff func(n int) time.Duration
	Log     *slog.Logger // default: discarded
}

// Departure is what a member that leaves knows of its group as of the last completed round.
type Departure struct {
	MemberID  string
	LeaderURL string
	IsLeader  bool
	Members   map[string]string // advertised URL by member id; on the leader only
}

// Member is one worker's membership in its group. Its methods may be called from any goroutine, before and while Run runs, and do not
// block.
type Member struct {
	cfg     Config
	changes chan cluster.MembershipChange
	wake    chan struct{}

	mu    sync.Mutex
	inbox inbox
}

// inbox is what was asked for since Run last looked.
type inbox struct {
	ready  int64
	leave  string // before rejoin
	beat   bool
	rejoin string
}

// NewMember checks the config; it starts nothing.
func NewMember(cfg Config) (*Member, error) {
	defaults := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	defaults(&cfg.SessionTimeout, 10*time.Second)
	defaults(&cfg.HeartbeatInterval, 3*time.Second)
	defaults(&cfg.RebalanceTimeout, time.Minute)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Backoff == nil {
		cfg.Backoff = func(n int) time.Duration { return min(100*time.Millisecond<<min(n-1, 10), time.Second) }
	}
	switch {
	case cfg.GroupID == "":
		return nil, errors.New("group.id is empty")
	case cfg.Protocol < Eager || cfg.Protocol > Sessioned:
		return nil, fmt.Errorf("connect.protocol is %v", cfg.Protocol)
	case cfg.SessionTimeout < 0 || cfg.HeartbeatInterval < 0 || cfg.RebalanceTimeout < 0:
		return nil, errors.New("session.timeout.ms, heartbeat.interval.ms and rebalance.timeout.ms must be positive")
	case cfg.HeartbeatInterval >= cfg.SessionTimeout:
		return nil, fmt.Errorf("heartbeat.interval.ms (%v) must be less than session.timeout.ms (%v)", cfg.HeartbeatInterval, cfg.SessionTimeout)
	case cfg.Client == nil || cfg.URL == nil || cfg.ConfigOffset == nil || cfg.Assign == nil:
		return nil, errors.New("Client, URL, ConfigOffset and Assign are required")
	}
	cfg.Log = cfg.Log.With("group", cfg.GroupID)
	return &Member{
		cfg: cfg, changes: make(chan cluster.MembershipChange), wake: make(chan struct{}, 1),
	}, nil
}

// Changes tells what happens in the group. The channel is closed when Run returns. A slow reader delays nobody but itself.
func (m *Member) Changes() <-chan cluster.MembershipChange { return m.changes }

// Rejoin makes the member join again as soon as it may, also one that has left. The reason goes to the broker's log (KIP-800).
func (m *Member) Rejoin(reason string) {
	if reason == "" {
		reason = "asked for"
	}
	m.tell(func(in *inbox) { in.rejoin = reason })
}

// Leave takes the member out of the group until Rejoin is called: it tells Left, and the coordinator after Ready(Left.Seq).
func (m *Member) Leave(reason string) {
	if reason == "" {
		reason = "asked for"
	}
	m.tell(func(in *inbox) { in.leave, in.rejoin = reason, "" })
}

// Heartbeat makes the member ask the coordinator at once whether the group rebalances, in place of at the next heartbeat.interval.ms.
func (m *Member) Heartbeat() { m.tell(func(in *inbox) { in.beat = true }) }

// Ready says that all that had to stop because of the changes up to seq has stopped or was abandoned.
func (m *Member) Ready(seq int64) {
	m.tell(func(in *inbox) { in.ready = max(in.ready, seq) })
}

func (m *Member) tell(what func(*inbox)) {
	m.mu.Lock()
	what(&m.inbox)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default: // Run has not looked since the last time, and will see this too
	}
}

func (m *Member) read() inbox {
	m.mu.Lock()
	defer m.mu.Unlock()
	in := m.inbox
	m.inbox = inbox{}
	return in
}

// Run keeps the member in the group until ctx is done, and then leaves; it may be called once. Work should have been stopped before ctx is
// cancelled. It returns nil after ctx was done, and an error if the group refuses the member for good: no authorization, no common
// protocol, another member with its InstanceID, a session time-out or group size that the broker does not allow, or a closed client.
func (m *Member) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	l := &loop{
		Member: m, ctx: inner, log: m.cfg.Log, results: make(chan answer),
		generation: -1, lastGeneration: -1, protocol: m.cfg.Protocol,
	}
	err := l.run()
	cancel()
	l.requests.Wait()
	if id := cmp.Or(l.memberID, l.goodbye); id != "" && m.cfg.InstanceID == "" {
		// The context is done already: leaving gets a short time of its own.
		leaveCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(m.cfg.SessionTimeout, 5*time.Second))
		defer cancel()
		if leaveErr := l.sendLeave(leaveCtx, l.departure(id), "worker shuts down"); leaveErr != nil {
			l.log.Warn("leaving the group failed, its session will time out", "error", leaveErr)
		}
	}
	close(m.changes)
	if ctx.Err() != nil {
		return nil
	}
	return err
}
