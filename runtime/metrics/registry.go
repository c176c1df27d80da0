package metrics

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/connectd/connectd/connect"
)

// Prefix begins every metric name on /metrics.
const Prefix = "connectd_"

// Registry is one worker's set of metrics. Make it with New.
type Registry struct {
	prom *prometheus.Registry

	mu     sync.Mutex
	scopes map[*Scope]struct{}
	// kinds holds, per name, how it was first used: one name must mean one thing on /metrics.
	kinds map[string]*family
	// shared are the declared metrics, which know their type before their first use.
	shared map[string]*Metric
}

// family is all series of one name.
type family struct {
	typ  Type
	desc *prometheus.Desc
	vec  *prometheus.HistogramVec // histograms only
}

// New makes a registry that also exports the Go runtime and process metrics.
func New() *Registry {
	r := &Registry{
		prom:   prometheus.NewRegistry(),
		scopes: map[*Scope]struct{}{},
		kinds:  map[string]*family{},
		shared: map[string]*Metric{},
	}
	for _, m := range Table() {
		r.shared[m.Name] = m
	}
	r.prom.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), r)
	return r
}

// Gatherer is the source of /metrics and of the REST view.
func (r *Registry) Gatherer() prometheus.Gatherer { return r.prom }

// Handler answers GET /metrics in the Prometheus text format.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.prom, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// Describe declares nothing: plugins bring their metrics at run time. (prometheus.Collector)
func (r *Registry) Describe(chan<- *prometheus.Desc) {}

// Collect writes all series of the scopes that live. (prometheus.Collector)
func (r *Registry) Collect(ch chan<- prometheus.Metric) {
	r.mu.Lock()
	scopes := slices.Collect(maps.Keys(r.scopes))
	r.mu.Unlock()
	// Outside of r.mu: gauges run code of plugins, which may make metrics of their own.
	for _, s := range scopes {
		s.collect(ch)
	}
}

// Scope makes the instruments of one connector or task. Two scopes of the same id may live for a while (an abandoned instance and its
// successor); only the newer one is exported.
func (r *Registry) Scope(id connect.TaskID) *Scope {
	return r.scope("", labels(id))
}

// Supervision makes the instruments that outlive the runs of one connector or task: its state and its restarts.
func (r *Registry) Supervision(id connect.TaskID) *Scope {
	return r.scope("supervision", labels(id))
}

// Worker makes the instruments of the worker itself.
func (r *Registry) Worker() *Scope { return r.scope("", nil) }

func labels(id connect.TaskID) []string {
	if id.Task == connect.ConnectorTask {
		return []string{id.Connector, ""}
	}
	return []string{id.Connector, strconv.Itoa(int(id.Task))}
}

func (r *Registry) scope(kind string, labels []string) *Scope {
	s := &Scope{r: r, kind: kind, labels: labels, instruments: map[string]*instrument{}}
	r.mu.Lock()
	defer r.mu.Unlock()
	for old := range r.scopes {
		if old.kind == kind && slices.Equal(old.labels, labels) {
			delete(r.scopes, old) // an abandoned instance: its late counts would be duplicates on /metrics
			old.drop()
		}
	}
	r.scopes[s] = struct{}{}
	return s
}

// family finds or makes the family of m; nil if the name is already used with another type.
func (r *Registry) family(m *connect.Metric, t Type, labelled bool) *family {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := Prefix + m.Name
	if t == Counter && !strings.HasSuffix(name, "_total") {
		name += "_total"
	}
	if f := r.kinds[m.Name]; f != nil {
		if f.typ != t {
			return nil
		}
		return f
	}
	var labels []string
	if labelled {
		labels = taskLabels
	}
	if own := r.shared[m.Name]; own != nil {
		if own.Type != t {
			return nil
		}
		labels = own.Labels
	} else if labelled && m.Label != "" {
		labels = append(slices.Clone(labels), m.Label)
	}
	f := &family{typ: t, desc: prometheus.NewDesc(name, m.Help, labels, nil)}
	if t == Histogram {
		f.vec = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: m.Help, Buckets: buckets(m.Unit)}, labels)
	}
	r.kinds[m.Name] = f
	return f
}

// buckets fit the unit: milliseconds to minutes for times, powers for counts and bytes.
func buckets(unit string) []float64 {
	switch unit {
	case "seconds":
		return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	case "bytes":
		return prometheus.ExponentialBuckets(256, 4, 10)
	default:
		return prometheus.ExponentialBuckets(1, 4, 9)
	}
}

// Scope is the instruments of one connector, task or the worker, bound to its labels. (connect.Metrics)
type Scope struct {
	r      *Registry
	kind   string // scopes of one kind and the same labels replace each other
	labels []string

	mu          sync.Mutex
	closed      bool
	instruments map[string]*instrument
	current     atomic.Pointer[string]
}

type instrument struct {
	f     *family
	count atomic.Int64
	read  func() float64
	each  func(yield func(label string, v float64)) // of a metric with a label of its own
	hist  prometheus.Histogram
}

var _ connect.Metrics = (*Scope)(nil)

func (s *Scope) instrument(m *connect.Metric, t Type) *instrument {
	if s == nil {
		return nil
	}
	f := s.r.family(m, t, s.labels != nil)
	if f == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	in := s.instruments[m.Name]
	if in == nil {
		in = &instrument{f: f}
		if f.vec != nil {
			h, err := f.vec.GetMetricWithLabelValues(s.labels...)
			if err != nil {
				return nil
			}
			in.hist, _ = h.(prometheus.Histogram)
		}
		s.instruments[m.Name] = in
	}
	return in
}

// Counter returns the func that adds to m. A name that is in use with another type counts nothing.
func (s *Scope) Counter(m *connect.Metric) func(int64) {
	in := s.instrument(m, Counter)
	if in == nil {
		return func(int64) {}
	}
	return func(n int64) { in.count.Add(n) }
}

// Gauge has read called at each scrape, from any goroutine, until the scope is closed.
func (s *Scope) Gauge(m *connect.Metric, read func() float64) {
	in := s.instrument(m, Gauge)
	if in == nil {
		return
	}
	s.mu.Lock()
	in.read = read
	s.mu.Unlock()
}

// Gauges has read called at each scrape, from any goroutine, until the scope is closed. Without m.Label it does nothing.
func (s *Scope) Gauges(m *connect.Metric, read func(yield func(label string, v float64))) {
	in := s.instrument(m, Gauge)
	if in == nil || m.Label == "" || s.labels == nil {
		return
	}
	s.mu.Lock()
	in.each = read
	s.mu.Unlock()
}

// Histogram returns the func that observes a value of m.
func (s *Scope) Histogram(m *connect.Metric) func(float64) {
	in := s.instrument(m, Histogram)
	if in == nil || in.hist == nil {
		return func(float64) {}
	}
	return in.hist.Observe
}

// taskStates are the values of the label status, as Kafka Connect's JMX attribute spells them.
var taskStates = []string{"unassigned", "running", "paused", "failed", "restarting", "destroyed", "stopped"}

// SetStatus says which state (RUNNING, PAUSED, …) the task is in.
func (s *Scope) SetStatus(state string) {
	if s == nil {
		return
	}
	l := strings.ToLower(state)
	s.current.Store(&l)
}

// Close takes all series of the scope off /metrics. Instruments may still be used and count nothing any more.
func (s *Scope) Close() {
	if s == nil {
		return
	}
	s.r.mu.Lock()
	_, current := s.r.scopes[s]
	delete(s.r.scopes, s)
	s.r.mu.Unlock()
	if current {
		s.drop()
	}
}

func (s *Scope) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, in := range s.instruments {
		in.read, in.each = nil, nil // may keep a whole task alive
		if in.f.vec != nil {
			in.f.vec.DeleteLabelValues(s.labels...)
		}
	}
	s.instruments = nil
}

// instrumentNow is an instrument with what it reads as of a moment.
type instrumentNow struct {
	*instrument
	read func() float64
	each func(yield func(label string, v float64))
}

func (s *Scope) collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	ins := make([]instrumentNow, 0, len(s.instruments))
	for _, in := range s.instruments {
		ins = append(ins, instrumentNow{in, in.read, in.each})
	}
	s.mu.Unlock()
	for _, in := range ins {
		switch {
		case in.hist != nil:
			ch <- in.hist
		case in.each != nil:
			s.collectEach(in, ch)
		case in.read != nil:
			if v, ok := safely(in.read); ok {
				ch <- prometheus.MustNewConstMetric(in.f.desc, prometheus.GaugeValue, v, s.labels...)
			}
		case in.f.typ == Counter:
			ch <- prometheus.MustNewConstMetric(in.f.desc, prometheus.CounterValue, float64(in.count.Load()), s.labels...)
		}
	}
	s.collectStatus(ch)
}

// collectEach collects a metric with a label of its own.
func (s *Scope) collectEach(in instrumentNow, ch chan<- prometheus.Metric) {
	seen := map[string]bool{}
	yield := func(label string, v float64) {
		if !seen[label] { // the page would be refused as a whole
			seen[label] = true
			ch <- prometheus.MustNewConstMetric(in.f.desc, prometheus.GaugeValue, v, append(slices.Clone(s.labels), strings.ToValidUTF8(label, "�"))...)
		}
	}
	_, _ = safely(func() float64 {
		in.each(yield)
		return 0
	})
}

func (s *Scope) collectStatus(ch chan<- prometheus.Metric) {
	cur := s.current.Load()
	if cur == nil || s.labels == nil {
		return
	}
	f := s.r.family(&TaskStatus.Metric, Gauge, true)
	if f == nil {
		return
	}
	for _, st := range taskStates {
		v := 0.0
		if st == *cur {
			v = 1
		}
		ch <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, v, s.labels[0], s.labels[1], st)
	}
}

// safely reads a gauge of a plugin: a panic there must not take the scrape with it.
func safely(read func() float64) (v float64, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return read(), true
}
