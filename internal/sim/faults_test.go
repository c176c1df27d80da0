package sim

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder/core"
	"github.com/connectd/connectd/runtime/store"
)

// refuse makes the brokers drop all requests of a kind for a while, as if they were away.
func (b *bed) refuse(key kmsg.Key, span time.Duration) {
	b.event("no " + key.Name() + " for " + span.String())
	until := time.Now().Add(span)
	if key == kmsg.Heartbeat || key == kmsg.JoinGroup || key == kmsg.SyncGroup || key == kmsg.FindCoordinator {
		b.outOfTouch(until)
	}
	b.kafka.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		if time.Now().After(until) {
			return nil, nil, false
		}
		b.kafka.KeepControl()
		return nil, errors.New("refused"), true
	})
}

func TestBrokersRefuseForAWhile(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.Fetch, kmsg.OffsetCommit, kmsg.ListOffsets, kmsg.Metadata} {
		t.Run(key.Name(), func(t *testing.T) {
			inBed(t, func(b *bed) {
				b.three()
				b.must(source("c", 4))
				b.must(sink("s", 3))
				b.awaitQuiet(time.Minute)
				b.refuse(key, 20*time.Second)
				time.Sleep(5 * time.Second)
				b.must(core.SetTarget{Name: "c", State: cluster.Paused})
				b.must(source("d", 3))
				b.must(core.SetTarget{Name: "c", State: cluster.Started})
				b.awaitQuiet(10 * time.Minute)
				b.audit()
			})
		})
	}
}

func TestRequestsWhileTheGroupCannotAnswer(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.FindCoordinator} {
		t.Run(key.Name(), func(t *testing.T) {
			inBed(t, func(b *bed) {
				b.three()
				b.must(source("c", 4))
				b.must(sink("s", 3))
				b.awaitQuiet(time.Minute)
				b.refuse(key, 30*time.Second)
				b.must(source("d", 3))
				b.must(core.Delete{Name: "c"})
				b.awaitQuiet(10 * time.Minute)
			})
		})
	}
}

func TestCoordinatorAndPartitionsMove(t *testing.T) {
	inBed(t, func(b *bed) {
		b.three()
		b.must(source("c", 4))
		b.must(sink("s", 3))
		b.awaitQuiet(time.Minute)
		for range 5 {
			b.kafka.RehashCoordinators()
			b.kafka.ShufflePartitionLeaders()
			b.must(core.RestartAll{RestartRequest: cluster.RestartRequest{Connector: "c", IncludeTasks: true}})
			time.Sleep(7 * time.Second)
		}
		b.awaitQuiet(3 * time.Minute)
		b.audit()
	})
}

// TestCutOffWorkerGivesItsWorkUp before others begin it, and comes back.
func TestCutOffWorkerGivesItsWorkUp(t *testing.T) {
	inBed(t, func(b *bed) {
		leader, followers := b.three()
		b.must(source("c", 6))
		b.must(sink("s", 3))
		b.awaitQuiet(time.Minute)
		for _, n := range []*node{followers[0], leader} {
			n.unplug(true)
			b.await("its work runs elsewhere", 3*time.Minute, func() string {
				if b.load()[n.name] > 0 {
					return "it still runs"
				}
				return b.versions("c", 6, "")
			})
			n.unplug(false)
			b.awaitMembers()
			b.awaitQuiet(3 * time.Minute)
		}
		b.audit()
	})
}

// TestLeaderDiesBetweenTaskConfigsAndCommit: what it wrote is worth nothing without the commit record.
func TestLeaderDiesBetweenTaskConfigsAndCommit(t *testing.T) {
	inBed(t, func(b *bed) {
		leader, _ := b.three()
		b.must(source("c", 3, "version", "1"))
		b.awaitQuiet(time.Minute)
		records, err := store.AppendRecords(nil, cluster.PutTasks{Connector: "c", Tasks: []config.Props{{"share": "0"}, {"share": "1"}}})
		if err != nil || len(records) != 3 {
			t.Fatal(records, err)
		}
		cl, err := kgo.NewClient(kgo.SeedBrokers("localhost:9001"), kgo.Dialer(b.net.DialContext), kgo.DefaultProduceTopic("configs"))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		for _, r := range records[:2] {
			if err := cl.ProduceSync(context.Background(), &kgo.Record{Key: r.Key, Value: r.Value}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		leader.kill()
		b.awaitQuiet(3 * time.Minute)
		if p := b.versions("c", 3, "1"); p != "" {
			t.Error(p)
		}
		b.start("w4:1") // reads the torn write from the topic
		b.awaitMembers()
		b.must(source("c", 4, "version", "2"))
		b.await("version 2", time.Minute, func() string { return b.versions("c", 4, "2") })
		b.awaitQuiet(3 * time.Minute)
		b.audit()
	})
}
