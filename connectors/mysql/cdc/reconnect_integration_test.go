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

// ddlServer is a server with the database of items, and a task that reads it through a proxy.
type ddlServer struct {
	session func() *client.Conn
	task    *running
	logs    *memoryLogs
	proxy   *proxy
	flavor  *flavor
	props   config.Props
	rows    string // a subquery with the numbers from 1 to 900 as n
}

func ddlServers(t *testing.T, more config.Props) map[string]func(t *testing.T) *ddlServer {
	start := func(t *testing.T, s *ddlServer, f *flavor, addr string, config func(config.Props) config.Props) *ddlServer {
		s.proxy = newProxy(t, addr)
		_, port, _ := net.SplitHostPort(s.proxy.addr())
		props := config(more)
		props["database.port"], props["max.batch.size"], props["max.queue.size"] = port, "4", "8"
		s.logs, s.flavor, s.props = &memoryLogs{}, f, props
		s.task = startTask(t, props, s.logs, "")
		s.task.until("the snapshot", ended)
		t.Cleanup(s.task.stop)
		return s
	}
	return map[string]func(t *testing.T) *ddlServer{
		"mysql": func(t *testing.T) *ddlServer {
			items(t, 1)
			session := func() *client.Conn { c := root(t); run(t, c, "USE inventory"); return c }
			s := &ddlServer{session: session, rows: "(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n FROM s) s"}
			return start(t, s, nil, bed(t), func(p config.Props) config.Props { return bedConfig(t, p) })
		},
		"mariadb": func(t *testing.T) *ddlServer {
			_, props := mariadb(t, nil)
			_, addr := mariadbSession(t)
			session := func() *client.Conn { c, _ := mariadbSession(t); run(t, c, "USE inventory"); return c }
			s := &ddlServer{session: session, rows: "(SELECT seq AS n FROM seq_1_to_900) s"}
			return start(t, s, mariadbFlavor, addr, func(p config.Props) config.Props {
				for k, v := range p {
					props[k] = v
				}
				return props
			})
		},
	}
}

// statements are the texts of the schema history, and of the topic of schema changes, with the statement in them.
func (s *ddlServer) statements(with string) (history, announced int) {
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

func (s *ddlServer) wantOnce(t *testing.T, with string) {
	t.Helper()
	if h, a := s.statements(with); h != 1 || a != 1 {
		t.Errorf("%s: %d times in the history, %d times announced; want once", with, h, a)
	}
}

// TestReconnectInCreateSelect cuts the connection between the CREATE TABLE and the last row of CREATE TABLE … SELECT.
func TestReconnectInCreateSelect(t *testing.T) {
	for name, server := range each(ddlServers(t, config.Props{})) {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			c := s.session()
			run(t, c, "CREATE TABLE made (PRIMARY KEY (id)) DEFAULT CHARSET = latin1 SELECT n AS id, REPEAT('x', 60000) AS v FROM "+s.rows)
			s.task.until("the statement", func(all []captured) bool { _, a := s.statements("made"); return a > 0 })
			s.proxy.cut()
			s.task.until("the rows", count("dbserver1.inventory.made", 900))
			run(t, c, "INSERT INTO items VALUES (99, 'end')")
			s.task.until("the end", func(all []captured) bool { return slices.Contains(ids(all), "99") })
			s.wantOnce(t, "made")
			n := 0
			for i := range s.task.seen {
				if r := &s.task.seen[i]; r.topic == "dbserver1.inventory.made" {
					if n++; fmt.Sprint(payload(r)["after"].(map[string]any)["id"]) != fmt.Sprintf("#%d", n) {
						t.Fatalf("row %d is %v", n, payload(r)["after"].(map[string]any)["id"])
					}
				}
			}
			if n != 900 {
				t.Errorf("%d rows", n)
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
		})
	}
}

// TestReconnectWithPreparedXA cuts the connection after DDL that came behind a prepared XA transaction: reading does not go back for it.
func TestReconnectWithPreparedXA(t *testing.T) {
	for _, mode := range []string{"gtid", "file"} {
		more := config.Props{"provide.transaction.metadata": "true"}
		if mode == "file" {
			more["gtid.ignore.on.recovery"] = "true"
		}
		for name, server := range each(ddlServers(t, more)) {
			t.Run(name+" "+mode, func(t *testing.T) {
				s := server(t)
				c, holder := s.session(), s.session()
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
				other := 0
				for i := range s.task.seen {
					if s.task.seen[i].topic == "dbserver1.inventory.other" {
						other++
					}
				}
				if other != 2 {
					t.Errorf("%d rows of the new table, want 2", other)
				}
			})
		}
	}
}
