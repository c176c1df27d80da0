//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectd/connectd/test/process"
)

// binary is the release build of connectd.
var binary string

func TestMain(m *testing.M) {
	if spec := os.Getenv(bareEnv); spec != "" {
		bareMain(spec)
		return
	}
	os.Exit(mainBench(m))
}

func mainBench(m *testing.M) int {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-interrupted
		fmt.Println("\nbench: interrupted, stopping what runs")
		stopAll()
		os.Exit(130)
	}()
	dir, err := os.MkdirTemp("", "bench-binary")
	if err == nil {
		defer os.RemoveAll(dir)
		os.Setenv("CGO_ENABLED", "0")
		binary, err = process.Build(dir, "-trimpath", "-ldflags", "-s -w")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	before := goleak.IgnoreCurrent()
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(before); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// running are the functions that end what was started, for an interrupted run; a test that ends in order stops its own by itself.
var running struct {
	sync.Mutex
	stop map[int]func()
	next int
}

// onInterrupt makes stop part of stopAll until the test ends. It must not use t.
func onInterrupt(t testing.TB, stop func()) {
	running.Lock()
	defer running.Unlock()
	if running.stop == nil {
		running.stop = map[int]func(){}
	}
	id := running.next
	running.next++
	running.stop[id] = stop
	t.Cleanup(func() {
		running.Lock()
		defer running.Unlock()
		delete(running.stop, id)
	})
}

func stopAll() {
	running.Lock()
	defer running.Unlock()
	for _, stop := range running.stop {
		stop()
	}
}

// suite is one run of the benchmark.
type suite struct {
	results *Results
	only    *regexp.Regexp
	quick   bool
	rounds  int
	peers   []string
	bed     *bed
	started time.Time
}

// size is n records, or fewer in a quick run.
func (s *suite) size(n int64) int64 {
	if s.quick {
		return n / 5
	}
	return n
}

func (s *suite) has(peer string) bool { return slices.Contains(s.peers, peer) }

func (s *suite) say(format string, args ...any) {
	fmt.Printf("bench %4.0fs  %s\n", time.Since(s.started).Seconds(), fmt.Sprintf(format, args...))
}

// record keeps a run; what the test has failed with makes it a failed one.
func (s *suite) record(t *testing.T, run Run) {
	if t.Failed() && run.Failed == "" {
		run.Failed = "see the log"
	}
	s.results.Runs = append(s.results.Runs, run)
	s.say("%s", run.line())
}

// line is the run in a line, for the terminal.
func (r *Run) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s %-10s #%d", r.Scenario, r.Peer, r.Round)
	if r.Failed != "" {
		return b.String() + " FAILED: " + r.Failed
	}
	f := r.Figures
	if f[Seconds] > 0 && r.Records > 0 {
		n := float64(r.Records)
		fmt.Fprintf(&b, " %8.0f rec/s  %7.2f CPU s/M  broker %5.2f  mysql %5.2f  others %2.0f %%", n/f[Seconds], f[CPU]/n*1e6, f[BrokerCPU]/n*1e6, f[MySQLCPU]/n*1e6, f[Others]*100)
	}
	for _, k := range []Figure{First, REST, P50, P99} {
		if v, ok := f[k]; ok {
			fmt.Fprintf(&b, "  %s %.3f s", k, v)
		}
	}
	for _, k := range []Figure{PeakRSS, RSS} {
		if v, ok := f[k]; ok {
			fmt.Fprintf(&b, "  %s %.0f MB", k, v/1e6)
		}
	}
	if v, ok := f[Alloc]; ok && r.Records > 0 {
		fmt.Fprintf(&b, "  alloc %.0f B/rec", v/float64(r.Records))
	}
	return b.String()
}

// TestPeers is make bench-peers.
func TestPeers(t *testing.T) {
	s := newSuite(t)
	for _, sc := range scenarios {
		if !s.only.MatchString(sc.name) || (s.quick && !sc.quick && os.Getenv("BENCH") == "") {
			continue
		}
		t.Run(sc.name, func(t *testing.T) { sc.run(t, s, sc.name) })
	}
	if len(s.results.Runs) == 0 {
		t.Fatalf("no scenario matches BENCH=%s; there are: %s", s.only, strings.Join(scenarioNames(), " "))
	}
	s.finish(t)
}

// finish shows the tables. A whole run writes them, and the results, into the repository; BENCH_WRITE=1 makes a run of some scenarios
// take the place of the same ones there.
func (s *suite) finish(t *testing.T) {
	whole := s.only.String() == "." && !s.quick && s.has(Java)
	out := s.results
	if old, err := Load("results.json"); err == nil && !whole {
		out = old.merge(s.results)
	}
	fmt.Println()
	fmt.Println(Tables(s.results))
	if !whole && os.Getenv("BENCH_WRITE") == "" {
		return
	}
	if err := out.Save("results.json"); err != nil {
		t.Fatal(err)
	}
	if err := WritePage(out, "../docs"); err != nil {
		t.Fatal(err)
	}
	s.say("written: bench/results.json, docs/benchmarks.md and its plots")
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	s := &suite{rounds: 2, quick: os.Getenv("BENCH_QUICK") != "", peers: []string{Bare, Connectd, Java}, started: time.Now()}
	expr := os.Getenv("BENCH")
	if expr == "" {
		expr = "."
	}
	var err error
	if s.only, err = regexp.Compile(expr); err != nil {
		t.Fatalf("BENCH: %v", err)
	}
	if s.quick {
		s.rounds = 1
	}
	if v := os.Getenv("BENCH_ROUNDS"); v != "" {
		if s.rounds, err = strconv.Atoi(v); err != nil || s.rounds < 1 {
			t.Fatalf("BENCH_ROUNDS=%s: want a number of rounds", v)
		}
	}
	switch v := os.Getenv("BENCH_PEER"); v {
	case "":
	case "0":
		s.peers = []string{Bare, Connectd}
	default:
		s.peers = strings.Split(v, ",")
	}
	s.bed = newBed(t)
	s.results = &Results{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Versions: s.bed.versions(t), Rounds: s.rounds, Quick: s.quick,
	}
	return s
}

// machine tells what the figures were made on.
func machine() string {
	model, memory := "", ""
	find := func(file, key string) (value string) {
		f, err := os.Open(file)
		if err != nil {
			return ""
		}
		defer f.Close()
		for sc := bufio.NewScanner(f); sc.Scan(); {
			if k, v, ok := strings.Cut(sc.Text(), ":"); ok && strings.TrimSpace(k) == key {
				return strings.TrimSpace(v)
			}
		}
		return ""
	}
	model, memory = find("/proc/cpuinfo", "model name"), find("/proc/meminfo", "MemTotal")
	if kb, err := strconv.Atoi(strings.TrimSuffix(memory, " kB")); err == nil {
		memory = fmt.Sprintf("%.0f GiB", float64(kb)/(1<<20))
	}
	return fmt.Sprintf("%d cores of %s, %s, %s", runtime.NumCPU(), model, memory, runtime.Version())
}
