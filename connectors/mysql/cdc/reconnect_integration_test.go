//go:build integration

package cdc

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"github.com/connectd/connectd/connect/config"
)

// cutTask is a task that reads the database of items through a proxy.
type cutTask struct {
	task  *running
	logs  *memoryLogs
	proxy *proxy
	props config.Props
}

func startCut(t *testing.T, more config.Props) *cutTask {
	items(t, 1)
	s := &cutTask{logs: &memoryLogs{}, proxy: newProxy(t, bed(t)), props: bedConfig(t, more)}
	_, port, _ := net.SplitHostPort(s.proxy.addr())
	s.props["database.port"], s.props["max.batch.size"], s.props["max.queue.size"] = port, "4", "8"
	s.task = startTask(t, s.props, s.logs, "")
	s.task.until("the snapshot", ended)
	t.Cleanup(s.task.stop)
	return s
}

// session is one more session at the database of items.
func session(t *testing.T) *client.Conn {
	t.Helper()
	c := root(t)
	run(t, c, "USE inventory")
	return c
}

// statements are the texts of the schema history, and of the topic of schema changes, with the statement in them.
func (s *cutTask) statements(with string) (history, announced int) {
	s.logs.mu.Lock()
	for topic, docs := range s.logs.topics {
		for _, d := range docs {
			if !strings.HasSuffix(topic, ".tables") && strings.Contains(string(d), with) && strings.Contains(string(d), `"ddl"`) {
				history++
			}
		}
	}
	s.logs.mu.Unlock()
	for _, r := range s.task.seen {
		if r.topic == "dbserver1" && strings.Contains(fmt.Sprint(payload(&r)["ddl"]), with) {
			announced++
		}
	}
	return history, announced
}

func (s *cutTask) wantOnce(t *testing.T, with string) {
	t.Helper()
	if h, a := s.statements(with); h != 1 || a != 1 {
		t.Errorf("%s: %d times in the history, %d times announced; want once", with, h, a)
	}
}

// TestReconnectInCreateSelect cuts the connection between the CREATE TABLE and the last row of CREATE TABLE … SELECT.
func TestReconnectInCreateSelect(t *testing.T) {
	s := startCut(t, nil)
	c := session(t)
	run(t, c, "CREATE TABLE made (PRIMARY KEY (id)) DEFAULT CHARSET = latin1 SELECT n AS id, REPEAT('x', 60000) AS v FROM "+
		"(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s) s")
	s.task.until("the statement", func(all []captured) bool { _, a := s.statements("made"); return a > 0 })
	s.proxy.cut()
	s.task.until("the rows", count("dbserver1.inventory.made", 900))
	run(t, c, "INSERT INTO items VALUES (99, 'end')")
	s.task.until("the end", func(all []captured) bool { return slices.Contains(ids(all), "99") })
	s.wantOnce(t, "made")
	made := changesOf(s.task.seen, "dbserver1.inventory.made")
	for i := range made {
		if id := payload(&made[i])["after"].(map[string]any)["id"]; fmt.Sprint(id) != fmt.Sprintf("#%d", i+1) {
			t.Fatalf("row %d is %v", i+1, id)
		}
	}
	if len(made) != 900 {
		t.Errorf("%d rows", len(made))
	}
	// A restart between the statement and its rows does not tell of it again, either.
	at := slices.IndexFunc(s.task.seen, func(r captured) bool {
		return r.topic == "dbserver1" && strings.Contains(fmt.Sprint(payload(&r)["ddl"]), "made")
	})
	again := startTask(t, s.props, s.logs.clone(), s.task.seen[at].offset)
	defer again.stop()
	again.until("the end", func(all []captured) bool { return slices.Contains(ids(all), "99") })
	if again.seen[0].topic != "dbserver1.inventory.made" || !count("dbserver1.inventory.made", 900)(again.seen) {
		t.Errorf("after the restart: a record of %s, %d in all", again.seen[0].topic, len(again.seen))
	}
}

// TestReconnectWithPreparedXA cuts the connection after DDL that came behind a prepared XA transaction: reading does not go back for it.
func TestReconnectWithPreparedXA(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		more := config.Props{"provide.transaction.metadata": "true"}
		if mode == "file" {
			more["gtid.ignore.on.recovery"] = "true"
		}
		t.Run(mode, func(t *testing.T) {
			s := startCut(t, more)
			c, holder := session(t), session(t)
			run(t, holder, "XA START 'kept'", "INSERT INTO items VALUES (20, 'kept'), (21, 'kept')", "XA END 'kept'", "XA PREPARE 'kept'")
			run(t, c, "CREATE TABLE other (id INT PRIMARY KEY, a VARCHAR(9)) DEFAULT CHARSET = latin1", "INSERT INTO other VALUES (1, 'ü')", "ALTER TABLE other DROP COLUMN a, ADD b INT",
				"INSERT INTO other VALUES (2, 5)", "INSERT INTO items VALUES (30, 'between')")
			s.task.until("what is committed", func(all []captured) bool { return slices.Contains(ids(all), "30") })
			s.proxy.cut()
			run(t, c, "INSERT INTO items VALUES (40, 'after the cut')")
			s.task.until("what comes then", func(all []captured) bool { return slices.Contains(ids(all), "40") })
			s.proxy.cut()
			run(t, holder, "XA COMMIT 'kept'")
			run(t, c, "INSERT INTO items VALUES (60, 'end')")
			s.task.until("the end", func(all []captured) bool { return slices.Contains(ids(all), "60") })
			if got := strings.Join(ids(s.task.seen), ","); got != "0,30,40,20,21,60" {
				t.Errorf("rows %s", got)
			}
			s.wantOnce(t, "CREATE TABLE other")
			s.wantOnce(t, "ALTER TABLE other")
			if n := len(changesOf(s.task.seen, "dbserver1.inventory.other")); n != 2 {
				t.Errorf("%d rows of the new table, want 2", n)
			}
		})
	}
}
