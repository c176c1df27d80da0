package cdc

import (
	"slices"
	"time"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// snapshotMeter counts one snapshot that the stream waits for: of the start, or a blocking one.
type snapshotMeter struct {
	began, end time.Time // end: zero while it runs
	aborted    bool
	tables     map[history.TableID]*tableMeter
	current    []history.TableID // begun and not done, in the order they were begun
	left       int               // tables
}

// tableMeter counts the rows of one table of a snapshot.
type tableMeter struct {
	rows, expected int64
	done           bool
}

// begin notes that a snapshot begins; what it reads is not known yet.
func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.snap = &snapshotMeter{began: m.now()}
}

// plan notes which tables are read, with the server's estimates of their rows.
func (m *meter) plan(ids []history.TableID, expected map[history.TableID]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.snap == nil {
		return
	}
	m.snap.tables, m.snap.left = make(map[history.TableID]*tableMeter, len(ids)), len(ids)
	for _, id := range ids {
		m.snap.tables[id] = &tableMeter{expected: expected[id]}
	}
}

// tableBegun notes that rows of a table are read.
func (m *meter) tableBegun(id history.TableID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.snap != nil {
		m.snap.current = append(m.snap.current, id)
	}
}

// tableDone notes that a table is read to its end, or gone.
func (m *meter) tableDone(id history.TableID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.snap == nil {
		return
	}
	m.snap.current = slices.DeleteFunc(m.snap.current, func(x history.TableID) bool { return x == id })
	if t := m.snap.tables[id]; t != nil && !t.done {
		t.done = true
		m.snap.left--
	}
}

// rows counts rows of a table that were sent.
func (m *meter) rows(id history.TableID, n int64) {
	m.addRows(n)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.snap != nil {
		if t := m.snap.tables[id]; t != nil {
			t.rows += n
		}
	}
}

// ended notes how the snapshot under way ended.
func (m *meter) ended(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.snap; s != nil && s.end.IsZero() {
		s.end, s.aborted, s.current = m.now(), err != nil, nil
	}
}

// sums are the rows sent, and those there are in all: what a table that is done had, and of the others the estimate, or more if there
// were more.
func (s *snapshotMeter) sums() (rows, expected int64) {
	for _, t := range s.tables {
		rows += t.rows
		if t.done {
			expected += t.rows
		} else {
			expected += max(t.rows, t.expected)
		}
	}
	return rows, expected
}
