package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var errDuplicateAlias = errors.New("Duplicate alias provided.")

func messages(err error) []string {
	var out []string
	for _, e := range Errors(err) {
		out = append(out, e.Message)
	}
	return out
}

func TestParseSingleValues(t *testing.T) {
	for _, c := range []struct {
		key  AnyKey
		in   string
		want any
		err  string
	}{
		{String("k"), " \x00a b\t", "a b", ""},
		{Boolean("k"), " TrUe ", true, ""},
		{Boolean("k"), "yes", nil, "Invalid value yes for configuration k: Expected value to be either true or false"},
		{Boolean("k"), "", nil, "Invalid value  for configuration k: Expected value to be either true or false"},
		{Int("k"), " 42 ", int32(42), ""},
		{Int("k"), "+7", int32(7), ""},
		{Int("k"), "-2147483648", int32(math.MinInt32), ""},
		{Int("k"), "2147483648", nil, "Invalid value 2147483648 for configuration k: Not a number of type INT"},
		{Int("k"), " x ", nil, "Invalid value  x  for configuration k: Not a number of type INT"},
		{Int("k"), "1_000", nil, "Invalid value 1_000 for configuration k: Not a number of type INT"},
		{Int("k"), "0x10", nil, "Invalid value 0x10 for configuration k: Not a number of type INT"},
		{Int("k", AtLeast(1)), "0", nil, "Invalid value 0 for configuration k: Value must be at least 1"},
		{Int("k", Range(1, 9)), "10", nil, "Invalid value 10 for configuration k: Value must be no more than 9"},
		{Int("k", AtMost(9)), "10", nil, "Invalid value 10 for configuration k: Value must be no more than 9"},
		{Int("k", Range(1, 9)), "9", int32(9), ""},
		{Short("k"), "32768", nil, "Invalid value 32768 for configuration k: Not a number of type SHORT"},
		{Short("k"), "-32768", int16(-32768), ""},
		{Long("k"), "9223372036854775807", int64(math.MaxInt64), ""},
		{Long("k"), "9223372036854775808", nil, "Invalid value 9223372036854775808 for configuration k: Not a number of type LONG"},
		{Double("k"), "1e3d", 1000.0, ""},
		{Double("k"), "0x1p3", 8.0, ""},
		{Double("k"), "0x1p3f", 8.0, ""},
		{Double("k"), "1e999", math.Inf(1), ""},
		{Double("k"), "-Infinity", math.Inf(-1), ""},
		{Double("k"), "inf", nil, "Invalid value inf for configuration k: Not a number of type DOUBLE"},
		{Double("k"), "nan", nil, "Invalid value nan for configuration k: Not a number of type DOUBLE"},
		{Double("k"), "", nil, "Invalid value  for configuration k: Not a number of type DOUBLE"},
		{Double("k"), "+", nil, "Invalid value + for configuration k: Not a number of type DOUBLE"},
		{List("k"), " ", []string{}, ""},
		{List("k"), " a ,b\n,, c d ", []string{"a", "b", "", "c d"}, ""},
		{List("k"), ",", []string{"", ""}, ""},
		{List("k").ValidValues("a", "b"), "b,a", []string{"b", "a"}, ""},
		{List("k").ValidValues("a", "b"), "a,c", nil, "Invalid value c for configuration k: String must be one of: a, b"},
		{List("k").ValidValues("a", "b"), "a,a", nil, "Configuration 'k' values must not be duplicated."},
		{List("k").ValidValues("a", "b"), "c,", nil, "Invalid value c for configuration k: String must be one of: a, b"},
		{List("k").ValidValues("a", "b"), "c,c", nil, "Configuration 'k' values must not be duplicated."},
		{List("k").ValidValues("a", "b"), "a,", nil, "Configuration 'k' values must not be empty."},
		{List("k").Valid(Distinct(true, false)), "", []string{}, ""},
		{List("k").Valid(Distinct(false, false)), "", nil, "Configuration 'k' must not be empty. Valid values include: any non-empty value"},
		{List("k").Valid(Distinct(false, false)), "a,a", nil, "Configuration 'k' values must not be duplicated."},
		{List("k").Valid(Distinct(true, false)), "a,,b", nil, "Configuration 'k' values must not be empty."},
		{List("k").Valid(Distinct(true, false)), "a,b", []string{"a", "b"}, ""},
		{List("k").Valid(AtMostOfSize(1)), "a,b", nil, "Invalid value [a, b] for configuration k: exceeds maximum list size of [1]."},
		{Class("k"), " a.B ", "a.B", ""},
		{Class("k").ParseWith(func(s string) (string, error) { return "", ClassNotFound(s) }), "x", nil, "Invalid value x for configuration k: Class x could not be found."},
		{String("k").ValidValues("a", "b"), "c", nil, "Invalid value c for configuration k: String must be one of: a, b"},
		{String("k").Valid(OneOfFold("a", "b")), "B", "B", ""},
		{String("k").Valid(OneOfFold("a", "b")), "c", nil, "Invalid value c for configuration k: String must be one of (case insensitive): A, B"},
		{String("k").Valid(NonEmpty()), " ", nil, "Invalid value  for configuration k: String must be non-empty"},
		{String("k").Valid(NonEmptyWithoutControlChars()), "a\nb\x01c", nil, "Invalid value a\nb\x01c for configuration k: String may not contain control sequences but had the following ASCII chars: 10, 1"},
		{String("k").Check(func(string) error { return Verbatim("No.") }), "x", nil, "No."},
		{String("k").Check(func(string) error { return errors.New("never 1") }).Check(func(string) error { return errors.New("never 2") }), "x", nil, "Invalid value x for configuration k: never 1"},
	} {
		v, err := NewDef(c.key).Parse(Props{"k": c.in})
		if c.err != "" {
			if got := messages(err); len(got) != 1 || got[0] != c.err {
				t.Errorf("%s %q: %q, want %q", c.key.declaration().typ, c.in, got, c.err)
			}
			if e := Errors(err); len(e) == 1 && e[0].Key != "k" {
				t.Errorf("%q: error of key %q", c.in, e[0].Key)
			}
		} else if err != nil {
			t.Errorf("%s %q: %v", c.key.declaration().typ, c.in, err)
		}
		if got, _ := v.lookup("k"); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q = %#v, want %#v", c.key.declaration().typ, c.in, got, c.want)
		}
	}
}

func TestNullnessOfKeys(t *testing.T) {
	optional, defaulted, required := Int("optional", AtLeast(1)), Int("defaulted").Default(5), String("required").Required()
	v, err := NewDef(optional, defaulted, required).Parse(Props{"required": ""})
	if err != nil {
		t.Fatal(err)
	}
	if optional.Get(v) != 0 || optional.IsSet(v) || !optional.IsNull(v) {
		t.Error("optional key is not null")
	}
	if defaulted.Get(v) != 5 || defaulted.IsSet(v) || defaulted.IsNull(v) {
		t.Error("default not taken")
	}
	if required.Get(v) != "" || !required.IsSet(v) || required.IsNull(v) {
		t.Error("an empty text is a value")
	}
	if defaulted.Get(Values{}) != 5 || defaulted.IsSet(Values{}) {
		t.Error("zero Values do not give the default")
	}
}

func TestParseReportsAllErrorsInOrder(t *testing.T) {
	def := NewDef(String("a").Required(), Int("b", AtLeast(1)), Boolean("c"), Int("d", AtLeast(1)).Default(0))
	v, err := def.Parse(Props{"b": "x", "c": "true"})
	want := []string{
		`Missing required configuration "a" which has no default value.`,
		"Invalid value x for configuration b: Not a number of type INT",
		"Invalid value 0 for configuration d: Value must be at least 1",
	}
	if got := messages(err); !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if !Boolean("c").Get(v) {
		t.Error("values that are right are lost")
	}
	if got := Errors(fmt.Errorf("parsing config: %w", &Error{Key: "k"})); len(got) != 1 || got[0].Key != "k" {
		t.Errorf("wrapped: %v", got)
	}
}

func TestSecretNeverShows(t *testing.T) {
	const pw = "tOp5ecret"
	key := Password("pw").Default(NewSecret(pw)).Check(func(Secret) error { return errors.New("too weak") })
	def := NewDef(key)
	v, err := def.Parse(Props{"pw": " " + pw + " "})
	s := NewSecret(pw)
	if s.Reveal() != pw || !s.Equal(NewSecret(pw)) || s.IsEmpty() || !(Secret{}).IsEmpty() {
		t.Error("Reveal")
	}
	type holder struct {
		s Secret
		v Values
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "secret", s, "holder", holder{s, v}, "values", v)
	j, jerr := json.Marshal(map[string]any{"s": s, "p": &s})
	if jerr != nil {
		t.Fatal(jerr)
	}
	var md bytes.Buffer
	if err := def.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	printed := []string{log.String(), string(j), md.String(), fmt.Sprint(err), asJSON(t, def.Validate(t.Context(), Props{"pw": pw})), asJSON(t, def.Keys())}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, holder{s, v}), fmt.Sprintf(verb, []any{s, v}))
	}
	hex := fmt.Sprintf("%x", pw)
	for _, p := range printed {
		if strings.Contains(p, pw) || strings.Contains(p, hex) {
			t.Errorf("secret in %q", p)
		}
	}
	if !strings.Contains(fmt.Sprint(err), "Invalid value [hidden] for configuration pw: too weak") {
		t.Errorf("error: %v", err)
	}
	r := def.Validate(t.Context(), Props{"pw": pw})[0]
	if *r.Value != Hidden || *r.Definition.Default != Hidden {
		t.Errorf("validate: %q, %q", *r.Value, *r.Definition.Default)
	}
	got := def.Redact(Props{"pw": pw, "other": pw})
	if !reflect.DeepEqual(got, Props{"pw": Hidden, "other": Hidden}) {
		t.Errorf("Redact: %v", got)
	}
	bad := NewDef(Password("pw").ParseWith(func(string) (Secret, error) { return Secret{}, errors.New("bad") }))
	if _, err := bad.Parse(Props{"pw": pw}); strings.Contains(err.Error(), pw) {
		t.Errorf("parse error: %v", err)
	}
}

func TestAliasesWarn(t *testing.T) {
	k := Int("new").Aliases("old", "older").Default(1)
	def := NewDef(k)
	for _, c := range []struct {
		in       Props
		want     int32
		warnings []string
	}{
		{Props{"old": "2"}, 2, []string{"configuration old is deprecated, use new"}},
		{Props{"older": "3"}, 3, []string{"configuration older is deprecated, use new"}},
		{Props{"new": "4", "old": "x"}, 4, []string{"configuration old is deprecated, use new (ignored, because new is set)"}},
		{Props{"new": "4"}, 4, nil},
	} {
		v, err := def.Parse(c.in)
		if err != nil || k.Get(v) != c.want || !k.IsSet(v) || !slices.Equal(v.Warnings(), c.warnings) || len(v.Unknown()) != 0 {
			t.Errorf("%v: %d, %v, warnings %q, unknown %v", c.in, k.Get(v), err, v.Warnings(), v.Unknown())
		}
	}
	if _, err := def.Parse(Props{"old": "x"}); fmt.Sprint(err) != "Invalid value x for configuration new: Not a number of type INT" {
		t.Errorf("error: %v", err)
	}
}

func TestUnknownPrefixesAndSub(t *testing.T) {
	spec, size := List("spec"), Int("size").Default(3)
	def := NewDef(String("name")).PassThrough("producer.override.").EmbedGroup("transforms.a.", "Transforms: a", 0, NewDef(spec, size))
	in := Props{"name": "n", "nmae": "x", "producer.override.acks": "1", "producer.override.": "y", "transforms.a.spec": "p,q", "transforms.a.z": "1"}
	v, err := def.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	in["name"] = "changed"
	if got := v.Originals()["name"]; got != "n" {
		t.Errorf("originals follow the caller's map: %q", got)
	}
	v.Originals()["name"] = "changed"
	if got := String("name").Get(v); got != "n" || v.Originals()["name"] != "n" {
		t.Error("originals can be changed")
	}
	if got := v.Unknown(); !slices.Equal(got, []string{"nmae", "transforms.a.z"}) {
		t.Errorf("unknown: %v", got)
	}
	if got := v.WithPrefix("producer.override."); !reflect.DeepEqual(got, Props{"acks": "1"}) {
		t.Errorf("prefix: %v", got)
	}
	sub := v.Sub("transforms.a.")
	if !slices.Equal(spec.Get(sub), []string{"p", "q"}) || size.Get(sub) != 3 || size.IsSet(sub) || !spec.IsSet(sub) {
		t.Error("embedded values")
	}
	if got := sub.Originals(); !reflect.DeepEqual(got, Props{"spec": "p,q", "z": "1"}) || !slices.Equal(sub.Unknown(), []string{"z"}) {
		t.Errorf("embedded originals: %v, unknown %v", got, sub.Unknown())
	}
	spec.Get(sub)[0] = "changed"
	if spec.Get(sub)[0] != "p" {
		t.Error("a list can be changed through Get")
	}
}

func TestErrorsOfEmbeddedKeys(t *testing.T) {
	sub := NewDef(Int("n", AtLeast(1)))
	for _, c := range []struct {
		def      *Def
		in, want string
	}{
		{NewDef().EmbedGroup("t.a.", "T", 0, sub), "x", "Invalid value x for configuration t.a.n: Not a number of type INT"},
		{NewDef().EmbedGroup("t.a.", "T", 0, sub), "0", "Invalid value 0 for configuration n: Value must be at least 1"},
		{NewDef().Embed("t.a.", sub), "x", "Invalid value x for configuration n: Not a number of type INT"},
	} {
		_, err := c.def.Parse(Props{"t.a.n": c.in})
		if e := Errors(err); len(e) != 1 || e[0].Message != c.want || e[0].Key != "t.a.n" {
			t.Errorf("%q: %v", c.in, err)
		}
	}
}

func TestDefsAreImmutable(t *testing.T) {
	k := Int("k").Default(1)
	base := NewDef(k)
	k.Default(2)
	over := base.With(Int("k").Default(3), Int("l"))
	if got := *base.Keys()[0].Default; got != "1" {
		t.Errorf("default after the fact: %s", got)
	}
	if len(base.Keys()) != 1 || len(over.Keys()) != 2 || *over.Keys()[0].Default != "3" {
		t.Error("With")
	}
	c := k.Copy().Default(9).Aliases("a")
	if k.Get(Values{}) != 2 || c.Get(Values{}) != 9 || len(k.d.aliases) != 0 {
		t.Error("Copy")
	}
	defer func() {
		if r := recover(); r != "Configuration k is defined twice." {
			t.Errorf("recovered %v", r)
		}
	}()
	NewDef(k, String("k"))
}

func TestRecommendersSeeTheOtherValues(t *testing.T) {
	class := String("class")
	version := String("version").Recommend(func(v Values) []string { return []string{class.Get(v) + "-1"} }).
		VisibleIf(func(v Values) bool { return class.IsSet(v) })
	sub := NewDef(version, class)
	def := sub.EmbedGroup("t.", "T", 0, sub)
	r := def.Validate(t.Context(), Props{"t.class": "C"})
	if r[0].Name != "version" || r[0].Recommended[0] != "-1" || r[0].Visible {
		t.Errorf("%+v", r[0])
	}
	i := slices.IndexFunc(r, func(r KeyResult) bool { return r.Name == "t.version" })
	if r[i].Recommended[0] != "C-1" || !r[i].Visible {
		t.Errorf("embedded: %+v", r[i])
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := def.Validate(ctx, Props{}); len(r) != 4 || len(r[0].Recommended) != 0 {
		t.Error("recommenders are asked although the context is done")
	}
}

func TestValidateAlsoSaysWhatChecksSayOfNull(t *testing.T) {
	def := NewDef(
		String("s").Required().ValidValues("a", "b"), List("l").Required().ValidValues("a"), List("m").Required().Valid(Distinct(true, false)), Int("n", AtLeast(1)),
		String("quiet").Required().Check(func(string) error { return errors.New("not asked") }))
	want := map[string][]string{
		"s":     {`Missing required configuration "s" which has no default value.`, "Invalid value null for configuration s: String must be one of: a, b"},
		"l":     {`Missing required configuration "l" which has no default value.`, "Configuration 'l' values must not be null."},
		"m":     {`Missing required configuration "m" which has no default value.`, "Configuration 'm' values must not be null."},
		"n":     {},
		"quiet": {`Missing required configuration "quiet" which has no default value.`},
	}
	for _, r := range def.Validate(t.Context(), nil) {
		if !slices.Equal(r.Errors, want[r.Name]) {
			t.Errorf("%s: %q", r.Name, r.Errors)
		}
	}
}

func TestDependentsNobodyDeclared(t *testing.T) {
	def := NewDef(String("a").Dependents("b", "gone"), String("b").Dependents("gone"))
	r := def.Validate(t.Context(), Props{})
	if len(r) != 3 || r[0].Definition != nil || r[0].Visible || r[0].Errors[0] != "gone is referred in the dependents, but not defined." {
		t.Errorf("%+v", r)
	}
}

func TestHiddenAndInternalKeys(t *testing.T) {
	def := NewDef(Int("h").Hidden(), Int("i").Internal(), Int("k"))
	names := func(p Props) (out []string) {
		for _, r := range def.Validate(t.Context(), p) {
			out = append(out, r.Name)
		}
		return out
	}
	if got := names(Props{"h": "1"}); !slices.Equal(got, []string{"i", "k"}) {
		t.Errorf("%v", got)
	}
	if got := names(Props{"h": "x"}); !slices.Equal(got, []string{"h", "i", "k"}) {
		t.Errorf("in error: %v", got)
	}
	if got := def.Keys(); len(got) != 2 || got[0].Name != "i" || got[0].Order != 1 {
		t.Errorf("%+v", got)
	}
	if _, ok := def.Key("h"); !ok {
		t.Error("Key does not find a hidden key")
	}
	var md strings.Builder
	if err := def.WriteMarkdown(&md); err != nil || strings.Contains(md.String(), "`i`") || !strings.Contains(md.String(), "`k`") {
		t.Errorf("%v: %s", err, md.String())
	}
}

func TestAddProblems(t *testing.T) {
	r := NewDef(String("a")).Validate(t.Context(), Props{})
	r = AddProblems(r, Problem{"a", "one"}, Problem{"z", "two"}, Problem{"a", "three"})
	if len(r) != 2 || !slices.Equal(r[0].Errors, []string{"one", "three"}) || r[1].Name != "z" || !slices.Equal(r[1].Errors, []string{"two"}) {
		t.Errorf("%+v", r)
	}
}

func TestNearest(t *testing.T) {
	def := NewDef(String("database.hostname"), String("database.port"), String("topics"), String("topic.prefix").Internal())
	for in, want := range map[string]string{"database.host": "database.hostname", "databse.port": "database.port", "topic": "topics", "zzz": "", "": ""} {
		if got, ok := def.Nearest(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestDoublesPrintAsJava(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -2.5: "-2.5", 0.001: "0.001", 0.00099: "9.9E-4", 9999999: "9999999.0", 1e7: "1.0E7",
		1.5e-10: "1.5E-10", 1e100: "1.0E100", math.Inf(-1): "-Infinity", 123456789: "1.23456789E8",
	} {
		if got := javaDouble(f); got != want {
			t.Errorf("%g: %s, want %s", f, got, want)
		}
	}
	if got := javaDouble(math.NaN()); got != "NaN" {
		t.Error(got)
	}
}

func TestMillis(t *testing.T) {
	k := Long("k.ms").Default(1500)
	for in, want := range map[string]time.Duration{
		"20": 20 * time.Millisecond, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		v, err := NewDef(k).Parse(Props{"k.ms": in})
		if err != nil || Millis(k, v) != want {
			t.Errorf("%s: %v, %v", in, Millis(k, v), err)
		}
	}
	if Millis(k, Values{}) != 1500*time.Millisecond {
		t.Error("default")
	}
}
