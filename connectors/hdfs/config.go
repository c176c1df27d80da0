package hdfs

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/hdfs/format"
	"github.com/connectd/connectd/connectors/hdfs/format/avro"
	"github.com/connectd/connectd/connectors/hdfs/format/json"
	"github.com/connectd/connectd/connectors/hdfs/format/parquet"
	"github.com/connectd/connectd/connectors/hdfs/format/text"
)

const (
	groupHDFS        = "HDFS"
	groupSecurity    = "Security"
	groupConnector   = "Connector"
	groupSchema      = "Schema"
	groupPartitioner = "Partitioner"
	groupHive        = "Hive"
)

// Class names of the Java connector.
const (
	hdfsStorage   = "io.confluent.connect.hdfs.storage.HdfsStorage"
	avroFormat    = "io.confluent.connect.hdfs.avro.AvroFormat"
	jsonFormat    = "io.confluent.connect.hdfs.json.JsonFormat"
	parquetFormat = "io.confluent.connect.hdfs.parquet.ParquetFormat"
	orcFormat     = "io.confluent.connect.hdfs.orc.OrcFormat"
	stringFormat  = "io.confluent.connect.hdfs.string.StringFormat"
)

var (
	hdfsURL = config.String("hdfs.url").Importance(config.High).Group(groupHDFS, 1).
		Doc("The HDFS connection URL. Deprecated: use store.url.")
	storeURL = config.String("store.url").Importance(config.High).Group(groupHDFS, 2).
			Doc("Where to write: <code>hdfs://hostname:port</code>, <code>hdfs://nameservice</code> with hadoop.conf.dir, or a <code>file://</code> folder.")
	hadoopConfDir = config.String("hadoop.conf.dir").Default("").Importance(config.High).Group(groupHDFS, 3).
			Doc("Folder with core-site.xml and hdfs-site.xml; needed for nameservices with several NameNodes.")
	hadoopHome = config.String("hadoop.home").Default("").Importance(config.High).Group(groupHDFS, 4).
			Doc("Accepted and not used: no Hadoop installation is needed.")
	logsDir = config.String("logs.dir").Default("logs").Importance(config.High).Group(groupHDFS, 5).
		Doc("Root of the write-ahead logs of the Java connector, which are applied once when taking over. May hold ${topic} and ${0}…${n} of topic.capture.groups.regex.")
	topicsDir = config.String("topics.dir").Default("topics").Importance(config.High).Group(groupHDFS, 6).
			Doc("Root of the data. May hold ${topic} and ${0}…${n} of topic.capture.groups.regex.")
	topicRegex = config.String("topic.capture.groups.regex").Importance(config.Low).Group(groupHDFS, 7).
			Check(func(s string) error { _, err := regexp.Compile(s); return err }).
			Doc("Regular expression (RE2) that must match the whole topic; its groups stand for ${0}…${n} in topics.dir and logs.dir.")
	storageClass = config.Class("storage.class").Default(hdfsStorage).Importance(config.High).Group(groupHDFS, 8).
			ValidValues(hdfsStorage).Doc("The storage layer.")
	directoryDelim = config.String("directory.delim").Default("/").Group(groupHDFS, 9).Doc("Separator of directories in partition paths.")
	fileDelim      = config.String("file.delim").Default("+").Group(groupHDFS, 10).
			Check(only("+", "the separator in file names is +, as in the Java connector, which ignores this key")).
			Doc("Separator in file names.")

	kerberos = config.Boolean("hdfs.authentication.kerberos").Default(false).Importance(config.High).Group(groupSecurity, 1).
			Check(notYet(false, "Kerberos")).Doc("Whether HDFS asks for Kerberos.")
	principal = config.String("connect.hdfs.principal").Default("").Importance(config.High).Group(groupSecurity, 2).
			Doc("Principal to log in with; used with hdfs.authentication.kerberos only.")
	keytab = config.String("connect.hdfs.keytab").Default("").Importance(config.High).Group(groupSecurity, 3).
		Doc("Keytab of the principal; used with hdfs.authentication.kerberos only.")
	nnPrincipal = config.String("hdfs.namenode.principal").Default("").Importance(config.High).Group(groupSecurity, 4).
			Doc("Principal of the NameNode; used with hdfs.authentication.kerberos only.")
	renewPeriod = config.Long("kerberos.ticket.renew.period.ms").Default(3600000).Importance(config.Low).Group(groupSecurity, 5).
			Doc("Period in milliseconds to renew the ticket; used with hdfs.authentication.kerberos only.")

	formatClass = config.Class("format.class").Default(avroFormat).Importance(config.High).Group(groupConnector, 1).
			Check(checkFormat).Doc("The file format: AvroFormat, ParquetFormat, JsonFormat or StringFormat.").
			RecommendValues(avroFormat, parquetFormat, jsonFormat, stringFormat)
	flushSize = config.Int("flush.size", config.AtLeast(1)).Required().Importance(config.High).Group(groupConnector, 2).
			Doc("Number of records of a topic partition, over all its open files, before they are committed.")
	rotateInterval = config.Long("rotate.interval.ms").Default(-1).Importance(config.High).Group(groupConnector, 3).
			Doc("Time in milliseconds of the partitioner's clock that the files of a topic partition may span; -1: unlimited.")
	rotateSchedule = config.Long("rotate.schedule.interval.ms").Default(-1).Group(groupConnector, 4).
			Doc("Commit at multiples of this many milliseconds of wall clock from midnight in timezone; -1: never.")
	schemaCacheSize = config.Int("schema.cache.size", config.AtLeast(1)).Default(1000).Importance(config.Low).Group(groupConnector, 5).
			Doc("Number of schemas to keep plans for.")
	enhancedAvro = config.Boolean("enhanced.avro.schema.support").Default(true).Importance(config.Low).Group(groupConnector, 6).
			Doc("Whether to keep Avro enums and packages.")
	connectMeta = config.Boolean("connect.meta.data").Default(true).Importance(config.Low).Group(groupConnector, 7).
			Doc("Whether to keep Connect's own schema properties (connect.name, connect.version, …) in Avro schemas.")
	optionalMapKeys = config.Boolean("allow.optional.map.keys").Default(false).Importance(config.Low).Group(groupConnector, 8).
			Doc("Whether maps with optional string keys become Avro maps.")
	retryBackoff = config.Long("retry.backoff.ms", config.AtLeast(0)).Default(5000).Importance(config.Low).Group(groupConnector, 9).
			Doc("Milliseconds to wait after HDFS failed.")
	shutdownTimeout = config.Long("shutdown.timeout.ms").Default(3000).Group(groupConnector, 10).
			Doc("Accepted and not used: it bounds the wait for Hive at stop.")
	zeroPad = config.Int("filename.offset.zero.pad.width", config.AtLeast(0)).Default(10).Importance(config.Low).Group(groupConnector, 11).
		Doc("Width to which offsets in file names are padded with zeros.")
	avroCodec = config.String("avro.codec").Default("null").Importance(config.Low).Group(groupConnector, 12).
			Check(checkAvroCodec).Doc("Compression of Avro files: null, deflate or snappy.").RecommendValues("null", "deflate", "snappy")
	parquetCodec = config.String("parquet.codec").Default("snappy").Importance(config.Low).Group(groupConnector, 13).
			Check(only("snappy", "the HDFS connector writes Parquet with snappy")).Doc("Compression of Parquet files.")

	schemaCompat = config.String("schema.compatibility").Default("NONE").Importance(config.High).Group(groupSchema, 1).
			ValidValues("NONE", "BACKWARD", "FORWARD", "FULL").Doc("When a changed schema starts new files, and to which schema records are projected.")

	partitionerClass = config.Class("partitioner.class").Default(partitionerPackage+"DefaultPartitioner").Importance(config.High).
				Group(groupPartitioner, 1).Check(checkPartitioner).Doc("How records are divided among directories.").
				RecommendValues(partitionerNames()...)
	partitionFields = config.List("partition.field.name").Default([]string{}).Group(groupPartitioner, 2).
			Doc("Fields of the FieldPartitioner; dots reach into nested fields.")
	partitionDuration = config.Long("partition.duration.ms").Default(-1).Group(groupPartitioner, 3).
				Doc("Milliseconds of a directory of the TimeBasedPartitioner.")
	pathFormat = config.String("path.format").Default("").Group(groupPartitioner, 4).
			Doc("Directory of the TimeBasedPartitioner as a Joda-Time pattern, e.g. 'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH.")
	locale = config.String("locale").Default("").Group(groupPartitioner, 5).
		Doc("Locale of names in path.format; needed by the time partitioners.")
	timezone = config.String("timezone").Default("").Group(groupPartitioner, 6).
			Check(func(s string) error { _, err := loadZone(s); return err }).
			Doc("Time zone of directories and of scheduled rotation; needed by both.")
	timestampExtractor = config.String("timestamp.extractor").Default("Wallclock").Group(groupPartitioner, 7).
				Check(checkExtractor).Doc("The time partitioners' clock: Wallclock, Record or RecordField.").
				RecommendValues("Wallclock", "Record", "RecordField")
	timestampField = config.String("timestamp.field").Default("timestamp").Group(groupPartitioner, 8).
			Doc("Field of the RecordField extractor; dots reach into nested fields.")

	hiveIntegration = config.Boolean("hive.integration").Default(false).Importance(config.High).Group(groupHive, 1).
			Check(notYet(false, "Hive integration")).Doc("Whether to keep Hive tables.")
	hiveURIs     = config.String("hive.metastore.uris").Default("").Importance(config.High).Group(groupHive, 2).Doc("Used with hive.integration only.")
	hiveConfDir  = config.String("hive.conf.dir").Default("").Importance(config.High).Group(groupHive, 3).Doc("Used with hive.integration only.")
	hiveHome     = config.String("hive.home").Default("").Importance(config.High).Group(groupHive, 4).Doc("Used with hive.integration only.")
	hiveDatabase = config.String("hive.database").Default("default").Importance(config.High).Group(groupHive, 5).Doc("Used with hive.integration only.")
	hiveTable    = config.String("hive.table.name").Default("${topic}").Importance(config.Low).Group(groupHive, 6).Doc("Used with hive.integration only.")

	def = config.NewDef(
		hdfsURL, storeURL, hadoopConfDir, hadoopHome, logsDir, topicsDir, topicRegex, storageClass, directoryDelim, fileDelim,
		kerberos, principal, keytab, nnPrincipal, renewPeriod,
		formatClass, flushSize, rotateInterval, rotateSchedule, schemaCacheSize, enhancedAvro, connectMeta, optionalMapKeys,
		retryBackoff, shutdownTimeout, zeroPad, avroCodec, parquetCodec,
		schemaCompat,
		partitionerClass, partitionFields, partitionDuration, pathFormat, locale, timezone, timestampExtractor, timestampField,
		hiveIntegration, hiveURIs, hiveConfDir, hiveHome, hiveDatabase, hiveTable,
	).PassThrough("confluent.")
)

func only(want, why string) func(string) error {
	return func(s string) error {
		if s != want {
			return errors.New(why + "; leave the key out")
		}
		return nil
	}
}

func notYet(off bool, what string) func(bool) error {
	return func(v bool) error {
		if v != off {
			return errors.New(what + " is not supported yet; leave the key out")
		}
		return nil
	}
}

func checkFormat(s string) error {
	switch s {
	case avroFormat, jsonFormat, parquetFormat, stringFormat:
		return nil
	case orcFormat:
		return errors.New("ORC is not supported yet; use " + parquetFormat)
	}
	return config.ClassNotFound(s)
}

func checkAvroCodec(s string) error {
	switch s {
	case "null", "deflate", "snappy":
		return nil
	case "bzip2":
		return errors.New("bzip2 is not supported yet; use null, deflate or snappy")
	}
	return errors.New("String must be one of: null, deflate, snappy, bzip2")
}

// validate checks keys together. It asks nothing of HDFS.
func validate(v config.Values) []config.Problem {
	var out []config.Problem
	add := func(key, msg string) { out = append(out, config.Problem{Key: key, Message: msg}) }
	if _, err := parseURL(v); err != nil {
		add(storeURL.Name(), err.Error())
	}
	if rotateSchedule.Get(v) > 0 && timezone.Get(v) == "" {
		add(timezone.Name(), timezone.Name()+" configuration must be set when using scheduled rotation (rotate.schedule.interval.ms)")
	}
	if _, err := newPartitioner(v, time.Now); err != nil {
		key := partitionerClass.Name()
		if p, ok := errors.AsType[*keyError](err); ok {
			key = p.key
		}
		add(key, err.Error())
	}
	if topicRegex.Get(v) == "" {
		for _, k := range []*config.Key[string]{topicsDir, logsDir} {
			if strings.Contains(strings.ReplaceAll(k.Get(v), "${topic}", ""), "${") {
				add(k.Name(), k.Name()+" holds ${…} other than ${topic}: set topic.capture.groups.regex")
			}
		}
	}
	return out
}

// keyError is a finding of one key.
type keyError struct{ key, msg string }

func (e *keyError) Error() string { return e.msg }

// target is a parsed store.url.
type target struct{ scheme, host, base string }

func parseURL(v config.Values) (target, error) {
	raw := storeURL.Get(v)
	if raw == "" {
		raw = hdfsURL.Get(v)
	}
	if raw == "" {
		return target{}, errors.New("one of store.url and hdfs.url must be set, e.g. store.url=hdfs://namenode:8020")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return target{}, fmt.Errorf("store.url %q is not a URL", raw)
	}
	switch {
	case u.Scheme == "hdfs" && u.Host != "", u.Scheme == "file" && u.Path != "":
		return target{u.Scheme, u.Host, path.Clean("/" + u.Path)}, nil
	}
	return target{}, fmt.Errorf("store.url %q must be hdfs://host:port, hdfs://nameservice (with hadoop.conf.dir) or file:///folder", raw)
}

// connect opens the file system and tells the base folder in it.
func (t target) connect(confDir string) (fileSystem, string, error) {
	if t.scheme == "file" {
		return localFS{root: "/", sync: true}, t.base, nil
	}
	f, err := dialHDFS(t.host, confDir)
	return f, t.base, err
}

func newFormat(v config.Values) format.Format {
	a := avro.Config{
		Codec: avroCodec.Get(v), ConnectMetaData: connectMeta.Get(v), Enhanced: enhancedAvro.Get(v),
		AllowOptionalMapKeys: optionalMapKeys.Get(v), CacheSize: int(schemaCacheSize.Get(v)),
	}
	switch formatClass.Get(v) {
	case jsonFormat:
		return json.New()
	case parquetFormat:
		return parquet.New(a)
	case stringFormat:
		return text.New()
	default:
		return avro.New(a)
	}
}

// layout names files and directories.
type layout struct {
	base, topics, logs string
	regex              *regexp.Regexp
	pad                int
}

func newLayout(v config.Values, base string) (layout, error) {
	l := layout{base: base, topics: topicsDir.Get(v), logs: logsDir.Get(v), pad: int(zeroPad.Get(v))}
	if r := topicRegex.Get(v); r != "" {
		re, err := regexp.Compile(`^(?:` + r + `)$`)
		if err != nil {
			return l, fmt.Errorf("topic.capture.groups.regex: %w", err)
		}
		l.regex = re
	}
	return l, nil
}

// expand puts the topic and its groups into topics.dir or logs.dir.
func (l layout) expand(dir, topic string) (string, error) {
	if l.regex != nil {
		groups := l.regex.FindStringSubmatch(topic)
		if groups == nil {
			return "", fmt.Errorf("topic %q does not match topic.capture.groups.regex %q as a whole", topic, l.regex)
		}
		for i, g := range groups {
			dir = strings.ReplaceAll(dir, fmt.Sprintf("${%d}", i), g)
		}
	}
	return path.Join("/", l.base, strings.ReplaceAll(dir, "${topic}", topic)), nil
}
