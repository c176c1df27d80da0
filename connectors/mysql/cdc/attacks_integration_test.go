//go:build integration

package cdc

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connect/config"
)

// TestServerIDClash starts a second connector with the same database.server.id. It says so in its check of the server. MariaDB ends the first
// one's stream. MySQL goes by the UUID that a replica tells of itself (Find_zombie_dump_thread in sql/rpl_source.cc), by the id only where
// neither has one: the replication client makes up one for each connection, so that both go on, without a row lost or repeated, until
// somebody comes with the UUID of the first. A connector whose stream was ended fails with the key.
func TestServerIDClash(t *testing.T) {
	c := items(t, 1)
	first := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer first.stop()
	first.until("the snapshot", ended)
	run(t, c, "INSERT INTO items VALUES (1, 'x')")
	first.until("the change", count(itemsTopic, 2))
	second := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer second.stop()
	second.until("the snapshot", ended)
	run(t, c, "INSERT INTO items VALUES (2, 'x')")
	second.until("the change", count(itemsTopic, 3))
	wantIDs(t, second.seen, 3)
	if !under(t).endsSameID {
		first.until("the change", count(itemsTopic, 3))
		wantIDs(t, first.seen, 3)
		dumpAsTheOthers(t, c)
	}
	run(t, c, "INSERT INTO items VALUES (3, 'x')") // not for the first: the second one reads already
	for deadline := time.Now().Add(30 * time.Second); ; {
		out, err := first.task.Poll(t.Context())
		if err != nil {
			if !strings.Contains(err.Error(), "another replica uses database.server.id=184054") {
				t.Errorf("error %v", err)
			}
			return
		}
		for _, rec := range out {
			first.seen = append(first.seen, renderRecord(rec))
		}
		first.task.Recycle(out)
		if n := len(ids(first.seen)); n > 3 || time.Now().After(deadline) {
			t.Fatalf("the stream was not ended; %d rows", n)
		}
	}
}

// dumpAsTheOthers asks MySQL for the binary log under the UUID of each replica that reads it.
func dumpAsTheOthers(t *testing.T, c *client.Conn) {
	t.Helper()
	r, err := c.Execute("SELECT CONVERT(VARIABLE_VALUE USING ascii) FROM performance_schema.user_variables_by_thread JOIN performance_schema.threads USING (THREAD_ID) " +
		"WHERE VARIABLE_NAME = 'replica_uuid' AND PROCESSLIST_COMMAND LIKE 'Binlog Dump%'")
	if err != nil {
		t.Fatal(err)
	}
	if r.RowNumber() < 2 {
		t.Fatalf("%d replicas have a UUID, want two", r.RowNumber())
	}
	for i := range r.RowNumber() {
		uuid, _ := r.GetString(i, 0)
		other := root(t)
		run(t, other, "SET @source_binlog_checksum = 'NONE', @replica_uuid = '"+uuid+"'")
		other.ResetSequence()
		command := append(make([]byte, 4), mysql.COM_BINLOG_DUMP, 4, 0, 0, 0, 1, 0) // behind the packet's header: from position 4 of the first file, without waiting
		if err := other.WritePacket(binary.LittleEndian.AppendUint32(command, 99)); err != nil {
			t.Fatal(err)
		}
		if _, err := other.ReadPacket(); err != nil { // it is sending: the other one was ended
			t.Fatal(err)
		}
	}
}

// TestHugeRow reads a row of more than 60 MB from the stream and from the snapshot.
func TestHugeRow(t *testing.T) {
	c := items(t, 1)
	run(t, c, "CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB)")
	task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", ended)
	const size = 62 << 20
	run(t, c, fmt.Sprintf("INSERT INTO big VALUES (1, REPEAT('x', %d))", size), "INSERT INTO items VALUES (1, 'x')")
	task.until("the rows", count(itemsTopic, 2))
	shot := startTask(t, bedConfig(t, config.Props{"snapshot.mode": "initial_only"}), &memoryLogs{}, "")
	defer shot.stop()
	shot.until("a snapshot", ended)
	for name, all := range map[string][]captured{"stream": task.seen, "snapshot": shot.seen} {
		r := last(all, "dbserver1.inventory.big")
		if r == nil {
			t.Fatalf("%s: no record", name)
		}
		if b := payload(r)["after"].(map[string]any)["b"].(string); len(b) != size/3*4+4 {
			t.Errorf("%s: %d characters of base64", name, len(b))
		}
	}
}

// TestManyColumns reads a table of as many columns as InnoDB has, before and after one of them changes.
func TestManyColumns(t *testing.T) {
	c := items(t, 1)
	const n = 1017
	var def, values strings.Builder
	for i := range n {
		fmt.Fprintf(&def, ", c%d TINYINT", i)
		fmt.Fprintf(&values, ", %d", i%100)
	}
	run(t, c, "CREATE TABLE wide ("+strings.Replace(def.String()[2:], "TINYINT", "INT PRIMARY KEY", 1)+")", "INSERT INTO wide VALUES ("+values.String()[2:]+")")
	task := startTask(t, bedConfig(t, nil), &memoryLogs{}, "")
	defer task.stop()
	task.until("the snapshot", ended)
	run(t, c, "UPDATE wide SET c1016 = 99", "ALTER TABLE wide DROP COLUMN c5", "UPDATE wide SET c1015 = NULL")
	const topic = "dbserver1.inventory.wide"
	task.until("the changes", count(topic, 3))
	got := changesOf(task.seen, topic)
	for i, columns := range []int{n, n, n - 1} {
		after := payload(&got[i])["after"].(map[string]any)
		if len(after) != columns || after["c1014"] != "#14" {
			t.Errorf("record %d: %d columns, want %d; c1014 is %v", i, len(after), columns, after["c1014"])
		}
	}
}

// TestPasswordChanged changes the password of a running connector and cuts its connection: the error names the keys, and the connector
// goes on from its offset with the new password.
func TestPasswordChanged(t *testing.T) {
	c := items(t, 1)
	grant := "GRANT SELECT, RELOAD, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES ON *.*"
	user(t, c, "turn", "old-geheim", grant)
	props, logs := config.Props{"database.user": "turn", "database.password": "old-geheim"}, &memoryLogs{}
	task := startTask(t, bedConfig(t, props), logs, "")
	task.until("the snapshot", ended)
	run(t, c, "INSERT INTO items VALUES (1, 'x')")
	task.until("the change", count(itemsTopic, 2))
	run(t, c, "ALTER USER 'turn'@'%' IDENTIFIED BY 'new-geheim'", "INSERT INTO items VALUES (2, 'x')")
	r, err := c.Execute("SELECT ID FROM " + under(t).processes + " WHERE USER = 'turn'")
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.RowNumber() {
		id, _ := r.GetString(i, 0)
		_, _ = c.Execute("KILL " + id)
	}
	run(t, c, "INSERT INTO items VALUES (3, 'x')")
	failed := task.failure()
	task.stop()
	if failed == nil || !strings.Contains(failed.Error(), "database.password") || strings.Contains(failed.Error(), "geheim") {
		t.Errorf("error %v", failed)
	}
	props["database.password"] = "new-geheim"
	again := startTask(t, bedConfig(t, props), logs, task.seen[len(task.seen)-1].offset)
	defer again.stop()
	again.until("the rest", count(itemsTopic, 4-len(ids(task.seen))))
	wantIDs(t, append(task.seen, again.seen...), 4)
}

// TestTableGoesDuringTheSnapshot drops one table and renames another between the reading of the definitions and that of the rows: the error
// names the table and the way out, and after a restart all other tables come whole, and what is changed.
func TestTableGoesDuringTheSnapshot(t *testing.T) {
	c := items(t, 0)
	fillItems(t, c, 3000)
	run(t, c, "CREATE TABLE z1 (id INT PRIMARY KEY)", "INSERT INTO z1 VALUES (1)", "CREATE TABLE z2 (id INT PRIMARY KEY)", "INSERT INTO z2 VALUES (1)",
		"CREATE TABLE z3 (id INT PRIMARY KEY)", "INSERT INTO z3 VALUES (1)")
	logs, props := &memoryLogs{}, bedConfig(t, config.Props{"snapshot.locking.mode": "none", "max.batch.size": "16", "max.queue.size": "32"})
	task := startTask(t, props, logs, "")
	task.until("a part of the snapshot", count(itemsTopic, 100))
	run(t, c, "DROP TABLE z1", "RENAME TABLE z2 TO z4", "INSERT INTO z4 VALUES (2)", "INSERT INTO z3 VALUES (2)")
	err := task.failure()
	task.stop()
	if err == nil || !strings.Contains(err.Error(), "inventory.z1") || !strings.Contains(err.Error(), "restart the task") {
		t.Fatalf("error %v", err)
	}
	again := startTask(t, props, logs, task.seen[len(task.seen)-1].offset)
	defer again.stop()
	seen := func(all []captured) []captured { return append(task.seen[:len(task.seen):len(task.seen)], all...) }
	again.until("the rest", func(all []captured) bool {
		return reads(seen(all), "dbserver1.inventory.z3") > 0 && !strings.Contains(all[len(all)-1].offset, "connectd_snapshot")
	})
	rows := map[string]bool{}
	for _, r := range changesOf(seen(again.seen), itemsTopic) {
		rows[fmt.Sprint(payload(&r)["after"].(map[string]any)["id"])] = true
	}
	if len(rows) != 3000 {
		t.Errorf("%d items", len(rows))
	}
	renamed := map[string]bool{}
	for _, r := range changesOf(again.seen, "dbserver1.inventory.z4") {
		renamed[fmt.Sprint(payload(&r)["after"].(map[string]any)["id"])] = true
	}
	if !renamed["#1"] || !renamed["#2"] {
		t.Errorf("of the renamed table came %v", renamed)
	}
}
