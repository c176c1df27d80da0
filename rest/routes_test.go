package rest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// Every operation is found under its path, and no path belongs to two.
func TestRoutes(t *testing.T) {
	rt := newRouter(func(*Route) bool { return true })
	seen := map[string]bool{}
	for _, r := range Routes() {
		if seen[r.Method+r.Path] {
			t.Errorf("%s %s is there twice", r.Method, r.Path)
		}
		seen[r.Method+r.Path] = true
		path := strings.NewReplacer("{connector}", "a%2Fb", "{task}", "0", "{plugin}", "p", "{logger}", "l").Replace(r.Path)
		res, params := rt.find(path)
		if res == nil || res.methods[r.Method] == nil || res.methods[r.Method].Path != r.Path {
			t.Errorf("%s is not found", path)
			continue
		}
		equal(t, strings.Count(r.Path, "{"), len(params), path)
		if strings.Contains(r.Path, "{connector}") {
			equal(t, "a/b", params["connector"], path)
		}
		matches := 0
		for _, x := range rt {
			if _, ok := x.match(split(path)); ok {
				matches++
			}
		}
		equal(t, 1, matches, path)
		equal(t, true, slices.IsSorted(r.Statuses), "statuses of", r.Method, r.Path)
		equal(t, false, r.Summary == "", r.Path)
		equal(t, r.body, slices.Contains(r.Statuses, http.StatusUnsupportedMediaType), "415 of", r.Method, r.Path)
	}
}

// The orders are those of Kafka Connect's answers.
func TestHashOrder(t *testing.T) {
	p := config.Props{"connector.class": "", "file": "", "tasks.max": "", "name": "", "topic": ""}
	equal(t, []string{"connector.class", "file", "tasks.max", "name", "topic"}, storedConfig(p, nil).Keys)
	equal(t, []string{"connector.class", "name", "topic", "file", "tasks.max"}, patchedConfig(p, 5).Keys)
	equal(t, []string{"connector.class", "file", "tasks.max", "name", "topic"}, patchedConfig(p, 6).Keys)
	p["batch.size"] = ""
	equal(t, []string{"connector.class", "name", "topic", "file", "tasks.max", "batch.size"}, patchedConfig(p, 5).Keys)
	mysql := config.Props{}
	// Kafka Connect has tasks.max and database.port one place earlier: keys of one bucket, in the order the user wrote them.
	want := strings.Fields(`connector.class database.user topic.prefix schema.history.internal.kafka.topic database.server.id database.hostname
		tasks.max database.password name schema.history.internal.kafka.bootstrap.servers database.include.list database.port`)
	for _, k := range want {
		mysql[k] = ""
	}
	equal(t, want, storedConfig(mysql, nil).Keys)
}
