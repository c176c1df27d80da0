//go:build integration

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// eosWorker are the settings of workers with quick rebalances; the brokers allow no session below 6 s.
func eosWorker(support string) map[string]string {
	return map[string]string{
		"exactly.once.source.support": support, "session.timeout.ms": "6000", "heartbeat.interval.ms": "1000",
		"scheduled.rebalance.max.delay.ms": "0", "offset.flush.interval.ms": "300", "errors.restart.backoff.min.ms": "500",
	}
}

// lineFile writes a file of numbered lines without pause until it is told to stop; the file source reads it.
type lineFile struct {
	path string
	n    atomic.Int64
	end  chan struct{}
	done chan error
}

func writeLines(t *testing.T, path string) *lineFile {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	l := &lineFile{path: path, end: make(chan struct{}), done: make(chan error, 1)}
	go func() {
		w := bufio.NewWriter(f)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-l.end:
				l.done <- f.Close()
				return
			case <-tick.C:
			}
			for range 4 {
				fmt.Fprintf(w, "%d\n", l.n.Load())
				l.n.Add(1)
			}
			if err := w.Flush(); err != nil {
				l.done <- err
				return
			}
		}
	}()
	return l
}

// stop ends the writing and returns how many lines there are.
func (l *lineFile) stop(t *testing.T) int64 {
	t.Helper()
	close(l.end)
	if err := <-l.done; err != nil {
		t.Fatal(err)
	}
	return l.n.Load()
}

// committed reads what a topic holds for those who read committed records, up to the end of all transactions, decided or not.
func committed(t *testing.T, topic string) []*kgo.Record {
	t.Helper()
	return process.DecidedRecords(t, process.Bed(t, "BED_KAFKA"), topic)
}

// line is the number that a record of a file source carries.
func line(r *kgo.Record) (int64, error) {
	return strconv.ParseInt(strings.Trim(string(r.Value), `"`), 10, 64)
}

// awaitLine waits until a committed record carries line n or a later one.
func awaitLine(t *testing.T, topic string, n int64) {
	t.Helper()
	process.Await(t, 90*time.Second, fmt.Sprintf("line %d in topic %s", n, topic), func() error {
		rs := committed(t, topic)
		if len(rs) == 0 {
			return fmt.Errorf("no records")
		}
		if last, err := line(rs[len(rs)-1]); err != nil || last < n {
			return fmt.Errorf("last is %d, %w", last, err)
		}
		return nil
	})
}

// eachOnce checks that a topic of one partition has the lines 0 to n-1, in order and once each.
func eachOnce(t *testing.T, topic string, n int64) {
	t.Helper()
	rs := committed(t, topic)
	for i, r := range rs {
		if got, err := line(r); err != nil || got != int64(i) {
			t.Fatalf("topic %s, offset %d: line %d (%v), want %d of %d", topic, r.Offset, got, err, i, n)
		}
	}
	if int64(len(rs)) != n {
		t.Fatalf("topic %s has %d lines, want %d", topic, len(rs), n)
	}
	t.Logf("topic %s: %d lines, each once and in order", topic, n)
}

func fileSource(path, topic string, extra ...string) map[string]string {
	c := map[string]string{
		"connector.class": "FileStreamSource", "tasks.max": "1", "file": path, "topic": topic, "batch.size": "100",
		"exactly.once.support": "required",
	}
	for i := 0; i < len(extra); i += 2 {
		c[extra[i]] = extra[i+1]
	}
	return c
}

// by finds the worker that runs task 0 of a connector.
func (c *cluster) by(s process.Status) *proc {
	for _, p := range c.procs {
		if len(s.Tasks) > 0 && strings.HasSuffix(p.URL, "/"+s.Tasks[0].WorkerID) {
			return p
		}
	}
	c.t.Fatalf("no worker has the task of %+v", s)
	return nil
}

func (c *cluster) other(p *proc) *proc {
	for _, o := range c.procs {
		if o != p {
			return o
		}
	}
	return nil
}

// TestExactlyOnceKilled: workers are killed in the midst of transactions, and readers of committed records see each line once.
func TestExactlyOnceKilled(t *testing.T) {
	c := newCluster(t, eosWorker("enabled"))
	w := c.add()
	c.add()
	name := process.Unique("eos")
	kinds := map[string][]string{
		name + "-poll":     nil,
		name + "-interval": {"transaction.boundary", "interval", "transaction.boundary.interval.ms", "250"},
		name + "-own":      {"offsets.storage.topic", name + "-own-offsets"},
	}
	files := map[string]*lineFile{}
	for n, extra := range kinds {
		files[n] = writeLines(t, filepath.Join(t.TempDir(), "in.txt"))
		w.put(n, fileSource(files[n].path, n, extra...))
	}
	for n := range kinds {
		w.running(n, 1)
		awaitLine(t, n, 100)
	}
	victims := []string{name + "-poll", name + "-interval", name + "-own"}
	for _, n := range victims {
		s, err := c.procs[0].Status(n)
		if err != nil {
			t.Fatal(err)
		}
		victim := c.by(s)
		at := files[n].n.Load()
		victim.kill()
		victim.start()
		for n := range kinds {
			awaitLine(t, n, at)
		}
	}
	for n := range kinds {
		total := files[n].stop(t)
		awaitLine(t, n, total-1)
		eachOnce(t, n, total)
	}
	if len(committed(t, name+"-own-offsets")) == 0 {
		t.Error("the connector's own offsets topic is empty")
	}
	if !contains(committed(t, c.group+"-offsets"), name+"-own") {
		t.Error("the worker's offsets topic has no copy of the offsets in the connector's own topic")
	}
}

func contains(rs []*kgo.Record, key string) bool {
	for _, r := range rs {
		if strings.Contains(string(r.Key), key) {
			return true
		}
	}
	return false
}

// TestExactlyOnceZombie: a worker stands still in the midst of a transaction while another takes its task over. When it comes back it
// can write nothing any more.
func TestExactlyOnceZombie(t *testing.T) {
	c := newCluster(t, eosWorker("enabled"))
	w := c.add()
	c.add()
	name := process.Unique("zombie")
	f := writeLines(t, filepath.Join(t.TempDir(), "in.txt"))
	w.put(name, fileSource(f.path, name))
	zombie := c.by(w.running(name, 1))
	other := c.other(zombie)
	for round := range 2 {
		awaitLine(t, name, f.n.Load())
		if err := zombie.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		process.Await(t, 60*time.Second, "takeover", func() error {
			s, err := other.Status(name)
			if err != nil {
				return err
			}
			if len(s.Tasks) != 1 || s.Tasks[0].State != "RUNNING" || !strings.HasSuffix(other.URL, s.Tasks[0].WorkerID) {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
		awaitLine(t, name, f.n.Load())
		if err := zombie.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		process.Await(t, 60*time.Second, "the zombie in the group again", func() error {
			_, err := zombie.Do("PUT", "/connectors/"+name+"/resume", nil, nil)
			return err
		})
		awaitLine(t, name, f.n.Load())
		s := other.running(name, 1)
		t.Logf("round %d: the task is on %s", round, s.Tasks[0].WorkerID)
		zombie = c.by(s)
		other = c.other(zombie)
	}
	total := f.stop(t)
	awaitLine(t, name, total-1)
	eachOnce(t, name, total)
}

// TestExactlyOnceRolling: a running cluster goes from disabled to preparing to enabled, one worker at a time, and goes on from its offsets.
func TestExactlyOnceRolling(t *testing.T) {
	c := newCluster(t, eosWorker("disabled"))
	w := c.add()
	c.add()
	name := process.Unique("rolling")
	f := writeLines(t, filepath.Join(t.TempDir(), "in.txt"))
	w.put(name, fileSource(f.path, name, "exactly.once.support", "requested"))
	w.running(name, 1)
	for _, support := range []string{"preparing", "enabled"} {
		for _, p := range c.procs {
			p.stop()
			p.rewrite("exactly.once.source.support", support)
			p.start()
		}
		// Required is refused until all are enabled: the leader, whichever it is, validates.
		process.Await(t, 30*time.Second, "required refused or not, as "+support, func() error {
			code, err := w.Do("PUT", "/connectors/"+name+"/config", fileSource(f.path, name), nil)
			if (support == "enabled") != (err == nil) {
				return fmt.Errorf("HTTP %d: %w", code, err)
			}
			return nil
		})
		awaitLine(t, name, f.n.Load())
	}
	w.running(name, 1)
	total := f.stop(t)
	awaitLine(t, name, total-1)
	eachOnce(t, name, total)
	if !contains(committed(t, c.group+"-configs"), "tasks-fencing-"+name) {
		t.Error("there is no task count record")
	}
	offsets := offsetsOf(t, w, name)
	if _, err := w.Do("PUT", "/connectors/"+name+"/stop", nil, nil); err != nil {
		t.Fatal(err)
	}
	// From the start again: the offsets are written in a transaction, after a round of fencing.
	process.Await(t, 30*time.Second, "resetting offsets", func() error {
		_, err := w.Do("DELETE", "/connectors/"+name+"/offsets", nil, nil)
		return err
	})
	if got := offsetsOf(t, w, name); len(got) != 0 || len(offsets) != 1 {
		t.Errorf("offsets before %v, after the reset %v", offsets, got)
	}
	body := map[string]any{"offsets": []any{map[string]any{"partition": map[string]any{"filename": f.path}, "offset": map[string]any{"position": 2}}}}
	if _, err := w.Do("PATCH", "/connectors/"+name+"/offsets", body, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Do("PUT", "/connectors/"+name+"/resume", nil, nil); err != nil {
		t.Fatal(err)
	}
	process.Await(t, 60*time.Second, "the lines from the second on again", func() error {
		rs := committed(t, name)
		if int64(len(rs)) != 2*total-1 {
			return fmt.Errorf("%d lines, want %d", len(rs), 2*total-1)
		}
		if first, err := line(rs[total]); err != nil || first != 1 {
			t.Fatalf("line %d, %v", first, err)
		}
		return nil
	})
}

func offsetsOf(t *testing.T, p *proc, name string) []any {
	t.Helper()
	var body struct{ Offsets []any }
	if _, err := p.Do("GET", "/connectors/"+name+"/offsets", nil, &body); err != nil {
		t.Fatal(err)
	}
	return body.Offsets
}

// rewrite changes a key of the worker's file.
func (p *proc) rewrite(key, value string) {
	p.t.Helper()
	file := p.args[len(p.args)-1]
	b, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	out := strings.Split(string(b), "\n")
	for i, l := range out {
		if strings.HasPrefix(l, key+"=") {
			out[i] = key + "=" + value
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(out, "\n")), 0o600); err != nil {
		p.t.Fatal(err)
	}
}
