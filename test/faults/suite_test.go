//go:build integration

package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

func addr(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// node is a worker with the proxies before it: one to its own listener of the broker, one by which the other workers reach its REST.
type node struct {
	*process.Worker
	advertised string // host:port of the REST proxy
	links      []*proxy
}

func (n *node) cut(m mode) {
	for _, p := range n.links {
		p.set(m)
	}
}

// suite is one run.
type suite struct {
	t     *testing.T
	rnd   *rand.Rand
	kafka string // direct, past the proxies
	bed   func(args ...string)
	nodes []*node
	dir   string
	once  bool // sources are exactly-once
	name  string

	mu     sync.Mutex
	wanted map[string]wanted // by connector
	feeds  []*feed
	sinks  []string
	added  int // connectors made by rounds
}

// wanted is what a connector has to come to.
type wanted struct {
	state string
	tasks int
}

const (
	workers = 3
	session = 3 * time.Second
)

// newSuite starts broker, proxies and workers.
func newSuite(t *testing.T, rnd *rand.Rand, props map[string]string) *suite {
	t.Helper()
	s := &suite{t: t, rnd: rnd, dir: t.TempDir(), name: process.Unique("f"), wanted: map[string]wanted{}}
	ports := map[int]bool{}
	port := func() int {
		for {
			if p := process.FreePort(t); !ports[p] {
				ports[p] = true
				return p
			}
		}
	}
	kafka, controller := port(), port()
	s.kafka = addr(kafka)
	// The broker tells each client the address to come back at by the listener it came by: each worker has a listener of its own.
	listeners, advertised := "PLAINTEXT://"+s.kafka, "PLAINTEXT://"+s.kafka
	protocols := "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"
	type link struct{ bind, proxy int }
	links := make([]link, workers)
	for i := range links {
		links[i] = link{port(), port()}
		listeners += fmt.Sprintf(",W%d://%s", i, addr(links[i].bind))
		advertised += fmt.Sprintf(",W%d://%s", i, addr(links[i].proxy))
		protocols += fmt.Sprintf(",W%d:PLAINTEXT", i)
	}
	s.bed = bed(t, kafka, controller, fmt.Sprintf("listeners=%s,CONTROLLER://%s\nadvertised.listeners=%s\nlistener.security.protocol.map=%s\n"+
		"group.min.session.timeout.ms=1000\nunstable.api.versions.enable=false\n", listeners, addr(controller), advertised, protocols))
	s.bed("up", "kafka")

	all := map[string]string{
		"session.timeout.ms": fmt.Sprint(session.Milliseconds()), "heartbeat.interval.ms": "500", "rebalance.timeout.ms": "10000",
		"scheduled.rebalance.max.delay.ms": "1000", "worker.unsync.backoff.ms": "2000", "offset.flush.interval.ms": "500",
	}
	for k, v := range props {
		all[k] = v
	}
	g := process.NewGroup(t, process.Config{Binary: binary, Name: s.name, Kafka: s.kafka, Props: all})
	for _, l := range links {
		direct, public := port(), port()
		s.nodes = append(s.nodes, &node{
			advertised: addr(public),
			links:      []*proxy{newProxy(t, l.proxy, addr(l.bind)), newProxy(t, public, addr(direct))},
			Worker: g.Define(direct, map[string]string{
				"bootstrap.servers": addr(l.proxy), "rest.advertised.host.name": "127.0.0.1", "rest.advertised.port": fmt.Sprint(public),
			}),
		})
	}
	for _, n := range s.nodes {
		if err := n.Launch(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range s.nodes {
		n.AwaitHealthy(60 * time.Second)
	}
	return s
}

// bed makes a broker's bed and returns what runs bed commands on it.
func bed(t *testing.T, port, controller int, extra string) func(args ...string) {
	script, err := filepath.Abs("../bed/bed")
	if err != nil {
		t.Fatal(err)
	}
	run := t.TempDir()
	env := append(os.Environ(), "BED_RUN="+run, fmt.Sprintf("BED_KAFKA_PORT=%d", port), fmt.Sprintf("BED_KAFKA_CONTROLLER_PORT=%d", controller),
		"BED_KAFKA_EXTRA="+extra, "BED_KAFKA_HEAP=384m")
	do := func(args ...string) {
		cmd := exec.Command(script, args...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("bed %v: %v\n%s", args, err, out)
		}
	}
	t.Cleanup(func() { do("kill", "kafka") })
	return do
}

// ask sends a request to any worker, and to another if that one cannot carry it out now. done tells whether an error means success: a
// request whose answer got lost is sent again.
func (s *suite) ask(method, path string, body any, done func(*process.StatusError) bool) (int, error) {
	deadline := time.Now().Add(4 * time.Minute) // a broker may be away for more than a minute, and take as long to be back
	for i := 0; ; i++ {
		n := s.nodes[i%len(s.nodes)]
		status, err := n.Do(method, path, body, nil)
		se, answered := errors.AsType[*process.StatusError](err)
		switch {
		case err == nil:
			return status, nil
		case answered && done != nil && done(se):
			return se.Status, nil
		case answered && se.Status == http.StatusBadRequest && !strings.Contains(se.Body, "in a transition phase"), time.Now().After(deadline):
			return status, fmt.Errorf("%s %s: %w", method, path, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *suite) must(method, path string, body any) {
	s.t.Helper()
	if _, err := s.ask(method, path, body, nil); err != nil {
		s.t.Fatal(err)
	}
}

func (s *suite) want(name, state string, tasks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == "" {
		delete(s.wanted, name)
		return
	}
	s.wanted[name] = wanted{state, tasks}
}

// leader is the node that the newest log line of a live worker names.
func (s *suite) leader() *node {
	var newest, url string
	for _, n := range s.nodes {
		if !n.Alive() {
			continue
		}
		for line := range strings.Lines(n.Log()) {
			if _, after, ok := strings.Cut(line, `"leader":"http://`); ok {
				if at := line[:min(len(line), 45)]; at >= newest {
					newest = at
					url, _, _ = strings.Cut(after, "/")
				}
			}
		}
	}
	for _, n := range s.nodes {
		if n.advertised == url {
			return n
		}
	}
	return s.nodes[0]
}

// revive starts what does not run and mends every link.
func (s *suite) revive() {
	for _, n := range s.nodes {
		n.cut(open)
		if !n.Alive() {
			if err := n.Launch(); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// healed waits until every worker tells that every connector is as wanted, and a line written now has come out.
func (s *suite) healed() {
	s.t.Helper()
	// The transaction of a killed task that was paused meanwhile stays open until it times out (60 s, looked for each 10 s), and so long
	// its connector's other tasks cannot know what was committed behind it.
	limit := 150 * time.Second
	for _, n := range s.nodes {
		n.AwaitHealthy(limit)
	}
	s.mu.Lock()
	want := make(map[string]wanted, len(s.wanted))
	for n, w := range s.wanted {
		want[n] = w
	}
	s.mu.Unlock()
	for _, n := range s.nodes {
		process.Await(s.t, limit, "all as wanted, by "+n.URL, func() error {
			var all map[string]struct{ Status process.Status }
			if _, err := n.Do("GET", "/connectors?expand=status", nil, &all); err != nil {
				return err
			}
			for name, w := range want {
				st := all[name].Status
				if len(st.Tasks) != w.tasks {
					return fmt.Errorf("%s: want %+v, have %+v", name, w, st)
				}
				for _, x := range append([]process.Instance{st.Connector}, st.Tasks...) {
					if x.State != w.state {
						return fmt.Errorf("%s: want %+v, have %+v", name, w, st)
					}
				}
			}
			if len(all) != len(want) {
				return fmt.Errorf("%d connectors, want %d", len(all), len(want))
			}
			return nil
		})
	}
	for _, f := range s.feeds {
		if want[f.name].state == "RUNNING" {
			s.arrives(f, f.lines.Load())
		}
	}
}
