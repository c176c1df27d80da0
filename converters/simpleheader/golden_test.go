package simpleheader_test

import (
	"context"
	stdjson "encoding/json"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/internal/casetest"
	"github.com/connectd/connectd/converters/json"
	"github.com/connectd/connectd/converters/simpleheader"
)

func fromJSON(t *testing.T) func([]byte, bool) (data.Datum, error) {
	return func(b []byte, schemas bool) (data.Datum, error) {
		props := config.Props{"converter.type": "value"}
		if !schemas {
			props["schemas.enable"] = "false"
		}
		c := json.Plugin("4.3.1").New()
		v, err := json.Plugin("4.3.1").Config.Parse(props)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Configure(v, false); err != nil {
			t.Fatal(err)
		}
		return c.Decode(context.Background(), "t", nil, b)
	}
}

func converter() connect.HeaderConverter { return simpleheader.Plugin("4.3.1").New() }

func TestGoldenCases(t *testing.T) {
	ctx, conv := context.Background(), converter()
	for _, c := range casetest.Load(t, "testdata/cases.jsonl") {
		t.Run(c.ID, func(t *testing.T) {
			if c.Expected.Error != nil {
				t.Fatal("no case has an error")
			}
			if c.Op == "from" {
				d, err := c.Datum(t, fromJSON(t))
				if err != nil {
					t.Fatal(err)
				}
				out, ok, err := conv.AppendHeader(ctx, nil, "t", "k", d)
				if want := c.Expected.B64; err != nil || ok != (want != nil) || ok && string(out) != string(*want) {
					t.Errorf("%q %v %v", out, ok, err)
				}
				return
			}
			d, err := conv.DecodeHeader(ctx, "t", "k", c.Input())
			if err != nil {
				t.Fatal(err)
			}
			if !c.Expected.Typed.Is(t, d.Value) {
				t.Errorf("%s (%s), want %+v", d.Value, d.Value.Kind(), c.Expected.Typed)
			}
			wantSchema(t, d, string(c.Expected.Schema))
			out, ok, err := conv.AppendHeader(ctx, nil, "t", "k", d)
			if want := c.Expected.BackB64; err != nil || ok != (want != nil) || ok && string(out) != string(*want) {
				t.Errorf("back: %q %v %v", out, ok, err)
			}
		})
	}
}

// wantSchema compares schemas as JsonConverter writes them. One that lacks the schema of its elements cannot be said: it is none.
func wantSchema(t *testing.T, d data.Datum, want string) {
	t.Helper()
	if strings.Contains(want, ":null") || want == "null" || want == "" {
		if d.Schema != nil {
			t.Errorf("schema %s, want %s", d.Schema.Kind(), want)
		}
		return
	}
	if d.Schema == nil {
		t.Fatalf("no schema, want %s", want)
	}
	c := json.Plugin("4.3.1").New()
	if err := c.Configure(config.Values{}, false); err != nil {
		t.Fatal(err)
	}
	out, _, err := c.Append(context.Background(), nil, "t", nil, d)
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct{ Schema stdjson.RawMessage }
	if err := stdjson.Unmarshal(out, &envelope); err != nil {
		t.Fatal(err)
	}
	if !casetest.SameJSON(envelope.Schema, []byte(want)) {
		t.Errorf("schema %s, want %s", envelope.Schema, want)
	}
}

func TestGuesses(t *testing.T) {
	for in, want := range map[string]string{
		`["2024-02-29","x"]`:          `array of mixed`,
		`["2024-02-29"]`:              "ARRAY of DATE",
		`[1,null]`:                    "STRING", // null does not fit the type of the others
		`[null,null]`:                 "ARRAY of nothing",
		`[1,2.5]`:                     "ARRAY of FLOAT32",
		`{1:2}`:                       "MAP of INT8",
		`9223372036854775808`:         "DECIMAL",
		`1e400`:                       "DECIMAL",
		`1e100`:                       "FLOAT64",
		`1e999999999999`:              "STRING",
		`+.5`:                         "FLOAT32",
		`2024-02-29T01:02:03.004Z`:    "TIMESTAMP",
		`null`:                        "NULL",
		``:                            "STRING",
		strings.Repeat("[", 100000):   "STRING",
		strings.Repeat(`{"a":`, 1000): "STRING",
	} {
		d, err := converter().DecodeHeader(context.Background(), "t", "k", []byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(d); got != want {
			t.Errorf("%.40q: %s, want %s", in, got, want)
		}
	}
}

func describe(d data.Datum) string {
	if d.Schema == nil && d.Value.Kind() == data.KindList {
		for _, e := range d.Value.List() {
			if !e.IsNull() {
				return "array of mixed"
			}
		}
		return "ARRAY of nothing"
	}
	if k := d.Value.Kind(); k == data.KindList || k == data.KindMap {
		return k.String() + " of " + d.Schema.ElemSchema().Logical().String()
	}
	return d.Value.Kind().String()
}

// Any text is read, and what was written is read as the same text again.
func FuzzDecodeHeader(f *testing.F) {
	for _, c := range casetest.Load(f, "testdata/cases.jsonl") {
		if b := c.Input(); b != nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := converter()
		d, err := c.DecodeHeader(context.Background(), "t", "k", b)
		if err != nil {
			t.Fatal(err)
		}
		if d.Schema != nil && d.Schema.Kind() < data.KindList {
			if err := d.Schema.Check(d.Value); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := c.AppendHeader(context.Background(), nil, "t", "k", d); err != nil {
			t.Fatal(err)
		}
	})
}
