//go:build integration

package takeover

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectd/connectd/test/process"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "connectd-takeover")
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

// session: a killed worker is in the group until its session is over; the brokers allow no less than 6 s.
var session = map[string]string{"session.timeout.ms": "6000", "heartbeat.interval.ms": "1000", "scheduled.rebalance.max.delay.ms": "0"}

// TestTakeover: a Java worker with running, paused and stopped connectors is stopped, connectd goes on with its topics, and back again;
// then the same with killed workers. The load goes on all the time; no line and no row is lost, and none is doubled but those after the
// last offset of a killed worker.
func TestTakeover(t *testing.T) {
	name := process.Unique("take")
	g := process.NewGroup(t, process.Config{Binary: binary, Name: name, Props: session})
	s := newScene(t, name, 2)
	java, ours := g.NewJava(session), g.Define(process.FreePort(t), nil)
	java.Start()
	s.create(java.REST)
	s.goesOn(java.REST)
	s.remember(java.REST)

	s.phase("Java is stopped, connectd takes over")
	java.Stop()
	s.load.exec(t, "ALTER TABLE "+name+".item ADD COLUMN a INT DEFAULT 1")
	ours.Start()
	s.holds(ours.REST)
	s.goesOn(ours.REST)
	s.restartBoth(ours.REST)
	s.changeIdle(ours.REST)
	s.load.exec(t, "ALTER TABLE "+name+".item ADD COLUMN b INT DEFAULT 2")
	s.goesOn(ours.REST)
	s.remember(ours.REST)

	s.phase("connectd is stopped, Java takes over")
	ours.Stop()
	java.Start()
	s.holds(java.REST)
	s.goesOn(java.REST)
	s.idleChanged(java.REST)
	s.exactly() // until here each worker was stopped in order
	s.remember(java.REST)
	s.kills(java, ours)
}

// TestTakeoverExactlyOnce: with exactly-once support on both sides no record is doubled in the topics, not even after kills.
func TestTakeoverExactlyOnce(t *testing.T) {
	name, props := process.Unique("once"), maps.Clone(session)
	props["exactly.once.source.support"] = "enabled"
	g := process.NewGroup(t, process.Config{Binary: binary, Name: name, Props: props})
	s := newScene(t, name, 0)
	java, ours := g.NewJava(props), g.Define(process.FreePort(t), nil)
	java.Start()
	s.create(java.REST)
	s.goesOn(java.REST)
	s.remember(java.REST)
	s.kills(java, ours)
}

// kills changes from Java to connectd and back by killing the one that runs, and ends the load.
func (s *scene) kills(java *process.Java, ours *process.Worker) {
	s.phase("Java is killed, connectd takes over")
	java.Kill()
	ours.Start()
	s.holds(ours.REST)
	s.goesOn(ours.REST)
	s.remember(ours.REST)

	s.phase("connectd is killed, Java takes over")
	ours.Kill()
	java.Start()
	s.holds(java.REST)
	s.goesOn(java.REST)

	s.phase("the load ends")
	s.end()
	s.total()
}

// scene is the set-up that changes hands.
type scene struct {
	t    *testing.T
	name string
	dir  string
	load *load
	kept map[string]kept
	// again is how often the topics may go back: once for each worker that is killed, unless sources are exactly-once.
	again int
	begin time.Time
	end   func() // ends the load
}

func newScene(t *testing.T, name string, again int) *scene {
	s := &scene{t: t, name: name, dir: t.TempDir(), load: newLoad(t, process.Bed(t, "BED_MYSQL"), name), again: again, begin: time.Now()}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.load.run(ctx, t) })
	s.end = func() { cancel(); running.Wait() }
	t.Cleanup(s.end)
	return s
}

func (s *scene) phase(what string) { s.t.Logf("%5.1f s: %s", time.Since(s.begin).Seconds(), what) }

// kept is what of a connector must be there after a takeover.
type kept struct {
	config   map[string]string
	status   string
	topics   []string
	progress int64
}

func (s *scene) id(n string) string   { return s.name + "-" + n }
func (s *scene) path(n string) string { return s.dir + "/" + n + ".txt" }

// busy connectors move records all the time.
var busy = []string{"src", "sink", "cdc", "cdcsink"}

func (s *scene) create(r process.REST) {
	host, port, _ := strings.Cut(process.Bed(s.t, "BED_MYSQL"), ":")
	file := "org.apache.kafka.connect.file.FileStream"
	transforms := "org.apache.kafka.connect.transforms."
	for _, n := range []string{"paused", "stopped"} {
		if err := os.WriteFile(s.path(n), []byte("1\n2\n3\n"), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	for n, c := range map[string]map[string]string{
		"src": {
			"connector.class": file + "SourceConnector", "file": s.load.file, "topic": s.id("lines"),
			"transforms": "hoist,by", "transforms.hoist.type": transforms + "HoistField$Value", "transforms.hoist.field": "line",
			"transforms.by.type": transforms + "InsertField$Value", "transforms.by.static.field": "by", "transforms.by.static.value": "takeover",
		},
		"sink": {
			"connector.class": file + "SinkConnector", "file": s.path("lines"), "topics": s.id("lines"),
			"transforms": "line", "transforms.line.type": transforms + "ExtractField$Value", "transforms.line.field": "line",
		},
		"cdc": {
			"connector.class": "io.debezium.connector.mysql.MySqlConnector", "database.hostname": host, "database.port": port,
			"database.user": "connectd", "database.password": "connectd", "database.server.id": strconv.Itoa(10000 + rand.IntN(1<<20)),
			"topic.prefix": s.name, "database.include.list": s.name, "schema.history.internal.kafka.topic": s.id("history"),
			"schema.history.internal.kafka.bootstrap.servers": process.Bed(s.t, "BED_KAFKA"), "poll.interval.ms": "100",
		},
		"cdcsink": {
			"connector.class": file + "SinkConnector", "file": s.path("rows"), "topics": s.name + "." + s.name + ".item",
			"transforms": "after,id", "transforms.after.type": transforms + "ExtractField$Value", "transforms.after.field": "after",
			"transforms.id.type": transforms + "ExtractField$Value", "transforms.id.field": "id",
		},
		"paused":  {"connector.class": file + "SourceConnector", "file": s.path("paused"), "topic": s.id("paused")},
		"stopped": {"connector.class": file + "SourceConnector", "file": s.path("stopped"), "topic": s.id("stopped")},
	} {
		c["tasks.max"] = "1"
		if c["topics"] != "" {
			c["consumer.override.auto.offset.reset"] = "earliest"
			c["consumer.override.isolation.level"] = "read_committed"
			c["consumer.override.session.timeout.ms"] = "6000" // a killed worker's consumer holds its partitions that long
			c["consumer.override.heartbeat.interval.ms"] = "1000"
		}
		r.Put(s.id(n), c)
	}
	for _, n := range append(busy, "paused", "stopped") {
		r.AwaitRunning(s.id(n), 1)
	}
	for _, n := range []string{"paused", "stopped"} {
		s.awaitProgress(r, n, int64(6))
	}
	r.Must("PUT", "/connectors/"+s.id("paused")+"/pause", nil, nil)
	r.Must("PUT", "/connectors/"+s.id("stopped")+"/stop", nil, nil)
	s.idle(r)
}

func (s *scene) idle(r process.REST) {
	s.t.Helper()
	r.AwaitState(s.id("paused"), "PAUSED", 1)
	r.AwaitState(s.id("stopped"), "STOPPED", 0)
}

// goesOn waits until what is in file and table now has come out at the other end.
func (s *scene) goesOn(r process.REST) {
	s.t.Helper()
	for n, last := range map[string]int64{"lines": s.load.lines.Load() + 300, "rows": s.load.rows.Load() + 100} {
		process.Await(s.t, 90*time.Second, fmt.Sprintf("%d in the file of %s", last, n), func() error {
			for _, c := range busy {
				if st, err := r.Status(s.id(c)); err == nil && len(st.Tasks) == 1 && st.Tasks[0].State == "FAILED" {
					s.t.Fatalf("%s: %s", c, st.Tasks[0].Trace)
				}
			}
			ns, err := numbers(s.path(n))
			if err == nil && (len(ns) == 0 || slices.Max(ns) < last) {
				err = fmt.Errorf("%d numbers", len(ns))
			}
			return err
		})
	}
}

// progress is a number that grows with a connector's stored offsets.
func (s *scene) progress(r process.REST, n string) (int64, error) {
	var o struct {
		Offsets []struct {
			Offset struct {
				Position int64 // FileStreamSource
				Offset   int64 `json:"kafka_offset"` // sinks
				File     string
				Pos      int64 // Debezium
			}
		}
	}
	if _, err := r.Do("GET", "/connectors/"+s.id(n)+"/offsets", nil, &o); err != nil || len(o.Offsets) == 0 {
		return 0, err
	}
	off := o.Offsets[0].Offset
	_, file, _ := strings.Cut(off.File, ".")
	generation, _ := strconv.ParseInt(file, 10, 64)
	return off.Position + off.Offset + off.Pos + generation<<32, nil
}

func (s *scene) awaitProgress(r process.REST, n string, least int64) {
	s.t.Helper()
	process.Await(s.t, 30*time.Second, fmt.Sprintf("offset %d of %s", least, n), func() error {
		p, err := s.progress(r, n)
		if err == nil && p < least {
			err = fmt.Errorf("it is %d", p)
		}
		return err
	})
}

// look asks for all that must survive.
func (s *scene) look(r process.REST, n string) (k kept, err error) {
	if _, err = r.Do("GET", "/connectors/"+s.id(n)+"/config", nil, &k.config); err != nil {
		return k, err
	}
	var topics map[string]struct{ Topics []string }
	if _, err = r.Do("GET", "/connectors/"+s.id(n)+"/topics", nil, &topics); err != nil {
		return k, err
	}
	k.topics = topics[s.id(n)].Topics
	slices.Sort(k.topics)
	if k.progress, err = s.progress(r, n); err != nil {
		return k, err
	}
	st, err := r.Status(s.id(n))
	k.status = st.Connector.State
	for _, x := range st.Tasks {
		k.status += " " + x.State
	}
	return k, err
}

func (s *scene) remember(r process.REST) {
	s.t.Helper()
	s.kept = map[string]kept{}
	for _, n := range append(busy, "paused", "stopped") {
		k, err := s.look(r, n)
		if err != nil {
			s.t.Fatal(err)
		}
		s.kept[n] = k
	}
}

// holds waits until the worker tells of each connector what was remembered, with offsets that have not gone back.
func (s *scene) holds(r process.REST) {
	s.t.Helper()
	for n, was := range s.kept {
		process.Await(s.t, 3*time.Minute, n+" as before", func() error {
			now, err := s.look(r, n)
			switch {
			case err != nil:
				return err
			case !maps.Equal(now.config, was.config):
				s.t.Fatalf("config of %s: %v, was %v", n, now.config, was.config)
			case now.progress < was.progress:
				s.t.Fatalf("offset of %s: %d, was %d", n, now.progress, was.progress)
			case !slices.Equal(now.topics, was.topics):
				return fmt.Errorf("topics of %s: %v, were %v", n, now.topics, was.topics)
			case now.status != was.status:
				return fmt.Errorf("status of %s: %s, was %s", n, now.status, was.status)
			}
			return nil
		})
	}
}

// restartBoth writes restart requests, which the next worker must pass over.
func (s *scene) restartBoth(r process.REST) {
	for _, n := range []string{"src", "cdcsink"} {
		r.Must("POST", "/connectors/"+s.id(n)+"/restart?includeTasks=true&onlyFailed=false", nil, nil)
		r.AwaitRunning(s.id(n), 1)
	}
}

// changeIdle lets the paused connector go on for a while, and sets the offset of the stopped one back to the second line.
func (s *scene) changeIdle(r process.REST) {
	s.appendLines("paused", "4\n5\n")
	r.Must("PUT", "/connectors/"+s.id("paused")+"/resume", nil, nil)
	s.awaitProgress(r, "paused", 10)
	r.Must("PUT", "/connectors/"+s.id("paused")+"/pause", nil, nil)
	r.Must("PATCH", "/connectors/"+s.id("stopped")+"/offsets", map[string]any{"offsets": []any{map[string]any{
		"partition": map[string]string{"filename": s.path("stopped")}, "offset": map[string]int{"position": 2},
	}}}, nil)
	s.idle(r)
}

// idleChanged lets both connectors go on, from where changeIdle left them.
func (s *scene) idleChanged(r process.REST) {
	for n, want := range map[string][]int64{"paused": {1, 2, 3, 4, 5, 6}, "stopped": {1, 2, 3, 2, 3, 6}} {
		s.appendLines(n, "6\n")
		r.Must("PUT", "/connectors/"+s.id(n)+"/resume", nil, nil)
		r.AwaitRunning(s.id(n), 1)
		process.Await(s.t, 30*time.Second, "line 6 of "+n, func() error {
			var got []int64
			for _, rec := range process.Records(s.t, process.Bed(s.t, "BED_KAFKA"), s.id(n)) {
				i, err := strconv.ParseInt(strings.Trim(string(rec.Value), `"`), 10, 64)
				if err != nil {
					s.t.Fatal(err)
				}
				got = append(got, i)
			}
			if slices.Contains(got, 6) && !slices.Equal(got, want) {
				s.t.Fatalf("%s: %v, want %v", n, got, want)
			}
			if !slices.Equal(got, want) {
				return fmt.Errorf("%v", got)
			}
			return nil
		})
	}
	r.Must("PUT", "/connectors/"+s.id("paused")+"/pause", nil, nil)
	r.Must("PUT", "/connectors/"+s.id("stopped")+"/stop", nil, nil)
	s.idle(r)
}

func (s *scene) appendLines(n, lines string) {
	f, err := os.OpenFile(s.path(n), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(lines)
		f.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// topicNumbers reads a field of the records' JSON values: the lines' or, below after, the rows' number.
func (s *scene) topicNumbers(topic string) (out []int64) {
	for _, rec := range process.Records(s.t, process.Bed(s.t, "BED_KAFKA"), topic) {
		var v struct {
			Line  string
			After struct{ ID int64 }
		}
		if err := json.Unmarshal(rec.Value, &v); err != nil {
			s.t.Fatal(err)
		}
		n := v.After.ID
		if v.Line != "" {
			n, _ = strconv.ParseInt(v.Line, 10, 64)
		}
		out = append(out, n)
	}
	return out
}

// everywhere checks topics and files.
func (s *scene) everywhere(again, killed int, last func([]int64, int64) int64) {
	s.t.Helper()
	for n, topic := range map[string]string{"lines": s.id("lines"), "rows": s.name + "." + s.name + ".item"} {
		total := s.load.lines.Load()
		if n == "rows" {
			total = s.load.rows.Load()
		}
		ns := s.topicNumbers(topic)
		check(s.t, "topic of "+n, ns, last(ns, total), again)
		ns, err := numbers(s.path(n))
		if err != nil {
			s.t.Fatal(err)
		}
		// what comes twice in the topic comes twice in the file
		check(s.t, "file of "+n, ns, last(ns, total), again+killed)
	}
}

// exactly: no line is there twice after stops in order.
func (s *scene) exactly() {
	s.t.Helper()
	s.everywhere(0, 0, func(ns []int64, _ int64) int64 { return slices.Max(ns) })
}

// total: with the load at its end, all of it has come out.
func (s *scene) total() {
	s.t.Helper()
	for n, last := range map[string]int64{"lines": s.load.lines.Load(), "rows": s.load.rows.Load()} {
		process.Await(s.t, 60*time.Second, fmt.Sprintf("all %d %s", last, n), func() error {
			ns, err := numbers(s.path(n))
			if err == nil && !slices.Contains(ns, last) {
				err = fmt.Errorf("%d numbers", len(ns))
			}
			return err
		})
	}
	s.everywhere(s.again, 2, func(_ []int64, total int64) int64 { return total })
}
