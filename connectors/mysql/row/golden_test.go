package row

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// goldenRecord is a record that Debezium 3.6.1 wrote with JsonConverter.
type goldenRecord struct {
	keySchema, key   any
	valueSchema      any // of before
	before, after    any
	op               string
	hasKey, hasValue bool
}

func goldenRecords(t testing.TB, table string) []goldenRecord {
	t.Helper()
	f, err := os.Open("testdata/dbserver1.inventory." + table + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []goldenRecord
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var rec struct{ Key, Payload *string }
		if err := json.Unmarshal(sc.Bytes(), &rec); err != nil {
			t.Fatal(err)
		}
		var g goldenRecord
		if rec.Key != nil {
			k := parseJSON(t, []byte(*rec.Key)).(map[string]any)
			g.hasKey = true
			g.keySchema, g.key = k["schema"], k["payload"]
		}
		if rec.Payload != nil {
			v := parseJSON(t, []byte(*rec.Payload)).(map[string]any)
			if v["payload"] == nil {
				continue
			}
			g.hasValue = true
			s := v["schema"].(map[string]any)["fields"].([]any)[0].(map[string]any)
			delete(s, "field")
			g.valueSchema = s
			p := v["payload"].(map[string]any)
			g.before, g.after, g.op = p["before"], p["after"], p["op"].(string)
		}
		out = append(out, g)
	}
	if len(out) == 0 {
		t.Fatal("no records")
	}
	return out
}

// goldenTables are all versions of the tables that the captured history has.
func goldenTables(t testing.TB) map[string][]*history.Table {
	t.Helper()
	f, err := os.Open("../history/testdata/schema-changes.inventory.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string][]*history.Table{}
	m, p := history.NewModel(0), history.NewParser()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var rec struct{ Payload string }
		if err := json.Unmarshal(sc.Bytes(), &rec); err != nil {
			t.Fatal(err)
		}
		d, err := history.ParseDocument([]byte(rec.Payload))
		if err != nil {
			t.Fatal(err)
		}
		changes, err := p.Apply(m, history.Session{Database: d.DB}, d.DDL)
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range changes {
			if ch.Table != nil {
				out[ch.ID.Name] = append(out[ch.ID.Name], ch.Table)
			}
		}
	}
	return out
}

var goldenNames = []string{"customers", "all_types", "composite_pk", "no_pk", "uniq_only", "orders", "products"}

func newCodec(t testing.TB, table *history.Table, o Options) *Codec {
	t.Helper()
	base := "dbserver1." + table.ID.String()
	o.KeyName, o.ValueName = base+".Key", base+".Value"
	c, err := New(table, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSchemasAreDebeziums(t *testing.T) {
	tables := goldenTables(t)
	for _, name := range goldenNames {
		t.Run(name, func(t *testing.T) {
			var codecs []*Codec
			for _, v := range tables[name] {
				codecs = append(codecs, newCodec(t, v, Options{}))
			}
			for i, g := range goldenRecords(t, name) {
				var best []string
				for j, c := range codecs {
					var diff []string
					if g.hasKey && g.keySchema != nil {
						if c.KeySchema() == nil {
							diff = append(diff, "no key schema")
						} else {
							diff = differences("key", schemaJSON(c.KeySchema()), g.keySchema)
						}
					} else if c.KeySchema() != nil {
						diff = append(diff, "key schema where there is none")
					}
					if g.hasValue {
						diff = append(diff, differences("value", schemaJSON(c.ValueSchema()), g.valueSchema)...)
					}
					if j == 0 || len(diff) < len(best) {
						best = diff
					}
				}
				if len(best) > 0 {
					t.Errorf("record %d:\n%s", i, strings.Join(best, "\n"))
				}
			}
		})
	}
}
