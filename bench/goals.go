package bench

// scenario is what a row of the tables is about.
type scenario struct {
	name, title string
	goal        goal
}

// goal is what connectd is held to; 0: nothing. Except for share they are factors over Java: so many times the records, and so many times
// less of all else.
type goal struct{ rate, cpu, rss, share float64 }

var (
	snapshotGoal = goal{rate: 10, cpu: 20, rss: 20, share: 0.70}
	binlogGoal   = goal{rate: 8, cpu: 15, rss: 20, share: 0.70}
)

// flows are the scenarios that move a number of records.
var flows = []scenario{
	{"snapshot", "snapshot, rows of 200 bytes", snapshotGoal},
	{"snapshot-2k", "snapshot, rows of 2 KB", snapshotGoal},
	{"snapshot-schemas", "snapshot, JSON with schemas", snapshotGoal},
	{"snapshot-smt", "snapshot through three SMTs", snapshotGoal},
	{"tables-200", "snapshot of 200 tables", snapshotGoal},
	{"binlog", "binlog catch-up, inserts", binlogGoal},
	{"binlog-mixed", "binlog catch-up, updates and deletes", binlogGoal},
	{"single-row-tx", "binlog catch-up, single-row transactions", goal{rate: 10, cpu: 15, rss: 20}},
	{"large-tx", "binlog catch-up, one large transaction", binlogGoal},
	{"file-sink", "Kafka to file", goal{rate: 2, cpu: 5, rss: 20}},
	{"elasticsearch", "Kafka to Elasticsearch", goal{share: 0.85}},
	{"hdfs", "Kafka to HDFS, JSON", goal{share: 0.70}},
}

// limits are what bare loops do that leave out one side.
var limits = []scenario{
	{name: "snapshot-read", title: "reading the table of 200-byte rows"},
	{name: "snapshot-2k-read", title: "reading the table of 2 KB rows"},
	{name: "binlog-read", title: "reading the binlog undecoded, inserts"},
	{name: "binlog-mixed-read", title: "reading the binlog undecoded, updates and deletes"},
	{name: "single-row-tx-read", title: "reading the binlog undecoded, single-row transactions"},
	{name: "large-tx-read", title: "reading the binlog undecoded, one large transaction"},
	{name: "produce", title: "producing prepared records"},
}

var latencies = []scenario{{name: "latency-20", title: "20 rows/s"}, {name: "latency-1000", title: "1,000 rows/s"}}

// Goals that are not a scenario's: factors over Java, and ceilings.
const (
	latencyFactor  = 20
	restFactor     = 50
	restSeconds    = 0.2
	tunedRSSFactor = 7
	idleRSS        = 25e6
	idle50RSS      = 60e6
	loadedRSS      = 100e6
)
