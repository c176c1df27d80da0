package cdc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connectors/mysql/history"
)

// TestProgressOfPhases walks a meter through a start: what the task tells, and what the metrics say.
func TestProgressOfPhases(t *testing.T) {
	now := time.Unix(1700000000, 0)
	count := newCounting()
	m := newMeter(count, func() time.Time { return now })
	id := func(name string) history.TableID { return history.TableID{DB: "d", Name: name} }
	tells := func(when, want string) {
		t.Helper()
		if got := string(m.progress().Details); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", when, got, want)
		}
	}
	gauges := func(when string, want map[string]float64) {
		t.Helper()
		for name, v := range want {
			if got := count.reads[name](); got != v {
				t.Errorf("%s: %s is %v, want %v", when, name, got, v)
			}
		}
	}
	tells("before anything", "")
	gauges("before anything", map[string]float64{"snapshot_running": 0, "snapshot_completed": 0, "behind_source_milliseconds": -1, "since_last_event_milliseconds": -1})

	m.begin()
	tells("definitions", `{"phase":"snapshot","snapshot":{"tables_total":0,"tables_done":0,"rows":0,"rows_expected":0,"percent":0,"current_tables":[]}}`)
	m.plan([]history.TableID{id("a"), id("b"), id("c")}, map[history.TableID]int64{id("a"): 100, id("b"): 50})
	m.tableBegun(id("a"))
	m.tableBegun(id("b"))
	m.rows(id("a"), 25)
	m.rows(id("b"), 60)
	now = now.Add(30 * time.Second)
	tells("two tables", `{"phase":"snapshot","snapshot":{"tables_total":3,"tables_done":0,"rows":85,"rows_expected":160,"percent":53.1,"current_tables":[`+
		`{"table":"d.a","rows":25,"rows_expected":100},{"table":"d.b","rows":60,"rows_expected":60}]}}`)
	m.tableDone(id("a")) // it had fewer than estimated
	tells("one is done", `{"phase":"snapshot","snapshot":{"tables_total":3,"tables_done":1,"rows":85,"rows_expected":85,"percent":99.9,"current_tables":[`+
		`{"table":"d.b","rows":60,"rows_expected":60}]}}`)
	gauges("one is done", map[string]float64{"snapshot_running": 1, "snapshot_tables": 3, "snapshot_tables_remaining": 2, "snapshot_duration_seconds": 30})
	m.tableDone(id("b"))
	m.tableDone(id("c"))
	if got := string(m.progress().Details); !strings.Contains(got, `"percent":100,`) {
		t.Errorf("all are done: %s", got)
	}
	m.ended(nil)
	now = now.Add(time.Hour)
	gauges("the end", map[string]float64{"snapshot_running": 0, "snapshot_completed": 1, "snapshot_aborted": 0, "snapshot_duration_seconds": 30, "snapshot_tables_remaining": 0})
	if n := count.counts["snapshot_rows"]; n != 85 {
		t.Errorf("%d rows", n)
	}

	c := &cursor{file: "bin.1", end: 200, gtid: "u:7", done: "u:1-7", restart: place{"bin.1", 100}, tsMicros: now.UnixMicro() - 1_500_000}
	m.streaming(c)
	tells("no event yet", `{"phase":"streaming","streaming":{"connected":false,"file":"bin.1","position":100,"gtids":"u:1-7","lag_ms":null}}`)
	m.connected.Store(true)
	m.stands(c, 1)
	const streaming = `"streaming":{"connected":true,"file":"bin.1","position":200,"gtid":"u:7","gtids":"u:1-7","lag_ms":1500}}`
	tells("streaming", `{"phase":"streaming",`+streaming)
	now = now.Add(time.Minute)
	tells("nothing new", `{"phase":"streaming",`+streaming)
	gauges("streaming", map[string]float64{"behind_source_milliseconds": 1500, "since_last_event_milliseconds": 60000, "binlog_position": 200, "connected": 1})

	jobs := []*job{{id: id("a"), rows: 10, expected: 40}, {id: id("b")}}
	m.incremental(jobs)
	tells("incremental", `{"phase":"incremental_snapshot","snapshot":{"tables_total":2,"tables_done":0,"rows":10,"rows_expected":40,"percent":12.5,"current_tables":[`+
		`{"table":"d.a","rows":10,"rows_expected":40}]},`+streaming)
	m.incremental(jobs[1:])
	m.pause(true)
	now = now.Add(time.Minute)
	tells("paused", `{"phase":"incremental_snapshot","snapshot":{"tables_total":2,"tables_done":1,"rows":0,"rows_expected":0,"percent":50,"paused":true,"current_tables":[`+
		`{"table":"d.b","rows":0,"rows_expected":0}]},`+streaming)
	gauges("paused", map[string]float64{"snapshot_paused": 1, "snapshot_paused_seconds": 60, "incremental_snapshot_tables_remaining": 1})
	m.incremental(nil)
	now = now.Add(time.Minute)
	tells("incremental is over", `{"phase":"streaming",`+streaming)
	gauges("over", map[string]float64{"snapshot_paused": 0, "snapshot_paused_seconds": 60})

	c.done = strings.Repeat("x", shownGTIDs+1)
	m.stands(c, 1)
	if got := string(m.progress().Details); strings.Contains(got, "gtids") {
		t.Error("a long set of GTIDs is told")
	}
	m.begin()
	m.ended(errors.New("boom"))
	gauges("failed", map[string]float64{"snapshot_running": 0, "snapshot_completed": 0, "snapshot_aborted": 1})
}

// TestEveryMetricIsBound: each declared metric is there from the task's start.
func TestEveryMetricIsBound(t *testing.T) {
	count := newCounting()
	var labelled int
	newMeter(count, time.Now)
	newQueue(1, 1, 0).measure(count)
	names := map[string]bool{}
	for _, m := range allMetrics {
		short := strings.TrimPrefix(m.Name, "mysql_")
		if names[short] {
			t.Errorf("%s is there twice", m.Name)
		}
		names[short] = true
		_, gauge := count.reads[short]
		_, counter := count.bound[short]
		if m.Label != "" {
			labelled++
		} else if gauge == counter {
			t.Errorf("%s: gauge %v, counter %v", m.Name, gauge, counter)
		}
	}
	if labelled != count.labelled {
		t.Errorf("%d of %d metrics with a label are bound", count.labelled, labelled)
	}
}
