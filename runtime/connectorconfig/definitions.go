package connectorconfig

import (
	"cmp"
	"errors"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

// SourceKeys is the Def of the keys of every source connector without worker or plugins in view (Java: SourceConnectorConfig.configDef).
func SourceKeys() *config.Def {
	return (&enricher{reg: &plugin.Registry{}}).source().With(deadLetterKeys()...).With(RestartKeys()...)
}

// SinkKeys is the same for sinks.
func SinkKeys() *config.Def {
	return (&enricher{reg: &plugin.Registry{}}).sink().With(RestartKeys()...)
}

// Definitions answers GET /connector-plugins/{plugin}/config: the keys of a connector with the common ones behind, or those of a
// transformation, predicate, converter or header converter. False: no such plugin. The error is one of the plugin's.
func Definitions(reg *plugin.Registry, class, versionRange string) ([]config.Definition, bool, error) {
	if p, err := reg.Sources.Lookup(class, versionRange); err == nil {
		def, err := definition(p, config.Props{})
		return def.Join(connectorKeys(p.Version).source()).Keys(), true, err
	}
	if p, err := reg.Sinks.Lookup(class, versionRange); err == nil {
		def, err := definition(p, config.Props{})
		return def.Join(connectorKeys(p.Version).sink()).Keys(), true, err
	}
	if p, err := reg.Converters.Lookup(class, versionRange); err == nil {
		return keysOf(p)
	}
	if p, err := reg.HeaderConverters.Lookup(class, versionRange); err == nil {
		return keysOf(p)
	}
	if p, err := reg.Transforms.Lookup(class, versionRange); err == nil {
		return keysOf(p)
	}
	if p, err := reg.Predicates.Lookup(class, versionRange); err == nil {
		return keysOf(p)
	}
	return nil, false, refused(reg, class, versionRange)
}

// refused tells why a class has no keys to show, nil if nobody knows it.
func refused(reg *plugin.Registry, class, versionRange string) error {
	if _, err := plugin.ParseRange(versionRange); err != nil {
		return &BadRequest{Message: "Invalid version specification: " + versionRange}
	}
	if _, err := reg.ConfigProviders.Lookup(class, versionRange); err == nil {
		return &BadRequest{Message: "Invalid plugin class " + class + ". Valid types are sink, source, converter, header_converter, transformation, predicate."}
	}
	for _, look := range []func(string, string) error{
		lookup(&reg.Sources), lookup(&reg.Sinks), lookup(&reg.Converters), lookup(&reg.HeaderConverters), lookup(&reg.Transforms), lookup(&reg.Predicates),
	} {
		if nf, ok := errors.AsType[*plugin.NotFound](look(class, versionRange)); ok && len(nf.Version) > 0 {
			return &BadRequest{Message: misfit(nf.Class, versionRange, nf.Version)}
		}
	}
	return nil
}

func lookup[T any](s *plugin.Set[T]) func(class, versionRange string) error {
	return func(class, versionRange string) error {
		_, err := s.Lookup(class, versionRange)
		return err
	}
}

// connectorKeys knows the connector's version, and no worker.
func connectorKeys(version string) *enricher {
	return &enricher{reg: &plugin.Registry{}, connector: connector{version: version}}
}

func keysOf[T any](p connect.Plugin[T]) ([]config.Definition, bool, error) {
	def, err := definition(p, config.Props{})
	return def.Keys(), true, err
}

// enricher builds the Def for one config (Java: ConnectorConfig.enrichedConfigDef and enrich).
type enricher struct {
	reg       *plugin.Registry
	worker    Worker
	props     config.Props
	connector connector
}

func (e *enricher) source() *config.Def {
	return config.NewDef(e.common()...).With(keyCreationGroups, keyExactlyOnceSupport, keyBoundary, keyBoundaryInterval, keyOffsetsTopic).
		With(e.deadLetters()...).With(e.restarts()...)
}

// deadLetters are the keys of a source's dead-letter queue where they are used: answers about other connectors are to be Java's, key by
// key.
func (e *enricher) deadLetters() []config.AnyKey {
	for k := range e.props {
		if strings.HasPrefix(k, "errors.deadletterqueue.") {
			return deadLetterKeys()
		}
	}
	return nil
}

func (e *enricher) sink() *config.Def {
	return config.NewDef(e.common()...).With(keyTopics, keyTopicsRegex, keyDlqTopic, keyDlqReplication, keyDlqHeaders).With(e.restarts()...)
}

func (e *enricher) common() []config.AnyKey {
	version := keyVersion.Copy()
	if e.connector.version != "" {
		version.Default(e.connector.version).RecommendValues(e.connector.versions...)
	}
	version.VisibleIf(func(v config.Values) bool { return !keyClass.IsNull(v) })
	key, keyV := converterKeys(e, &e.reg.Converters, keyKeyConverter, keyKeyConverterVersion, e.worker.KeyConverter)
	value, valueV := converterKeys(e, &e.reg.Converters, keyValueConverter, keyValueConverterVersion, e.worker.ValueConverter)
	header, headerV := converterKeys(e, &e.reg.HeaderConverters, keyHeaderConverter, keyHeaderConverterVersion, e.worker.headerConverter())
	return []config.AnyKey{
		keyName, keyClass, version, keyTasksMax, keyTasksMaxEnforce, key, keyV, value, valueV, header, headerV,
		keyTransforms, keyPredicates, keyConfigReload,
		keyRetryTimeout, keyRetryMaxDelay, keyTolerance, keyLogErrors, keyLogMessages,
	}
}

// converterKeys gives the class key the worker's converter as default, and the version key that of the class in use.
func converterKeys[T any](e *enricher, set *plugin.Set[T], class *config.Key[string], version *config.Key[string], worker Converter) (c, v *config.Key[string]) {
	c, v = class.Copy(), version.Copy()
	if e.props == nil {
		return c, v // without a config in view
	}
	// A converter that the worker names but the registry lacks is the worker's mistake: it must not become every connector's.
	c.ParseWith(func(s string) (string, error) {
		p, err := set.Lookup(s, "")
		if err != nil {
			return "", config.ClassNotFound(s)
		}
		return p.Name, nil
	})
	if worker.Class != "" {
		c.Default(worker.Class)
	}
	c.RecommendValues(names(set)...)
	inUse, own := e.props[class.Name()]
	name := inUse
	if !own {
		name = worker.Class
	}
	if p, err := set.Lookup(name, ""); err == nil {
		def := p.Version
		if !own {
			def = cmp.Or(worker.Version, p.Version)
		}
		v.Default(def)
	}
	v.Recommend(func(vals config.Values) []string {
		if c.IsNull(vals) {
			return nil
		}
		return set.Versions(c.Get(vals))
	})
	v.VisibleIf(func(vals config.Values) bool { return !c.IsNull(vals) })
	v.Check(func(r string) error { return fits(set, name, r) })
	if r, asked := e.props[version.Name()]; asked {
		c.Check(func(string) error { return fits(set, name, r) })
	}
	return c, v
}

func names[T any](set *plugin.Set[T]) []string {
	out := []string{}
	for _, p := range set.All() {
		if len(out) == 0 || out[len(out)-1] != p.Name {
			out = append(out, p.Name)
		}
	}
	return out
}

// fits checks that there is a version in range r, in the words of Java's DelegatingClassLoader.
func fits[T any](set *plugin.Set[T], class, r string) error {
	have := set.Versions(class)
	if len(have) == 0 {
		return nil // the class itself is in error
	}
	if _, err := set.Lookup(class, r); err != nil {
		return config.Verbatim(misfit(class, r, have))
	}
	return nil
}
