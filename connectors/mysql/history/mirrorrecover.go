package history

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// errOtherHistory tells that the history is not the one that the mirror was made of.
var errOtherHistory = errors.New("the schema history is not the one that the copy was made of")

// recoverMirror makes the model of the mirror and the documents behind it; ok is false if that cannot be done, and the whole history has
// to be read.
func (s *Store) recoverMirror(ctx context.Context, stop *stopPoint, covered int64) (out Recovered, ok bool, err error) {
	m := s.mirror
	if err := m.load(ctx); err != nil || m.header == nil {
		return out, false, err
	}
	h := m.header
	var b bounds
	for _, p := range h.Bounds {
		b = append(b, stopAt(p, nil))
	}
	if !b.within(stop) {
		return out, false, nil
	}
	out = Recovered{Model: m.stored.Copy(), Documents: h.Documents, FromMirror: true}
	f := &folding{s: s, stop: stop, out: &out, first: h.Base, next: h.Upto, last: h.Last, bounds: b}
	switch err := s.readTail(ctx, f, h); {
	case errors.Is(err, errOtherHistory) && covered == h.Upto:
		return s.restoreHistory(ctx, stop)
	case errors.Is(err, errOtherHistory):
		return Recovered{}, false, nil
	case err != nil:
		return Recovered{}, false, err
	}
	if f.spoilt {
		return Recovered{}, false, nil
	}
	changed := f.next != h.Upto
	m.take(m.stored, h.Base, f.next, f.last, f.bounds)
	m.documents = out.Documents
	if changed {
		m.model = f.all()
		m.model.track()
		m.touchAll()
		s.keepMirror(m.write(ctx))
	}
	return out, true, nil
}

// readTail reads the history from a little before the end of what the mirror covers: the document before it must be the one that the
// mirror knows.
func (s *Store) readTail(ctx context.Context, f *folding, h *mirrorHeader) error {
	known := false
	err := s.mirror.history.ReadFrom(ctx, max(h.Upto-tailLength, h.Base), func(offset int64, _, value []byte) error {
		switch {
		case offset >= h.Upto && !known:
			return errOtherHistory
		case offset >= h.Upto:
			return f.document(offset, value)
		case offset == h.Upto-1:
			if fingerprint(value) != h.Last {
				return errOtherHistory
			}
			known = true
		}
		d, err := s.parse(value)
		if err == nil && d != nil {
			s.applied(d)
		}
		return err
	})
	if err == nil && !known {
		return errOtherHistory
	}
	return err
}

// restoreHistory writes the tables of the mirror into a history that was lost, wholly or in its last part.
func (s *Store) restoreHistory(ctx context.Context, stop *stopPoint) (out Recovered, ok bool, err error) {
	m := s.mirror
	s.ring = nil
	s.cfg.Logger.Warn("the schema history topic has lost documents; the definitions of all tables are written to it again", "tables", m.stored.Len())
	// The topic of the mirror stays as it is until all is written: if this ends before, the next start does it again.
	m.take(m.stored.Copy(), -1, -1, "", nil)
	m.hold = true
	if err := s.Add(ctx, stop.Position, restoring(m.stored)...); err != nil {
		return out, false, err
	}
	if err := s.Flush(ctx); err != nil {
		return out, false, err
	}
	m.hold = false
	s.keepMirror(m.write(ctx))
	return Recovered{Model: m.stored.Copy(), Documents: m.stored.Len(), FromMirror: true}, true, nil
}

// restoring are the changes that make a model.
func restoring(m *Model) []Change {
	out := []Change{{Type: SetVariable, DDL: "SET character_set_server=" + m.server}}
	for key, d := range m.dbs {
		if d.charset != "" {
			out = append(out, Change{Type: CreateDatabase, DB: key, DDL: "CREATE DATABASE " + TableID{Name: key}.Backticked() + " CHARSET " + d.charset})
		}
	}
	slices.SortFunc(out[1:], func(a, b Change) int { return strings.Compare(a.DB, b.DB) })
	for _, t := range m.Tables() {
		out = append(out, Change{Type: Create, DB: t.ID.DB, ID: t.ID, Table: t})
	}
	return out
}
