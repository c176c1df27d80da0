//go:build integration

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// TestMixedGroup: two connectd workers and a Java worker share a group. Work is balanced under either kind of leader, goes on when a leader
// of either kind is killed, and comes back to who returns; changes asked of any worker reach the leader, and the task configs that a
// connector makes on one kind of worker are taken, signed, by a leader of the other.
func TestMixedGroup(t *testing.T) {
	c := newCluster(t, map[string]string{"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"})
	j := c.addJava()
	a, b := c.add(), c.add()
	asJava := &proc{t: t, REST: process.NewREST(t, j.url)}
	c.procs = append(c.procs, asJava)
	c.sixFilesOver([]*proc{asJava, a, b}, "one")
	c.balanced(3)
	if leader := c.leader(); leader != j.url+"/" {
		t.Fatalf("the Java worker does not lead, but %s", leader)
	}

	j.kill()
	c.procs = []*proc{a, b}
	c.balanced(2)
	j.start()
	c.procs = []*proc{a, b, asJava}
	c.balanced(3)
	leader := a
	if url := c.leader(); url == b.URL+"/" {
		leader = b
	} else if url != a.URL+"/" {
		t.Fatalf("no connectd worker leads, but %s", url)
	}
	c.sixFilesOver([]*proc{b, asJava, a}, "two") // every task config is made anew, on either kind of worker
	c.balanced(3)
	for i := range 6 {
		name := fmt.Sprintf("%s-file-%d", c.group, i)
		process.Await(t, 30*time.Second, "the new task config of "+name, func() error { // Java answers 500 while it rebalances
			var tasks []struct{ Config map[string]string }
			if _, err := asJava.Do("GET", "/connectors/"+name+"/tasks", nil, &tasks); err != nil || len(tasks) != 1 || tasks[0].Config["topic"] != name+"-two" {
				return fmt.Errorf("%v, %w", tasks, err)
			}
			return nil
		})
	}

	leader.kill()
	other := a
	if leader == a {
		other = b
	}
	c.procs = []*proc{other, asJava}
	c.balanced(2)
	leader.start()
	c.procs = []*proc{a, b, asJava}
	c.balanced(3)
	if log := j.log(); strings.Contains(log, "nvalid signature") {
		t.Error("the Java worker refused a signature")
	}
}

// TestMixedGroupPlugins: under a connectd leader connectors go where their plugins are, asked of any worker. One whose plugin is gone
// fails with the class and the way out, and runs as soon as the plugin is back.
func TestMixedGroupPlugins(t *testing.T) {
	c := newCluster(t, map[string]string{"session.timeout.ms": "6000", "heartbeat.interval.ms": "500"})
	a, b := c.add(), c.add()
	j := c.addJavaWith("connect-mirror")
	asJava := &proc{t: t, REST: process.NewREST(t, j.url)}
	if leader := c.leader(); leader == j.url+"/" {
		t.Fatal("the Java worker leads")
	}
	const class = "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector"
	heartbeat := map[string]string{
		"connector.class": class, "source.cluster.alias": "here", "target.cluster.alias": c.group,
		"source.cluster.bootstrap.servers": process.Bed(t, "BED_KAFKA"), "target.cluster.bootstrap.servers": process.Bed(t, "BED_KAFKA"), "replication.factor": "1",
		"heartbeats.topic.replication.factor": "1", "emit.heartbeats.interval.seconds": "1",
	}
	name := c.group + "-heartbeat"
	process.Await(t, 30*time.Second, "a refusal", func() error { // judged by the Java worker, which alone can
		_, err := a.Do("PUT", "/connectors/"+name+"/config", map[string]string{"connector.class": class, "tasks.max": "none"}, nil)
		if err == nil || !strings.Contains(err.Error(), "Invalid value none for configuration tasks.max") {
			return fmt.Errorf("answered %w", err)
		}
		return nil
	})
	b.put(name, heartbeat)
	c.filesOver([]*proc{a, b}, 4, "one")
	java := strings.TrimPrefix(j.url, "http://")
	home := func() {
		t.Helper()
		s := a.running(name, 1)
		if s.Connector.WorkerID != java || s.Tasks[0].WorkerID != java {
			t.Errorf("%s runs on %+v", name, s)
		}
	}
	home()
	on := map[string]int{}
	for i := range 4 {
		s := asJava.running(fmt.Sprintf("%s-file-%d", c.group, i), 1)
		on[s.Connector.WorkerID]++
		on[s.Tasks[0].WorkerID]++
	}
	if on[java] != 0 || len(on) != 2 {
		t.Errorf("the FileStream connectors and tasks are on %v", on)
	}

	j.kill()
	process.Await(t, 60*time.Second, name+" failing", func() error {
		s, err := a.Status(name)
		if err != nil || s.Connector.State != "FAILED" || !strings.Contains(s.Connector.Trace, "no plugin "+class+"; install it on every worker") {
			return fmt.Errorf("%+v, %w", s, err)
		}
		return nil
	})
	j.start()
	process.Await(t, 60*time.Second, name+" back on the Java worker", func() error {
		s, err := a.Status(name)
		if err != nil || s.Connector.State != "RUNNING" || len(s.Tasks) != 1 || s.Tasks[0].State != "RUNNING" {
			return fmt.Errorf("%+v, %w", s, err)
		}
		return nil
	})
	home()
}

// sixFilesOver puts six connectors of one task each, over one worker after the other.
func (c *cluster) sixFilesOver(ps []*proc, version string) { c.t.Helper(); c.filesOver(ps, 6, version) }

func (c *cluster) filesOver(ps []*proc, n int, version string) {
	c.t.Helper()
	for i := range n {
		name := fmt.Sprintf("%s-file-%d", c.group, i)
		file := filepath.Join(c.t.TempDir(), "in.txt")
		if err := os.WriteFile(file, []byte("one\ntwo\n"), 0o600); err != nil {
			c.t.Fatal(err)
		}
		ps[i%len(ps)].put(name, map[string]string{
			"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "file": file, "topic": name + "-" + version, "tasks.max": "1",
		})
	}
}
