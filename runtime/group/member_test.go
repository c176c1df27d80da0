package group

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

func TestLeaverTellsTheLeaderAndItsWorkMovesAtOnce(t *testing.T) {
	for _, leads := range []bool{false, true} {
		t.Run(fmt.Sprintf("the leader leaves: %v", leads), func(t *testing.T) {
			inBed(t, func(b *bed) {
				b.handOver = true
				for _, name := range []string{"w1", "w2", "w3"} {
					b.start(name)
				}
				b.awaitLoad(3*time.Minute, 2, 2, 3)
				b.await("all is quiet", time.Minute, func() bool { return b.workers["w1"].joined().Grant.Delay == 0 })
				time.Sleep(10 * time.Second)
				for _, w := range b.workers {
					if w.joined().IsLeader == leads {
						w.stop()
						break
					}
				}
				if took := b.awaitLoad(time.Minute, 3, 4); took > 100*time.Millisecond {
					t.Errorf("handing over took %v", took)
				}
			})
		})
	}
}

func TestThreeMembersShareTheWork(t *testing.T) {
	inBed(t, func(b *bed) {
		w1 := b.start("w1")
		b.awaitLoad(10*time.Second, 7) // the connector and its 6 tasks
		b.start("w2")
		b.start("w3")
		b.awaitLoad(time.Minute, 2, 2, 3)
		j := w1.joined()
		if !j.IsLeader || j.LeaderURL != "http://w1/" || len(j.Members) != 3 || j.Members[j.MemberID] != "http://w1/" {
			t.Errorf("the leader was told %+v", j)
		}
		if j := b.workers["w2"].joined(); j.IsLeader || j.Members != nil || j.LeaderURL != "http://w1/" || j.Generation != w1.joined().Generation {
			t.Errorf("a follower was told %+v", j)
		}
	})
}

// three starts three workers that share the work.
func (b *bed) three(configure ...func(*Config)) (w1, w2, w3 *worker) {
	b.Helper()
	w1 = b.start("w1", configure...)
	b.awaitLoad(10*time.Second, 7)
	w2, w3 = b.start("w2", configure...), b.start("w3", configure...)
	b.awaitLoad(time.Minute, 2, 2, 3)
	b.await("nothing more to do", 2*time.Minute, func() bool { return w1.joined().Grant.Delay == 0 && w1.joined().Grant.Revoked.Empty() })
	return w1, w2, w3
}

func (b *bed) workOf(name string) []connect.TaskID {
	b.mu.Lock()
	defer b.mu.Unlock()
	var items []connect.TaskID
	for id, on := range b.running {
		if on == name {
			items = append(items, id)
		}
	}
	return items
}

func TestWorkOfAKilledMemberWaitsForTheDelay(t *testing.T) {
	inBed(t, func(b *bed) {
		w1, w2, w3 := b.three()
		before := len(b.workOf("w2"))
		w3.kill()
		if took := b.awaitLoad(5*time.Minute, 3, 4); took < b.maxDelay {
			t.Errorf("the work was taken over after %v, before the delay of %v was over", took, b.maxDelay)
		}
		if w1.count("left") > 0 || w2.count("left") > 0 || len(b.workOf("w2")) < before {
			t.Errorf("the others were disturbed: %v %v", w1.log, w2.log)
		}
	})
}

func TestKilledMemberThatReturnsInTimeFindsItsWork(t *testing.T) {
	inBed(t, func(b *bed) {
		w1, w2, w3 := b.three()
		own := [][]connect.TaskID{b.workOf("w1"), b.workOf("w2")}
		had := len(b.workOf("w3"))
		w3.kill()
		b.await("the delay runs", time.Minute, func() bool { return w1.joined().Grant.Delay > 0 })
		b.start("w3b")
		b.await("w3b has the work of w3", 2*time.Minute, func() bool { return len(b.workOf("w3b")) == had })
		for i, w := range []*worker{w1, w2} {
			now := b.workOf(w.name)
			for _, id := range own[i] {
				if !slices.Contains(now, id) {
					t.Errorf("%s lost %v", w.name, id)
				}
			}
		}
	})
}

func TestNewLeaderTakesOverWithoutDelay(t *testing.T) {
	inBed(t, func(b *bed) {
		w1, _, _ := b.three()
		w1.kill()
		if took := b.awaitLoad(5*time.Minute, 3, 4); took > 20*time.Second {
			t.Errorf("it took %v, the session time-out is 10 s", took)
		}
	})
}

func TestMemberThatLeavesInOrderHandsOverAtOnce(t *testing.T) {
	inBed(t, func(b *bed) {
		w1, _, w3 := b.three()
		w1.mu.Lock()
		w1.state = w1.state.Depart(w3.joined().MemberID) // how the leader comes to know is not this package's business
		w1.mu.Unlock()
		w3.stop()
		if took := b.awaitLoad(5*time.Minute, 3, 4); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestLeaveTellsTheCoordinatorAtOnce(t *testing.T) {
	inBed(t, func(b *bed) {
		_, w2, w3 := b.three()
		w3.member.Leave("config log lags")
		generation := w2.joined().Generation
		if took := b.await("the others rebalance", time.Minute, func() bool { return w2.joined().Generation > generation }); took > 4*time.Second {
			t.Errorf("the others rebalanced after %v, a heartbeat interval is 3 s", took)
		}
		if n := w3.count("left: config log lags"); n != 1 || len(b.workOf("w3")) != 0 {
			t.Errorf("told %d times of leaving, and runs %v", n, b.workOf("w3"))
		}
		time.Sleep(2 * b.maxDelay)
		b.await("w3 has no work", 0, func() bool { return len(b.workOf("w3")) == 0 })
		w3.member.Rejoin("caught up")
		b.awaitLoad(3*time.Minute, 2, 2, 3)
	})
}

func TestLeaveAndShutdownInOneGoStillLeaves(t *testing.T) {
	inBed(t, func(b *bed) {
		w1, _, w3 := b.three()
		generation := w1.joined().Generation
		w3.member.Leave("shutdown")
		w3.stop()
		if took := b.await("the others rebalance", time.Minute, func() bool { return w1.joined().Generation > generation }); took > 4*time.Second {
			t.Errorf("the others rebalanced after %v: nobody told the coordinator", took)
		}
	})
}

func TestNewTasksAreAssignedAfterRejoin(t *testing.T) {
	inBed(t, func(b *bed) {
		_, w2, _ := b.three()
		b.configure(9)
		w2.member.Rejoin("connector c has new tasks") // also a follower can start a round
		b.awaitLoad(time.Minute, 3, 3, 4)
		b.configure(2)
		w2.member.Rejoin("connector c has fewer tasks")
		b.awaitLoad(2*time.Minute, 1, 1, 1)
	})
}

func TestRevokedWorkMovesOnlyWhenItHasStopped(t *testing.T) {
	inBed(t, func(b *bed) {
		w1 := b.start("w1")
		b.awaitLoad(10*time.Second, 7)
		w1.set(0, true) // nothing is stopped as far as the member knows
		b.start("w2")
		b.await("w1 has to give up work", time.Minute, w1.mustAnswer)
		b.start("w3") // makes the group rebalance: w1 must stay out of it
		w1.member.Rejoin("another reason")
		time.Sleep(40 * time.Second) // four sessions, within the rebalance time-out
		synctest.Wait()
		if n := w1.count("joined"); n != 2 || w1.count("left") > 0 {
			t.Errorf("w1 has not stayed a quiet member: %v", w1.log)
		}
		w1.answerNow()
		b.awaitLoad(2*time.Minute, 2, 2, 3)
	})
}

func TestSlowStopsNeverLetWorkRunTwice(t *testing.T) {
	inBed(t, func(b *bed) {
		for _, name := range []string{"w1", "w2", "w3", "w4"} {
			b.start(name).set(7*time.Second, false)
			time.Sleep(5 * time.Second)
		}
		b.awaitBalance(5 * time.Minute)
		b.workers["w2"].stop()
		b.awaitBalance(5 * time.Minute)
	})
}

func TestEagerMembersStopAllBeforeTheyJoin(t *testing.T) {
	inBed(t, func(b *bed) {
		eager := func(c *Config) { c.Protocol = Eager }
		w1, _, _ := b.three(eager)
		if n, m := w1.count("revoking"), w1.count("joined"); n != m-1 {
			t.Errorf("%d stops before %d joins: %v", n, m, w1.log)
		}
		if v := w1.joined().Grant.Version; v != 0 {
			t.Errorf("version %d", v)
		}
		b.workers["w3"].kill()
		if took := b.awaitLoad(time.Minute, 3, 4); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestOneEagerMemberMakesTheGroupEager(t *testing.T) {
	inBed(t, func(b *bed) {
		w1 := b.start("w1")
		w2 := b.start("w2", func(c *Config) { c.Protocol = Compatible })
		w1.set(2*time.Second, false)
		w2.set(4*time.Second, false)
		b.awaitLoad(time.Minute, 3, 4)
		if v := w1.joined().Grant.Version; v != 1 {
			t.Errorf("with a compatible member the version is %d", v)
		}
		w3 := b.start("w3", func(c *Config) { c.Protocol = Eager })
		b.awaitLoad(time.Minute, 2, 2, 3)
		if v := w2.joined().Grant.Version; v != 0 {
			t.Errorf("with an eager member the version is %d", v)
		}
		w3.stop()
		b.await("the group is compatible again", time.Minute, func() bool { return w1.joined().Grant.Version == 1 && w2.joined().Grant.Version == 1 })
		b.awaitLoad(3*time.Minute, 3, 4)
	})
}

// TestRandomGroups lets workers come, leave and die at random. The harness checks at every start that nobody else runs the item; in the end all
// runs, balanced.
func TestRandomGroups(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBed(t, func(b *bed) {
				rnd := rand.New(rand.NewPCG(seed, 7))
				protocol := func(c *Config) { c.Protocol = Protocol(1 + rnd.IntN(2)) }
				if seed%4 == 0 {
					protocol = func(c *Config) { c.Protocol = Eager }
				}
				live := []*worker{b.start("w0", protocol)}
				for i := 1; i < 25; i++ {
					time.Sleep(time.Duration(rnd.Int64N(int64(20 * time.Second))))
					n := rnd.IntN(len(live))
					switch what := rnd.IntN(6); {
					case what < 2 || len(live) == 1:
						w := b.start(fmt.Sprint("w", i), protocol)
						live = append(live, w.set(time.Duration(rnd.Int64N(int64(5*time.Second))), false))
						continue
					case what == 2:
						live[n].kill()
					case what == 3:
						live[n].stop()
					case what == 4:
						b.configure(rnd.IntN(12))
						live[n].member.Rejoin("new tasks")
						continue
					case what == 5:
						live[n].member.Leave("pause")
						time.Sleep(time.Duration(rnd.Int64N(int64(30 * time.Second))))
						live[n].member.Rejoin("pause is over")
						continue
					}
					live = slices.Delete(live, n, n+1)
				}
				b.awaitBalance(10 * time.Minute)
			})
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	client, err := kgo.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	good := Config{
		Client: client, GroupID: "g", URL: func() string { return "" }, ConfigOffset: func() int64 { return 0 },
		Assign: func(context.Context, cluster.Round) (map[string]cluster.Grant, error) { return nil, nil },
	}
	if m, err := NewMember(good); err != nil || m.cfg.SessionTimeout != 10*time.Second || m.cfg.HeartbeatInterval != 3*time.Second || m.cfg.RebalanceTimeout != time.Minute {
		t.Errorf("%+v, %v", m, err)
	}
	for word, spoil := range map[string]func(*Config){
		"group.id":           func(c *Config) { c.GroupID = "" },
		"connect.protocol":   func(c *Config) { c.Protocol = 3 },
		"heartbeat":          func(c *Config) { c.HeartbeatInterval = 10 * time.Second },
		"session.timeout.ms": func(c *Config) { c.SessionTimeout = -1 },
		"Assign":             func(c *Config) { c.Assign = nil },
	} {
		bad := good
		spoil(&bad)
		if _, err := NewMember(bad); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: got %v", word, err)
		}
	}
}

func TestMergeKeepsOrderAndWhatIsNew(t *testing.T) {
	held := cluster.Assignment{Connectors: []string{"a", "b", "c"}}
	got := merge(held, cluster.Grant{Revoked: cluster.Assignment{Connectors: []string{"b"}}, Assigned: cluster.Assignment{Connectors: []string{"d", "a"}}})
	if want := []string{"a", "c", "d"}; !slices.Equal(got.Connectors, want) {
		t.Errorf("got %v, want %v", got.Connectors, want)
	}
	if !slices.Equal(held.Connectors, []string{"a", "b", "c"}) {
		t.Error("the held assignment was changed")
	}
}
