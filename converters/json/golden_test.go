package json_test

import (
	"bufio"
	"bytes"
	"context"
	stdjson "encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/converters/internal/casetest"
	"github.com/connectd/connectd/converters/json"
)

// converter makes a configured converter. The runtime sets converter.type; here it is left out, which must do.
func converter(props config.Props) (connect.Converter, error) {
	p := json.Plugin("4.3.1")
	v, err := p.Config.With(config.String("converter.type")).Parse(props)
	if err != nil {
		return nil, err
	}
	c := p.New()
	return c, c.Configure(v, false)
}

func mustConverter(t testing.TB, props config.Props) connect.Converter {
	t.Helper()
	c, err := converter(props)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func decode(c connect.Converter, b []byte) (data.Datum, error) {
	return c.Decode(context.Background(), "t", nil, b)
}

// encode gives nil where there are no bytes.
func encode(c connect.Converter, d data.Datum) ([]byte, error) {
	out, ok, err := c.Append(context.Background(), nil, "t", nil, d)
	if err != nil || !ok {
		return nil, err
	}
	return out, nil
}

func TestGoldenCases(t *testing.T) {
	// What is meant to differ from Java, and why.
	deviations := map[string]string{
		"json-to-0535": "a Date over int64 is an int64: the physical type rules (doc.go)",
	}
	for _, c := range casetest.Load(t, "testdata/cases.jsonl") {
		t.Run(c.ID, func(t *testing.T) {
			if _, ok := deviations[c.ID]; ok {
				c.Expected.Typed = nil
			}
			conv, err := converter(c.Config)
			if e := c.Expected.Error; e != nil && e.Stage == "configure" && (err != nil || c.Op == "to") {
				if !e.Matches(err) {
					t.Fatalf("configure: %v, want %s", err, e.Message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Op == "to" {
				goldenTo(t, &c, conv, deviations[c.ID] != "")
			} else {
				goldenFrom(t, &c, conv)
			}
		})
	}
}

func goldenTo(t *testing.T, c *casetest.Case, conv connect.Converter, deviates bool) {
	d, err := decode(conv, c.Input())
	if e := c.Expected.Error; e != nil {
		if !e.Matches(err) {
			t.Fatalf("%v, want %s", err, e.Message)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !deviates && !c.Expected.Typed.Is(t, d.Value) {
		t.Errorf("value %s (%s), want %s", d.Value, d.Value.Kind(), c.Expected.Typed.V)
	}
	back, err := encode(conv, d)
	if e := c.Expected.BackError; e != nil {
		if !e.Matches(err) {
			t.Errorf("back: %v, want %s", err, e.Message)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	checkBytes(t, back, c.Expected.BackB64)
	wantSchema(t, d.Schema, c.Expected.Schema)
}

func goldenFrom(t *testing.T, c *casetest.Case, conv connect.Converter) {
	with := mustConverter(t, config.Props{})
	without := mustConverter(t, config.Props{"schemas.enable": "false"})
	d, err := c.Datum(t, func(b []byte, schemas bool) (data.Datum, error) {
		if schemas {
			return decode(with, b)
		}
		return decode(without, b)
	})
	var got []byte
	if err == nil {
		got, err = encode(conv, d)
	}
	if e := c.Expected.Error; e != nil {
		if !e.Matches(err) {
			t.Fatalf("%v, want %s", err, e.Message)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	checkBytes(t, got, c.Expected.B64)
}

// checkBytes compares exactly, and if that fails with objects unordered: Java's maps are HashMaps.
func checkBytes(t *testing.T, got []byte, want *[]byte) {
	t.Helper()
	switch {
	case want == nil:
		if got != nil {
			t.Errorf("got %s, want no bytes", got)
		}
	case !bytes.Equal(got, *want) && !casetest.SameJSON(got, *want):
		t.Errorf("got  %s\nwant %s", got, *want)
	}
}

func wantSchema(t *testing.T, s *data.Schema, want stdjson.RawMessage) {
	t.Helper()
	if s == nil || string(want) == "null" || want == nil {
		if (s == nil) != (string(want) == "null" || want == nil) {
			t.Errorf("schema %v, want %s", s, want)
		}
		return
	}
	out, err := encode(mustConverter(t, config.Props{}), data.Datum{Schema: s.AsOptional()})
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct{ Schema map[string]any }
	var expected map[string]any
	if err := stdjson.Unmarshal(out, &envelope); err != nil {
		t.Fatal(err)
	}
	if err := stdjson.Unmarshal(want, &expected); err != nil {
		t.Fatal(err)
	}
	envelope.Schema["optional"] = s.Optional()
	got, err := stdjson.Marshal(envelope.Schema)
	if err != nil {
		t.Fatal(err)
	}
	if !casetest.SameJSON(got, mustMarshal(t, expected)) {
		t.Errorf("schema %s, want %s", got, want)
	}
}

func mustMarshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := stdjson.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// captured reads the keys and values that Debezium 3.6.1 wrote through Kafka Connect 4.3.1.
func captured(t testing.TB, file string) [][]byte {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out [][]byte
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct{ Key, Payload *string }
		if err := stdjson.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*string{r.Key, r.Payload} {
			if s != nil {
				out = append(out, []byte(*s))
			}
		}
	}
	if err := lines.Err(); err != nil || len(out) == 0 {
		t.Fatalf("%s: %d texts, %v", file, len(out), err)
	}
	return out
}

func TestCapturedRecordsComeBackByteForByte(t *testing.T) {
	for _, file := range []string{"dbserver1.inventory.customers.jsonl", "dbserver1.inventory.all_types.jsonl",
		"ns.dbserver1.inventory.customers.jsonl", "ns.dbserver1.inventory.all_types.jsonl"} {
		t.Run(file, func(t *testing.T) {
			schemas := "true"
			if strings.HasPrefix(file, "ns.") {
				schemas = "false"
			}
			c := mustConverter(t, config.Props{"schemas.enable": schemas})
			for _, b := range captured(t, file) {
				d, err := decode(c, b)
				if err != nil {
					t.Fatalf("%v\n%s", err, b)
				}
				out, err := encode(c, d)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(out, b) {
					t.Errorf("got  %s\nwant %s", out, b)
				}
			}
		})
	}
}

func TestConfigIsJavas(t *testing.T) {
	b, err := os.ReadFile("testdata/config.json")
	if err != nil {
		t.Fatal(err)
	}
	casetest.SameConfig(t, json.Plugin("4.3.1").Config, b)
	casetest.SameConfig(t, json.HeaderPlugin("4.3.1").Config, b)
}
