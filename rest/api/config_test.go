package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

func TestConfigRoundTrip(t *testing.T) {
	for in, want := range map[string]string{
		`{}`:                      `{}`,
		`null`:                    `{}`,
		`{"b":"1","a":"2"}`:       `{"b":"1","a":"2"}`,
		`{"b":null,"a":1.50}`:     `{"b":null,"a":"1.50"}`,
		`{"a":true,"a":null}`:     `{"a":null}`,
		`{"a":null,"a":"x"}`:      `{"a":"x"}`,
		`{"<a>":"\u00e9 & \"x"}`:  `{"<a>":"é & \"x"}`,
		"{\"a\":\"\u2028\"}":      `{"a":"\u2028"}`,
		`{ "a" : -0 , "b" : 1e5}`: `{"a":"-0","b":"1e5"}`,
	} {
		var c Config
		if err := json.Unmarshal([]byte(in), &c); err != nil {
			t.Fatal(in, err)
		}
		out, err := c.MarshalJSON()
		if err != nil || string(out) != want {
			t.Errorf("%s: got %s, %v, want %s", in, out, err, want)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`[]`:         "must be a JSON object, but is a list",
		`"a"`:        "must be a JSON object, but is a text",
		`{"a":{}}`:   `"a": must be a text, a number, a boolean or null, but is an object`,
		`{"a":[{}]}`: `"a": must be a text, a number, a boolean or null, but is a list`,
	} {
		err := json.Unmarshal([]byte(in), new(Config))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

func TestConfigOf(t *testing.T) {
	p := config.Props{"c": "3", "a": "1", "b": "2"}
	if got := ConfigOf(p, []string{"gone", "b"}).Keys; !reflect.DeepEqual(got, []string{"gone", "b", "a", "c"}) {
		t.Errorf("got %v", got)
	}
	var c Config
	c.Set("x", "1")
	c.Set("x", "2")
	if !reflect.DeepEqual(c, Config{Keys: []string{"x"}, Values: config.Props{"x": "2"}}) {
		t.Errorf("got %v", c)
	}
}

// FuzzConfig: what was read is written so that it is read as the same again.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":null}`, `{"a":"1","a":true}`, `[]`, `{"a":{}}`, `{`, `{"\ud800":"\udc00"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c, again Config
		if json.Unmarshal(data, &c) != nil {
			return
		}
		out, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &again); err != nil || !reflect.DeepEqual(c, again) {
			t.Fatalf("%q: %v, then %v (%v)", data, c, again, err)
		}
	})
}
