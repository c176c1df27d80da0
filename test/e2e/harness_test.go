//go:build integration

package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// binary is the connectd under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "connectd-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := 1
	if binary, err = process.Build(dir); err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(dir)
	os.Exit(code)
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
	process.REST
	t    *testing.T
	dir  string
	args []string
	cmd  *exec.Cmd
	done chan struct{}
	runs int
}

func newCluster(t *testing.T, extra map[string]string) *cluster {
	return &cluster{t: t, group: process.Unique("e2e"), extra: extra}
}

// add starts another worker of the group and waits until it is healthy.
func (c *cluster) add() *proc {
	c.t.Helper()
	port := process.FreePort(c.t)
	props := map[string]string{
		"bootstrap.servers": process.Bed(c.t, "BED_KAFKA"), "group.id": c.group, "listeners": fmt.Sprintf("http://127.0.0.1:%d", port),
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
	p := &proc{t: c.t, REST: process.NewREST(c.t, fmt.Sprintf("http://127.0.0.1:%d", port)), dir: dir, args: []string{"distributed", file}}
	c.t.Cleanup(p.stop)
	c.procs = append(c.procs, p)
	p.start()
	return p
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
	process.Await(p.t, 30*time.Second, "worker "+p.URL+" healthy", func() error {
		select {
		case <-done:
			p.t.Fatalf("connectd ended:\n%s", p.log())
		default:
		}
		_, err := p.Do("GET", "/health", nil, nil)
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
		p.t.Logf("log of %s:\n%s", p.URL, p.log())
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Errorf("connectd %s did not stop within 30 s of SIGTERM", p.URL)
		p.kill()
	}
}

// put creates or replaces a connector, also while the group rebalances.
func (p *proc) put(name string, config map[string]string) {
	p.t.Helper()
	process.Await(p.t, 30*time.Second, "putting connector "+name, func() error {
		_, err := p.Do("PUT", "/connectors/"+name+"/config", config, nil)
		if se, ok := errors.AsType[*process.StatusError](err); ok && se.Status == 400 {
			p.t.Fatal(err)
		}
		return err
	})
}

// running waits until the connector and n tasks are RUNNING; a FAILED one fails the test with its trace.
func (p *proc) running(name string, n int) process.Status {
	p.t.Helper()
	var s process.Status
	process.Await(p.t, 60*time.Second, name+" running", func() (err error) {
		if s, err = p.Status(name); err != nil {
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
	return rootAt(t, process.Bed(t, "BED_MYSQL"))
}

// rootAt is root at a MySQL or MariaDB of test/bed.
func rootAt(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", "root:rootpw@tcp("+address+")/?multiStatements=true&parseTime=false")
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
	return process.AllRecords(t, process.Bed(t, "BED_KAFKA"), topic)
}
