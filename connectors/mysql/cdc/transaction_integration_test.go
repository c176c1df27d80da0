//go:build integration

package cdc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/connectd/connectd/connect/config"
)

// txOutline is a record of rows or of transaction metadata in short.
func txOutline(c *captured) string {
	if c.value == nil {
		return "tombstone"
	}
	p := payload(c)
	if c.topic == "dbserver1.transaction" {
		out := fmt.Sprint(p["status"])
		if p["event_count"] != nil {
			out += fmt.Sprint(" ", p["event_count"])
			for _, x := range p["data_collections"].([]any) {
				m := x.(map[string]any)
				out += fmt.Sprint(" ", m["data_collection"], "=", m["event_count"])
			}
		}
		return strings.ReplaceAll(out, "#", "")
	}
	tx, _ := p["transaction"].(map[string]any)
	if tx == nil {
		return fmt.Sprint(p["op"], " -")
	}
	return strings.ReplaceAll(fmt.Sprint(p["op"], " ", tx["total_order"], " ", tx["data_collection_order"]), "#", "")
}

func txOutlines(all []captured) string {
	var out []string
	for i := range all {
		if strings.HasPrefix(all[i].topic, "dbserver1.") {
			out = append(out, txOutline(&all[i]))
		}
	}
	return strings.Join(out, "|")
}

// TestTransactionMetadata follows transactions of two tables, and restarts at every offset: the counts go on, nothing is counted twice.
func TestTransactionMetadata(t *testing.T) {
	c := items(t, 1)
	run(t, c, "CREATE TABLE other (id INT PRIMARY KEY)")
	props := bedConfig(t, config.Props{"provide.transaction.metadata": "true", "include.query": "true"})
	logs := &memoryLogs{}
	task := startTask(t, props, logs, "")
	task.until("the snapshot", ended)
	snapshot := len(task.seen)
	run(t, c, "SET SESSION binlog_rows_query_log_events = ON", "BEGIN", "INSERT INTO items VALUES (10, 'a'), (11, 'b')", "INSERT INTO other VALUES (1)",
		"UPDATE items SET id = 12 WHERE id = 10", "COMMIT", "DELETE FROM other", "INSERT INTO items VALUES (99, 'end')")
	task.until("the last END", func(all []captured) bool {
		return strings.HasSuffix(txOutlines(all), "c 1 1|END 1 inventory.items=1")
	})
	task.stop()
	all := task.seen[snapshot:]
	const want = "BEGIN|c 1 1|c 2 2|c 3 1|d 4 3|tombstone|c 5 4|END 5 inventory.other=1 inventory.items=4|BEGIN|d 1 1|tombstone|END 1 inventory.other=1|" +
		"BEGIN|c 1 1|END 1 inventory.items=1"
	if got := txOutlines(all); got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	id := payload(&all[0])["id"]
	for i := range all[:8] {
		p := payload2(&all[i])
		if p == nil {
			continue
		}
		if got := p["id"]; all[i].topic == "dbserver1.transaction" && got != id {
			t.Errorf("record %d: transaction %v, want %v", i, got, id)
		}
		if src, ok := p["source"].(map[string]any); ok && (src["gtid"] != id || !strings.Contains(fmt.Sprint(src["query"]), " ")) {
			t.Errorf("record %d: gtid %v of %v, query %v", i, src["gtid"], id, src["query"])
		}
	}
	if q := payload(&all[3])["source"].(map[string]any)["query"]; q != "INSERT INTO other VALUES (1)" {
		t.Errorf("query %v", q)
	}
	for i := range all[:len(all)-1] {
		if all[i].value == nil || i+1 < len(all) && continues(all[i+1]) {
			continue // in the midst of a row, which is sent again
		}
		again := startTask(t, props, logs.clone(), all[i].offset)
		rest := all[i+1:]
		again.until(fmt.Sprintf("the rest after record %d, %s", i, all[i].offset), func(got []captured) bool { return len(got) >= len(rest) })
		again.stop()
		if got, want := txOutlines(again.seen), txOutlines(rest); got != want {
			t.Errorf("restart after record %d (%s):\ngot  %s\nwant %s", i, all[i].offset, got, want)
		}
	}
}

func payload2(c *captured) map[string]any {
	if c.value == nil {
		return nil
	}
	return payload(c)
}

// TestXATransactions wants the rows of an XA transaction at its commit, and none if it is rolled back; also when the task stops between
// PREPARE and COMMIT, with GTIDs and without.
func TestXATransactions(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		t.Run(mode, func(t *testing.T) {
			c := items(t, 1)
			more := config.Props{}
			if mode == "file" {
				more["gtid.ignore.on.recovery"] = "true"
			}
			logs := &memoryLogs{}
			task := startTask(t, bedConfig(t, more), logs, "")
			task.until("the snapshot", ended)
			prepare := func(id string, statements ...string) (session *client.Conn) { // MariaDB's have one prepared transaction each
				session = root(t)
				run(t, session, "USE inventory", "XA START "+id)
				run(t, session, statements...)
				run(t, session, "XA END "+id, "XA PREPARE "+id)
				return session
			}
			kept := prepare("'kept','b',7", "INSERT INTO items VALUES (20, 'kept'), (21, 'kept')", "UPDATE items SET v = 'kept2' WHERE id = 21")
			run(t, c, "INSERT INTO items VALUES (30, 'between')")
			run(t, prepare("'gone'", "INSERT INTO items VALUES (40, 'gone')"), "XA ROLLBACK 'gone'", "XA START 'one'", "INSERT INTO items VALUES (50, 'one')", "XA END 'one'", "XA COMMIT 'one' ONE PHASE")
			task.until("what is committed", func(all []captured) bool { return strings.Contains(strings.Join(ids(all), ","), "50") })
			task.stop()
			if got := strings.Join(ids(task.seen), ","); got != "0,30,50" {
				t.Fatalf("before the commit: %s", got)
			}
			at := task.seen[len(task.seen)-1].offset
			run(t, kept, "XA COMMIT 'kept','b',7")
			run(t, c, "INSERT INTO items VALUES (60, 'end')")
			task = startTask(t, bedConfig(t, more), logs, at)
			task.until("the end", func(all []captured) bool { return strings.HasSuffix(strings.Join(ids(all), ","), "60") })
			defer task.stop()
			want := "20,21,60"
			if mode == "file" || under(t).plugin == &MariaDB { // reading starts again before the oldest that is held
				want = "30,50," + want
			}
			if n := strings.Count(fmt.Sprint(task.seen), "kept2"); n != 1 {
				t.Errorf("%d updates of a held transaction, want 1", n)
			}
			if got := strings.Join(ids(task.seen), ","); got != want {
				t.Errorf("after the restart: %s, want %s", got, want)
			}
		})
	}
}

// TestHeartbeatQuery wants heartbeat.action.query to run with each heartbeat, and the task to live when it fails.
func TestHeartbeatQuery(t *testing.T) {
	c := items(t, 1)
	run(t, c, "CREATE TABLE beats (id INT PRIMARY KEY, n INT)", "INSERT INTO beats VALUES (1, 0)")
	user(t, c, "beater", "beat", "GRANT SELECT, UPDATE, RELOAD, SHOW DATABASES, LOCK TABLES, REPLICATION SLAVE, REPLICATION CLIENT ON *.*")
	props := bedConfig(t, config.Props{"heartbeat.interval.ms": "100", "heartbeat.action.query": "UPDATE inventory.beats SET n = n + 1",
		"database.user": "beater", "database.password": "beat"})
	task := startTask(t, props, &memoryLogs{}, "")
	defer task.stop()
	updates := func(all []captured) (n int) {
		for i := range all {
			if all[i].topic == "dbserver1.inventory.beats" && payload(&all[i])["op"] == "u" {
				n++
			}
		}
		return n
	}
	task.until("two beats", func(all []captured) bool { return updates(all) >= 2 })
	run(t, c, "ALTER TABLE beats RENAME COLUMN n TO m")
	seen := len(task.seen)
	task.until("a heartbeat that goes on", func(all []captured) bool {
		return len(all) > seen+3 && strings.HasPrefix(all[len(all)-1].topic, "__debezium-heartbeat")
	})
	run(t, c, "ALTER TABLE beats RENAME COLUMN m TO n")
	before := updates(task.seen)
	task.until("beats again", func(all []captured) bool { return updates(all) > before })
}

// TestGTIDSources drops the rows of a server that gtid.source.excludes names, and finds the place without its transactions.
func TestGTIDSources(t *testing.T) {
	c := items(t, 1)
	const foreign = "aaaaaaaa-0000-0000-0000-000000000001"
	other := root(t)
	run(t, other, "USE inventory")
	gno := time.Now().UnixNano()
	foreignly := func(sql string) {
		gno++
		run(t, other, fmt.Sprintf("SET SESSION gtid_next = '%s:%d'", foreign, gno), sql, "SET SESSION gtid_next = 'AUTOMATIC'")
	}
	props := bedConfig(t, config.Props{"gtid.source.excludes": "aaaaaaaa-.*"})
	logs := &memoryLogs{}
	task := startTask(t, props, logs, "")
	task.until("the snapshot", ended)
	foreignly("INSERT INTO items VALUES (20, 'foreign')")
	run(t, c, "INSERT INTO items VALUES (21, 'own')")
	task.until("own rows", func(all []captured) bool { return strings.Contains(strings.Join(ids(all), ","), "21") })
	task.stop()
	at := task.seen[len(task.seen)-1].offset
	if got := strings.Join(ids(task.seen), ","); got != "0,21" {
		t.Fatalf("got %s", got)
	}
	// A set that knows foreign transactions this server never saw, as after a failover.
	at = strings.Replace(at, `"gtids":"`, `"gtids":"`+foreign+`:1-5,`, 1)
	foreignly("INSERT INTO items VALUES (22, 'foreign')")
	run(t, c, "INSERT INTO items VALUES (23, 'own')")
	task = startTask(t, props, logs, at)
	defer task.stop()
	task.until("the end", func(all []captured) bool { return strings.Contains(strings.Join(ids(all), ","), "23") })
	if got := strings.Join(ids(task.seen), ","); got != "23" {
		t.Errorf("after the restart: %s", got)
	}
}
