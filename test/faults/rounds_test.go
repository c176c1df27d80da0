//go:build integration

package faults

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/connectd/connectd/test/process"
)

// fault hits the cluster and returns when the hit is over; what it has stopped or cut is revived after it. All of rnd is used before the
// first wait, so that a seed gives the same faults whatever the timing.
type fault struct {
	name string
	hit  func(s *suite, rnd *rand.Rand) (did string, run func())
	long bool // takes a minute or more: not in short runs
}

var faults = []fault{
	{name: "kill", hit: kill},
	{name: "kill leader", hit: killLeader},
	{name: "kill in rebalance", hit: killInRebalance},
	{name: "freeze", hit: freeze(500*time.Millisecond, session/2)},
	{name: "freeze beyond session", hit: freeze(session+500*time.Millisecond, 2*session)},
	{name: "kill broker", hit: restartBroker("kill")},
	{name: "restart broker", hit: restartBroker("down")},
	{name: "reset connections", hit: cut(refused, 0, 100*time.Millisecond)},
	{name: "refuse connections", hit: cut(refused, session/2, 2*session)},
	{name: "stall connections", hit: cut(stalled, time.Second, 2*session)},
	{name: "create, kill leader", hit: createKill},
	{name: "delete, kill leader", hit: deleteKill},
	{name: "alter offsets, kill leader", hit: alterKill},
	{name: "pause, kill leader", hit: pauseKill},
	{name: "broker away in rebalance", hit: awayInRebalance, long: true},
}

func between(rnd *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rnd.Int64N(int64(most-least)+1)).Truncate(time.Millisecond)
}

// some are one to all of the workers.
func some(s *suite, rnd *rand.Rand) (nodes []*node, which string) {
	for _, i := range rnd.Perm(workers)[:1+rnd.IntN(workers)] {
		nodes = append(nodes, s.nodes[i])
		which += fmt.Sprintf(" %d", i)
	}
	return nodes, "of worker" + which
}

func kill(s *suite, rnd *rand.Rand) (string, func()) {
	nodes, which := some(s, rnd)
	away := between(rnd, 0, 2*session)
	return fmt.Sprintf("%s, away for %s", which, away), func() {
		for _, n := range nodes {
			n.Kill()
		}
		time.Sleep(away)
	}
}

func killLeader(s *suite, rnd *rand.Rand) (string, func()) {
	away := between(rnd, 0, 2*session)
	return fmt.Sprintf("away for %s", away), func() {
		s.leader().Kill()
		time.Sleep(away)
	}
}

func killInRebalance(s *suite, rnd *rand.Rand) (string, func()) {
	ns, after := rnd.Perm(workers), between(rnd, 0, 400*time.Millisecond)
	return fmt.Sprintf("worker %d leaves, after %s worker %d is killed", ns[0], after, ns[1]), func() {
		s.nodes[ns[0]].Signal(syscall.SIGTERM)
		time.Sleep(after)
		s.nodes[ns[1]].Kill()
		s.nodes[ns[0]].Stop()
	}
}

// awayInRebalance: longer than any session, rebalance or request may take.
func awayInRebalance(s *suite, rnd *rand.Rand) (string, func()) {
	i, away := rnd.IntN(workers), between(rnd, time.Minute, 75*time.Second)
	return fmt.Sprintf("worker %d leaves, the broker is killed and away for %s and its start", i, away), func() {
		s.nodes[i].Signal(syscall.SIGTERM)
		s.bed("kill", "kafka")
		time.Sleep(away)
		s.bed("up", "kafka")
		s.nodes[i].Stop()
	}
}

func freeze(least, most time.Duration) func(*suite, *rand.Rand) (string, func()) {
	return func(s *suite, rnd *rand.Rand) (string, func()) {
		nodes, which := some(s, rnd)
		d := between(rnd, least, most)
		return fmt.Sprintf("%s for %s", which, d), func() {
			for _, n := range nodes {
				n.Signal(syscall.SIGSTOP)
			}
			time.Sleep(d)
			for _, n := range nodes {
				n.Signal(syscall.SIGCONT)
			}
		}
	}
}

func restartBroker(how string) func(*suite, *rand.Rand) (string, func()) {
	return func(s *suite, rnd *rand.Rand) (string, func()) {
		away := between(rnd, 0, 2*session)
		return fmt.Sprintf("away for %s and its start", away), func() {
			s.bed(how, "kafka")
			time.Sleep(away)
			s.bed("up", "kafka")
		}
	}
}

func cut(m mode, least, most time.Duration) func(*suite, *rand.Rand) (string, func()) {
	return func(s *suite, rnd *rand.Rand) (string, func()) {
		nodes, which := some(s, rnd)
		d := between(rnd, least, most)
		return fmt.Sprintf("%s for %s", which, d), func() {
			for _, n := range nodes {
				n.cut(m)
			}
			time.Sleep(d)
			for _, n := range nodes {
				n.cut(open)
			}
		}
	}
}

// The next ones kill the leader when it has just answered: what it has answered must hold.

func createKill(s *suite, _ *rand.Rand) (string, func()) {
	s.added++
	name := fmt.Sprintf("%s-added-%d", s.name, s.added)
	return name, func() {
		file := s.dir + "/" + name + ".txt"
		if err := os.WriteFile(file, []byte("a\nb\n"), 0o600); err != nil {
			s.t.Fatal(err)
		}
		config := map[string]string{"connector.class": "FileStreamSource", "file": file, "topic": name, "tasks.max": "1", "name": name}
		leader := s.leader()
		_, err := s.ask("POST", "/connectors", map[string]any{"name": name, "config": config},
			func(e *process.StatusError) bool {
				return e.Status == http.StatusConflict && strings.Contains(e.Body, "already exists")
			})
		leader.Kill()
		if err != nil {
			s.t.Error(err)
		}
		s.want(name, "RUNNING", 1)
	}
}

func deleteKill(s *suite, rnd *rand.Rand) (string, func()) {
	if s.added == 0 {
		return createKill(s, rnd)
	}
	name := fmt.Sprintf("%s-added-%d", s.name, s.added)
	s.added--
	return name, func() {
		leader := s.leader()
		_, err := s.ask("DELETE", "/connectors/"+name, nil, func(e *process.StatusError) bool { return e.Status == http.StatusNotFound })
		leader.Kill()
		if err != nil {
			s.t.Error(err)
		}
		s.want(name, "", 0)
	}
}

func alterKill(s *suite, rnd *rand.Rand) (string, func()) {
	position := rnd.IntN(1000)
	return fmt.Sprintf("to %d", position), func() {
		path := "/connectors/" + s.name + "-idle/offsets"
		leader := s.leader()
		_, err := s.ask("PATCH", path, map[string]any{"offsets": []any{map[string]any{
			"partition": map[string]string{"filename": s.dir + "/idle.txt"}, "offset": map[string]int{"position": position},
		}}}, nil)
		leader.Kill()
		if err != nil {
			s.t.Error(err)
			return
		}
		s.revive()
		var last error
		for _, n := range s.nodes {
			n.AwaitHealthy(90 * time.Second)
			var got struct {
				Offsets []struct{ Offset struct{ Position int } }
			}
			process.Await(s.t, 30*time.Second, "offsets of the stopped connector", func() error {
				_, last = n.Do("GET", path, nil, &got)
				return last
			})
			if len(got.Offsets) != 1 || got.Offsets[0].Offset.Position != position {
				b, _ := json.Marshal(got)
				s.t.Errorf("altered offset of the stopped connector: %s tells %s, want %d", n.URL, b, position)
			}
		}
	}
}

func pauseKill(s *suite, rnd *rand.Rand) (string, func()) {
	f := s.feeds[rnd.IntN(len(s.feeds))]
	return f.name, func() {
		leader := s.leader()
		s.toggle(f)
		leader.Kill()
	}
}

// toggle pauses a connector, or resumes a paused one.
func (s *suite) toggle(f *feed) {
	s.mu.Lock()
	verb, state := "pause", "PAUSED"
	if s.wanted[f.name].state == "PAUSED" {
		verb, state = "resume", "RUNNING"
	}
	s.mu.Unlock()
	if _, err := s.ask("PUT", "/connectors/"+f.name+"/"+verb, nil, nil); err != nil {
		s.t.Error(err)
	}
	s.want(f.name, state, 1)
}

// change is a config change or request of a user; it happens while the fault does.
func (s *suite) change(rnd *rand.Rand) (string, func()) {
	f, sink := s.feeds[rnd.IntN(len(s.feeds))], s.sinks[rnd.IntN(len(s.sinks))]
	batch, tasks, kind := 1+rnd.IntN(500), 1+rnd.IntN(3), rnd.IntN(5)
	run := func(method, path string, body any) func() {
		return func() {
			if _, err := s.ask(method, path, body, nil); err != nil {
				s.t.Error(err)
			}
		}
	}
	switch kind {
	case 0:
		return "reconfigure " + f.name, run("PUT", "/connectors/"+f.name+"/config", f.config(batch))
	case 1:
		return "pause or resume " + f.name, func() { s.toggle(f) }
	case 2:
		return "restart " + sink, run("POST", "/connectors/"+sink+"/restart?includeTasks=true", nil)
	case 3:
		return fmt.Sprintf("%d tasks for %s", tasks, sink), func() {
			run("PUT", "/connectors/"+sink+"/config", s.sinkConfig(sink, tasks))()
			s.want(sink, "RUNNING", tasks)
		}
	default:
		return "restart task of " + f.name, func() {
			// 404: a task whose start goes on elsewhere
			_, err := s.ask("POST", "/connectors/"+f.name+"/tasks/0/restart", nil, func(e *process.StatusError) bool { return e.Status == http.StatusNotFound })
			if err != nil {
				s.t.Error(err)
			}
		}
	}
}

// round hits once, changes something meanwhile, and waits until all is well.
func (s *suite) round(i int, f fault) {
	s.t.Helper()
	did, hit := f.hit(s, s.rnd)
	changed, change := s.change(s.rnd)
	begin := time.Now()
	var work sync.WaitGroup
	if strings.Contains(f.name, ",") { // it has a request of its own
		changed, change = "nothing", func() {}
	}
	work.Go(change)
	hit()
	s.revive()
	work.Wait()
	over := time.Now()
	s.healed()
	s.t.Logf("round %2d: %s %s; meanwhile: %s; hit %.1f s, healed after %.1f s", i, f.name, did, changed, over.Sub(begin).Seconds(), time.Since(over).Seconds())
}
