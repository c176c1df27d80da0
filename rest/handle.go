package rest

import (
	"context"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"
)

// Handler answers what Config.Listeners get.
func (s *Server) Handler() http.Handler {
	withAdmin := !s.cfg.AdminOff && len(s.cfg.AdminListeners) == 0
	rt := newRouter(func(r *Route) bool { return !r.admin || withAdmin })
	headers := newHeaderRules(s.cfg.ResponseHeaders)
	return s.handler(rt, func(w http.ResponseWriter, r *http.Request) {
		s.cors.apply(w.Header(), r)
		headers.apply(w.Header(), time.Now())
	})
}

// AdminHandler answers what Config.AdminListeners get.
func (s *Server) AdminHandler() http.Handler {
	return s.handler(newRouter(func(r *Route) bool { return r.admin }), func(http.ResponseWriter, *http.Request) {})
}

func (s *Server) handler(rt router, before func(http.ResponseWriter, *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.recover(w, r)
		before(w, r)
		route, params, err := rt.route(w, r)
		switch {
		case err != nil:
			s.fail(w, r, err)
		case route == nil: // OPTIONS, answered
		case route.any && s.cfg.Metrics != nil:
			s.cfg.Metrics.ServeHTTP(w, r)
		case route.handle == nil:
			s.fail(w, r, jersey(http.StatusNotFound, true))
		default:
			s.operate(w, r, route, params)
		}
	})
}

// route finds the operation in the order of JAX-RS: path, method, Content-Type, Accept. It answers OPTIONS itself.
func (rt router) route(w http.ResponseWriter, r *http.Request) (*Route, map[string]string, error) {
	path, _, _ := strings.Cut(r.URL.EscapedPath(), "%23") // net/http takes a fragment for a part of the path
	if !strings.Contains(r.RequestURI, "#") {
		path = r.URL.EscapedPath()
	}
	if ambiguous(path) {
		return nil, nil, jersey(http.StatusBadRequest, true)
	}
	res, params := rt.find(path)
	if res == nil || r.URL.Path == "*" {
		return nil, nil, jersey(http.StatusNotFound, true)
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	route := res.methods[method]
	switch {
	case route == nil && method == http.MethodOptions:
		res.options(w, r)
		return nil, nil, nil
	case route == nil:
		return nil, nil, jersey(http.StatusMethodNotAllowed, true)
	case !route.raw && !takesJSON(r, route.body):
		return nil, nil, jersey(http.StatusUnsupportedMediaType, !readable(r.Header.Get("Content-Type")))
	case route.any:
		return route, params, nil
	}
	contentType, err := negotiate(r.Header)
	if err != nil {
		return nil, nil, err
	}
	if contentType != contentJSON {
		w.Header().Set("Content-Type", contentType)
	}
	return route, params, nil
}

// operate does what was asked for, here or at another worker.
func (s *Server) operate(w http.ResponseWriter, r *http.Request, route *Route, params map[string]string) {
	start := time.Now()
	defer func() {
		s.log.Debug("REST request", "method", r.Method, "path", r.URL.Path, "took", time.Since(start))
	}()
	req := &request{Request: r, params: params, query: r.URL.Query()}
	if h := s.herder.Load(); h != nil {
		req.herder = *h
	} else if !route.early {
		s.fail(w, r, &httpError{status: http.StatusServiceUnavailable, message: messageStarting})
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		var err error
		if req.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, s.cfg.MaxBody)); err != nil {
			s.fail(w, r, bodyError(err))
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Timeout)
	defer cancel()
	req.ctx = ctx
	res, err := route.handle(s, req)
	if target, elsewhere := elsewhere(err); elsewhere {
		err = s.forward(w, req, target)
		if err == nil {
			return
		}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.write(w, r, res)
}

// recover keeps a panic from taking the worker with it. What the panic says may be internal, so it goes to the log alone.
func (s *Server) recover(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // net/http panics with this very value
		panic(p)
	}
	s.log.Error("REST handler panicked", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
	// If the answer has begun this is no more than a line in the log of net/http.
	s.fail(w, r, &httpError{status: http.StatusInternalServerError, message: "Internal error; see the log of the worker"})
}
