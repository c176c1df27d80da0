package cdc

import (
	"slices"
	"strings"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// job is the reading of one table.
type job struct {
	id        history.TableID
	condition string // in parentheses
	surrogate string
	signal    string
	initial   bool // left by an interrupted snapshot

	spans    []keySpan // left; nil before the table's last key was read
	asIs     bool      // spans come from an offset, their end may be open
	max      keyTexts
	kinds    string
	rows     int64
	expected int64 // rows by the server's estimate; 0: not known
	checks   int   // attempts that failed for want of the table's present definition
}

func newIncremental(r *reader, p *progress) *incremental {
	s := &incremental{r: r}
	if p == nil {
		return s
	}
	if p.rest != nil {
		s.sent = p.rest.rows
		for _, t := range p.rest.begun {
			s.jobs = append(s.jobs, &job{id: t.id, initial: true, spans: t.spans, asIs: t.spans != nil})
		}
		for _, id := range p.rest.next {
			s.jobs = append(s.jobs, &job{id: id, initial: true})
		}
	}
	if q := p.queue; q != nil {
		s.signal = q.signal
		for i, t := range q.tables {
			j := &job{id: t.id, condition: t.condition, surrogate: t.surrogate, signal: t.signal}
			if i == 0 && q.max != nil {
				j.spans, j.max = []keySpan{{From: q.last, To: q.max}}, q.max
			}
			s.jobs = append(s.jobs, j)
		}
	}
	return s
}

// state is what offsets say of it.
func (s *incremental) state() *progress {
	p := &progress{filters: s.r.set.filterTexts}
	var q asked
	for _, j := range s.jobs {
		switch {
		case j.initial && p.rest == nil:
			p.rest = &rest{rows: s.sent}
			fallthrough
		case j.initial && j.spans != nil:
			if j.spans != nil {
				p.rest.begun = append(p.rest.begun, tableRest{j.id, slices.Clone(j.spans)})
				continue
			}
			fallthrough
		case j.initial:
			p.rest.next = append(p.rest.next, j.id)
		default:
			if len(q.tables) == 0 && len(j.spans) > 0 {
				q.last, q.max, q.kinds = j.spans[0].From, j.max, j.kinds
			}
			q.tables = append(q.tables, askedTable{j.id, j.condition, j.surrogate, j.signal})
		}
	}
	s.r.meter.incremental(s.jobs)
	if len(q.tables) > 0 {
		q.signal = s.signal
		if q.kinds == "" {
			q.kinds = strings.Repeat("L", max(len(q.last), len(q.max)))
		}
		p.queue = &q
	}
	if p.rest == nil && p.queue == nil {
		return s.r.settled()
	}
	return p
}
