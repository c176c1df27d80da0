package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

const (
	contentJSON     = "application/json"
	messageStarting = "Worker is still starting up."
)

// write sends an answer. The body is encoded first, so that what cannot be encoded is an error and not half an answer.
func (s *Server) write(w http.ResponseWriter, r *http.Request, res response) {
	if res.location != "" {
		w.Header().Set("Location", baseURL(r)+res.location)
	}
	if res.body == nil {
		w.Header().Del("Content-Type")
		if res.status != http.StatusNoContent {
			w.Header().Set("Content-Length", "0")
		}
		w.WriteHeader(res.status)
		return
	}
	data, err := encode(res.body)
	if err != nil {
		w.Header().Del("Location")
		s.fail(w, r, err)
		return
	}
	s.send(w, r, res.status, contentJSON, data)
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, status int, contentType string, data []byte) {
	switch {
	case contentType == "":
		w.Header()["Content-Type"] = nil // or net/http guesses one
	case w.Header().Get("Content-Type") == "": // else negotiated
		w.Header().Set("Content-Type", contentType)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if _, err := w.Write(data); err != nil {
		s.log.Debug("the client did not take the answer", "method", r.Method, "path", r.URL.Path, "error", err)
	}
}

// encode writes JSON as Jackson does: compact, without escapes for HTML.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// fail answers with an error (Java: ConnectExceptionMapper).
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, message := statusOf(err)
	if status == http.StatusInternalServerError {
		s.log.Error("REST request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	contentType := contentJSON
	var he *httpError
	if errors.As(err, &he) && he.bare {
		contentType = ""
	}
	data, _ := encode(api.ErrorMessage{Code: status, Message: message}) // an int and a text always encode
	s.send(w, r, status, contentType, data)
}

// statusOf maps the errors of a herder to HTTP.
func statusOf(err error) (status int, message string) {
	var (
		he        *httpError
		notFound  *cluster.NotFound
		exists    *cluster.Exists
		bad       *cluster.BadRequest
		conflict  *cluster.Conflict
		tooLarge  *http.MaxBytesError
		notLeader *cluster.NotLeader
		elsewhere *cluster.NotAssigned
		late      *cluster.TimedOut
	)
	switch {
	case errors.As(err, &he):
		return he.status, he.message
	case errors.As(err, &notFound):
		return http.StatusNotFound, notFound.Message
	case errors.As(err, &exists):
		return http.StatusConflict, exists.Message
	case errors.As(err, &conflict):
		return http.StatusConflict, conflict.Message
	case errors.As(err, &bad):
		return http.StatusBadRequest, bad.Message
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, jersey(http.StatusRequestEntityTooLarge, false).message
	case errors.As(err, &notLeader), errors.As(err, &elsewhere):
		return http.StatusConflict, err.Error()
	case errors.As(err, &late):
		return http.StatusInternalServerError, late.Error()
	case errors.Is(err, cluster.ErrRebalancing):
		return http.StatusConflict, cluster.ErrRebalancing.Error()
	case errors.Is(err, cluster.ErrStarting):
		return http.StatusServiceUnavailable, messageStarting
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusInternalServerError, "Request timed out"
	case errors.Is(err, context.Canceled):
		return http.StatusInternalServerError, "Request interrupted"
	}
	return http.StatusInternalServerError, err.Error()
}

// baseURL is how the client reached this server.
func baseURL(r *http.Request) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host
}

// bodyError: a body that cannot be read is the client's doing, or its network's.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return badRequest("The request body could not be read: %v", err)
}

// escapeSegment escapes a name for Location as JAX-RS does (UriComponent.Type.PATH_SEGMENT), and a slash and a per cent sign besides, or
// the name could not be found again.
func escapeSegment(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
