package rest

import (
	"net/http"

	"github.com/connectd/connectd/rest/api"
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
		Status: "healthy", Message: "Worker has completed startup and is ready to handle requests.",
	}}, nil
}

// live is for liveness probes: a worker that waits for Kafka is not to be killed.
func (s *Server) live(*request) (response, error) {
	return response{status: http.StatusOK, body: api.WorkerStatus{Status: "alive", Message: "The process answers."}}, nil
}
