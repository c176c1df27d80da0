package connect

// Metrics binds declared metrics to this connector or task. The returned funcs are safe for concurrent use. Gauges are read at scrape
// time, until the connector or task stops.
type Metrics interface {
	Counter(m *Metric) (add func(n int64))
	Gauge(m *Metric, read func() float64)
	// Gauges is Gauge for a metric with a Label: read yields a value for each value of the label, each once.
	Gauges(m *Metric, read func(yield func(label string, v float64)))
	Histogram(m *Metric) (observe func(v float64))
}

// Metric is declared once, as a package variable listed in Plugin.Metrics. Name is snake case without the prefix "connectd_". Label, for
// Gauges alone, is a label beside those of the connector and task; its values should be few.
type Metric struct{ Name, Unit, Help, Label string }

// NoMetrics counts nothing, for tests and tools.
type NoMetrics struct{}

// Counter returns a func that does nothing.
func (NoMetrics) Counter(*Metric) func(int64) { return func(int64) {} }

// Gauge does nothing.
func (NoMetrics) Gauge(*Metric, func() float64) {}

// Gauges does nothing.
func (NoMetrics) Gauges(*Metric, func(func(string, float64))) {}

// Histogram returns a func that does nothing.
func (NoMetrics) Histogram(*Metric) func(float64) { return func(float64) {} }
