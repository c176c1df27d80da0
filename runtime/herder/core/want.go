package core

import (
	"maps"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// apply sends the wanted set: what is assigned to us, as the config topic has it.
func (h *Herder) apply() []Action {
	h.rev++
	h.wanted = h.want()
	return append([]Action{Apply{Revision: h.rev, Want: h.wanted}}, h.answerUnwanted()...)
}

// reapply is apply when nothing but the configs, states or epochs of the named connectors has changed since. It does nothing if that makes no
// difference here: the connector is another worker's, or has no worker yet.
func (h *Herder) reapply(names []string) []Action {
	var changed []connect.TaskID
	for _, name := range names {
		for _, id := range h.assigned(name) {
			was, before := h.wanted[id]
			is, after := h.wantOf(id)
			switch {
			case !before && !after, before && after && is.Same(was):
				continue
			case after:
				h.wanted[id] = is
			default:
				delete(h.wanted, id)
			}
			changed = append(changed, id) // once, though names may hold one twice: it is as wanted by then
		}
	}
	if changed == nil {
		return h.answerUnwanted()
	}
	h.rev++
	return append([]Action{Apply{Revision: h.rev, Want: h.wanted, Changed: changed}}, h.answerUnwanted()...)
}

// answerUnwanted answers restart requests for what is not wanted any more: no report will.
func (h *Herder) answerUnwanted() []Action {
	var acts []Action
	for id, ws := range h.waits {
		if _, ok := h.wanted[id]; ok {
			continue
		}
		err := cluster.ErrRebalancing
		if !h.snap.Contains(id.Connector) {
			err = notFound(id.Connector)
		}
		for _, w := range ws {
			acts = append(acts, Reply{Req: w.req, Err: err})
		}
		delete(h.waits, id)
	}
	return acts
}

func (h *Herder) want() map[connect.TaskID]cluster.Want {
	want := make(map[connect.TaskID]cluster.Want, len(h.member.assigned.Connectors)+len(h.member.assigned.Tasks))
	put := func(id connect.TaskID) {
		if w, ok := h.wantOf(id); ok {
			want[id] = w
		}
	}
	for _, name := range h.member.assigned.Connectors {
		put(connect.TaskID{Connector: name, Task: connect.ConnectorTask})
	}
	for _, id := range h.member.assigned.Tasks {
		put(id)
	}
	return want
}

// wantOf is what an assigned connector or task should be; false: nothing.
func (h *Herder) wantOf(id connect.TaskID) (cluster.Want, bool) {
	c := h.snap.Connectors[id.Connector]
	if c == nil || c.Config == nil {
		return cluster.Want{}, false
	}
	if id.Task == connect.ConnectorTask {
		return cluster.Want{Connector: c.Config, Target: c.Target, Epoch: h.epochs[id], Generation: h.member.generation}, true
	}
	if c.Inconsistent || c.Target == cluster.Stopped || int(id.Task) >= len(c.Tasks) {
		return cluster.Want{}, false
	}
	cfg := c.Applied
	if cfg == nil {
		cfg = c.Config
	}
	w := cluster.Want{
		Connector: cfg, Task: c.Tasks[id.Task], Target: c.Target, Epoch: h.epochs[id], Tasks: len(c.Tasks),
		Generation: h.member.generation,
	}
	if h.cfg.ExactlyOnce && h.isSource(cfg) {
		w.FenceFirst, w.TaskGeneration = true, c.Generation
	}
	return w, true
}

// assigned lists what of a connector this worker has.
func (h *Herder) assigned(name string) []connect.TaskID {
	m := &h.member
	if m.byName == nil {
		m.byName = make(map[string][]connect.TaskID, len(m.assigned.Connectors))
		for _, name := range m.assigned.Connectors {
			m.byName[name] = append(m.byName[name], connect.TaskID{Connector: name, Task: connect.ConnectorTask})
		}
		for _, id := range m.assigned.Tasks {
			m.byName[id.Connector] = append(m.byName[id.Connector], id)
		}
	}
	return m.byName[name]
}

// replan asks connectors for task configs that run on as before while theirs are missing or made of another config: nothing else would.
// That comes of changes that were read at once (stopped and resumed, deleted and created again, a config changed and changed back), and
// of records lost to compaction. before is what was wanted of them.
func (h *Herder) replan(before map[connect.TaskID]cluster.Want, names []string) []Action {
	var acts []Action
	for _, name := range names {
		id := connect.TaskID{Connector: name, Task: connect.ConnectorTask}
		was, ran := before[id]
		is, runs := h.wanted[id]
		if !ran || !runs || !is.SameRun(was) || was.Target != cluster.Started || is.Target != cluster.Started || h.seen[id].state != cluster.Running {
			continue
		}
		if c := h.snap.Connectors[name]; c.Inconsistent || len(c.Tasks) == 0 || !maps.Equal(c.Applied, c.Config) {
			acts = append(acts, h.wantPlan(name)...)
		}
	}
	return acts
}

// wantedConnectors is what is wanted of the connector instances of that name.
func (h *Herder) wantedConnectors(names []string) map[connect.TaskID]cluster.Want {
	wants := make(map[connect.TaskID]cluster.Want, len(names))
	for _, name := range names {
		id := connect.TaskID{Connector: name, Task: connect.ConnectorTask}
		if w, ok := h.wanted[id]; ok {
			wants[id] = w
		}
	}
	return wants
}
