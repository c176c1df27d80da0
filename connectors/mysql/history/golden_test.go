package history

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// goldenDocuments are the records that Debezium 3.6.1 wrote for a snapshot and a series of DDL statements.
func goldenDocuments(t testing.TB) []string {
	t.Helper()
	f, err := os.Open("testdata/schema-changes.inventory.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var docs []string
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 4<<20)
	for sc.Scan() {
		var rec struct{ Payload string }
		if err := json.Unmarshal(sc.Bytes(), &rec); err != nil {
			t.Fatal(err)
		}
		docs = append(docs, rec.Payload)
	}
	if len(docs) < 20 {
		t.Fatalf("only %d documents", len(docs))
	}
	return docs
}

func TestDocumentRoundTripIsDebeziumsText(t *testing.T) {
	for i, want := range goldenDocuments(t) {
		d, err := ParseDocument([]byte(want))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendDocument(nil, d)); got != want {
			t.Errorf("document %d:\n%s", i, firstDifference(got, want))
		}
	}
}

func TestDDLGivesDebeziumsDocuments(t *testing.T) {
	m, p := NewModel(0), NewParser()
	for i, want := range goldenDocuments(t) {
		d, err := ParseDocument([]byte(want))
		if err != nil {
			t.Fatal(err)
		}
		changes, err := p.Apply(m, Session{Database: d.DB}, d.DDL)
		if err != nil {
			t.Fatalf("document %d: %v", i, err)
		}
		if len(changes) != 1 {
			t.Fatalf("document %d: %d changes of %q", i, len(changes), d.DDL)
		}
		got := Document{Server: d.Server, Position: d.Position, TsMs: d.TsMs, DB: changes[0].DB, DDL: changes[0].DDL, Changes: changes}
		if text := string(AppendDocument(nil, &got)); text != want {
			t.Errorf("document %d:\n%s", i, firstDifference(text, want))
		}
	}
}

func TestParseDocumentCompact(t *testing.T) {
	for i, want := range goldenDocuments(t) {
		var v any
		if err := json.Unmarshal([]byte(want), &v); err != nil {
			t.Fatal(err)
		}
		compact, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		d, err := ParseDocument(compact)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendDocument(nil, d)); got != want {
			t.Errorf("document %d:\n%s", i, firstDifference(got, want))
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + strings.Join(g[max(0, i-3):min(i+2, len(g))], "\n     ") + "\nwant " + w[i]
		}
	}
	return "one is longer: " + got[min(len(got), len(want)):] + want[min(len(got), len(want)):]
}
