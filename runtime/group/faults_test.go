package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// code makes an answer with an error code to any group request.
func code(req kmsg.Request, e *kerr.Error) kmsg.Response {
	resp := req.ResponseKind()
	switch r := resp.(type) {
	case *kmsg.JoinGroupResponse:
		r.ErrorCode = e.Code
	case *kmsg.SyncGroupResponse:
		r.ErrorCode = e.Code
	case *kmsg.HeartbeatResponse:
		r.ErrorCode = e.Code
	}
	return resp
}

// TestCoordinatorFaults: each error once to one member; the group recovers, and the work goes on undisturbed.
func TestCoordinatorFaults(t *testing.T) {
	for _, c := range []struct {
		key kmsg.Key
		err *kerr.Error
	}{
		{kmsg.Heartbeat, kerr.UnknownMemberID},
		{kmsg.Heartbeat, kerr.IllegalGeneration},
		{kmsg.Heartbeat, kerr.RebalanceInProgress},
		{kmsg.Heartbeat, kerr.NotCoordinator},
		{kmsg.Heartbeat, kerr.CoordinatorNotAvailable},
		{kmsg.Heartbeat, kerr.UnknownServerError},
		{kmsg.JoinGroup, kerr.CoordinatorLoadInProgress},
		{kmsg.JoinGroup, kerr.UnknownMemberID},
		{kmsg.JoinGroup, kerr.RebalanceInProgress},
		{kmsg.SyncGroup, kerr.RebalanceInProgress},
		{kmsg.SyncGroup, kerr.UnknownMemberID},
		{kmsg.SyncGroup, kerr.IllegalGeneration},
		{kmsg.SyncGroup, kerr.CoordinatorNotAvailable},
	} {
		t.Run(c.key.Name()+" "+c.err.Message, func(t *testing.T) {
			inBed(t, func(b *bed) {
				w1, w2, _ := b.three()
				met := false
				b.kafka.ControlKey(int16(c.key), func(req kmsg.Request) (kmsg.Response, error, bool) {
					met = true
					return code(req, c.err), nil, true
				})
				b.configure(8)
				w2.member.Rejoin("new tasks")
				// UNKNOWN_MEMBER_ID leaves the old id behind, and the group waits until that has lost its session.
				b.awaitBalance(4 * time.Minute)
				time.Sleep(30 * time.Second) // the first heartbeat may come after that
				b.awaitBalance(4 * time.Minute)
				if !met {
					t.Error("the fault was not met")
				}
				if w1.count("left")+w2.count("left")+b.workers["w3"].count("left") > 0 {
					t.Error("a member gave up its work")
				}
			})
		})
	}
}

func TestMalformedAssignmentIsAskedForAgain(t *testing.T) {
	inBed(t, func(b *bed) {
		b.kafka.ControlKey(int16(kmsg.SyncGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
			resp := req.ResponseKind().(*kmsg.SyncGroupResponse)
			resp.MemberAssignment = []byte{0, 2, 0}
			return resp, nil, true
		})
		b.start("w1")
		b.awaitLoad(time.Minute, 7)
	})
}

func TestMemberWithoutCoordinatorGivesUpItsWorkAfterTheSession(t *testing.T) {
	inBed(t, func(b *bed) {
		w1 := b.start("w1")
		b.awaitLoad(10*time.Second, 7)
		var away = true
		b.kafka.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
			b.kafka.KeepControl()
			b.mu.Lock()
			defer b.mu.Unlock()
			if !away {
				return nil, nil, false
			}
			return nil, errors.New("broker is away"), true
		})
		took := b.awaitLoad(time.Minute, 0)
		if took > 10*time.Second || took < 7*time.Second || w1.count("left: no answer") != 1 {
			t.Errorf("gave up after %v: %v", took, w1.log)
		}
		time.Sleep(time.Minute)
		b.mu.Lock()
		away = false
		b.mu.Unlock()
		b.awaitLoad(2*time.Minute, 7)
		if w1.count("left") != 1 {
			t.Errorf("told of leaving more than once: %v", w1.log)
		}
	})
}

func TestCoordinatorLostWhileJoiningIsNoticed(t *testing.T) {
	inBed(t, func(b *bed) {
		w1 := b.start("w1")
		w2 := b.start("w2")
		b.awaitLoad(time.Minute, 3, 4)
		w2.set(0, true)
		b.configure(0)
		w1.member.Rejoin("no tasks any more")
		b.await("w2 must stop work", time.Minute, w2.mustAnswer)
		b.configure(6)
		w1.member.Rejoin("tasks again") // waits for w2
		time.Sleep(30 * time.Second)
		if w1.count("left") > 0 {
			t.Fatalf("waiting for another member was taken for a lost session: %v", w1.log)
		}
		b.kafka.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
			b.kafka.KeepControl()
			return nil, nil, true // swallowed: no answer ever comes
		})
		took := b.await("w1 gives up", time.Minute, func() bool { return w1.count("left: no answer") == 1 })
		if took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestLeaderBehindMakesAllWait(t *testing.T) {
	inBed(t, func(b *bed) {
		w1 := b.start("w1")
		b.awaitLoad(10*time.Second, 7)
		w1.mu.Lock()
		w1.offset = 1 // its log no longer follows
		w1.mu.Unlock()
		w2 := b.start("w2")
		b.await("both know of the mismatch", time.Minute, func() bool {
			return w1.joined().Grant.Error == cluster.ConfigMismatch && w2.joined().Grant.Error == cluster.ConfigMismatch
		})
		if got := w2.joined().ConfigOffset; got != 2 {
			t.Errorf("the offset to read up to is %d, want 2", got)
		}
		if held := w1.joined().Held; held.Len() != 7 {
			t.Errorf("w1 holds %v: its work was to go on", held)
		}
		w1.mu.Lock()
		w1.offset = 0
		w1.mu.Unlock()
		w1.member.Rejoin("read to the end of the config log")
		b.awaitLoad(2*time.Minute, 3, 4)
	})
}

func TestFailingAssignorIsAskedAgain(t *testing.T) {
	inBed(t, func(b *bed) {
		calls := 0
		w := b.start("w1", func(c *Config) {
			good := c.Assign
			c.Assign = func(ctx context.Context, round cluster.Round) (map[string]cluster.Grant, error) {
				switch calls++; calls {
				case 1:
					return nil, errors.New("config topic is away")
				case 2:
					panic("bug")
				case 3:
					return map[string]cluster.Grant{}, nil // nobody gets anything
				}
				return good(ctx, round)
			}
		})
		b.await("the empty round", time.Minute, func() bool { return w.count("joined") == 1 })
		if calls != 3 || w.joined().Held.Len() != 0 || w.joined().LeaderURL != "http://w1/" {
			t.Errorf("after %d calls: %+v", calls, w.joined())
		}
		w.member.Rejoin("again")
		b.awaitLoad(time.Minute, 7)
	})
}

func TestRefusedMemberEndsWithTheReason(t *testing.T) {
	for e, word := range map[*kerr.Error]string{
		kerr.GroupAuthorizationFailed:  "connect-cluster",
		kerr.InconsistentGroupProtocol: "connect.protocol",
		kerr.InvalidSessionTimeout:     "session.timeout.ms",
		kerr.GroupMaxSizeReached:       "group.max.size",
	} {
		inBed(t, func(b *bed) {
			b.kafka.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
				return code(req, e), nil, true
			})
			w := b.start("w1")
			<-w.done
			if !errors.Is(w.err, e) || !strings.Contains(w.err.Error(), word) {
				t.Errorf("%s: got %v", e.Message, w.err)
			}
		})
	}
}

func TestClosedClientEndsTheMember(t *testing.T) {
	inBed(t, func(b *bed) {
		w := b.start("w1")
		b.awaitLoad(time.Minute, 7)
		w.client.Close()
		<-w.done
		if !errors.Is(w.err, kgo.ErrClientClosed) {
			t.Errorf("got %v", w.err)
		}
	})
}

func TestForeignGroupIsRefused(t *testing.T) {
	inBed(t, func(b *bed) {
		b.kafka.ControlKey(int16(kmsg.JoinGroup), func(req kmsg.Request) (kmsg.Response, error, bool) {
			resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
			typ, range_ := "consumer", "range"
			resp.ProtocolType, resp.Protocol, resp.Generation = &typ, &range_, 1
			return resp, nil, true
		})
		w := b.start("w1")
		<-w.done
		if w.err == nil || !strings.Contains(w.err.Error(), `"consumer"`) {
			t.Errorf("got %v", w.err)
		}
	})
}

func TestShutdownDoesNotWaitForTheGroup(t *testing.T) {
	inBed(t, func(b *bed) {
		w1 := b.start("w1")
		b.awaitLoad(10*time.Second, 7)
		w1.set(0, true)
		w2 := b.start("w2")
		b.await("w1 must stop work", time.Minute, w1.mustAnswer)
		w3 := b.start("w3") // its JoinGroup now waits for w1
		time.Sleep(5 * time.Second)
		for _, w := range []*worker{w3, w2, w1} {
			start := time.Now()
			w.stop()
			if took := time.Since(start); took > time.Second || w.err != nil {
				t.Errorf("%s stopped after %v with %v", w.name, took, w.err)
			}
		}
	})
}

func TestStaticMemberKeepsItsPlaceOverARestart(t *testing.T) {
	for _, leads := range []bool{false, true} {
		t.Run(fmt.Sprintf("the leader is restarted: %v", leads), func(t *testing.T) {
			inBed(t, func(b *bed) {
				static := func(id string) func(*Config) { return func(c *Config) { c.InstanceID = id } }
				names := []string{"w1", "w2", "w3"}
				for _, name := range names {
					b.start(name, static(name))
				}
				b.awaitLoad(time.Minute, 2, 2, 3)
				b.await("all is quiet", time.Minute, func() bool { return b.workers["w1"].joined().Grant.Delay == 0 })
				time.Sleep(10 * time.Second)
				left := 0
				b.kafka.ControlKey(int16(kmsg.LeaveGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
					left++
					b.kafka.KeepControl()
					return nil, nil, false
				})
				before := map[string][]connect.TaskID{}
				var gone *worker
				for _, name := range names {
					before[name] = b.workOf(name)
					if w := b.workers[name]; w.joined().IsLeader == leads {
						gone = w
					}
				}
				gone.stop()
				if left != 0 {
					t.Error("a static member left when its worker stopped")
				}
				time.Sleep(2 * time.Second)
				b.start(gone.name, static(gone.name))
				b.awaitLoad(10*time.Second, 2, 2, 3)
				time.Sleep(2 * time.Minute)
				for _, name := range names {
					if leads && name == gone.name {
						continue // kfake rebalances, other than Kafka (KIP-814), and the new leader knows nothing; test/e2e has the real broker
					}
					if now := b.workOf(name); !sameWork(before[name], now) {
						t.Errorf("%s had %v and has %v", name, before[name], now)
					}
				}
			})
		})
	}
}

// sameWork tells whether b has all of a, and no more tasks.
func sameWork(a, b []connect.TaskID) bool {
	more := 0
	for _, id := range b {
		if !slices.Contains(a, id) && id.Task != connect.ConnectorTask {
			more++
		}
	}
	return more == 0 && !slices.ContainsFunc(a, func(id connect.TaskID) bool { return !slices.Contains(b, id) })
}

func TestFencedStaticMemberEndsWithANamedError(t *testing.T) {
	inBed(t, func(b *bed) {
		w1 := b.start("w1", func(c *Config) { c.InstanceID = "a" })
		b.awaitLoad(time.Minute, 7)
		w1.forget() // until its next heartbeat it does not know that it is replaced: the protocol has no other way to tell it
		w2 := b.start("w2", func(c *Config) { c.InstanceID = "a" })
		<-w1.done
		if w1.err == nil || !errors.Is(w1.err, kerr.FencedInstanceID) || !strings.Contains(w1.err.Error(), `group.instance.id "a"`) {
			t.Errorf("the first ended with %v", w1.err)
		}
		b.awaitLoad(time.Minute, 7)
		if b.workers["w2"] != w2 || len(b.workOf("w2")) != 7 {
			t.Error("the second has not got the work")
		}
	})
}
