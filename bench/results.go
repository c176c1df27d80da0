package bench

import (
	"encoding/json"
	"os"
	"slices"
)

// Peers. Connectd and Java are compared; Bare is the limit.
const (
	Connectd  = "connectd"
	Java      = "java"       // upstream's JVM options
	JavaTuned = "java-tuned" // -Xmx512m, plugin.discovery=service_load
	Bare      = "bare"
)

// Figure names what was measured in a run.
type Figure string

// Figures of a run.
const (
	Seconds   Figure = "seconds"      // from the call that starts the work until the last record is there
	CPU       Figure = "cpu"          // seconds of user and system time that the peer took for it
	BrokerCPU Figure = "broker_cpu"   // the same of Kafka
	MySQLCPU  Figure = "mysql_cpu"    // and of MySQL
	SinkCPU   Figure = "sink_cpu"     // and of Elasticsearch or HDFS
	Others    Figure = "others"       // of the machine's CPU time, the share that nobody of these took
	PeakRSS   Figure = "peak_rss"     // bytes, VmHWM at the end
	First     Figure = "first_record" // seconds until the first record is there
	Alloc     Figure = "alloc"        // bytes allocated on the heap
	Bytes     Figure = "bytes"        // in keys and values, as far as known
	P50       Figure = "p50"          // seconds from commit to a consumer
	P99       Figure = "p99"
	REST      Figure = "rest" // seconds from the process's start until GET /connectors answers
	RSS       Figure = "rss"  // bytes, resident, once that has settled
)

// Run is one measurement.
type Run struct {
	Scenario string             `json:"scenario"`
	Peer     string             `json:"peer"`
	Round    int                `json:"round"`
	Records  int64              `json:"records,omitempty"`
	Figures  map[Figure]float64 `json:"figures,omitempty"`
	Failed   string             `json:"failed,omitempty"`
}

// Results are all runs of one call of make bench-peers, and where they were made.
type Results struct {
	Date     string   `json:"date"`
	Machine  string   `json:"machine"`
	Versions []string `json:"versions"`
	Rounds   int      `json:"rounds"`
	Quick    bool     `json:"quick,omitempty"`
	Runs     []Run    `json:"runs"`
}

// Load reads what Save has written.
func Load(file string) (*Results, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var r Results
	return &r, json.Unmarshal(b, &r)
}

// Save writes the results, one run a line.
func (r *Results) Save(file string) error {
	head := *r
	head.Runs = nil
	b, err := json.MarshalIndent(head, "", "  ")
	if err != nil {
		return err
	}
	b = append(b[:len(b)-len("null\n}")], '[')
	for i, run := range r.Runs {
		line, err := json.Marshal(run)
		if err != nil {
			return err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, "\n    "...), line...)
	}
	return os.WriteFile(file, append(b, "\n  ]\n}\n"...), 0o644)
}

// Stat is a figure over the rounds.
type Stat struct {
	Median, Min, Max float64
	N                int // rounds; 0: not measured
}

// stat is what value says of the peer's runs that have not failed; runs without a value count for nothing.
func (r *Results) stat(scenario, peer string, value func(*Run) (float64, bool)) Stat {
	var vs []float64
	for i := range r.Runs {
		run := &r.Runs[i]
		if run.Scenario != scenario || run.Peer != peer || run.Failed != "" {
			continue
		}
		if v, ok := value(run); ok {
			vs = append(vs, v)
		}
	}
	if len(vs) == 0 {
		return Stat{}
	}
	slices.Sort(vs)
	n := len(vs)
	return Stat{Median: (vs[(n-1)/2] + vs[n/2]) / 2, Min: vs[0], Max: vs[n-1], N: n}
}

// Figure is a figure as it was measured.
func (r *Results) Figure(scenario, peer string, f Figure) Stat {
	return r.stat(scenario, peer, func(run *Run) (float64, bool) { v, ok := run.Figures[f]; return v, ok })
}

// Rate is records a second.
func (r *Results) Rate(scenario, peer string) Stat {
	return r.stat(scenario, peer, func(run *Run) (float64, bool) {
		s := run.Figures[Seconds]
		return float64(run.Records) / s, s > 0 && run.Records > 0
	})
}

// Per is a figure by record, times scale.
func (r *Results) Per(scenario, peer string, f Figure, scale float64) Stat {
	return r.stat(scenario, peer, func(run *Run) (float64, bool) {
		v, ok := run.Figures[f]
		return v / float64(run.Records) * scale, ok && run.Records > 0
	})
}
