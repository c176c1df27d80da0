//go:build integration

package cdc

import (
	"context"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/connectd/connectd/connect/config"
)

const itemsTopic = "dbserver1.inventory.items"

// items makes a database with one table of n rows.
func items(t testing.TB, n int) *client.Conn {
	t.Helper()
	c := root(t)
	fresh(t, c)
	run(t, c, "CREATE DATABASE inventory", "USE inventory", "CREATE TABLE items (id INT PRIMARY KEY, v VARCHAR(200))")
	for i := range n {
		run(t, c, fmt.Sprintf("INSERT INTO items VALUES (%d, 'row %[1]d')", i))
	}
	return c
}

// ids are the ids of the items topic's creations and reads, in order.
func ids(all []captured) []string {
	var out []string
	for _, r := range all {
		if r.topic != itemsTopic || r.value == nil {
			continue
		}
		p := r.value.(map[string]any)["payload"].(map[string]any)
		if op := p["op"]; op == "c" || op == "r" {
			out = append(out, strings.TrimPrefix(p["after"].(map[string]any)["id"].(string), "#"))
		}
	}
	return out
}

func wantIDs(t testing.TB, all []captured, n int) {
	t.Helper()
	got := ids(all)
	for i := range max(n, len(got)) {
		if i >= len(got) || i >= n || got[i] != strconv.Itoa(i) {
			t.Fatalf("ids %v, want 0 to %d, each once and in order", got, n-1)
		}
	}
}

// TestReconnect cuts the replication connection again and again, in the middle of transactions too: every row comes once, in order.
func TestReconnect(t *testing.T) {
	c := items(t, 1)
	p := newProxy(t, bed(t))
	_, port, _ := net.SplitHostPort(p.addr())
	task := startTask(t, bedConfig(t, config.Props{"database.port": port, "max.batch.size": "4", "max.queue.size": "8"}), &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", count(itemsTopic, 1))
	const n = 400
	for i := 1; i < n; {
		run(t, c, "BEGIN")
		for range 10 {
			if i < n {
				run(t, c, fmt.Sprintf("INSERT INTO items VALUES (%d, '%s')", i, strings.Repeat("x", 100)))
				i++
			}
		}
		run(t, c, "COMMIT")
		if i%50 < 10 {
			p.cut()
		}
		task.poll()
	}
	task.until("all rows", count(itemsTopic, n))
	wantIDs(t, task.seen, n)
}

// TestServerAwayAtStart is a server that is away for a while when the task starts.
func TestServerAwayAtStart(t *testing.T) {
	items(t, 3)
	p := newProxy(t, bed(t))
	p.refuse(true)
	_, port, _ := net.SplitHostPort(p.addr())
	task := startTask(t, bedConfig(t, config.Props{"database.port": port}), &memoryLogs{}, "")
	defer task.stop()
	task.poll() // nothing, and no error
	p.refuse(false)
	task.until("the snapshot", count(itemsTopic, 3))
	wantIDs(t, task.seen, 3)
}

// TestPurged wants a start from a purged position to name what is missing, and when_needed to repair it.
func TestPurged(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		t.Run(mode, func(t *testing.T) {
			c := items(t, 1)
			logs := &memoryLogs{}
			props := config.Props{}
			if mode == "file" {
				props["gtid.ignore.on.recovery"] = "true"
			}
			task := startTask(t, bedConfig(t, props), logs, "")
			task.until("the snapshot", count(itemsTopic, 1))
			task.stop()
			stored := task.seen[len(task.seen)-1].offset
			first := logFile(t, c)
			run(t, c, "INSERT INTO items VALUES (1, 'lost')", "FLUSH BINARY LOGS", "INSERT INTO items VALUES (2, 'kept')",
				"FLUSH BINARY LOGS")
			purge(t, c)
			again := startTask(t, bedConfig(t, props), logs, stored)
			err := again.failure()
			again.stop()
			if err == nil || !strings.Contains(err.Error(), "snapshot.mode=when_needed") || mode == "gtid" && !strings.Contains(err.Error(), under(t).purged) ||
				mode == "file" && !strings.Contains(err.Error(), first) {
				t.Errorf("error %v", err)
			}
			props["snapshot.mode"] = "when_needed"
			repaired := startTask(t, bedConfig(t, props), logs, stored)
			defer repaired.stop()
			repaired.until("the new snapshot", count(itemsTopic, 3))
			wantIDs(t, repaired.seen, 3)
		})
	}
}

// purge deletes all files of the binary log but the current one. The server keeps those that somebody reads: connections of stopped
// tasks whose end it has not noticed yet are ended first.
func purge(t testing.TB, c *client.Conn) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		r, err := c.Execute("SELECT ID FROM " + under(t).processes + " WHERE COMMAND LIKE 'Binlog Dump%'")
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.RowNumber() {
			id, _ := r.GetString(i, 0)
			_, _ = c.Execute("KILL " + id) // it may be gone by itself
		}
		run(t, c, "PURGE BINARY LOGS TO '"+logFile(t, c)+"'")
		if r, err = c.Execute("SHOW BINARY LOGS"); err != nil {
			t.Fatal(err)
		}
		if r.RowNumber() == 1 {
			return
		}
	}
	t.Fatal("the server keeps its old binary log files")
}

// failure polls until the task fails.
func (r *running) failure() error {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		out, err := r.task.Poll(r.t.Context())
		if err != nil {
			return err
		}
		for _, rec := range out {
			r.seen = append(r.seen, renderRecord(rec))
		}
		r.task.Recycle(out)
	}
	return nil
}

// TestStatementFormat wants a change logged as a statement to fail the task with its place, after all rows before it.
func TestStatementFormat(t *testing.T) {
	c := items(t, 1)
	task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", count(itemsTopic, 1))
	run(t, c, "INSERT INTO items VALUES (1, 'row')", "SET SESSION binlog_format = STATEMENT", "UPDATE items SET v = 'x'")
	err := task.failure()
	if err == nil || !strings.Contains(err.Error(), "binlog_format=ROW") || !strings.Contains(err.Error(), logFile(t, c)+", position ") {
		t.Fatalf("error %v", err)
	}
	wantIDs(t, task.seen, 2)
}

// TestStatementElsewhere wants changes of other databases that were logged as statements to be passed over: managed services write
// their own heartbeats so.
func TestStatementElsewhere(t *testing.T) {
	c := items(t, 1)
	run(t, c, "CREATE DATABASE elsewhere", "CREATE TABLE elsewhere.t (id INT)", "CREATE TABLE elsewhere.u (id INT)")
	task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", ended)
	run(t, c, "SET SESSION binlog_format = STATEMENT", "INSERT INTO elsewhere.t VALUES (1)", "DELETE FROM elsewhere.u", "SET SESSION binlog_format = ROW",
		"INSERT INTO items VALUES (1, 'x')")
	task.until("the next row", count(itemsTopic, 2))
	wantIDs(t, task.seen, 2)
	run(t, c, "USE elsewhere", "SET SESSION binlog_format = STATEMENT", "UPDATE inventory.items SET v = 'x'", "SET SESSION binlog_format = ROW", "USE inventory")
	if err := task.failure(); err == nil || !strings.Contains(err.Error(), "binlog_format=ROW") {
		t.Errorf("error %v", err)
	}
}

// TestRowImages reads rows of sessions that do not log all columns: what is known is sent, large values that are not have the
// placeholder, and a change whose other columns are not known fails the task.
func TestRowImages(t *testing.T) {
	c := items(t, 1)
	run(t, c, "CREATE TABLE t (id INT PRIMARY KEY, a INT NOT NULL, b TEXT NOT NULL, c BLOB, j JSON)", `INSERT INTO t VALUES (1, 1, 'b', 'c', '{}'), (2, 2, 'b', 'c', '{}')`)
	task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", ended)
	run(t, c, "SET SESSION binlog_row_image = NOBLOB", "UPDATE t SET a = 3, b = 'new' WHERE id = 1", "SET SESSION binlog_row_image = MINIMAL",
		"DELETE FROM t WHERE id = 2", "INSERT INTO items VALUES (1, 'x')")
	task.until("the changes", count(itemsTopic, 2))
	const base64 = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="
	var got []captured
	for _, r := range task.seen {
		if r.topic == "dbserver1.inventory.t" && r.value != nil && payload(&r)["op"] != "r" {
			got = append(got, r)
		}
	}
	want := map[string]any{"id": "#1", "a": "#3", "b": "new", "c": base64, "j": under(t).unchangedJSON}
	if after := payload(&got[0])["after"]; !reflect.DeepEqual(after, want) {
		t.Errorf("after is %v, want %v", after, want)
	}
	if fmt.Sprintf("%v %v", payload(&got[1])["op"], got[1].key.(map[string]any)["payload"]) != "d map[id:#2]" {
		t.Errorf("%v of %v, want the deletion of 2", payload(&got[1])["op"], got[1].key)
	}
	run(t, c, "UPDATE t SET b = 'newer'")
	if err := task.failure(); err == nil || !strings.Contains(err.Error(), "binlog_row_image=FULL") {
		t.Errorf("error %v", err)
	}
}

// TestMissingGrants wants the task of a user without a privilege to fail with an error that names it.
func TestMissingGrants(t *testing.T) {
	c := items(t, 1)
	for _, x := range []struct{ grant, want string }{
		{"GRANT SELECT, RELOAD ON *.*", under(t).monitor},
		{"GRANT SELECT, RELOAD, REPLICATION CLIENT ON *.*", "REPLICATION SLAVE"},
		{"GRANT SELECT, REPLICATION CLIENT, REPLICATION SLAVE ON *.*", "LOCK TABLES"},
	} {
		user(t, c, "poor", "geheim", x.grant)
		task := startTask(t, bedConfig(t, config.Props{"database.user": "poor", "database.password": "geheim"}), &memoryLogs{}, "")
		err := task.failure()
		task.stop()
		if err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: error %v, want %s in it", x.grant, err, x.want)
		}
	}
}

// TestCompressedAndRotated reads compressed transactions, a rotation and a change of the checksum.
func TestCompressedAndRotated(t *testing.T) {
	c := items(t, 1)
	logs := &memoryLogs{}
	task := startTask(t, bedConfig(t, nil), logs, "")
	task.until("the snapshot", count(itemsTopic, 1))
	run(t, c, "SET SESSION binlog_transaction_compression = ON", "BEGIN", "INSERT INTO items VALUES (1, REPEAT('a', 200)), (2, REPEAT('b', 200))",
		"INSERT INTO items VALUES (3, REPEAT('c', 200))", "COMMIT", "FLUSH BINARY LOGS", "SET SESSION binlog_transaction_compression = OFF",
		"INSERT INTO items VALUES (4, 'x')", "SET GLOBAL binlog_checksum = NONE", "INSERT INTO items VALUES (5, 'x')",
		"SET GLOBAL binlog_checksum = CRC32", "INSERT INTO items VALUES (6, 'x')")
	task.until("all rows", count(itemsTopic, 7))
	task.stop()
	wantIDs(t, task.seen, 7)
	// In the middle of the compressed transaction.
	for i, r := range task.seen {
		if r.topic != itemsTopic || i < len(task.seen)-6 {
			continue
		}
		again := startTask(t, bedConfig(t, nil), logs.clone(), r.offset)
		rest := len(task.seen) - 1 - i
		if rest > 0 {
			again.until("the rest", count(itemsTopic, rest))
		}
		again.stop()
		wantIDs(t, append(append([]captured{}, task.seen[:i+1]...), again.seen...), 7)
	}
}

// TestWithoutReload takes a snapshot with locks on tables.
func TestWithoutReload(t *testing.T) {
	c := items(t, 3)
	user(t, c, "norel", "pw", "GRANT SELECT, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT ON *.*")
	run(t, c, "CREATE TABLE other (id INT PRIMARY KEY)", "CREATE DATABASE elsewhere", "CREATE TABLE elsewhere.t (id INT)")
	logs := &memoryLogs{}
	props := bedConfig(t, config.Props{"database.user": "norel", "database.password": "pw", "table.include.list": "inventory.items"})
	if ps := validate(t, props); len(ps) > 0 {
		t.Errorf("problems %v", ps)
	}
	task := startTask(t, props, logs, "")
	defer task.stop()
	task.until("the snapshot", count(itemsTopic, 3))
	task.until("the end of the snapshot", func(all []captured) bool { return !strings.Contains(all[len(all)-1].offset, "INITIAL") })
	if !slices.ContainsFunc(task.seen, func(r captured) bool { return strings.Contains(fmt.Sprint(r.value), "CREATE TABLE `other`") }) {
		t.Error("no definition of the table that was not locked")
	}
	run(t, c, "INSERT INTO items VALUES (3, 'x')")
	task.until("the change", count(itemsTopic, 4))
	wantIDs(t, task.seen, 4)
}

// TestModes runs the modes of the snapshot.
func TestModes(t *testing.T) {
	c := items(t, 2)
	only := startTask(t, bedConfig(t, config.Props{"snapshot.mode": "initial_only"}), &memoryLogs{}, "")
	only.until("the snapshot", count(itemsTopic, 2))
	run(t, c, "INSERT INTO items VALUES (2, 'x')")
	only.poll()
	only.poll()
	only.stop()
	wantIDs(t, only.seen, 2)

	none := startTask(t, bedConfig(t, config.Props{"snapshot.mode": "no_data", "heartbeat.interval.ms": "200"}), &memoryLogs{}, "")
	none.until("a heartbeat", count("__debezium-heartbeat.dbserver1", 1))
	run(t, c, "INSERT INTO items VALUES (3, 'x')")
	none.until("the change", count(itemsTopic, 1))
	beats := len(none.seen)
	none.until("more heartbeats", func(all []captured) bool { return len(all) > beats+1 })
	none.stop()
	if got := ids(none.seen); len(got) != 1 || got[0] != "3" {
		t.Errorf("ids %v, want 3", got)
	}
}

// TestValidate asks a real server.
func TestValidate(t *testing.T) {
	c := items(t, 1)
	user(t, c, "poor", "pw", "GRANT SELECT ON inventory.*")
	for _, x := range []struct {
		name  string
		props config.Props
		key   string // empty: no problem
		text  string
	}{
		{"fine", nil, "", ""},
		{"wrong password", config.Props{"database.password": "wrong"}, "database.hostname",
			"Unable to connect: Access denied for user 'dbz'@'localhost' (using password: YES)"},
		{"nobody there", config.Props{"database.port": "1"}, "database.hostname", "Unable to connect: "},
		{"missing grants", config.Props{"database.user": "poor", "database.password": "pw"}, "database.user", "REPLICATION SLAVE, REPLICATION CLIENT, RELOAD"},
		{"missing table", config.Props{"table.include.list": "inventory.items,inventory.nope"}, "table.include.list", "inventory.nope"},
		{"missing database", config.Props{"database.include.list": "inventory,nope", "table.include.list": ""}, "database.include.list", "No database matches nope"},
		{"unknown host", config.Props{"database.hostname": "no.such.host.invalid"}, "database.hostname", "no.such.host.invalid"},
		{"initial statement", config.Props{"database.initial.statements": "SET foo = 'geheim'"}, "database.hostname", "Unknown system variable 'foo'"},
		{"pattern without a table yet", config.Props{"table.include.list": "inventory.later_.*"}, "", ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			ps := validate(t, bedConfig(t, x.props))
			if x.key == "" {
				if len(ps) > 0 {
					t.Errorf("problems %v", ps)
				}
				return
			}
			if len(ps) != 1 || ps[0].Key != x.key || !strings.Contains(ps[0].Message, x.text) {
				t.Errorf("problems %v, want %s: %s", ps, x.key, x.text)
			}
			if strings.Contains(fmt.Sprint(ps), "geheim") {
				t.Errorf("a secret in %v", ps)
			}
		})
	}
	run(t, c, "SET GLOBAL binlog_row_image = MINIMAL")
	defer run(t, c, "SET GLOBAL binlog_row_image = FULL")
	ps := validate(t, bedConfig(t, nil))
	if len(ps) != 1 || !strings.Contains(ps[0].Message, "binlog_row_image is MINIMAL, but must be FULL") {
		t.Errorf("problems %v", ps)
	}
}

// proxy passes connections on to the server and can cut them.
type proxy struct {
	ln      net.Listener
	to      string
	mu      sync.Mutex
	conns   []net.Conn
	refused bool
	muted   bool
	silent  chan struct{} // one token for each connection that gets no answer
	wg      sync.WaitGroup
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, to: to, silent: make(chan struct{}, 100)}
	p.wg.Go(p.serve)
	t.Cleanup(func() { _ = ln.Close(); p.cut(); p.wg.Wait() })
	return p
}

func (p *proxy) addr() string { return p.ln.Addr().String() }

func (p *proxy) refuse(on bool) {
	p.mu.Lock()
	p.refused = on
	p.mu.Unlock()
}

// mute lets connections be made from now on, but nothing be said on them.
func (p *proxy) mute(on bool) {
	p.mu.Lock()
	p.muted = on
	p.mu.Unlock()
}

// awaitMuted waits for a connection that gets no answer.
func (p *proxy) awaitMuted(t testing.TB) {
	t.Helper()
	select {
	case <-p.silent:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody connected")
	}
}

func (p *proxy) serve() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refused, muted := p.refused, p.muted
		p.conns = append(p.conns, in) // now: cut must not miss it while the server is being connected to
		p.mu.Unlock()
		if muted {
			p.silent <- struct{}{}
			continue
		}
		out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.to)
		if err != nil || refused {
			_ = in.Close()
			if out != nil {
				_ = out.Close()
			}
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, out)
		p.mu.Unlock()
		p.wg.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
		p.wg.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
	}
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
