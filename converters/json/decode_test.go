package json_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
)

const int32Schema = `{"type":"int32","optional":true}`

func TestTheSameSchemaTextGivesTheSameSchema(t *testing.T) {
	c := mustConverter(t, config.Props{})
	one, err := decode(c, []byte(`{"schema":`+int32Schema+`,"payload":1}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`{"schema":` + int32Schema + `,"payload":2}`,
		` { "schema" : ` + int32Schema + ` , "payload" : 2 } `,
		`{"payload":2,"schema":` + int32Schema + `}`,
		`{"schema":{"optional":true,"type":"int32"},"payload":2}`,
	} {
		two, err := decode(c, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if two.Schema != one.Schema || two.Value.Int64() != 2 {
			t.Errorf("%s: schema %p, want %p; value %s", text, two.Schema, one.Schema, two.Value)
		}
	}
}

func TestSchemasAreFoundAgainAmongMany(t *testing.T) {
	c := mustConverter(t, config.Props{"schemas.cache.size": "50"})
	seen := map[int]*data.Schema{}
	for round := range 2 {
		for i := range 40 {
			d, err := decode(c, fmt.Appendf(nil, `{"schema":{"type":"struct","fields":[],"name":"n%d"},"payload":{}}`, i))
			if err != nil {
				t.Fatal(err)
			}
			if round > 0 && seen[i] != d.Schema {
				t.Errorf("schema %d: another pointer", i)
			}
			seen[i] = d.Schema
		}
	}
}

func TestASmallCacheStillDecodes(t *testing.T) {
	for _, size := range []string{"-1", "0", "1", "2"} {
		c := mustConverter(t, config.Props{"schemas.cache.size": size})
		for i := range 100 {
			d, err := decode(c, fmt.Appendf(nil, `{"schema":{"type":"int32","name":"n%d"},"payload":%d}`, i%7, i))
			if err != nil || d.Schema.Name() != fmt.Sprintf("n%d", i%7) || d.Value.Int64() != int64(i) {
				t.Fatalf("%v %v", d, err)
			}
			if out, err := encode(c, d); err != nil || !strings.Contains(string(out), d.Schema.Name()) {
				t.Fatalf("%s %v", out, err)
			}
		}
	}
}

func TestDeepNestingIsAnError(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	plain := mustConverter(t, schemasEnable(false))
	if _, err := decode(plain, []byte(deep(1000))); err != nil {
		t.Errorf("1000 levels: %v", err)
	}
	for _, text := range []string{deep(1001), strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 1<<18)} {
		for _, on := range []bool{true, false} {
			_, err := decode(mustConverter(t, schemasEnable(on)), []byte(text))
			if err == nil || !strings.Contains(err.Error(), "nesting depth") {
				t.Errorf("schemas %v, %d bytes: %v", on, len(text), err)
			}
		}
	}
	schema := strings.Repeat(`{"type":"array","items":`, 2000) + `{"type":"int32"}` + strings.Repeat("}", 2000)
	if _, err := decode(mustConverter(t, config.Props{}), []byte(`{"schema":`+schema+`,"payload":null}`)); err == nil {
		t.Error("a schema of 2000 levels was read")
	}
}

func TestBadInput(t *testing.T) {
	s := func(schema, payload string) string { return `{"schema":` + schema + `,"payload":` + payload + `}` }
	const decimal = `{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}}`
	for text, want := range map[string]string{
		`01`:                         "leading zeroes",
		`"a` + "\n" + `"`:            "illegal unquoted character",
		"\"\xff\"":                   "invalid UTF-8",
		`"\x"`:                       "unrecognized character escape",
		`"\u12g4"`:                   "hexadecimal",
		`"abc`:                       "unexpected end-of-input",
		`{"schema":`:                 "unexpected end-of-input",
		`{"schema":null,"payload":1`: "unexpected end-of-input",
		`{"schema":null,"payload"}`:  "expected a colon",
		`truex`:                      "unrecognized token",
		strings.Repeat("1", 1001):    "number value length",
		`{"payload":1,"payload":2}`:  "requires \"schema\" and \"payload\"",
		s(`[]`, `1`):                 "Schema must contain 'type' field",
		s(`{"type":"bytes"}`, `"!"`): "Invalid bytes field",
		s(decimal, `"AAA"`):          "Invalid bytes for Decimal field",
		s(decimal, `""`):             "Invalid bytes for Decimal field",
		s(decimal, `1e99999999999`):  "exponent is out of range",
		s(decimal, `[]`):             "underlying representation should be numeric or bytes but was ARRAY",
		s(`{"type":"map","keys":{"type":"int8"},"values":{"type":"int8"}}`, `[[1]]`):    "expected length 2 but found :1",
		s(`{"type":"map","keys":{"type":"int8"},"values":{"type":"int8"}}`, `[1]`):      "instead of array tuple: NUMBER",
		s(`{"type":"struct","fields":[{"field":"a","type":"string"}]}`, `{"a":1}`):      `null used for required field: "a"`,
		s(`{"type":"struct","fields":[{"field":"a","type":"string"}]}`, `{}`):           "Invalid null value for required STRING field",
		s(`{"type":"int32","name":"org.apache.kafka.connect.data.Date"}`, `2147483648`): "should be integer but was NUMBER",
		s(`{"type":"int32","name":"org.apache.kafka.connect.data.Date"}`, `1.5`):        "should be integer but was NUMBER",
		s(`{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal"}`, `"AA=="`):  "scale parameter not found",
		s(`{"type":"map","keys":{"type":"int8"},"values":null}`, `[]`):                  "did not specify the value type",
	} {
		_, err := decode(mustConverter(t, config.Props{}), []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", text, err, want)
		}
	}
}

func TestOfMembersWithOneNameTheLastCounts(t *testing.T) {
	plain := mustConverter(t, schemasEnable(false))
	for in, want := range map[string]string{
		`{"a":1,"b":2,"a":3}`:                               `{"a":3,"b":2}`,
		"{" + strings.Repeat(`"a":1,"b":2,`, 40) + `"a":3}`: `{"a":3,"b":2}`,
	} {
		d, err := decode(plain, []byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if out, err := encode(plain, d); err != nil || string(out) != want {
			t.Errorf("%s %v, want %s", out, err, want)
		}
	}
	with := mustConverter(t, config.Props{})
	d, err := decode(with, []byte(`{"schema":{"type":"foo"},"schema":{"type":"string"},"payload":1,"payload":"x"}`))
	if err != nil || d.Value.String() != "x" {
		t.Errorf("%v %v", d.Value, err)
	}
}

func TestReplaceNullWithDefault(t *testing.T) {
	const text = `{"schema":{"type":"struct","fields":[{"type":"int32","optional":true,"default":4,"field":"d"}],"optional":false},"payload":{"d":null}}`
	for on, want := range map[string]string{"true": `{"d":4}`, "false": `{"d":null}`} {
		c := mustConverter(t, config.Props{"replace.null.with.default": on})
		d, err := decode(c, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if d.Value.Struct().At(0).IsNull() != (on == "false") {
			t.Errorf("%s: decoded %s", on, d.Value)
		}
		out, err := encode(c, d)
		if err != nil || !strings.HasSuffix(string(out), `"payload":`+want+"}") {
			t.Errorf("%s: %s %v", on, out, err)
		}
		// A null that was not replaced when it was read is when it is written, or not.
		kept, err := decode(mustConverter(t, config.Props{"replace.null.with.default": "false"}), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out, err = encode(c, kept)
		if err != nil || !strings.HasSuffix(string(out), `"payload":`+want+"}") {
			t.Errorf("%s, kept: %s %v", on, out, err)
		}
	}
}

func TestTombstonesHaveNoBytes(t *testing.T) {
	c := mustConverter(t, config.Props{})
	if out, ok, err := c.Append(t.Context(), []byte("x"), "t", nil, data.Datum{}); ok || err != nil || string(out) != "x" {
		t.Errorf("%q %v %v", out, ok, err)
	}
	if d, err := decode(c, nil); err != nil || d.Schema != nil || !d.Value.IsNull() {
		t.Errorf("%v %v", d, err)
	}
	// A null with a schema is no tombstone.
	out, ok, err := mustConverter(t, schemasEnable(false)).Append(t.Context(), nil, "t", nil, data.Datum{Schema: data.OptionalStringSchema})
	if !ok || err != nil || string(out) != "null" {
		t.Errorf("%q %v %v", out, ok, err)
	}
}

func TestDecodedValuesSurviveLaterRecords(t *testing.T) {
	c := mustConverter(t, schemasEnable(false))
	var kept []data.Datum
	for i := range 200 {
		d, err := decode(c, fmt.Appendf(nil, `{"n":%d,"l":[%d,%d],"m":{"x":"%d"}}`, i, i, i+1, i))
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, d)
	}
	for i, d := range kept {
		out, err := encode(c, d)
		if want := fmt.Sprintf(`{"n":%d,"l":[%d,%d],"m":{"x":"%d"}}`, i, i, i+1, i); err != nil || string(out) != want {
			t.Fatalf("%s %v, want %s", out, err, want)
		}
	}
}

func TestValuesThatDoNotFit(t *testing.T) {
	date := data.Datum{Schema: data.DateSchema, Value: data.Timestamp(5)}
	inner := data.MakeStruct("a").Field("x", data.Int32Schema).Build()
	other := data.MakeStruct("b").Field("x", data.Int32Schema).Build()
	for want, d := range map[string]data.Datum{
		"Invalid type for INT32: class java.lang.String":                       {Schema: data.Int32Schema, Value: data.String("x")},
		"Invalid type for Date, expected Date but was class java.lang.Integer": {Schema: data.DateSchema, Value: data.Int32(1)},
		"Kafka Connect Date type should not have any time fields":              date,
		"Decimal value has mismatching scale":                                  {Schema: data.DecimalBuilder(2).Build(), Value: data.Decimal64(1, 3)},
		"Conversion error: null value for field that is required":              {Schema: data.Int32Schema},
		"Mismatching schema.": {Schema: inner, Value: data.Of(data.NewStruct(other))},
	} {
		out, ok, err := mustConverter(t, config.Props{}).Append(t.Context(), []byte("kept"), "t", nil, d)
		if err == nil || !strings.HasPrefix(err.Error(), want) || ok || string(out) != "kept" {
			t.Errorf("%q %v %v, want %s", out, ok, err, want)
		}
	}
}

// The struct of an optional field may carry the required schema it was built from.
func TestAStructOfTheRequiredSchemaFitsTheOptionalField(t *testing.T) {
	inner := data.MakeStruct("a").Field("x", data.Int32Schema).Build()
	st := data.NewStruct(inner).Put("x", data.Int32(1))
	outer := data.MakeStruct("o").Field("in", inner.AsOptional()).Build()
	c := mustConverter(t, schemasEnable(false))
	out, err := encode(c, data.Datum{Schema: outer, Value: data.Of(data.NewStruct(outer).Put("in", data.Of(st)))})
	if err != nil || string(out) != `{"in":{"x":1}}` {
		t.Errorf("%s %v", out, err)
	}
}
