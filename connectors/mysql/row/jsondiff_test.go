package row

import (
	"encoding/json"
	"testing"
)

func TestJSONEdit(t *testing.T) {
	for _, x := range []struct {
		doc, path string
		op        byte
		value     string
		want      string // empty: cannot be
	}{
		{`{"a":1,"b":[1,2]}`, "$.a", jsonReplace, `"x"`, `{"a":"x","b":[1,2]}`},
		{`{"a":1,"b":[1,2]}`, "$.b[1]", jsonReplace, `{"y":[]}`, `{"a":1,"b":[1,{"y":[]}]}`},
		{`{"a":1,"b":[1,2]}`, "$.b[0]", jsonRemove, ``, `{"a":1,"b":[2]}`},
		{`{"a":1,"b":[1,2]}`, "$.b[1]", jsonRemove, ``, `{"a":1,"b":[1]}`},
		{`{"a":1,"b":[1,2]}`, "$.b", jsonRemove, ``, `{"a":1}`},
		{`{"a":1}`, "$.a", jsonRemove, ``, `{}`},
		{`{}`, "$.a", jsonInsert, `1`, `{"a":1}`},
		{`{"b":1,"aa":2}`, "$.c", jsonInsert, `3`, `{"b":1,"c":3,"aa":2}`},
		{`{"b":1,"aa":2}`, "$.a", jsonInsert, `3`, `{"a":3,"b":1,"aa":2}`},
		{`{"b":1,"aa":2}`, `$."x y\"z"`, jsonInsert, `3`, `{"b":1,"aa":2,"x y\"z":3}`},
		{`{"x y\"z":{"}":[null,-1.5e3]}}`, `$."x y\"z"."}"[1]`, jsonReplace, `0`, `{"x y\"z":{"}":[null,0]}}`},
		{`[]`, "$[0]", jsonInsert, `1`, `[1]`},
		{`[1,2]`, "$[2]", jsonInsert, `3`, `[1,2,3]`},
		{`[1,2]`, "$[1]", jsonInsert, `3`, `[1,3,2]`},
		{`"s"`, "$", jsonReplace, `[1]`, `[1]`},
		{`7`, "$[0]", jsonReplace, `8`, `8`},
		{`[1,[2,3]]`, "$[last][last-1]", jsonReplace, `8`, `[1,[8,3]]`},
		{`[1,2]`, "$[last - 1]", jsonRemove, ``, `[2]`},
		{`[]`, "$[last]", jsonInsert, `1`, `[1]`},
		{`[1,2]`, "$[last-9]", jsonInsert, `0`, `[0,1,2]`},
		{`7`, "$[last]", jsonReplace, `8`, `8`},
		{`{"a":1}`, "$.b", jsonReplace, `1`, ``},
		{`{"a":1}`, "$.b.c", jsonInsert, `1`, ``},
		{`[1]`, "$.b", jsonInsert, `1`, ``},
		{`{"a":`, "$.b", jsonInsert, `1`, ``},
	} {
		legs, ok := jsonPath([]byte(x.path))
		if !ok {
			t.Fatalf("path %s", x.path)
		}
		got, _ := jsonEdit([]byte(x.doc), legs, x.op, []byte(x.value))
		if string(got) != x.want {
			t.Errorf("%s: %s of %s: got %s, want %s", x.doc, []string{"replace", "insert", "remove"}[x.op], x.path, got, x.want)
		}
	}
}

// FuzzJSONDiffs wants no panic, and a document that was one to stay one.
func FuzzJSONDiffs(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"x"}]}`), []byte("\x00\x08$.a[1].b\x03\x05\x01\x00"))
	f.Add([]byte(`[]`), []byte("\x01\x04$[0]\x03\x05\x01\x00\x02\x04$[0]"))
	f.Fuzz(func(t *testing.T, doc, diffs []byte) {
		valid := json.Valid(doc)
		out, err := applyJSONDiffs(appendCompactJSON(nil, doc), diffs)
		if err == nil && valid && !json.Valid(out) {
			t.Errorf("%s is no document any more: %s", doc, out)
		}
	})
}
