package sim

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

func TestFollowersSendChangesToTheLeader(t *testing.T) {
	inBed(t, func(b *bed) {
		leader, followers := b.three()
		for _, f := range followers {
			_, err := b.ask(f, source("c", 2))
			if e, ok := errors.AsType[*cluster.NotLeader](err); !ok || e.URL != leader.url() {
				t.Errorf("%s answers %v", f.name, err)
			}
		}
		b.must(source("c", 4))
		b.must(sink("s", 3))
		b.awaitQuiet(time.Minute)
		b.audit()
	})
}

func TestKilledWorkersTasksRunElsewhereAfterTheDelay(t *testing.T) {
	inBed(t, func(b *bed) {
		_, followers := b.three()
		b.must(source("c", 6))
		b.must(sink("s", 3))
		b.awaitQuiet(time.Minute)
		followers[0].kill()
		took := b.awaitQuiet(2 * time.Minute)
		if took < rebalanceDelay {
			t.Errorf("its work was given away after %s, before the delay", took)
		}
		b.start(followers[0].name)
		b.awaitMembers()
		b.await("the returned worker gets work", time.Minute, func() string {
			if b.load()[followers[0].name] == 0 {
				return "it has none"
			}
			return ""
		})
		b.awaitQuiet(time.Minute)
		b.audit()
	})
}

func TestKilledLeader(t *testing.T) {
	inBed(t, func(b *bed) {
		leader, _ := b.three()
		b.must(source("c", 6))
		b.must(sink("s", 3))
		b.awaitQuiet(time.Minute)
		leader.kill()
		b.awaitQuiet(2 * time.Minute)
		b.must(source("d", 2))
		b.awaitQuiet(time.Minute)
		b.audit()
	})
}

func TestOrderlyLeaveHandsOverAtOnce(t *testing.T) {
	for _, leads := range []bool{false, true} {
		t.Run(fmt.Sprintf("the leader leaves: %v", leads), func(t *testing.T) {
			inBed(t, func(b *bed) {
				n, followers := b.three()
				if !leads {
					n = followers[0]
				}
				b.must(source("c", 6))
				b.must(sink("s", 3))
				b.awaitQuiet(time.Minute)
				n.leave()
				if took := b.awaitQuiet(2 * time.Minute); took > time.Second {
					t.Errorf("handing over took %v", took)
				}
				id := connect.TaskID{Connector: "c", Task: 0}
				if n := b.begun(id); n > 2 {
					t.Errorf("task %s was started %d times", id, n)
				}
				b.audit()
			})
		})
	}
}
