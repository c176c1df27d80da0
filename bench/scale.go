package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Figures of the scale scenarios, whose Records are the count of things.
const (
	Idle  Figure = "idle_cpu" // seconds of CPU a second while nothing happens
	Start Figure = "start"    // seconds until all of them run
)

// scales are what a worker has more and more of.
var scales = []scenario{
	{name: "scale-connectors", title: "idle connectors on one worker"},
	{name: "scale-tables", title: "tables of one MySQL connector"},
	{name: "scale-partitions", title: "partitions of one sink task"},
}

// scale shows memory and CPU against the count. What it costs to have one more must not grow with the count: that is what "by" tells.
func (r *Results) scale(b *strings.Builder) {
	for _, s := range scales {
		var runs []Run
		for _, run := range r.Runs {
			if run.Scenario == s.name && run.Failed == "" {
				runs = append(runs, run)
			}
		}
		slices.SortStableFunc(runs, func(a, b Run) int { return int(a.Records - b.Records) })
		var rows [][]string
		for i, run := range runs {
			f, more, cost := run.Figures, "–", "–"
			if i > 0 && run.Records > runs[i-1].Records {
				n := float64(run.Records - runs[i-1].Records)
				more = whole((f[RSS] - runs[i-1].Figures[RSS]) / n)
				cost = strconv.FormatFloat((f[CPU]-runs[i-1].Figures[CPU])/n*1e3, 'f', 2, 64)
			}
			rows = append(rows, []string{
				whole(float64(run.Records)), mega(f[RSS]), more, decimal(f[CPU]), cost, decimal(f[Start]), fmt.Sprintf("%.2f %%", f[Idle]*100),
			})
		}
		table(b, "Scale: "+s.title, []string{"count", "RSS, MB", "by each more, bytes", "CPU until all run, s", "by each more, ms", "time, s", "CPU while idle"}, rows)
	}
}
