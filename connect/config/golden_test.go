package config

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// goldenDef is a key as Kafka Connect 4.3.1 prints it.
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

func readGolden(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func goldenDefs(t *testing.T, plugin string) []goldenDef {
	t.Helper()
	var all map[string][]goldenDef
	readGolden(t, "definitions.json", &all)
	if len(all[plugin]) == 0 {
		t.Fatalf("no golden definitions of %s", plugin)
	}
	return all[plugin]
}

func printed(d Definition) goldenDef {
	return goldenDef{
		d.Name, d.Type.String(), d.Required, d.Default, d.Importance.String(), d.Documentation,
		d.Group, d.OrderInGroup, d.Width.String(), d.DisplayName, d.Dependents,
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wantKeys(t *testing.T, got []Definition, want []goldenDef) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d keys, want %d", len(got), len(want))
	}
	for i, d := range got {
		if g := printed(d); !reflect.DeepEqual(g, want[i]) {
			t.Errorf("key %d:\n%s\nwant\n%s", i, asJSON(t, g), asJSON(t, want[i]))
		}
	}
}

var nullDefault = "Whether to replace fields that have a default value and that are null to the default value. When set to true, the default value is used, otherwise null is used."

func regexRouter() *Def {
	return NewDef(
		String("regex").Required().Importance(High).Doc("Regular expression to use for matching."),
		String("replacement").Required().Importance(High).Doc("Replacement string."),
	)
}

func castSpec() *Key[[]string] {
	return List("spec").Required().Importance(High).
		Doc("List of fields and the type to cast them to of the form field1:type,field2:type to cast fields of Maps or Structs. A single type to cast the entire value. Valid types are int8, int16, int32, int64, float32, float64, boolean, and string. Note that binary fields can only be cast to string.").
		Valid(Validator[[]string]{Null: Verbatim("Must specify at least one field to cast.")})
}

func cast() *Def {
	return NewDef(castSpec(), Boolean("replace.null.with.default").Default(true).Doc(nullDefault))
}

func jsonConverter() *Def {
	return NewDef(
		String("converter.type").Required().Importance(Low).Doc("How this converter will be used.").ValidValues("key", "value", "header"),
		Boolean("schemas.enable").Default(true).Importance(High).Group("Schemas", 0).Width(WidthMedium).DisplayName("Enable Schemas").
			Doc("Include schemas within each of the serialized values and keys."),
		Int("schemas.cache.size").Default(1000).Importance(High).Group("Schemas", 1).Width(WidthMedium).DisplayName("Schema Cache Size").
			Doc("The maximum number of schemas that can be cached in this converter instance."),
		String("schema.content").Importance(High).Group("Schemas", 2).Width(WidthMedium).DisplayName("Schema Content").
			Doc("When set, this is used as the schema for all messages, and the schemas within each of the message will be ignored.Otherwise, the schema will be included in the content of each message. This configuration applies only 'schemas.enable' is true, and it exclusively affects the sink connector."),
		String("decimal.format").Default("BASE64").Importance(Low).Group("Serialization", 0).Width(WidthMedium).DisplayName("Decimal Format").
			Valid(OneOfFold("BASE64", "NUMERIC")).
			Doc("Controls which format this converter will serialize decimals in. This value is case insensitive and can be either 'BASE64' (default) or 'NUMERIC'"),
		Boolean("replace.null.with.default").Default(true).Importance(Low).Group("Serialization", 1).Width(WidthMedium).DisplayName("Replace null with default").
			Doc(nullDefault),
	)
}

func TestDeclaredPluginsPrintAsJava(t *testing.T) {
	for plugin, def := range map[string]*Def{
		"RegexRouter": regexRouter(), "Cast$Value": cast(), "JsonConverter": jsonConverter(),
	} {
		t.Run(plugin, func(t *testing.T) { wantKeys(t, def.Keys(), goldenDefs(t, plugin)) })
	}
}

// rebuild declares a key from its golden definition, the default by way of the
// parser of its type.
func rebuild[T any](t *testing.T, k *Key[T], g goldenDef) *Key[T] {
	t.Helper()
	k.Doc(g.Documentation).DisplayName(g.DisplayName).Dependents(g.Dependents...)
	k.Importance(Importance(slices.Index(importanceNames[:], g.Importance)))
	k.Width(Width(slices.Index(widthNames[:], g.Width)))
	if g.Group != nil {
		k.Group(*g.Group, g.OrderInGroup)
	}
	if g.Required {
		k.Required()
	}
	if g.Default != nil {
		v, err := k.d.parse(*g.Default)
		if err != nil {
			t.Fatalf("default of %s: %v", g.Name, err)
		}
		k.Default(v.(T))
	}
	return k
}

var converters = strings.Fields(`org.apache.kafka.connect.converters.BooleanConverter org.apache.kafka.connect.converters.ByteArrayConverter
	org.apache.kafka.connect.converters.DoubleConverter org.apache.kafka.connect.converters.FloatConverter
	org.apache.kafka.connect.converters.IntegerConverter org.apache.kafka.connect.converters.LongConverter
	org.apache.kafka.connect.converters.ShortConverter org.apache.kafka.connect.json.JsonConverter
	org.apache.kafka.connect.storage.StringConverter`)

func stringKey(t *testing.T, g goldenDef) AnyKey {
	k := rebuild(t, String(g.Name), g)
	switch g.Name {
	case "name":
		k.Valid(NonEmptyWithoutControlChars())
	case "errors.tolerance":
		k.ValidValues("none", "all")
	case "config.action.reload":
		k.ValidValues("none", "restart")
	case "connector.plugin.version", "value.converter.plugin.version", "header.converter.plugin.version":
		k.RecommendValues("4.3.1")
	case "key.converter.plugin.version":
		// Java offers versions of the class that was found, else hides the key.
		found := func(v Values) bool { return !Class("key.converter").IsNull(v) }
		k.VisibleIf(found).Recommend(func(v Values) []string {
			if found(v) {
				return []string{"4.3.1"}
			}
			return nil
		})
	}
	return k
}

func classKey(t *testing.T, g goldenDef) AnyKey {
	known := converters
	if g.Name == "header.converter" {
		known = append(slices.Clone(converters), "org.apache.kafka.connect.storage.SimpleHeaderConverter")
		slices.Sort(known)
	}
	k := rebuild(t, Class(g.Name), g)
	if strings.HasSuffix(g.Name, ".converter") {
		k.RecommendValues(known...).ParseWith(func(s string) (string, error) {
			if !slices.Contains(known, s) {
				return "", ClassNotFound(s)
			}
			return s, nil
		})
	}
	return k
}

func anyKey(t *testing.T, g goldenDef) AnyKey {
	t.Helper()
	switch g.Type {
	case "STRING":
		return stringKey(t, g)
	case "BOOLEAN":
		return rebuild(t, Boolean(g.Name), g)
	case "INT":
		if g.Name == "tasks.max" {
			return rebuild(t, Int(g.Name, AtLeast(1)), g)
		}
		return rebuild(t, Int(g.Name), g)
	case "SHORT":
		return rebuild(t, Short(g.Name), g)
	case "LONG":
		return rebuild(t, Long(g.Name), g)
	case "LIST":
		k := rebuild(t, List(g.Name), g)
		if g.Name == "transforms" {
			k.Check(func(l []string) error {
				if repeated(l) {
					return errDuplicateAlias
				}
				return nil
			})
		}
		return k
	case "CLASS":
		return classKey(t, g)
	}
	t.Fatalf("type %s of %s", g.Type, g.Name)
	return nil
}

func rebuildDef(t *testing.T, plugin string) *Def {
	t.Helper()
	var keys []AnyKey
	for _, g := range goldenDefs(t, plugin) {
		keys = append(keys, anyKey(t, g))
	}
	return NewDef(keys...)
}

func TestEveryDefinitionFieldIsPrinted(t *testing.T) {
	for _, plugin := range []string{"FileStreamSource", "FileStreamSink", "TimestampConverter$Value"} {
		t.Run(plugin, func(t *testing.T) { wantKeys(t, rebuildDef(t, plugin).Keys(), goldenDefs(t, plugin)) })
	}
}

func TestOwnKeysBeforeTheFrameworks(t *testing.T) {
	want := goldenDefs(t, "FileStreamSource")
	own, common := NewDef(), NewDef()
	for i, g := range want {
		if i < 3 {
			own = own.With(anyKey(t, g))
		}
		common = common.With(anyKey(t, g))
	}
	wantKeys(t, own.Join(common).Keys(), want)
}

// withTransforms embeds what the props name: the transform a, and converters
// that are set.
func withTransforms(def *Def, p Props) *Def {
	if p["transforms.a.type"] == "org.apache.kafka.connect.transforms.Cast$Value" {
		sub := cast().With(
			Boolean("negate").Default(false).Doc("Whether the configured predicate should be negated."),
			String("predicate").Doc("The alias of a predicate used to determine whether to apply this transformation."),
		)
		def = def.EmbedGroup("transforms.a.", "Transforms: a", 2, sub)
	}
	if p["key.converter"] == "nope" {
		// The default is the version of the class, so there is none.
		def = def.With(String("key.converter.plugin.version").VisibleIf(func(v Values) bool { return !Class("key.converter").IsNull(v) }))
	}
	if p["value.converter"] == "org.apache.kafka.connect.json.JsonConverter" {
		def = def.Embed("value.converter.", jsonConverter().With(String("converter.type").Default("value")))
	}
	return def
}

func TestValidateAnswersAsJava(t *testing.T) {
	var cases []struct {
		Plugin string             `json:"plugin"`
		Props  map[string]*string `json:"props"`
		Values []goldenValue      `json:"values"`
	}
	readGolden(t, "validations.json", &cases)
	if len(cases) < 20 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		p := Props{}
		for k, v := range c.Props {
			if v != nil {
				p[k] = *v
			}
		}
		def := withTransforms(rebuildDef(t, c.Plugin+" validated"), p)
		got := map[string]goldenValue{}
		for _, r := range def.Validate(t.Context(), p) {
			got[r.Name] = goldenValue{r.Name, r.Value, r.Recommended, r.Errors, r.Visible}
		}
		wanted := map[string]bool{}
		for _, w := range c.Values {
			wanted[w.Name] = true
			if w.Name == "transforms.a.type" || w.Name == "transforms.a.plugin.version" {
				continue // declared by the herder, not by a plugin
			}
			if g, ok := got[w.Name]; !ok && !strings.HasPrefix(w.Name, "transforms.a.") {
				t.Errorf("%v: no result for %s", p, w.Name)
			} else if ok && !reflect.DeepEqual(g, w) {
				t.Errorf("%v:\n%s\nwant\n%s", p, asJSON(t, g), asJSON(t, w))
			}
		}
		for name := range got {
			if !wanted[name] {
				t.Errorf("%v: Java says nothing of %s", p, name)
			}
		}
	}
}

func TestEmbedGroupNumbersAsJava(t *testing.T) {
	def := withTransforms(NewDef(), Props{"transforms.a.type": "org.apache.kafka.connect.transforms.Cast$Value"})
	var got []string
	for _, d := range def.Keys() {
		got = append(got, d.Name+" "+*d.Group+" "+string(rune('0'+d.OrderInGroup)))
	}
	want := []string{
		"transforms.a.spec Transforms: a 2", "transforms.a.negate Transforms: a 3",
		"transforms.a.predicate Transforms: a 4", "transforms.a.replace.null.with.default Transforms: a 5",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
}
