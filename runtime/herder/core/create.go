package core

import (
	"fmt"
	"maps"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/cluster"
)

// onRequest begins a request.
func (h *Herder) onRequest(ev Requested) []Action {
	switch r := ev.Request.(type) {
	case PutConfig:
		return h.put(ev.Req, r)
	case PatchConfig:
		return h.patch(ev.Req, r)
	case Delete:
		return h.remove(ev.Req, r)
	case SetTarget:
		return h.setTarget(ev.Req, r)
	case RestartConnector:
		return h.restartConnector(ev.Req, r)
	case RestartTask:
		return h.restartTask(ev.Req, r)
	case RestartAll:
		return h.restartAll(ev.Req, r)
	case PutTasks:
		return h.putTasks(ev.Req, r)
	case Fence:
		return h.fence(ev.Req, r)
	case SetLogger:
		f := &flow{name: "setting a logger level", req: ev.Req}
		return h.write(f, false, nil, cluster.PutLoggerLevel{Level: r.LoggerLevel})
	default:
		return []Action{Reply{Req: ev.Req, Err: fmt.Errorf("unknown request %T", r)}}
	}
}

// needLeader answers the request unless this worker is the leader of a group it is in.
func (h *Herder) needLeader(req ReqID) []Action {
	switch {
	case !h.member.joined || h.member.lagging || h.member.fenced:
		return []Action{Reply{Req: req, Err: cluster.ErrRebalancing}}
	case !h.member.leader:
		return []Action{Reply{Req: req, Err: &cluster.NotLeader{URL: h.member.leaderURL}}}
	default:
		return nil
	}
}

func notFound(name string) error {
	return &cluster.NotFound{Message: "Connector " + name + " not found"}
}

// put creates or replaces a connector: validate, read to the end, write (DistributedHerder.putConnectorConfig).
func (h *Herder) put(req ReqID, r PutConfig) []Action {
	if no := h.needLeader(req); no != nil {
		return no
	}
	// Validating runs a connector's code, which may hang: what else is asked of the connector must not queue behind it.
	f := &flow{name: "putting connector " + r.Name, req: req, leader: true, queue: r.Name}
	return h.validate(f, r, func() []Action {
		return h.enqueue(f, func() []Action { return h.readThen(f, func() []Action { return h.store(f, r) }) })
	})
}

func (h *Herder) validate(f *flow, r PutConfig, then func() []Action) []Action {
	stage := "validating the config of connector " + r.Name
	return h.slow(f, stage, func(op OpID) Action { return Validate{op, r.Props} }, func(d Done) []Action {
		if d.Err != nil {
			return h.finish(f, nil, d.Err)
		}
		return then()
	})
}

// readThen upholds invariant 4: the leader reads the topic to its end before it writes, since a former leader's last write may not
// have arrived yet.
func (h *Herder) readThen(f *flow, then func() []Action) []Action {
	return h.slow(f, "reading to the end of the config topic", func(op OpID) Action { return ReadToEnd{op} }, func(d Done) []Action {
		if d.Err != nil {
			return h.finish(f, nil, d.Err)
		}
		return then()
	})
}

func (h *Herder) store(f *flow, r PutConfig) []Action {
	exists := h.snap.Contains(r.Name)
	if exists && r.MustBeNew {
		return h.finish(f, nil, &cluster.Exists{Message: "Connector " + r.Name + " already exists"})
	}
	result := func() any { return Put{Created: !exists, Props: r.Props, Tasks: h.snap.TaskIDs(r.Name)} }
	return h.write(f, true, result, cluster.PutConnector{Name: r.Name, Config: r.Props, Order: r.Order, Target: r.Initial})
}

// patch merges into the config as it is at the end of the topic, and goes on as put (KIP-477).
func (h *Herder) patch(req ReqID, r PatchConfig) []Action {
	if no := h.needLeader(req); no != nil {
		return no
	}
	f := &flow{name: "patching connector " + r.Name, req: req, leader: true, queue: r.Name}
	return h.enqueue(f, func() []Action {
		return h.readThen(f, func() []Action {
			c := h.snap.Connectors[r.Name]
			if c == nil {
				return h.finish(f, nil, notFound(r.Name))
			}
			merged := config.Props{}
			maps.Copy(merged, c.Config)
			for k, v := range r.Patch {
				if v == nil {
					delete(merged, k)
				} else {
					merged[k] = *v
				}
			}
			put := PutConfig{Name: r.Name, Props: merged}
			return h.validate(f, put, func() []Action { return h.readThen(f, func() []Action { return h.store(f, put) }) })
		})
	})
}

// remove deletes a connector; its work stops with the rebalance that follows.
func (h *Herder) remove(req ReqID, r Delete) []Action {
	if no := h.needLeader(req); no != nil {
		return no
	}
	f := &flow{name: "deleting connector " + r.Name, req: req, leader: true, queue: r.Name}
	return h.enqueue(f, func() []Action {
		return h.readThen(f, func() []Action {
			if !h.snap.Contains(r.Name) {
				return h.finish(f, nil, notFound(r.Name))
			}
			return h.write(f, true, nil, cluster.RemoveConnector{Name: r.Name})
		})
	})
}

// setTarget pauses or resumes on any worker; stopping also removes the task configs, which only the leader may.
func (h *Herder) setTarget(req ReqID, r SetTarget) []Action {
	stop := r.State == cluster.Stopped
	if stop {
		if no := h.needLeader(req); no != nil {
			return no
		}
	}
	f := &flow{name: "setting the state of connector " + r.Name, req: req, leader: stop, queue: r.Name}
	return h.enqueue(f, func() []Action {
		return h.readThen(f, func() []Action {
			if !h.snap.Contains(r.Name) {
				return h.finish(f, nil, notFound(r.Name))
			}
			changes := []cluster.Change{cluster.PutTarget{Connector: r.Name, Target: r.State}}
			if stop {
				changes = append([]cluster.Change{cluster.PutTasks{Connector: r.Name}}, changes...)
			}
			return h.write(f, stop, nil, changes...)
		})
	})
}
