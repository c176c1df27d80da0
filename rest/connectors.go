package rest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/javamap"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
)

const (
	keyName  = "name"
	keyClass = "connector.class"
)

// listConnectors is ConnectorsResource.listConnectors. Expansions it does not know are ignored, as in Java.
func (s *Server) listConnectors(r *request) (response, error) {
	snapshot := r.herder.Snapshot()
	names := javamap.Order(snapshot.Names(), javamap.CopyOf(len(snapshot.Connectors)))
	if !r.query.Has("expand") {
		return response{status: http.StatusOK, body: names}, nil
	}
	out := api.Expansions{By: make(map[string]api.Expansion, len(names))}
	for _, name := range javamap.Order(names, javamap.Default(len(names))) {
		if x, ok := r.expand(name); ok {
			out.Names = append(out.Names, name)
			out.By[name] = x
		}
	}
	return response{status: http.StatusOK, body: out}, nil
}

// expand tells more of a connector; false if there is nothing to tell, as of one that was just created or just deleted.
func (r *request) expand(name string) (api.Expansion, bool) {
	var x api.Expansion
	for _, what := range r.query["expand"] {
		switch what {
		case "status":
			st, err := r.state(name)
			if err != nil {
				return x, false
			}
			x.Status = &st
		case "info":
			c, err := r.configured(name)
			if err != nil {
				return x, false
			}
			info := r.info(name, storedConfig(c.Config, c.Order), r.herder.Snapshot().TaskIDs(name))
			x.Info = &info
		}
	}
	return x, true
}

// configured finds a connector.
func (r *request) configured(name string) (*cluster.ConnectorSnapshot, error) {
	if c := r.herder.Snapshot().Connectors[name]; c != nil {
		return c, nil
	}
	return nil, &cluster.NotFound{Message: "Connector " + name + " not found"}
}

func (r *request) info(name string, c api.Config, tasks []connect.TaskID) api.ConnectorInfo {
	ids := make([]api.TaskID, len(tasks))
	for i, t := range tasks {
		ids[i] = api.TaskID{Connector: t.Connector, Task: t.Task}
	}
	return api.ConnectorInfo{Name: name, Config: c, Tasks: ids, Type: r.connectorType(c.Values)}
}

func (r *request) connectorType(props config.Props) string {
	class, ok := props[keyClass]
	if !ok {
		return "unknown"
	}
	return r.herder.ConnectorType(class)
}

func (s *Server) getConnector(r *request) (response, error) {
	c, err := r.configured(r.connector())
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: r.info(c.Name, storedConfig(c.Config, c.Order), r.herder.Snapshot().TaskIDs(c.Name))}, nil
}

func (s *Server) getConfig(r *request) (response, error) {
	c, err := r.configured(r.connector())
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: storedConfig(c.Config, c.Order)}, nil
}

func (s *Server) createConnector(r *request) (response, error) {
	req, initial, err := r.createRequest()
	if err != nil {
		return response{}, err
	}
	return r.put(PutRequest{Name: strings.TrimSpace(req.Name), Initial: initial, MustBeNew: true}, *req.Config)
}

// createRequest reads the body of POST /connectors.
func (r *request) createRequest() (req api.CreateConnectorRequest, initial *cluster.TargetState, err error) {
	var raw json.RawMessage
	const what = "an object with name, config and optionally initial_state"
	if err := r.decode(what, &raw); err != nil {
		return req, nil, err
	}
	fields, err := api.Fields(raw)
	if err != nil {
		return req, nil, badRequest("The request body must be %s as JSON: it %v", what, err)
	}
	for _, f := range fields {
		var text *string
		switch f.Name {
		case "name":
			if text, err = api.Text(f.Value); text != nil {
				req.Name = *text
			}
		case "config":
			err = json.Unmarshal(f.Value, &req.Config)
		case "initial_state":
			if text, err = api.Text(f.Value); err == nil && text != nil {
				initial, err = initialState(*text)
			}
		default:
			return req, nil, badRequest("Unrecognized field %q (3 known properties: \"config\", \"name\", \"initial_state\")", f.Name)
		}
		if err != nil {
			return req, nil, badRequest("%q of the request body: %v", f.Name, err)
		}
	}
	if req.Config == nil {
		return req, nil, badRequest("The request body has no \"config\"")
	}
	return req, initial, nil
}

// initialState reads CreateConnectorRequest.InitialState (KIP-980).
func initialState(word string) (*cluster.TargetState, error) {
	var s cluster.TargetState
	switch strings.ToUpper(word) {
	case "RUNNING":
		s = cluster.Started
	case "PAUSED":
		s = cluster.Paused
	case "STOPPED":
		s = cluster.Stopped
	default:
		return nil, badRequest("Unknown state %q: must be one of RUNNING, PAUSED, STOPPED", word)
	}
	return &s, nil
}

func (s *Server) putConfig(r *request) (response, error) {
	c, err := r.config()
	if err != nil {
		return response{}, err
	}
	return r.put(PutRequest{Name: r.connector()}, c)
}

// put writes a config. A config without a name gets it (Java: ConnectorsResource.checkAndPutConnectorConfigName).
func (r *request) put(req PutRequest, c api.Config) (response, error) {
	switch name, ok := c.Values[keyName]; {
	case ok && name != req.Name:
		return response{}, badRequest("Connector name configuration (%s) doesn't match connector name in the URL (%s)", name, req.Name)
	case !ok:
		c.Set(keyName, req.Name)
	}
	req.Props, req.Order, req.Nulls = c.Values, c.Keys, c.Nulls()
	put, err := r.herder.PutConnector(r.ctx, req)
	if err != nil {
		return response{}, err
	}
	res := response{status: http.StatusOK, body: r.info(req.Name, api.ConfigOf(put.Props, req.Order), put.Tasks)}
	if put.Created {
		res.status, res.location = http.StatusCreated, pathConnectors+"/"+escapeSegment(req.Name)
	}
	return res, nil
}

// patchConfig changes keys; null removes one (KIP-477).
func (s *Server) patchConfig(r *request) (response, error) {
	c, err := r.config()
	if err != nil {
		return response{}, err
	}
	patch := make(map[string]*string, len(c.Keys))
	for _, k := range c.Keys {
		patch[k] = nil
		if v, ok := c.Values[k]; ok {
			patch[k] = &v
		}
	}
	size := 0
	if old := r.herder.Snapshot().Connectors[r.connector()]; old != nil {
		size = len(old.Config)
	}
	put, err := r.herder.PatchConnector(r.ctx, r.connector(), patch)
	if err != nil {
		return response{}, err
	}
	return response{status: http.StatusOK, body: r.info(r.connector(), patchedConfig(put.Props, size), put.Tasks)}, nil
}

func (s *Server) deleteConnector(r *request) (response, error) {
	return response{status: http.StatusNoContent}, r.herder.DeleteConnector(r.ctx, r.connector())
}

func (s *Server) pause(r *request) (response, error) {
	return response{status: http.StatusAccepted}, r.herder.SetTarget(r.ctx, r.connector(), cluster.Paused)
}

func (s *Server) resume(r *request) (response, error) {
	return response{status: http.StatusAccepted}, r.herder.SetTarget(r.ctx, r.connector(), cluster.Started)
}

func (s *Server) stop(r *request) (response, error) {
	return response{status: http.StatusNoContent}, r.herder.SetTarget(r.ctx, r.connector(), cluster.Stopped)
}
