package connectorconfig

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

// NewPlan types a config that is to run, its config providers resolved. props may be a connector's or that of a task of it: for a task
// pass the connector's config, and parse the task's props with Plan.TaskConfig. The error joins all problems, each naming its key; an
// unknown connector class is a *BadRequest, alone.
func NewPlan(reg *plugin.Registry, w Worker, props config.Props) (*Plan, error) {
	props = withoutProviders(props)
	class, ok := props[keyClass.Name()]
	if !ok {
		return nil, &BadRequest{Message: "Connector config " + javaMap(props) + " contains no connector type"}
	}
	c, err := findConnector(reg, class, props[keyVersion.Name()], props)
	if err != nil {
		return nil, err
	}
	b := &builder{enricher: enricher{reg: reg, worker: w, props: props, connector: c}}
	b.plan = &Plan{Class: c.name, Source: c.source, Sink: c.sink}
	b.common()
	b.transforms()
	b.converters()
	b.clients()
	b.own()
	if err := errors.Join(b.errs...); err != nil {
		return nil, fmt.Errorf("reading the config of connector %s: %w", b.plan.Name, err)
	}
	return b.plan, nil
}

// TaskConfig parses the props of a task with the connector's Def.
func (p *Plan) TaskConfig(props config.Props) (config.Values, error) {
	var def *config.Def
	var err error
	if p.Source != nil {
		def, err = definition(*p.Source, props)
	} else {
		def, err = definition(*p.Sink, props)
	}
	if err != nil {
		return config.Values{}, err
	}
	v, err := def.Parse(props)
	if err != nil {
		return v, fmt.Errorf("reading the config of a task: %w", err)
	}
	return v, nil
}

type builder struct {
	enricher
	plan *Plan
	errs []error
}

func (b *builder) fail(err error) {
	if err != nil {
		b.errs = append(b.errs, err)
	}
}

func (b *builder) common() {
	p := b.plan
	def := b.sink
	if b.connector.source != nil {
		def = b.source
	}
	v, err := def().Parse(b.props)
	b.fail(err)
	p.Name = keyName.Get(v)
	p.TasksMax, p.TasksMaxEnforce = int(keyTasksMax.Get(v)), keyTasksMaxEnforce.Get(v)
	p.ReloadOnExpiry = keyConfigReload.Get(v) == "restart"
	p.Errors = Errors{
		RetryTimeout: config.Millis(keyRetryTimeout, v), RetryMaxDelay: config.Millis(keyRetryMaxDelay, v),
		TolerateAll: keyTolerance.Get(v) == "all", Log: keyLogErrors.Get(v), LogMessages: keyLogMessages.Get(v),
	}
	if !p.TasksMaxEnforce {
		p.Warnings = append(p.Warnings, "tasks.max.enforce is deprecated")
	}
	p.Errors.DeadLetterTopic = strings.TrimSpace(b.props[keyDlqTopic.Name()])
	if p.Errors.DeadLetterTopic != "" {
		p.Errors.DeadLetterReplication = keyDlqReplication.Get(v)
		p.Errors.DeadLetterHeaders = keyDlqHeaders.Get(v)
	}
	if p.Source != nil {
		b.sourceOptions(v)
		return
	}
	b.sinkTopics()
}

func (b *builder) sinkTopics() {
	// The same checks as in Validate, whatever wrote this config; what Parse told is not told again.
	check := &validation{enricher: b.enricher}
	var results []config.KeyResult
	for _, k := range []string{keyName.Name(), keyTopics.Name(), keyTopicsRegex.Name()} {
		results = append(results, config.KeyResult{Name: k, Definition: &config.Definition{}})
	}
	results[0].Value = &b.plan.Name
	for _, r := range check.checkSink(results) {
		for _, m := range r.Errors {
			b.fail(&config.Error{Key: r.Name, Message: m})
		}
	}
	b.plan.SinkTopics = SinkTopics{Topics: topicList(b.props), Regex: strings.TrimSpace(b.props[keyTopicsRegex.Name()])}
}

func (b *builder) sourceOptions(v config.Values) {
	o := &b.plan.SourceOptions
	o.ExactlyOnceRequired = strings.EqualFold(keyExactlyOnceSupport.Get(v), "required")
	o.Boundary = Boundary(strings.ToLower(keyBoundary.Get(v)))
	o.BoundaryInterval = time.Duration(0)
	if !keyBoundaryInterval.IsNull(v) {
		o.BoundaryInterval = config.Millis(keyBoundaryInterval, v)
	}
	o.OffsetsTopic = keyOffsetsTopic.Get(v)
	if !b.worker.TopicCreation {
		return
	}
	rules, err := topicRules(b.props)
	b.fail(err)
	o.TopicCreation = rules
}

// own parses the connector's own keys.
func (b *builder) own() {
	v, err := b.connector.def.Parse(b.props)
	b.fail(err)
	b.plan.Config = v
	b.plan.Warnings = append(b.plan.Warnings, v.Warnings()...)
}

// stage finds a plugin and parses its props. key names what the class stands at.
func stage[T any](b *builder, set *plugin.Set[T], key, prefix, class, version string, props config.Props) (Stage[T], bool) {
	p, err := set.Lookup(class, version)
	if err != nil {
		b.fail(fmt.Errorf("%s: %w", key, err))
		return Stage[T]{}, false
	}
	delete(props, "plugin.version")
	def, err := definition(p, props)
	if err != nil {
		b.fail(fmt.Errorf("%s: %w", key, err))
		return Stage[T]{}, false
	}
	v, err := config.NewDef().Embed(prefix, def).Parse(withPrefix(props, prefix))
	b.fail(err)
	return Stage[T]{Plugin: p, Props: props, Values: v.Sub(prefix)}, true
}

func (b *builder) converters() {
	p := b.plan
	p.KeyConverter = converterStage(b, &b.reg.Converters, "key", b.worker.KeyConverter)
	p.ValueConverter = converterStage(b, &b.reg.Converters, "value", b.worker.ValueConverter)
	p.HeaderConverter = converterStage(b, &b.reg.HeaderConverters, "header", b.worker.headerConverter())
}

// converterStage takes the connector's converter with the connector's keys, else the worker's with the worker's: they never mix.
func converterStage[T any](b *builder, set *plugin.Set[T], kind string, worker Converter) Stage[T] {
	property := kind + ".converter"
	prefix := property + "."
	own := b.props.WithPrefix(prefix)
	if class, ok := b.props[property]; ok {
		s, _ := stage(b, set, property, prefix, class, own["plugin.version"], converterProps(own, kind))
		return s
	}
	delete(own, "plugin.version")
	if len(own) > 0 {
		b.plan.Warnings = append(b.plan.Warnings, "keys that begin with "+prefix+" have no effect, because "+property+
			" is not set in the connector config: the worker's converter runs with the worker's keys")
	}
	if worker.Class == "" {
		b.fail(&config.Error{Key: property, Value: "null", Message: "Neither the connector nor the worker config sets " + property + "."})
		return Stage[T]{}
	}
	props := worker.Props.Clone()
	if props == nil {
		props = config.Props{}
	}
	s, _ := stage(b, set, property+" of the worker config", prefix, worker.Class, worker.Version, converterProps(props, kind))
	s.FromWorker = true
	return s
}

func (b *builder) transforms() {
	e := &b.enricher
	for _, alias := range aliases(keyTransforms, b.props) {
		prefix := keyTransforms.Name() + "." + alias + "."
		b.fail(e.negateNeedsPredicate(prefix))
		props := b.props.WithPrefix(prefix)
		t := Transform{Alias: alias, Negate: strings.EqualFold(strings.TrimSpace(props["negate"]), "true")}
		guard, guarded := props["predicate"]
		class := props["type"]
		for _, k := range []string{"type", "predicate", "negate"} {
			delete(props, k)
		}
		if class == "" {
			b.fail(required(prefix + "type"))
			continue
		}
		s, ok := stage[connect.Transform](b, &b.reg.Transforms, prefix+"type", prefix, class, props["plugin.version"], props)
		t.Stage = s
		if guarded {
			t.Predicate = b.predicate(prefix, guard)
		}
		if ok {
			b.plan.Transforms = append(b.plan.Transforms, t)
		}
	}
}

func required(key string) error {
	return &config.Error{Key: key, Value: "null", Message: `Missing required configuration "` + key + `" which has no default value.`}
}

func (b *builder) predicate(at, alias string) *Predicate {
	alias = strings.TrimSpace(alias)
	if declared := aliases(keyPredicates, b.props); !slices.Contains(declared, alias) {
		b.fail(&config.Error{Key: at + "predicate", Value: alias, Message: "Invalid value " + alias + " for configuration " + at +
			"predicate: no predicate of that name is declared; predicates has [" + strings.Join(declared, ", ") + "]"})
		return nil
	}
	prefix := keyPredicates.Name() + "." + alias + "."
	props := b.props.WithPrefix(prefix)
	class := props["type"]
	delete(props, "type")
	if class == "" {
		b.fail(required(prefix + "type"))
		return nil
	}
	s, ok := stage[connect.Predicate](b, &b.reg.Predicates, prefix+"type", prefix, class, props["plugin.version"], props)
	if !ok {
		return nil
	}
	return &Predicate{Alias: alias, Stage: s}
}

// clients collects the overrides and refuses those the policy does not allow.
func (b *builder) clients() {
	c := &b.plan.Clients
	for _, k := range []struct {
		prefix string
		into   *config.Props
	}{{"producer.override.", &c.Producer}, {"consumer.override.", &c.Consumer}, {"admin.override.", &c.Admin}} {
		*k.into = b.props.WithPrefix(k.prefix)
		for _, name := range slices.Sorted(maps.Keys(*k.into)) {
			if m := b.worker.Policy.refusal(name); m != "" {
				b.fail(&config.Error{Key: k.prefix + name, Message: m})
			}
		}
	}
}
