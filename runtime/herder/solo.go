package herder

import (
	"context"
	"sync"

	"github.com/connectd/connectd/runtime/cluster"
)

// Solo is the membership of a worker without a group (standalone mode): it leads, and has everything that the config holds. Each
// Rejoin is a new generation. Methods may be called from any goroutine and do not block.
type Solo struct {
	snapshot func() *cluster.Snapshot
	url      string
	changes  chan cluster.MembershipChange
	wake     chan struct{}

	mu   sync.Mutex
	left bool
}

// NewSolo makes the membership of a worker whose REST address is url.
func NewSolo(url string, snapshot func() *cluster.Snapshot) *Solo {
	s := &Solo{snapshot: snapshot, url: url, changes: make(chan cluster.MembershipChange), wake: make(chan struct{}, 1)}
	s.poke()
	return s
}

func (s *Solo) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Rejoin makes a new generation.
func (s *Solo) Rejoin(string) {
	s.mu.Lock()
	s.left = false
	s.mu.Unlock()
	s.poke()
}

// Leave gives up everything until Rejoin.
func (s *Solo) Leave(string) {
	s.mu.Lock()
	s.left = true
	s.mu.Unlock()
	s.poke()
}

// Ready has nothing to wait for: nobody else could take the work over.
func (s *Solo) Ready(int64) {}

// Changes is where generations come out.
func (s *Solo) Changes() <-chan cluster.MembershipChange { return s.changes }

// Run hands out generations until ctx is done.
func (s *Solo) Run(ctx context.Context) error {
	for generation := int32(1); ; generation++ {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
		s.mu.Lock()
		left := s.left
		s.mu.Unlock()
		var change cluster.MembershipChange = s.round(generation)
		if left {
			change = cluster.Left{Generation: generation, Reason: "asked to leave"}
		}
		select {
		case <-ctx.Done():
			return nil
		case s.changes <- change:
		}
	}
}

func (s *Solo) round(generation int32) cluster.Joined {
	snap := s.snapshot()
	j := cluster.Joined{Generation: generation, MemberID: "solo", LeaderID: "solo", LeaderURL: s.url, IsLeader: true, ConfigOffset: snap.Offset}
	for _, name := range snap.Names() {
		j.Held.Connectors = append(j.Held.Connectors, name)
		j.Held.Tasks = append(j.Held.Tasks, snap.TaskIDs(name)...)
	}
	return j
}
