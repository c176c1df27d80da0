package core

import (
	"maps"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// plan is the asking of one connector for its task configs and the bringing of the answer to the leader, repeated with back-off until
// it succeeds (KAFKA-14732) or the connector goes.
type plan struct {
	under   bool // an action is under way
	again   bool // asked again meanwhile
	tries   int
	retryAt time.Time
}

const (
	planBackoffMin = 250 * time.Millisecond
	planBackoffMax = time.Minute
)

// wantPlan asks for the task configs of a connector that runs here.
func (h *Herder) wantPlan(name string) []Action {
	p := h.plans[name]
	if p == nil {
		p = &plan{}
		h.plans[name] = p
	}
	if p.under {
		p.again = true
		return nil
	}
	return h.startPlan(name, p)
}

func (h *Herder) startPlan(name string, p *plan) []Action {
	p.retryAt = time.Time{}
	of, runs := h.running(name)
	// A connector that has failed is asked when it is up again.
	if !runs || h.seen[connect.TaskID{Connector: name, Task: connect.ConnectorTask}].state == cluster.Failed {
		delete(h.plans, name)
		return nil
	}
	p.under, p.again = true, false
	f := &flow{name: "planning tasks of " + name}
	return h.slow(f, "asking for task configs", func(op OpID) Action { return PlanTasks{op, name} }, func(d Done) []Action {
		tasks, _ := d.Result.([]config.Props)
		switch {
		case h.plans[name] != p:
			return nil
		case d.Err != nil:
			return h.planned(name, p, d.Err)
		case h.outdated(name, of):
			return h.planned(name, p, nil)
		case !h.changed(name, tasks):
			return h.planned(name, p, nil)
		}
		return h.publish(name, p, tasks, of)
	})
}

// running is the config that a connector runs with here, as far as it is wanted STARTED.
func (h *Herder) running(name string) (config.Props, bool) {
	w, ok := h.wanted[connect.TaskID{Connector: name, Task: connect.ConnectorTask}]
	c := h.snap.Connectors[name]
	return w.Connector, ok && w.Target == cluster.Started && c != nil && c.Target == cluster.Started
}

// outdated tells whether task configs that were made of the connector config of are not to be written any more: the connector has gone
// from here, or has a new config. Then it is asked again when it runs with that, and tasks restart once instead of twice.
func (h *Herder) outdated(name string, of config.Props) bool {
	now, runs := h.running(name)
	return !runs || !maps.Equal(now, of) || !maps.Equal(h.snap.Connectors[name].Config, of)
}

// changed tells whether the task configs differ from what the config topic has, or were made of another connector config
// (AbstractHerder.taskConfigsChanged).
func (h *Herder) changed(name string, tasks []config.Props) bool {
	c := h.snap.Connectors[name]
	if c == nil {
		return false // deleted meanwhile
	}
	if c.Inconsistent || len(c.Tasks) != len(tasks) || !maps.Equal(c.Applied, c.Config) {
		return true
	}
	for i := range tasks {
		if !maps.Equal(tasks[i], c.Tasks[i]) {
			return true
		}
	}
	return false
}

func (h *Herder) publish(name string, p *plan, tasks []config.Props, of config.Props) []Action {
	done := func(d Done) []Action { return h.planned(name, p, d.Err) }
	switch {
	case !h.member.joined || h.member.fenced:
		return h.planned(name, p, cluster.ErrRebalancing)
	case h.member.leader:
		f := &flow{name: "writing tasks of " + name, leader: true, queue: name}
		// a lost leadership drops the flow; the plan must hear of it, or it would wait for ever
		f.failed = func(err error) { h.planned(name, p, err) }
		return h.enqueue(f, func() []Action {
			return h.readThen(f, func() []Action {
				if h.outdated(name, of) || !h.changed(name, tasks) {
					return append(h.finish(f, nil, nil), h.planned(name, p, nil)...)
				}
				return h.writeTasks(f, name, tasks, func() []Action { return h.planned(name, p, nil) })
			})
		})
	default:
		f := &flow{name: "bringing tasks of " + name + " to the leader"}
		act := func(op OpID) Action {
			return ForwardTasks{Op: op, LeaderURL: h.member.leaderURL, Connector: name, Configs: tasks}
		}
		return h.slow(f, "bringing task configs to the leader", act, done)
	}
}

func (h *Herder) writeTasks(f *flow, name string, tasks []config.Props, then func() []Action) []Action {
	act := h.writeAction(f, true, cluster.PutTasks{Connector: name, Tasks: tasks})
	return h.slow(f, "writing task configs", act, func(d Done) []Action {
		acts := h.finish(f, nil, d.Err)
		if d.Err == nil && then != nil {
			acts = append(acts, then()...)
		}
		return acts
	})
}

// planned ends one round; an error means another one later.
func (h *Herder) planned(name string, p *plan, err error) []Action {
	if h.plans[name] != p {
		return nil
	}
	p.under = false
	if err != nil {
		p.retryAt = h.now.Add(min(planBackoffMin<<min(p.tries, 10), planBackoffMax))
		p.tries++
		return nil
	}
	if p.again {
		p.tries = 0
		return h.startPlan(name, p)
	}
	delete(h.plans, name)
	return nil
}

// putTasks takes task configs that another worker's connector made.
func (h *Herder) putTasks(req ReqID, r PutTasks) []Action {
	if no := h.needLeader(req); no != nil {
		return no
	}
	f := &flow{name: "putting tasks of " + r.Name, req: req, leader: true, queue: r.Name}
	return h.enqueue(f, func() []Action {
		return h.readThen(f, func() []Action {
			c := h.snap.Connectors[r.Name]
			if c == nil {
				return h.finish(f, nil, notFound(r.Name))
			}
			if c.Target == cluster.Stopped || !h.changed(r.Name, r.Configs) {
				return h.finish(f, nil, nil) // stopped meanwhile: its task configs are gone on purpose
			}
			return h.writeTasks(f, r.Name, r.Configs, nil)
		})
	})
}

// Owner tells which worker has a connector or task, as far as this worker knows; empty: unknown.
func (h *Herder) Owner(id connect.TaskID) string { return h.member.owners[id] }
