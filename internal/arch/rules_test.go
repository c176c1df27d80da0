package arch

import "strings"

// rule says what the packages that match may import. The first row that matches a package counts; a package without a row is a finding.
type rule struct {
	packages string // patterns, separated by blanks: "connect/data", or "connect/..." for a folder and all below it
	// may lists the imports outside the standard library: patterns of this repository's packages, or of modules (those have a dot
	// in their first element). "*" is everything.
	may string
	// not lists patterns, of standard packages too, that are refused even though may or the standard library has them.
	not    string
	pure   bool // see checkPure
	reason string
}

const (
	sdk      = "connect connect/data/jsontext connect/data connect/config"
	kgo      = "github.com/twmb/franz-go/pkg/kgo github.com/twmb/franz-go/pkg/kerr github.com/twmb/franz-go/pkg/kmsg"
	kadm     = " github.com/twmb/franz-go/pkg/kadm"
	goMySQL  = "github.com/go-mysql-org/go-mysql/..."
	impure   = "context crypto/rand math/rand math/rand/v2 net net/... os os/... io/... log log/... sync sync/... runtime runtime/... unsafe"
	sdkWhy   = "plugins are written against the SDK alone: whoever writes one outside this repository has no more than this"
	pureWhy  = "it decides, the shell acts: without clock, randomness, I/O and goroutines every history can be replayed as a test"
	tasksWhy = "a task loop gets stores and plugins as small interfaces: the worker wires them, tests fake the wire"
)

var rules = []rule{
	// The SDK.
	{packages: "connect/data connect/config connect/data/jsontext", reason: "the leaves of the SDK: converters, forms and the operator need one without the rest"},
	{packages: "connect", may: "connect/data connect/config", reason: "the SDK: plugin authors import it without pulling in Kafka or the runtime"},
	{packages: "connect/connecttest", may: sdk, reason: "the conformance suites serve connectors outside this repository too"},

	// Plugins.
	{packages: "connectors/mysql", may: sdk + " connectors/mysql/cdc", reason: sdkWhy},
	{packages: "connectors/mysql/history", may: sdk, reason: "table history is a parser and a format: its topic comes as connect.TopicLog, its texts from the server through cdc"},
	{packages: "connectors/mysql/row", may: sdk + " connectors/mysql/history golang.org/x/text/... " + goMySQL, reason: "decoding knows table definitions and wire formats, no connection"},
	{packages: "connectors/mysql/server", may: sdk + " internal/keystore " + goMySQL, reason: "one way to connect to MySQL, for every connector of this family; it knows nothing of tables"},
	{packages: "connectors/mysql/cdc", may: sdk + " connectors/mysql/history connectors/mysql/row connectors/mysql/server internal/javamap github.com/klauspost/compress/zstd " + goMySQL, reason: sdkWhy},
	{packages: "connectors/elasticsearch", may: sdk + " internal/keystore github.com/elastic/...", reason: sdkWhy},
	{packages: "connectors/hdfs/format/...", may: sdk + " connectors/hdfs/format/... github.com/hamba/avro/... github.com/parquet-go/parquet-go/... github.com/klauspost/compress/...",
		reason: "a file format is bytes: it knows nothing of HDFS, so that other sinks can use it"},
	{packages: "connectors/hdfs", may: sdk + " connectors/hdfs/format/... github.com/colinmarc/hdfs/...", reason: sdkWhy},
	{packages: "connectors/file", may: sdk, reason: sdkWhy},
	{packages: "converters/internal/...", may: sdk + " converters/internal/...", reason: "shared by converters only"},
	{packages: "converters/avro converters/protobuf converters/jsonschema", may: sdk + " converters/internal/... converters/registry *.*", reason: sdkWhy},
	{packages: "converters/...", may: sdk + " converters/internal/...", reason: "converters are leaves: each can be read, tested and replaced by itself"},
	{packages: "transforms/...", may: sdk + " transforms/...", reason: sdkWhy},

	// The runtime.
	{packages: "runtime/cluster", may: "connect connect/config", reason: "the nouns of the runtime: pure packages and shells agree on them without importing each other"},
	{packages: "runtime/assign runtime/supervise runtime/worker/lifecycle runtime/herder/core", may: "runtime/cluster connect connect/config", pure: true, reason: pureWhy},
	{packages: "runtime/plugin", may: sdk, reason: "a registry is a value that tests build with the plugins they need"},
	{packages: "runtime/secrets", may: sdk + " runtime/plugin github.com/magiconair/properties", reason: "secrets are resolved where something is started: it must not be able to write them to a topic"},
	{packages: "runtime/connectorconfig", may: sdk + " runtime/plugin runtime/supervise internal/javamap",
		reason: "reads and explains configs, for REST, the worker and offline checks alike: no Kafka, no running connector"},
	{packages: "runtime/workerconfig", may: "connect/config runtime/connectorconfig runtime/supervise github.com/magiconair/properties",
		reason: "text to typed structs: what they are used for is wired in cmd/connectd"},
	{packages: "runtime/memory", reason: "counts bytes: whose they are is not its business"},
	{packages: "runtime/logging", reason: "levels of loggers by name: whoever logs need not know of it"},
	{packages: "runtime/metrics", may: "connect connect/config runtime/cluster github.com/prometheus/client_golang/...", reason: "the only place that knows the metrics library"},
	{packages: "runtime/kafka", may: "runtime/cluster runtime/metrics connect connect/config internal/keystore github.com/twmb/franz-go/pkg/sasl/... github.com/jcmturner/gokrb5/... " + kgo + kadm, reason: "turns keys into clients: no plugins, no REST, so that every part can use it"},
	{packages: "runtime/topiclog runtime/group", may: "runtime/cluster runtime/metrics internal/transaction connect connect/config " + kgo + kadm,
		reason: "they offer blocking calls and channels of nouns; who decides upon them is not their business"},
	{packages: "runtime/store", may: "runtime/topiclog runtime/kafka runtime/cluster connect connect/config " + kgo + kadm,
		reason: "formats and topics; decisions are the herder's. kadm: it reads and deletes offsets and checks topics"},
	{packages: "runtime/pipeline", may: sdk + " runtime/cluster runtime/metrics " + kgo, reason: "runs chains that the worker built: shared by both kinds of task, so it knows neither"},
	{packages: "runtime/sourcetask runtime/sinktask", may: sdk + " runtime/pipeline runtime/cluster runtime/memory runtime/metrics internal/transaction " + kgo, reason: tasksWhy},
	{packages: "runtime/external", may: sdk + " runtime/plugin *.*", reason: "plugins in other processes look to the runtime like any other plugin"},
	{packages: "runtime/worker", may: sdk + " runtime/cluster runtime/worker/lifecycle runtime/supervise runtime/sourcetask runtime/sinktask runtime/pipeline runtime/plugin" +
		" runtime/connectorconfig runtime/secrets runtime/kafka runtime/memory runtime/metrics " + kgo,
		reason: "runs what it is told: it must not know who told it (herder, group, REST)"},
	{packages: "runtime/herder", may: "runtime/cluster connect connect/config runtime/herder/core runtime/assign rest/api",
		reason: "the shell of the core: worker, stores and group are interfaces it declares, Kafka stays behind them"},

	// The edges.
	{packages: "rest/api", may: "connect/config", reason: "a leaf, shared by servers, forwarding workers and clients"},
	{packages: "rest rest/auth", may: sdk + " rest/api runtime/cluster runtime/metrics internal/javamap", reason: "the herder is an interface REST declares: no Kafka and no worker behind an HTTP handler"},
	{packages: "deploy/operator", may: "rest/api *.*", reason: "it speaks to workers over REST, as any client"},
	{packages: "deploy/helm", reason: "only tests of the chart"},
	{packages: "internal/clock internal/arch internal/javamap", reason: "no need of anything"},
	{packages: "internal/keystore", may: "software.sslmate.com/src/go-pkcs12 github.com/youmark/pkcs8",
		reason: "Java's ssl.* keys as TLS configs, for Kafka, REST and connectors alike: it knows none of them"},
	{packages: "internal/transaction", may: kgo, reason: "for every client that has transactions: tasks, internal topics, REST's changes of offsets"},
	{packages: "internal/broker internal/kafkatest", may: "github.com/twmb/franz-go/pkg/kfake " + kgo + kadm, reason: "a broker and the tests' view of it: the runtime is what is tested against them"},
	{packages: "internal/sim", may: "*", not: "cmd/...", reason: "whole clusters, in tests"},
	{packages: "test/...", may: "test/process *.*", reason: "end to end means from outside: the program is used as its users do, its answers are compared with other clients' views"},
	{packages: "bench", reason: "results and their rendering; what is measured are programs, seen from outside"},
	{packages: "docs", reason: "only tests of the documents' examples"},
	{packages: "cmd/connectd", may: "*", not: "internal/kafkatest internal/sim internal/arch connect/connecttest converters/internal/casetest", reason: "wires everything; test harnesses have no place in the program"},
}

// testRules bind test files, which otherwise may import what they like. The first that matches counts.
var testRules = []rule{
	{packages: "connect/... connectors/... converters/... transforms/... docs", not: "runtime/... rest/... cmd/...", reason: sdkWhy},
	{packages: "runtime/... rest/...", not: "cmd/... connectors/mysql/... connectors/elasticsearch/... connectors/hdfs/...",
		reason: "the runtime is tested with plugins made for the test: a broken connector must not break it"},
	{packages: "test/... bench", not: "connect/... connectors/... converters/... transforms/... runtime/... rest/... cmd/... internal/...",
		reason: "end to end means from outside"},
}

// testOnly are packages that no program may contain; tests and the packages listed may import them.
var testOnly = []struct{ pattern, except, reason string }{
	{"testing testing/...", "connect/connecttest test/process internal/kafkatest internal/sim converters/internal/casetest", "it registers flags and pulls in the test framework"},
	{"go.uber.org/goleak github.com/stretchr/testify/...", "connect/connecttest internal/kafkatest internal/sim", "a library for tests"},
	{"github.com/twmb/franz-go/pkg/kfake", "internal/broker internal/kafkatest internal/sim", "only `connectd dev` has a broker inside"},
	{"internal/kafkatest converters/internal/casetest connect/connecttest", "internal/sim", "a harness for tests"},
}

// elsewhere are imports that only some packages may use, whatever their row says, tests included.
var elsewhere = []struct{ pattern, only, reason string }{
	{"unsafe", "connect/data connectors/mysql/row converters/json converters/simpleheader",
		"only to see bytes as text and back without a copy, in packages whose owner fuzzes that"},
	{"encoding/gob plugin net/rpc", "", "no place for it here"},
}

// blankImports are the packages that may be imported for their effect alone.
var blankImports = map[string]string{
	"embed":       "go:embed needs it",
	"time/tzdata": "time zones where the system has none",
}

// emptyNames say nothing of what is in a package.
var emptyNames = map[string]bool{"util": true, "utils": true, "common": true, "helper": true, "helpers": true, "misc": true, "base": true, "shared": true}

// Lines a file may have.
const (
	maxLines     = 500
	maxTestLines = 800
)

// matches tells whether an import path matches one of the patterns. Own packages are given without the module's path. "*.*" is every
// package of another module.
func matches(patterns, path string) bool {
	for p := range strings.FieldsSeq(patterns) {
		folder, below := strings.CutSuffix(p, "/...")
		switch {
		case p == "*", p == path, below && (path == folder || strings.HasPrefix(path, folder+"/")):
			return true
		case p == "*.*":
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
				return true
			}
		}
	}
	return false
}
