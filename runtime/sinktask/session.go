package sinktask

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/pipeline"
)

// leaveTimeout is how long the client may take to leave the group by itself, and then quitTimeout how long it takes without it.
const (
	leaveTimeout = 2 * time.Second
	quitTimeout  = time.Second
)

type requestKind uint8

const (
	assigned requestKind = iota
	revoked
	lost
)

// request is what a callback of the consumer group wants of the loop.
type request struct {
	kind  requestKind
	parts []connect.TopicPartition
	done  chan struct{}
}

// session is one membership in the group: a client and its fetcher. A task that left the group because it was too slow joins with a
// new one.
type session struct {
	client *kgo.Client
	// What the user allows to fetch, and what is asked for now, in bytes; the loop's own.
	fetchMax, fetchPartitionMax, fetchNow int32
	fetched                               *fetched

	ctl      *control
	requests chan *request
	polls    chan context.Context
	results  chan kgo.Fetches
	fetcher  sync.WaitGroup

	// dead is closed when the loop answers no more: callbacks return at once, and nothing may be committed.
	dead    chan struct{}
	once    sync.Once
	closing atomic.Bool   // the client's Close does not bear two callers
	closed  chan struct{} // it has come back

	refused atomic.Pointer[error] // brokers do not let the client in

	group  string
	cancel context.CancelFunc // ends the client's requests

	mu sync.Mutex
	// begun holds the partitions whose first offset is settled: from then on Seek goes through SetOffsets.
	begun map[connect.TopicPartition]beginning
}

// beginning is where the reading of a partition began.
type beginning struct {
	offset int64 // -1: by auto.offset.reset
	sought bool  // the offset is one the task asked for
}

func (t *Task) newSession() (*session, error) {
	s := &session{
		ctl: t.ctl, requests: make(chan *request), polls: make(chan context.Context), results: make(chan kgo.Fetches, 1),
		dead: make(chan struct{}), closed: make(chan struct{}), begun: map[connect.TopicPartition]beginning{}, group: t.cfg.Group, fetched: &fetched{mem: t.mem},
	}
	opts := []kgo.Opt{
		// Java's default assignors, in its order.
		kgo.Balancers(kgo.RangeBalancer(), kgo.CooperativeStickyBalancer()),
	}
	opts = append(opts, t.cfg.Consumer...)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	opts = append(opts, kgo.WithContext(ctx),
		kgo.WithHooks(&t.live, &pipeline.Logins{Judge: t.cfg.LoginRefused, Fail: s.refuse}),
		kgo.ConsumerGroup(t.cfg.Group),
		kgo.RebalanceTimeout(t.cfg.MaxPollInterval),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(s.callback(assigned)),
		kgo.OnPartitionsRevoked(s.callback(revoked)),
		kgo.OnPartitionsLost(s.callback(lost)),
		kgo.AdjustFetchOffsetsFn(s.adjust),
		kgo.WithHooks(s.fetched),
	)
	if t.cfg.TopicsRegex != "" {
		re := "^(?:" + t.cfg.TopicsRegex + ")$"
		if _, err := regexp.Compile(re); err != nil {
			return nil, fmt.Errorf("topics.regex: %w", err)
		}
		opts = append(opts, kgo.ConsumeRegex(), kgo.ConsumeTopics(re))
	} else {
		opts = append(opts, kgo.ConsumeTopics(t.cfg.Topics...))
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("making the consumer: %w", err)
	}
	s.client = cl
	s.fetchMax, _ = cl.OptValue(kgo.FetchMaxBytes).(int32)
	s.fetchPartitionMax, _ = cl.OptValue(kgo.FetchMaxPartitionBytes).(int32)
	t.limitFetches(s)
	s.fetcher.Go(func() {
		for ctx := range s.polls {
			s.results <- cl.PollRecords(ctx, t.cfg.MaxPollRecords)
		}
	})
	return s, nil
}

// refuse is told that brokers do not let the client in.
func (s *session) refuse(err error) {
	s.refused.Store(&err)
	select {
	case s.ctl.wake <- struct{}{}:
	default:
	}
}

// callback hands a change of the assignment to the loop and waits for its answer.
func (s *session) callback(kind requestKind) func(context.Context, *kgo.Client, map[string][]int32) {
	return func(_ context.Context, _ *kgo.Client, m map[string][]int32) {
		parts := partitionsOf(m)
		if len(parts) == 0 {
			return
		}
		r := &request{kind: kind, parts: parts, done: make(chan struct{})}
		select {
		case s.requests <- r:
		case <-s.dead:
			return
		}
		select {
		case <-r.done:
		case <-s.dead:
		}
	}
}

// adjust is called after the loop has opened new partitions and before their first fetch: here Seek from Open takes effect.
func (s *session) adjust(_ context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, ps := range offsets {
		for p, o := range ps {
			tp := connect.TopicPartition{Topic: topic, Partition: p}
			at := beginning{offset: o.EpochOffset().Offset}
			if to, ok := s.ctl.seekOf(tp); ok {
				// The request stays until the loop sees it done: the client may ask again when a request of its own failed.
				at = beginning{to, true}
				ps[p] = kgo.NewOffset().At(to)
			}
			s.begun[tp] = at
		}
	}
	return offsets, nil
}

// beginning tells where reading tp has begun; false: not yet.
func (s *session) beginning(tp connect.TopicPartition) (beginning, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.begun[tp]
	return b, ok
}

func (s *session) forget(parts []connect.TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tp := range parts {
		delete(s.begun, tp)
	}
}

// retire makes callbacks return at once; false if it was dead before.
func (s *session) retire() (first bool) {
	s.once.Do(func() { close(s.dead); first = true })
	return first
}

func (s *session) isDead() bool {
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}

// leave takes the member out of its group from another goroutine than the loop, which is busy in the task.
func (s *session) leave() {
	if s.retire() {
		s.client.AllowRebalance()
		_ = s.client.LeaveGroupContext(nil) //nolint:staticcheck // nil asks kgo not to wait
	}
}

// close leaves the group and ends client and fetcher. Only the loop calls it.
func (s *session) close() {
	s.retire()
	close(s.polls)
	s.closeClient()
	s.fetcher.Wait()
	// A poll that came back while the client was leaving counts as under way again, and the client's goroutine that leaves would wait for
	// its end for ever.
	s.client.AllowRebalance()
}

// quit leaves the group in the client's place: while it waits for the group to let it in, which takes as long as the slowest member does,
// it neither leaves nor closes. Static members stay.
func (s *session) quit() {
	if id, _ := s.client.OptValue(kgo.InstanceID).(string); id == "" {
		ctx, cancel := context.WithTimeout(context.Background(), quitTimeout)
		defer cancel()
		req := kmsg.NewPtrLeaveGroupRequest()
		req.Group = s.group
		req.MemberID, _ = s.client.GroupMetadata()
		m := kmsg.NewLeaveGroupRequestMember()
		m.MemberID = req.MemberID
		req.Members = append(req.Members, m)
		if req.MemberID != "" {
			_, _ = req.RequestWith(ctx, s.client) // at worst the session times out
		}
	}
	s.cancel()
}

// closeClient leaves the group and ends the client, once; a second caller waits for the first.
func (s *session) closeClient() {
	if s.closing.Swap(true) {
		<-s.closed // no sync.Once: waiting for one stops the virtual time of tests
		return
	}
	s.client.AllowRebalance()
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_ = s.client.LeaveGroupContext(ctx)
	if ctx.Err() != nil {
		s.quit()
	}
	s.client.CloseAllowingRebalance()
	s.cancel()
	close(s.closed)
}

// fetchError sorts the errors of a poll: fatal ones, which trying again cannot mend, and others, which the client retries.
func fetchError(topic string, partition int32, err error) (failure error, ignore bool) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil, true
	case errors.Is(err, kgo.ErrClientClosed):
	case isFatal(err):
	default:
		return nil, false
	}
	if topic == "" {
		return fmt.Errorf("consuming: %w", err), false
	}
	return fmt.Errorf("consuming topic %q, partition %d: %w", topic, partition, err), false
}

func isFatal(err error) bool {
	for _, f := range []error{kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.SaslAuthenticationFailed, kerr.OffsetOutOfRange, kerr.InvalidGroupID, kerr.FencedInstanceID, kerr.InvalidTopicException,
		kerr.InconsistentGroupProtocol} {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}

func partitionsOf(m map[string][]int32) []connect.TopicPartition {
	var out []connect.TopicPartition
	for topic, ps := range m {
		for _, p := range ps {
			out = append(out, connect.TopicPartition{Topic: topic, Partition: p})
		}
	}
	sortPartitions(out)
	return out
}

func comparePartitions(a, b connect.TopicPartition) int {
	if c := strings.Compare(a.Topic, b.Topic); c != 0 {
		return c
	}
	return int(a.Partition) - int(b.Partition)
}
