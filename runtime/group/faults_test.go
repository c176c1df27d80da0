package group

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

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
	inBed(t, func(b *bed) {
		static := func(id string) func(*Config) { return func(c *Config) { c.InstanceID = id } }
		w1 := b.start("w1", static("a"))
		w2 := b.start("w2", static("b"))
		b.awaitLoad(time.Minute, 3, 4)
		b.await("all is quiet", time.Minute, func() bool { return w1.joined().Grant.Delay == 0 })
		left := 0
		b.kafka.ControlKey(int16(kmsg.LeaveGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
			left++
			b.kafka.KeepControl()
			return nil, nil, false
		})
		own := b.workOf("w1")
		w2.stop()
		if left != 0 {
			t.Error("a static member left when its worker stopped")
		}
		time.Sleep(2 * time.Second)
		b.start("w2b", static("b"))
		b.awaitLoad(3*time.Minute, 3, 4) // which of the two has 4 is open
		for _, id := range own {
			if !slices.Contains(b.workOf("w1"), id) {
				t.Errorf("w1 lost %v", id)
			}
		}
	})
}

func TestFencedStaticMemberGivesUpItsWork(t *testing.T) {
	inBed(t, func(b *bed) {
		w1 := b.start("w1", func(c *Config) { c.InstanceID = "a" })
		b.awaitLoad(time.Minute, 7)
		b.kafka.ControlKey(int16(kmsg.Heartbeat), func(req kmsg.Request) (kmsg.Response, error, bool) {
			return code(req, kerr.FencedInstanceID), nil, true
		})
		b.awaitLoad(time.Minute, 0)
		if w1.count("left: another member with group.instance.id a") != 1 {
			t.Errorf("told %v", w1.log)
		}
		if took := b.awaitLoad(3*time.Minute, 7); took < 9*time.Second {
			t.Errorf("it came back after %v, which would only fence the other one", took)
		}
	})
}
