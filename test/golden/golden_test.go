//go:build integration

package golden

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/connectd/connectd/test/process"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "connectd-golden")
	code := 1
	if err == nil {
		if binary, err = process.Build(dir); err == nil {
			code = m.Run()
		}
		os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// TestGolden runs the scenario in all modes on one worker and compares what it wrote with the captures, record by record. GOLDEN_SERVER names
// the scenarios, with commas: mysql, mysql-zones, mysql-hard and mysql-images, the default, and mariadb.
func TestGolden(t *testing.T) {
	for _, name := range strings.Split(cmp.Or(os.Getenv("GOLDEN_SERVER"), "mysql,mysql-zones,mysql-hard,mysql-images"), ",") {
		sv, ok := servers[name]
		if !ok {
			t.Fatalf("GOLDEN_SERVER: there is no %q", name)
		}
		t.Run(name, func(t *testing.T) {
			g := process.NewGroup(t, process.Config{Binary: binary})
			got := sv.play(t, g.Add().REST, process.Unique("goldenrun"), sv.modes(), false)
			c := newComparison(sv)
			for _, m := range sv.modes() {
				c.mode = m.name
				want := sv.load(t, m.name)
				if sv.endless {
					want = endless(want)
				}
				c.compare(entries(t, got[m.name]), want)
			}
			c.report(t)
		})
	}
}

// entries brings a run's records into the form of a capture.
func entries(t *testing.T, rs []record) (out []entry) {
	for _, r := range byTopic(rs) {
		out = append(out, entry{r.topic, split(t, r.topic, r.key), split(t, r.topic, r.value), r.headers})
	}
	return out
}

// difference is one that shows in one or more modes and records.
type difference struct {
	modes     map[string]bool
	times     int
	got, want string
}

// comparison collects differences by their place, without mode and record.
type comparison struct {
	mode    string
	modes   int // in all
	records int
	fields  int
	found   map[string]*difference
	allowed []deviation
	meant   map[int]int // by index into allowed: how often
}

func newComparison(sv server) *comparison {
	allowed := sv.deviations
	if sv.own == nil {
		allowed = slices.Concat(deviations, allowed)
	}
	return &comparison{modes: len(sv.modes()), allowed: allowed, found: map[string]*difference{}, meant: map[int]int{}}
}

// differs notes a difference at the place: topic, then path.
func (c *comparison) differs(place string, got, want any) {
	for i, d := range c.allowed {
		if d.covers(c.mode, place, got, want) {
			c.meant[i]++
			return
		}
	}
	d := c.found[place]
	if d == nil {
		d = &difference{modes: map[string]bool{}, got: marshal(got), want: marshal(want)}
		c.found[place] = d
	}
	d.modes[c.mode] = true
	d.times++
}

func (c *comparison) report(t *testing.T) {
	t.Logf("%d records with %d values in %d modes; %d volatile fields, %d deviations", c.records, c.fields, c.modes, len(volatile), len(c.allowed))
	for i, d := range c.allowed {
		if c.meant[i] == 0 {
			t.Errorf("deviation without effect: %v %v (%s)", d.modes, d.place, d.reason)
		}
	}
	for _, place := range slices.Sorted(maps.Keys(c.found)) {
		d := c.found[place]
		in := strings.Join(slices.Sorted(maps.Keys(d.modes)), ",")
		if len(d.modes) == c.modes {
			in = "all modes"
		}
		got, want := around(d.got, d.want)
		t.Errorf("%s (%d times, %s):\n got %s\nwant %s", place, d.times, in, got, want)
	}
}

// around cuts long texts to where they begin to differ.
func around(a, b string) (string, string) {
	const most = 300
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	cut := func(s string) string {
		if len(s) <= most {
			return s
		}
		from := max(0, min(same, len(s)-1)-100)
		return "…" + s[from:min(len(s), from+most)]
	}
	return cut(a), cut(b)
}

// compare holds one mode's records against its capture, topic by topic.
func (c *comparison) compare(got, want []entry) {
	topics := map[string][2][]entry{}
	for i, es := range [][]entry{got, want} {
		for _, e := range es {
			p := topics[e.topic]
			p[i] = append(p[i], e)
			topics[e.topic] = p
		}
	}
	for topic, p := range topics {
		short := strings.TrimPrefix(strings.TrimPrefix(topic, "history-"), base+c.mode)
		if strings.HasPrefix(topic, "history-") {
			short = "history"
		}
		if short == "" {
			short = "schema-changes"
		}
		if len(p[0]) != len(p[1]) {
			c.differs(short+" count", len(p[0]), len(p[1]))
			c.order(short, p[0], p[1])
			continue
		}
		for i := range p[0] {
			c.records++
			c.entry(short, p[0][i], p[1][i])
		}
	}
}

// order says where two lists of another length begin to differ.
func (c *comparison) order(short string, got, want []entry) {
	brief := func(es []entry, i int) string {
		if i >= len(es) {
			return "nothing"
		}
		var v struct {
			Op  string
			DDL string
		}
		if es[i].value != nil {
			_ = json.Unmarshal(es[i].value.Payload, &v)
		}
		key := ""
		if es[i].key != nil {
			key = string(es[i].key.Payload)
		}
		return v.Op + v.DDL + " " + key
	}
	for i := range max(len(got), len(want)) {
		if g, w := brief(got, i), brief(want, i); g != w {
			c.differs(fmt.Sprintf("%s record %d of %d and %d", short, i, len(got), len(want)), g, w)
			return
		}
	}
}

func (c *comparison) entry(short string, got, want entry) {
	half := func(name string, g, w *part) {
		if g == nil || w == nil {
			if (g == nil) != (w == nil) {
				c.differs(short+" "+name, g, w)
			}
			return
		}
		c.json(short+" "+name+".schema", g.Schema, w.Schema)
		c.json(short+" "+name+".payload", g.Payload, w.Payload)
	}
	half("key", got.key, want.key)
	half("value", got.value, want.value)
	if len(got.headers) != len(want.headers) {
		c.differs(short+" headers", got.headers, want.headers)
		return
	}
	for i, h := range want.headers {
		if got.headers[i][0] != h[0] {
			c.differs(fmt.Sprintf("%s headers[%d] key", short, i), got.headers[i][0], h[0])
		} else if got.headers[i][1] != h[1] && h[0] != "__debezium.context.runId" {
			c.differs(short+" headers."+h[0], got.headers[i][1], h[1])
		}
	}
}

func (c *comparison) json(place string, got, want json.RawMessage) {
	if string(got) == string(want) {
		c.fields++
		return
	}
	c.value(place, decode(got), decode(want))
}

func decode(b json.RawMessage) (v any) {
	if len(b) == 0 {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "no JSON: " + err.Error()
	}
	return v
}

// value compares two JSON trees. Elements of lists are named by their field or name, if they have one.
func (c *comparison) value(place string, got, want any) {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			c.differs(place, got, want)
			return
		}
		all := maps.Clone(w)
		maps.Copy(all, g)
		for k := range all {
			gv, gok := g[k]
			wv, wok := w[k]
			at := place + "." + k
			switch {
			case gok != wok:
				c.differs(at, orAbsent(gv, gok), orAbsent(wv, wok))
			case isVolatile(at):
				if (gv == nil) != (wv == nil) {
					c.differs(at, gv, wv)
				}
			default:
				c.value(at, gv, wv)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			c.differs(place, names(got), names(want))
			return
		}
		for i := range w {
			c.value(fmt.Sprintf("%s[%s]", place, element(w[i], i)), g[i], w[i])
		}
	default:
		c.fields++
		if got != want {
			c.differs(place, got, want)
		}
	}
}

func orAbsent(v any, ok bool) any {
	if !ok {
		return "(absent)"
	}
	return v
}

func element(v any, i int) string {
	if m, ok := v.(map[string]any); ok {
		for _, k := range []string{"field", "name", "id"} {
			if s, ok := m[k].(string); ok {
				return s
			}
		}
	}
	return fmt.Sprint(i)
}

func names(v any) any {
	l, ok := v.([]any)
	if !ok {
		return v
	}
	out := []string{}
	for i, e := range l {
		if n := element(e, i); n != fmt.Sprint(i) {
			out = append(out, n)
		} else {
			b, _ := json.Marshal(e)
			out = append(out, string(b))
		}
	}
	return out
}
