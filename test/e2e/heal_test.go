//go:build integration

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// metric reads one line of /metrics; empty if it is not there.
func (p *proc) metric(series string) string {
	p.t.Helper()
	resp, err := http.Get(p.URL + "/metrics")
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
	process.Await(p.t, 60*time.Second, name+" FAILED", func() error {
		s, err := p.Status(name)
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
	db, name := mysqlDB(t), process.Unique("heal")
	exec1(t, db, "CREATE DATABASE "+name)
	t.Cleanup(func() { exec1(t, db, "DROP DATABASE "+name) })
	exec1(t, db, "CREATE TABLE "+name+".item (id INT PRIMARY KEY)")
	exec1(t, db, "INSERT INTO "+name+".item VALUES (1), (2)")
	c := newCluster(t, map[string]string{"errors.restart.backoff.max.ms": "2000"})
	w := c.add()
	host, port, _ := strings.Cut(process.Bed(t, "BED_MYSQL"), ":")
	w.put(name, map[string]string{
		"connector.class": "io.debezium.connector.mysql.MySqlConnector", "database.hostname": host, "database.port": port,
		"database.user": "root", "database.password": "rootpw", "database.server.id": "4711", "topic.prefix": name,
		"database.include.list": name, "schema.history.internal.kafka.topic": name + "-history", "errors.max.retries": "0",
		"schema.history.internal.kafka.bootstrap.servers": process.Bed(t, "BED_KAFKA"),
	})
	w.running(name, 1)
	if _, err := w.Do("PUT", "/connectors/"+name+"/stop", nil, nil); err != nil {
		t.Fatal(err)
	}
	script := process.Bed(t, "BED")
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
	if _, err := w.Do("PUT", "/connectors/"+name+"/resume", nil, nil); err != nil {
		t.Fatal(err)
	}
	w.failedTask(name, "next_retry: 2", "class retriable")
	c.add()
	w.failedTask(name, "next_retry: 2", "class retriable")
	run("up", "mysql")
	up = true
	process.Await(t, 60*time.Second, name+" RUNNING by itself", func() error {
		s, err := w.Status(name)
		if err == nil && (s.Connector.State != "RUNNING" || len(s.Tasks) != 1 || s.Tasks[0].State != "RUNNING" || s.Tasks[0].Trace != "") {
			err = fmt.Errorf("%+v", s)
		}
		return err
	})
	exec1(t, db, "INSERT INTO "+name+".item VALUES (3)")
	process.Await(t, 60*time.Second, "the new row in Kafka", func() error {
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
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")))
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
	process.Await(t, 30*time.Second, "the record behind it written", func() error {
		b, err := os.ReadFile(out)
		if err == nil && !strings.Contains(string(b), "3") {
			err = fmt.Errorf("%q", b)
		}
		return err
	})
	w.running(name, 1)
}

// TestHangingTaskIsStalledAndHarmsNobody: a task that hangs in its start (its file is a pipe that nobody reads) is reported as stalled,
// REST answers meanwhile, others are created, and it can be deleted. Tasks with nothing to do are not stalled.
func TestHangingTaskIsStalledAndHarmsNobody(t *testing.T) {
	c := newCluster(t, map[string]string{"task.stall.timeout.ms": "1500", "task.shutdown.graceful.timeout.ms": "1000"})
	w := c.add()
	dir := t.TempDir()
	in, pipe := filepath.Join(dir, "in.txt"), filepath.Join(dir, "pipe")
	if err := os.WriteFile(in, []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	src, sink, hung := c.group+"-src", c.group+"-sink", c.group+"-hung"
	topic := c.group + "-lines"
	w.put(src, map[string]string{"connector.class": "FileStreamSource", "topic": topic, "file": in})
	w.put(hung, map[string]string{"connector.class": "FileStreamSink", "topics": topic, "file": pipe})
	w.put(sink, map[string]string{"connector.class": "FileStreamSink", "topics": topic, "file": filepath.Join(dir, "out.txt")})
	w.running(src, 1)
	w.running(sink, 1)
	var health struct {
		Status  string
		Stalled []struct {
			Connector, Doing string
			Task             int
		}
	}
	process.Await(t, 30*time.Second, "the hanging task stalled", func() error {
		_, err := w.Do("GET", "/health", nil, &health)
		if err == nil && len(health.Stalled) == 0 {
			err = errors.New("nothing is stalled")
		}
		return err
	})
	if s := health.Stalled; len(s) != 1 || s[0].Connector != hung || s[0].Doing != "starting" || health.Status != "healthy" {
		t.Errorf("%+v", health)
	}
	if v := w.metric(`connectd_task_stalled{connector="` + hung + `",task="0"}`); v != "1" {
		t.Errorf("task_stalled is %q", v)
	}
	begin := time.Now()
	for _, path := range []string{"/connectors", "/connectors/" + hung + "/status", "/connectors?expand=status&expand=info"} {
		if _, err := w.Do("GET", path, nil, nil); err != nil {
			t.Error(path, err)
		}
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("reads took %s", took)
	}
	process.Await(t, 30*time.Second, "deleting it", func() error {
		_, err := w.Do("DELETE", "/connectors/"+hung, nil, nil)
		return err
	})
	process.Await(t, 30*time.Second, "the task abandoned", func() error {
		if v := w.metric("connectd_worker_abandoned_tasks"); v != "1" {
			return fmt.Errorf("abandoned tasks: %q", v)
		}
		return nil
	})
	// Let it go, or the process would end with it.
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	process.Await(t, 30*time.Second, "the abandoned task ended", func() error {
		if v := w.metric("connectd_worker_abandoned_tasks"); v != "0" {
			return fmt.Errorf("abandoned tasks: %q", v)
		}
		return nil
	})
	w.running(src, 1)
	w.running(sink, 1)
	health.Stalled = nil
	if _, err := w.Do("GET", "/health", nil, &health); err != nil || len(health.Stalled) > 0 {
		t.Errorf("%+v %v", health, err)
	}
}

// TestChangedSecretRestartsWhatUsesIt: a value of a config provider's file changes; the connector that uses it goes on with the new one,
// the other one is not touched, and the value is in no topic.
func TestChangedSecretRestartsWhatUsesIt(t *testing.T) {
	c := newCluster(t, map[string]string{
		"config.providers": "file", "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
		"config.providers.file.param.watch.interval.ms": "1000",
	})
	w := c.add()
	dir := t.TempDir()
	secrets, in := filepath.Join(dir, "secrets.properties"), filepath.Join(dir, "in.txt")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(file, line string) {
		t.Helper()
		process.Await(t, 30*time.Second, line+" in "+filepath.Base(file), func() error {
			b, err := os.ReadFile(file)
			if err == nil && !strings.Contains(string(b), line) {
				err = fmt.Errorf("%q", b)
			}
			return err
		})
	}
	write(in, "one\n")
	write(secrets, "out="+filepath.Join(dir, "swordfish")+"\n")
	src, sink, topic := c.group+"-src", c.group+"-sink", c.group+"-lines"
	w.put(src, map[string]string{"connector.class": "FileStreamSource", "topic": topic, "file": in})
	w.put(sink, map[string]string{"connector.class": "FileStreamSink", "topics": topic, "file": "${file:" + secrets + ":out}"})
	w.running(src, 1)
	w.running(sink, 1)
	holds(filepath.Join(dir, "swordfish"), "one")
	write(secrets, "out="+filepath.Join(dir, "tuna")+"\n")
	process.Await(t, 30*time.Second, "the new file", func() error { _, err := os.Stat(filepath.Join(dir, "tuna")); return err })
	write(in, "one\ntwo\n")
	holds(filepath.Join(dir, "tuna"), "two")
	w.running(sink, 1)
	starts := 0
	for _, r := range records(t, c.group+"-status") {
		if string(r.Key) == "status-task-"+src+"-0" && strings.Contains(string(r.Value), "RUNNING") {
			starts++
		}
	}
	if starts != 1 {
		t.Errorf("the other connector's task was started %d times", starts)
	}
	for _, r := range records(t, c.group+"-configs") {
		if strings.Contains(string(r.Value), "swordfish") || strings.Contains(string(r.Value), "tuna") {
			t.Errorf("a resolved value is in the config topic: %s", r.Value)
		}
	}
	if log := w.log(); strings.Contains(log, "swordfish") || strings.Contains(log, "tuna") {
		t.Errorf("a resolved value is in the log")
	}
}

// TestRotatedPassword: the database's password changes before the file of the config provider does. The task is refused, says so, and runs
// as soon as the file has the new password.
func TestRotatedPassword(t *testing.T) {
	db, name := mysqlDB(t), process.Unique("rotate")
	exec1(t, db, "CREATE DATABASE "+name)
	t.Cleanup(func() { exec1(t, db, "DROP USER '"+name+"'@'%'"); exec1(t, db, "DROP DATABASE "+name) })
	exec1(t, db, "CREATE TABLE "+name+".item (id INT PRIMARY KEY)")
	exec1(t, db, "CREATE USER '"+name+"'@'%' IDENTIFIED BY 'swordfish'")
	exec1(t, db, "GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES ON *.* TO '"+name+"'@'%'")
	secrets := filepath.Join(t.TempDir(), "secrets.properties")
	store := func(password string) {
		t.Helper()
		if err := os.WriteFile(secrets, []byte("password="+password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store("swordfish")
	c := newCluster(t, map[string]string{
		"config.providers": "file", "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
		"config.providers.file.param.watch.interval.ms": "1000",
	})
	w := c.add()
	host, port, _ := strings.Cut(process.Bed(t, "BED_MYSQL"), ":")
	w.put(name, map[string]string{
		"connector.class": "io.debezium.connector.mysql.MySqlConnector", "database.hostname": host, "database.port": port,
		"database.user": name, "database.password": "${file:" + secrets + ":password}", "database.server.id": "4712", "topic.prefix": name,
		"database.include.list": name, "schema.history.internal.kafka.topic": name + "-history",
		"schema.history.internal.kafka.bootstrap.servers": process.Bed(t, "BED_KAFKA"),
	})
	w.running(name, 1)
	exec1(t, db, "ALTER USER '"+name+"'@'%' IDENTIFIED BY 'tuna'")
	if _, err := w.Do("POST", "/connectors/"+name+"/tasks/0/restart", nil, nil); err != nil {
		t.Fatal(err)
	}
	w.failedTask(name, "next_retry: 2", "class authorization", "Access denied")
	store("tuna")
	process.Await(t, 30*time.Second, name+" RUNNING with the new password", func() error {
		s, err := w.Status(name)
		if err == nil && (len(s.Tasks) != 1 || s.Tasks[0].State != "RUNNING") {
			err = fmt.Errorf("%+v", s)
		}
		return err
	})
	if log := w.log(); strings.Contains(log, "swordfish") || strings.Contains(log, "tuna") {
		t.Error("a password is in the log")
	}
}
