//go:build integration

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "connectd-faults")
	code := 1
	if err == nil {
		if binary, err = process.Build(dir, strings.Fields(os.Getenv("FAULTS_BUILD"))...); err == nil {
			code = m.Run()
		}
		os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// chosen are the faults of a run: each once in a random order, again and again.
func chosen(t *testing.T, rnd *rand.Rand, rounds int) (out []fault) {
	t.Helper()
	only, err := regexp.Compile(os.Getenv("FAULTS_ONLY"))
	if err != nil {
		t.Fatalf("FAULTS_ONLY: %v", err)
	}
	var from []fault
	for _, f := range faults {
		if only.MatchString(f.name) && (!f.long || rounds >= len(faults)) {
			from = append(from, f)
		}
	}
	if len(from) == 0 {
		t.Fatalf("FAULTS_ONLY=%s chooses no fault", only)
	}
	for len(out) < rounds {
		for _, i := range rnd.Perm(len(from)) {
			out = append(out, from[i])
		}
	}
	return out[:rounds]
}

// TestAtLeastOnce: whatever happens, no line is lost, and the order in each partition is kept.
func TestAtLeastOnce(t *testing.T) { run(t, false) }

// TestExactlyOnce: with exactly.once.source.support=enabled, whoever reads what is committed sees each line once.
func TestExactlyOnce(t *testing.T) { run(t, true) }

func run(t *testing.T, exactlyOnce bool) {
	seed, rounds := number(t, "FAULTS_SEED", uint64(time.Now().UnixNano())), int(number(t, "FAULTS_ROUNDS", 3))
	t.Logf("seed %d: FAULTS_SEED=%d FAULTS_ROUNDS=%d go test -tags integration -count=1 -v -run %s ./test/faults", seed, seed, rounds, t.Name())
	rnd := rand.New(rand.NewPCG(seed, 0))
	plan := chosen(t, rnd, rounds)
	props := map[string]string{}
	if exactlyOnce {
		props["exactly.once.source.support"] = "enabled"
	}
	s := newSuite(t, rnd, props)
	s.once = exactlyOnce
	s.populate()
	growing, stop := context.WithCancel(t.Context())
	following, end := context.WithCancel(t.Context())
	var grow, follow sync.WaitGroup
	defer follow.Wait()
	defer end()
	defer grow.Wait()
	defer stop()
	for _, f := range s.feeds {
		grow.Go(func() { f.grow(growing, t) })
	}
	follow.Go(func() {
		if err := s.follow(following); err != nil {
			t.Error(err)
		}
	})
	s.healed()
	for i, f := range plan {
		s.round(i+1, f)
		if t.Failed() {
			t.FailNow()
		}
	}
	for _, f := range s.feeds {
		s.must("PUT", "/connectors/"+f.name+"/resume", nil)
		s.want(f.name, "RUNNING", 1)
	}
	stop()
	grow.Wait()
	s.healed()
	s.drained()
	s.account()
}

// populate creates sources with one and with three partitions, sinks of them all with one and two tasks, and a stopped connector.
func (s *suite) populate() {
	for i, partitions := range []int{1, 1, 3, 3} {
		s.newFeed(fmt.Sprintf("%s-feed-%d", s.name, i), partitions)
	}
	for tasks := 1; tasks <= 2; tasks++ {
		sink := fmt.Sprintf("%s-sink-%d", s.name, tasks)
		s.sinks = append(s.sinks, sink)
		s.must("PUT", "/connectors/"+sink+"/config", s.sinkConfig(sink, tasks))
		s.want(sink, "RUNNING", tasks)
	}
	idle := s.name + "-idle"
	s.must("POST", "/connectors", map[string]any{"name": idle, "initial_state": "STOPPED", "config": map[string]string{
		"connector.class": "FileStreamSource", "file": s.dir + "/idle.txt", "topic": idle, "tasks.max": "1", "name": idle,
	}})
	s.want(idle, "STOPPED", 0)
}
