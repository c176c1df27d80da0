package rest

import (
	"net/http"
	"strings"

	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

func (s *Server) listLoggers(r *request) (response, error) {
	out := map[string]api.LoggerLevel{}
	for name, l := range r.herder.Loggers().Levels() {
		out[name] = loggerLevel(l)
	}
	return response{status: http.StatusOK, body: out}, nil
}

func loggerLevel(l LoggerState) api.LoggerLevel {
	out := api.LoggerLevel{Level: l.Level}
	if l.Changed != 0 {
		out.LastModified = &l.Changed
	}
	return out
}

func (s *Server) getLogger(r *request) (response, error) {
	name := r.params["logger"]
	l, ok := r.herder.Loggers().Level(name)
	if !ok {
		return response{}, &cluster.NotFound{Message: "Logger " + name + " not found."}
	}
	return response{status: http.StatusOK, body: loggerLevel(l)}, nil
}

// setLogger sets a level on this worker, or with scope=cluster on all (KIP-976). An unknown scope is the worker's, as in Java.
func (s *Server) setLogger(r *request) (response, error) {
	c, err := r.config()
	if err != nil {
		return response{}, err
	}
	level, ok := c.Values["level"]
	if !ok {
		return response{}, badRequest("Desired 'level' parameter was not specified in request.")
	}
	if level == "" {
		return response{}, badRequest("Illegal null or empty Level name.")
	}
	invalid := &cluster.NotFound{Message: "invalid log level '" + level + "'."}
	if !validLevel(level) {
		return response{}, invalid
	}
	name := r.params["logger"]
	if strings.EqualFold(r.query.Get("scope"), "cluster") {
		return response{status: http.StatusNoContent}, r.herder.SetClusterLogger(r.ctx, cluster.LoggerLevel{Namespace: name, Level: level})
	}
	changed, ok := r.herder.Loggers().Set(name, level)
	if !ok {
		return response{}, invalid
	}
	if changed == nil {
		changed = []string{}
	}
	return response{status: http.StatusOK, body: changed}, nil
}

// validLevel knows the levels of log4j.
func validLevel(level string) bool {
	switch strings.ToUpper(strings.TrimSpace(level)) {
	case "OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL":
		return true
	}
	return false
}
