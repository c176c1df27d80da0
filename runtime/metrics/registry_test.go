package metrics_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/runtime/metrics"
)

func scrape(t *testing.T, r *metrics.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	b, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatal(w.Code, err, string(b))
	}
	return string(b)
}

func has(t *testing.T, page, line string, want bool) {
	t.Helper()
	if got := strings.Contains(page, line+"\n"); got != want {
		t.Errorf("line %q on /metrics: %v, want %v", line, got, want)
	}
}

var task = connect.TaskID{Connector: "orders", Task: 2}

func TestScopes(t *testing.T) {
	r := metrics.New()
	s, w := r.Scope(task), r.Worker()
	other := r.Scope(connect.TaskID{Connector: "orders", Task: connect.ConnectorTask})
	s.Counter(&metrics.SourceRecordPoll.Metric)(5)
	s.Counter(&metrics.SourceRecordPoll.Metric)(2) // the same instrument
	s.Histogram(&metrics.SourcePollTime.Metric)(0.02)
	s.SetStatus("RUNNING")
	w.Gauge(&metrics.WorkerTasks.Metric, func() float64 { return 3 })
	other.Counter(&connect.Metric{Name: "mysql_reconnects", Help: "h"})(1)
	other.Gauge(&connect.Metric{Name: "mysql_panics"}, func() float64 { panic("boom") })
	other.Gauges(&connect.Metric{Name: "mysql_rows", Label: "table"}, func(yield func(string, float64)) {
		yield("a.b", 4)
		yield("c.d", 5)
		yield("a.b", 6)
		panic("boom")
	})
	other.Gauges(&connect.Metric{Name: "mysql_unlabelled"}, func(yield func(string, float64)) { yield("a", 1) })
	lines := []string{
		`connectd_source_record_poll_total{connector="orders",task="2"} 7`,
		`connectd_source_poll_batch_seconds_count{connector="orders",task="2"} 1`,
		`connectd_task_status{connector="orders",status="running",task="2"} 1`,
		`connectd_task_status{connector="orders",status="paused",task="2"} 0`,
	}
	page := scrape(t, r)
	for _, l := range lines {
		has(t, page, l, true)
	}
	has(t, page, `connectd_worker_task_count 3`, true)
	has(t, page, `connectd_mysql_reconnects_total{connector="orders",task=""} 1`, true)
	has(t, page, `connectd_mysql_rows{connector="orders",table="a.b",task=""} 4`, true)
	has(t, page, `connectd_mysql_rows{connector="orders",table="c.d",task=""} 5`, true)
	s.Close()
	page = scrape(t, r)
	for _, l := range lines {
		has(t, page, l, false)
	}
	has(t, page, `connectd_worker_task_count 3`, true)
}

// A successor takes the series over while the abandoned instance still counts.
func TestSuccessorReplacesItsPredecessor(t *testing.T) {
	r := metrics.New()
	old := r.Scope(task)
	late := old.Counter(&metrics.SourceRecordPoll.Metric)
	observe := old.Histogram(&metrics.BatchSize.Metric)
	late(100)
	observe(1)
	next := r.Scope(task)
	next.Counter(&metrics.SourceRecordPoll.Metric)(1)
	next.Histogram(&metrics.BatchSize.Metric)(1)
	late(100)
	observe(1)
	old.Close() // must not take the successor's series away
	page := scrape(t, r)
	has(t, page, `connectd_source_record_poll_total{connector="orders",task="2"} 1`, true)
	has(t, page, `connectd_task_batch_size_count{connector="orders",task="2"} 1`, true)
}

func TestOneNameOneType(t *testing.T) {
	r := metrics.New()
	s := r.Scope(task)
	m := &connect.Metric{Name: "thing"}
	s.Counter(m)(1)
	s.Histogram(m)(1)
	s.Gauge(m, func() float64 { return 1 })
	has(t, scrape(t, r), `connectd_thing_total{connector="orders",task="2"} 1`, true)
}

func TestNilScope(t *testing.T) {
	var s *metrics.Scope
	s.Counter(&metrics.SourceRecordPoll.Metric)(1)
	s.Gauge(&metrics.SourceRecordPoll.Metric, nil)
	s.Histogram(&metrics.BatchSize.Metric)(1)
	s.SetStatus("RUNNING")
	s.Close()
}

func TestTable(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9_]*[a-z]$`)
	seen := map[string]bool{}
	for _, m := range metrics.Table() {
		switch {
		case !name.MatchString(m.Name), seen[m.Name]:
			t.Errorf("name %q is malformed or used twice", m.Name)
		case !strings.HasSuffix(m.Help, "."):
			t.Errorf("%s: the help is not a sentence: %q", m.Name, m.Help)
		case m.JMX != "" && !strings.Contains(m.JMX, "-metrics: "):
			t.Errorf("%s: JMX name %q", m.Name, m.JMX)
		}
		seen[m.Name] = true
	}
}
