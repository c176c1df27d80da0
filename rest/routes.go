package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/connectd/connectd/internal/javamap"
)

// Route is one operation of the API.
type Route struct {
	Method string
	// Path has {names} for its variable segments.
	Path    string
	Summary string
	// Statuses are the answers besides 406, 500 and 503, which every operation may give.
	Statuses []int

	handle func(*Server, *request) (response, error)
	body   bool // has a body of JSON, which needs a Content-Type
	raw    bool // takes any Content-Type
	early  bool // answers before there is a herder
	admin  bool // on the admin listeners if there are any
	any    bool // the answer may be something else than JSON
}

// Routes lists the operations. HEAD is answered wherever GET is, OPTIONS everywhere.
func Routes() []Route { return slices.Clone(routes) }

const (
	pathConnectors = "/connectors"
	pathConnector  = "/connectors/{connector}"
	pathConfig     = "/connectors/{connector}/config"
	pathTasks      = "/connectors/{connector}/tasks"
	pathOffsets    = "/connectors/{connector}/offsets"
	pathPlugins    = "/connector-plugins"
	pathPlugin     = "/connector-plugins/{plugin}/config"
	pathLoggers    = "/admin/loggers"
	pathLeaving    = "/internal/leaving"
	pathHeartbeat  = "/internal/heartbeat"
	pathLogger     = "/admin/loggers/{logger}"
)

// routes is the one table of operations (Java: RootResource, ConnectorsResource, ConnectorPluginsResource, LoggingResource,
// InternalConnectResource).
var routes = []Route{
	{Method: http.MethodGet, raw: true, Path: "/", Summary: "Version of the worker and id of the Kafka cluster", Statuses: []int{200}, handle: (*Server).root, early: true},
	{Method: http.MethodGet, raw: true, Path: "/health", Summary: "Is the worker ready (KIP-1017)", Statuses: []int{200}, handle: (*Server).health, early: true},
	{Method: http.MethodGet, raw: true, Path: "/health/live", Summary: "Does the process answer", Statuses: []int{200}, handle: (*Server).live, early: true},
	{Method: http.MethodGet, raw: true, Path: "/metrics", Summary: "Metrics in the Prometheus format", Statuses: []int{200, 404}, early: true, any: true},

	{Method: http.MethodGet, Path: pathConnectors, Summary: "List the connectors; expand=info and expand=status tell more", Statuses: []int{200}, handle: (*Server).listConnectors},
	{Method: http.MethodPost, Path: pathConnectors, Summary: "Create a connector", Statuses: []int{201, 400, 409, 413, 415}, handle: (*Server).createConnector, body: true},
	{Method: http.MethodGet, Path: pathConnector, Summary: "Config and tasks of a connector", Statuses: []int{200, 404}, handle: (*Server).getConnector},
	{Method: http.MethodDelete, Path: pathConnector, Summary: "Delete a connector", Statuses: []int{204, 404, 409}, handle: (*Server).deleteConnector},
	{Method: http.MethodGet, Path: pathConfig, Summary: "Config of a connector", Statuses: []int{200, 404}, handle: (*Server).getConfig},
	{Method: http.MethodPut, Path: pathConfig, Summary: "Create a connector or replace its config", Statuses: []int{200, 201, 400, 409, 413, 415}, handle: (*Server).putConfig, body: true},
	{Method: http.MethodPatch, Path: pathConfig, Summary: "Change keys of a connector's config; null removes a key (KIP-477)", Statuses: []int{200, 400, 404, 409, 413, 415}, handle: (*Server).patchConfig, body: true},
	{Method: http.MethodGet, Path: pathConnector + "/status", Summary: "State of a connector and its tasks", Statuses: []int{200, 404}, handle: (*Server).getStatus},
	{Method: http.MethodPost, Path: pathConnector + "/restart", Summary: "Restart a connector; includeTasks and onlyFailed (KIP-745)", Statuses: []int{202, 204, 404, 409}, handle: (*Server).restartConnector},
	{Method: http.MethodPut, Path: pathConnector + "/pause", Summary: "Pause a connector and its tasks", Statuses: []int{202, 404}, handle: (*Server).pause},
	{Method: http.MethodPut, Path: pathConnector + "/resume", Summary: "Resume a paused or stopped connector", Statuses: []int{202, 404}, handle: (*Server).resume},
	{Method: http.MethodPut, Path: pathConnector + "/stop", Summary: "Stop a connector and remove its tasks (KIP-875)", Statuses: []int{204, 404, 409}, handle: (*Server).stop},
	{Method: http.MethodGet, Path: pathTasks, Summary: "Configs of a connector's tasks", Statuses: []int{200, 404}, handle: (*Server).getTasks},
	{Method: http.MethodGet, Path: pathTasks + "/{task}/status", Summary: "State of a task", Statuses: []int{200, 404}, handle: (*Server).getTaskStatus},
	{Method: http.MethodPost, Path: pathTasks + "/{task}/restart", Summary: "Restart a task", Statuses: []int{204, 404, 409}, handle: (*Server).restartTask},
	{Method: http.MethodGet, Path: pathConnector + "/topics", Summary: "Topics a connector has used (KIP-558)", Statuses: []int{200, 403}, handle: (*Server).getTopics},
	{Method: http.MethodPut, Path: pathConnector + "/topics/reset", Summary: "Forget the topics a connector has used", Statuses: []int{202, 403}, handle: (*Server).resetTopics},
	{Method: http.MethodGet, Path: pathOffsets, Summary: "Offsets of a connector (KIP-875)", Statuses: []int{200, 404}, handle: (*Server).getOffsets},
	{Method: http.MethodPatch, Path: pathOffsets, Summary: "Change offsets of a stopped connector", Statuses: []int{200, 400, 404, 409, 413, 415, 501}, handle: (*Server).patchOffsets, body: true},
	{Method: http.MethodDelete, Path: pathOffsets, Summary: "Remove the offsets of a stopped connector", Statuses: []int{200, 400, 404, 409, 501}, handle: (*Server).deleteOffsets},

	{Method: http.MethodPost, Path: pathTasks, Summary: "Between workers: task configs for the leader (KIP-507)", Statuses: []int{204, 400, 403, 404, 409, 413}, handle: (*Server).putTasks, raw: true},
	{Method: http.MethodPut, Path: pathConnector + "/fence", Summary: "Between workers: fence out zombies (KIP-618)", Statuses: []int{204, 400, 403, 404, 409, 413, 501}, handle: (*Server).fence, raw: true},

	{Method: http.MethodPut, Path: pathLeaving, Summary: "Between workers: a member leaves the group in order", Statuses: []int{200, 400, 403, 409, 413, 501}, handle: (*Server).memberLeaving},
	{Method: http.MethodPut, Path: pathHeartbeat, Summary: "Between workers: look at once whether the group rebalances", Statuses: []int{204, 400, 403, 413, 501}, handle: (*Server).heartbeat},

	{Method: http.MethodGet, Path: pathPlugins, Summary: "List the plugins; connectorsOnly=false lists all", Statuses: []int{200}, handle: (*Server).listPlugins},
	{Method: http.MethodGet, Path: pathPlugin, Summary: "Keys of a plugin's config", Statuses: []int{200, 404}, handle: (*Server).getPluginConfig},
	{Method: http.MethodPut, Path: pathPlugin + "/validate", Summary: "Validate a connector config", Statuses: []int{200, 400, 413, 415}, handle: (*Server).validate, body: true},

	{Method: http.MethodGet, Path: pathLoggers, Summary: "List the loggers and their levels (KIP-495)", Statuses: []int{200}, handle: (*Server).listLoggers, admin: true},
	{Method: http.MethodGet, Path: pathLogger, Summary: "Level of a logger", Statuses: []int{200, 404}, handle: (*Server).getLogger, admin: true},
	{Method: http.MethodPut, Path: pathLogger, Summary: "Set the level of a logger; scope=cluster for all workers (KIP-976)", Statuses: []int{200, 204, 400, 404, 413, 415}, handle: (*Server).setLogger, admin: true, body: true},
}

// resource is one path and its operations.
type resource struct {
	segments []string
	methods  map[string]*Route
	allow    string
}

// router finds the operation of a request.
type router []*resource

func newRouter(take func(*Route) bool) router {
	var out router
	byPath := map[string]*resource{}
	for i := range routes {
		r := &routes[i]
		if !take(r) {
			continue
		}
		res := byPath[r.Path]
		if res == nil {
			res = &resource{segments: split(r.Path), methods: map[string]*Route{}}
			byPath[r.Path] = res
			out = append(out, res)
		}
		res.methods[r.Method] = r
	}
	for _, res := range out {
		var names []string
		for _, m := range []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost, http.MethodPut, http.MethodPatch} {
			get := m == http.MethodHead && res.methods[http.MethodGet] != nil
			if m == http.MethodOptions || get || res.methods[m] != nil {
				names = append(names, m)
			}
		}
		res.allow = strings.Join(javamap.Order(names, 16), ",") // as Jersey's HashSet gives them; PUT and PATCH share a bucket
	}
	return out
}

// find matches an escaped path, with or without a slash at its end. params are the values of the variable segments, unescaped: a name may
// hold slashes. What follows a semicolon in a segment is a matrix parameter, which no operation has. No path matches two resources.
func (rt router) find(escapedPath string) (res *resource, params map[string]string) {
	segments := split(escapedPath)
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	for _, res := range rt {
		if params, ok := res.match(segments); ok {
			return res, params
		}
	}
	return nil, nil
}

func (r *resource) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(r.segments) {
		return nil, false
	}
	var params map[string]string
	for i, want := range r.segments {
		name, variable := strings.CutPrefix(want, "{")
		if !variable {
			if segments[i] != want {
				return nil, false
			}
			continue
		}
		have, err := url.PathUnescape(segments[i])
		if err != nil || have == "" {
			return nil, false
		}
		if params == nil {
			params = map[string]string{}
		}
		params[strings.TrimSuffix(name, "}")] = have
	}
	return params, true
}

func split(path string) []string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// ambiguous tells of a path that Jetty refuses before anybody is asked (UriCompliance): with an empty segment, an escaped dot segment, bytes
// that are no UTF-8, or control characters.
func ambiguous(escapedPath string) bool {
	if strings.Contains(escapedPath, "//") {
		return true
	}
	for _, s := range split(escapedPath) {
		name, err := url.PathUnescape(s)
		if err != nil || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.Contains(s, "%") && (name == "." || name == "..") {
			return true
		}
	}
	return false
}
