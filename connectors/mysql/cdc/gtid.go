package cdc

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// gtidSet is a MySQL GTID set that grows by one transaction at a time and is rendered after each: the rendering of all sources but
// the one that grew is kept. One goroutine.
type gtidSet struct {
	mariadb bool          // a source is domain-server, and has its last transaction only
	sources []*gtidSource // in order of appearance
}

// gtidSource are the transactions of one server, or of one tag of it.
type gtidSource struct {
	uuid, tag string
	spans     []span // sorted, disjoint, not adjacent
	text      string // rendering of spans: "1-5:7"
}

type span struct{ first, last int64 } // both included

// parseGTIDSet reads uuid:1-5:7:tag:1-3,uuid2:… with blanks and line breaks anywhere between; the empty text is the empty set.
func parseGTIDSet(s string) (*gtidSet, error) {
	g := &gtidSet{}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if source, n, ok := isMariaGTID(part); ok {
			g.mariadb = true
			g.source(source, "").spans = []span{{n, n}}
			continue
		}
		fields := strings.Split(part, ":")
		uuid := strings.ToLower(strings.TrimSpace(fields[0]))
		if !validUUID(uuid) || len(fields) < 2 {
			return nil, fmt.Errorf("%q is no GTID set", part)
		}
		tag := ""
		for _, f := range fields[1:] {
			f = strings.TrimSpace(f)
			if f == "" {
				return nil, fmt.Errorf("%q is no GTID set: an interval is empty", part)
			}
			if f[0] < '0' || f[0] > '9' {
				if !validTag(f) {
					return nil, fmt.Errorf("%q is no GTID set: %q is neither an interval nor a tag", part, f)
				}
				tag = strings.ToLower(f)
				continue
			}
			sp, err := parseSpan(f)
			if err != nil {
				return nil, fmt.Errorf("%q is no GTID set: %w", part, err)
			}
			g.source(uuid, tag).add(sp)
		}
	}
	for _, src := range g.sources {
		src.render()
	}
	return g, nil
}

func validUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if s[i] != '-' {
				return false
			}
		case s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f':
		default:
			return false
		}
	}
	return true
}

func validTag(s string) bool {
	if len(s) > 32 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		if c != 0x7f && s[i] != '_' && (c < 'a' || c > 'z') && (i == 0 || s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

func parseSpan(s string) (span, error) {
	a, b, ranged := strings.Cut(s, "-")
	first, err := strconv.ParseInt(strings.TrimSpace(a), 10, 64)
	if err != nil || first < 1 {
		return span{}, fmt.Errorf("%q is no interval", s)
	}
	if !ranged {
		return span{first, first}, nil
	}
	last, err := strconv.ParseInt(strings.TrimSpace(b), 10, 64)
	if err != nil || last < first {
		return span{}, fmt.Errorf("%q is no interval", s)
	}
	return span{first, last}, nil
}

// source finds or makes the entry of a server and tag; tags stand behind their server.
func (g *gtidSet) source(uuid, tag string) *gtidSource {
	at := -1
	for i, s := range g.sources {
		if s.uuid == uuid {
			if s.tag == tag {
				return s
			}
			at = i
		}
	}
	src := &gtidSource{uuid: uuid, tag: tag}
	if at < 0 {
		g.sources = append(g.sources, src)
	} else {
		g.sources = slices.Insert(g.sources, at+1, src)
	}
	return src
}

// add puts one transaction in.
func (g *gtidSet) add(uuid, tag string, gno int64) {
	src := g.source(uuid, tag)
	if g.mariadb {
		src.spans = []span{{gno, gno}}
	} else {
		src.add(span{gno, gno})
	}
	src.render()
}

func (s *gtidSource) add(n span) {
	if k := len(s.spans); k > 0 && s.spans[k-1].last+1 == n.first { // the usual case
		s.spans[k-1].last = n.last
		return
	}
	i, _ := slices.BinarySearchFunc(s.spans, n, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	s.spans = slices.Insert(s.spans, i, n)
	merged := s.spans[:1]
	for _, x := range s.spans[1:] {
		l := &merged[len(merged)-1]
		if x.first <= l.last || x.first == l.last+1 {
			l.last = max(l.last, x.last)
		} else {
			merged = append(merged, x)
		}
	}
	s.spans = merged
}

func (s *gtidSource) render() {
	b := make([]byte, 0, 24*len(s.spans))
	for i, x := range s.spans {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendInt(b, x.first, 10)
		if x.last > x.first {
			b = append(b, '-')
			b = strconv.AppendInt(b, x.last, 10)
		}
	}
	s.text = string(b)
}

// String renders the set as MySQL does, on one line.
func (g *gtidSet) String() string {
	n := 0
	for _, s := range g.sources {
		n += len(s.uuid) + len(s.tag) + len(s.text) + 3
	}
	b := make([]byte, 0, n)
	for i, s := range g.sources {
		if g.mariadb {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, s.uuid...), '-'), s.text...)
			continue
		}
		if i > 0 && g.sources[i-1].uuid == s.uuid {
			b = append(b, ':')
		} else {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, s.uuid...)
			b = append(b, ':')
		}
		if s.tag != "" {
			b = append(b, s.tag...)
			b = append(b, ':')
		}
		b = append(b, s.text...)
	}
	return string(b)
}

// contains tells whether all transactions of o are in g.
func (g *gtidSet) contains(o *gtidSet) bool {
	for _, src := range o.sources {
		var mine []span
		for _, x := range g.sources {
			if x.uuid == src.uuid && x.tag == src.tag {
				mine = x.spans
			}
		}
		for _, want := range src.spans {
			if !slices.ContainsFunc(mine, func(have span) bool { return have.first <= want.first && want.last <= have.last }) {
				return false
			}
		}
	}
	return true
}
