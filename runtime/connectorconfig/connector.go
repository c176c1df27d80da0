package connectorconfig

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

// connector is the found plugin of a config, source or sink.
type connector struct {
	source *connect.Plugin[connect.SourceConnector]
	sink   *connect.Plugin[connect.SinkConnector]

	name, version string
	def           *config.Def
	versions      []string
}

// findConnector answers a *BadRequest for an unknown class, and a *plugin.NotFound with Version set for an unknown version.
func findConnector(reg *plugin.Registry, class, version string, props config.Props) (connector, error) {
	src, err := reg.Sources.Lookup(class, version)
	if err == nil {
		c := connector{source: &src, name: src.Name, version: src.Version, versions: reg.Sources.Versions(src.Name)}
		c.def, err = definition(src, props)
		return c, err
	}
	if nf, ok := errors.AsType[*plugin.NotFound](err); !ok || len(nf.Version) > 0 {
		return connector{}, err
	}
	snk, err := reg.Sinks.Lookup(class, version)
	if err == nil {
		c := connector{sink: &snk, name: snk.Name, version: snk.Version, versions: reg.Sinks.Versions(snk.Name)}
		c.def, err = definition(snk, props)
		return c, err
	}
	if nf, ok := errors.AsType[*plugin.NotFound](err); !ok || len(nf.Version) > 0 {
		return connector{}, err
	}
	return connector{}, &BadRequest{Unknown: class, Message: "Failed to find any class that implements Connector and which name matches " + class +
		", available connectors are: " + available(reg)}
}

// available prints the connectors as Java's PluginDesc does: scripts cut the class names out of it.
func available(reg *plugin.Registry) string {
	type desc struct{ name, version, kind string }
	var all []desc
	for _, p := range reg.Sources.All() {
		all = append(all, desc{p.Name, p.Version, "source"})
	}
	for _, p := range reg.Sinks.All() {
		all = append(all, desc{p.Name, p.Version, "sink"})
	}
	slices.SortStableFunc(all, func(a, b desc) int { return strings.Compare(a.name, b.name) })
	out := make([]string, len(all))
	for i, d := range all {
		out[i] = fmt.Sprintf("PluginDesc{klass=class %[1]s, name='%[1]s', version='%[2]s', encodedVersion=%[2]s, type=%[3]s, typeName='%[3]s', location='classpath'}",
			d.name, d.version, d.kind)
	}
	return strings.Join(out, ", ")
}

// definition is the Def of a plugin for these props; a plugin without one has no keys.
func definition[T any](p connect.Plugin[T], props config.Props) (def *config.Def, err error) {
	err = contained("getting the config definition of "+p.Name, func() error {
		def = p.Config
		if p.ConfigFor != nil {
			def = p.ConfigFor(props)
		}
		return nil
	})
	if def == nil {
		def = config.NewDef()
	}
	return def, err
}

// fresh makes a connector that was never started, for its optional abilities.
func (c connector) fresh() connect.Connector {
	if c.source != nil {
		return c.source.New()
	}
	return c.sink.New()
}

// problems asks the connector's own Validator.
func (c connector) problems(ctx context.Context, props config.Props) (found []config.Problem, err error) {
	err = contained("validating the config of "+c.name, func() error {
		v, ok := c.fresh().(connect.Validator)
		if !ok {
			return nil
		}
		// Errors of single keys stand in the result already.
		values, _ := c.def.Parse(props)
		found = v.Validate(ctx, values)
		return nil
	})
	return found, err
}

// contained turns a panic into an error. What the plugin panicked with may hold a value, so the text says only its type unless it
// is a runtime error of Go.
func contained(doing string, f func() error) (err error) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case interface {
			error
			RuntimeError()
		}:
			err = fmt.Errorf("%s: the plugin panicked: %w", doing, x)
		default:
			err = fmt.Errorf("%s: the plugin panicked with a %T", doing, x)
		}
	}()
	return f()
}
