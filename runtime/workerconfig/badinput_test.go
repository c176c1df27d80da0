package workerconfig

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// TestKafkasKeysAreKnown: no key of a Kafka Connect worker is taken for a mistake.
func TestKafkasKeysAreKnown(t *testing.T) {
	b, err := os.ReadFile("testdata/kafka-keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	distributed, standalone := DistributedKeys(), StandaloneKeys()
	known := 0
	for key := range strings.Lines(string(b)) {
		key = strings.TrimSpace(key)
		if key == "" || key[0] == '#' {
			continue
		}
		known++
		if prefix, ok := strings.CutSuffix(key, "*"); ok {
			v, _ := distributed.Parse(minimal(config.Props{prefix + "truststore.location": "x"}))
			if u := v.Unknown(); len(u) > 0 {
				t.Errorf("keys with the prefix %s are unknown: %v", prefix, u)
			}
			continue
		}
		_, d := distributed.Key(key)
		_, s := standalone.Key(key)
		if !d && !s {
			t.Errorf("%s is not declared", key)
		}
	}
	if known < 80 {
		t.Errorf("the list has %d keys only", known)
	}
}

// unchecked are the keys whose values only a Kafka client or Java's security code could judge.
func unchecked(key string) bool {
	return strings.HasPrefix(key, "ssl.") || strings.HasPrefix(key, "sasl.")
}

// wrong are values that no key of the type takes.
func wrong(d config.Definition) []string {
	switch d.Type {
	case config.TypeInt, config.TypeShort, config.TypeLong:
		return []string{"abc", "", "1.5", "1e3", "9223372036854775808", "0x10", "10s"}
	case config.TypeDouble:
		return []string{"abc", ""}
	case config.TypeBoolean:
		return []string{"maybe", "", "1", "yes"}
	case config.TypeString:
		if strings.Contains(d.ValidValues, "[") && !unchecked(d.Name) {
			return []string{"no such value"}
		}
	}
	return nil
}

// signed are the keys for which numbers below zero mean something.
var signed = []string{"connections.max.idle.ms", "inter.worker.key.size", "errors.restart.max.attempts"}

// TestWrongValues: each key of both Defs refuses what it cannot take, by name, value and reason, and says nothing about others.
func TestWrongValues(t *testing.T) {
	for _, kind := range []struct {
		name string
		def  *config.Def
		load func(config.Props) error
		more config.Props
	}{
		{"distributed", DistributedKeys(), func(p config.Props) error { _, err := LoadDistributed(p); return err }, nil},
		{"standalone", StandaloneKeys(), func(p config.Props) error { _, err := LoadStandalone(p); return err }, config.Props{"offset.storage.file.filename": "f"}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			tried := 0
			for _, d := range kind.def.Keys() {
				values := wrong(d)
				if slices.Contains([]config.Type{config.TypeInt, config.TypeShort, config.TypeLong}, d.Type) && !unchecked(d.Name) && !slices.Contains(signed, d.Name) {
					values = append(values, "-2")
				}
				for _, v := range values {
					tried++
					props := minimal(kind.more)
					props[d.Name] = v
					p, ok := IsProblems(kind.load(props))
					if !ok {
						t.Errorf("%s=%s is taken", d.Name, v)
						continue
					}
					if len(p.Errors) != 1 || p.Errors[0].Key != d.Name || !strings.Contains(p.Errors[0].Message, d.Name) ||
						d.Type != config.TypePassword && !strings.Contains(p.Errors[0].Message, v) {
						t.Errorf("%s=%s: %v", d.Name, v, p)
					}
				}
				if d.Required {
					tried++
					props := minimal(kind.more)
					delete(props, d.Name)
					if p, ok := IsProblems(kind.load(props)); !ok || len(p.Errors) != 1 || p.Errors[0].Key != d.Name {
						t.Errorf("without %s: %v", d.Name, p)
					}
				}
			}
			if tried < 150 {
				t.Errorf("%d values tried only", tried)
			}
		})
	}
}

func TestUnknownKeysGetTheNearest(t *testing.T) {
	for key, near := range map[string]string{
		"sesion.timeout.ms": "session.timeout.ms", "group.di": "group.id", "ofset.storage.topic": "offset.storage.topic",
		"rest.advertised.hostname": "rest.advertised.host.name", "bootstrap.server": "bootstrap.servers", "listner": "listeners",
	} {
		d, err := LoadDistributed(minimal(config.Props{key: "x"}))
		want := "unknown key " + key + "; did you mean " + near + "?"
		if err != nil || !slices.Contains(d.Warnings, want) {
			t.Errorf("%q, %v; want %s", d.Warnings, err, want)
		}
	}
}

// TestPropertiesAsJavaReadsThem: java.util.Properties.load.
func TestPropertiesAsJavaReadsThem(t *testing.T) {
	for text, want := range map[string]config.Props{
		"a=b":                        {"a": "b"},
		"a: b\r\nc d\r\n":            {"a": "b", "c": "d"},
		"  a  =  b  ":                {"a": "b  "},
		"# no\n! no\n\n \t# no\na=b": {"a": "b"},
		`a\:b\=c\ d=e`:               {"a:b=c d": "e"},
		"a=b \\\n   c\\\n\td":        {"a": "b cd"},
		`a=\u00e9\t\n\r\f\\\q`:       {"a": "é\t\n\r\f\\q"},
		"a=é":                        {"a": "é"},
		"a=1\na=2":                   {"a": "2"},
		"a":                          {"a": ""},
		"a=":                         {"a": ""},
		"a==b":                       {"a": "=b"},
		"a=b#c!d":                    {"a": "b#c!d"},
		`a=c:\\dir\\file`:            {"a": `c:\dir\file`},
		"a=${file:/x:y} ${b}":        {"a": "${file:/x:y} ${b}"},
		"":                           {},
	} {
		got, err := Parse([]byte(text))
		if err != nil || len(got) != len(want) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
			continue
		}
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	}
	if _, err := Parse([]byte(`a=\u00zz`)); err == nil {
		t.Error("a malformed \\u escape is taken")
	}
}
