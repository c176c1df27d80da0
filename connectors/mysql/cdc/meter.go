package cdc

import (
	"sync/atomic"

	"github.com/connectd/connectd/connect"
)

// The connector's metrics.
var (
	metricQueue         = &connect.Metric{Name: "mysql_queue_records", Unit: "records", Help: "Records read from MySQL that wait to be taken."}
	metricRows          = &connect.Metric{Name: "mysql_snapshot_rows", Unit: "rows", Help: "Rows sent by snapshots of the start (initial, always, …) since the task started."}
	metricRunning       = &connect.Metric{Name: "mysql_snapshot_running", Unit: "", Help: "1 while rows of a snapshot of the start are read, else 0."}
	metricTables        = &connect.Metric{Name: "mysql_snapshot_tables", Unit: "tables", Help: "Tables of the snapshot of the start."}
	metricTablesLeft    = &connect.Metric{Name: "mysql_snapshot_tables_remaining", Unit: "tables", Help: "Tables of the snapshot of the start that are not read to their end."}
	metricIncremental   = &connect.Metric{Name: "mysql_incremental_snapshot_rows", Unit: "rows", Help: "Rows sent by incremental snapshots, and by the rest of an interrupted one, since the task started."}
	metricIncrementalQ  = &connect.Metric{Name: "mysql_incremental_snapshot_tables_remaining", Unit: "tables", Help: "Tables that wait for an incremental snapshot, with the one being read."}
	metricWindowDropped = &connect.Metric{Name: "mysql_incremental_snapshot_rows_superseded", Unit: "rows", Help: "Rows of chunks that were not sent, since a change of the same row came in the chunk's window."}
)

var allMetrics = []*connect.Metric{metricQueue, metricRows, metricRunning, metricTables, metricTablesLeft, metricIncremental, metricIncrementalQ, metricWindowDropped}

// meter counts what snapshots do. Any goroutine.
type meter struct {
	addRows, addIncremental, addDropped func(int64)
	running, tables, left, waiting      atomic.Int64
}

func newMeter(m connect.Metrics) *meter {
	t := &meter{addRows: m.Counter(metricRows), addIncremental: m.Counter(metricIncremental), addDropped: m.Counter(metricWindowDropped)}
	for metric, v := range map[*connect.Metric]*atomic.Int64{metricRunning: &t.running, metricTables: &t.tables, metricTablesLeft: &t.left,
		metricIncrementalQ: &t.waiting} {
		m.Gauge(metric, func() float64 { return float64(v.Load()) })
	}
	return t
}

func (m *meter) begin(tables int) {
	m.running.Store(1)
	m.tables.Store(int64(tables))
	m.left.Store(int64(tables))
}

func (m *meter) tableDone() { m.left.Add(-1) }

func (m *meter) end() {
	m.running.Store(0)
	m.left.Store(0)
}

func (m *meter) rows(n int64) { m.addRows(n) }
