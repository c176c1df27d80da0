//go:build integration

package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// binary is the connectd under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "connectd-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "connectd")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "github.com/connectd/connectd/cmd/connectd")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// bed is an address of test/bed.
func bed(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set; run test/bed/bed up and eval \"$(test/bed/bed env)\"", name)
	}
	return v
}

// unique is a name that no other test run has used.
func unique(prefix string) string {
	return fmt.Sprintf("%s%d", prefix, time.Now().UnixNano()%1e12)
}

// cluster is a group of connectd workers.
type cluster struct {
	t     *testing.T
	group string
	extra map[string]string
	procs []*proc
}

// proc is one worker process.
type proc struct {
	t    *testing.T
	url  string
	dir  string
	args []string
	cmd  *exec.Cmd
	done chan struct{}
	runs int
}

func newCluster(t *testing.T, extra map[string]string) *cluster {
	return &cluster{t: t, group: unique("e2e"), extra: extra}
}

// add starts another worker of the group and waits until it is healthy.
func (c *cluster) add() *proc {
	c.t.Helper()
	port := freePort(c.t)
	props := map[string]string{
		"bootstrap.servers": bed(c.t, "BED_KAFKA"), "group.id": c.group, "listeners": fmt.Sprintf("http://127.0.0.1:%d", port),
		"config.storage.topic": c.group + "-configs", "offset.storage.topic": c.group + "-offsets", "status.storage.topic": c.group + "-status",
		"config.storage.replication.factor": "1", "offset.storage.replication.factor": "1", "status.storage.replication.factor": "1",
		"offset.storage.partitions": "3", "status.storage.partitions": "1", "offset.flush.interval.ms": "1000",
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
		"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false",
		"scheduled.rebalance.max.delay.ms": "2000",
	}
	for k, v := range c.extra {
		props[k] = v
	}
	var b strings.Builder
	for k, v := range props {
		fmt.Fprintf(&b, "%s=%s\n", k, v)
	}
	dir := c.t.TempDir()
	file := filepath.Join(dir, "worker.properties")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		c.t.Fatal(err)
	}
	p := &proc{t: c.t, url: fmt.Sprintf("http://127.0.0.1:%d", port), dir: dir, args: []string{"distributed", file}}
	c.t.Cleanup(p.stop)
	c.procs = append(c.procs, p)
	p.start()
	return p
}

// freePort finds a port below those that the system hands out to outgoing connections: a worker that is killed and started again must
// find its port free.
func freePort(t *testing.T) int {
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

func (p *proc) start() {
	p.t.Helper()
	p.runs++
	log, err := os.Create(filepath.Join(p.dir, fmt.Sprintf("connectd.%d.log", p.runs)))
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(binary, p.args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); log.Close(); close(done) }()
	p.cmd, p.done = cmd, done
	await(p.t, 30*time.Second, "worker "+p.url+" healthy", func() error {
		select {
		case <-done:
			p.t.Fatalf("connectd ended:\n%s", p.log())
		default:
		}
		_, err := request("GET", p.url+"/health", nil, nil)
		return err
	})
}

// log is the end of the newest log.
func (p *proc) log() string {
	b, err := os.ReadFile(filepath.Join(p.dir, fmt.Sprintf("connectd.%d.log", p.runs)))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-8000):])
}

// kill ends the process without warning.
func (p *proc) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// stop ends it in order; on a failed test its log is shown.
func (p *proc) stop() {
	if p.t.Failed() {
		p.t.Logf("log of %s:\n%s", p.url, p.log())
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Errorf("connectd %s did not stop within 30 s of SIGTERM", p.url)
		p.kill()
	}
}

// await asks until the answer is nil.
func await(t *testing.T, limit time.Duration, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, limit, err)
		}
		time.Sleep(100 * time.Millisecond) // the far side offers nothing to wait on but asking
	}
}

// statusError is an answer of 400 or above.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.status, e.body) }

func request(method, url string, body, into any) (int, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		r = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, r)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err
	}
	if resp.StatusCode >= 400 {
		return resp.StatusCode, &statusError{resp.StatusCode, string(b)}
	}
	if into != nil {
		return resp.StatusCode, json.Unmarshal(b, into)
	}
	return resp.StatusCode, nil
}

// put creates or replaces a connector, also while the group rebalances.
func (p *proc) put(name string, config map[string]string) {
	p.t.Helper()
	await(p.t, 30*time.Second, "putting connector "+name, func() error {
		_, err := request("PUT", p.url+"/connectors/"+name+"/config", config, nil)
		if se, ok := errors.AsType[*statusError](err); ok && se.status == 400 {
			p.t.Fatal(err)
		}
		return err
	})
}

// status is GET /connectors/{name}/status.
type status struct {
	Connector struct {
		State, Trace string
		WorkerID     string `json:"worker_id"`
	}
	Tasks []struct {
		ID           int
		State, Trace string
		WorkerID     string `json:"worker_id"`
	}
}

func (p *proc) status(name string) (s status, err error) {
	_, err = request("GET", p.url+"/connectors/"+name+"/status", nil, &s)
	return s, err
}

// running waits until the connector and n tasks are RUNNING; a FAILED one fails the test with its trace.
func (p *proc) running(name string, n int) status {
	p.t.Helper()
	var s status
	await(p.t, 60*time.Second, name+" running", func() (err error) {
		if s, err = p.status(name); err != nil {
			return err
		}
		up := 0
		for _, x := range s.Tasks {
			if x.State == "FAILED" {
				p.t.Fatalf("task %s-%d: %s", name, x.ID, x.Trace)
			}
			if x.State == "RUNNING" {
				up++
			}
		}
		if s.Connector.State == "FAILED" {
			p.t.Fatalf("connector %s: %s", name, s.Connector.Trace)
		}
		if s.Connector.State != "RUNNING" || up != n || len(s.Tasks) != n {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	return s
}

func mysqlDB(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", "root:rootpw@tcp("+bed(t, "BED_MYSQL")+")/?multiStatements=true&parseTime=false")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func exec1(t *testing.T, db *sql.DB, q string, args ...any) {
	t.Helper()
	if _, err := db.Exec(q, args...); err != nil {
		t.Fatalf("%.200s: %v", q, err)
	}
}

// records reads all that a topic holds now.
func records(t *testing.T, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(bed(t, "BED_KAFKA")), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	var out []*kgo.Record
	for len(left) > 0 {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatalf("reading topic %s: %v", topic, err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if end, ok := left[r.Partition]; ok {
				out = append(out, r)
				if r.Offset >= end-1 {
					delete(left, r.Partition)
				}
			}
		})
	}
	return out
}
