package cdc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect/config"
)

// gtidFilter chooses the servers whose transactions count (gtid.source.includes, gtid.source.excludes); nil takes all.
type gtidFilter struct {
	in, out patterns
	rows    bool // rows of the others are dropped (gtid.source.filter.dml.events)
}

func gtidFilterOf(v config.Values) (*gtidFilter, error) {
	f := &gtidFilter{rows: keyGtidSourceFilterDmlEvents.Get(v)}
	var err error
	if f.in, err = patternsOf(keyGtidSourceIncludes.Name(), keyGtidSourceIncludes.Get(v)); err != nil {
		return nil, err
	}
	if f.out, err = patternsOf(keyGtidSourceExcludes.Name(), strings.Split(keyGtidSourceExcludes.Get(v), ",")); err != nil {
		return nil, err
	}
	if len(f.in) == 0 && len(f.out) == 0 {
		return nil, nil
	}
	return f, nil
}

// takes tells whether transactions of a server count.
func (f *gtidFilter) takes(uuid string) bool {
	switch {
	case f == nil:
		return true
	case len(f.in) > 0:
		return f.in.match(uuid)
	default:
		return !f.out.match(uuid)
	}
}

// keeps is takes for a schema history; nil if all are taken.
func (f *gtidFilter) keeps() func(uuid string) bool {
	if f == nil {
		return nil
	}
	return f.takes
}

// drops tells whether the rows of a server's transactions are not sent.
func (f *gtidFilter) drops(uuid string) bool { return f != nil && f.rows && !f.takes(uuid) }

// retain is the part of the set whose servers keep says yes to.
func (g *gtidSet) retain(keep func(uuid string) bool) *gtidSet {
	out := &gtidSet{mariadb: g.mariadb}
	for _, s := range g.sources {
		if keep(s.uuid) {
			c := *s
			c.spans = slices.Clone(s.spans)
			out.sources = append(out.sources, &c)
		}
	}
	return out
}

// union puts all of o in.
func (g *gtidSet) union(o *gtidSet) {
	for _, s := range o.sources {
		to := g.source(s.uuid, s.tag)
		if g.mariadb = g.mariadb || o.mariadb; g.mariadb {
			if len(to.spans) == 0 || len(s.spans) > 0 && s.spans[0].last > to.spans[0].last {
				to.spans = slices.Clone(s.spans)
			}
			to.render()
			continue
		}
		for _, sp := range s.spans {
			to.add(sp)
		}
		to.render()
	}
}

// remove takes one transaction out.
func (g *gtidSet) remove(uuid, tag string, gno int64) {
	src := g.source(uuid, tag)
	if g.mariadb { // what came before it in its domain is all that can be said
		src.spans = []span{{gno - 1, gno - 1}}
		src.render()
		return
	}
	var spans []span
	for _, sp := range src.spans {
		if gno < sp.first || gno > sp.last {
			spans = append(spans, sp)
			continue
		}
		if sp.first < gno {
			spans = append(spans, span{sp.first, gno - 1})
		}
		if gno < sp.last {
			spans = append(spans, span{gno + 1, sp.last})
		}
	}
	src.spans = spans
	src.render()
	if len(spans) == 0 {
		g.sources = slices.DeleteFunc(g.sources, func(s *gtidSource) bool { return s == src })
	}
}

// beyond tells whether the set has a later transaction of the same server and tag.
func (g *gtidSet) beyond(uuid, tag string, gno int64) bool {
	for _, s := range g.sources {
		if s.uuid == uuid && s.tag == tag {
			return len(s.spans) > 0 && s.spans[len(s.spans)-1].last > gno
		}
	}
	return false
}

// relevant is a stored GTID set as far as it says something about this server: only the sources that count.
func (r *reader) relevant(gtids string) (string, error) {
	if r.set.gtidFilter == nil {
		return gtids, nil
	}
	g, err := parseGTIDSet(gtids)
	if err != nil {
		return "", err
	}
	return g.retain(r.set.gtidFilter.takes).String(), nil
}

// startSet is the set to ask the server to go on from. Transactions of sources that do not count are taken as seen up to now if their
// rows are dropped anyway, else as far as the offset says; those the server purged are always taken as seen, since it could not send
// them (MySqlConnection.filterGtidSet).
func (r *reader) startSet(ctx context.Context, gtids string) (string, error) {
	f := r.set.gtidFilter
	if f == nil {
		return gtids, nil
	}
	stored, err := parseGTIDSet(gtids)
	if err != nil {
		return "", err
	}
	conn, err := r.dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	sets := map[string]*gtidSet{}
	names := []string{"gtid_executed", "gtid_purged"}
	if r.mariadb {
		names[0] = "gtid_binlog_pos"
	}
	for _, name := range names {
		text, err := conn.Global(ctx, name)
		if err != nil {
			return "", err
		}
		if sets[name], err = parseGTIDSet(text); err != nil {
			return "", fmt.Errorf("reading %s: %w", name, err)
		}
	}
	others := func(uuid string) bool { return !f.takes(uuid) }
	start := stored.retain(f.takes)
	start.union(sets["gtid_purged"].retain(others))
	if f.rows {
		start.union(sets[names[0]].retain(others))
	} else {
		start.union(stored.retain(others))
	}
	return start.String(), nil
}
