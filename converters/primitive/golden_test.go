package primitive_test

import (
	"context"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/internal/casetest"
	"github.com/connectd/connectd/converters/json"
	"github.com/connectd/connectd/converters/primitive"
)

func configured(p connect.Plugin[connect.Converter], props config.Props) (connect.Converter, error) {
	v, err := p.Config.With(config.String("converter.type")).Parse(props)
	if err != nil {
		return nil, err
	}
	c := p.New()
	return c, c.Configure(v, false)
}

func header(t *testing.T, name string, props config.Props) connect.HeaderConverter {
	t.Helper()
	for _, p := range primitive.HeaderPlugins("4.3.1") {
		if p.Name == name {
			v, err := p.Config.With(config.String("converter.type")).Parse(props)
			if err != nil {
				t.Fatal(err)
			}
			c := p.New()
			if err := c.Configure(v); err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	t.Fatalf("no header converter %s", name)
	return nil
}

func plugin(t *testing.T, name string) connect.Plugin[connect.Converter] {
	t.Helper()
	for _, p := range primitive.Plugins("4.3.1") {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no converter %s", name)
	return connect.Plugin[connect.Converter]{}
}

func fromJSON(t *testing.T) func([]byte, bool) (data.Datum, error) {
	return func(b []byte, schemas bool) (data.Datum, error) {
		props := config.Props{}
		if !schemas {
			props["schemas.enable"] = "false"
		}
		c, err := configured(json.Plugin("4.3.1"), props)
		if err != nil {
			t.Fatal(err)
		}
		return c.Decode(context.Background(), "t", nil, b)
	}
}

func TestGoldenCases(t *testing.T) {
	ctx := context.Background()
	for _, c := range casetest.Load(t, "testdata/cases.jsonl") {
		t.Run(c.ID, func(t *testing.T) {
			conv, err := configured(plugin(t, c.Converter), c.Config)
			if e := c.Expected.Error; e != nil && e.Stage == "configure" {
				if !e.Matches(err) {
					t.Fatalf("%v, want %s", err, e.Message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			head := header(t, c.Converter, c.Config)
			if c.Op == "to" {
				d, err := conv.Decode(ctx, "t", nil, c.Input())
				golden(t, &c, d, err, conv)
				d, err = head.DecodeHeader(ctx, "t", "k", c.Input())
				golden(t, &c, d, err, conv)
				return
			}
			d, err := c.Datum(t, fromJSON(t))
			if err != nil {
				t.Fatal(err)
			}
			out, ok, err := conv.Append(ctx, nil, "t", nil, d)
			checkFrom(t, &c, out, ok, err)
			out, ok, err = head.AppendHeader(ctx, nil, "t", "k", d)
			checkFrom(t, &c, out, ok, err)
		})
	}
}

func golden(t *testing.T, c *casetest.Case, d data.Datum, err error, conv connect.Converter) {
	t.Helper()
	if e := c.Expected.Error; e != nil {
		if !e.Matches(err) {
			t.Errorf("%v, want %s", err, e.Message)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !c.Expected.Typed.Is(t, d.Value) || d.Schema == nil || !d.Schema.Optional() {
		t.Errorf("%s (%s), want %+v", d.Value, d.Value.Kind(), c.Expected.Typed)
	}
	out, ok, err := conv.Append(context.Background(), nil, "t", nil, d)
	if err != nil {
		t.Fatal(err)
	}
	if want := c.Expected.BackB64; ok != (want != nil) || ok && string(out) != string(*want) {
		t.Errorf("back: %q %v", out, ok)
	}
}

func checkFrom(t *testing.T, c *casetest.Case, out []byte, ok bool, err error) {
	t.Helper()
	if e := c.Expected.Error; e != nil {
		if !e.Matches(err) {
			t.Errorf("%v, want %s", err, e.Message)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := c.Expected.B64
	if want != nil && strings.HasPrefix(string(*want), "[B@") { // a deviation: see the package's doc
		if string(out) != "AQI=" {
			t.Errorf("bytes as text: %q", out)
		}
		return
	}
	if ok != (want != nil) || ok && string(out) != string(*want) {
		t.Errorf("%q %v, want %v", out, ok, want)
	}
}

func TestConfigIsJavas(t *testing.T) {
	const typeKey = `{"name":"converter.type","type":"STRING","required":true,"default_value":null,"importance":"LOW",` +
		`"documentation":"How this converter will be used.","group":null,"order_in_group":-1,"width":"NONE",` +
		`"display_name":"converter.type","dependents":[]}`
	const encodingKey = `{"name":"converter.encoding","type":"STRING","required":false,"default_value":"UTF-8","importance":"HIGH",` +
		`"documentation":"The name of the Java character set to use for encoding strings as byte arrays.","group":null,` +
		`"order_in_group":-1,"width":"MEDIUM","display_name":"Encoding","dependents":[]}`
	casetest.SameConfig(t, primitive.String("4.3.1").Config, []byte("["+typeKey+","+encodingKey+"]"))
	casetest.SameConfig(t, primitive.ByteArray("4.3.1").Config, []byte("["+typeKey+"]"))
}
