package core

import (
	"fmt"
	"slices"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/cluster"
)

// restartConnector restarts the instance here, or answers who has it.
func (h *Herder) restartConnector(req ReqID, r RestartConnector) []Action {
	id := connect.TaskID{Connector: r.Name, Task: connect.ConnectorTask}
	if !h.snap.Contains(r.Name) {
		return []Action{Reply{Req: req, Err: notFound(r.Name)}}
	}
	if slices.Contains(h.member.assigned.Connectors, r.Name) {
		return h.restartHere(req, id)
	}
	return h.elsewhere(req, id, "connector "+r.Name)
}

// restartTask likewise for one task.
func (h *Herder) restartTask(req ReqID, r RestartTask) []Action {
	c := h.snap.Connectors[r.ID.Connector]
	if c == nil {
		return []Action{Reply{Req: req, Err: notFound(r.ID.Connector)}}
	}
	if int(r.ID.Task) >= len(c.Tasks) || r.ID.Task < 0 {
		return []Action{Reply{Req: req, Err: &cluster.NotFound{Message: "Unknown task: " + r.ID.String()}}}
	}
	if slices.Contains(h.member.assigned.Tasks, r.ID) {
		return h.restartHere(req, r.ID)
	}
	return h.elsewhere(req, r.ID, "task "+r.ID.String())
}

func (h *Herder) elsewhere(req ReqID, id connect.TaskID, what string) []Action {
	if no := h.needLeader(req); no != nil {
		return no
	}
	if url := h.member.owners[id]; url != "" {
		return []Action{Reply{Req: req, Err: &cluster.NotAssigned{What: what, URL: url}}}
	}
	return []Action{Reply{Req: req, Err: cluster.ErrRebalancing}}
}

// restartHere raises the epoch; the worker sees another run wanted. The request is answered when that run is seen.
func (h *Herder) restartHere(req ReqID, id connect.TaskID) []Action {
	if !h.member.joined || h.member.lagging {
		return []Action{Reply{Req: req, Err: cluster.ErrRebalancing}}
	}
	h.epochs[id]++
	h.waits[id] = append(h.waits[id], wait{req, h.epochs[id], h.now})
	return h.reapply([]string{id.Connector})
}

// answerWaits answers the restart requests whose run is up or has failed. A connector that fails to restart is an error of the
// request, as in Java; a task's failure is only seen in its status.
func (h *Herder) answerWaits(r cluster.Report) []Action {
	ws := h.waits[r.ID]
	if len(ws) == 0 || r.Seen == cluster.Restarting {
		return nil
	}
	var acts []Action
	var rest []wait
	for _, w := range ws {
		if w.epoch > r.Epoch {
			rest = append(rest, w)
			continue
		}
		var err error
		if r.Seen == cluster.Failed && r.ID.Task == connect.ConnectorTask {
			err = fmt.Errorf("restarting connector %s: %w", r.ID.Connector, r.Err)
		}
		acts = append(acts, Reply{Req: w.req, Err: err})
	}
	if rest == nil {
		delete(h.waits, r.ID)
	} else {
		h.waits[r.ID] = rest
	}
	return acts
}

// secretChanged restarts an instance that uses a value which is another one now. If it cannot be restarted yet the worker tells of it again.
func (h *Herder) secretChanged(r cluster.Report) []Action {
	if _, wanted := h.wanted[r.ID]; !wanted || r.Epoch != h.epochs[r.ID] || !h.member.joined || h.member.lagging {
		return nil
	}
	h.epochs[r.ID]++
	return h.reapply([]string{r.ID.Connector})
}

// restartAll writes the request for every worker to read (KIP-745).
func (h *Herder) restartAll(req ReqID, r RestartAll) []Action {
	if no := h.needLeader(req); no != nil {
		return no
	}
	f := &flow{name: "restarting connector " + r.Connector, req: req, leader: true, queue: r.Connector}
	return h.enqueue(f, func() []Action {
		return h.readThen(f, func() []Action {
			if !h.snap.Contains(r.Connector) {
				return h.finish(f, nil, &cluster.NotFound{Message: "Unknown connector: " + r.Connector})
			}
			return h.write(f, true, nil, cluster.PutRestart{Request: r.RestartRequest})
		})
	})
}

// restart acts on a restart request read from the topic: our own instances of the connector get a new epoch and are reported
// RESTARTING first, as the leader of a Java cluster does for all.
func (h *Herder) restart(r cluster.RestartRequest) []Action {
	var acts []Action
	touch := func(id connect.TaskID) {
		s, running := h.seen[id]
		if !running || r.OnlyFailed && s.state != cluster.Failed {
			return
		}
		h.epochs[id]++
		acts = append(acts, WriteStatus{Status: cluster.Status{
			ID: id, State: cluster.Restarting, WorkerID: h.cfg.WorkerID, Generation: h.member.generation,
		}})
	}
	for _, name := range h.member.assigned.Connectors {
		if name == r.Connector {
			touch(connect.TaskID{Connector: name, Task: connect.ConnectorTask})
		}
	}
	for _, id := range h.member.assigned.Tasks {
		if id.Connector == r.Connector && r.IncludeTasks {
			touch(id)
		}
	}
	return acts
}
