package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
)

// messageNoLeader and messageConflict are texts of HerderRequestHandler.
const (
	messageNoLeader = "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
	messageConflict = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"
)

// NewClient makes a client for requests between workers: it does not follow redirects, and waits a few seconds for a connection. t is for
// https, nil for the system's certificates. Requests need a context with a deadline.
func NewClient(t *tls.Config) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, TLSClientConfig: t, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 4,
		},
	}
}

// elsewhere tells whether another worker has to do this, and where it is: empty if that is not known.
func elsewhere(err error) (target string, ok bool) {
	var leader *cluster.NotLeader
	var assigned *cluster.NotAssigned
	switch {
	case errors.As(err, &leader):
		return leader.URL, true
	case errors.As(err, &assigned):
		return assigned.URL, true
	}
	return "", false
}

// forward brings the request to another worker and streams its answer back. The query parameter forward counts the hops: unset, the
// other worker may forward once more; true, it may not; false, this one may not. (HerderRequestHandler.completeOrForwardRequest)
func (s *Server) forward(w http.ResponseWriter, r *request, target string) error {
	hop := r.query.Has("forward")
	if hop && !r.flag("forward", false) {
		return &httpError{status: http.StatusConflict, message: messageConflict}
	}
	if target == "" {
		return &httpError{status: http.StatusConflict, message: messageNoLeader}
	}
	query := url.Values{}
	for k, v := range r.query {
		query[k] = v
	}
	query.Set("forward", strconv.FormatBool(!hop))
	// The other worker times out by itself; its answer should still arrive.
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Timeout+5*time.Second)
	defer cancel()
	to := strings.TrimRight(target, "/") + r.URL.EscapedPath() + "?" + query.Encode()
	out, err := http.NewRequestWithContext(ctx, r.Method, to, bytes.NewReader(r.body))
	if err != nil {
		return &httpError{status: http.StatusInternalServerError, message: "Error trying to forward REST request: " + err.Error()}
	}
	for _, name := range []string{"Authorization", "Content-Type", signatureHeader, algorithmHeader} {
		if v := r.Header.Get(name); v != "" {
			out.Header.Set(name, v)
		}
	}
	out.Header.Set("Accept", contentJSON)
	out.Header.Set("User-Agent", userAgent)
	s.log.Debug("forwarding a REST request", "method", r.Method, "url", to)
	res, err := s.cfg.Client.Do(out)
	if err != nil {
		s.log.Error("IO error forwarding a REST request", "method", r.Method, "path", r.URL.Path, "error", err)
		return &httpError{status: http.StatusInternalServerError, message: "IO Error trying to forward REST request: " + err.Error()}
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		return &httpError{
			status:  http.StatusInternalServerError,
			message: "Unexpected status code when handling forwarded request: " + strconv.Itoa(res.StatusCode),
		}
	}
	s.relay(w, r.Request, res)
	return nil
}

// relay streams an answer. A new connector is found at this worker as well, which is the one the client can reach for sure.
func (s *Server) relay(w http.ResponseWriter, r *http.Request, res *http.Response) {
	h := w.Header()
	h["Content-Type"] = nil
	for _, name := range []string{"Content-Type", "Content-Length"} {
		if v := res.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	if location, err := url.Parse(res.Header.Get("Location")); err == nil && location.Path != "" {
		h.Set("Location", baseURL(r)+location.EscapedPath())
	}
	w.WriteHeader(res.StatusCode)
	if _, err := io.Copy(w, res.Body); err != nil {
		s.log.Warn("a forwarded answer was cut off", "method", r.Method, "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler) // the client must not take half an answer for a whole one
	}
}
