package bench

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/benchmarks.md and its plots from results.json")

// example has two rounds of one scenario, a failed run and a scale.
func example() *Results {
	run := func(peer string, round int, seconds, cpu, rss float64) Run {
		return Run{Scenario: "snapshot", Peer: peer, Round: round, Records: 1_000_000, Figures: map[Figure]float64{
			Seconds: seconds, CPU: cpu, BrokerCPU: 2, MySQLCPU: 1, Others: 0.1, PeakRSS: rss, First: 0.5,
		}}
	}
	return &Results{Date: "2026-11-23", Machine: "2 cores", Versions: []string{"Kafka"}, Rounds: 2, Runs: []Run{
		run(Bare, 1, 4, 2, 1e8), run(Connectd, 1, 5, 4, 1e8), run(Java, 1, 50, 60, 2.2e9),
		run(Connectd, 2, 10, 5, 1.2e8), run(Java, 2, 40, 70, 2e9),
		{Scenario: "snapshot", Peer: Java, Round: 3, Failed: "lost rows", Records: 5, Figures: map[Figure]float64{Seconds: 1}},
		{Scenario: "scale-tables", Peer: Connectd, Records: 100, Figures: map[Figure]float64{RSS: 5e7, CPU: 1}},
		{Scenario: "scale-tables", Peer: Connectd, Records: 10, Figures: map[Figure]float64{RSS: 4e7, CPU: 0.1}},
	}}
}

func TestTables(t *testing.T) {
	text := Tables(example())
	for _, want := range []string{
		// 200,000 and 100,000 a second against 20,000 and 25,000: medians 150,000 and 22,500; the failed run does not count.
		"| snapshot, rows of 200 bytes | 150,000 (100,000–200,000) | 22,500 (20,000–25,000) | 6.7× ✗ 10× | 250,000 | 60 % ✗ 70 % | 10 % |",
		"| snapshot, rows of 200 bytes | 4.50 (4.00–5.00) | 65.00 (60.00–70.00) | 14.4× ✗ 20× | 2.00 | 2.00, 2.00 | 1.00, 1.00 | – |",
		"| 110 (100–120) | 2,100 (2,000–2,200) | 19.1× ✗ 20× |",
		"| 10 | 40 | – | 0.10 | – |",
		"| 100 | 50 | 111,111 | 1.00 | 10.00 |",
		"| snapshot | java | 3 | lost rows |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the tables lack %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Kafka to HDFS") {
		t.Error("a scenario that was not run has a row")
	}
}

func TestSaveAndLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.json")
	for _, want := range []*Results{example(), {Date: "d", Runs: nil}} {
		if err := want.Save(file); err != nil {
			t.Fatal(err)
		}
		got, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Runs) == 0 {
			got.Runs = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
	}
}

func TestMergeReplacesScenarios(t *testing.T) {
	old := example()
	got := old.merge(&Results{Runs: []Run{{Scenario: "snapshot", Peer: Connectd, Round: 1}}})
	if len(got.Runs) != 3 || got.Runs[2].Scenario != "snapshot" || len(old.Runs) != 8 {
		t.Errorf("%+v", got.Runs)
	}
}

func TestWritePageKeepsTheRest(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "benchmarks.md")
	if err := os.WriteFile(page, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WritePage(example(), dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); !strings.HasPrefix(s, "before\n"+beginMark) || !strings.HasSuffix(s, endMark+"\nafter\n") || strings.Contains(s, "\nold\n") {
		t.Errorf("%s", s)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "benchmark-throughput.svg"))
	if err != nil || !strings.Contains(string(svg), "150,000") {
		t.Errorf("%s, %v", svg, err)
	}
	if err := os.WriteFile(page, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WritePage(example(), dir); err == nil {
		t.Error("a page without marks is overwritten")
	}
}

// TestPage: the page shows results.json as it is; -update makes it so.
func TestPage(t *testing.T) {
	r, err := Load("results.json")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := WritePage(r, "../docs"); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile("../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := insert(string(page), Tables(r)+plotLinks(r))
	if err != nil || want != string(page) {
		t.Errorf("docs/benchmarks.md is not made from bench/results.json (error: %v): go test ./bench -run TestPage -update", err)
	}
	for name, svg := range plots(r) {
		if b, err := os.ReadFile(filepath.Join("../docs", name)); err != nil || string(b) != svg {
			t.Errorf("docs/%s is not made from bench/results.json (error: %v)", name, err)
		}
	}
}
