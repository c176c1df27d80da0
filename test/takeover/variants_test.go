//go:build integration && takeover

package takeover

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

// variant is a connector, or what is going on at its server, when it changes hands. The hooks are called while a worker runs: leave before
// it is stopped, arrive once the next one runs; from counts the switches.
type variant struct {
	name   string
	server func(t *testing.T) (addr string)
	class  string
	props  map[string]string
	leave  func(h *hands, from int)
	arrive func(h *hands, from int)
	finish func(h *hands)
	// repeats: connectd's offsets stay before a prepared XA transaction (docs/compatibility.md), so what came after it comes again.
	repeats bool
	extra   bool // only if TAKEOVER_VARIANTS asks for it
}

const (
	mysqlClass   = "io.debezium.connector.mysql.MySqlConnector"
	mariadbClass = "io.debezium.connector.mariadb.MariaDbConnector"
	bigRows      = 15000
	transaction  = 6000
)

func bedServer(name string) func(t *testing.T) string {
	return func(t *testing.T) string { return process.Bed(t, name) }
}

var transactionProps = map[string]string{"provide.transaction.metadata": "true", "max.batch.size": "100", "max.queue.size": "200"}

// variants are those of each server: an incremental snapshot under way, prepared XA transactions, the middle of a large transaction.
var variants = []variant{
	{name: "incremental", server: bedServer("BED_MYSQL"), class: mysqlClass, props: incrementalProps, leave: (*hands).partRead, finish: (*hands).allRead},
	{name: "xa", server: bedServer("BED_MYSQL"), class: mysqlClass, leave: (*hands).prepare, arrive: (*hands).commitPrepared, finish: (*hands).xaRows},
	{name: "txmeta", server: bedServer("BED_MYSQL"), class: mysqlClass, props: transactionProps, leave: (*hands).inTransaction, finish: (*hands).transactionsWhole},
	{name: "nogtid", server: noGTID, class: mysqlClass, leave: (*hands).inTransaction, finish: (*hands).transactionsWhole},
	{name: "mariadb", server: bedServer("BED_MARIADB"), class: mariadbClass, extra: true, leave: (*hands).inTransaction, finish: (*hands).transactionsWhole},
	{name: "mariadbtxmeta", server: bedServer("BED_MARIADB"), class: mariadbClass, extra: true, props: transactionProps, leave: (*hands).inTransaction, finish: (*hands).transactionsWhole},
	{name: "mariadbxa", server: bedServer("BED_MARIADB"), class: mariadbClass, extra: true, repeats: true, leave: (*hands).prepare, arrive: (*hands).commitPrepared, finish: (*hands).xaRows},
	{name: "mariadbincremental", server: bedServer("BED_MARIADB"), class: mariadbClass, extra: true, props: incrementalProps, leave: (*hands).partRead, finish: (*hands).allRead},
}

var incrementalProps = map[string]string{"incremental.snapshot.chunk.size": "50", "signal.enabled.channels": "source", "max.batch.size": "50", "max.queue.size": "100"}

// noGTID is a MySQL of its own without GTIDs.
func noGTID(t *testing.T) string {
	t.Helper()
	port := process.FreePort(t)
	env := append(os.Environ(), "BED_RUN="+t.TempDir(), fmt.Sprintf("BED_MYSQL_PORT=%d", port),
		"BED_MYSQL_EXTRA=--gtid-mode=OFF --enforce-gtid-consistency=OFF --innodb-buffer-pool-size=64M")
	bed := func(args ...string) {
		script, err := filepath.Abs("../bed/bed")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(script, args...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("bed %v: %v\n%s", args, err, out)
		}
	}
	t.Cleanup(func() { bed("kill", "mysql") })
	bed("up", "mysql")
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// hands is a variant's connector at work.
type hands struct {
	variant
	t    *testing.T
	id   string // of the connector; also topic.prefix and database
	db   *sql.DB
	addr string
	next int
	// prepared is the last row before the newest XA PREPARE.
	prepared int
}

// TestTakeoverVariants: Java → connectd → Java with connectors in the middle of something, all on one worker at a time. Each worker is
// stopped in order, so nothing may be lost and nothing but a chunk of an incremental snapshot may come twice. TAKEOVER_VARIANTS=a,b runs
// these, "all" those too that need MariaDB's connector (test/takeover/doc.go).
func TestTakeoverVariants(t *testing.T) {
	name := process.Unique("vary")
	g := process.NewGroup(t, process.Config{Binary: binary, Name: name, Props: session})
	java, ours := g.NewJava(session), g.Define(process.FreePort(t), nil)
	var all []*hands
	asked := os.Getenv("TAKEOVER_VARIANTS")
	for _, v := range variants {
		if asked == "all" || asked == "" && !v.extra || slices.Contains(strings.Split(asked, ","), v.name) {
			all = append(all, newHands(t, v, name+v.name))
		}
	}
	if len(all) == 0 {
		t.Fatalf("TAKEOVER_VARIANTS=%s names no variant", asked)
	}
	java.Start()
	for _, h := range all {
		java.Put(h.id, h.config())
	}
	from := 0
	switches := []struct {
		what        string
		stop, start func()
		rest        process.REST
	}{{"Java is stopped, connectd takes over", java.Stop, ours.Start, ours.REST}, {"connectd is stopped, Java takes over", ours.Stop, java.Start, java.REST}}
	for _, h := range all {
		h.sees("the snapshot", 100)
	}
	rest := java.REST
	for _, s := range switches {
		for _, h := range all {
			h.insert(50)
			h.leave(h, from)
		}
		s.stop()
		for _, h := range all {
			h.exec(fmt.Sprintf("ALTER TABLE item ADD COLUMN c%d INT DEFAULT %d", from, from))
			h.insert(50)
		}
		t.Log(s.what)
		s.start()
		rest = s.rest
		for _, h := range all {
			rest.AwaitRunning(h.id, 1)
			if h.arrive != nil {
				h.arrive(h, from)
			}
			h.insert(50)
			h.sees("what came while it changed hands", h.next)
		}
		from++
	}
	for _, h := range all {
		h.finish(h)
		rest.Must("PUT", "/connectors/"+h.id+"/stop", nil, nil)
		rest.AwaitState(h.id, "STOPPED", 0)
		h.once()
	}
}

func newHands(t *testing.T, v variant, id string) *hands {
	t.Helper()
	h := &hands{variant: v, t: t, id: id, addr: v.server(t)}
	var err error
	if h.db, err = sql.Open("mysql", "root:rootpw@tcp("+h.addr+")/"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.db.Close() })
	h.exec("CREATE DATABASE " + id)
	t.Cleanup(func() { h.exec("DROP DATABASE " + id) })
	if err := h.db.Close(); err != nil {
		t.Fatal(err)
	}
	if h.db, err = sql.Open("mysql", "root:rootpw@tcp("+h.addr+")/"+id); err != nil {
		t.Fatal(err)
	}
	h.exec("CREATE TABLE item (id INT PRIMARY KEY, note VARCHAR(40))")
	h.exec("CREATE TABLE big (id INT PRIMARY KEY, note VARCHAR(40))")
	h.exec("CREATE TABLE sig (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32), data VARCHAR(2048))")
	h.exec("GRANT INSERT, DELETE ON " + id + ".sig TO 'connectd'@'%'")
	h.insert(100)
	return h
}

func (h *hands) config() map[string]string {
	host, port, _ := strings.Cut(h.addr, ":")
	c := map[string]string{
		"connector.class": h.class, "tasks.max": "1", "database.hostname": host, "database.port": port, "database.user": "connectd",
		"database.password": "connectd", "database.server.id": strconv.Itoa(10000 + rand.IntN(1<<20)), "topic.prefix": h.id,
		"database.include.list": h.id, "schema.history.internal.kafka.topic": h.id + "-history", "signal.data.collection": h.id + ".sig",
		"schema.history.internal.kafka.bootstrap.servers": process.Bed(h.t, "BED_KAFKA"), "poll.interval.ms": "100", "heartbeat.interval.ms": "300",
	}
	maps.Copy(c, h.props)
	return c
}

func (h *hands) exec(q string) {
	h.t.Helper()
	if _, err := h.db.Exec(q); err != nil {
		h.t.Fatalf("%s: %.200s: %v", h.name, q, err)
	}
}

// insert adds n rows to item, a transaction each.
func (h *hands) insert(n int) {
	h.t.Helper()
	for range n {
		h.next++
		h.exec(fmt.Sprintf("INSERT INTO item (id, note) VALUES (%d, 'row')", h.next))
	}
}

// many adds n rows to a table in one transaction, with ids from first on.
func (h *hands) many(table string, first, n int) {
	h.t.Helper()
	tx, err := h.db.Begin()
	for i := first; i < first+n && err == nil; i += 500 {
		var q strings.Builder
		fmt.Fprintf(&q, "INSERT INTO %s (id, note) VALUES ", table)
		for j := i; j < min(i+500, first+n); j++ {
			fmt.Fprintf(&q, "(%d, 'big'),", j)
		}
		_, err = tx.Exec(strings.TrimSuffix(q.String(), ","))
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		h.t.Fatalf("%s: %v", h.name, err)
	}
}

// change is what the test reads of a record.
type change struct {
	Op     string
	After  *struct{ ID int }
	Source struct {
		Snapshot, File string
		Pos, Row       int64
	}
	Transaction *struct {
		ID    string
		Order int64 `json:"total_order"`
	}
}

func (h *hands) changes(table string) (out []change) {
	for _, rec := range process.Records(h.t, process.Bed(h.t, "BED_KAFKA"), h.id+"."+h.id+"."+table) {
		var c change
		if err := json.Unmarshal(rec.Value, &c); err != nil {
			h.t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// sees waits for the row with the id in item's topic.
func (h *hands) sees(what string, id int) {
	h.t.Helper()
	h.await(h.name+": "+what, "item", func(cs []change) bool {
		return slices.ContainsFunc(cs, func(c change) bool { return c.After != nil && c.After.ID == id })
	})
}

func (h *hands) await(what, table string, done func([]change) bool) {
	h.t.Helper()
	process.Await(h.t, 2*time.Minute, what, func() error {
		if cs := h.changes(table); !done(cs) {
			return fmt.Errorf("%d records", len(cs))
		}
		return nil
	})
}

// once: every row of the table is in the topic, and no change of the binary log is there twice.
func (h *hands) once() {
	h.t.Helper()
	for _, table := range []string{"item", "big"} {
		var rows int
		if err := h.db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&rows); err != nil {
			h.t.Fatal(err)
		}
		if rows == 0 {
			continue
		}
		ids, seen := map[int]bool{}, map[string]bool{}
		for _, c := range h.changes(table) {
			ids[c.After.ID] = true
			if c.Op != "c" {
				continue
			}
			at := fmt.Sprint(c.Source.File, c.Source.Pos, c.Source.Row, c.After.ID)
			if seen[at] && !(h.repeats && table == "item" && c.After.ID > h.prepared) {
				h.t.Errorf("%s: row %d of %s comes twice from the binary log", h.name, c.After.ID, table)
			}
			seen[at] = true
		}
		if len(ids) != rows {
			h.t.Errorf("%s: %d rows in %s, %d in its topic", h.name, rows, table, len(ids))
		}
	}
}

func reads(cs []change) (n int) {
	for _, c := range cs {
		if c.Op == "r" {
			n++
		}
	}
	return n
}

// partRead asks, first, for an incremental snapshot of big, and waits until another part of it has been read.
func (h *hands) partRead(from int) {
	if from == 0 {
		h.many("big", 1, bigRows)
		h.await(h.name+": the rows", "big", func(cs []change) bool { return len(cs) == bigRows })
		h.exec(`INSERT INTO sig VALUES ('ask', 'execute-snapshot', '{"data-collections": ["` + h.id + `.big"], "type": "incremental"}')`)
	}
	before := reads(h.changes("big"))
	h.await(h.name+": part of the snapshot", "big", func(cs []change) bool { n := reads(cs); return n >= before+500 || n >= bigRows })
}

// allRead: the snapshot went on at the chunk where it stood: over both changes it goes back by less than two chunks each.
func (h *hands) allRead() {
	h.await(h.name+": the whole snapshot", "big", func(cs []change) bool { return reads(cs) >= bigRows })
	last, back := 0, 0
	for _, c := range h.changes("big") {
		if c.Op != "r" {
			continue
		}
		if c.After.ID > last+1 {
			h.t.Fatalf("%s: row %d of the snapshot follows %d", h.name, c.After.ID, last)
		}
		if c.After.ID <= last {
			back++
			h.t.Logf("%s: goes back from %d to %d", h.name, last, c.After.ID)
			if last-c.After.ID > 100 {
				h.t.Errorf("%s: the snapshot went back from %d to %d", h.name, last, c.After.ID)
			}
		}
		last = c.After.ID
	}
	if back > 2 || last != bigRows {
		h.t.Errorf("%s: the snapshot ends with %d and went back %d times", h.name, last, back)
	}
}

func (h *hands) prepare(from int) {
	conn, err := h.db.Conn(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	x := h.id + strconv.Itoa(from)
	for _, q := range []string{"XA START '" + x + "'", fmt.Sprintf("INSERT INTO big VALUES (%d, 'xa')", from+1), "XA END '" + x + "'", "XA PREPARE '" + x + "'"} {
		if _, err := conn.ExecContext(h.t.Context(), q); err != nil {
			h.t.Fatalf("%s: %v", q, err)
		}
	}
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })          // only another session can commit it
	h.t.Cleanup(func() { _, _ = h.db.Exec("XA ROLLBACK '" + x + "'") }) // unless it was committed
	h.prepared = h.next
	h.insert(20)
	h.sees("what comes after XA PREPARE", h.next)
}

func (h *hands) commitPrepared(from int) { h.exec("XA COMMIT '" + h.id + strconv.Itoa(from) + "'") }

func (h *hands) xaRows() {
	h.await(h.name+": the rows of XA transactions", "big", func(cs []change) bool { return len(cs) >= 2 })
}

// inTransaction makes a large transaction and waits for its first records.
func (h *hands) inTransaction(from int) {
	h.many("big", 1+from*transaction, transaction)
	h.await(h.name+": a part of the transaction", "big", func(cs []change) bool { return len(cs) > from*transaction })
}

// transactionsWhole: each transaction is there whole, in order, its records numbered without a gap.
func (h *hands) transactionsWhole() {
	h.await(h.name+": the transactions", "big", func(cs []change) bool { return len(cs) >= 2*transaction })
	for i, c := range h.changes("big") {
		if c.After.ID != i+1 {
			h.t.Fatalf("%s: record %d of the transactions is row %d", h.name, i+1, c.After.ID)
		}
		if h.props["provide.transaction.metadata"] == "true" && (c.Transaction == nil || c.Transaction.Order != int64(i%transaction)+1) {
			h.t.Fatalf("%s: row %d has the transaction %+v", h.name, c.After.ID, c.Transaction)
		}
	}
}
