package cdc

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect/config"
)

// metadata is what REST says of a key; forms are drawn from it.
type metadata struct {
	Name         string   `json:"name"`
	Type         string   `json:"type"`
	Required     bool     `json:"required"`
	Default      *string  `json:"default_value"`
	Importance   string   `json:"importance"`
	Documented   bool     `json:"documented"`
	Group        *string  `json:"group"`
	OrderInGroup int      `json:"order_in_group"`
	Width        string   `json:"width"`
	DisplayName  string   `json:"display_name"`
	Dependents   []string `json:"dependents"`
	Recommended  []string `json:"recommended_values"` // sorted
	Visible      bool     `json:"visible"`
}

// metadataDeviations are keys of Debezium's whose metadata differs, by the reason.
var metadataDeviations = map[string]string{
	"heartbeat.topics.prefix":              "a deprecated name is an alias, not a key",
	"internal.legacy.snapshot.max.threads": "a deprecated name is an alias, not a key",
	"time.precision.mode":                  "Debezium offers 'adaptive' and refuses it",
}

// The file is what MySqlConnector.config and validate of Debezium 3.6.1 say.
func TestKeysHaveDebeziumsMetadata(t *testing.T) {
	ours := map[string]metadata{}
	for _, r := range Def.Validate(t.Context(), config.Props{"connector.class": "io.debezium.connector.mysql.MySqlConnector", "name": "n"}) {
		d := r.Definition
		recommended := append([]string{}, r.Recommended...)
		slices.Sort(recommended)
		ours[d.Name] = metadata{
			d.Name, d.Type.String(), d.Required, d.Default, d.Importance.String(), d.Documentation != "", d.Group, d.OrderInGroup, d.Width.String(),
			d.DisplayName, d.Dependents, recommended, r.Visible,
		}
		if d.Documentation == "" || d.DisplayName == "" {
			t.Errorf("%s has no documentation or no name to show", d.Name)
		}
	}
	data, err := os.ReadFile("testdata/keys-debezium-3.6.1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var want metadata
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		got := ours[want.Name]
		_, deviates := metadataDeviations[want.Name]
		if reflect.DeepEqual(got, want) == deviates {
			g, _ := json.Marshal(got)
			t.Errorf("%s\nDebezium: %s deviation: %t", g, line, deviates)
		}
	}
}
