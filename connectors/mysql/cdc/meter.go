package cdc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// meter counts what the reader does, for the metrics and for the task's progress. Any goroutine.
type meter struct {
	now func() time.Time

	addRows, addIncremental, addDropped              func(int64)
	addEvents, addCreates, addUpdates, addDeletes    func(int64)
	addFiltered, addErroneous, addDisconnects        func(int64)
	addCommits, addRollbacks, addMalformed, addLarge func(int64)

	connected, gtidMode, skipped atomic.Bool

	mu     sync.Mutex
	snap   *snapshotMeter // the last, or the present one; nil: none since the task started
	inc    incrementalMeter
	stream streamMeter
}

// streamMeter is where the stream stands.
type streamMeter struct {
	begun       bool
	file        string
	pos         uint64
	gtid, gtids string
	lag         int64     // milliseconds
	at          time.Time // of the last event; zero: there was none
}

// incrementalMeter is the state of incremental snapshots.
type incrementalMeter struct {
	total, left int
	table       history.TableID
	rows        int64 // of table
	expected    int64 // likewise; 0: not known
	pausedAt    time.Time
	paused      time.Duration // of earlier pauses
}

func newMeter(m connect.Metrics, now func() time.Time) *meter {
	t := &meter{now: now,
		addRows: m.Counter(metricRows), addIncremental: m.Counter(metricIncremental), addDropped: m.Counter(metricWindowDropped),
		addEvents: m.Counter(metricEvents), addCreates: m.Counter(metricCreates), addUpdates: m.Counter(metricUpdates),
		addDeletes: m.Counter(metricDeletes), addFiltered: m.Counter(metricFiltered), addErroneous: m.Counter(metricErroneous),
		addDisconnects: m.Counter(metricDisconnects), addCommits: m.Counter(metricCommits), addRollbacks: m.Counter(metricRollbacks),
		addMalformed: m.Counter(metricMalformed), addLarge: m.Counter(metricLarge),
	}
	for metric, v := range map[*connect.Metric]*atomic.Bool{metricConnected: &t.connected, metricGTIDMode: &t.gtidMode, metricSkipped: &t.skipped} {
		m.Gauge(metric, func() float64 { return asNumber(v.Load()) })
	}
	t.snapshotGauges(m)
	for metric, read := range map[*connect.Metric]func() float64{
		metricIncrementalQ: func() float64 { return float64(t.inc.left) },
		metricPaused:       func() float64 { return asNumber(!t.inc.pausedAt.IsZero()) },
		metricPausedFor:    func() float64 { return t.pausedFor().Seconds() },
		metricPosition:     func() float64 { return float64(t.stream.pos) },
		metricLag: func() float64 {
			if t.stream.at.IsZero() {
				return -1
			}
			return float64(t.stream.lag)
		},
		metricSinceEvent: func() float64 {
			if t.stream.at.IsZero() {
				return -1
			}
			return float64(t.now().Sub(t.stream.at).Milliseconds())
		},
	} {
		m.Gauge(metric, locked(&t.mu, read))
	}
	return t
}

// snapshotGauges binds the metrics of the last snapshot.
func (m *meter) snapshotGauges(to connect.Metrics) {
	for metric, read := range map[*connect.Metric]func(*snapshotMeter) float64{
		metricRunning:    func(s *snapshotMeter) float64 { return asNumber(s.end.IsZero()) },
		metricCompleted:  func(s *snapshotMeter) float64 { return asNumber(!s.end.IsZero() && !s.aborted) },
		metricAborted:    func(s *snapshotMeter) float64 { return asNumber(s.aborted) },
		metricTables:     func(s *snapshotMeter) float64 { return float64(len(s.tables)) },
		metricTablesLeft: func(s *snapshotMeter) float64 { return float64(s.left) },
		metricDuration: func(s *snapshotMeter) float64 {
			if s.end.IsZero() {
				return m.now().Sub(s.began).Seconds()
			}
			return s.end.Sub(s.began).Seconds()
		},
	} {
		to.Gauge(metric, locked(&m.mu, func() float64 {
			if m.snap == nil {
				return 0
			}
			return read(m.snap)
		}))
	}
	for metric, read := range map[*connect.Metric]func(*tableMeter) int64{
		metricTableRows:    func(t *tableMeter) int64 { return t.rows },
		metricTableRowsEst: func(t *tableMeter) int64 { return t.expected },
	} {
		to.Gauges(metric, func(yield func(string, float64)) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.snap == nil {
				return
			}
			for id, t := range m.snap.tables {
				yield(id.String(), float64(read(t)))
			}
		})
	}
}

func asNumber(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// locked is read under a lock.
func locked(mu *sync.Mutex, read func() float64) func() float64 {
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return read()
	}
}

// stands notes that the stream has come to the cursor's place, by so many events.
func (m *meter) stands(c *cursor, events int64) {
	m.addEvents(events)
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.stream
	s.file, s.pos, s.gtid, s.gtids, s.at = c.file, c.end, c.gtid, c.done, now
	if c.tsMicros > 0 {
		s.lag = max(now.UnixMilli()-c.tsMicros/1000, 0)
	}
}

// streaming notes where the stream begins.
func (m *meter) streaming(c *cursor) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.stream
	s.begun, s.file, s.pos, s.gtids = true, c.restart.file, c.restart.pos, c.done
}

// changed counts the rows of an event.
func (m *meter) changed(op data.Value, rows int64) {
	switch {
	case op.Equal(opCreate):
		m.addCreates(rows)
	case op.Equal(opUpdate):
		m.addUpdates(rows)
	default:
		m.addDeletes(rows)
	}
}

// incremental notes what is left of incremental snapshots.
func (m *meter) incremental(jobs []*job) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := &m.inc
	if len(jobs) == 0 {
		m.unpause()
		*i = incrementalMeter{paused: i.paused}
		return
	}
	if more := len(jobs) - i.left; more > 0 {
		i.total += more
	}
	i.left, i.table, i.rows, i.expected = len(jobs), jobs[0].id, jobs[0].rows, jobs[0].expected
}

// pause notes that incremental snapshots stand, or go on, by a signal.
func (m *meter) pause(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unpause()
	if on {
		m.inc.pausedAt = m.now()
	}
}

func (m *meter) unpause() {
	m.inc.paused = m.pausedFor()
	m.inc.pausedAt = time.Time{}
}

func (m *meter) pausedFor() time.Duration {
	if m.inc.pausedAt.IsZero() {
		return m.inc.paused
	}
	return m.inc.paused + m.now().Sub(m.inc.pausedAt)
}
