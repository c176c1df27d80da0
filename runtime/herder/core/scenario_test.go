package core

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

var rewrite = flag.Bool("rewrite", false, "write the scenarios' output anew; only commit what you understand")

// TestScenarios plays testdata/*.txt: each line that begins with "> " is an event, the lines behind it are the actions the core
// answers. The rig below plays config topic, group and worker as far as the lines tell it to.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(b))
			if *rewrite {
				if err := os.WriteFile(f, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(b) {
				t.Errorf("the core answers otherwise:\n%s", got)
			}
		})
	}
}

type rig struct {
	t    *testing.T
	h    *Herder
	now  time.Time
	snap *cluster.Snapshot
	seq  int64
	ops  map[string]OpID // by name of the slow action, newest
}

func play(t *testing.T, script string) string {
	snap := &cluster.Snapshot{Offset: -1, Connectors: map[string]*cluster.ConnectorSnapshot{}}
	r := &rig{t: t, now: time.Unix(0, 0), snap: snap, ops: map[string]OpID{}}
	cfg := Config{WorkerID: "w:1", UnsyncBackoff: time.Minute, SessionKeyTTL: time.Hour}
	if strings.HasPrefix(script, "# exactly-once") {
		cfg.Fenced, cfg.ExactlyOnce = true, true
		cfg.IsSource = func(class string) bool { return class != "sink" }
	}
	r.h = New(cfg, snap)
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"), line == "":
			fmt.Fprintln(&out, line)
		case strings.HasPrefix(line, "> "):
			fmt.Fprintln(&out, line)
			for _, a := range r.h.Step(r.now, r.event(strings.Fields(line[2:]))) {
				fmt.Fprintln(&out, r.render(a))
			}
		}
	}
	return out.String()
}

// event reads one line, e.g. "join gen=1 leader c c-0", "topic put c", "request put c", "done write", "report c RUNNING".
func (r *rig) event(w []string) Event {
	switch w[0] {
	case "wait":
		d, err := time.ParseDuration(w[1])
		if err != nil {
			r.t.Fatal(err)
		}
		r.now = r.now.Add(d)
		return Tick{}
	case "join":
		return r.join(w[1:])
	case "left":
		r.seq++
		return LeftGroup{cluster.Left{Seq: r.seq, Reason: "session lost"}}
	case "revoking":
		r.seq++
		return Revoking{cluster.Revoking{Seq: r.seq}}
	case "topic":
		return r.topic(w[1], w[2], w[3:])
	case "request":
		return Requested{Req: 1, Request: request(w[1], w[2:])}
	case "key": // in the config topic, made so long from now
		d, err := time.ParseDuration(w[1])
		if err != nil {
			r.t.Fatal(err)
		}
		next := *r.snap
		next.Offset++
		next.SessionKey = &cluster.SessionKey{Created: r.now.Add(d).UnixMilli()}
		r.snap = &next
		return ConfigRead{cluster.ConfigRead{Snapshot: r.snap, Offset: next.Offset}}
	case "done":
		return r.done(w[1], w[2:])
	case "report":
		return Reported{r.report(w[1:])}
	case "settled":
		n, _ := strconv.ParseInt(w[1], 10, 64)
		return Reported{cluster.Report{Settled: n}}
	}
	r.t.Fatalf("unknown event %q", w)
	return nil
}

func (r *rig) join(w []string) Event {
	j := cluster.Joined{Generation: 1, LeaderURL: "http://l/", ConfigOffset: r.snap.Offset}
	ev := Joined{Owners: map[connect.TaskID]string{}}
	for _, x := range w {
		switch k, v, _ := strings.Cut(x, "="); k {
		case "leader":
			j.IsLeader = true
		case "revoked":
			r.seq++
			j.Seq = r.seq
		case "offset":
			j.ConfigOffset, _ = strconv.ParseInt(v, 10, 64)
		case "sessioned":
			j.Grant.Version = cluster.Sessioned
		case "mismatch":
			j.Grant.Error = cluster.ConfigMismatch
		case "owner":
			ev.Owners[id(v)] = "http://other/"
		default:
			if i := id(x); i.Task == connect.ConnectorTask {
				j.Held.Connectors = append(j.Held.Connectors, x)
			} else {
				j.Held.Tasks = append(j.Held.Tasks, i)
			}
		}
	}
	ev.Joined = j
	return ev
}

// id reads "c" or "c-0"; connector names of scenarios have no dash.
func id(s string) connect.TaskID {
	name, n, ok := strings.Cut(s, "-")
	if !ok {
		return connect.TaskID{Connector: name, Task: connect.ConnectorTask}
	}
	i, _ := strconv.Atoi(n)
	return connect.TaskID{Connector: name, Task: int32(i)}
}

// topic changes the config topic and tells the core of it.
func (r *rig) topic(what, name string, rest []string) Event {
	next := &cluster.Snapshot{Offset: r.snap.Offset + 1, Incarnation: r.snap.Incarnation, SessionKey: r.snap.SessionKey, Connectors: maps.Clone(r.snap.Connectors)}
	c := &cluster.ConnectorSnapshot{Name: name, TaskCountRecord: -1}
	if old := next.Connectors[name]; old != nil {
		*c = *old
	}
	ev := cluster.ConfigRead{Snapshot: next, Offset: next.Offset}
	switch what {
	case "put":
		c.Config = config.Props{"name": name, "v": strconv.Itoa(int(next.Offset))}
		ev.Updated = []string{name}
	case "anew": // deleted and created anew, with this connector in it
		next.Offset, ev.Offset = 0, 0
		next.Incarnation++
		c.Config = config.Props{"name": name}
		ev.Updated = []string{name}
	case "delete":
		ev.Removed = []string{name}
	case "tasks":
		n, _ := strconv.Atoi(rest[0])
		c.Tasks, c.Applied = tasks(n), c.Config
		c.PendingFencing = true
		c.Generation++
		ev.Tasks = []string{name}
	case "count":
		n, _ := strconv.Atoi(rest[0])
		c.TaskCountRecord, c.PendingFencing = int32(n), false
	case "sink":
		c.Config = config.Props{"name": name, "connector.class": "sink"}
	case "target":
		c.Target, _ = cluster.ParseTargetState(rest[0])
		ev.Targets = []string{name}
	case "restart":
		ev.Restarts = []cluster.RestartRequest{{Connector: name, IncludeTasks: slices.Contains(rest, "tasks"), OnlyFailed: slices.Contains(rest, "failed")}}
	default:
		r.t.Fatalf("unknown topic change %q", what)
	}
	next.Connectors[name] = c
	if what == "delete" {
		delete(next.Connectors, name)
	}
	r.snap = next
	return ConfigRead{ev}
}

func tasks(n int) []config.Props {
	ts := make([]config.Props, n)
	for i := range ts {
		ts[i] = config.Props{"task": strconv.Itoa(i)}
	}
	return ts
}

func request(what string, w []string) Request {
	switch what {
	case "create":
		return PutConfig{Name: w[0], Props: config.Props{"name": w[0]}, MustBeNew: true}
	case "put":
		return PutConfig{Name: w[0], Props: config.Props{"name": w[0]}}
	case "patch":
		return PatchConfig{Name: w[0], Patch: map[string]*string{"v": nil}}
	case "delete":
		return Delete{w[0]}
	case "target":
		s, _ := cluster.ParseTargetState(w[1])
		return SetTarget{w[0], s}
	case "restart":
		if i := id(w[0]); i.Task != connect.ConnectorTask {
			return RestartTask{i}
		}
		return RestartConnector{w[0]}
	case "fence":
		return Fence{w[0]}
	case "tasks":
		return PutTasks{Name: w[0], Configs: tasks(2)}
	}
	return nil
}

func (r *rig) done(what string, w []string) Event {
	d := Done{Op: r.ops[what]}
	switch what {
	case "read", "write":
		d.Result = r.snap
	case "newkey":
		d.Result = &cluster.SessionKey{Created: r.now.UnixMilli()}
	case "plan":
		n, _ := strconv.Atoi(w[0])
		d.Result = tasks(n)
	}
	if slices.Contains(w, "error") {
		d.Result, d.Err = nil, errors.New("boom")
	}
	if slices.Contains(w, "fenced") {
		d.Result, d.Err = nil, fmt.Errorf("writing: %w", cluster.ErrFenced)
	}
	return d
}

func (r *rig) report(w []string) cluster.Report {
	rep := cluster.Report{ID: id(w[0]), Seen: cluster.State(w[1])}
	if len(w) > 2 {
		rep.Epoch, _ = strconv.ParseInt(w[2], 10, 64)
	}
	if w[1] == "RECONFIGURE" {
		rep.Seen, rep.Reconfigure = "", true
	}
	if w[1] == "SECRET" {
		rep.Seen, rep.SecretChanged = "", true
	}
	if rep.Seen == cluster.Failed {
		rep.Err = errors.New("boom")
	}
	return rep
}

func (r *rig) render(a Action) string {
	op := func(name string, id OpID, more ...any) string {
		r.ops[name] = id
		return strings.TrimRight(fmt.Sprintln(append([]any{name}, more...)...), "\n")
	}
	switch a := a.(type) {
	case Apply:
		var ids []string
		for i, w := range a.Want {
			s := fmt.Sprintf("%s:%s/%d", i, w.Target, w.Epoch)
			if w.FenceFirst {
				s += fmt.Sprintf("/fence %d", w.TaskGeneration)
			}
			ids = append(ids, s)
		}
		slices.Sort(ids)
		return strings.TrimSpace(fmt.Sprintf("apply %d %s", a.Revision, strings.Join(ids, " ")))
	case Reply:
		if a.Err != nil {
			return "reply error: " + a.Err.Error()
		}
		return "reply ok"
	case WriteStatus:
		return fmt.Sprintf("status %s %s safe=%t", a.Status.ID, a.Status.State, a.Safe)
	case CleanStatus:
		return "clean statuses"
	case ReadToEnd:
		return op("read", a.Op)
	case WriteConfig:
		var cs []string
		for _, c := range a.Changes {
			cs = append(cs, strings.TrimPrefix(fmt.Sprintf("%T", c), "cluster."))
		}
		if a.Claim {
			cs = append(cs, "claiming")
		}
		return op("write", a.Op, strings.Join(cs, " "), "leader="+strconv.FormatBool(a.AsLeader))
	case Claim:
		return op("claim", a.Op)
	case Release:
		return op("release", a.Op)
	case CallOff:
		for name, id := range r.ops {
			if id == a.Op {
				return "call off " + name
			}
		}
		r.t.Errorf("%+v is not under way", a)
		return "call off ?"
	case FenceProducers:
		return op("fenceproducers", a.Op, a.Connector, a.Tasks)
	case Validate:
		return op("validate", a.Op)
	case NewSessionKey:
		return op("newkey", a.Op)
	case PlanTasks:
		return op("plan", a.Op, a.Connector)
	case ForwardTasks:
		return op("forward", a.Op, a.LeaderURL, a.Connector, len(a.Configs))
	default:
		return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T %v", a, a), "core."))
	}
}
