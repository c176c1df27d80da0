package connectorconfig

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

// Validate checks the config of a connector as AbstractHerder.validateConnectorConfig and DistributedHerder do. An error means that
// nothing could be validated: a *BadRequest, or what Worker.Resolve returned. ctx bounds the config providers and the connector's own
// Validator. props is not changed. Safe for concurrent use.
//
// Values that a config provider put in appear as they are written, not as what they resolved to, and what is wrong with them is not
// told in detail (as in Kafka Connect 4.4).
func Validate(ctx context.Context, reg *plugin.Registry, w Worker, props config.Props) (Result, error) {
	return ValidateWithNulls(ctx, reg, w, props, nil)
}

// ValidateWithNulls is Validate for a config that has keys with the value null: an error each, unless the connector itself declares the key
// (Java: AbstractHerder.addNullValuedErrors, whose errors for those are lost).
func ValidateWithNulls(ctx context.Context, reg *plugin.Registry, w Worker, props config.Props, nulls []string) (Result, error) {
	written := withoutProviders(props)
	class, ok := written[keyClass.Name()]
	if !ok {
		return Result{}, &BadRequest{Message: "Connector config " + javaMap(written) + " contains no connector type"}
	}
	resolved := written
	if w.Resolve != nil {
		var err error
		if resolved, err = w.Resolve(ctx, written.Clone()); err != nil {
			return Result{}, fmt.Errorf("resolving the config of a connector: %w", err)
		}
	}
	v := &validation{enricher: enricher{reg: reg, worker: w, props: resolved}, ctx: ctx, nulls: nulls}
	res, err := v.run(class)
	if err != nil {
		return Result{}, err
	}
	return redacted(res, written, resolved), nil
}

// withoutProviders drops config.providers: a connector may not bring its own.
func withoutProviders(p config.Props) config.Props {
	out := make(config.Props, len(p))
	for k, v := range p {
		if k != "config.providers" && !strings.HasPrefix(k, "config.providers.") {
			out[k] = v
		}
	}
	return out
}

// javaMap prints p as Java prints a map, in the order of the keys. Kafka Connect prints every value; here only those of the framework's
// own keys, for without a class nobody knows which of the others are secret.
func javaMap(p config.Props) string {
	known := SourceKeys().Join(SinkKeys())
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(p)) {
		v := config.Hidden
		if _, ok := known.Key(k); ok {
			v = p[k]
		}
		parts = append(parts, k+"="+v)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

type validation struct {
	enricher
	ctx   context.Context
	nulls []string
}

func (v *validation) run(class string) (Result, error) {
	version := v.props[keyVersion.Name()]
	c, err := findConnector(v.reg, class, version, v.props)
	if nf, ok := errors.AsType[*plugin.NotFound](err); ok {
		return v.unknownVersion(class, misfit(nf.Class, version, nf.Version), nf.Version), nil
	}
	if _, ok := errors.AsType[*BadRequest](err); ok {
		return Result{}, err
	}
	if err != nil && c.name == "" { // the version range does not parse
		return Result{}, &BadRequest{Message: err.Error()}
	}
	v.connector = c
	common := v.commonDef()
	results := common.Validate(v.ctx, v.props)
	if c.source != nil {
		v.checkSource(results)
	} else {
		results = v.checkSink(results)
	}
	results = v.refuseNulls(results)
	converters := v.converters(results)
	clients := v.clients()
	own := c.def.Validate(v.ctx, v.props)
	if err != nil { // the plugin's Def is broken
		find(results, keyClass.Name()).AddError(err.Error())
	}
	problems, err := c.problems(v.ctx, v.props)
	if err != nil {
		find(results, keyClass.Name()).AddError(err.Error())
	}
	r := newMerge(class)
	r.connector(common, c.def, results, own, problems)
	for _, s := range append(clients, converters...) {
		r.section(s)
	}
	return r.Result, nil
}

// commonDef is the enriched Def of the framework's keys.
func (v *validation) commonDef() *config.Def {
	def := v.sink
	if v.connector.source != nil {
		def = v.source
	}
	out := enrich(&v.enricher, def(), v.transforms())
	return enrich(&v.enricher, out, v.predicates())
}

// refuseNulls adds an error to each key that is null.
func (v *validation) refuseNulls(results []config.KeyResult) []config.KeyResult {
	const message = "Null value can not be supplied as the configuration value."
	for _, name := range v.nulls {
		if _, own := v.connector.def.Key(name); own {
			continue
		}
		i := slices.IndexFunc(results, func(r config.KeyResult) bool { return r.Name == name })
		if i < 0 {
			results = append(results, config.KeyResult{Name: name, Recommended: []string{}, Errors: []string{}, Visible: true})
			i = len(results) - 1
		}
		results[i].Value = nil
		results[i].AddError(message)
	}
	return results
}

// unknownVersion answers as AbstractHerder.invalidVersionedConnectorValidation: the common keys alone, in error.
func (v *validation) unknownVersion(class, message string, have []string) Result {
	v.connector = connector{version: ""}
	def := config.NewDef(v.common()...)
	results := def.Validate(v.ctx, v.props)
	find(results, keyClass.Name()).AddError(message)
	r := find(results, keyVersion.Name())
	if !slices.Contains(r.Errors, message) {
		r.AddError(message)
	}
	r.Recommended = append([]string{}, have...)
	m := newMerge(class)
	m.connector(def, config.NewDef(), results, nil, nil)
	return m.Result
}

// find returns the result of a key that the Def has.
func find(results []config.KeyResult, name string) *config.KeyResult {
	i := slices.IndexFunc(results, func(r config.KeyResult) bool { return r.Name == name && r.Definition != nil })
	return &results[i]
}

const resolvedBad = "': the value resolved from the config provider reference failed validation"

// redacted puts what was written in place of what a config provider put in (Java: AbstractHerder.redactResolvedValues).
func redacted(r Result, written, resolved config.Props) Result {
	changed := false
	for i := range r.Configs {
		c := &r.Configs[i]
		text, ok := written[c.Name]
		if !ok || resolved[c.Name] == text {
			continue
		}
		changed = true
		c.Value, c.Recommended = &text, []string{}
		if len(c.Errors) > 0 {
			c.Errors = []string{"Invalid value for configuration '" + c.Name + resolvedBad}
		}
	}
	if !changed {
		return r
	}
	r.ErrorCount = 0
	for _, c := range r.Configs {
		r.ErrorCount += len(c.Errors)
	}
	return r
}
