package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

func (s *Server) root(r *request) (response, error) {
	out := api.ServerInfo{Version: s.cfg.Version, Commit: s.cfg.Commit}
	if r.herder != nil {
		if id := r.herder.KafkaClusterID(); id != "" {
			out.KafkaClusterID = &id
		}
	}
	return response{status: http.StatusOK, body: out}, nil
}

// health is RootResource.healthCheck (KIP-1017).
func (s *Server) health(r *request) (response, error) {
	state := Health{Starting: true}
	if r.herder != nil {
		state = r.herder.Health()
	}
	detail := ""
	if state.Problem != "" {
		detail = " " + state.Problem
	}
	switch {
	case state.Starting:
		return response{status: http.StatusServiceUnavailable, body: api.WorkerStatus{Status: "starting", Message: messageStarting + detail}}, nil
	case state.Problem != "":
		return response{status: http.StatusInternalServerError, body: api.WorkerStatus{
			Status: "unhealthy", Message: "Worker was unable to handle this request and may be unable to handle other requests." + detail,
		}}, nil
	}
	return response{status: http.StatusOK, body: api.WorkerStatus{
		Status: "healthy", Message: "Worker has completed startup and is ready to handle requests.", Stalled: stalled(state.Stalled),
	}}, nil
}

func stalled(stalls map[connect.TaskID]cluster.Stall) []api.StalledTask {
	var out []api.StalledTask
	for id, s := range stalls {
		x := api.StalledTask{Connector: id.Connector, Doing: s.Doing, Since: s.Since.UnixMilli()}
		if id.Task != connect.ConnectorTask {
			x.Task = &id.Task
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b api.StalledTask) int {
		if c := strings.Compare(a.Connector, b.Connector); c != 0 || a.Task == nil || b.Task == nil {
			return c
		}
		return int(*a.Task - *b.Task)
	})
	return out
}

// live is for liveness probes: a worker that waits for Kafka is not to be killed.
func (s *Server) live(*request) (response, error) {
	return response{status: http.StatusOK, body: api.WorkerStatus{Status: "alive", Message: "The process answers."}}, nil
}
