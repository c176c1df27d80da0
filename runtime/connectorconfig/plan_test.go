package connectorconfig

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect/config"
)

func TestPlanOfASource(t *testing.T) {
	w := goldenWorker()
	w.ValueConverter.Props = config.Props{"schemas.enable": "false"}
	p, err := NewPlan(plugins(t), w, sourceProps(config.Props{
		"tasks.max": "3", "errors.retry.timeout": "-1", "errors.retry.delay.max.ms": "5", "errors.tolerance": "all", "errors.log.enable": "true",
		"key.converter": strConv, "key.converter.converter.encoding": "US-ASCII", "key.converter.plugin.version": "4.3.1",
		"value.converter.schemas.enable": "true",
		"transforms":                     "b,a", "predicates": "p", "predicates.p.type": tomb,
		"transforms.a.type": hoist, "transforms.a.field": "x", "transforms.b.type": hoist, "transforms.b.field": "y",
		"transforms.a.predicate": "p", "transforms.a.negate": "true",
		"topic.creation.default.partitions": "7", "topic.creation.default.replication.factor": "-1", "topic.creation.default.cleanup.policy": "compact",
		"topic.creation.groups": "g,default", "topic.creation.g.include": "a.*,b", "topic.creation.g.partitions": "1",
		"transaction.boundary": "Interval", "transaction.boundary.interval.ms": "9", "offsets.storage.topic": "own",
		"producer.override.linger.ms": "1", "config.action.reload": "none", "file": "in.txt",
	}))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want any }{
		"class":     {p.Class, source},
		"tasks":     {p.TasksMax, 3},
		"enforce":   {p.TasksMaxEnforce, true},
		"reload":    {p.ReloadOnExpiry, false},
		"own key":   {keyFile.Get(p.Config), "in.txt"},
		"errors":    {p.Errors, Errors{RetryTimeout: -time.Millisecond, RetryMaxDelay: 5 * time.Millisecond, TolerateAll: true, Log: true}},
		"key":       {p.KeyConverter.Props, config.Props{"converter.type": "key", "converter.encoding": "US-ASCII"}},
		"key class": {p.KeyConverter.Plugin.Name, strConv},
		"key value": {config.String("converter.encoding").Get(p.KeyConverter.Values), "US-ASCII"},
		"value":     {p.ValueConverter.Props, config.Props{"converter.type": "value", "schemas.enable": "false"}},
		"inherited": {[]bool{p.KeyConverter.FromWorker, p.ValueConverter.FromWorker, p.HeaderConverter.FromWorker}, []bool{false, true, true}},
		"header":    {p.HeaderConverter.Plugin.Name, simpleHeaderConverter},
		"options":   {[]any{p.SourceOptions.Boundary, p.SourceOptions.BoundaryInterval, p.SourceOptions.OffsetsTopic}, []any{BoundaryInterval, 9 * time.Millisecond, "own"}},
		"rules": {p.SourceOptions.TopicCreation, []TopicRule{
			{Group: "g", Include: []string{"a.*", "b"}, Exclude: []string{}, ReplicationFactor: -1, Partitions: 1, Configs: config.Props{}},
			{Group: "default", Include: []string{".*"}, ReplicationFactor: -1, Partitions: 7, Configs: config.Props{"cleanup.policy": "compact"}},
		}},
		"clients": {p.Clients, ClientOverride{Producer: config.Props{"linger.ms": "1"}, Consumer: config.Props{}, Admin: config.Props{}}},
		"warned":  {len(p.Warnings) == 1 && strings.Contains(p.Warnings[0], "value.converter."), true},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if len(p.Transforms) != 2 || p.Transforms[0].Alias != "b" || p.Transforms[0].Predicate != nil || !maps.Equal(p.Transforms[0].Props, config.Props{"field": "y"}) {
		t.Fatalf("%+v", p.Transforms)
	}
	a := p.Transforms[1]
	if a.Predicate == nil || a.Predicate.Alias != "p" || a.Predicate.Plugin.Name != tomb || !a.Negate || config.String("field").Get(a.Values) != "x" {
		t.Errorf("%+v", a)
	}
}

func TestPlanOfASink(t *testing.T) {
	p, err := NewPlan(plugins(t), goldenWorker(), sinkProps(config.Props{
		"topics": "b, a,b,", "errors.deadletterqueue.topic.name": "dlq", "errors.deadletterqueue.topic.replication.factor": "1",
		"errors.deadletterqueue.context.headers.enable": "true",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.SinkTopics.Topics, []string{"b", "a"}) || p.SinkTopics.Regex != "" {
		t.Errorf("%+v", p.SinkTopics)
	}
	if e := p.Errors; e.DeadLetterTopic != "dlq" || e.DeadLetterReplication != 1 || !e.DeadLetterHeaders || e.RetryMaxDelay != time.Minute {
		t.Errorf("%+v", e)
	}
	if p.Sink == nil || p.Source != nil {
		t.Error("not a sink")
	}
	if _, err := p.TaskConfig(config.Props{"file": "x"}); err != nil {
		t.Error(err)
	}
}

func TestPlanReportsEveryProblem(t *testing.T) {
	w := goldenWorker()
	w.KeyConverter = Converter{}
	w.Policy, _ = ParsePolicy("None", nil)
	_, err := NewPlan(plugins(t), w, sourceProps(config.Props{
		"tasks.max": "0", "topic": "", "value.converter": "nope", "producer.override.acks": "1",
		"transforms": "a,b,c", "transforms.a.type": hoist, "transforms.a.predicate": "zz", "transforms.b.type": "nope",
		"topic.creation.default.partitions": "0",
	}))
	for _, part := range []string{
		"reading the config of connector n", "configuration tasks.max", "configuration topic: ", "value.converter: ", "sets key.converter",
		"'acks'", "transforms.a.field", "transforms.a.predicate: no predicate of that name is declared", "transforms.b.type: no class nope is known", `"transforms.c.type"`,
		"configuration partitions: Number of partitions must be positive", `"topic.creation.default.replication.factor"`,
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in\n%v", part, err)
		}
	}
}

func TestSinkPlanRefusesTopicsAndRegex(t *testing.T) {
	_, err := NewPlan(plugins(t), goldenWorker(), sinkProps(config.Props{"topics.regex": "a.*"}))
	if err == nil || !strings.Contains(err.Error(), "mutually exclusive") {
		t.Errorf("%v", err)
	}
}

// Sources have the keys of the dead-letter queue, too, and show them only where they are used.
func TestDeadLettersOfASource(t *testing.T) {
	keys := config.Props{"errors.deadletterqueue.topic.name": "dlq", "errors.deadletterqueue.topic.replication.factor": "1",
		"errors.deadletterqueue.context.headers.enable": "true"}
	p, err := NewPlan(plugins(t), goldenWorker(), sourceProps(keys))
	if err != nil {
		t.Fatal(err)
	}
	if e := p.Errors; e.DeadLetterTopic != "dlq" || e.DeadLetterReplication != 1 || !e.DeadLetterHeaders {
		t.Errorf("%+v", e)
	}
	_, err = NewPlan(plugins(t), goldenWorker(), sourceProps(config.Props{"errors.deadletterqueue.topic.replication.factor": "many"}))
	if err == nil || !strings.Contains(err.Error(), "errors.deadletterqueue.topic.replication.factor") {
		t.Errorf("a bad replication factor: %v", err)
	}
	for _, c := range []struct {
		props config.Props
		shown bool
	}{{keys, true}, {nil, false}} {
		def := (&enricher{reg: plugins(t), worker: goldenWorker(), props: sourceProps(c.props)}).source()
		if _, shown := def.Key("errors.deadletterqueue.topic.name"); shown != c.shown {
			t.Errorf("%v: shown is %v", c.props, shown)
		}
	}
}
