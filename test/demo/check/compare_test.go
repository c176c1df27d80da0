package main

import (
	"slices"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"keys are sorted", `{"b":1, "a":null}`, `{"a":null,"b":1}`},
		{"numbers keep their text", `{"a":9007199254740993,"b":1.10}`, `{"a":9007199254740993,"b":1.10}`},
		{"escapes are undone", `"\u005a\u0142"`, `"Zł"`},
		{"a number is not its text", `{"a":"1"}`, `{"a":"1"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := canonical([]byte(test.in))
			if err != nil || got != test.want {
				t.Errorf("canonical(%s) = %s, %v; want %s", test.in, got, err, test.want)
			}
		})
	}
	for _, bad := range []string{``, `{`, `{} {}`} {
		if got, err := canonical([]byte(bad)); err == nil {
			t.Errorf("canonical(%q) = %s, want an error", bad, got)
		}
	}
}

func TestDiffRows(t *testing.T) {
	rows := map[string]string{"1": "a", "2": "b", "3": "c"}
	tests := []struct {
		name string
		docs map[string]string
		want []string // beginnings
	}{
		{"equal", map[string]string{"1": "a", "2": "b", "3": "c"}, nil},
		{"missing", map[string]string{"1": "a", "3": "c"}, []string{"id 2: in MySQL"}},
		{"different", map[string]string{"1": "a", "2": "x", "3": "c"}, []string{"id 2: MySQL b, Elasticsearch x"}},
		{"not deleted", map[string]string{"1": "a", "2": "b", "3": "c", "4": "d"}, []string{"id 4: in Elasticsearch"}},
		{"cut", nil, []string{"id 1", "id 2", "… and 1 more"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := diffRows(rows, test.docs, 2)
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestDiffRecords(t *testing.T) {
	records := []string{"a", "b", "b", "c"}
	tests := []struct {
		name  string
		lines []string
		equal bool
	}{
		{"equal", []string{"a", "b", "b", "c"}, true},
		{"lost", []string{"a", "b", "c"}, false},
		{"twice", []string{"a", "b", "b", "b", "c"}, false},
		{"out of order", []string{"a", "b", "c", "b"}, false},
		{"nothing", nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := diffRecords(0, records, test.lines, 5); (len(got) == 0) != test.equal {
				t.Errorf("got %q, want equal = %v", got, test.equal)
			}
		})
	}
}

func TestParseFileName(t *testing.T) {
	tests := []struct {
		name  string
		start int64
		ok    bool
	}{
		{"demo.shop.orders+0+0000000000+0000000199.json", 0, true},
		{"demo.shop.orders+0+0000000200+0000000321.json", 200, true},
		{"a+b+1+5+6.json", 5, true}, // a topic cannot hold a +, but the parser counts from the end
		{"demo.shop.orders+0+x+1.json", 0, false},
		{"demo.shop.orders+0+1+2.avro", 0, false},
		{"0d9c_tmp.json", 0, false},
	}
	for _, test := range tests {
		start, ok := parseFileName(test.name)
		if start != test.start || ok != test.ok {
			t.Errorf("parseFileName(%s) = %d, %v; want %d, %v", test.name, start, ok, test.start, test.ok)
		}
	}
}
