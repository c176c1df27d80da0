package cdc

import (
	"encoding/json"
	"math"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// The phases of a task, as its progress tells them.
const (
	phaseSnapshot    = "snapshot"             // of the start or blocking; the stream waits for it
	phaseIncremental = "incremental_snapshot" // beside the stream
	phaseStreaming   = "streaming"
)

// progressText is the object in the task's status over REST. Counts of rows that are expected are the server's estimates.
type progressText struct {
	Phase     string         `json:"phase"`
	Snapshot  *snapshotText  `json:"snapshot,omitempty"`
	Streaming *streamingText `json:"streaming,omitempty"`
}

type snapshotText struct {
	TablesTotal  int         `json:"tables_total"`
	TablesDone   int         `json:"tables_done"`
	Rows         int64       `json:"rows"`
	RowsExpected int64       `json:"rows_expected"`
	Percent      float64     `json:"percent"`
	Paused       bool        `json:"paused,omitempty"`
	Current      []tableText `json:"current_tables"`
}

type tableText struct {
	Table        string `json:"table"`
	Rows         int64  `json:"rows"`
	RowsExpected int64  `json:"rows_expected"`
}

type streamingText struct {
	Connected bool   `json:"connected"`
	File      string `json:"file"`
	Position  uint64 `json:"position"`
	GTID      string `json:"gtid,omitempty"`  // of the last transaction
	GTIDs     string `json:"gtids,omitempty"` // all that are done, unless they are too many
	Lag       *int64 `json:"lag_ms"`          // null before the first event
}

const (
	shownTables = 16   // of those being read
	shownGTIDs  = 2048 // bytes
)

var _ connect.Progressor = (*task)(nil)

// Progress tells the phase, how far snapshots have come, and where the stream stands.
func (t *task) Progress() connect.Progress {
	m := t.meter.Load()
	if m == nil {
		return connect.Progress{}
	}
	return m.progress()
}

func (m *meter) progress() connect.Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	var p progressText
	switch {
	case m.snap != nil && m.snap.end.IsZero():
		p.Phase, p.Snapshot = phaseSnapshot, m.snap.text()
	case !m.stream.begun:
		return connect.Progress{}
	case m.inc.left > 0:
		p.Phase, p.Snapshot, p.Streaming = phaseIncremental, m.inc.text(), m.stream.text()
	default:
		p.Phase, p.Streaming = phaseStreaming, m.stream.text()
	}
	if p.Streaming != nil {
		p.Streaming.Connected = m.connected.Load()
	}
	b, err := json.Marshal(p)
	if err != nil { // texts and numbers only
		return connect.Progress{}
	}
	return connect.Progress{Phase: p.Phase, Details: b}
}

func (s *snapshotMeter) text() *snapshotText {
	t := &snapshotText{TablesTotal: len(s.tables), TablesDone: len(s.tables) - s.left, Current: []tableText{}}
	t.Rows, t.RowsExpected = s.sums()
	t.Percent = percent(t.Rows, t.RowsExpected, t.TablesDone, t.TablesTotal)
	for _, id := range s.current[:min(len(s.current), shownTables)] {
		if c := s.tables[id]; c != nil {
			t.Current = append(t.Current, c.text(id))
		}
	}
	return t
}

func (c *tableMeter) text(id history.TableID) tableText {
	return tableText{id.String(), c.rows, max(c.rows, c.expected)}
}

// text is of the table being read alone: what others will take is not known before.
func (i *incrementalMeter) text() *snapshotText {
	c := tableMeter{rows: i.rows, expected: i.expected}
	t := &snapshotText{TablesTotal: i.total, TablesDone: i.total - i.left, Rows: i.rows, RowsExpected: max(i.rows, i.expected),
		Paused: !i.pausedAt.IsZero(), Current: []tableText{c.text(i.table)}}
	part := 0.0
	if i.expected > 0 {
		part = min(float64(i.rows)/float64(i.expected), 0.99)
	}
	t.Percent = round((float64(t.TablesDone) + part) * 100 / float64(i.total))
	return t
}

func (s *streamMeter) text() *streamingText {
	t := &streamingText{File: s.file, Position: s.pos, GTID: s.gtid}
	if len(s.gtids) <= shownGTIDs {
		t.GTIDs = s.gtids
	}
	if !s.at.IsZero() {
		lag := s.lag
		t.Lag = &lag
	}
	return t
}

// percent is by rows, and below 100 as long as tables are left; by tables, if no rows are known of.
func percent(rows, expected int64, done, total int) float64 {
	switch {
	case total == 0:
		return 0
	case done == total:
		return 100
	case expected > 0:
		return min(round(float64(rows)*100/float64(expected)), 99.9)
	}
	return round(float64(done) * 100 / float64(total))
}

func round(x float64) float64 { return math.Round(x*10) / 10 }
