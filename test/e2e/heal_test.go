//go:build integration

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// metric reads one line of /metrics; empty if it is not there.
func (p *proc) metric(series string) string {
	p.t.Helper()
	resp, err := http.Get(p.url + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// failedTask waits until task 0 is FAILED with a trace that has the words.
func (p *proc) failedTask(name string, words ...string) {
	p.t.Helper()
	await(p.t, 60*time.Second, name+" FAILED", func() error {
		s, err := p.status(name)
		if err != nil {
			return err
		}
		if len(s.Tasks) != 1 || s.Tasks[0].State != "FAILED" {
			return fmt.Errorf("%+v", s)
		}
		for _, w := range words {
			if !strings.Contains(s.Tasks[0].Trace, w) {
				return fmt.Errorf("the trace lacks %q: %s", w, s.Tasks[0].Trace)
			}
		}
		return nil
	})
}

// TestHealsWhenTheDatabaseComesBack: a connector that is started while its database is away fails, says when it is tried again, goes on
// waiting while another worker joins, and runs by itself once the database is there.
func TestHealsWhenTheDatabaseComesBack(t *testing.T) {
	db, name := mysqlDB(t), unique("heal")
	exec1(t, db, "CREATE DATABASE "+name)
	t.Cleanup(func() { exec1(t, db, "DROP DATABASE "+name) })
	exec1(t, db, "CREATE TABLE "+name+".item (id INT PRIMARY KEY)")
	exec1(t, db, "INSERT INTO "+name+".item VALUES (1), (2)")
	c := newCluster(t, map[string]string{"errors.restart.backoff.max.ms": "2000"})
	w := c.add()
	host, port, _ := strings.Cut(bed(t, "BED_MYSQL"), ":")
	w.put(name, map[string]string{
		"connector.class": "io.debezium.connector.mysql.MySqlConnector", "database.hostname": host, "database.port": port,
		"database.user": "root", "database.password": "rootpw", "database.server.id": "4711", "topic.prefix": name,
		"database.include.list": name, "schema.history.internal.kafka.topic": name + "-history", "errors.max.retries": "0",
		"schema.history.internal.kafka.bootstrap.servers": bed(t, "BED_KAFKA"),
	})
	w.running(name, 1)
	if _, err := request("PUT", w.url+"/connectors/"+name+"/stop", nil, nil); err != nil {
		t.Fatal(err)
	}
	script := bed(t, "BED")
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(script, args...).CombinedOutput(); err != nil {
			t.Fatalf("bed %v: %v\n%s", args, err, out)
		}
	}
	run("kill", "mysql")
	up := false
	t.Cleanup(func() {
		if !up {
			run("up", "mysql")
		}
	})
	if _, err := request("PUT", w.url+"/connectors/"+name+"/resume", nil, nil); err != nil {
		t.Fatal(err)
	}
	w.failedTask(name, "next_retry: 2", "class retriable")
	c.add()
	w.failedTask(name, "next_retry: 2", "class retriable")
	run("up", "mysql")
	up = true
	await(t, 60*time.Second, name+" RUNNING by itself", func() error {
		s, err := w.status(name)
		if err == nil && (s.Connector.State != "RUNNING" || len(s.Tasks) != 1 || s.Tasks[0].State != "RUNNING" || s.Tasks[0].Trace != "") {
			err = fmt.Errorf("%+v", s)
		}
		return err
	})
	exec1(t, db, "INSERT INTO "+name+".item VALUES (3)")
	await(t, 60*time.Second, "the new row in Kafka", func() error {
		for _, r := range records(t, name+"."+name+".item") {
			if strings.Contains(string(r.Key), "3") {
				return nil
			}
		}
		return fmt.Errorf("it is not there")
	})
}

// TestPoisonedRecordDoesNotFlap: a task that fails at the same record each time is restarted three times and then left alone, until
// somebody mends the config.
func TestPoisonedRecordDoesNotFlap(t *testing.T) {
	c := newCluster(t, map[string]string{"errors.restart.backoff.initial.ms": "100"})
	w := c.add()
	topic := c.group + "-in"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(bed(t, "BED_KAFKA")))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if _, err := kadm.NewClient(cl).CreateTopic(ctx, 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{`{"a":1}`, `{"a":`, `{"a":3}`} {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	name, out := c.group+"-sink", filepath.Join(t.TempDir(), "out.txt")
	props := map[string]string{"connector.class": "FileStreamSink", "topics": topic, "file": out}
	w.put(name, props)
	w.failedTask(name, "next_retry: none", "the same record", "class data")
	restarts := `connectd_task_restarts_total{connector="` + name + `",task="0"}`
	if n := w.metric(restarts); n != "3" {
		t.Errorf("%s restarts", n)
	}
	if n := w.metric(`connectd_task_status{connector="` + name + `",status="failed",task="0"}`); n != "1" {
		t.Errorf("task_status failed is %q", n)
	}
	history := 0
	for _, r := range records(t, c.group+"-status") {
		if string(r.Key) == "status-task-"+name+"-0" {
			history++
		}
	}
	if history > 12 {
		t.Errorf("%d status records of the task: it flaps", history)
	}
	props["errors.tolerance"] = "all"
	w.put(name, props)
	await(t, 30*time.Second, "the record behind it written", func() error {
		b, err := os.ReadFile(out)
		if err == nil && !strings.Contains(string(b), "3") {
			err = fmt.Errorf("%q", b)
		}
		return err
	})
	w.running(name, 1)
}
