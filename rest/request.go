package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

// request is one request on its way through a handler.
type request struct {
	*http.Request
	ctx    context.Context
	herder Herder // nil only for early routes
	params map[string]string
	query  url.Values
	body   []byte // read, for all methods that may have one
}

// response is the answer of a handler. A nil body is none.
type response struct {
	status   int
	body     any
	location string
}

// httpError is an answer that no error of package cluster stands for. bare errors were found before a resource was chosen: as in Java
// they carry no Content-Type.
type httpError struct {
	status  int
	message string
	bare    bool
}

func (e *httpError) Error() string { return e.message }

// jersey is the error of JAX-RS itself.
func jersey(status int, bare bool) *httpError {
	text := http.StatusText(status)
	return &httpError{status: status, message: fmt.Sprintf("HTTP %d %s", status, text), bare: bare}
}

func badRequest(format string, args ...any) error {
	return &cluster.BadRequest{Message: fmt.Sprintf(format, args...)}
}

func (r *request) connector() string { return r.params["connector"] }

// task reads the task of the path. Java turns a number it cannot read into a 404.
func (r *request) task() (connect.TaskID, error) {
	n, err := strconv.ParseInt(r.params["task"], 10, 32)
	if err != nil {
		return connect.TaskID{}, jersey(http.StatusNotFound, false)
	}
	// strconv takes a sign as Integer.valueOf does.
	return connect.TaskID{Connector: r.connector(), Task: int32(n)}, nil
}

// flag reads a Boolean query parameter as Java does: everything but true is false.
func (r *request) flag(name string, unset bool) bool {
	if !r.query.Has(name) {
		return unset
	}
	return strings.EqualFold(r.query.Get(name), "true")
}

// decode reads the body, which must be one JSON value, into v.
func (r *request) decode(what string, v any) error {
	data := bytes.TrimPrefix(r.body, []byte("\ufeff"))
	if len(bytes.TrimSpace(data)) == 0 {
		return badRequest("The request has no body; it must be %s as JSON", what)
	}
	if !utf8.Valid(data) {
		return badRequest("The request body is not valid UTF-8; it must be %s as JSON", what)
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line, column := position(data, syntax.Offset)
			return badRequest("The request body is not valid JSON: %v at line %d, column %d", err, line, column)
		}
		return badRequest("The request body is not valid JSON: %v", err)
	}
	if string(raw) == "null" {
		return badRequest("The request body is null; it must be %s as JSON", what)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return badRequest("The request body must be %s as JSON: %v", what, err)
	}
	return nil
}

// position counts lines and columns from 1, columns in bytes, of the byte before offset.
func position(data []byte, offset int64) (line, column int) {
	read := data[:min(max(int(offset)-1, 0), len(data))]
	return bytes.Count(read, []byte("\n")) + 1, len(read) - bytes.LastIndexByte(read, '\n')
}

// config reads a body that is a config.
func (r *request) config() (api.Config, error) {
	var c api.Config
	err := r.decode("a config, an object of texts", &c)
	return c, err
}
