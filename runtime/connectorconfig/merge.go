package connectorconfig

import (
	"slices"

	"github.com/connectd/connectd/connect/config"
)

// section is the result of an embedded config: a converter, a kind of client.
type section struct {
	groups  []string
	results []config.KeyResult
}

// merge puts a Result together as Java's generateResult and mergeConfigInfos do.
type merge struct{ Result }

func newMerge(class string) *merge {
	return &merge{Result{Name: class, Groups: []string{}, Configs: []config.KeyResult{}}}
}

func (m *merge) addGroups(groups []string) {
	for _, g := range groups {
		if !slices.Contains(m.Groups, g) {
			m.Groups = append(m.Groups, g)
		}
	}
}

// connector merges the framework's keys with the connector's own. Keys that nobody declares come first. A key both declare stands at
// the framework's place, with the connector's definition and findings; findings of the framework's cross-checks are kept too, which
// Java loses.
func (m *merge) connector(common, own *config.Def, results, ownResults []config.KeyResult, problems []config.Problem) {
	var undeclared []config.KeyResult
	var declared []config.KeyResult
	for _, r := range results {
		if r.Definition == nil {
			undeclared = append(undeclared, r)
		} else {
			declared = append(declared, r)
		}
	}
	at := func(name string) int {
		return slices.IndexFunc(declared, func(r config.KeyResult) bool { return r.Name == name })
	}
	for _, r := range ownResults {
		i := at(r.Name)
		switch {
		case r.Definition == nil && i < 0:
			undeclared = append(undeclared, r)
		case r.Definition == nil:
			declared[i].Errors = union(declared[i].Errors, r.Errors)
		case i < 0:
			declared = append(declared, r)
		default:
			r.Errors = union(r.Errors, declared[i].Errors)
			declared[i] = r
		}
	}
	// AddProblems wants one list: those of declared keys find their place, the rest gets results without a definition.
	n := len(declared)
	declared = config.AddProblems(declared, problems...)
	undeclared = append(undeclared, declared[n:]...)
	m.Configs = append(append(m.Configs, undeclared...), declared[:n]...)
	for _, r := range m.Configs {
		m.ErrorCount += len(r.Errors)
	}
	m.addGroups(common.Groups())
	m.addGroups(own.Groups())
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// section appends an embedded config; Java counts its keys in error, not its errors (prefixedConfigInfos).
func (m *merge) section(s section) {
	for _, r := range s.results {
		if len(r.Errors) > 0 {
			m.ErrorCount++
		}
	}
	m.Configs = append(m.Configs, s.results...)
	m.addGroups(s.groups)
}
