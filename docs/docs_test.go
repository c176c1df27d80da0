package docs

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

// stored is an offset topic with one entry.
type stored struct{ offset json.RawMessage }

func (s stored) Read(context.Context, ...*connect.SourcePartition) ([]json.RawMessage, error) {
	return []json.RawMessage{s.offset}, nil
}

// TestExampleConnector runs the connector of writing-a-connector.md: it counts, and goes on from a stored offset.
func TestExampleConnector(t *testing.T) {
	c := CounterSource.New()
	v, err := CounterSource.Config.Parse(config.Props{"topic": "numbers", "interval.ms": "1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context(), connect.ConnectorContext{Config: v}); err != nil {
		t.Fatal(err)
	}
	tasks, err := c.TaskConfigs(t.Context(), 3)
	if err != nil || len(tasks) != 1 {
		t.Fatalf("TaskConfigs: %d tasks, error %v, want one task", len(tasks), err)
	}
	for start, want := range map[string]string{"": `{"n":1}`, `{"n":41}`: `{"n":42}`} {
		tv, err := CounterSource.Config.Parse(tasks[0])
		if err != nil {
			t.Fatal(err)
		}
		tc := connect.SourceTaskContext{Config: tv, Offsets: stored{}}
		if start != "" {
			tc.Offsets = stored{json.RawMessage(start)}
		}
		task := c.NewTask()
		if err := task.Start(t.Context(), tc); err != nil {
			t.Fatal(err)
		}
		rs, err := task.Poll(t.Context())
		if err != nil || len(rs) != 1 {
			t.Fatalf("Poll: %d records, error %v, want one record", len(rs), err)
		}
		if got := string(rs[0].Position.Offset.AppendJSON(nil)); got != want || rs[0].Topic != "numbers" {
			t.Errorf("started at %q: offset %s in topic %s, want %s in numbers", start, got, rs[0].Topic, want)
		}
		if err := task.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestExampleIsInTheDocument: what readers copy is what compiles.
func TestExampleIsInTheDocument(t *testing.T) {
	code, text := read(t, "counter_test.go"), read(t, "writing-a-connector.md")
	code = strings.Replace(code, "package docs", "package counter", 1)
	if !strings.Contains(text, "```go\n"+code+"```\n") {
		t.Error("writing-a-connector.md does not hold counter_test.go as it is (with package counter)")
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks: what a document links to within the repository is there, and no document names a path of somebody's machine.
func TestLinks(t *testing.T) {
	found := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "reference" || name != ".." && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".md") {
			return nil
		}
		found++
		text := read(t, name)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to, _, _ := strings.Cut(m[1], "#")
			if to == "" || strings.Contains(to, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), to)); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", name, m[1])
			}
		}
		for _, bad := range []string{"/home/", "/root/", "/Users/"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: names a path below %s", name, bad)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 5 {
		t.Errorf("only %d documents were found", found)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDependencies: every direct dependency has its line in ARCHITECTURE.md, and every line its dependency.
func TestDependencies(t *testing.T) {
	_, text, ok := strings.Cut(read(t, "ARCHITECTURE.md"), "\n## Dependencies\n")
	if !ok {
		t.Fatal("ARCHITECTURE.md has no section Dependencies")
	}
	gomod := read(t, "../go.mod")
	for line := range strings.Lines(gomod) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), " v"); ok && !strings.Contains(line, "// indirect") && !strings.Contains(text, "`"+name+"`") {
			t.Errorf("go.mod requires %s: say in ARCHITECTURE.md, Dependencies, why it is here", name)
		}
	}
	for _, m := range regexp.MustCompile("`([a-z]+\\.[a-z]+/[^`]+|go\\.uber\\.org/[^`]+)`").FindAllStringSubmatch(text, -1) {
		if !strings.Contains(gomod, "\t"+m[1]+" v") {
			t.Errorf("ARCHITECTURE.md explains %s, which go.mod does not require", m[1])
		}
	}
}
