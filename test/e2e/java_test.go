//go:build integration

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/connectd/connectd/test/process"
)

// java is Apache Kafka's own Connect worker, run by test/bed, in the group and on the topics of a cluster.
type java struct {
	t   *testing.T
	url string
	dir string
	env []string
}

// addJava starts a Java worker with the FileStream connectors in the group and waits until it has joined.
func (c *cluster) addJava() *java {
	c.t.Helper()
	return c.addJavaWith("connect-file")
}

// addJavaWith starts one with the connectors of one of test/bed's plugins.
func (c *cluster) addJavaWith(plugin string) *java {
	c.t.Helper()
	port := process.FreePort(c.t)
	extra := ""
	for k, v := range c.extra {
		extra += "\n" + k + "=" + v
	}
	j := &java{t: c.t, url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	j.dir = filepath.Join(c.t.TempDir(), "java")
	j.env = append(os.Environ(), "BED_RUN="+j.dir, fmt.Sprintf("BED_CONNECT_PORT=%d", port),
		"BED_CONNECT_BOOTSTRAP="+process.Bed(c.t, "BED_KAFKA"), "BED_CONNECT_GROUP="+c.group, "BED_CONNECT_EXTRA="+extra, "BED_CONNECT_PLUGINS="+pluginFolder(c.t, plugin))
	c.t.Cleanup(func() {
		if c.t.Failed() {
			c.t.Logf("end of the Java worker's log:\n%s", j.log())
		}
		j.run("down", "connect")
	})
	j.start()
	return j
}

// pluginFolder is a plugin.path with one of test/bed's plugins; a Java worker that has to look through Debezium's too takes seconds longer.
func pluginFolder(t *testing.T, plugin string) string {
	t.Helper()
	cache := os.Getenv("CONNECTD_BED_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "connectd-bed")
	}
	dir := t.TempDir() // jars that lie in a plugin.path itself would be a plugin each
	if err := os.Symlink(filepath.Join(cache, "connect-plugins", plugin), filepath.Join(dir, plugin)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (j *java) start() { j.t.Helper(); j.run("up", "connect") }

// kill ends the process without warning.
func (j *java) kill() { j.t.Helper(); j.run("kill", "connect") }

func (j *java) run(args ...string) {
	j.t.Helper()
	cmd := exec.Command(process.Bed(j.t, "BED"), args...)
	cmd.Env = j.env
	if out, err := cmd.CombinedOutput(); err != nil {
		j.t.Fatalf("bed %v: %v\n%s", args, err, out)
	}
}

func (j *java) log() string {
	b, err := os.ReadFile(filepath.Join(j.dir, "connect", "log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-8000):])
}

// leader is the advertised address of whoever leads the group, as the members' assignments have it; empty while it rebalances.
func (c *cluster) leader() string {
	c.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(c.t, "BED_KAFKA")))
	if err != nil {
		c.t.Fatal(err)
	}
	defer cl.Close()
	var url string
	process.Await(c.t, 60*time.Second, "a leader of group "+c.group, func() error {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Groups = []string{c.group}
		resp, err := req.RequestWith(c.t.Context(), cl)
		if err != nil {
			return err
		}
		g := resp.Groups[0]
		if g.State != "Stable" {
			return fmt.Errorf("the group is %s", g.State)
		}
		for _, m := range g.Members {
			// version, error, member id of the leader, its URL
			b := kbin.Reader{Src: m.MemberAssignment}
			b.Int16()
			b.Int16()
			_ = b.String()
			url = b.String()
			if !b.Ok() {
				return fmt.Errorf("the assignment of %s cannot be read", m.MemberID)
			}
		}
		return nil
	})
	return url
}
