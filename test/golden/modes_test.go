//go:build integration

package golden

import "slices"

// server is one that the scenario runs on: its files are in testdata/name.
type server struct {
	name      string // as records say it in source.connector
	bed       string // the variable with its address
	connector string
	setUp     []string // statements of a session before the first of the scenario
	uuid      bool     // GTIDs carry the server's
	endless   bool     // Debezium begins transactions that it never ends
	// deviations that only this server's connector has.
	deviations []deviation
	without    []string // modes there is no capture of
	own        []mode   // a scenario of its own: its modes in place of the common ones, and without the common deviations
	zone       string   // the server's time zone; empty: as it is
	// lean: the script sets binlog_row_image and binlog_row_value_options. Debezium stops at such rows, so the captures are made without: what is
	// in the log is to be as if all were.
	lean bool
}

func (sv server) modes() []mode {
	if sv.own != nil {
		return sv.own
	}
	return slices.DeleteFunc(slices.Clone(modes), func(m mode) bool { return slices.Contains(sv.without, m.name) })
}

var servers = map[string]server{
	"mysql": {
		name: "mysql", bed: "BED_MYSQL", connector: "io.debezium.connector.mysql.MySqlConnector", uuid: true, deviations: mysqlDeviations,
		setUp: []string{"RESET BINARY LOGS AND GTIDS", "SET timestamp = 1700000000, binlog_rows_query_log_events = ON, time_zone = '+00:00', @n = 1000"},
	},
	"mysql-zones": {
		name: "mysql-zones", bed: "BED_MYSQL", connector: "io.debezium.connector.mysql.MySqlConnector", uuid: true, deviations: zoneDeviations,
		setUp: []string{"RESET BINARY LOGS AND GTIDS", "SET timestamp = 1700000000, time_zone = '+00:00', @n = 1000"}, zone: "America/New_York",
		own: []mode{
			{name: "adaptive", props: map[string]string{"database.include.list": "gold", "include.schema.changes": "true"}},
			{name: "connect", props: map[string]string{"database.include.list": "gold", "time.precision.mode": "connect", "table.exclude.list": `gold\.clocks`}},
			{name: "iso", props: map[string]string{"database.include.list": "gold", "time.precision.mode": "isostring", "table.exclude.list": `gold\.clocks`}},
			{name: "micros", props: map[string]string{"database.include.list": "gold", "time.precision.mode": "microseconds", "driver.connectionTimeZone": "America/New_York"}},
			{name: "nanos", props: map[string]string{"database.include.list": "gold", "time.precision.mode": "nanoseconds", "driver.connectionTimeZone": "UTC", "driver.forceConnectionTimeZoneToSession": "true"}},
			{name: "fallback", props: map[string]string{"database.include.list": "gold", "converters": "zero", "zero.type": "io.debezium.connector.binlog.converters.ZeroDateFallbackConverter", "event.converting.failure.handling.mode": "warn"}},
		},
	},
	"mysql-hard": {
		name: "mysql-hard", bed: "BED_MYSQL", connector: "io.debezium.connector.mysql.MySqlConnector", uuid: true, deviations: hardDeviations,
		setUp: []string{"RESET BINARY LOGS AND GTIDS", "SET timestamp = 1700000000, binlog_rows_query_log_events = ON, time_zone = '+00:00', @n = 1000"},
		own: []mode{
			{name: "default", props: map[string]string{"include.schema.changes": "true", "include.schema.comments": "true"}},
			{name: "transactions", props: map[string]string{"provide.transaction.metadata": "true", "include.query": "true", "decimal.handling.mode": "string", "binary.handling.mode": "hex"}},
			{name: "sourcetypes", props: map[string]string{"column.propagate.source.type": ".*", "time.precision.mode": "connect", "decimal.handling.mode": "double", "bigint.unsigned.handling.mode": "precise"}},
			{name: "names", props: map[string]string{"schema.name.adjustment.mode": "avro", "field.name.adjustment.mode": "avro_unicode", "table.exclude.list": `gold\.(näme.*|swap_cols)`, "include.schema.changes": "true", "time.precision.mode": "isostring"}},
		},
	},
	"mysql-images": {
		name: "mysql-images", bed: "BED_MYSQL", connector: "io.debezium.connector.mysql.MySqlConnector", uuid: true, deviations: imageDeviations, lean: true,
		setUp: []string{"RESET BINARY LOGS AND GTIDS", "SET timestamp = 1700000000, time_zone = '+00:00', @n = 1000"},
		own: []mode{
			{name: "plain", props: map[string]string{"database.include.list": "gold", "inconsistent.schema.handling.mode": "warn", "event.processing.failure.handling.mode": "warn"}},
			{name: "schemaless", props: map[string]string{
				"database.include.list": "gold", "inconsistent.schema.handling.mode": "warn", "event.processing.failure.handling.mode": "warn",
				"key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false", "tombstones.on.delete": "false",
				"unavailable.value.placeholder": "ünavailable", "binary.handling.mode": "base64",
			}},
			{name: "reselect", props: map[string]string{
				"database.include.list": "gold", "inconsistent.schema.handling.mode": "warn", "event.processing.failure.handling.mode": "warn",
				"post.processors": "again", "again.type": "io.debezium.processors.reselect.ReselectColumnsPostProcessor",
				"again.reselect.columns.include.list": `gold\.partly:.*`,
			}},
			{name: "columns", props: map[string]string{
				"database.include.list": "gold", "inconsistent.schema.handling.mode": "warn", "event.processing.failure.handling.mode": "warn",
				"column.exclude.list": `gold\.blobs\.(b|lb|mt|j|vb)`, "skip.messages.without.change": "true", "message.key.columns": "gold.last_blob:a;gold.keyed:a;gold.nokey:a;gold.docs_nokey:a",
				"unavailable.value.placeholder": "(left out)",
			}},
		},
	},
	"mariadb": {
		name: "mariadb", bed: "BED_MARIADB", connector: "io.debezium.connector.mariadb.MariaDbConnector", endless: true, deviations: mariadbDeviations, without: []string{"buffered"},
		setUp: []string{"RESET MASTER", "SET timestamp = 1700000000, binlog_annotate_row_events = ON, time_zone = '+00:00', @n = 1000"},
	},
}

// mode is one configuration of the connector.
type mode struct {
	name  string
	props map[string]string
	// noUpdates: the last update of the script makes no record.
	noUpdates bool
}

// modes are what the scenario runs in, all at once. Records of schema changes are compared in the modes that bear on them.
var modes = []mode{
	{name: "default", props: map[string]string{"include.schema.changes": "true"}},
	{name: "decimalstring", props: map[string]string{"decimal.handling.mode": "string", "bigint.unsigned.handling.mode": "precise"}},
	{name: "decimaldouble", props: map[string]string{"decimal.handling.mode": "double", "binary.handling.mode": "base64"}},
	{name: "timeconnect", props: map[string]string{"time.precision.mode": "connect", "binary.handling.mode": "hex"}},
	{name: "timeiso", props: map[string]string{"time.precision.mode": "isostring", "binary.handling.mode": "base64-url-safe", "table.exclude.list": `gold\.gens`}},
	{name: "timemicros", props: map[string]string{"time.precision.mode": "microseconds"}},
	{name: "timenanos", props: map[string]string{"time.precision.mode": "nanoseconds"}},
	{name: "comments", props: map[string]string{"include.schema.comments": "true", "include.schema.changes": "true", "column.propagate.source.type": ".*"}},
	{name: "datatype", props: map[string]string{"datatype.propagate.source.type": `.+\.VARCHAR,.+\.DECIMAL,.+\.INT UNSIGNED,.+\.TINYINT`, "include.schema.comments": "true"}},
	{name: "masks", props: map[string]string{
		"column.mask.hash.SHA-256.with.salt.pepper": `gold\.hashed\.secret`, "column.mask.hash.v2.SHA-512.with.salt.pepper": `gold\.hashed\.card,gold\.texts\.vc`,
		"column.truncate.to.12.chars": `gold\.hashed\.long_text,gold\.texts\.(lt|mt)`, "column.mask.with.7.chars": `gold\.hashed\.ssn,gold\.texts\.c10`,
		"column.mask.with.0.chars": `gold\.parent\.name`,
	}},
	{name: "keys", props: map[string]string{
		"message.key.columns": "gold.nokey:a,b;(.*).uniq:b;gold.comp:note,z;gold.evolve:id,a;gold.hashed:num", "tombstones.on.delete": "false", "skipped.operations": "none",
	}},
	{name: "transactions", props: map[string]string{"provide.transaction.metadata": "true", "include.query": "true"}},
	{name: "buffered", props: map[string]string{"binlog.buffer.size": "5000", "provide.transaction.metadata": "true"}},
	{name: "converters", props: map[string]string{
		"converters": "bool,jdbc", "bool.type": "io.debezium.connector.binlog.converters.TinyIntOneToBooleanConverter", "bool.selector": `.*\.(ints|late_defaults)\..*`, "bool.length.checker": "true",
		"jdbc.type": "io.debezium.connector.binlog.converters.JdbcSinkDataTypesConverter", "jdbc.selector.boolean": `gold\.ints\.bo`, "jdbc.selector.real": `gold\.nums\.(f|r|f24)`, "jdbc.selector.string": `gold\.texts\.(tx|nvc|c10)`,
	}},
	{name: "avro", props: map[string]string{"schema.name.adjustment.mode": "avro", "field.name.adjustment.mode": "avro", "table.exclude.list": `gold\.weird-naïve\.tbl`}},
	{name: "avrounicode", props: map[string]string{"schema.name.adjustment.mode": "avro_unicode", "field.name.adjustment.mode": "avro_unicode"}},
	{name: "columns", props: map[string]string{"column.exclude.list": `gold\.ints\.(ti1|bi),gold\.misc\.[a-d].*,.*\.note,gold\.evolve\.a`, "skipped.operations": "u", "extended.headers.enabled": "false"}, noUpdates: true},
	{name: "included", props: map[string]string{
		"column.include.list": `gold\.[^.]+\.(id|z|y|x|a|b|c|note|name),gold_b\..*`, "skip.messages.without.change": "true", "include.schema.changes": "true",
		"table.include.list": `gold\.(comp|evolve|ints|uniq|parent|made.*|nums),gold_b\.umlaut`, "schema.history.internal.store.only.captured.tables.ddl": "true",
	}, noUpdates: true},
	{name: "databases", props: map[string]string{
		"include.schema.changes": "true", "schema.history.internal.store.only.captured.databases.ddl": "true", "topic.delimiter": "-", "skipped.operations": "c,d,t",
		"snapshot.select.statement.overrides": "gold.ints", "snapshot.select.statement.overrides.gold.ints": "SELECT * FROM gold.ints WHERE id < 3 ORDER BY id DESC",
		"snapshot.include.collection.list": `gold\.(ints|nums)`,
	}},
}
