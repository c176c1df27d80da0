package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Java is a worker of Apache Kafka Connect, started by test/bed.
type Java struct {
	REST
	script string
	env    []string
	dir    string
}

// NewJava makes a Java worker of the group and does not start it; its port and data last as long as the test. Extra are further worker
// properties. Several of them can be in one group.
func (g *Group) NewJava(extra map[string]string) *Java {
	g.t.Helper()
	return g.NewJavaAt(FreePort(g.t), extra)
}

// NewJavaAt is NewJava at a port.
func (g *Group) NewJavaAt(port int, extra map[string]string) *Java {
	g.t.Helper()
	run := g.t.TempDir()
	var lines strings.Builder
	for k, v := range extra {
		fmt.Fprintf(&lines, "%s=%s\n", k, v)
	}
	j := &Java{REST: REST{t: g.t, URL: fmt.Sprintf("http://127.0.0.1:%d", port)}, script: Bed(g.t, "BED"), dir: run}
	j.env = append(os.Environ(), "BED_RUN="+run, fmt.Sprintf("BED_CONNECT_PORT=%d", port), "BED_CONNECT_BOOTSTRAP="+g.cfg.Kafka,
		"BED_CONNECT_GROUP="+g.cfg.Name, "BED_CONNECT_TOPICS="+g.cfg.Name, "BED_CONNECT_EXTRA="+lines.String())
	g.t.Cleanup(func() {
		if g.t.Failed() {
			g.t.Logf("log of the Java worker %s:\n%s", j.URL, j.Log())
		}
		j.bed("down", "connect", "--wipe")
	})
	return j
}

// Start starts the worker and waits until it answers.
func (j *Java) Start() { j.t.Helper(); j.bed("up", "connect") }

// Stop ends the worker in order.
func (j *Java) Stop() { j.t.Helper(); j.bed("down", "connect") }

// Kill ends the worker without warning.
func (j *Java) Kill() { j.t.Helper(); j.bed("kill", "connect") }

// PID is the process id of the running worker.
func (j *Java) PID() int {
	j.t.Helper()
	b, err := os.ReadFile(filepath.Join(j.dir, "connect", "pid"))
	if err != nil {
		j.t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		j.t.Fatalf("%s: %v", b, err)
	}
	return pid
}

// Destroy ends the worker without warning and deletes its data, from any goroutine and also when the test has no time to end in order.
func (j *Java) Destroy() {
	_ = j.run("kill", "connect")
	_ = j.run("down", "connect", "--wipe")
}

// Log is the end of the worker's log.
func (j *Java) Log() string {
	b, err := os.ReadFile(filepath.Join(j.dir, "connect", "log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-8000):])
}

func (j *Java) bed(args ...string) {
	j.t.Helper()
	if err := j.run(args...); err != nil {
		j.t.Fatal(err)
	}
}

func (j *Java) run(args ...string) error {
	cmd := exec.Command(j.script, args...)
	cmd.Env = j.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bed %v: %w\n%s", args, err, out)
	}
	return nil
}
