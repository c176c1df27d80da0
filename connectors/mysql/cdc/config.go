package cdc

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// Def declares all keys of the connector.
var Def = config.NewDef(allKeys...).PassThrough("database.", "driver.", "schema.history.internal.producer.", "schema.history.internal.consumer.",
	"database.history.producer.", "database.history.consumer.", "schema.history.internal.name", "schema.history.internal.connector.",
	"snapshot.select.statement.overrides.", "column.truncate.to.",
	"column.mask.with.", "column.mask.hash.", "signal.consumer.", "internal.")

// oneOf allows values in any case, with Debezium's message.
func oneOf(key string, values ...string) config.Validator[string] {
	list := strings.Join(values, ", ")
	return config.Validator[string]{
		Check: func(s string) error {
			if !slices.Contains(values, strings.ToLower(s)) {
				return config.Verbatim("The '" + key + "' value is invalid: Value must be one of " + list)
			}
			return nil
		},
		Doc: list,
	}
}

// settings are the keys as the task uses them.
type settings struct {
	flavor          *flavor
	prefix          string
	server          server.Config
	serverID        uint32
	filters         *filters
	names           names
	row             row.Options // but for the names
	rules           []columnRule
	converters      []converter
	reselect        []reselector // post.processors
	keyColumns      []keyColumns
	snapshot        snapshotMode
	locking         string
	lockTimeout     time.Duration
	snapshotThreads int
	tablePerThread  bool              // legacy.snapshot.max.threads
	chunkRows       int               // of the snapshot at the start
	tableOrder      string            // snapshot.tables.order.by.row.count
	newTables       bool              // snapshot.new.tables=incremental
	filterTexts     string            // what is captured, as the offset remembers it
	selects         map[string]string // SELECT of a table, by lower-case id

	skipped        string // of c u d t
	tombstones     bool
	schemaChanges  bool
	headers        bool
	skipUnchanged  bool
	heartbeat      time.Duration
	heartbeatQuery string
	includeQuery   bool
	transactions   bool // provide.transaction.metadata

	batchSize  int
	queueSize  int
	queueBytes int64

	unknownTable      string        // inconsistent.schema.handling.mode
	undecodable       string        // event.processing.failure.handling.mode, event.deserialization.failure.handling.mode
	pollWait, linger  time.Duration // poll.interval.ms, poll.dispatch.interval.ms
	hardClose         bool          // use.nongraceful.disconnect
	netRead, netWrite int64         // seconds; 0: the server's
	maxTables         int           // guardrail.collections.max; 0: no limit
	tableLimitFails   bool
	ignoreGTIDs       bool
	gtidFilter        *gtidFilter
	checkPosition     bool
	maxRetries        int
	binlogBuffer      int // events of a transaction that are held in memory until its end; 0: none is held
	retryWait         time.Duration
	keepAlive         time.Duration
	streamDelay       time.Duration
	snapshotDelay     time.Duration

	signals signalSettings
	notify  notifySettings
	history historySettings
}

type notifySettings struct {
	topic string // of the channel sink; empty: off
	log   bool
}

type historySettings struct {
	kind            historyKind
	topic           string
	tables          string // topic of the copy of the table definitions; empty: none
	file            string // of kind historyFile
	client          config.Props
	preferDDL       bool
	skipUnparseable bool
	capturedTables  bool // store.only.captured.tables.ddl
	capturedDBs     bool
	ddlFilter       patterns // statements that are passed over
}

// patience sets how long statements of a session wait for locks (snapshot.lock.timeout.ms, in whole seconds), and that the server does not give up
// while Kafka is slow and rows are not taken off the connection.
func (s *settings) patience(ctx context.Context, c *server.Conn) error {
	return c.Exec(ctx, fmt.Sprintf("SET SESSION lock_wait_timeout = %d, innodb_lock_wait_timeout = %[1]d, net_write_timeout = 86400",
		max(int(s.lockTimeout/time.Second), 1)))
}

// settingsOf reads v, which Def parsed. The error is the first of the problems Validate would report without a server.
func settingsOf(v config.Values) (*settings, error) {
	if ps := staticProblems(v); len(ps) > 0 {
		return nil, fmt.Errorf("%s: %s", ps[0].Key, ps[0].Message)
	}
	s := &settings{
		flavor: mysqlFlavor,
		prefix: keyTopicPrefix.Get(v), serverID: uint32(keyDatabaseServerID.Get(v)),
		locking: strings.ToLower(keySnapshotLockingMode.Get(v)), lockTimeout: config.Millis(keySnapshotLockTimeoutMs, v),
		tombstones: keyTombstonesOnDelete.Get(v), schemaChanges: keyIncludeSchemaChanges.Get(v),
		headers: keyExtendedHeadersEnabled.Get(v), skipUnchanged: keySkipMessagesWithoutChange.Get(v),
		heartbeat: config.Millis(keyHeartbeatIntervalMs, v), heartbeatQuery: keyHeartbeatActionQuery.Get(v),
		includeQuery: keyIncludeQuery.Get(v), transactions: keyProvideTransactionMetadata.Get(v),
		batchSize: int(keyMaxBatchSize.Get(v)), queueSize: int(keyMaxQueueSize.Get(v)), queueBytes: keyMaxQueueSizeInBytes.Get(v),
		unknownTable: strings.ToLower(keyInconsistentSchemaHandlingMode.Get(v)),
		undecodable:  undecodableMode(v),
		pollWait:     max(config.Millis(keyPollIntervalMs, v), time.Millisecond), linger: config.Millis(keyPollDispatchIntervalMs, v),
		hardClose: keyUseNongracefulDisconnect.Get(v),
		netRead:   keyBinlogNetReadTimeout.Get(v), netWrite: keyBinlogNetWriteTimeout.Get(v),
		maxTables: int(keyGuardrailCollectionsMax.Get(v)), tableLimitFails: strings.EqualFold(keyGuardrailCollectionsLimitAction.Get(v), "fail"),
		ignoreGTIDs: keyGtidIgnoreOnRecovery.Get(v), checkPosition: keyInternalLogPositionCheckEnable.Get(v),
		binlogBuffer: int(keyBinlogBufferSize.Get(v)),
		maxRetries:   int(keyErrorsMaxRetries.Get(v)), retryWait: config.Millis(keyRetriableRestartConnectorWaitMs, v),
		keepAlive:   config.Millis(keyConnectKeepAliveIntervalMs, v),
		streamDelay: config.Millis(keyStreamingDelayMs, v), snapshotDelay: config.Millis(keySnapshotDelayMs, v),
		skipped: skippedOps(v), selects: selectOverrides(v),
		history: historySettings{
			kind: historyKindOf(v), file: keySchemaHistoryInternalFileFilename.Get(v),
			topic:           keySchemaHistoryInternalKafkaTopic.Get(v),
			client:          historyClient(v),
			preferDDL:       keySchemaHistoryInternalPreferDdl.Get(v),
			skipUnparseable: keySchemaHistoryInternalSkipUnparseableDdl.Get(v),
			capturedTables:  keySchemaHistoryInternalStoreOnlyCapturedTablesDdl.Get(v),
			capturedDBs:     keySchemaHistoryInternalStoreOnlyCapturedDatabasesDdl.Get(v),
		},
	}
	s.history.tables = tablesTopic(v)
	if s.locking == minimalAtLeastOnce {
		s.locking = "minimal"
	}
	var err error
	if s.server, err = server.ConfigOf(v); err != nil {
		return nil, err
	}
	if s.history.ddlFilter, err = patternsOf(keySchemaHistoryInternalDdlFilter.Name(), keySchemaHistoryInternalDdlFilter.Get(v)); err != nil {
		return nil, err
	}
	s.snapshotThreads, s.tablePerThread = max(int(keySnapshotMaxThreads.Get(v)), 1), keyLegacySnapshotMaxThreads.Get(v)
	s.chunkRows, s.tableOrder = int(keySnapshotChunkSize.Get(v)), strings.ToLower(keySnapshotTablesOrderByRowCount.Get(v))
	s.newTables, s.filterTexts = !strings.EqualFold(keySnapshotNewTables.Get(v), "off"), filterTexts(v)
	s.signals, s.notify = signalSettingsOf(v), notifySettingsOf(v)
	if s.snapshot, err = snapshotModeOf(v); err != nil {
		return nil, err
	}
	if s.filters, err = filtersOf(v); err != nil {
		return nil, err
	}
	if s.rules, err = columnRulesOf(v); err != nil {
		return nil, err
	}
	if s.converters, err = convertersOf(v); err != nil {
		return nil, err
	}
	if s.reselect, err = reselectorsOf(v); err != nil {
		return nil, err
	}
	if s.gtidFilter, err = gtidFilterOf(v); err != nil {
		return nil, err
	}
	if s.keyColumns, err = keyColumnsOf(keyMessageKeyColumns.Get(v)); err != nil {
		return nil, err
	}
	if s.names, err = namesOf(v); err != nil {
		return nil, err
	}
	s.row = rowOptions(v)
	return s, nil
}

func rowOptions(v config.Values) row.Options {
	return row.Options{
		Decimal: pick(keyDecimalHandlingMode.Get(v), map[string]row.DecimalMode{
			"double": row.DecimalDouble, "string": row.DecimalString}),
		BigintUnsigned: pick(keyBigintUnsignedHandlingMode.Get(v), map[string]row.BigintUnsignedMode{"precise": row.BigintUnsignedPrecise}),
		Binary: pick(keyBinaryHandlingMode.Get(v), map[string]row.BinaryMode{
			"base64": row.BinaryBase64, "base64-url-safe": row.BinaryBase64URL, "hex": row.BinaryHex}),
		TimePrecision: pick(keyTimePrecisionMode.Get(v), map[string]row.TimePrecisionMode{"connect": row.TimeConnect,
			"isostring": row.TimeISOString, "microseconds": row.TimeMicroseconds, "nanoseconds": row.TimeNanoseconds}),
		Unavailable:    keyUnavailableValuePlaceholder.Get(v),
		NoTimeAdjuster: !keyEnableTimeAdjuster.Get(v),
		FieldName:      adjuster(fieldNameMode(v), false),
		Comments:       keyIncludeSchemaComments.Get(v),
	}
}

// fieldNameMode is field.name.adjustment.mode, or what sanitize.field.names of old releases says.
func fieldNameMode(v config.Values) string {
	if !keyFieldNameAdjustmentMode.IsSet(v) && strings.EqualFold(v.Originals()[sanitizeFieldNames], "true") {
		return "avro"
	}
	return keyFieldNameAdjustmentMode.Get(v)
}

const sanitizeFieldNames = "sanitize.field.names"

func notifySettingsOf(v config.Values) (n notifySettings) {
	for _, c := range keyNotificationEnabledChannels.Get(v) {
		switch c {
		case "sink":
			n.topic = sanitize(keyNotificationSinkTopicName.Get(v))
		case "log":
			n.log = true
		}
	}
	return n
}

// undecodableMode is what happens to a rows event that cannot be read. Reading and processing are one step here: of the two keys the one
// that is not fail counts.
func undecodableMode(v config.Values) string {
	mode := strings.ToLower(keyEventProcessingFailureHandlingMode.Get(v))
	if mode == "fail" {
		mode = strings.ToLower(keyEventDeserializationFailureHandlingMode.Get(v))
	}
	return mode
}

// pick is the mode of a name; names that are not listed have the zero mode.
func pick[T any](name string, m map[string]T) T { return m[strings.ToLower(name)] }

func skippedOps(v config.Values) string {
	var b strings.Builder
	for _, op := range keySkippedOperations.Get(v) {
		if op != "none" {
			b.WriteString(op)
		}
	}
	return b.String()
}

// historyClient are the Kafka client keys of the schema history topic: its servers, then the producer's settings, then the consumer's.
func historyClient(v config.Values) config.Props {
	p := config.Props{}
	for _, prefix := range []string{"database.history.consumer.", "schema.history.internal.consumer.", "database.history.producer.",
		"schema.history.internal.producer."} {
		for k, val := range v.WithPrefix(prefix) {
			switch k {
			case "key.serializer", "value.serializer", "key.deserializer", "value.deserializer", "group.id":
			default:
				p[k] = val
			}
		}
	}
	if s := keySchemaHistoryInternalKafkaBootstrapServers.Get(v); s != "" {
		p["bootstrap.servers"] = s
	}
	return p
}

// override is the SELECT that was set for a table's snapshot; empty: none.
func (s *settings) override(id history.TableID) string {
	return s.selects[strings.ToLower(id.String())]
}

func selectOverrides(v config.Values) map[string]string {
	out := map[string]string{}
	const prefix = "snapshot.select.statement.overrides"
	for id := range strings.SplitSeq(keySnapshotSelectStatementOverrides.Get(v), ",") {
		if id = strings.TrimSpace(id); id != "" {
			out[strings.ToLower(id)] = v.Originals()[prefix+"."+id]
		}
	}
	return out
}

// keyColumns is one entry of message.key.columns.
type keyColumns struct {
	table   *regexp.Regexp
	columns []string
}

func keyColumnsOf(s string) ([]keyColumns, error) {
	var out []keyColumns
	for entry := range strings.SplitSeq(s, ";") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		i := strings.LastIndexByte(entry, ':')
		if i <= 0 {
			return nil, fmt.Errorf("message.key.columns: %q has not the form table:column,column", entry)
		}
		re, err := anchored(entry[:i])
		if err != nil {
			return nil, fmt.Errorf("message.key.columns: %w", err)
		}
		k := keyColumns{table: re}
		for c := range strings.SplitSeq(entry[i+1:], ",") {
			if c = strings.TrimSpace(c); c != "" {
				k.columns = append(k.columns, c)
			}
		}
		out = append(out, k)
	}
	return out, nil
}
