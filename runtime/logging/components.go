package logging

// module is the import path that names of loggers leave out.
const module = "github.com/connectd/connectd/"

// own is the root of connectd's own loggers.
const own = "connectd"

// components lists the packages that log, by the path below the module, and the Java classes or packages that do their work there.
var components = map[string][]string{
	"":                         nil,
	"cmd/connectd":             {"org.apache.kafka.connect.cli.ConnectDistributed"},
	"rest":                     {"org.apache.kafka.connect.runtime.rest.RestServer"},
	"runtime/connectorconfig":  {"org.apache.kafka.connect.runtime.AbstractHerder"},
	"runtime/group":            {"org.apache.kafka.connect.runtime.distributed.WorkerCoordinator", "org.apache.kafka.connect.runtime.distributed.WorkerGroupMember"},
	"runtime/herder":           {"org.apache.kafka.connect.runtime.distributed.DistributedHerder", "org.apache.kafka.connect.runtime.standalone.StandaloneHerder"},
	"runtime/kafka":            {"org.apache.kafka.clients.NetworkClient", "org.apache.kafka.clients.admin.AdminClient", "org.apache.kafka.clients.consumer.KafkaConsumer", "org.apache.kafka.clients.producer.KafkaProducer"},
	"runtime/metrics":          {"org.apache.kafka.connect.runtime.ConnectMetrics"},
	"runtime/pipeline":         {"org.apache.kafka.connect.runtime.TransformationChain", "org.apache.kafka.connect.runtime.errors.LogReporter"},
	"runtime/plugin":           {"org.apache.kafka.connect.runtime.isolation.Plugins"},
	"runtime/secrets":          {"org.apache.kafka.connect.runtime.WorkerConfigTransformer"},
	"runtime/sinktask":         {"org.apache.kafka.connect.runtime.WorkerSinkTask"},
	"runtime/sourcetask":       {"org.apache.kafka.connect.runtime.AbstractWorkerSourceTask", "org.apache.kafka.connect.runtime.WorkerSourceTask"},
	"runtime/store":            {"org.apache.kafka.connect.storage.KafkaConfigBackingStore", "org.apache.kafka.connect.storage.KafkaOffsetBackingStore", "org.apache.kafka.connect.storage.KafkaStatusBackingStore"},
	"runtime/topiclog":         {"org.apache.kafka.connect.util.KafkaBasedLog"},
	"runtime/worker":           {"org.apache.kafka.connect.runtime.Worker", "org.apache.kafka.connect.runtime.WorkerConnector", "org.apache.kafka.connect.runtime.WorkerTask"},
	"converters/json":          {"org.apache.kafka.connect.json.JsonConverter"},
	"transforms":               {"org.apache.kafka.connect.transforms"},
	"connectors/file":          {"org.apache.kafka.connect.file.FileStreamSinkTask", "org.apache.kafka.connect.file.FileStreamSourceTask"},
	"connectors/mysql":         {"io.debezium.connector.mysql.MySqlConnector"},
	"connectors/mysql/cdc":     {"io.debezium.connector.mysql.MySqlConnectorTask"},
	"connectors/mysql/history": {"io.debezium.relational.history.SchemaHistory"},
	"connectors/mysql/server":  {"io.debezium.jdbc.JdbcConnection"},
	"connectors/elasticsearch": {"io.confluent.connect.elasticsearch.ElasticsearchSinkTask"},
	"connectors/hdfs":          {"io.confluent.connect.hdfs.HdfsSinkTask"},
}
