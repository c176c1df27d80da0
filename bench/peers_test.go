//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// peer is a running process that is measured.
type peer struct {
	name    string
	pid     int
	url     string // of REST; empty for a bare loop
	rest    process.REST
	restUp  time.Duration // from the process's start until GET /connectors answered
	sinks   []int         // processes that it writes to
	ended   func() bool
	log     func() string
	go_     func()           // bare loops: starts the work
	result  func() *bareDone // bare loops: nil until the work is done
	stopped func()           // ends it, before the test does
}

// settle gives records that come too many the time to do so.
func (p *peer) settle() { time.Sleep(200 * time.Millisecond) }

// failed ends the test if the connector or a task of it has failed.
func (p *peer) failed(t testing.TB, connector string) {
	t.Helper()
	status, err := p.rest.Status(connector)
	if err != nil {
		return // the group rebalances
	}
	for _, x := range append(status.Tasks, status.Connector) {
		if x.State == "FAILED" {
			t.Fatalf("%s: %s has failed: %s", p.name, connector, x.Trace)
		}
	}
}

// workerProps are those of both workers: offsets are written as often as by default.
var workerProps = map[string]string{"offset.flush.interval.ms": "60000"}

// jvm are the JVM's options, by peer: upstream's bin/connect-distributed.sh and kafka-run-class.sh without those that write logs; and those
// of who wants it small.
var jvm = map[string]string{
	Java:      "-Xms256M -Xmx2G -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent",
	JavaTuned: "-Xmx512m",
}

// start starts a worker of the kind; discovery is Java's plugin.discovery. It lives as long as the test.
func (s *suite) start(t *testing.T, name, discovery string) *peer {
	t.Helper()
	g := process.NewGroup(t, process.Config{Binary: binary, Name: process.Unique("bench-" + name), Kafka: s.bed.kafka, Props: workerProps})
	s.bed.drop(t, g.Name()+"-configs", g.Name()+"-offsets", g.Name()+"-status")
	if name == Connectd {
		return startConnectd(t, g)
	}
	return startJava(t, g, name, discovery)
}

func startConnectd(t *testing.T, g *process.Group) *peer {
	t.Helper()
	w := g.Define(process.FreePort(t), nil)
	begin := time.Now()
	if err := w.Launch(); err != nil {
		t.Fatal(err)
	}
	onInterrupt(t, w.Kill)
	awaitConnectors(t, w.URL, func() bool { return !w.Alive() }, w.Log)
	up := time.Since(begin)
	w.AwaitHealthy(time.Minute)
	return &peer{
		name: Connectd, pid: w.PID(), url: w.URL, rest: w.REST, restUp: up, ended: func() bool { return !w.Alive() }, log: w.Log, stopped: w.Stop,
	}
}

func startJava(t *testing.T, g *process.Group, name, discovery string) *peer {
	t.Helper()
	t.Setenv("BED_CONNECT_JVM", jvm[name])
	extra := map[string]string{"plugin.discovery": discovery}
	for k, v := range workerProps {
		extra[k] = v
	}
	j := g.NewJava(extra)
	onInterrupt(t, j.Destroy)
	answered := make(chan time.Time, 1)
	go func() {
		answered <- awaitURL(j.URL+"/connectors", 3*time.Minute)
	}()
	j.Start()
	p := &peer{name: name, pid: j.PID(), url: j.URL, rest: j.REST, log: j.Log, stopped: j.Stop}
	p.ended = func() bool { return syscall.Kill(p.pid, 0) != nil }
	at := <-answered
	if at.IsZero() {
		t.Fatalf("%s: GET /connectors did not answer within 3 minutes", name)
	}
	p.restUp = at.Sub(started(t, p.pid))
	return p
}

// started is when a process was started, to 10 ms.
func started(t testing.TB, pid int) time.Time {
	t.Helper()
	b, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	up := number(t, strings.Fields(string(b))[0])
	since := number(t, stat(t, pid)[19]) / tick
	return time.Now().Add(-time.Duration((up - since) * float64(time.Second)))
}

func awaitConnectors(t *testing.T, url string, ended func() bool, log func() string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); awaitURL(url+"/connectors", 50*time.Millisecond).IsZero(); {
		if ended() || time.Now().After(deadline) {
			t.Fatalf("GET %s/connectors does not answer: %s", url, log())
		}
	}
}

// awaitURL asks until there is an answer of 200 and tells when that was; zero: not within the limit.
func awaitURL(url string, limit time.Duration) time.Time {
	cl := http.Client{Timeout: 5 * time.Second}
	defer cl.CloseIdleConnections()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		resp, err := cl.Get(url)
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return time.Now()
		}
	}
	return time.Time{}
}

// startBare starts the process of a bare loop; it waits for p.go_.
func (s *suite) startBare(t *testing.T, spec bareSpec) *peer {
	t.Helper()
	spec.Kafka, spec.MySQL = s.bed.kafka, s.bed.mysql
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), bareEnv+"="+string(text))
	var said strings.Builder
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	onInterrupt(t, func() { _ = cmd.Process.Kill() })
	done, ended := make(chan *bareDone, 1), make(chan struct{})
	go func() {
		defer close(ended)
		var d bareDone
		if err := json.NewDecoder(out).Decode(&d); err == nil {
			done <- &d
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		in.Close()
		select {
		case <-ended:
		case <-time.After(time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	var got *bareDone
	return &peer{
		name: Bare, pid: cmd.Process.Pid,
		go_: func() { fmt.Fprintln(in) },
		result: func() *bareDone {
			select {
			case got = <-done:
			default:
			}
			return got
		},
		ended: func() bool {
			select {
			case <-ended:
				return true
			default:
				return false
			}
		},
		log: func() string {
			select {
			case <-ended: // only then nobody writes to it
				return said.String()
			default:
				return "it is still at work"
			}
		},
	}
}
