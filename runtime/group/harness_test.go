package group

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/assign"
	"github.com/connectd/connectd/runtime/cluster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bed is a cluster with workers, all in one synctest bubble: time is virtual, and stands still while anything can happen.
type bed struct {
	*testing.T
	net   kfake.VirtualNetwork
	kafka *kfake.Cluster

	mu       sync.Mutex
	snapshot *cluster.Snapshot
	running  map[connect.TaskID]string // which worker runs what
	workers  map[string]*worker
	maxDelay time.Duration
	handOver bool            // leaving members tell the leader
	ghosts   map[string]bool // member ids whose LeaveGroup gets lost
	clients  []*kgo.Client
}

// inBed runs test in a bubble with a Kafka cluster of three brokers.
func inBed(t *testing.T, test func(*bed)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bed{T: t, running: map[connect.TaskID]string{}, workers: map[string]*worker{}, maxDelay: time.Minute, ghosts: map[string]bool{}}
		b.snapshot = &cluster.Snapshot{Offset: 1, Connectors: map[string]*cluster.ConnectorSnapshot{}}
		kafka, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.Ports(9001, 9002, 9003), kfake.ListenFn(b.net.Listen))
		if err != nil {
			t.Fatal(err)
		}
		b.kafka = kafka
		defer kafka.Close()
		kafka.ControlKey(int16(kmsg.LeaveGroup), b.loseLeaveOfGhosts)
		b.configure(6)
		defer func() {
			for _, w := range b.workers {
				w.stop()
			}
			for _, c := range b.clients {
				c.Close()
			}
		}()
		test(b)
	})
}

func (b *bed) loseLeaveOfGhosts(req kmsg.Request) (kmsg.Response, error, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if leave := req.(*kmsg.LeaveGroupRequest); !b.ghosts[leave.Members[0].MemberID] {
		return nil, nil, false
	}
	b.kafka.KeepControl()
	return req.ResponseKind(), nil, true
}

// configure sets the connector "c" to so many tasks; every call is a record in the config topic.
func (b *bed) configure(tasks int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &cluster.ConnectorSnapshot{Name: "c"}
	for range tasks {
		c.Tasks = append(c.Tasks, nil)
	}
	b.snapshot = &cluster.Snapshot{Offset: b.snapshot.Offset + 1, Connectors: map[string]*cluster.ConnectorSnapshot{"c": c}}
}

// worker is a member with a herder that obeys it.
type worker struct {
	bed    *bed
	name   string
	member *Member
	client *kgo.Client
	cancel context.CancelFunc
	done   chan struct{}
	err    error
	dead   bool

	mu       sync.Mutex
	state    assign.State
	log      []string // changes, in short form
	last     cluster.Joined
	stopTime time.Duration // how long stopping takes
	deaf     bool          // does not answer changes
	unready  int64
	offset   int64 // of the config log; 0: up to date
}

func (b *bed) start(name string, configure ...func(*Config)) *worker {
	b.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers("localhost:9001", "localhost:9002", "localhost:9003"), kgo.Dialer(b.net.DialContext), kgo.ClientID(name))
	if err != nil {
		b.Fatal(err)
	}
	w := &worker{bed: b, name: name, client: client, done: make(chan struct{})}
	cfg := Config{
		Client: client, GroupID: "connect-cluster", Protocol: Sessioned,
		URL:          func() string { return "http://" + name + "/" },
		ConfigOffset: w.configOffset,
		Assign:       w.assign,
		Depart:       w.depart,
	}
	for _, c := range configure {
		c(&cfg)
	}
	if w.member, err = NewMember(cfg); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	w.cancel = cancel
	b.mu.Lock()
	b.workers[name] = w
	b.clients = append(b.clients, client)
	b.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.err = w.member.Run(ctx) })
	both.Go(w.obey)
	go func() {
		both.Wait()
		close(w.done)
	}()
	return w
}

func (w *worker) configOffset() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.offset != 0 {
		return w.offset
	}
	w.bed.mu.Lock()
	defer w.bed.mu.Unlock()
	return w.bed.snapshot.Offset
}

func (w *worker) assign(_ context.Context, round cluster.Round) (map[string]cluster.Grant, error) {
	w.bed.mu.Lock()
	snapshot, maxDelay := *w.bed.snapshot, w.bed.maxDelay
	w.bed.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.offset != 0 {
		snapshot.Offset = w.offset
	}
	grants, state := assign.Assign(time.Now(), w.state, round, &snapshot, maxDelay, nil)
	w.state = state
	return grants, nil
}

// depart tells the leader and, when the coordinator knows, all members.
func (w *worker) depart(_ context.Context, d Departure) func(context.Context) {
	if !w.bed.handOver {
		return nil
	}
	others := w.bed.others(w)
	for _, o := range others {
		if !d.IsLeader && "http://"+o.name+"/" == d.LeaderURL {
			o.mu.Lock()
			o.state = o.state.Depart(d.MemberID)
			o.mu.Unlock()
		}
	}
	return func(context.Context) {
		for _, o := range others {
			o.member.Heartbeat()
		}
	}
}

func (b *bed) others(w *worker) (others []*worker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.workers {
		if o != w && !o.dead {
			others = append(others, o)
		}
	}
	return others
}

// obey does what the herder does: stop what was taken away, say so, start what is held.
func (w *worker) obey() {
	for c := range w.member.Changes() {
		switch c := c.(type) {
		case cluster.Joined:
			w.note(fmt.Sprintf("joined %d", c.Generation))
			w.halt(ids(c.Grant.Revoked))
			w.mu.Lock()
			w.last = c
			w.mu.Unlock()
			if c.Grant.Error == cluster.NoError {
				w.run(ids(c.Held))
			}
			w.answer(c.Seq)
		case cluster.Revoking:
			w.note("revoking")
			w.halt(ids(c.Assignment))
			w.answer(c.Seq)
		case cluster.Left:
			w.note("left: " + c.Reason)
			w.halt(ids(c.Assignment))
			w.answer(c.Seq)
		}
	}
}

func (w *worker) answer(seq int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seq == 0 {
		return
	}
	if w.deaf {
		w.unready = seq
		return
	}
	w.member.Ready(seq)
}

// set changes how the worker behaves.
func (w *worker) set(stopTime time.Duration, deaf bool) *worker {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopTime, w.deaf = stopTime, deaf
	return w
}

// mustAnswer says that a deaf worker has got something to answer.
func (w *worker) mustAnswer() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.unready != 0
}

// answerNow ends the deafness.
func (w *worker) answerNow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaf = false
	w.member.Ready(w.unready)
}

func (w *worker) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, what)
}

func (w *worker) count(prefix string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, l := range w.log {
		if strings.HasPrefix(l, prefix) {
			n++
		}
	}
	return n
}

func (w *worker) joined() cluster.Joined {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

func ids(a cluster.Assignment) []connect.TaskID {
	var list []connect.TaskID
	for _, c := range a.Connectors {
		list = append(list, connect.TaskID{Connector: c, Task: connect.ConnectorTask})
	}
	return append(list, a.Tasks...)
}

func (w *worker) halt(items []connect.TaskID) {
	w.mu.Lock()
	stopTime := w.stopTime
	w.mu.Unlock()
	if len(items) > 0 && stopTime > 0 {
		time.Sleep(stopTime) // stopping a task takes its time; the bubble's clock jumps over it
	}
	w.bed.mu.Lock()
	defer w.bed.mu.Unlock()
	for _, id := range items {
		if w.bed.running[id] == w.name {
			delete(w.bed.running, id)
		}
	}
}

func (w *worker) run(items []connect.TaskID) {
	w.bed.mu.Lock()
	defer w.bed.mu.Unlock()
	if w.dead {
		return
	}
	for _, id := range items {
		if other, ok := w.bed.running[id]; ok && other != w.name {
			w.bed.Errorf("%v (task %d) was started on %s while it runs on %s", id, id.Task, w.name, other)
		}
		w.bed.running[id] = w.name
	}
}

// stop ends the worker in order: its work, then the membership.
func (w *worker) stop() {
	w.forget()
	w.cancel()
	<-w.done
}

// kill is the end of the process: no LeaveGroup reaches the coordinator. The connections stay open until the end of the test, since kfake,
// other than Kafka, never ends the session of a member whose connection dies while its JoinGroup waits for others.
func (w *worker) kill() {
	id := w.joined().MemberID
	w.bed.mu.Lock()
	w.bed.ghosts[id] = true
	w.bed.mu.Unlock()
	w.forget()
	w.cancel()
	<-w.done
}

func (w *worker) forget() {
	w.bed.mu.Lock()
	defer w.bed.mu.Unlock()
	w.dead = true
	maps.DeleteFunc(w.bed.running, func(_ connect.TaskID, name string) bool { return name == w.name })
}

// load counts what each live worker runs.
func (b *bed) load() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := map[string]int{}
	for name, w := range b.workers {
		if !w.dead {
			n[name] = 0
		}
	}
	for _, name := range b.running {
		n[name]++
	}
	return n
}

// await lets virtual time pass until ok, and fails after limit of it. It returns how long that took.
func (b *bed) await(what string, limit time.Duration, ok func() bool) time.Duration {
	b.Helper()
	start := time.Now()
	for {
		synctest.Wait()
		if ok() {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			var logs []string
			for _, name := range slices.Sorted(maps.Keys(b.workers)) {
				w := b.workers[name]
				w.mu.Lock()
				logs = append(logs, fmt.Sprintf("%s: %v", name, w.log))
				w.mu.Unlock()
			}
			b.Fatalf("after %v there is still not: %s; load %v\n%s", limit, what, b.load(), strings.Join(logs, "\n"))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// awaitLoad waits until the items are spread over the live workers like this, in ascending order.
func (b *bed) awaitLoad(limit time.Duration, want ...int) time.Duration {
	b.Helper()
	return b.await(fmt.Sprint("load ", want), limit, func() bool {
		return slices.Equal(slices.Sorted(maps.Values(b.load())), want)
	})
}

// awaitBalance waits until every item runs, and nobody has two tasks more than another.
func (b *bed) awaitBalance(limit time.Duration) time.Duration {
	b.Helper()
	return b.await("all running and balanced", limit, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		tasks := map[string]int{}
		for name, w := range b.workers {
			if !w.dead {
				tasks[name] = 0
			}
		}
		for id, name := range b.running {
			if id.Task != connect.ConnectorTask {
				tasks[name]++
			}
		}
		counts := slices.Sorted(maps.Values(tasks))
		return len(b.running) == 1+len(b.snapshot.TaskIDs("c")) && counts[len(counts)-1]-counts[0] <= 1
	})
}
