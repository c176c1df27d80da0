//go:build clusterbench

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/broker"
	"github.com/connectd/connectd/runtime/logging"
)

// size is the number of connectors, each of two tasks; CLUSTER_CONNECTORS makes it another one.
func size(t *testing.T) int {
	if s := os.Getenv("CLUSTER_CONNECTORS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 500
}

// idleSource has as many tasks as it may, each with nothing to read: what is measured is connectd.
type idleSource struct{}

var idlePlugin = connect.Plugin[connect.SourceConnector]{
	Name: "bench.IdleSource", Version: "1", Config: config.NewDef(config.String("note").Default("")), TaskClass: "bench.IdleTask",
	New: func() connect.SourceConnector { return idleSource{} },
}

func (idleSource) Start(context.Context, connect.ConnectorContext) error { return nil }
func (idleSource) Stop(context.Context) error                            { return nil }
func (idleSource) NewTask() connect.SourceTask                           { return &idleTask{timer: time.NewTimer(time.Hour)} }
func (idleSource) TaskConfigs(_ context.Context, n int) ([]config.Props, error) {
	out := make([]config.Props, n)
	for i := range out {
		out[i] = config.Props{"part": strconv.Itoa(i)}
	}
	return out, nil
}

type idleTask struct{ timer *time.Timer }

func (*idleTask) Start(context.Context, connect.SourceTaskContext) error { return nil }
func (*idleTask) Stop(context.Context) error                             { return nil }
func (t *idleTask) Poll(ctx context.Context) ([]*connect.SourceRecord, error) {
	t.timer.Reset(time.Second)
	select {
	case <-ctx.Done():
	case <-t.timer.C:
	}
	return nil, nil
}

// member is one worker in this process.
type member struct {
	url  string
	stop context.CancelFunc
	done chan error
}

type benchCluster struct {
	t       *testing.T
	servers string
	members []*member
}

func (c *benchCluster) add() *member {
	c.t.Helper()
	props := workerProps(
		"bootstrap.servers", c.servers, "group.id", "bench", "listeners", "http://127.0.0.1:0", "key.converter.schemas.enable", "false",
		"config.storage.replication.factor", "1", "offset.storage.replication.factor", "1", "status.storage.replication.factor", "1",
		"config.storage.topic", "bench-configs", "offset.storage.topic", "bench-offsets", "status.storage.topic", "bench-status",
	)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctx, stop := context.WithCancel(c.t.Context())
	cfg, ground, err := distributedConfig(ctx, props, log)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := ground.reg.Sources.Add(idlePlugin); err != nil {
		c.t.Fatal(err)
	}
	url := make(chan string, 1)
	m := &member{stop: stop, done: make(chan error, 1)}
	go func() {
		m.done <- runMember(ctx, cfg, ground, log, logging.New(slog.LevelWarn), func(u string) { url <- strings.TrimSuffix(u, "/") })
	}()
	select {
	case m.url = <-url:
	case err := <-m.done:
		c.t.Fatal(err)
	}
	return m
}

// start adds n workers at once and waits until they are healthy.
func (c *benchCluster) start(n int) {
	c.t.Helper()
	begin := len(c.members)
	for range n {
		c.members = append(c.members, c.add())
	}
	for _, m := range c.members[begin:] {
		c.await("worker healthy", func() bool { _, err := c.get(m, "/health"); return err == nil })
	}
}

func (c *benchCluster) remove(m *member) {
	c.t.Helper()
	m.stop()
	if err := <-m.done; err != nil {
		c.t.Error(err)
	}
}

func (c *benchCluster) get(m *member, path string) ([]byte, error) {
	resp, err := http.Get(m.url + path) //nolint:noctx // a bench
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d: %s", resp.StatusCode, b)
	}
	return b, err
}

func (c *benchCluster) await(what string, ok func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: not within 3 minutes", what)
		}
	}
}

// running tells how many connectors and tasks are RUNNING on each worker that is not gone, as m tells it.
func (c *benchCluster) running(m *member) map[string]int {
	type instance struct {
		State    string
		WorkerID string `json:"worker_id"`
	}
	var all map[string]struct {
		Status struct {
			Connector instance
			Tasks     []instance
		}
	}
	load := map[string]int{}
	b, err := c.get(m, "/connectors?expand=status")
	if err != nil || json.Unmarshal(b, &all) != nil {
		return load
	}
	for _, s := range all {
		for _, x := range append(s.Status.Tasks, s.Status.Connector) {
			if x.State == "RUNNING" {
				load[x.WorkerID]++
			}
		}
	}
	return load
}

// spread waits until all of it runs on the workers, and each has its share, give or take a tenth.
func (c *benchCluster) spread(want int, on ...*member) {
	c.t.Helper()
	c.await("all RUNNING, evenly", func() bool {
		load := c.running(on[0])
		sum := 0
		for _, m := range on {
			n := load[strings.TrimPrefix(m.url, "http://")]
			if n < want/len(on)*9/10 {
				return false
			}
			sum += n
		}
		return sum == want
	})
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func resident() string {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(v)[0])
			return fmt.Sprintf("%d MB", kb>>10)
		}
	}
	return "unknown"
}

// TestCluster prints a table: what a cluster of three workers in this process does with many connectors. With BED_KAFKA it uses that
// broker, else an embedded one, whose time and memory are in the figures.
func TestCluster(t *testing.T) {
	n := size(t)
	want := 3 * n
	c := &benchCluster{t: t, servers: os.Getenv("BED_KAFKA")}
	kafka := "real broker"
	if c.servers == "" {
		b, err := broker.Start(net.JoinHostPort("127.0.0.1", "0"), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		c.servers, kafka = b.Addr(), "embedded broker"
	}
	if f := os.Getenv("CLUSTER_PROFILE"); f != "" {
		out, err := os.Create(f)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		if err := pprof.StartCPUProfile(out); err != nil {
			t.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	var table [][2]string
	measure := func(what string, do func()) {
		begin, used := time.Now(), cpu()
		do()
		table = append(table, [2]string{what, fmt.Sprintf("%.2f s, %.1f s CPU", time.Since(begin).Seconds(), (cpu() - used).Seconds())})
	}
	note := func(what, v string) { table = append(table, [2]string{what, v}) }

	measure("three workers healthy", func() { c.start(3) })
	debug.FreeOSMemory()
	note("three workers, no connector", fmt.Sprintf("%s, %d goroutines", resident(), runtime.NumGoroutine()))
	created := time.Now()
	measure("all connectors created by REST, one after the other", func() {
		for i := range n {
			body := fmt.Sprintf(`{"connector.class":"bench.IdleSource","tasks.max":"2","note":"%d"}`, i)
			for {
				req, _ := http.NewRequest(http.MethodPut, fmt.Sprintf("%s/connectors/c%03d/config", c.members[i%3].url, i), strings.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode < 300 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
	c.spread(want, c.members...)
	note("all RUNNING after the first request", fmt.Sprintf("%.2f s", time.Since(created).Seconds()))
	debug.FreeOSMemory()
	note("memory and goroutines then", fmt.Sprintf("%s, %d goroutines", resident(), runtime.NumGoroutine()))
	idle := 10 * time.Second
	used := cpu()
	time.Sleep(idle)
	note("CPU of the idle cluster", fmt.Sprintf("%.1f %% of a core", 100*(cpu()-used).Seconds()/idle.Seconds()))
	measure("one worker leaves in order: all RUNNING on two", func() {
		go c.remove(c.members[2])
		c.spread(want, c.members[:2]...)
	})
	measure("one worker joins: all RUNNING on three, evenly", func() {
		c.members = c.members[:2]
		c.start(1)
		c.spread(want, c.members...)
	})
	measure("all three stop", func() {
		var wg sync.WaitGroup
		for _, m := range c.members {
			wg.Go(func() { c.remove(m) })
		}
		wg.Wait()
	})
	c.members = nil
	measure("three workers start with all of it configured: all RUNNING", func() {
		c.start(3)
		c.spread(want, c.members...)
	})
	for _, m := range c.members {
		c.remove(m)
	}
	http.DefaultClient.CloseIdleConnections()
	fmt.Printf("\n%d connectors × 2 tasks, 3 workers in one process, %s, %d cores\n", n, kafka, runtime.NumCPU())
	for _, row := range table {
		fmt.Printf("| %-60s | %s |\n", row[0], row[1])
	}
}
