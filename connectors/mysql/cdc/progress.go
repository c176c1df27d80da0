package cdc

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// progress is what an offset says beside the position: how far the snapshots under way have come. Immutable; nil: nothing.
//
// Debezium ignores the keys it does not know (those that begin with connectd_). While rest is there the offset has snapshot=INITIAL
// too, so that Debezium, which does not know what rest means, takes the snapshot anew when it takes over.
type progress struct {
	rest    *rest  // of the snapshot at the start
	queue   *asked // incremental snapshots asked for by signals
	filters string // what is captured: see filterTexts
}

// The keys of the offset, as connectd adds them.
const (
	offsetRest    = "connectd_snapshot"
	offsetFilters = "connectd_filters"
	offsetCovered = "connectd_history"
)

// markerInitial is what snapshot says in the offset.
const markerInitial = "INITIAL"

// rest is what a snapshot has still to send. Immutable.
type rest struct {
	begun []tableRest       // some rows sent, or some chunk of it being read
	next  []history.TableID // not begun
	rows  int64             // sent so far
}

// tableRest is what is left of one table; no spans: all of it.
type tableRest struct {
	id    history.TableID
	spans []keySpan
}

func (r *rest) empty() bool { return r == nil || len(r.begun) == 0 && len(r.next) == 0 }

// with is r where the spans of a table are others; none: the table is done.
func (r *rest) with(id history.TableID, spans []keySpan, done bool, rows int64) *rest {
	n := &rest{begun: slices.Clone(r.begun), next: r.next, rows: r.rows + rows}
	i := slices.IndexFunc(n.begun, func(t tableRest) bool { return t.id == id })
	switch {
	case done && i >= 0:
		n.begun = slices.Delete(n.begun, i, i+1)
	case done:
	case i >= 0:
		n.begun[i].spans = spans
	default:
		n.begun = append(n.begun, tableRest{id, spans})
	}
	if i < 0 {
		if j := slices.Index(n.next, id); j == 0 {
			n.next = n.next[1:] // shared: tables are begun in order
		} else if j > 0 {
			n.next = slices.Delete(slices.Clone(n.next), j, j+1)
		}
	}
	return n
}

// restDocument is the text of offsetRest. Offsets are flat for Kafka Connect, so it is JSON inside a string.
type restDocument struct {
	Rows  int64       `json:"rows,omitempty"`
	Begun []restTable `json:"begun,omitempty"`
	Next  [][2]string `json:"next,omitempty"`
}

type restTable struct {
	ID    [2]string `json:"id"`
	Spans []keySpan `json:"spans,omitempty"`
}

func (r *rest) text() string {
	d := restDocument{Rows: r.rows}
	for _, t := range r.begun {
		d.Begun = append(d.Begun, restTable{[2]string{t.id.DB, t.id.Name}, t.spans})
	}
	for _, id := range r.next {
		d.Next = append(d.Next, [2]string{id.DB, id.Name})
	}
	b, err := json.Marshal(d)
	if err != nil { // texts and numbers only
		return "{}"
	}
	return string(b)
}

func parseRest(s string) (*rest, error) {
	var d restDocument
	if err := json.Unmarshal([]byte(s), &d); err != nil {
		return nil, fmt.Errorf("reading %s: %w", offsetRest, err)
	}
	r := &rest{rows: d.Rows}
	for _, t := range d.Begun {
		r.begun = append(r.begun, tableRest{history.TableID{DB: t.ID[0], Name: t.ID[1]}, t.Spans})
	}
	for _, id := range d.Next {
		r.next = append(r.next, history.TableID{DB: id[0], Name: id[1]})
	}
	return r, nil
}
