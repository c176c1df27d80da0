package process

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Build compiles connectd into dir and returns the binary's path; args go to go build.
func Build(dir string, args ...string) (string, error) {
	binary := filepath.Join(dir, "connectd")
	args = append([]string{"build", "-buildvcs=false", "-o", binary}, args...)
	build := exec.Command("go", append(args, "github.com/connectd/connectd/cmd/connectd")...)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building connectd: %w\n%s", err, out)
	}
	return binary, nil
}

// Bed is an address of test/bed, from the environment.
func Bed(t testing.TB, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set; run test/bed/bed up and eval \"$(test/bed/bed env)\"", name)
	}
	return v
}

// Unique is a name that no other test run has used.
func Unique(prefix string) string { return fmt.Sprintf("%s%d", prefix, time.Now().UnixNano()%1e12) }

// FreePort finds a port below those that the system hands out to outgoing connections: a worker that is killed and started again must
// find its port free.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(3000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no free port between 20000 and 23000")
	return 0
}

// Config is what a group is made of.
type Config struct {
	Binary string
	Name   string // group id and prefix of the topics; default: a new one
	Kafka  string // default: BED_KAFKA
	Props  map[string]string
	Client *http.Client // if set, workers listen on https and this client speaks to them; Props have the ssl.* keys
}

// Group is a group of connectd workers.
type Group struct {
	t       testing.TB
	cfg     Config
	Workers []*Worker
}

// NewGroup makes a group without workers.
func NewGroup(t testing.TB, cfg Config) *Group {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = Unique("group")
	}
	if cfg.Kafka == "" {
		cfg.Kafka = Bed(t, "BED_KAFKA")
	}
	return &Group{t: t, cfg: cfg}
}

// Name is the group id.
func (g *Group) Name() string { return g.cfg.Name }

func (g *Group) url(port int) string {
	if g.cfg.Client != nil {
		return fmt.Sprintf("https://127.0.0.1:%d", port)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", port)
}

// props are the worker properties, props on top of the group's.
func (g *Group) props(port int, props map[string]string) map[string]string {
	all := map[string]string{
		"bootstrap.servers": g.cfg.Kafka, "group.id": g.cfg.Name, "listeners": g.url(port),
		"config.storage.topic": g.cfg.Name + "-configs", "offset.storage.topic": g.cfg.Name + "-offsets", "status.storage.topic": g.cfg.Name + "-status",
		"config.storage.replication.factor": "1", "offset.storage.replication.factor": "1", "status.storage.replication.factor": "1",
		"offset.storage.partitions": "3", "status.storage.partitions": "1", "offset.flush.interval.ms": "1000",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
		"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false",
		"scheduled.rebalance.max.delay.ms": "2000",
	}
	maps.Copy(all, g.cfg.Props)
	maps.Copy(all, props)
	return all
}

// Define makes another worker of the group on the port and does not start it; props come on top of the group's.
func (g *Group) Define(port int, props map[string]string) *Worker {
	g.t.Helper()
	all := g.props(port, props)
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s=%s\n", k, all[k])
	}
	dir := g.t.TempDir()
	file := filepath.Join(dir, "worker.properties")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		g.t.Fatal(err)
	}
	w := &Worker{
		REST: REST{t: g.t, URL: g.url(port), client: g.cfg.Client}, Dir: dir, binary: g.cfg.Binary, args: []string{"distributed", file},
	}
	g.Workers = append(g.Workers, w)
	g.t.Cleanup(w.end)
	return w
}

// Add starts another worker of the group and waits until it is healthy.
func (g *Group) Add() *Worker {
	g.t.Helper()
	w := g.Define(FreePort(g.t), nil)
	w.Start()
	return w
}

// Worker is one connectd process, running or not.
type Worker struct {
	REST
	Dir    string // holds worker.properties and a log of each run
	binary string
	args   []string
	cmd    *exec.Cmd
	done   chan struct{} // closed when the process has ended; nil: never started
	runs   int
}

// Start starts the process and waits until it is healthy.
func (w *Worker) Start() {
	w.t.Helper()
	if err := w.Launch(); err != nil {
		w.t.Fatal(err)
	}
	w.AwaitHealthy(60 * time.Second)
}

// Launch starts the process and returns at once.
func (w *Worker) Launch() error {
	w.runs++
	log, err := os.Create(w.logFile(w.runs))
	if err != nil {
		return err
	}
	cmd := exec.Command(w.binary, w.args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		log.Close()
		return err
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); log.Close(); close(done) }()
	w.cmd, w.done = cmd, done
	return nil
}

// AwaitHealthy waits until the worker answers and has read its topics.
func (w *Worker) AwaitHealthy(limit time.Duration) {
	w.t.Helper()
	Await(w.t, limit, "worker "+w.URL+" healthy", func() error {
		if !w.Alive() {
			w.t.Fatalf("connectd ended:\n%s", w.Log())
		}
		_, err := w.Do("GET", "/health", nil, nil)
		return err
	})
}

// Alive reports whether the process runs.
func (w *Worker) Alive() bool {
	if w.done == nil {
		return false
	}
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

// PID is the process id of the newest run.
func (w *Worker) PID() int { return w.cmd.Process.Pid }

// Signal sends a signal to the process.
func (w *Worker) Signal(s syscall.Signal) { _ = w.cmd.Process.Signal(s) }

// Kill ends the process without warning.
func (w *Worker) Kill() {
	_ = w.cmd.Process.Kill()
	<-w.done
}

// Stop ends the process in order, within 40 s.
func (w *Worker) Stop() {
	if !w.Alive() {
		return
	}
	w.Signal(syscall.SIGCONT)
	w.Signal(syscall.SIGTERM)
	select {
	case <-w.done:
	case <-time.After(40 * time.Second):
		w.Signal(syscall.SIGQUIT) // the stacks go to the log
		time.Sleep(time.Second)
		w.t.Errorf("connectd %s did not stop within 40 s of SIGTERM:\n%s", w.URL, w.Log())
		w.Kill()
	}
}

// end stops the process after the test. Its logs are kept in the folder PROCESS_LOGS if that is set, after a failure with the stacks of all
// goroutines, and shown if the test has failed.
func (w *Worker) end() {
	if w.t.Failed() && w.Alive() && os.Getenv("PROCESS_LOGS") != "" {
		w.Signal(syscall.SIGQUIT)
		<-w.done
	}
	w.Stop()
	if w.t.Failed() {
		w.t.Logf("log of %s:\n%s", w.URL, w.Log())
	}
	if keep := os.Getenv("PROCESS_LOGS"); keep != "" {
		if err := os.CopyFS(filepath.Join(keep, filepath.Base(w.URL)+Unique("-")), os.DirFS(w.Dir)); err != nil {
			w.t.Log(err)
		}
	}
}

func (w *Worker) logFile(run int) string {
	return filepath.Join(w.Dir, fmt.Sprintf("connectd.%d.log", run))
}

// Log is the end of the newest log.
func (w *Worker) Log() string {
	if w.runs == 0 {
		return "never started"
	}
	b, err := os.ReadFile(w.logFile(w.runs))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-8000):])
}
