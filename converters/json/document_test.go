package json_test

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connect/data/jsontext"
)

func documents(t testing.TB, props config.Props) connect.DocumentConverter {
	t.Helper()
	return mustConverter(t, props).(connect.DocumentConverter)
}

// rendered is v as the sinks write values without a schema; their own renderers are tested against IsDocument beside them.
func rendered(b []byte, v data.Value) []byte {
	switch v.Kind() {
	case data.KindMap:
		b = append(b, '{')
		for i, e := range v.Map() {
			if i > 0 {
				b = append(b, ',')
			}
			b = rendered(append(jsontext.Append(b, e.Key.String()), ':'), e.Value)
		}
		return append(b, '}')
	case data.KindList:
		b = append(b, '[')
		for i, e := range v.List() {
			if i > 0 {
				b = append(b, ',')
			}
			b = rendered(b, e)
		}
		return append(b, ']')
	case data.KindString:
		return jsontext.Append(b, v.String())
	case data.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case data.KindFloat64:
		return data.AppendJavaFloat(b, v.Float64(), 64)
	case data.KindBool:
		return strconv.AppendBool(b, v.Bool())
	default:
		return append(b, "null"...)
	}
}

// mustStay fails unless b is decoded and rendered as it is.
func mustStay(t *testing.T, c connect.Converter, b []byte) {
	t.Helper()
	d, err := decode(c, b)
	if err != nil || d.Schema != nil || d.Value.Kind() != data.KindMap {
		t.Fatalf("a document decodes to %v (%v): %q", d.Value, err, b)
	}
	if out := rendered(nil, d.Value); !bytes.Equal(out, b) {
		t.Fatalf("a document is rendered anew\nin  %q\nout %q", b, out)
	}
}

func nested(n int, open, closing string) string {
	return strings.Repeat(open, n) + "0" + strings.Repeat(closing, n)
}

func members(n int, twice bool) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"f` + strconv.Itoa(i) + `":1,`)
	}
	if twice {
		b.WriteString(`"f0":1,`)
	}
	return "{" + strings.TrimSuffix(b.String(), ",") + "}"
}

func TestIsDocument(t *testing.T) {
	yes := []string{
		`{}`, `{"":1}`, `{"a":{}}`, `{"a":[]}`, `{"a":[[],{},[{"b":null}]]}`, `{"a":null,"b":true,"c":false}`, `{"a":1,"b":{"a":1}}`,
		`{"a":0,"b":-1,"c":9223372036854775807,"d":-9223372036854775807,"e":1234567890123456789}`, `{"a":[0.0,1.0,-1.0,12.75,0.001,-0.5,9999999.5,1234567.12345678,0.1]}`,
		`{"a":"","b":"é名😀\u0000\u001F\u000B\b\t\n\f\r\"\\/` + "\x7f\u2028\ufffd" + `"}`, `{"\n\"":1}`, `{"a":[{"b":1},{"c":1},{"b":1,"c":2},{"c":1,"b":2}]}`,
		members(300, false), `{"a":` + nested(63, "[", "]") + `}`, `{"a":` + nested(63, `{"a":`, `}`) + `}`,
	}
	no := []string{
		"", " ", "null", "1", `"a"`, "true", "[]", `[{"a":1}]`, // only objects are
		` {}`, `{} `, "{}\n", `{ }`, `{"a": 1}`, `{"a" :1}`, `{"a":1 }`, `{"a":1, "b":2}`, "{\"a\":\n1}", "\xEF\xBB\xBF{}", // blanks
		`{"a":1,"a":2}`, `{"a":1,"b":2,"a":3}`, `{"x":{"a":1,"a":1}}`, `{"x":[{"a":1},{"a":1,"a":1}]}`, members(300, true), `{"\n":1,"\n":1}`, // twice
		`{"a":"\u0041"}`, `{"a":"\/"}`, `{"a":"\u000a"}`, `{"a":"\u000A"}`, `{"a":"\u001f"}`, `{"a":"\ud83d\ude00"}`, `{"a":"\u00e9"}`, `{"a":"\u007F"}`,
		`{"a":"\uD800"}`, `{"\u0061":1}`, `{"a":"\u0022"}`, `{"a":"\u0008"}`, `{"a":"\x"}`, `{"a":"\u00"}`, `{"a":"\`, // escapes
		"{\"a\":\"\x1f\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xf0\x9f\x98\"}", "{\"\xff\":1}", "{\"a\":\"\xc0\x80\"}",
		`{"a":-0}`, `{"a":-0.0}`, `{"a":1e5}`, `{"a":1E5}`, `{"a":1.0E7}`, `{"a":1.10}`, `{"a":0.00}`, `{"a":0.0001}`, `{"a":0.0009}`, `{"a":10000000.0}`, `{"a":01}`, `{"a":-01}`,
		`{"a":1.}`, `{"a":.5}`, `{"a":-}`, `{"a":+1}`, `{"a":9223372036854775808}`, `{"a":12345678901234567890}`, `{"a":1234567.123456789}`, `{"a":0.1234567890123456}`, `{"a":NaN}`,
		`{`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{"a":[1,]}`, `{"a":[,]}`, `{"a":[1}`, `{"a":1]`, `{"a":tru}`, `{"a":truex}`, `{"a":nul`,
		`{"a":1}}`, `{}{}`, `{"a":1} x`, `{a:1}`, `{'a':1}`, `{"a":1/**/}`, `{1:1}`, // not whole, or more than that
		`{"a":` + nested(64, "[", "]") + `}`, `{"a":` + nested(1000, "[", "]") + `}`, `{"a":` + nested(64, `{"a":`, `}`) + `}`, members(600, false), // unusual
		`{"` + strings.Repeat("a", 126) + `":1}`,
	}
	c := documents(t, schemasEnable(false))
	for range 2 { // again, with the shapes known
		for _, s := range yes {
			if !c.IsDocument([]byte(s)) {
				t.Errorf("is one: %.100q", s)
			}
			mustStay(t, c, []byte(s))
		}
		for _, s := range no {
			if c.IsDocument([]byte(s)) {
				t.Errorf("is none: %.100q", s)
			}
		}
	}
	if c.IsDocument(nil) {
		t.Error("a null is none")
	}
	for _, props := range []config.Props{schemasEnable(true), {"schemas.enable": "true", "schema.content": `{"type":"string"}`}} {
		if documents(t, props).IsDocument([]byte(`{"schema":null,"payload":null}`)) {
			t.Errorf("%v: an envelope has to be decoded", props)
		}
	}
}

// What Debezium writes is taken as it is.
func TestIsDocumentOfDebezium(t *testing.T) {
	c := documents(t, schemasEnable(false))
	for _, file := range []string{"ns.dbserver1.inventory.customers.jsonl", "ns.dbserver1.inventory.all_types.jsonl"} {
		taken := 0
		all := captured(t, file)
		for _, b := range all {
			if c.IsDocument(b) {
				mustStay(t, c, b)
				taken++
			}
		}
		t.Logf("%s: %d of %d", file, taken, len(all))
		if taken == 0 {
			t.Errorf("%s: no document", file)
		}
	}
}

// Texts of one shape with something changed: whatever counts as a document stays as it is.
func TestIsDocumentOfDamagedTexts(t *testing.T) {
	c := documents(t, schemasEnable(false))
	rnd := rand.New(rand.NewPCG(1, 2))
	seeds := captured(t, "ns.dbserver1.inventory.all_types.jsonl")
	seeds = append(seeds, []byte(`{"a":[1.5,"\u001F\n😀é",{"b":null,"c":true}],"d":{"a":-12,"e":[]},"f":0.001}`))
	bits := []string{" ", "\n", `"`, `\`, `\u0041`, `\u000A`, `\u0001`, `\/`, "0", "00", "1", "9", ".", "e5", "-", "{", "}", "[", "]", ",", ":", "null", `"a":1,`, "\xff", "é", "\x00", "999999999"}
	taken := 0
	for range 50_000 {
		b := bytes.Clone(seeds[rnd.IntN(len(seeds))])
		for range 1 + rnd.IntN(2) {
			i := rnd.IntN(len(b) + 1)
			j := min(len(b), i+rnd.IntN(3))
			b = append(append(bytes.Clone(b[:i]), bits[rnd.IntN(len(bits))]...), b[j:]...)
		}
		if c.IsDocument(b) {
			taken++
			mustStay(t, c, b)
		}
	}
	if taken < 500 {
		t.Errorf("only %d documents: the test says little", taken)
	}
}

// Objects with ever new names come to be decoded, and do not keep others from being documents for ever.
func TestDocumentsOfManyShapes(t *testing.T) {
	c := documents(t, schemasEnable(false))
	for i := range 30_000 {
		b := []byte(`{"a":{"k` + strconv.Itoa(i) + `":1}}`)
		if c.IsDocument(b) {
			mustStay(t, c, b)
		}
	}
	usual := []byte(`{"b":{"c":1}}`)
	for range 100 {
		if !c.IsDocument(usual) {
			t.Fatal("a usual document is decoded for ever")
		}
	}
}

func TestIsDocumentAllocatesNothingWhenWarm(t *testing.T) {
	c := documents(t, schemasEnable(false))
	b := captured(t, "ns.dbserver1.inventory.customers.jsonl")[1]
	if n := testing.AllocsPerRun(1000, func() {
		if !c.IsDocument(b) {
			t.Fatal("not a document")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzIsDocument(f *testing.F) {
	for _, b := range captured(f, "ns.dbserver1.inventory.all_types.jsonl")[:4] {
		f.Add(b)
	}
	for _, s := range []string{`{"a":[1.5,"\u001F\n😀",{"b":null}]}`, `{"a":1,"a":2}`, `{"a":0.001,"b":-0}`, `{"a":1}}`} {
		f.Add([]byte(s))
	}
	c := documents(f, schemasEnable(false))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c.IsDocument(b) {
			mustStay(t, c, b)
			if !documents(t, schemasEnable(false)).IsDocument(b) {
				t.Fatalf("a document only with shapes learned before: %q", b)
			}
		}
	})
}

func BenchmarkIsDocument(b *testing.B) {
	text := captured(b, "ns.dbserver1.inventory.customers.jsonl")[1]
	c := documents(b, schemasEnable(false))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if !c.IsDocument(text) {
			b.Fatal("not a document")
		}
	}
}
