package connectorconfig

import (
	"maps"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/javamap"
	"github.com/connectd/connectd/runtime/plugin"
)

// converters validates the converters that the connector config itself names, in Java's order.
func (v *validation) converters(results []config.KeyResult) []section {
	var out []section
	add := func(s section, ok bool) {
		if ok {
			out = append(out, s)
		}
	}
	add(converterSection(v, &v.reg.HeaderConverters, results, "header"))
	add(converterSection(v, &v.reg.Converters, results, "key"))
	add(converterSection(v, &v.reg.Converters, results, "value"))
	return out
}

// converterSection is AbstractHerder.validateConverterConfig; false: the connector names none, or its name is in error.
func converterSection[T any](v *validation, set *plugin.Set[T], results []config.KeyResult, kind string) (section, bool) {
	property := kind + ".converter"
	class, own := v.props[property]
	r, version := find(results, property), find(results, property+".plugin.version")
	if !own || len(r.Errors) > 0 || len(version.Errors) > 0 {
		return section{}, false
	}
	p, err := set.Lookup(class, v.props[property+".plugin.version"])
	if err != nil {
		r.AddError("Failed to load class " + class)
		return section{}, false
	}
	props := converterProps(v.props.WithPrefix(property+"."), kind)
	def, err := definition(p, props)
	if err != nil {
		r.AddError("Failed to load ConfigDef from " + kind + " converter: " + err.Error())
		return section{}, false
	}
	var s section
	err = contained("validating the "+kind+" converter", func() error {
		s = embed(property+".", hashed(def.Validate(v.ctx, props)))
		return nil
	})
	if err != nil {
		r.AddError("Failed to perform config validation for " + kind + " converter: " + err.Error())
		return section{}, false
	}
	return s, true
}

// converterProps adds what the framework tells a converter about its use (Java: ConverterConfig.TYPE_CONFIG).
func converterProps(props config.Props, kind string) config.Props {
	if _, ok := props["converter.type"]; !ok {
		props["converter.type"] = kind
	}
	return props
}

// hashed puts the results into the order of the HashMap that Java's ConfigDef.validate collects them in.
func hashed(results []config.KeyResult) []config.KeyResult {
	names := make([]string, len(results))
	for i, r := range results {
		names[i] = r.Name
	}
	at := map[string]int{}
	for i, name := range javamap.Order(names, javamap.Default(len(names))) {
		at[name] = i
	}
	slices.SortStableFunc(results, func(a, b config.KeyResult) int { return at[a.Name] - at[b.Name] })
	return results
}

// embed puts the prefix in front of the names of an embedded result. Its groups are in the order of their first keys.
func embed(prefix string, results []config.KeyResult) section {
	s := section{results: results}
	for i := range results {
		r := &results[i]
		r.Name = prefix + r.Name
		if r.Definition == nil {
			continue
		}
		r.Definition.Name = prefix + r.Definition.Name
		if g := r.Definition.Group; g != nil && !slices.Contains(s.groups, *g) {
			s.groups = append(s.groups, *g)
		}
	}
	return s
}

// clientKind is one kind of Kafka client whose config a connector may override.
type clientKind struct {
	prefix string
	keys   *config.Def
	used   func(v *validation) bool
}

var clientKinds = []clientKind{
	{"producer.override.", producerKeys, func(v *validation) bool {
		return v.connector.source != nil || !blank(v.props[keyDlqTopic.Name()])
	}},
	{"admin.override.", adminKeys, func(v *validation) bool {
		if v.connector.source != nil {
			return usesTopicCreation(v.props) || v.ownOffsetsClients()
		}
		return !blank(v.props[keyDlqTopic.Name()])
	}},
	{"consumer.override.", consumerKeys, func(v *validation) bool {
		return v.connector.sink != nil || v.ownOffsetsClients()
	}},
}

func usesTopicCreation(p config.Props) bool {
	for k := range p {
		if strings.HasPrefix(k, topicCreationPrefix) {
			return true
		}
	}
	return false
}

// ownOffsetsClients: exactly-once sources and those with an offsets topic of their own have clients for it.
func (v *validation) ownOffsetsClients() bool {
	return v.worker.Distributed && v.connector.source != nil &&
		(v.worker.ExactlyOnceSource || !blank(v.props[keyOffsetsTopic.Name()]))
}

// clients asks the override policy about every override (Java: AbstractHerder.validateClientOverrides). Java takes a value of the
// wrong type for the failure of the whole request; here it is an error of its key.
func (v *validation) clients() []section {
	var out []section
	for _, k := range clientKinds {
		if !k.used(v) {
			continue
		}
		var s section
		props := v.props.WithPrefix(k.prefix)
		parsed := k.keys.Validate(v.ctx, props)
		for _, name := range slices.Sorted(maps.Keys(props)) {
			r := clientResult(k, parsed, name, props[name])
			if m := v.worker.Policy.refusal(name); m != "" {
				r.AddError(m)
			}
			s.results = append(s.results, r)
		}
		out = append(out, s)
	}
	return out
}

func clientResult(k clientKind, parsed []config.KeyResult, name, value string) config.KeyResult {
	r := config.KeyResult{Name: k.prefix + name, Value: &value, Recommended: []string{}, Errors: []string{}, Visible: true}
	i := slices.IndexFunc(parsed, func(p config.KeyResult) bool { return p.Name == name && p.Definition != nil })
	if i >= 0 {
		def := *parsed[i].Definition
		def.Name = k.prefix + name
		r.Definition, r.Value, r.Errors = &def, parsed[i].Value, parsed[i].Errors
	} else if secretName(name) {
		hidden := config.Hidden
		r.Value = &hidden
	}
	return r
}

// secretName: keys that no Def knows may still hold what must not be shown.
func secretName(name string) bool {
	n := strings.ToLower(name)
	for _, s := range []string{"password", "secret", "jaas", "token", "credential", "basic.auth.user.info"} {
		if strings.Contains(n, s) {
			return true
		}
	}
	return false
}
