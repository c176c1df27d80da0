package core

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

var keepOn = flag.Bool("keep-on", false, "go on after the first failed seed")

// TestRandomEvents plays random events that keep the contracts of group, config topic and worker, then lets everything end, and asks:
// is every request answered once, is every change of the group answered by Ready, does nothing wait for ever, do tasks come to be?
func TestRandomEvents(t *testing.T) {
	seeds := int64(600)
	if testing.Short() {
		seeds = 200
	}
	for seed := range seeds {
		if !t.Run(strconv.FormatInt(seed, 10), func(t *testing.T) { attack(t, seed) }) && !*keepOn {
			return
		}
	}
}

// world plays everything around one core.
type world struct {
	*testing.T
	r    *rand.Rand
	h    *Herder
	now  time.Time
	log  []string
	snap *cluster.Snapshot // the config topic
	news *cluster.ConfigRead
	late *cluster.ConfigRead // news before those, not told yet though answers have brought newer snapshots

	// the group: unready as in package group, a member is not let in before it has said Ready
	seq, unready int64
	in, away     bool
	rejoin       bool // asked for
	leaving      bool // asked to leave, the answer is on its way
	generation   int32
	held         cluster.Assignment

	ops     map[OpID]Action
	asked   ReqID
	replies map[ReqID]int

	want    map[connect.TaskID]cluster.Want
	settled []int64 // revisions to settle
	runs    map[connect.TaskID]cluster.Want
	steady  bool // this worker stays the leader with all the work
	calm    bool // the end: nothing fails any more
}

func attack(t *testing.T, seed int64) {
	w := &world{
		T: t, r: rand.New(rand.NewPCG(uint64(seed), 0)), now: time.Unix(1000, 0), ops: map[OpID]Action{}, replies: map[ReqID]int{},
		snap: &cluster.Snapshot{Offset: -1, Connectors: map[string]*cluster.ConnectorSnapshot{}}, runs: map[connect.TaskID]cluster.Want{},
	}
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v", p)
		}
		if t.Failed() {
			for _, l := range w.log {
				t.Log(l)
			}
		}
	}()
	w.h = New(Config{WorkerID: "w:1", UnsyncBackoff: time.Minute, SessionKeyTTL: time.Hour}, w.snap)
	if seed%3 == 0 {
		// Enough for rounds to be paced: tasks of a connector that is stopped, with nothing to do.
		w.snap.Connectors["full"] = &cluster.ConnectorSnapshot{Name: "full", Config: config.Props{}, Applied: config.Props{}, Target: cluster.Stopped, Tasks: tasks(2 * unpaced)}
	}
	w.steady = seed%2 == 0
	if w.steady {
		w.join(true)
	}
	for range 80 {
		w.random()
	}
	w.end()
}

func (w *world) step(ev Event) {
	w.log = append(w.log, fmt.Sprintf("%T %+v", ev, ev))
	for i, a := range w.h.Step(w.now, ev) {
		if i > 100 {
			w.Fatal("one event causes more than a hundred actions")
		}
		w.log = append(w.log, fmt.Sprintf("    %T %+v", a, a))
		w.obey(a)
	}
	w.consistent()
	if w.leaving {
		w.leaving = false
		if w.in {
			w.leftEvent()
		}
	}
}

// consistent: what is wanted, one change after the other, is what a look at everything would want, as far as all news were told; it is wanted as
// the last run that was asked for; and no restart waits for something that is not wanted.
func (w *world) consistent() {
	if w.h.member.joined && !w.h.member.lagging && w.news == nil && w.late == nil && !maps.EqualFunc(w.h.wanted, w.h.want(), cluster.Want.Same) {
		w.Errorf("wanted are %+v, not %+v", w.h.wanted, w.h.want())
	}
	for id, x := range w.h.wanted {
		if w.h.member.joined && !w.h.member.lagging && x.Epoch != w.h.epochs[id] {
			w.Errorf("%s is wanted as run %d, the last is %d", id, x.Epoch, w.h.epochs[id])
		}
	}
	for id := range w.h.waits {
		if _, ok := w.h.wanted[id]; !ok {
			w.Errorf("the restart of %s waits, though it is not wanted", id)
		}
	}
}

// apply goes by what is named as changed, which has to make the same of it.
func (w *world) apply(a Apply) {
	if a.Changed == nil {
		w.want = maps.Clone(a.Want)
		return
	}
	for _, id := range a.Changed {
		delete(w.want, id)
		if x, ok := a.Want[id]; ok {
			w.want[id] = x
		}
	}
	if !maps.EqualFunc(w.want, a.Want, cluster.Want.Same) {
		w.Errorf("the changes make %+v of what was wanted, not %+v", w.want, a.Want)
	}
}

func (w *world) obey(a Action) {
	switch a := a.(type) {
	case Apply:
		w.apply(a)
		w.settled = append(w.settled, a.Revision)
	case Ready:
		if a.Seq >= w.unready {
			w.unready = 0
		}
	case LeaveGroup:
		w.away, w.leaving = true, true
	case Rejoin:
		w.away, w.rejoin = false, true
	case Reply:
		w.replies[a.Req]++
		if w.replies[a.Req] > 1 {
			w.Errorf("request %d was answered twice", a.Req)
		}
	case ReadToEnd:
		w.ops[a.Op] = a
	case WriteConfig:
		w.ops[a.Op] = a
	case Validate:
		w.ops[a.Op] = a
	case PlanTasks:
		w.ops[a.Op] = a
	case ForwardTasks:
		w.ops[a.Op] = a
	case NewSessionKey:
		w.ops[a.Op] = a
	}
}

func (w *world) chance(percent int) bool { return w.r.IntN(100) < percent }

func (w *world) name() string { return string(rune('a' + w.r.IntN(3))) }

func (w *world) random() {
	switch w.r.IntN(12) {
	case 0, 1, 2:
		w.asked++
		w.replies[w.asked] = 0
		w.step(Requested{Req: w.asked, Request: w.request()})
	case 3, 4, 5:
		w.answer(w.chance(80))
	case 6:
		w.join(w.steady || w.chance(70))
	case 7:
		if w.steady {
			w.report()
		} else if w.in && w.chance(40) {
			w.leftEvent()
		} else if w.in && w.unready == 0 && w.chance(30) {
			w.revokeAll()
		}
	case 8:
		w.tell()
	case 9, 10:
		w.report()
	case 11:
		w.now = w.now.Add(time.Duration(w.r.IntN(40)) * time.Second)
		w.step(Tick{})
	}
}

func (w *world) request() Request {
	name := w.name()
	id := connect.TaskID{Connector: name, Task: int32(w.r.IntN(2))}
	switch w.r.IntN(11) {
	case 0, 1, 2:
		return PutConfig{Name: name, Props: config.Props{"name": name, "v": strconv.Itoa(w.r.IntN(3))}, MustBeNew: w.chance(30)}
	case 3:
		v := "p"
		return PatchConfig{Name: name, Patch: map[string]*string{"v": &v}}
	case 4:
		return Delete{name}
	case 5, 6:
		return SetTarget{name, cluster.TargetState(w.r.IntN(3))}
	case 7:
		return RestartConnector{name}
	case 8:
		return RestartTask{id}
	case 9:
		return RestartAll{cluster.RestartRequest{Connector: name, IncludeTasks: true}}
	default:
		return PutTasks{Name: name, Configs: tasks(2)}
	}
}

// answer ends one slow action.
func (w *world) answer(ok bool) {
	if len(w.ops) == 0 {
		return
	}
	ids := slices.Sorted(maps.Keys(w.ops))
	op := ids[w.r.IntN(len(ids))]
	a := w.ops[op]
	delete(w.ops, op)
	d := Done{Op: op}
	if !ok && !w.calm {
		d.Err = errors.New("boom")
		w.step(d)
		return
	}
	switch a := a.(type) {
	case ReadToEnd:
		d.Result = w.snap
	case WriteConfig:
		for _, c := range a.Changes {
			w.write(c)
		}
		d.Result = w.snap
	case PlanTasks:
		if w.runs[connect.TaskID{Connector: a.Connector, Task: connect.ConnectorTask}].Connector == nil {
			d.Err = errors.New("it does not run")
		} else {
			d.Result = tasks(2)
		}
	case ForwardTasks:
		w.write(cluster.PutTasks{Connector: a.Connector, Tasks: a.Configs})
	case NewSessionKey:
		d.Result = &cluster.SessionKey{Created: w.now.UnixMilli()}
	}
	if w.chance(50) {
		w.tell()
	}
	w.step(d)
}

// write changes the config topic; tell brings the news.
func (w *world) write(ch cluster.Change) {
	if w.news != nil && w.late == nil && w.chance(30) {
		w.late, w.news = w.news, nil
		w.late.Snapshot, w.late.Offset = w.snap, w.snap.Offset
	}
	next := &cluster.Snapshot{Offset: w.snap.Offset + 1, Connectors: maps.Clone(w.snap.Connectors), SessionKey: w.snap.SessionKey}
	if w.news == nil {
		w.news = &cluster.ConfigRead{}
	}
	add := func(list *[]string, name string) {
		if !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	get := func(name string) *cluster.ConnectorSnapshot {
		c := &cluster.ConnectorSnapshot{Name: name, TaskCountRecord: -1}
		if old := next.Connectors[name]; old != nil {
			*c = *old
		}
		return c
	}
	switch ch := ch.(type) {
	case cluster.PutConnector:
		c := get(ch.Name)
		c.Config = ch.Config
		next.Connectors[ch.Name] = c
		add(&w.news.Updated, ch.Name)
		w.news.Removed = slices.DeleteFunc(w.news.Removed, func(n string) bool { return n == ch.Name })
	case cluster.RemoveConnector:
		delete(next.Connectors, ch.Name)
		add(&w.news.Removed, ch.Name)
		w.news.Updated = slices.DeleteFunc(w.news.Updated, func(n string) bool { return n == ch.Name })
	case cluster.PutTasks:
		if next.Connectors[ch.Connector] != nil {
			c := get(ch.Connector)
			c.Tasks, c.Applied = ch.Tasks, c.Config
			next.Connectors[ch.Connector] = c
			add(&w.news.Tasks, ch.Connector)
		}
	case cluster.PutTarget:
		if next.Connectors[ch.Connector] != nil {
			c := get(ch.Connector)
			c.Target = ch.Target
			next.Connectors[ch.Connector] = c
			add(&w.news.Targets, ch.Connector)
		}
	case cluster.PutRestart:
		w.news.Restarts = append(w.news.Restarts, ch.Request)
	case cluster.PutSessionKey:
		next.SessionKey = &ch.Key
	}
	w.snap = next
}

// tell brings what was read from the topic since the last time.
func (w *world) tell() {
	if late := w.late; late != nil {
		w.late = nil
		w.step(ConfigRead{*late})
		return
	}
	if w.news == nil {
		return
	}
	ev := *w.news
	ev.Snapshot, ev.Offset = w.snap, w.snap.Offset
	w.news = nil
	w.step(ConfigRead{ev})
}

// join completes a round: everything is ours, or parts of it.
func (w *world) join(leader bool) {
	if w.unready != 0 || w.away {
		return
	}
	w.in, w.rejoin = true, false
	w.generation++
	had := w.held
	w.held = cluster.Assignment{}
	ev := Joined{Owners: map[connect.TaskID]string{}}
	for _, name := range w.snap.Names() {
		if w.calm || w.steady || w.chance(70) {
			w.held.Connectors = append(w.held.Connectors, name)
		}
		for _, id := range w.snap.TaskIDs(name) {
			if w.calm || w.steady || w.chance(70) {
				w.held.Tasks = append(w.held.Tasks, id)
			}
		}
	}
	ev.Joined = cluster.Joined{Generation: w.generation, LeaderURL: "http://l/", IsLeader: leader, ConfigOffset: w.snap.Offset, Held: w.held}
	ev.Grant.Version = cluster.Sessioned
	lost := func(a, b cluster.Assignment) bool {
		return slices.ContainsFunc(a.Connectors, func(n string) bool { return !slices.Contains(b.Connectors, n) }) ||
			slices.ContainsFunc(a.Tasks, func(id connect.TaskID) bool { return !slices.Contains(b.Tasks, id) })
	}
	if lost(had, w.held) {
		ev.Seq = w.expect()
	}
	if !w.calm && !w.steady && w.chance(20) {
		ev.ConfigOffset += int64(w.r.IntN(3)) - 1
	}
	if !w.calm && !w.steady && w.chance(10) {
		ev.Grant.Error = cluster.ConfigMismatch
	}
	w.step(ev)
}

func (w *world) expect() int64 {
	w.seq++
	w.unready = w.seq
	return w.seq
}

// left is what package group does on its way out: the answer to an earlier change stays owed.
func (w *world) left() (seq int64) {
	if !w.in {
		return 0
	}
	if w.held.Len() > 0 {
		seq = w.expect()
	}
	w.in, w.held = false, cluster.Assignment{}
	return seq
}

func (w *world) leftEvent() {
	w.step(LeftGroup{cluster.Left{Seq: w.left(), Reason: "session lost"}})
}

func (w *world) revokeAll() {
	if w.held.Len() == 0 {
		return
	}
	seq := w.expect()
	w.in, w.held = false, cluster.Assignment{}
	w.step(Revoking{cluster.Revoking{Seq: seq}})
}

// report tells of one thing that the worker does on its way to the wanted set.
func (w *world) report() bool {
	ids := slices.SortedFunc(maps.Keys(w.runs), compareIDs)
	for _, id := range ids {
		want, ok := w.want[id]
		if ok && want.SameRun(w.runs[id]) && (want.Target != cluster.Stopped || w.runs[id].Target == cluster.Stopped) {
			continue
		}
		old := w.runs[id]
		delete(w.runs, id)
		w.step(Reported{cluster.Report{ID: id, Epoch: old.Epoch, Seen: cluster.Unassigned}})
		return true
	}
	if len(w.settled) > 0 {
		rev := w.settled[0]
		w.settled = w.settled[1:]
		w.step(Reported{cluster.Report{Settled: rev}})
		return true
	}
	for _, id := range slices.SortedFunc(maps.Keys(w.want), compareIDs) {
		want := w.want[id]
		if run, ok := w.runs[id]; ok && run.SameRun(want) && run.Target == want.Target {
			continue
		}
		w.runs[id] = want
		seen := map[cluster.TargetState]cluster.State{cluster.Started: cluster.Running, cluster.Paused: cluster.PausedSeen, cluster.Stopped: cluster.StoppedSeen}[want.Target]
		rep := cluster.Report{ID: id, Epoch: want.Epoch, Seen: seen}
		if !w.calm && w.chance(10) {
			rep.Seen, rep.Err = cluster.Failed, errors.New("boom")
		}
		w.step(Reported{rep})
		return true
	}
	return false
}

func compareIDs(a, b connect.TaskID) int {
	if a.Connector != b.Connector {
		return map[bool]int{true: -1, false: 1}[a.Connector < b.Connector]
	}
	return int(a.Task - b.Task)
}

// end lets everything come to rest, as the leader that has all work, and looks at what is left.
func (w *world) end() {
	w.log = append(w.log, "--- the end")
	w.calm = true
	settled := false // has joined with all work; from now on only if the core asks for it
	for i := range 2000 {
		switch {
		case w.news != nil || w.late != nil:
			w.tell()
		case len(w.ops) > 0:
			w.answer(true)
		case w.report():
		case !w.away && w.unready == 0 && (!w.in || w.rejoin || !settled):
			settled = true
			w.join(true)
		case !w.h.WakeAt().IsZero() && w.h.WakeAt().Before(w.now.Add(5*time.Minute)):
			w.now = w.h.WakeAt()
			w.step(Tick{})
		case i > 0:
			w.check()
			return
		}
	}
	w.Error("it does not come to rest")
}

func (w *world) check() {
	if w.unready != 0 {
		w.Errorf("Ready(%d) never came", w.unready)
	}
	for req := range w.asked {
		if w.replies[req+1] != 1 {
			w.Errorf("request %d was answered %d times", req+1, w.replies[req+1])
		}
	}
	if len(w.h.ops)+len(w.h.queues)+len(w.h.plans)+len(w.h.holds)+len(w.h.waits) > 0 {
		w.Errorf("left behind: ops %v, queues %v, plans %v, holds %v, waits %v", w.h.ops, w.h.queues, w.h.plans, w.h.holds, w.h.waits)
	}
	for name, c := range w.snap.Connectors {
		run, ok := w.runs[connect.TaskID{Connector: name, Task: connect.ConnectorTask}]
		failed := w.h.seen[connect.TaskID{Connector: name, Task: connect.ConnectorTask}].state == cluster.Failed
		if c.Target != cluster.Stopped && !ok {
			w.Errorf("connector %s does not run", name)
		}
		if ok && run.Target == cluster.Started && !failed && (len(c.Tasks) != 2 || !maps.Equal(c.Applied, c.Config)) {
			w.Errorf("connector %s has %d tasks of config %v, its config is %v", name, len(c.Tasks), c.Applied, c.Config)
		}
		for _, id := range w.snap.TaskIDs(name) {
			if _, ok := w.runs[id]; !ok && name != "full" {
				w.Errorf("task %s does not run", id)
			}
		}
	}
}
