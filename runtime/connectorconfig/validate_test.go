package connectorconfig

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

const (
	source  = "org.apache.kafka.connect.file.FileStreamSourceConnector"
	sink    = "org.apache.kafka.connect.file.FileStreamSinkConnector"
	hoist   = "org.apache.kafka.connect.transforms.HoistField$Value"
	tomb    = "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone"
	strConv = "org.apache.kafka.connect.storage.StringConverter"
)

func plugins(t *testing.T) *plugin.Registry {
	return registry(t, map[string][]string{
		"converters": {jsonConverter, strConv}, "header_converters": {simpleHeaderConverter, strConv},
		"transforms": {hoist}, "predicates": {tomb},
	})
}

func sourceProps(more config.Props) config.Props {
	p := config.Props{"name": "n", "connector.class": source, "topic": "t", "file": "f"}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func sinkProps(more config.Props) config.Props {
	p := config.Props{"name": "n", "connector.class": sink, "topics": "t"}
	for k, v := range more {
		p[k] = v
	}
	return p
}

// errorsOf lists "key: message".
func errorsOf(t *testing.T, reg *plugin.Registry, w Worker, p config.Props) (Result, []string) {
	t.Helper()
	res, err := Validate(t.Context(), reg, w, p)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range res.Configs {
		for _, m := range c.Errors {
			out = append(out, c.Name+": "+m)
		}
	}
	if (len(out) == 0) != (res.ErrorCount == 0) || (res.Error() == "") != (res.ErrorCount == 0) {
		t.Errorf("%d errors counted, %q", res.ErrorCount, out)
	}
	return res, out
}

func TestNothingToValidateAgainst(t *testing.T) {
	for name, c := range map[string]struct {
		props config.Props
		want  string
	}{
		"no class":      {config.Props{"tasks.max": "1", "name": "bad2", "pin": "1234"}, "Connector config {name=bad2, pin=[hidden], tasks.max=1} contains no connector type"},
		"unknown class": {config.Props{"connector.class": "com.acme.Nope"}, "Failed to find any class that implements Connector and which name matches com.acme.Nope, available connectors are: PluginDesc{klass=class " + sink + ", name='" + sink + "', version='4.3.1', encodedVersion=4.3.1, type=sink, typeName='sink', location='classpath'}, PluginDesc{klass=class " + source},
		"a transform":   {config.Props{"connector.class": hoist}, "Failed to find any class that implements Connector and which name matches " + hoist},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Validate(t.Context(), plugins(t), goldenWorker(), c.props)
			if bad, ok := errors.AsType[*BadRequest](err); !ok || !strings.HasPrefix(bad.Message, c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
			if _, err := NewPlan(plugins(t), goldenWorker(), c.props); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("plan: %v", err)
			}
		})
	}
}

func TestChecksAcrossKeys(t *testing.T) {
	all := goldenWorker()
	once := goldenWorker()
	once.ExactlyOnceSource = true
	none, _ := ParsePolicy("None", nil)
	strict := goldenWorker()
	strict.Policy = none
	for name, c := range map[string]struct {
		w     Worker
		props config.Props
		want  []string
	}{
		"fine":              {all, sourceProps(nil), nil},
		"exactly-once":      {once, sourceProps(config.Props{"exactly.once.support": "REQUIRED"}), nil},
		"dlq regex":         {all, sinkProps(config.Props{"topics": " ", "topics.regex": "d.*", "errors.deadletterqueue.topic.name": "dlq"}), []string{"topics.regex: The DLQ topic 'dlq' may not be matched by the regex for the topics ('topics.regex=d.*') consumed by the connector"}},
		"group of the name": {all, sinkProps(config.Props{"name": "golden"}), []string{"name: Consumer group for sink connector named golden conflicts with Connect worker group connect-golden"}},
		"group overridden":  {all, sinkProps(config.Props{"consumer.override.group.id": "connect-golden"}), []string{"consumer.override.group.id: Consumer group connect-golden conflicts with Connect worker group connect-golden"}},
		"policy": {strict, sourceProps(config.Props{"producer.override.acks": "1", "consumer.override.group.id": "ignored"}),
			[]string{"producer.override.acks: The 'None' policy does not allow 'acks' to be overridden in the connector configuration."}},
		"override of a wrong type": {all, sourceProps(config.Props{"producer.override.linger.ms": "x"}), []string{"producer.override.linger.ms: Invalid value x for configuration linger.ms: Not a number of type LONG"}},
		"negate alone": {all, sourceProps(config.Props{"transforms": "a", "transforms.a.type": hoist, "transforms.a.field": "f", "transforms.a.negate": "true"}),
			[]string{"transforms.a.type: Config 'transforms.a.negate' was provided but there is no config 'transforms.a.predicate' defining a predicate to be negated."}},
		"version of a converter": {all, sourceProps(config.Props{"key.converter": strConv, "key.converter.plugin.version": "[5,)"}),
			[]string{
				"key.converter: Plugin " + strConv + " not found that matches the version range [5,), available versions: [4.3.1]",
				"key.converter.plugin.version: Plugin " + strConv + " not found that matches the version range [5,), available versions: [4.3.1]",
			}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := errorsOf(t, plugins(t), c.w, c.props); !slices.Equal(got, c.want) {
				t.Errorf("%q\nwant %q", got, c.want)
			}
		})
	}
}

func TestUnknownVersionOfAConnector(t *testing.T) {
	res, got := errorsOf(t, plugins(t), goldenWorker(), sourceProps(config.Props{"connector.plugin.version": "1.0"}))
	const m = "Plugin " + source + " not found that matches the version range [1.0,1.0], available versions: [4.3.1]"
	if want := []string{"connector.class: " + m, "connector.plugin.version: " + m}; !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if r := find(res.Configs, "connector.plugin.version"); !slices.Equal(r.Recommended, []string{"4.3.1"}) {
		t.Errorf("%q", r.Recommended)
	}
}

// validating answers with fixed problems, or panics.
type validating struct {
	connect.SourceConnector
	problems []config.Problem
	boom     any
}

func (v validating) Validate(context.Context, config.Values) []config.Problem {
	if v.boom != nil {
		panic(v.boom)
	}
	return v.problems
}

func withConnector(t *testing.T, c connect.SourceConnector) *plugin.Registry {
	t.Helper()
	r := plugins(t)
	err := r.Sources.Add(connect.Plugin[connect.SourceConnector]{
		Name: "Own", Config: config.NewDef(config.String("user").Required(), config.Password("password")),
		New: func() connect.SourceConnector { return c },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestValidatorOfTheConnector(t *testing.T) {
	p := config.Props{"name": "n", "connector.class": "Own", "user": "scott", "password": "swordfish"}
	reg := withConnector(t, validating{problems: []config.Problem{
		{Key: "user", Message: "Access denied"}, {Key: "tasks.max", Message: "one task only"}, {Key: "other", Message: "what is this?"},
	}})
	res, got := errorsOf(t, reg, goldenWorker(), p)
	want := []string{"other: what is this?", "tasks.max: one task only", "user: Access denied"}
	if !slices.Equal(got, want) || res.ErrorCount != 3 || res.Configs[0].Definition != nil {
		t.Errorf("%q\nwant %q", got, want)
	}
	if r := find(res.Configs, "password"); *r.Value != config.Hidden {
		t.Error("the password is shown")
	}
}

func TestPanicsOfAConnectorAreErrorsOfItsClass(t *testing.T) {
	reg := withConnector(t, validating{boom: "password is swordfish"})
	_, got := errorsOf(t, reg, goldenWorker(), config.Props{"name": "n", "connector.class": "Own", "user": "scott"})
	if want := []string{"connector.class: validating the config of Own: the plugin panicked with a string"}; !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestResolvedValuesAreNotShown(t *testing.T) {
	w := goldenWorker()
	w.Resolve = func(_ context.Context, p config.Props) (config.Props, error) {
		for k, v := range p {
			p[k] = strings.ReplaceAll(v, "${vault:x}", "swordfish")
		}
		return p, nil
	}
	props := sourceProps(config.Props{"batch.size": "${vault:x}", "topic": "${vault:x}", "config.providers": "own"})
	res, got := errorsOf(t, plugins(t), w, props)
	want := []string{"batch.size: Invalid value for configuration 'batch.size': the value resolved from the config provider reference failed validation"}
	if !slices.Equal(got, want) || res.ErrorCount != 1 {
		t.Errorf("%d %q\nwant %q", res.ErrorCount, got, want)
	}
	if strings.Contains(asJSON(res), "swordfish") || *find(res.Configs, "topic").Value != "${vault:x}" {
		t.Error("a resolved value is shown")
	}
	if props["topic"] != "${vault:x}" {
		t.Error("the input was changed")
	}
	w.Resolve = func(context.Context, config.Props) (config.Props, error) { return nil, context.DeadlineExceeded }
	if _, err := Validate(t.Context(), plugins(t), w, props); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestStandaloneHasNoDistributedChecks(t *testing.T) {
	w := goldenWorker()
	w.Distributed = false
	if _, got := errorsOf(t, plugins(t), w, sourceProps(config.Props{"exactly.once.support": "required", "transaction.boundary": "connector"})); got != nil {
		t.Errorf("%q", got)
	}
	if _, got := errorsOf(t, plugins(t), w, sinkProps(config.Props{"name": "golden"})); got != nil {
		t.Errorf("%q", got)
	}
}

func TestErrorIsTheMessageOfCreation(t *testing.T) {
	res, _ := errorsOf(t, plugins(t), goldenWorker(), sinkProps(config.Props{"name": ""}))
	const want = "Connector configuration is invalid and contains the following 1 error(s):\nInvalid value  for configuration name: String may not be empty\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`"
	if res.Error() != want {
		t.Errorf("%s", res.Error())
	}
}
