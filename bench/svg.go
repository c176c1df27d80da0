package bench

import (
	"fmt"
	"strings"
)

// plots are the page's plots by file name.
func plots(r *Results) map[string]string {
	out := map[string]string{}
	add := func(file, title string, value func(s *scenario, peer string) Stat, format func(float64) string) {
		var groups []group
		for i := range flows {
			g := group{title: flows[i].title}
			for _, peer := range []string{Bare, Connectd, Java} {
				if v := value(&flows[i], peer); v.N > 0 {
					g.bars = append(g.bars, bar{peer, v})
				}
			}
			if len(g.bars) > 1 {
				groups = append(groups, g)
			}
		}
		if len(groups) > 0 {
			out[file] = drawBars(title, groups, format)
		}
	}
	add("benchmark-throughput.svg", "Records a second (more is better)", func(s *scenario, p string) Stat { return r.Rate(s.name, p) }, whole)
	add("benchmark-cpu.svg", "CPU seconds for a million records (less is better)",
		func(s *scenario, p string) Stat { return r.Per(s.name, p, CPU, 1e6) }, decimal)
	add("benchmark-memory.svg", "Peak RSS in MB (less is better)", func(s *scenario, p string) Stat { return r.Figure(s.name, p, PeakRSS) }, mega)
	return out
}

// plotLinks shows the plots in the page.
func plotLinks(r *Results) string {
	var b strings.Builder
	all := plots(r)
	for _, p := range []struct{ file, alt string }{
		{"benchmark-throughput.svg", "records a second"}, {"benchmark-cpu.svg", "CPU seconds for a million records"}, {"benchmark-memory.svg", "peak RSS"},
	} {
		if all[p.file] != "" {
			fmt.Fprintf(&b, "\n![%s](%s)\n", p.alt, p.file)
		}
	}
	return b.String()
}

type bar struct {
	peer  string
	value Stat
}

type group struct {
	title string
	bars  []bar
}

var colours = map[string]string{Bare: "#9aa5b1", Connectd: "#1f77b4", Java: "#d98032"}

// drawBars draws horizontal bars, a whisker showing the spread.
func drawBars(title string, groups []group, format func(float64) string) string {
	const left, width, height, line = 290, 560, 15, 18
	longest, y := 0.0, 62
	for _, g := range groups {
		for _, b := range g.bars {
			longest = max(longest, b.value.Max)
		}
	}
	var body strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&body, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-10, y+12+line*(len(g.bars)-1)/2, g.title)
		for _, b := range g.bars {
			at := func(v float64) float64 { return left + v/longest*width }
			fmt.Fprintf(&body, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, y, max(1, at(b.value.Median)-left), height, colours[b.peer])
			if b.value.N > 1 {
				fmt.Fprintf(&body, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#333"/>`+"\n", at(b.value.Min), at(b.value.Max), y+height/2, y+height/2)
			}
			fmt.Fprintf(&body, `<text x="%.1f" y="%d">%s</text>`+"\n", at(b.value.Max)+6, y+12, format(b.value.Median))
			y += line
		}
		y += 10
	}
	var head strings.Builder
	fmt.Fprintf(&head, `<svg xmlns="http://www.w3.org/2000/svg" width="940" height="%d" font-family="sans-serif" font-size="12">`+"\n", y+10)
	fmt.Fprintf(&head, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n"+`<text x="20" y="24" font-size="15" font-weight="bold">%s</text>`+"\n", title)
	for i, peer := range []string{Bare, Connectd, Java} {
		x := left + 110*i
		fmt.Fprintf(&head, `<rect x="%d" y="36" width="12" height="12" fill="%s"/><text x="%d" y="46">%s</text>`+"\n", x, colours[peer], x+17, map[string]string{
			Bare: "bare loop", Connectd: "connectd", Java: "Java",
		}[peer])
	}
	return head.String() + body.String() + "</svg>\n"
}
