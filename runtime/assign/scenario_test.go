package assign

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// group plays the members of a group that do as they are told.
type group struct {
	now        time.Time
	maxDelay   time.Duration
	state      State
	generation int32
	completed  int32
	want       *cluster.Snapshot
	held       map[string]cluster.Assignment
	grants     map[string]cluster.Grant
	instances  map[string]string // group.instance.id by member id
	lacks      map[string]bool   // "member connector"
}

func (g *group) can(member, connector string) bool { return !g.lacks[member+" "+connector] }

// may tells who may have the work of a connector: who can run it, or everybody if nobody can.
func (g *group) may(member, connector string) bool {
	if g.can(member, connector) {
		return true
	}
	for id := range g.held {
		if g.can(id, connector) {
			return false
		}
	}
	return true
}

func newGroup() *group {
	g := &group{
		now: time.UnixMilli(1_000_000), maxDelay: 5 * time.Minute, generation: 1000, completed: 1000,
		want: &cluster.Snapshot{Offset: 618, Connectors: map[string]*cluster.ConnectorSnapshot{}},
		held: map[string]cluster.Assignment{"worker1": {}}, instances: map[string]string{}, lacks: map[string]bool{},
	}
	g.configure("connector1", 4)
	g.configure("connector2", 4)
	return g
}

func (g *group) configure(name string, tasks int) {
	c := &cluster.ConnectorSnapshot{Name: name}
	for range tasks {
		c.Tasks = append(c.Tasks, nil)
	}
	g.want.Connectors[name] = c
}

func (g *group) round(version int16) cluster.Round {
	r := cluster.Round{Generation: g.generation, LastGeneration: g.completed, Version: version}
	for id, held := range g.held {
		r.Members = append(r.Members, cluster.Member{ID: id, InstanceID: g.instances[id], URL: "http://" + id + "/", ConfigOffset: 618, Held: held, Version: version})
		r.Leader = max(r.Leader, id)
	}
	return r
}

// rebalance runs one round. Undelivered: the leader completed it, but no member (not even itself) applied the answer.
func (g *group) rebalance(delivered bool) {
	g.generation++
	g.grants, g.state = Assign(g.now, g.state, g.round(2), g.want, g.maxDelay, g.can)
	if delivered {
		for id, grant := range g.grants {
			g.held[id] = apply(g.held[id], grant)
		}
	}
	g.completed = g.generation
}

func apply(held cluster.Assignment, grant cluster.Grant) cluster.Assignment {
	gone := setOf(toIDs(grant.Revoked))
	held = toAssignment(slices.DeleteFunc(toIDs(held), gone.has))
	both := cluster.Assignment{
		Connectors: slices.Concat(held.Connectors, grant.Assigned.Connectors), Tasks: slices.Concat(held.Tasks, grant.Assigned.Tasks),
	}
	return toAssignment(toIDs(both)) // a static member is told all it has, each time
}

func (g *group) counts() (connectors, tasks []int) {
	for _, a := range g.held {
		connectors, tasks = append(connectors, len(a.Connectors)), append(tasks, len(a.Tasks))
	}
	slices.Sort(connectors)
	slices.Sort(tasks)
	return connectors, tasks
}

// problems says what is wrong with the work distribution; complete: everything has to be assigned, and evenly.
func (g *group) problems(complete bool) []string {
	var bad []string
	owner := map[connect.TaskID]string{}
	for id, a := range g.held {
		for _, item := range toIDs(a) {
			if other, ok := owner[item]; ok {
				bad = append(bad, fmt.Sprintf("%v is on %s and %s", item, other, id))
			}
			owner[item] = id
		}
	}
	if !complete {
		return bad
	}
	connectors, tasks := configured(g.want)
	for _, item := range slices.Concat(connectors, tasks) {
		if owner[item] == "" {
			bad = append(bad, fmt.Sprintf("%v (task %d) is nowhere", item, item.Task))
		}
		delete(owner, item)
	}
	for item, id := range owner {
		bad = append(bad, fmt.Sprintf("%v is still on %s", item, id))
	}
	if len(g.lacks) > 0 {
		return append(bad, g.uneven()...)
	}
	nc, nt := g.counts()
	if nc[len(nc)-1]-nc[0] > 1 || nt[len(nt)-1]-nt[0] > 1 {
		bad = append(bad, fmt.Sprintf("unbalanced: connectors %v, tasks %v", nc, nt))
	}
	return bad
}

// uneven lists the items that are where they may not be, or on a member that has two more than another one that may have them.
func (g *group) uneven() (bad []string) {
	n := map[string]int{}
	key := func(member string, item connect.TaskID) string {
		return fmt.Sprint(member, item.Task == connect.ConnectorTask)
	}
	for member, a := range g.held {
		for _, item := range toIDs(a) {
			n[key(member, item)]++
		}
	}
	for member, a := range g.held {
		for _, item := range toIDs(a) {
			if !g.may(member, item.Connector) {
				bad = append(bad, fmt.Sprintf("%v is on %s, which cannot run it", item, member))
			}
			for other := range g.held {
				if g.may(other, item.Connector) && n[key(member, item)] > n[key(other, item)]+1 {
					bad = append(bad, fmt.Sprintf("%v is on %s with %d, %s has %d", item, member, n[key(member, item)], other, n[key(other, item)]))
				}
			}
		}
	}
	return bad
}

func TestScenarios(t *testing.T) {
	f, err := os.Open("testdata/incremental.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	scripts, names := map[string][]string{}, []string{}
	sc := bufio.NewScanner(f)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "scenario "); ok {
			names = append(names, name)
			continue
		}
		last := names[len(names)-1]
		scripts[last] = append(scripts[last], fmt.Sprintf("%d %s", n, line))
	}
	if err := sc.Err(); err != nil || len(names) < 20 {
		t.Fatalf("%d scenarios, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			g := newGroup()
			for _, line := range scripts[name] {
				f := strings.Fields(line)
				g.do(t, "incremental.txt:"+f[0], f[1], f[2:])
			}
		})
	}
}

func (g *group) do(t *testing.T, at, verb string, args []string) {
	t.Helper()
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		return n
	}
	switch verb {
	case "max-delay":
		g.maxDelay = time.Duration(number(args[0])) * time.Millisecond
	case "connector":
		g.configure(args[0], number(args[1]))
	case "delete":
		delete(g.want.Connectors, args[0])
	case "join":
		var held cluster.Assignment
		for _, item := range args[1:] {
			if c, task, ok := strings.Cut(item, "-"); ok {
				held.Tasks = append(held.Tasks, connect.TaskID{Connector: c, Task: int32(number(task))})
			} else {
				held.Connectors = append(held.Connectors, item)
			}
		}
		g.held[args[0]] = held
	case "lacks":
		for _, c := range args[1:] {
			g.lacks[args[0]+" "+c] = true
		}
	case "learns":
		for _, c := range args[1:] {
			delete(g.lacks, args[0]+" "+c)
		}
	case "remove":
		delete(g.held, args[0])
	case "static":
		g.instances[args[0]] = "instance of " + args[0]
	case "restart": // a static member gets a new id; the broker may give it the answer of the last round again
		held := cluster.Assignment{}
		if args[2] == "cached" {
			held = g.grants[args[0]].Assigned
		}
		g.instances[args[1]] = g.instances[args[0]]
		delete(g.held, args[0])
		g.held[args[1]] = held
	case "depart":
		g.state = g.state.Depart(args[0])
	case "new-leader":
		g.state = State{}
	case "sleep":
		if args[0] == "delay" {
			g.now = g.now.Add(g.state.Delay())
		} else {
			g.now = g.now.Add(time.Duration(number(args[0])) * time.Millisecond)
		}
	case "rebalance":
		mode := strings.Join(args, " ")
		if mode == "mismatch" {
			g.completed--
		}
		g.rebalance(mode != "undelivered")
	case "expect":
		for _, what := range args {
			g.expect(t, at, what)
		}
	default:
		t.Fatalf("%s: unknown command %s", at, verb)
	}
}

func (g *group) expect(t *testing.T, at, what string) {
	t.Helper()
	key, value, _ := strings.Cut(what, "=")
	connectors, tasks := g.counts()
	text := func(n []int) string { return strings.ReplaceAll(strings.Trim(fmt.Sprint(n), "[]"), " ", ",") }
	var got string
	switch key {
	case "delay":
		got = strconv.FormatInt(g.state.Delay().Milliseconds(), 10)
		for id, grant := range g.grants {
			if int64(grant.Delay) != g.state.Delay().Milliseconds() {
				t.Errorf("%s: %s was told to wait %d ms, not %v", at, id, grant.Delay, g.state.Delay())
			}
		}
	case "delayed":
		if g.state.Delay() == 0 {
			got = "no delay"
		}
	case "connectors":
		got = text(connectors)
	case "tasks":
		got = text(tasks)
	case "balanced":
		got = strings.Join(g.problems(true), "; ")
	case "unchanged", "quiet-revocations":
		for id, grant := range g.grants {
			if !grant.Revoked.Empty() || key == "unchanged" && !grant.Assigned.Empty() {
				got += fmt.Sprintf("%s +%v -%v ", id, grant.Assigned, grant.Revoked)
			}
		}
	default:
		a, ok := g.held[key]
		if !ok {
			t.Fatalf("%s: unknown expectation %s", at, what)
		}
		got = fmt.Sprintf("%d+%d", len(a.Connectors), len(a.Tasks))
	}
	if got != value {
		t.Errorf("%s: %s: got %q", at, what, got)
	}
}
