package casetest

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// key is a config key as GET /connector-plugins/{plugin}/config prints it.
type key struct {
	Name          string   `json:"name"`
	Type          string   `json:"type"`
	Required      bool     `json:"required"`
	Default       *string  `json:"default_value"`
	Importance    string   `json:"importance"`
	Documentation string   `json:"documentation"`
	Group         *string  `json:"group"`
	OrderInGroup  int      `json:"order_in_group"`
	Width         string   `json:"width"`
	DisplayName   string   `json:"display_name"`
	Dependents    []string `json:"dependents"`
}

// SameConfig compares a Def with Java's answer, in order.
func SameConfig(t *testing.T, def *config.Def, golden []byte) {
	t.Helper()
	var want []key
	must(t, json.Unmarshal(golden, &want))
	got := def.Keys()
	if len(got) != len(want) {
		t.Fatalf("%d keys, want %d", len(got), len(want))
	}
	for i, d := range got {
		k := key{d.Name, d.Type.String(), d.Required, d.Default, d.Importance.String(), d.Documentation, d.Group, d.OrderInGroup,
			d.Width.String(), d.DisplayName, d.Dependents}
		if !reflect.DeepEqual(k, want[i]) {
			a, _ := json.MarshalIndent(k, "", " ")
			b, _ := json.MarshalIndent(want[i], "", " ")
			t.Errorf("key %d:\n%s\nwant\n%s", i, a, b)
		}
	}
}
