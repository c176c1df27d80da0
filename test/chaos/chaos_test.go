//go:build integration

package chaos

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "connectd-chaos")
	code := 1
	if err == nil {
		if binary, err = process.Build(dir); err == nil {
			code = m.Run()
		}
		os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func setting(t *testing.T, name string, value int) int {
	if s := os.Getenv(name); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	return value
}

const tables = 20

// TestChaos: whatever is killed, the topics give the tables in the end.
func TestChaos(t *testing.T) {
	changes, seed := int64(setting(t, "CHAOS_CHANGES", 10000)), setting(t, "CHAOS_SEED", int(time.Now().UnixNano()%1e6))
	t.Logf("%d changes, CHAOS_SEED=%d", changes, seed)
	rnd := rand.New(rand.NewPCG(uint64(seed), 0))
	first, second := newServer(t, 1), newServer(t, 2)
	first.start()
	second.start()
	second.exec(fmt.Sprintf(second.follow[0], first.port), second.follow[1])
	first.exec("CREATE DATABASE chaos")
	for i := range tables {
		first.exec(fmt.Sprintf("CREATE TABLE chaos.t%d (id INT PRIMARY KEY, v VARCHAR(40), n INT)", i))
	}
	g := process.NewGroup(t, process.Config{Binary: binary, Props: map[string]string{"session.timeout.ms": "6000", "heartbeat.interval.ms": "1000", "offset.flush.interval.ms": "1000"}})
	w := g.Add()
	name := process.Unique("chaos")
	w.Put(name, map[string]string{
		"connector.class": first.class, "tasks.max": "1",
		"database.hostname": fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", first.port, second.port), "database.user": "connectd", "database.password": "connectd",
		"database.server.id": "71100", "topic.prefix": name, "database.include.list": "chaos", "schema.history.internal.kafka.topic": name + "-history",
		"schema.history.internal.kafka.bootstrap.servers": process.Bed(t, "BED_KAFKA"), "poll.interval.ms": "50", "connect.timeout.ms": "3000",
	})
	w.AwaitRunning(name, 1)
	// A connector that is killed before it has stored an offset takes its snapshot anew: rows deleted meanwhile would stay in the topics.
	first.exec("CREATE TABLE chaos.begin (id INT PRIMARY KEY)", "INSERT INTO chaos.begin VALUES (1)")
	process.Await(t, time.Minute, "an offset", func() error {
		var stored struct{ Offsets []json.RawMessage }
		_, err := w.Do("GET", "/connectors/"+name+"/offsets", nil, &stored)
		if err == nil && len(stored.Offsets) == 0 {
			err = fmt.Errorf("there is none")
		}
		return err
	})
	load := startLoad(t, first, uint64(seed), changes)
	did := map[string]int{}
	for _, e := range plan(rnd, changes >= 100_000) {
		load.await(int64(e.at * float64(changes)))
		did[e.what]++
		switch e.what {
		case "kill of connectd":
			w.Kill()
			w.Start()
		case "restart of the server":
			first.kill()
			first.start()
		case "rotation":
			first.exec("FLUSH BINARY LOGS")
		case "failover":
			load.failover(first, second)
		}
	}
	load.await(changes)
	load.stop()
	second.exec("CREATE TABLE chaos.the_end (id INT PRIMARY KEY)", "INSERT INTO chaos.the_end VALUES (1)")
	process.Await(t, 4*time.Minute, "the last change", func() error {
		st, err := w.Status(name)
		if err != nil {
			return err
		}
		_, err = w.Do("GET", "/connectors/"+name+"/topics", nil, nil)
		if err != nil {
			return err
		}
		if !topicExists(t, name+".chaos.the_end") {
			return fmt.Errorf("not there yet; %+v", st)
		}
		return nil
	})
	// What is left of an interrupted snapshot comes beside the stream, and may come after its end.
	process.Await(t, 4*time.Minute, "the rest of the snapshot", func() error {
		for i := range tables {
			got, _ := replay(t, fmt.Sprintf("%s.chaos.t%d", name, i))
			if table := fmt.Sprintf("chaos.t%d", i); len(got) < len(second.rows(table)) {
				return fmt.Errorf("%s has %d rows, its topic %d", table, len(second.rows(table)), len(got))
			}
		}
		return nil
	})
	w.Must("PUT", "/connectors/"+name+"/stop", nil, nil) // then all that was read is written
	w.AwaitState(name, "STOPPED", 0)
	records, rows := 0, 0
	for i := range tables {
		topic, table := fmt.Sprintf("%s.chaos.t%d", name, i), fmt.Sprintf("chaos.t%d", i)
		got, n := replay(t, topic)
		want := second.rows(table)
		records, rows = records+n, rows+len(want)
		if key := compare(t, table, got, want); key != "" {
			story(t, topic, key)
		}
	}
	t.Logf("%v; %d changes, %d DDL statements, %d records, %d rows in %d tables", did, load.done.Load(), load.ddl.Load(), records, rows, tables)
}

type event struct {
	at   float64
	what string
}

// plan spreads the faults over the run; a short one has fewer.
func plan(rnd *rand.Rand, full bool) []event {
	kills, restarts, rotations := 3, 1, 1
	if full {
		kills, restarts, rotations = 10, 3, 2
	}
	var out []event
	for _, fault := range []struct {
		what  string
		times int
	}{{"kill of connectd", kills}, {"restart of the server", restarts}, {"rotation", rotations}} {
		what, times := fault.what, fault.times
		for i := range times {
			most := 0.95
			if what != "kill of connectd" {
				most = 0.6 // the first server is gone after that
			}
			out = append(out, event{most * (float64(i) + 0.2 + 0.6*rnd.Float64()) / float64(times), what})
		}
	}
	out = append(out, event{0.65, "failover"})
	slices.SortFunc(out, func(a, b event) int { return int((a.at - b.at) * 1e9) })
	return out
}

// replay folds a topic into rows by key.
func replay(t *testing.T, topic string) (map[string]map[string]any, int) {
	rows := map[string]map[string]any{}
	rs := process.Records(t, process.Bed(t, "BED_KAFKA"), topic)
	for _, r := range rs {
		if r.Value == nil {
			continue
		}
		var v struct{ After map[string]any }
		if err := json.Unmarshal(r.Value, &v); err != nil {
			t.Fatal(err)
		}
		var k struct{ ID int }
		if err := json.Unmarshal(r.Key, &k); err != nil {
			t.Fatal(err)
		}
		if key := strconv.Itoa(k.ID); v.After == nil {
			delete(rows, key)
		} else {
			rows[key] = v.After
		}
	}
	return rows, len(rs)
}

// story logs the last records of a row, to tell what went wrong with it.
func story(t *testing.T, topic, key string) {
	t.Helper()
	var lines []string
	for _, r := range process.Records(t, process.Bed(t, "BED_KAFKA"), topic) {
		if strings.Contains(string(r.Key), ":"+key+"}") {
			lines = append(lines, fmt.Sprintf("%d: %s", r.Offset, r.Value))
		}
	}
	t.Logf("the last records of row %s:\n%s", key, strings.Join(lines[max(0, len(lines)-5):], "\n"))
}

// compare holds replayed rows against the table's. A column that came after a row's last change has its default, the number in its name.
// It gives a row that is wrong, if there is one.
func compare(t *testing.T, table string, got map[string]map[string]any, want map[string]map[string]sql.NullString) (wrongRow string) {
	t.Helper()
	bad := 0
	wrong := func(format string, args ...any) {
		if bad++; bad <= 5 {
			t.Errorf(table+": "+format, args...)
		}
		wrongRow = cmp.Or(wrongRow, args[0].(string))
	}
	for key := range got {
		if want[key] == nil {
			wrong("row %s is in the topic only", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		g, ok := got[key]
		if !ok {
			wrong("row %s is not in the topic", key)
			continue
		}
		for c, v := range want[key] {
			text := "NULL"
			if v.Valid {
				text = v.String
			}
			x, ok := g[c]
			have := fmt.Sprint(x)
			switch {
			case !ok:
				have = strings.TrimPrefix(c, "c")
			case x == nil:
				have = "NULL"
			}
			if f, isNumber := x.(float64); isNumber {
				have = strconv.FormatInt(int64(f), 10)
			}
			if have != text {
				wrong("row %s, %s: topic %s, table %s", key, c, have, text)
			}
		}
	}
	if bad > 5 {
		t.Errorf("%s: %d differences in all", table, bad)
	}
	return wrongRow
}
