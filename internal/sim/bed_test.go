package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder/core"
)

// bed is a Kafka cluster with workers, all in one bubble of virtual time.
type bed struct {
	*testing.T
	net     kfake.VirtualNetwork
	kafka   *kfake.Cluster
	log     *slog.Logger
	release chan struct{} // closed at the end: what hangs lets go
	began   time.Time

	mu     sync.Mutex
	nodes  map[string]*node // that were neither killed nor left
	conns  []net.Conn
	lives  map[connect.TaskID][]*life
	starts map[connect.TaskID]int                  // instances begun
	sunk   map[string]map[connect.TopicOffset]bool // what sinks got, by connector
	done   bool                                    // sources produce nothing any more
	// quietGroup is from when on all workers know whether they are in the group. One that cannot reach the coordinator finds out when
	// its session is over, as the coordinator does, and stops its work then: for so long it may be done twice, as with Kafka Connect.
	quietGroup time.Time
	past       []string
}

// inBed runs test with a Kafka cluster of three brokers, and lets everything end afterwards.
func inBed(t *testing.T, test func(*bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bed{T: t, release: make(chan struct{}), nodes: map[string]*node{}, lives: map[connect.TaskID][]*life{},
			starts: map[connect.TaskID]int{}, sunk: map[string]map[connect.TopicOffset]bool{}, began: time.Now()}
		b.log = slog.New(slog.DiscardHandler)
		if os.Getenv("SIM_LOG") != "" {
			b.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
		}
		kafka, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.Ports(9001, 9002, 9003), kfake.ListenFn(b.net.Listen),
			kfake.SeedTopics(3, "data"))
		if err != nil {
			t.Fatal(err)
		}
		b.kafka = kafka
		if *cuts { // kfake's sleeping of requests has data races of its own
			b.delayFetches()
		}
		defer b.end()
		test(b)
	})
}

// delayFetches makes fetches take a millisecond at least. One that a broker refuses (another leads the partition) is sent again at once by the
// client, until it has new metadata: without any latency virtual time would stand still there, and the new metadata would never come.
func (b *bed) delayFetches() {
	b.kafka.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.kafka.KeepControl()
		b.kafka.SleepControl(func() { time.Sleep(time.Millisecond) })
		return nil, nil, false
	})
}

// end lets everything go; workers stop in order.
func (b *bed) end() {
	close(b.release)
	b.mu.Lock()
	nodes := slices.Collect(maps.Values(b.nodes))
	b.mu.Unlock()
	for _, n := range nodes {
		n.stop()
	}
	for _, n := range nodes {
		<-n.ended
	}
	time.Sleep(3 * time.Minute) // what was killed or abandoned comes to its end
	b.mu.Lock()
	for _, c := range b.conns {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.kafka.Close()
	if b.Failed() || os.Getenv("SIM_LOG") != "" {
		b.Log(strings.Join(b.past, "\n"))
	}
}

// event notes what happened, for the transcript of a failure.
func (b *bed) event(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(what)
}

func (b *bed) note(what string) {
	b.past = append(b.past, fmt.Sprintf("%8s %s", time.Since(b.began).Round(10*time.Millisecond), what))
}

// enter puts an instance into the ledger, and fails the test if there is another that should not be.
func (b *bed) enter(n *node, id connect.TaskID, version string) *life {
	dead := n.isDead()
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &life{n: n, id: id, version: version, dead: dead}
	b.note(fmt.Sprintf("task %s starts on %s, version %q", id, n.name, version))
	b.starts[id]++
	for _, o := range b.lives[id] {
		abandoned := !o.told.IsZero() && time.Since(o.told) >= stopTimeout-10*time.Millisecond
		if !o.dead && !l.dead && !abandoned && time.Now().After(b.quietGroup) {
			b.Errorf("task %s starts on %s while it is at work on %s (told to stop: %v)", id, n.name, o.n.name, !o.told.IsZero())
		}
	}
	b.lives[id] = append(b.lives[id], l)
	return l
}

func (b *bed) exit(l *life) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(fmt.Sprintf("task %s ends on %s", l.id, l.n.name))
	b.lives[l.id] = slices.DeleteFunc(b.lives[l.id], func(o *life) bool { return o == l })
	if len(b.lives[l.id]) == 0 {
		delete(b.lives, l.id)
	}
}

// outOfTouch says that workers have no answer of the coordinator until end.
func (b *bed) outOfTouch(end time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if end = end.Add(sessionTimeout + stopTimeout + time.Second); end.After(b.quietGroup) {
		b.quietGroup = end
	}
}

func (b *bed) buryAll(n *node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ls := range b.lives {
		for _, l := range ls {
			l.dead = l.dead || l.n == n
		}
	}
}

func (b *bed) forget(n *node) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.nodes[n.name] == n {
		delete(b.nodes, n.name)
	}
}

func (b *bed) byURL(url string) *node {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.nodes {
		if n.url() == url {
			return n
		}
	}
	return nil
}

func (b *bed) drained() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done
}

func (b *bed) collect(connector string, taken []connect.TopicOffset) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sunk[connector] == nil {
		b.sunk[connector] = map[connect.TopicOffset]bool{}
	}
	for _, o := range taken {
		b.sunk[connector][o] = true
	}
}

// await lets virtual time pass until problem is empty, and fails after limit of it. It returns how long that took.
func (b *bed) await(what string, limit time.Duration, problem func() string) time.Duration {
	b.Helper()
	start := time.Now()
	for {
		synctest.Wait()
		p := problem()
		if p == "" {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			b.event("gave up on: " + what)
			b.Fatalf("after %s there is still not: %s; %s", limit, what, p)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (b *bed) alive() []*node {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(b.nodes), func(x, y *node) int { return cmp.Compare(x.name, y.name) })
}

// awaitMembers waits until all live workers are in one generation with one leader, and returns that one.
func (b *bed) awaitMembers() (leader *node) {
	b.Helper()
	b.await("all workers in one generation", 3*time.Minute, func() string {
		leader = nil
		gen := int32(-1)
		for _, n := range b.alive() {
			h := n.running()
			if h == nil || !h.Member().Joined {
				return n.name + " has not joined"
			}
			if m := h.Member(); gen >= 0 && m.Generation != gen {
				return "generations differ"
			} else if gen = m.Generation; m.Leader {
				leader = n
			}
		}
		if leader == nil {
			return "nobody leads"
		}
		return ""
	})
	return leader
}

// three starts three workers and returns the leader and the others.
func (b *bed) three() (leader *node, followers []*node) {
	b.Helper()
	for _, name := range []string{"w1:1", "w2:1", "w3:1"} {
		b.start(name)
	}
	leader = b.awaitMembers()
	for _, n := range b.alive() {
		if n != leader {
			followers = append(followers, n)
		}
	}
	return leader, followers
}

// do asks as a REST client does that follows redirects and tries again on 409.
func (b *bed) do(req core.Request) (any, error) {
	b.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	nodes := b.alive()
	n := nodes[0]
	for {
		res, err := b.ask(n, req)
		if notLeader, ok := errors.AsType[*cluster.NotLeader](err); ok {
			n = b.byURL(notLeader.URL)
		}
		if elsewhere, ok := errors.AsType[*cluster.NotAssigned](err); ok {
			n = b.byURL(elsewhere.URL)
		}
		again := err != nil && (errors.Is(err, cluster.ErrRebalancing) || errors.Is(err, cluster.ErrStarting) || errors.Is(err, core.ErrLate))
		_, l := errors.AsType[*cluster.NotLeader](err)
		_, a := errors.AsType[*cluster.NotAssigned](err)
		if !again && !l && !a || time.Now().After(deadline) {
			return res, err
		}
		if n == nil || again {
			time.Sleep(time.Second)
			if alive := b.alive(); n == nil || !slices.Contains(alive, n) {
				n = alive[0]
			}
		}
	}
}

// ask asks one worker.
func (b *bed) ask(n *node, req core.Request) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), opTimeout)
	defer cancel()
	h := n.running()
	if h == nil {
		return nil, cluster.ErrStarting
	}
	res, err := h.Do(ctx, req)
	b.event(fmt.Sprintf("%s: %T%+v: %v", n.name, req, req, err))
	return res, err
}

func (b *bed) must(req core.Request) any {
	b.Helper()
	res, err := b.do(req)
	if err != nil {
		b.Fatalf("%T %+v: %v", req, req, err)
	}
	return res
}

// source is the config of a counting source.
func source(name string, work int, more ...string) core.PutConfig {
	p := config.Props{"name": name, "connector.class": sourceClass, "tasks.max": "10", "topic": "data", "work": strconv.Itoa(work)}
	for i := 0; i+1 < len(more); i += 2 {
		p[more[i]] = more[i+1]
	}
	return core.PutConfig{Name: name, Props: p}
}

// sink is the config of a collecting sink.
func sink(name string, work int) core.PutConfig {
	return core.PutConfig{Name: name, Props: config.Props{
		"name": name, "connector.class": sinkClass, "tasks.max": "10", "topics": "data", "work": strconv.Itoa(work),
		"consumer.override.auto.offset.reset": "earliest", "consumer.override.session.timeout.ms": "6000",
		"consumer.override.heartbeat.interval.ms": "2000",
	}}
}

// awaitQuiet waits until reality is what the config wants, and the status topic says so, on every worker.
func (b *bed) awaitQuiet(limit time.Duration) time.Duration {
	b.Helper()
	return b.await("all that is wanted runs once, and the statuses say so", limit, b.unrest)
}

// unrest tells what is not yet as it should be.
func (b *bed) unrest() string {
	nodes := b.alive()
	snap := nodes[0].config.Snapshot()
	want := map[connect.TaskID]cluster.State{}
	for name, c := range snap.Connectors {
		state := map[cluster.TargetState]cluster.State{cluster.Started: cluster.Running, cluster.Paused: cluster.PausedSeen, cluster.Stopped: cluster.StoppedSeen}[c.Target]
		want[connect.TaskID{Connector: name, Task: connect.ConnectorTask}] = state
		n, _ := strconv.Atoi(c.Config["work"])
		if c.Target == cluster.Stopped {
			n = 0
		}
		if c.Target != cluster.Paused && len(c.Tasks) != n {
			return fmt.Sprintf("connector %s has %d tasks, not %d", name, len(c.Tasks), n)
		}
		for _, id := range snap.TaskIDs(name) {
			want[id] = state
		}
	}
	for _, n := range nodes {
		if s := n.config.Snapshot(); s.Offset != snap.Offset {
			return n.name + " has another config"
		}
		if p := n.wrongStatus(want); p != "" {
			return p
		}
	}
	return b.wrongLives(want, nodes[0])
}

// wrongStatus compares the status topic with what is wanted.
func (n *node) wrongStatus(want map[connect.TaskID]cluster.State) string {
	for id, state := range want {
		s, ok := n.status.Get(id)
		if !ok || s.State != state {
			return fmt.Sprintf("the status of %s is %q %s, not %s", id, s.State, s.Trace, state)
		}
		if n.bed.byURL("http://"+s.WorkerID+"/") == nil {
			return fmt.Sprintf("the status of %s is of %s, which is gone", id, s.WorkerID)
		}
	}
	for _, name := range n.status.Connectors() {
		id := connect.TaskID{Connector: name, Task: connect.ConnectorTask}
		if s, ok := n.status.Get(id); ok && want[id] == "" {
			return fmt.Sprintf("there is a status of %s, which is not configured: %+v", id, s)
		}
		for _, s := range n.status.Tasks(name) {
			if want[s.ID] == "" {
				return fmt.Sprintf("there is a status of task %s, which is not configured: %+v", s.ID, s)
			}
		}
	}
	return ""
}

// wrongLives compares the ledger with what is wanted.
func (b *bed) wrongLives(want map[connect.TaskID]cluster.State, any *node) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, ls := range b.lives {
		for _, l := range ls {
			if want[id] == "" && !l.dead && l.told.IsZero() {
				return fmt.Sprintf("task %s is at work on %s and not wanted", id, l.n.name)
			}
		}
	}
	for id, state := range want {
		if id.Task == connect.ConnectorTask || state != cluster.Running {
			continue
		}
		var at []string
		for _, l := range b.lives[id] {
			if !l.dead && l.told.IsZero() {
				at = append(at, l.n.name)
			}
		}
		if len(at) != 1 {
			return fmt.Sprintf("task %s is at work on %v", id, at)
		}
		if s, _ := any.status.Get(id); s.WorkerID != at[0] {
			return fmt.Sprintf("task %s is at work on %v, its status says %s", id, at, s.WorkerID)
		}
	}
	return ""
}

// load counts the live tasks of each live worker.
func (b *bed) load() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int{}
	for name := range b.nodes {
		out[name] = 0
	}
	for _, ls := range b.lives {
		for _, l := range ls {
			if !l.dead {
				out[l.n.name]++
			}
		}
	}
	return out
}

func (b *bed) begun(id connect.TaskID) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.starts[id]
}
