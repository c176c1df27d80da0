package rest

import (
	"reflect"
	"strings"
	"testing"
)

// equal reports a difference and goes on. about says what is compared.
func equal(t *testing.T, want, got any, about ...string) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Errorf("%s\nwant %#v\n got %#v", strings.Join(about, " "), want, got)
	}
}

// contains reports a text without a part.
func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%q does not contain %q", text, part)
	}
}

// must ends the test at an error.
func must(t *testing.T, err error, about ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(strings.Join(about, " "), err)
	}
}
