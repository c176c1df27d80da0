package sim

import (
	"flag"
	"fmt"
	"math/rand" //nolint:depguard // its seeds are those of the histories that found something
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder/core"
)

var (
	seed  = flag.Int64("seed", 3, "the first seed of TestRandomHistories")
	seeds = flag.Int("seeds", 2, "how many histories TestRandomHistories plays")
	steps = flag.Int("steps", 40, "events of a history")
	cuts  = flag.Bool("cuts", false, "also cut workers off from the network; kfake does not always bear that: each JoinGroup begins the rebalance time-out anew "+
		"(Kafka's GroupMetadataManager does not), so that two workers that ask again in turn for an answer that was lost wait for ever")
)

// TestRandomHistories plays seeded sequences of requests and failures. The ledger watches invariants 3 and 5 all the time; at the end all
// that is wanted has to run once, with statuses that say so, and every record has to be at the far end.
func TestRandomHistories(t *testing.T) {
	for i := range int64(*seeds) {
		t.Run(fmt.Sprintf("seed %d", *seed+i), func(t *testing.T) {
			inBed(t, func(b *bed) { b.history(rand.New(rand.NewSource(*seed + i))) })
		})
	}
}

func (b *bed) history(r *rand.Rand) {
	b.three()
	b.must(sink("sink", 2))
	for range *steps {
		b.randomEvent(r)
		time.Sleep(time.Duration(r.Intn(4000)) * time.Millisecond)
	}
	for _, n := range b.alive() {
		n.unplug(false)
	}
	b.event("--- the end")
	time.Sleep(20 * time.Second) // refusals are over
	for name := range b.alive()[0].config.Snapshot().Connectors {
		if name != "sink" { // it may do wrong
			b.must(source(name, 2))
		}
	}
	b.awaitQuiet(5 * time.Minute)
	b.audit()
}

func (b *bed) randomEvent(r *rand.Rand) {
	name := fmt.Sprintf("c%d", r.Intn(3))
	nodes := b.alive()
	n := nodes[r.Intn(len(nodes))]
	var req core.Request
	switch r.Intn(24) {
	case 0, 1, 2, 3:
		req = source(name, 1+r.Intn(4), "version", fmt.Sprint(r.Intn(3)))
	case 4:
		req = core.Delete{Name: name}
	case 5:
		req = core.SetTarget{Name: name, State: cluster.Paused}
	case 6, 7, 8:
		req = core.SetTarget{Name: name, State: cluster.Started}
	case 9:
		req = core.SetTarget{Name: name, State: cluster.Stopped}
	case 10:
		req = core.RestartConnector{Name: name}
	case 11:
		req = core.RestartTask{ID: task(name, int32(r.Intn(3)))}
	case 12:
		req = core.RestartAll{RestartRequest: cluster.RestartRequest{Connector: name, IncludeTasks: true}}
	case 13:
		req = source(name, 1+r.Intn(3), []string{"on.start", "on.configs", "on.poll", "on.stop"}[r.Intn(4)], []string{"hang", "fail", "panic"}[r.Intn(3)])
	case 14:
		if len(nodes) > 1 {
			n.kill()
		}
	case 15:
		if len(nodes) > 1 {
			n.leave()
		}
	case 16, 17, 18:
		for _, name := range []string{"w1:1", "w2:1", "w3:1"} {
			if b.byURL("http://"+name+"/") == nil {
				b.event("start " + name)
				b.start(name)
				break
			}
		}
	case 19:
		b.kafka.RehashCoordinators()
	case 20:
		b.kafka.ShufflePartitionLeaders()
	case 21:
		keys := []kmsg.Key{kmsg.Produce, kmsg.Fetch, kmsg.OffsetCommit, kmsg.Heartbeat, kmsg.JoinGroup}
		b.refuse(keys[r.Intn(len(keys))], time.Duration(r.Intn(15))*time.Second)
	case 22:
		if *cuts {
			n.unplug(true)
		}
	case 23:
		n.unplug(false)
	}
	if req != nil {
		go func() { _, _ = b.ask(n, req) }() // what comes of it is told by the config
	}
}
