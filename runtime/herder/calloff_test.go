package herder

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder/core"
)

// rounds is a group whose changes the test makes.
type rounds struct{ changes chan cluster.MembershipChange }

func (rounds) Rejoin(string)                              {}
func (rounds) Leave(string)                               {}
func (rounds) Ready(int64)                                {}
func (r rounds) Changes() <-chan cluster.MembershipChange { return r.changes }

// A leader's claim waits for a broker, holding the writer as a transaction does. When the lead is lost it ends at once, and does not keep
// this worker from claiming again when it leads again.
func TestLostLeadCallsOffTheClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu    = make(chan struct{}, 1) // the writer's lock
			log   sync.Mutex
			heard []string
			away  = true // the broker
		)
		hear := func(s string) { log.Lock(); defer log.Unlock(); heard = append(heard, s) }
		topic := &topicOf{snap: &cluster.Snapshot{Connectors: map[string]*cluster.ConnectorSnapshot{}}, changes: make(chan cluster.ConfigRead)}
		group := rounds{make(chan cluster.MembershipChange)}
		h := New(Config{
			Core: core.Config{WorkerID: "w:1", Fenced: true}, Worker: idle{make(chan cluster.Report)}, Config: topic, Status: noStatus{},
			Group: group, Log: slog.New(slog.DiscardHandler), OpTimeout: 90 * time.Second, SyncTimeout: time.Second,
			Claim: func(ctx context.Context) error {
				mu <- struct{}{}
				defer func() { <-mu }()
				if away {
					<-ctx.Done()
					hear("claim ended")
					return context.Cause(ctx)
				}
				hear("claimed")
				return nil
			},
			Release: func() { mu <- struct{}{}; hear("released"); <-mu },
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- h.Run(ctx) }()
		group.changes <- cluster.Joined{Generation: 1, IsLeader: true}
		synctest.Wait()
		begin := time.Now()
		group.changes <- cluster.Left{Generation: 1}
		synctest.Wait()
		away = false
		group.changes <- cluster.Joined{Generation: 2, IsLeader: true}
		time.Sleep(time.Second)
		synctest.Wait()
		took := time.Since(begin)
		cancel()
		<-ended
		log.Lock()
		defer log.Unlock()
		if want := []string{"claim ended", "released", "claimed"}; !slices.Equal(heard, want) {
			t.Errorf("%v after losing the lead: %q, want %q", took, heard, want)
		}
	})
}
