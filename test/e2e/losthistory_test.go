//go:build integration

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/connectd/connectd/test/process"
)

// TestLostSchemaHistory: the topic of the schema history is deleted while the connector is stopped, alone or together with its compacted
// copy of the tables. The connector goes on: out of the copy by itself, without one as snapshot.mode says. Then it can restart again.
func TestLostSchemaHistory(t *testing.T) {
	for _, x := range []struct {
		name, mode string
		both       bool
		reads      int // rows read anew
	}{
		{"history, initial", "initial", false, 0},
		{"history, recovery", "recovery", false, 0},
		{"history, when_needed", "when_needed", false, 0},
		{"both, recovery", "recovery", true, 0},
		{"both, when_needed", "when_needed", true, 4},
	} {
		t.Run(x.name, func(t *testing.T) {
			db, name := mysqlDB(t), process.Unique("losthistory")
			exec1(t, db, "CREATE DATABASE "+name)
			t.Cleanup(func() { exec1(t, db, "DROP DATABASE "+name) })
			exec1(t, db, "CREATE TABLE "+name+".item (id INT PRIMARY KEY, v VARCHAR(20))")
			exec1(t, db, "INSERT INTO "+name+".item VALUES (1, 'a'), (2, 'b')")
			w := newCluster(t, nil).add()
			host, port, _ := strings.Cut(process.Bed(t, "BED_MYSQL"), ":")
			history := name + "-history"
			props := map[string]string{
				"connector.class": "io.debezium.connector.mysql.MySqlConnector", "database.hostname": host, "database.port": port,
				"database.user": "connectd", "database.password": "connectd", "database.server.id": "4713", "topic.prefix": name,
				"database.include.list": name, "schema.history.internal.kafka.topic": history,
				"schema.history.internal.kafka.bootstrap.servers": process.Bed(t, "BED_KAFKA"),
			}
			w.put(name, props)
			topic := name + "." + name + ".item"
			ops := func() string {
				var out []string
				for _, r := range records(t, topic) {
					var v struct {
						Op    string
						After map[string]any
					}
					if err := json.Unmarshal(r.Value, &v); err != nil {
						t.Fatalf("%s: %v", r.Value, err)
					}
					out = append(out, fmt.Sprintf("%s%v%v", v.Op, v.After["id"], v.After["n"]))
				}
				return strings.Join(out, " ")
			}
			await := func(what, want string) {
				t.Helper()
				process.Await(t, 20*time.Second, what, func() error {
					if got := ops(); got != want {
						s, _ := w.Status(name)
						return fmt.Errorf("got %q, want %q; %+v", got, want, s)
					}
					return nil
				})
			}
			w.running(name, 1)
			await("the snapshot", "r1<nil> r2<nil>")
			exec1(t, db, "ALTER TABLE "+name+".item ADD COLUMN n INT FIRST")
			exec1(t, db, "INSERT INTO "+name+".item (id, v, n) VALUES (3, 'c', 3)")
			want := "r1<nil> r2<nil> c33"
			await("a row behind a DDL", want)
			stop := func() {
				t.Helper()
				w.Must("PUT", "/connectors/"+name+"/stop", nil, nil)
				w.AwaitState(name, "STOPPED", 0)
			}
			stop()

			topics := []string{history}
			if x.both {
				topics = append(topics, history+".tables")
			}
			deleteTopics(t, topics...)
			exec1(t, db, "INSERT INTO "+name+".item (id, v, n) VALUES (4, 'd', 4)")
			other := maps.Clone(props)
			other["snapshot.mode"] = x.mode
			w.put(name, other)
			w.Must("PUT", "/connectors/"+name+"/resume", nil, nil)
			w.running(name, 1)
			if x.reads == 0 {
				want += " c44"
			} else {
				want += " r1<nil> r2<nil> r33 r44"
			}
			await("the row written while it was stopped", want)
			exec1(t, db, "ALTER TABLE "+name+".item DROP COLUMN v")
			exec1(t, db, "INSERT INTO "+name+".item (id, n) VALUES (5, 5)")
			want += " c55"
			await("a row behind a DDL, with the new history", want)
			for _, made := range topics {
				if len(records(t, made)) == 0 {
					t.Errorf("nothing in the new topic %s", made)
				}
			}

			stop()
			w.put(name, props)
			w.Must("PUT", "/connectors/"+name+"/resume", nil, nil)
			w.running(name, 1)
			exec1(t, db, "INSERT INTO "+name+".item (id, n) VALUES (6, 6)")
			await("a row after a restart in the mode initial", want+" c66")
		})
	}
}

// deleteTopics deletes topics, and waits until the broker says that they are gone.
func deleteTopics(t *testing.T, topics ...string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(process.Bed(t, "BED_KAFKA")))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	deleted, err := adm.DeleteTopics(t.Context(), topics...)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	process.Await(t, time.Minute, "the topics to be gone", func() error {
		there, err := adm.ListTopics(t.Context())
		if err != nil {
			return err
		}
		for _, topic := range topics {
			if there.Has(topic) {
				return fmt.Errorf("%s is still there", topic)
			}
		}
		return nil
	})
}
