package transforms

import (
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/data"
)

func TestPlansAreBoundedAndKeepPointers(t *testing.T) {
	builds := 0
	c := plans[*data.Schema]{build: func(s *data.Schema) (*data.Schema, error) { builds++; return s.AsOptional(), nil }}
	schema := func(i int) *data.Schema { return data.MakeStruct(strings.Repeat("x", i+1)).Build() }
	first, _ := c.get(schema(0))
	if again, _ := c.get(schema(0)); again != first || builds != 1 { // an equal schema with another pointer
		t.Errorf("an equal schema got a new plan (%d builds)", builds)
	}
	for i := range 3 * maxPlans {
		if _, err := c.get(schema(i)); err != nil {
			t.Fatal(err)
		}
		if len(c.recent) > maxPlans {
			t.Fatalf("%d plans are kept", len(c.recent))
		}
	}
	before := builds
	if _, _ = c.get(schema(0)); builds != before+1 {
		t.Error("the oldest plan was not dropped")
	}
}

func TestReplacement(t *testing.T) {
	for _, c := range []struct{ regex, replacement, topic, want, err string }{
		{`db\.(.*)`, "$1", "db.a", "a", ""},
		{"(.)(.)", "$2$1", "ab", "ba", ""},
		{"(.)b", "$10", "ab", "a0", ""}, // there is no group 10: group 1 and a zero
		{"(?<n>.)b", "${n}!", "ab", "a!", ""},
		{"(.)b", `\$1\\`, "ab", `$1\`, ""},
		{"a|ab", "X", "ab", "Xb", ""}, // replaceFirst finds less than matches did
		{"(x)?ab", "[$1]", "ab", "[]", ""},
		{"a", "X", "ab", "ab", ""}, // must match all
		{"ab", "$1", "ab", "", "No group 1"},
		{"ab", "$", "ab", "", "Illegal group reference: group index is missing"},
		{"ab", "${x}", "ab", "", "No group with name {x}"},
		{"ab", "${x", "ab", "", "named capturing group is missing trailing '}'"},
		{"ab", `x\`, "ab", "", "character to be escaped is missing"},
	} {
		t.Run(c.regex+" "+c.replacement, func(t *testing.T) {
			v, err := regexRouterDef.Parse(map[string]string{"regex": c.regex, "replacement": c.replacement})
			if err != nil {
				t.Fatal(err)
			}
			r := new(regexRouter)
			if err := r.Configure(v); err != nil {
				t.Fatal(err)
			}
			got, err := r.route(c.topic)
			if msg := ""; err != nil {
				if msg = err.Error(); msg != c.err {
					t.Errorf("error %q, want %q", msg, c.err)
				}
			} else if got != c.want || c.err != "" {
				t.Errorf("got %q, want %q or error %q", got, c.want, c.err)
			}
		})
	}
}

func FuzzCastSpec(f *testing.F) {
	for _, s := range []string{"a:int8,b:string", "int32", "a:b:c", ":", "a:", "", " a : Float64 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		spec, err := parseCastSpec(strings.Split(s, ","))
		if err != nil {
			return
		}
		if (spec.whole == data.KindNull) == (len(spec.fields) == 0) {
			t.Errorf("%q casts both or neither: %+v", s, spec)
		}
	})
}

func FuzzCastText(f *testing.F) {
	for _, s := range []string{"1", "-128", "1e3", "0x1p3", "NaN", "Infinity", "1f", " 2 ", "99999999999999999999", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for k := data.KindBool; k <= data.KindFloat64; k++ {
			if v, err := castValue(nil, data.String(s), k); err == nil && v.Kind() != k {
				t.Errorf("%q cast to %s is a %s", s, k, v.Kind())
			}
		}
	})
}

func FuzzDateFormat(f *testing.F) {
	f.Add("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-02-29T01:02:03.004+02:00", int64(1700000000000))
	f.Add("EEE, d MMM yyyy HH:mm:ss Z", "Thu, 29 Feb 2024 01:02:03 +0000", int64(-62135596800000))
	f.Add("Y-ww-u G h:mm a zzzz", "2024-09-4 CE 1:02 PM UTC", int64(0))
	f.Fuzz(func(t *testing.T, pattern, text string, ms int64) {
		d, err := newDateFormat(pattern)
		if err != nil {
			return
		}
		d.parse(text)
		const year = 365 * dayMillis
		ms %= 8000 * year
		out := string(d.append(nil, ms))
		if pattern == "yyyy-MM-dd'T'HH:mm:ss.SSSXXX" && ms > -1900*year {
			if back, ok := d.parse(out); !ok || back != ms {
				t.Errorf("%d is %s is %d %v", ms, out, back, ok)
			}
		}
	})
}

func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"1", `{"a":1}`, "[[1],[2]]", "01:02:03.456Z", `"x\"y"`, "[", "1e400", "[1,2.5,null]", `{"a":[1,"b"]}`, "1e-2147483000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := parseLiteral(s); d.Schema != nil && d.Value.Kind() != d.Schema.Logical() {
			t.Errorf("%q is a %s with a schema of %s", s, d.Value.Kind(), d.Schema.Logical())
		}
	})
}
