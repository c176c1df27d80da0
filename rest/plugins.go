package rest

import (
	"net/http"
	"strings"

	"github.com/connectd/connectd/rest/api"
)

func (s *Server) listPlugins(r *request) (response, error) {
	connectorsOnly := r.flag("connectorsOnly", true)
	out := []api.PluginInfo{}
	for _, p := range r.herder.Plugins() {
		if connectorsOnly && p.Type != "source" && p.Type != "sink" {
			continue
		}
		out = append(out, api.PluginInfo{Class: p.Class, Type: p.Type, Version: p.Version})
	}
	return response{status: http.StatusOK, body: out}, nil
}

// getPluginConfig lists the keys of a plugin; ?version= picks one of several (KIP-891).
func (s *Server) getPluginConfig(r *request) (response, error) {
	defs, err := r.herder.PluginConfig(r.params["plugin"], r.query.Get("version"))
	if err != nil {
		return response{}, err
	}
	out := make([]api.ConfigKeyInfo, len(defs))
	for i, d := range defs {
		out[i] = api.KeyInfo(d)
	}
	return response{status: http.StatusOK, body: out}, nil
}

// validate checks a config; the class in it must be that of the path (Java: ConnectorPluginsResource.validateConfigs).
func (s *Server) validate(r *request) (response, error) {
	c, err := r.config()
	if err != nil {
		return response{}, err
	}
	plugin := r.params["plugin"]
	if class, ok := c.Values[keyClass]; ok && !strings.HasSuffix(alias(class), alias(plugin)) {
		return response{}, badRequest("Included connector type %s does not match request type %s", class, plugin)
	}
	v, err := r.herder.Validate(r.ctx, c.Values, c.Nulls())
	if err != nil {
		return response{}, err
	}
	out := api.ConfigInfos{Name: v.Name, ErrorCount: v.ErrorCount, Groups: v.Groups, Configs: make([]api.ConfigInfo, len(v.Configs))}
	if out.Groups == nil {
		out.Groups = []string{}
	}
	for i, k := range v.Configs {
		out.Configs[i] = api.ValueInfo(k)
	}
	return response{status: http.StatusOK, body: out}, nil
}

// alias cuts the word Connector off the end of a class name.
func alias(class string) string {
	if short := strings.TrimSuffix(class, "Connector"); short != "" {
		return short
	}
	return class
}
