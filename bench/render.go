package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The page's part between these lines is WritePage's.
const (
	beginMark = "<!-- bench-peers: written by make bench-peers, from bench/results.json -->"
	endMark   = "<!-- /bench-peers -->"
)

// merge is r with the scenarios of o in place of its own.
func (r *Results) merge(o *Results) *Results {
	out := *o
	measured := map[string]bool{}
	for _, run := range o.Runs {
		measured[run.Scenario] = true
	}
	out.Runs = nil
	for _, run := range r.Runs {
		if !measured[run.Scenario] {
			out.Runs = append(out.Runs, run)
		}
	}
	out.Runs = append(out.Runs, o.Runs...)
	return &out
}

// WritePage writes the tables and plots into the folder docs.
func WritePage(r *Results, docs string) error {
	page := filepath.Join(docs, "benchmarks.md")
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	text, err := insert(string(old), Tables(r)+plotLinks(r))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	for name, svg := range plots(r) {
		if err := os.WriteFile(filepath.Join(docs, name), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(page, []byte(text), 0o644)
}

// insert puts text between the page's marks.
func insert(page, text string) (string, error) {
	before, rest, ok := strings.Cut(page, beginMark)
	_, after, found := strings.Cut(rest, endMark)
	if !ok || !found {
		return "", fmt.Errorf("the lines %s and %s are not there", beginMark, endMark)
	}
	return before + beginMark + "\n" + text + endMark + after, nil
}

// Tables are the results as Markdown.
func Tables(r *Results) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %s; %s; %d rounds", r.Date, r.Machine, strings.Join(r.Versions, ", "), r.Rounds)
	if r.Quick {
		b.WriteString("; quick: a fifth of the rows, so the start of each task weighs more")
	}
	b.WriteString(".\n")
	r.throughput(&b)
	r.cpu(&b)
	r.memory(&b)
	r.latency(&b)
	r.footprint(&b)
	r.limits(&b)
	r.scale(&b)
	r.failures(&b)
	return b.String()
}

// table writes rows under a head; nothing if there are none.
func table(b *strings.Builder, title string, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n| %s |\n|%s\n", title, strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}

func (r *Results) throughput(b *strings.Builder) {
	var rows [][]string
	for _, s := range flows {
		c, j, bare := r.Rate(s.name, Connectd), r.Rate(s.name, Java), r.Rate(s.name, Bare)
		if c.N == 0 {
			continue
		}
		rows = append(rows, []string{
			s.title, c.text(whole), j.text(whole), factor(c.Median, j.Median, s.goal.rate), bare.text(whole), share(c.Median, bare.Median, s.goal.share),
			r.Figure(s.name, Connectd, Others).text(percent),
		})
	}
	table(b, "Records a second", []string{"", "connectd", "Java", "connectd/Java", "bare loop", "share of the bare loop", "CPU taken by others"}, rows)
}

func (r *Results) cpu(b *strings.Builder) {
	var rows [][]string
	for _, s := range flows {
		per := func(peer string, f Figure) Stat { return r.Per(s.name, peer, f, 1e6) }
		c, j := per(Connectd, CPU), per(Java, CPU)
		if c.N == 0 {
			continue
		}
		pair := func(f Figure) string { return join(per(Connectd, f).short(decimal), per(Java, f).short(decimal)) }
		rows = append(rows, []string{
			s.title, c.text(decimal), j.text(decimal), factor(j.Median, c.Median, s.goal.cpu), per(Bare, CPU).text(decimal), pair(BrokerCPU), pair(MySQLCPU),
			per(Connectd, SinkCPU).short(decimal),
		})
	}
	table(b, "CPU seconds for a million records", []string{"", "connectd", "Java", "Java/connectd", "bare loop", "Kafka (connectd, Java)", "MySQL (connectd, Java)", "sink's server"}, rows)
}

func (r *Results) memory(b *strings.Builder) {
	var rows [][]string
	for _, s := range flows {
		c, j := r.Figure(s.name, Connectd, PeakRSS), r.Figure(s.name, Java, PeakRSS)
		if c.N == 0 {
			continue
		}
		rows = append(rows, []string{
			s.title, c.text(mega), j.text(mega), factor(j.Median, c.Median, s.goal.rss), r.Per(s.name, Connectd, Alloc, 1).text(whole),
			r.Figure(s.name, Connectd, First).text(second), r.Figure(s.name, Java, First).text(second),
		})
	}
	table(b, "Memory, and time to the first record", []string{"", "peak RSS connectd, MB", "Java, MB", "Java/connectd", "bytes allocated a record, connectd", "first record after, connectd, s", "Java, s"}, rows)
}

func (r *Results) latency(b *strings.Builder) {
	var rows [][]string
	milli := func(v float64) string { return strconv.FormatFloat(v*1e3, 'f', 1, 64) }
	for _, s := range latencies {
		c, j := r.Figure(s.name, Connectd, P99), r.Figure(s.name, Java, P99)
		if c.N == 0 {
			continue
		}
		rows = append(rows, []string{
			s.title, r.Figure(s.name, Connectd, P50).text(milli), c.text(milli), r.Figure(s.name, Java, P50).text(milli), j.text(milli),
			factor(j.Median, c.Median, latencyFactor),
		})
	}
	table(b, "From commit to a consumer, ms", []string{"", "connectd p50", "p99", "Java p50", "p99", "Java/connectd, p99"}, rows)
}

func (r *Results) footprint(b *strings.Builder) {
	var rows [][]string
	row := func(title, scenario string, f Figure, format func(float64) string, defaults, tuned, ceiling float64) {
		c, j, small := r.Figure(scenario, Connectd, f), r.Figure(scenario, Java, f), r.Figure(scenario, JavaTuned, f)
		if c.N > 0 {
			rows = append(rows, []string{
				title, c.text(format) + verdict(c.Median <= ceiling, "at most "+format(ceiling)), j.text(format), factor(j.Median, c.Median, defaults),
				small.text(format), factor(small.Median, c.Median, tuned),
			})
		}
	}
	row("start until GET /connectors answers, s", "idle", REST, second, restFactor, 0, restSeconds)
	row("RSS without a connector, MB", "idle", RSS, mega, 0, 0, idleRSS)
	row("RSS with 50 idle connectors, MB", "idle-50", RSS, mega, 0, 0, idle50RSS)
	row("peak RSS, snapshot after that, MB", "loaded", PeakRSS, mega, 20, tunedRSSFactor, loadedRSS)
	table(b, "A worker by itself", []string{"", "connectd", "Java, defaults", "Java/connectd", "Java, tuned", "Java tuned/connectd"}, rows)
}

func (r *Results) limits(b *strings.Builder) {
	var rows [][]string
	for _, s := range limits {
		if rate := r.Rate(s.name, Bare); rate.N > 0 {
			rows = append(rows, []string{s.title, rate.text(whole), r.Per(s.name, Bare, CPU, 1e6).text(decimal)})
		}
	}
	table(b, "Parts of the bare loop", []string{"", "records a second", "CPU seconds a million"}, rows)
}

func (r *Results) failures(b *strings.Builder) {
	var rows [][]string
	for _, run := range r.Runs {
		if run.Failed != "" {
			rows = append(rows, []string{run.Scenario, run.Peer, strconv.Itoa(run.Round), run.Failed})
		}
	}
	table(b, "Failed runs", []string{"scenario", "peer", "round", "why"}, rows)
}

func whole(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
func second(v float64) string  { return strconv.FormatFloat(v, 'f', 2, 64) }
func percent(v float64) string { return strconv.FormatFloat(v*100, 'f', 0, 64) + " %" }
func mega(v float64) string    { return whole(v / 1e6) }

// text is the median, with the spread if there are several rounds.
func (s Stat) text(format func(float64) string) string {
	if s.N > 1 && format(s.Min) != format(s.Max) {
		return fmt.Sprintf("%s (%s–%s)", format(s.Median), format(s.Min), format(s.Max))
	}
	return s.short(format)
}

// short is the median alone.
func (s Stat) short(format func(float64) string) string {
	if s.N == 0 {
		return "–"
	}
	return format(s.Median)
}

func join(a, b string) string { return a + ", " + b }

// factor is a/b and, if there is one, the goal for it.
func factor(a, b, want float64) string {
	if a == 0 || b == 0 {
		return "–"
	}
	got := fmt.Sprintf("%.1f×", a/b)
	if want == 0 {
		return got
	}
	return got + verdict(a/b >= want, fmt.Sprintf("%.0f×", want))
}

func share(a, b, want float64) string {
	if a == 0 || b == 0 {
		return "–"
	}
	if want == 0 {
		return percent(a / b)
	}
	return percent(a/b) + verdict(a/b >= want, percent(want))
}

func verdict(met bool, goal string) string {
	if met {
		return " ✓ " + goal
	}
	return " ✗ " + goal
}
