package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/runtime/cluster"
)

// overhead is what a join or sync may take beyond the rebalance time-out (AbstractCoordinator.JOIN_GROUP_TIMEOUT_LAPSE).
const overhead = 5 * time.Second

func (l *loop) instance() *string {
	if l.cfg.InstanceID == "" {
		return nil
	}
	return &l.cfg.InstanceID
}

// fail handles what any request can meet, for a request that would have brought the member on: the member stands outside and tries again
// after a pause, or cannot go on at all, which is the error returned. kgo has already looked for the coordinator again where that
// helps.
func (l *loop) fail(doing string, err error) error {
	switch {
	case l.closed(err):
		return fmt.Errorf("%s %q: %w", doing, l.cfg.GroupID, kgo.ErrClientClosed)
	case errors.Is(err, kerr.GroupAuthorizationFailed),
		errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.InvalidGroupID),
		errors.Is(err, kerr.UnsupportedVersion):
		return fmt.Errorf("%s %q: %w", doing, l.cfg.GroupID, err)
	case errors.Is(err, kerr.InvalidSessionTimeout):
		return fmt.Errorf("%s %q: session.timeout.ms %v is outside of the broker's group.min/max.session.timeout.ms: %w", doing, l.cfg.GroupID, l.cfg.SessionTimeout, err)
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		return fmt.Errorf("%s %q: no protocol in common with the group's members; check connect.protocol, and that no consumer group has this group.id: %w", doing, l.cfg.GroupID, err)
	case errors.Is(err, kerr.GroupMaxSizeReached):
		return fmt.Errorf("%s %q: the broker's group.max.size is reached: %w", doing, l.cfg.GroupID, err)
	case errors.Is(err, kerr.FencedInstanceID):
		// Joining again would fence the other one in return, and so on for ever.
		return fmt.Errorf("%s %q: another worker has joined with the group.instance.id %q of this one; give each worker an id of its own: %w", doing, l.cfg.GroupID, l.cfg.InstanceID, err)
	case errors.Is(err, kerr.UnknownMemberID):
		l.memberID, l.generation = "", -1
	case errors.Is(err, kerr.IllegalGeneration):
		l.generation = -1
	}
	l.attempts++
	pause := l.cfg.Backoff(l.attempts)
	l.log.Warn("request failed, trying again", "doing", doing, "error", err, "attempt", l.attempts, "pause", pause)
	l.beat.stop()
	l.phase, l.retryAt = outside, time.Now().Add(pause)
	return nil
}

// closed tells whether the client will never answer again. Which of its errors comes depends on what the request was doing.
func (l *loop) closed(err error) bool {
	return errors.Is(err, kgo.ErrClientClosed) || l.cfg.Client.Context().Err() != nil
}

func (l *loop) join() {
	l.beat.stop()
	reason := l.rejoin
	l.phase, l.rejoin, l.beatAt = joining, "", time.Now().Add(l.cfg.HeartbeatInterval)
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.InstanceID, req.ProtocolType = l.cfg.GroupID, l.memberID, l.instance(), groupType
	req.SessionTimeoutMillis = int32(l.cfg.SessionTimeout.Milliseconds())
	req.RebalanceTimeoutMillis = int32(l.cfg.RebalanceTimeout.Milliseconds())
	if reason != "" {
		req.Reason = &reason
	}
	offer, offerErr := l.cfg.Protocol.offer(WorkerState{URL: l.cfg.URL(), ConfigOffset: l.cfg.ConfigOffset(), Assignment: l.snapshot})
	req.Protocols = offer
	l.start(&l.op, l.cfg.RebalanceTimeout+overhead, func(ctx context.Context) func() error {
		if offerErr != nil {
			return func() error { return fmt.Errorf("joining group %q: %w", l.cfg.GroupID, offerErr) }
		}
		resp, err := req.RequestWith(ctx, l.cfg.Client)
		return func() error { return l.joined(resp, err) }
	})
}

func (l *loop) joined(resp *kmsg.JoinGroupResponse, err error) error {
	const doing = "joining group"
	l.beat.stop() // it was for the generation before
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if errors.Is(err, kerr.MemberIDRequired) { // KIP-394: the first join only gives the id
		l.memberID = resp.MemberID
		l.phase, l.retryAt = outside, time.Time{}
		return nil
	}
	if err != nil {
		return l.fail(doing, err)
	}
	if t := resp.ProtocolType; t != nil && *t != groupType {
		return fmt.Errorf("%s %q: its protocol type is %q, not %q", doing, l.cfg.GroupID, *t, groupType)
	}
	var name string
	if resp.Protocol != nil {
		name = *resp.Protocol
	}
	protocol, err := chosen(name)
	if err != nil {
		return fmt.Errorf("%s %q: %w", doing, l.cfg.GroupID, err)
	}
	now := time.Now()
	l.phase, l.memberID, l.generation = syncing, resp.MemberID, resp.Generation
	l.lastContact, l.beatAt = now, now.Add(l.cfg.HeartbeatInterval)
	if protocol == Eager && l.protocol != Eager && l.held().Len() > 0 {
		// The group has fallen back to eager, and everything will be dealt out anew, but we came with our hands full: others
		// would start what we still run. Not syncing and joining again makes the whole group wait until we have stopped.
		l.protocol, l.phase, l.rejoin = Eager, stable, "the group has become eager"
		return nil
	}
	l.sync(resp, protocol)
	return nil
}

// sync sends SyncGroup, and on the leader makes the assignments before.
func (l *loop) sync(resp *kmsg.JoinGroupResponse, protocol Protocol) {
	round := cluster.Round{
		Leader: resp.LeaderID, Generation: resp.Generation, LastGeneration: l.lastGeneration, Version: int16(protocol),
	}
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = l.cfg.GroupID, resp.Generation, resp.MemberID, l.instance()
	typ := groupType
	req.ProtocolType, req.Protocol = &typ, resp.Protocol
	l.start(&l.op, l.cfg.RebalanceTimeout+overhead, func(ctx context.Context) func() error {
		var urls map[string]string
		if resp.LeaderID == resp.MemberID {
			var err error
			if urls, err = l.lead(ctx, &round, resp, req); err != nil {
				return func() error { return l.fail("assigning work in group", err) }
			}
		}
		answer, err := req.RequestWith(ctx, l.cfg.Client)
		return func() error { return l.synced(answer, err, round, urls) }
	})
}

// lead fills in the assignments of req, and gives the URLs of all members. It runs outside of the loop's goroutine and touches nothing
// of the loop but its config and log.
func (l *loop) lead(ctx context.Context, round *cluster.Round, resp *kmsg.JoinGroupResponse, req *kmsg.SyncGroupRequest) (map[string]string, error) {
	urls := make(map[string]string, len(resp.Members))
	var leaderURL string
	for _, m := range resp.Members {
		version, state, err := DecodeMetadata(m.ProtocolMetadata)
		if err != nil {
			// It must not stop the others: it gets no work.
			l.log.Error("a member's metadata cannot be read, it gets no work", "member", m.MemberID, "error", err)
			continue
		}
		member := cluster.Member{ID: m.MemberID, InstanceID: deref(m.InstanceID), URL: state.URL, ConfigOffset: state.ConfigOffset, Version: version}
		if state.Assignment != nil {
			member.Held = state.Assignment.Assigned
		}
		round.Members = append(round.Members, member)
		urls[m.MemberID] = state.URL
		if m.MemberID == resp.LeaderID {
			leaderURL = state.URL
		}
	}
	if resp.SkipAssignment {
		return urls, nil // KIP-814: a static leader came back, the broker keeps the assignments
	}
	grants, err := l.assign(ctx, *round)
	if err != nil {
		return nil, err
	}
	for _, m := range resp.Members {
		grant, ok := grants[m.MemberID]
		if !ok {
			grant = cluster.Grant{Version: round.Version, Leader: resp.LeaderID, LeaderURL: leaderURL, ConfigOffset: -1}
			for _, other := range grants {
				grant.ConfigOffset = other.ConfigOffset
				break
			}
		}
		encoded, err := EncodeAssignment(grant)
		if err != nil {
			return nil, fmt.Errorf("encoding the assignment of member %s: %w", m.MemberID, err)
		}
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		a.MemberID, a.MemberAssignment = m.MemberID, encoded
		req.GroupAssignment = append(req.GroupAssignment, a)
	}
	return urls, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// assign calls Assign, whose panic must not end the worker.
func (l *loop) assign(ctx context.Context, round cluster.Round) (grants map[string]cluster.Grant, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return l.cfg.Assign(ctx, round)
}

func (l *loop) synced(resp *kmsg.SyncGroupResponse, err error, round cluster.Round, urls map[string]string) error {
	const doing = "syncing group"
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if errors.Is(err, kerr.RebalanceInProgress) { // somebody came or went meanwhile
		l.beat.stop()
		l.phase, l.retryAt, l.lastContact = outside, time.Time{}, time.Now()
		return nil
	}
	var grant cluster.Grant
	if err == nil {
		grant, err = DecodeAssignment(resp.MemberAssignment)
	}
	if err != nil {
		return l.fail(doing, err)
	}
	l.install(grant, round, urls)
	return nil
}

func (l *loop) heartbeat(now time.Time) {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.Generation, req.MemberID, req.InstanceID = l.cfg.GroupID, l.generation, l.memberID, l.instance()
	// Several attempts have to fit into a session; one that is answered after its end is of no use.
	timeout := max(l.cfg.HeartbeatInterval, l.cfg.SessionTimeout/3)
	if left := l.lastContact.Add(l.cfg.SessionTimeout).Sub(now); left > 0 {
		timeout = min(timeout, left)
	}
	l.start(&l.beat, timeout, func(ctx context.Context) func() error {
		resp, err := req.RequestWith(ctx, l.cfg.Client)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		return func() error { return l.beaten(err) }
	})
}

// beaten handles the answer to a heartbeat (AbstractCoordinator.HeartbeatResponseHandler).
func (l *loop) beaten(err error) error {
	now := time.Now()
	l.beatAt = now.Add(l.cfg.HeartbeatInterval)
	if l.beatAgain {
		l.beatAt, l.beatAgain = now, false
	}
	switch {
	case err == nil, errors.Is(err, kerr.RebalanceInProgress):
		l.lastContact, l.attempts = now, 0
		if err != nil && l.phase == stable && l.rejoin == "" {
			l.rejoin = "the group is rebalancing"
		}
		return nil
	case errors.Is(err, kerr.GroupAuthorizationFailed), l.closed(err):
		return l.fail("heartbeating in group", err)
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.FencedInstanceID):
		if l.phase == joining || l.phase == quitting {
			// The answer to JoinGroup is on its way and tells more; who is leaving does not care.
			return nil
		}
		l.op.stop() // a sync under way is for the same lost generation
		l.rejoin = "heartbeat: " + err.Error()
		return l.fail("heartbeating in group", err)
	}
	// The coordinator is away or moving: the session may still be alive, and its end is watched by advance.
	l.attempts++
	pause := l.cfg.Backoff(l.attempts)
	l.log.Warn("heartbeating in group failed, trying again", "error", err, "attempt", l.attempts, "pause", pause)
	l.beatAt = now.Add(min(pause, l.cfg.HeartbeatInterval))
	return nil
}

func (l *loop) sayGoodbye() {
	id, reason, d := l.memberID, l.farewell, l.departure(l.memberID)
	if id == "" {
		l.stepOut()
		return
	}
	l.beat.stop()
	l.phase, l.memberID, l.goodbye = leaving, "", id
	l.start(&l.op, l.cfg.SessionTimeout, func(ctx context.Context) func() error {
		err := l.sendLeave(ctx, d, reason)
		return func() error {
			if err != nil {
				l.log.Warn("leaving the group failed, its session will time out", "error", err)
			}
			l.stepOut()
			return nil
		}
	})
}

// departure is what to tell of a leave under the member id; only the id if it is none of the last completed round.
func (l *loop) departure(id string) Departure {
	if l.last.MemberID != id {
		return Departure{MemberID: id}
	}
	return l.last
}

// sendLeave tells whoever wants to know, and the coordinator.
func (l *loop) sendLeave(ctx context.Context, d Departure, reason string) error {
	id := d.MemberID
	if l.cfg.Depart != nil && (d.IsLeader || d.LeaderURL != "") {
		if left := l.cfg.Depart(ctx, d); left != nil {
			defer left(ctx)
		}
	}
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = l.cfg.GroupID, id
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID, m.InstanceID, m.Reason = id, l.instance(), &reason
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(ctx, l.cfg.Client)
	if err != nil {
		return fmt.Errorf("leaving group %q: %w", l.cfg.GroupID, err)
	}
	err = kerr.ErrorForCode(resp.ErrorCode)
	for _, answered := range resp.Members {
		err = errors.Join(err, kerr.ErrorForCode(answered.ErrorCode))
	}
	if err != nil && !errors.Is(err, kerr.UnknownMemberID) { // then it is out already
		return fmt.Errorf("leaving group %q: %w", l.cfg.GroupID, err)
	}
	return nil
}
