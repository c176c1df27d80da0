package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/runtime/assign"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/group"
)

// leadership is what a leader keeps between rounds.
type leadership struct {
	delay  time.Duration
	config configLog
	able   *abilities
	rejoin func(reason string)

	mu    sync.Mutex
	state assign.State
	urls  []string // of the members of the last round
}

// assign reads the config to its end, so that the round is decided on what all members may know, and hands out the work.
func (l *leadership) assign(ctx context.Context, round cluster.Round) (map[string]cluster.Grant, error) {
	learned := l.able.learn(ctx, round.Members)
	err := l.config.ReadToEnd(ctx)
	learned()
	if err != nil {
		return nil, fmt.Errorf("reading the config topic to its end: %w", err)
	}
	snapshot := l.config.Snapshot()
	l.mu.Lock()
	defer l.mu.Unlock()
	grants, next := assign.Assign(time.Now(), l.state, round, snapshot, l.delay, func(member, connector string) bool {
		return l.able.can(member, snapshot.Connectors[connector].Config["connector.class"])
	})
	l.state, l.urls = next, l.urls[:0:0]
	for _, m := range round.Members {
		l.urls = append(l.urls, m.URL)
	}
	return grants, nil
}

// learnedLate asks for another round if a member lacks what may have been given to it.
func (l *leadership) learnedLate() {
	l.mu.Lock()
	defer l.mu.Unlock()
	connectors := l.config.Snapshot().Connectors
	for member := range l.state.Owners() {
		for _, c := range connectors {
			if !l.able.can(member, c.Config["connector.class"]) {
				l.rejoin("the plugins of a member have become known")
				return
			}
		}
	}
}

// depart notes that a member leaves in order, so that its work is given away as soon as it is gone, and lists the members' addresses.
func (l *leadership) depart(member string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = l.state.Depart(member)
	return l.urls
}

// owners tells the REST address of whoever has each connector and task after this round.
func (l *leadership) owners(j cluster.Joined) map[connect.TaskID]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[connect.TaskID]string{}
	for member, a := range l.state.Owners() {
		url := j.Members[member]
		for _, name := range a.Connectors {
			out[connect.TaskID{Connector: name, Task: connect.ConnectorTask}] = url
		}
		for _, id := range a.Tasks {
			out[id] = url
		}
	}
	return out
}

// leaveNotice makes an orderly leave quick: the leader learns that the work is free, and all members that there is a rebalance to join,
// which they would see only at their next heartbeats. Both go beyond Kafka Connect, whose workers answer 404: with a Java leader the work
// waits for scheduled.rebalance.max.delay.ms as ever.
type leaveNotice struct {
	self   string // our own URL
	config configLog
	peers  leavePeers
	log    *slog.Logger
}

type leavePeers interface {
	Leaving(ctx context.Context, leaderURL, memberID string, key *cluster.SessionKey) (urls []string, err error)
	Heartbeat(ctx context.Context, url string, key *cluster.SessionKey) error
}

// noticeTimeout bounds each half of a notice: the worker stops also when nobody answers.
const noticeTimeout = 2 * time.Second

func (n *leaveNotice) depart(ctx context.Context, d group.Departure) (left func(context.Context)) {
	var urls []string
	if d.IsLeader { // the next leader starts from what the members hold, and gives the rest away at once
		for _, url := range d.Members {
			urls = append(urls, url)
		}
	} else {
		ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
		defer cancel()
		var err error
		if urls, err = n.peers.Leaving(ctx, d.LeaderURL, d.MemberID, n.key()); err != nil {
			n.log.Info("the leader was not told of the leave, its members take the work over after scheduled.rebalance.max.delay.ms", "leader", d.LeaderURL, "reason", err)
			return nil
		}
	}
	return func(ctx context.Context) { n.callAll(ctx, urls) }
}

func (n *leaveNotice) callAll(ctx context.Context, urls []string) {
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	var calls sync.WaitGroup
	for _, url := range urls {
		if url == n.self {
			continue
		}
		calls.Go(func() {
			if err := n.peers.Heartbeat(ctx, url, n.key()); err != nil {
				n.log.Debug("a member was not told of the rebalance, it sees it at its next heartbeat", "member", url, "reason", err)
			}
		})
	}
	calls.Wait()
}

func (n *leaveNotice) key() *cluster.SessionKey { return n.config.Snapshot().SessionKey }

var _ rest.Membership = (*facade)(nil)

// MemberLeaving is the leader's side of a leave.
func (f *facade) MemberLeaving(memberID string) ([]string, error) {
	m := f.p.herder.Member()
	switch {
	case !m.Joined || f.p.lead == nil:
		return nil, cluster.ErrRebalancing
	case !m.Leader:
		return nil, &cluster.NotLeader{URL: m.LeaderURL}
	}
	f.p.log.Info("a member leaves in order", "member", memberID)
	return f.p.lead.depart(memberID), nil
}

// Heartbeat looks at once whether the group rebalances.
func (f *facade) Heartbeat() {
	if f.p.heartbeat != nil {
		f.p.heartbeat()
	}
}
