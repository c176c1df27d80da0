package connectorconfig

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

// goldenDef is a definition as Kafka Connect 4.3.1 prints it.
type goldenDef struct {
	Name          string   `json:"name"`
	Type          string   `json:"type"`
	Required      bool     `json:"required"`
	Default       *string  `json:"default_value"`
	Importance    string   `json:"importance"`
	Documentation string   `json:"documentation"`
	Group         *string  `json:"group"`
	OrderInGroup  int      `json:"order_in_group"`
	Width         string   `json:"width"`
	DisplayName   string   `json:"display_name"`
	Dependents    []string `json:"dependents"`
}

type goldenValue struct {
	Name        string   `json:"name"`
	Value       *string  `json:"value"`
	Recommended []string `json:"recommended_values"`
	Errors      []string `json:"errors"`
	Visible     bool     `json:"visible"`
}

type goldenConfig struct {
	Definition *int        `json:"definition"`
	Value      goldenValue `json:"value"`
}

type goldenCase struct {
	Name    string             `json:"name"`
	Plugins string             `json:"plugins"`
	Body    map[string]*string `json:"body"`
	Result  struct {
		Name       string         `json:"name"`
		ErrorCount int            `json:"error_count"`
		Groups     []string       `json:"groups"`
		Configs    []goldenConfig `json:"configs"`
	} `json:"result"`
}

type golden struct {
	Definitions []goldenDef                    `json:"definitions"`
	Plugins     map[string]map[string][]string `json:"plugins"`
	Listings    map[string][]int               `json:"listings"`
	Cases       []goldenCase                   `json:"cases"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	b, err := os.ReadFile("testdata/validate-4.3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Cases) < 40 {
		t.Fatalf("%d cases", len(g.Cases))
	}
	return g
}

func printed(d *config.Definition) *goldenDef {
	if d == nil {
		return nil
	}
	return &goldenDef{
		d.Name, d.Type.String(), d.Required, d.Default, d.Importance.String(), d.Documentation,
		d.Group, d.OrderInGroup, d.Width.String(), d.DisplayName, d.Dependents,
	}
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// fileKeys are the keys of Kafka's file connectors.
var (
	keyFile  = config.String("file").Importance(config.High)
	fileSink = config.NewDef(keyFile.Copy().Doc("Destination filename. If not specified, the standard output will be used"))
	fileSrc  = config.NewDef(
		keyFile.Copy().Doc("Source filename. If not specified, the standard input will be used"),
		config.String("topic").Required().Importance(config.High).Valid(config.NonEmpty()).Doc("The topic to publish data to"),
		config.Int("batch.size").Default(2000).Importance(config.Low).Doc("The maximum number of records the source task can read from the file each time it is polled"),
	)
)

const nullDefault = "Whether to replace fields that have a default value and that are null to the default value. When set to true, the default value is used, otherwise null is used."

var converterType = config.String("converter.type").Required().Importance(config.Low).
	Doc("How this converter will be used.").ValidValues("key", "value", "header")

// pluginDefs are the Defs of the plugins that the golden configs name.
var pluginDefs = map[string]*config.Def{
	"org.apache.kafka.connect.transforms.Cast$Value": config.NewDef(
		config.List("spec").Required().Importance(config.High).
			Doc("List of fields and the type to cast them to of the form field1:type,field2:type to cast fields of Maps or Structs. A single type to cast the entire value. Valid types are int8, int16, int32, int64, float32, float64, boolean, and string. Note that binary fields can only be cast to string.").
			Valid(config.Validator[[]string]{Null: config.Verbatim("Must specify at least one field to cast.")}),
		config.Boolean("replace.null.with.default").Default(true).Doc(nullDefault),
	),
	"org.apache.kafka.connect.transforms.HoistField$Value": config.NewDef(
		config.String("field").Required().Doc("Field name for the single field that will be created in the resulting Struct or Map."),
	),
	"org.apache.kafka.connect.transforms.RegexRouter": config.NewDef(
		config.String("regex").Required().Importance(config.High).Doc("Regular expression to use for matching."),
		config.String("replacement").Required().Importance(config.High).Doc("Replacement string."),
	),
	"org.apache.kafka.connect.storage.StringConverter": config.NewDef(converterType,
		config.String("converter.encoding").Default("UTF-8").Importance(config.High).Width(config.WidthMedium).DisplayName("Encoding").
			Doc("The name of the Java character set to use for encoding strings as byte arrays.")),
	"org.apache.kafka.connect.json.JsonConverter": config.NewDef(converterType,
		config.Boolean("schemas.enable").Default(true).Importance(config.High).Group("Schemas", 0).Width(config.WidthMedium).DisplayName("Enable Schemas").
			Doc("Include schemas within each of the serialized values and keys."),
		config.Int("schemas.cache.size").Default(1000).Importance(config.High).Group("Schemas", 1).Width(config.WidthMedium).DisplayName("Schema Cache Size").
			Doc("The maximum number of schemas that can be cached in this converter instance."),
		config.String("schema.content").Importance(config.High).Group("Schemas", 2).Width(config.WidthMedium).DisplayName("Schema Content").
			Doc("When set, this is used as the schema for all messages, and the schemas within each of the message will be ignored.Otherwise, the schema will be included in the content of each message. This configuration applies only 'schemas.enable' is true, and it exclusively affects the sink connector."),
		config.String("decimal.format").Default("BASE64").Importance(config.Low).Group("Serialization", 0).Width(config.WidthMedium).DisplayName("Decimal Format").
			Valid(config.OneOfFold("BASE64", "NUMERIC")).
			Doc("Controls which format this converter will serialize decimals in. This value is case insensitive and can be either 'BASE64' (default) or 'NUMERIC'"),
		config.Boolean("replace.null.with.default").Default(true).Importance(config.Low).Group("Serialization", 1).Width(config.WidthMedium).DisplayName("Replace null with default").
			Doc(nullDefault),
	),
}

func fill[T any](t *testing.T, set *plugin.Set[T], names []string, version string, makeT func() T) {
	t.Helper()
	for _, n := range names {
		if err := set.Add(connect.Plugin[T]{Name: n, Version: version, Config: pluginDefs[n], New: makeT}); err != nil {
			t.Fatal(err)
		}
	}
}

// registry holds the file connectors and the plugins of the given names.
func registry(t *testing.T, names map[string][]string) *plugin.Registry {
	t.Helper()
	r := &plugin.Registry{}
	const v = "4.3.1"
	fill(t, &r.Converters, names["converters"], v, func() connect.Converter { return nil })
	fill(t, &r.HeaderConverters, names["header_converters"], v, func() connect.HeaderConverter { return nil })
	fill(t, &r.Transforms, names["transforms"], v, func() connect.Transform { return nil })
	fill(t, &r.Predicates, names["predicates"], v, func() connect.Predicate { return nil })
	err := r.Sources.Add(connect.Plugin[connect.SourceConnector]{
		Name: "org.apache.kafka.connect.file.FileStreamSourceConnector", Aliases: []string{"FileStreamSource", "FileStreamSourceConnector"},
		Version: v, Config: fileSrc, New: func() connect.SourceConnector { return fakeSource{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	err = r.Sinks.Add(connect.Plugin[connect.SinkConnector]{
		Name: "org.apache.kafka.connect.file.FileStreamSinkConnector", Aliases: []string{"FileStreamSink", "FileStreamSinkConnector"},
		Version: v, Config: fileSink, New: func() connect.SinkConnector { return fakeSink{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fakeSource says of exactly-once what FileStreamSourceConnector says.
type fakeSource struct{ connect.SourceConnector }

func (fakeSource) ExactlyOnceSupport(v config.Values) connect.Support {
	if keyFile.IsNull(v) {
		return connect.Unsupported
	}
	return connect.Supported
}
func (fakeSource) CanDefineTransactionBoundaries(config.Values) bool { return false }

type fakeSink struct{ connect.SinkConnector }

const jsonConverter = "org.apache.kafka.connect.json.JsonConverter"

func goldenWorker() Worker {
	return Worker{
		KeyConverter: Converter{Class: jsonConverter}, ValueConverter: Converter{Class: jsonConverter},
		Distributed: true, GroupID: "connect-golden", TopicCreation: true,
	}
}

func (g golden) want(c goldenCase, i int) (*goldenDef, goldenValue) {
	w := c.Result.Configs[i]
	if len(w.Value.Recommended) == 1 && strings.HasPrefix(w.Value.Recommended[0], "@") {
		w.Value.Recommended = g.Plugins[c.Plugins][w.Value.Recommended[0][1:]]
	}
	if w.Definition == nil {
		return nil, w.Value
	}
	return &g.Definitions[*w.Definition], w.Value
}

func TestValidateAnswersAsKafkaConnect(t *testing.T) {
	g := readGolden(t)
	for _, c := range g.Cases {
		t.Run(c.Name, func(t *testing.T) {
			props := config.Props{}
			for k, v := range c.Body {
				if v != nil {
					props[k] = *v
				}
			}
			res, err := Validate(t.Context(), registry(t, g.Plugins[c.Plugins]), goldenWorker(), props)
			if err != nil {
				t.Fatal(err)
			}
			if res.Name != c.Result.Name || res.ErrorCount != c.Result.ErrorCount || !sameGroups(res.Groups, c.Result.Groups) {
				t.Errorf("%s %d %q\nwant %s %d %q", res.Name, res.ErrorCount, res.Groups, c.Result.Name, c.Result.ErrorCount, c.Result.Groups)
			}
			g.compare(t, c, res.Configs)
		})
	}
}

// sameGroups: the groups of an embedded converter come in the order of a Java hash map.
func sameGroups(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	for _, l := range [][]string{a, b} {
		if i := slices.IndexFunc(l, func(s string) bool { return s == "Serialization" || s == "Schemas" }); i >= 0 {
			slices.Sort(l[i:])
		}
	}
	return slices.Equal(a, b)
}

func (g golden) compare(t *testing.T, c goldenCase, got []config.KeyResult) {
	t.Helper()
	// The keys of a converter too come in the order of a hash map.
	embedded := func(name string) int {
		for i, p := range []string{"header.converter.", "key.converter.", "value.converter."} {
			if rest, ok := strings.CutPrefix(name, p); ok && rest != "plugin.version" {
				return i + 1
			}
		}
		return 0
	}
	got = slices.Clone(got)
	want := slices.Clone(c.Result.Configs)
	by := func(a, b string) int {
		if x, y := embedded(a), embedded(b); x != y || x == 0 {
			return cmp.Compare(x, y)
		}
		return strings.Compare(a, b)
	}
	slices.SortStableFunc(got, func(a, b config.KeyResult) int { return by(a.Name, b.Name) })
	slices.SortStableFunc(want, func(a, b goldenConfig) int { return by(a.Value.Name, b.Value.Name) })
	c.Result.Configs = want
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		def, value := g.want(c, i)
		gotDef := printed(got[i].Definition)
		gotValue := goldenValue{got[i].Name, got[i].Value, got[i].Recommended, got[i].Errors, got[i].Visible}
		if !reflect.DeepEqual(gotDef, def) {
			t.Errorf("definition %d:\n%s\nwant\n%s", i, asJSON(gotDef), asJSON(def))
		}
		if !reflect.DeepEqual(gotValue, value) {
			t.Errorf("value %d:\n%s\nwant\n%s", i, asJSON(gotValue), asJSON(value))
		}
	}
}

func TestDefinitionsListsOwnKeysFirst(t *testing.T) {
	g := readGolden(t)
	if len(g.Listings) != 2 {
		t.Fatalf("%d listings", len(g.Listings))
	}
	for class, want := range g.Listings {
		got, ok, err := Definitions(registry(t, nil), class, "")
		if err != nil || !ok || len(got) != len(want) {
			t.Fatalf("%s: %d keys, %v, %v; want %d", class, len(got), ok, err, len(want))
		}
		for i := range got {
			if d := printed(&got[i]); !reflect.DeepEqual(*d, g.Definitions[want[i]]) {
				t.Errorf("%s key %d:\n%s\nwant\n%s", class, i, asJSON(d), asJSON(g.Definitions[want[i]]))
			}
		}
	}
	if _, ok, err := Definitions(registry(t, nil), "nope.Nope", ""); ok || err != nil {
		t.Error("an unknown plugin was found", fmt.Sprint(err))
	}
}
