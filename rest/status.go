package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

func (s *Server) getStatus(r *request) (response, error) {
	st, err := r.state(r.connector())
	return response{status: http.StatusOK, body: st}, err
}

// state is AbstractHerder.connectorStatus: tasks without a status are left out.
func (r *request) state(name string) (api.ConnectorStateInfo, error) {
	own, ok := r.herder.Status(connect.TaskID{Connector: name, Task: connect.ConnectorTask})
	if !ok {
		return api.ConnectorStateInfo{}, &cluster.NotFound{Message: "No status found for connector " + name}
	}
	snapshot := r.herder.Snapshot()
	out := api.ConnectorStateInfo{
		Name: name, Tasks: []api.TaskState{}, Type: "unknown",
		Connector: api.ConnectorState{State: string(own.State), WorkerID: own.WorkerID, Version: text(own.Version), Trace: own.Trace},
	}
	if c := snapshot.Connectors[name]; c != nil {
		out.Type = r.connectorType(c.Config)
	}
	for _, id := range snapshot.TaskIDs(name) {
		if st, ok := r.herder.Status(id); ok {
			out.Tasks = append(out.Tasks, taskState(st))
		}
	}
	return out, nil
}

func taskState(st cluster.Status) api.TaskState {
	return api.TaskState{ID: st.ID.Task, State: string(st.State), WorkerID: st.WorkerID, Version: text(st.Version), Trace: st.Trace,
		Progress: json.RawMessage(st.Progress)}
}

func (s *Server) getTasks(r *request) (response, error) {
	c, err := r.configured(r.connector())
	if err != nil {
		return response{}, err
	}
	out := make([]api.TaskInfo, len(c.Tasks))
	for i, t := range c.Tasks {
		out[i] = api.TaskInfo{ID: api.TaskID{Connector: c.Name, Task: int32(i)}, Config: storedConfig(t, c.Order)}
	}
	return response{status: http.StatusOK, body: out}, nil
}

func (s *Server) getTaskStatus(r *request) (response, error) {
	id, err := r.task()
	if err != nil {
		return response{}, err
	}
	st, ok := r.herder.Status(id)
	if !ok || id.Task < 0 {
		return response{}, &cluster.NotFound{Message: fmt.Sprintf("No status found for task %s-%d", id.Connector, id.Task)}
	}
	return response{status: http.StatusOK, body: taskState(st)}, nil
}

func (s *Server) restartTask(r *request) (response, error) {
	id, err := r.task()
	if err != nil {
		return response{}, err
	}
	if id.Task < 0 { // would name the connector instance
		return response{}, &cluster.NotFound{Message: "Unknown task: " + id.Connector + "-" + r.params["task"]}
	}
	return response{status: http.StatusNoContent}, r.herder.RestartTask(r.ctx, id)
}

// restartConnector answers with the states the request will lead to (KIP-745), or, if it is about the connector instance alone, with
// nothing (Java: RestartRequest.forceRestartConnectorOnly).
func (s *Server) restartConnector(r *request) (response, error) {
	req := cluster.RestartRequest{
		Connector: r.connector(), IncludeTasks: r.flag("includeTasks", false), OnlyFailed: r.flag("onlyFailed", false),
	}
	if !req.IncludeTasks && !req.OnlyFailed {
		return response{status: http.StatusNoContent}, r.herder.RestartConnector(r.ctx, req.Connector)
	}
	plan, before := r.state(req.Connector) // before the restart begins to change it
	if err := r.herder.RestartAll(r.ctx, req); err != nil {
		return response{}, err
	}
	if before != nil {
		return response{}, &cluster.NotFound{Message: "Status for connector " + req.Connector + " not found"}
	}
	restarts := func(state string) bool { return !req.OnlyFailed || state == string(cluster.Failed) }
	if restarts(plan.Connector.State) {
		plan.Connector.State = string(cluster.Restarting)
	}
	for i := range plan.Tasks {
		if t := &plan.Tasks[i]; req.IncludeTasks && restarts(t.State) {
			t.State, t.Progress = string(cluster.Restarting), nil
		}
	}
	return response{status: http.StatusAccepted, body: plan}, nil
}

// getTopics answers for a connector that is not there as well: with none.
func (s *Server) getTopics(r *request) (response, error) {
	if s.cfg.TopicTrackingOff {
		return response{}, &httpError{status: http.StatusForbidden, message: "Topic tracking is disabled."}
	}
	topics := []string{}
	for _, t := range r.herder.Topics(r.connector()) {
		topics = append(topics, t.Topic)
	}
	slices.Sort(topics)
	return response{status: http.StatusOK, body: map[string]api.ActiveTopics{r.connector(): {Topics: slices.Compact(topics)}}}, nil
}

func (s *Server) resetTopics(r *request) (response, error) {
	switch {
	case s.cfg.TopicTrackingOff:
		return response{}, &httpError{status: http.StatusForbidden, message: "Topic tracking is disabled."}
	case s.cfg.TopicResetOff:
		return response{}, &httpError{status: http.StatusForbidden, message: "Topic tracking reset is disabled."}
	}
	r.herder.ResetTopics(r.connector())
	return response{status: http.StatusAccepted}, nil
}

// text is null if it is empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
