package cdc

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

var validPrefix = regexp.MustCompile(`\A[\w.\-]+\z`)

// staticProblems are those that need no server: missing and contradicting keys, Java classes.
func staticProblems(v config.Values) []config.Problem {
	var out []config.Problem
	add := func(key config.AnyKey, format string, args ...any) {
		out = append(out, config.Problem{Key: key.Name(), Message: fmt.Sprintf(format, args...)})
	}
	invalid := func(key config.AnyKey, format string, args ...any) {
		add(key, "The '%s' value is invalid: %s", key.Name(), fmt.Sprintf(format, args...))
	}
	for _, k := range []*config.Key[string]{keyTopicPrefix, server.Hostname, server.User} {
		if !k.IsSet(v) {
			invalid(k, "A value is required")
		}
	}
	if p := keyTopicPrefix.Get(v); p != "" && !validPrefix.MatchString(p) {
		invalid(keyTopicPrefix, "%s has invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)", p)
	}
	switch id := keyDatabaseServerID.Get(v); {
	case !keyDatabaseServerID.IsSet(v):
		invalid(keyDatabaseServerID, "A value is required")
	case id < 1 || id > math.MaxUint32:
		invalid(keyDatabaseServerID, "A number from 1 to %d is required", uint32(math.MaxUint32))
	}
	for _, p := range [][2]*config.Key[[]string]{{keyDatabaseIncludeList, keyDatabaseExcludeList},
		{keyTableIncludeList, keyTableExcludeList}, {keyColumnIncludeList, keyColumnExcludeList}} {
		if len(p[0].Get(v)) > 0 && len(p[1].Get(v)) > 0 {
			invalid(p[1], "\"%s\" is already specified", p[0].Name())
		}
	}
	if n, q := keyMaxBatchSize.Get(v), keyMaxQueueSize.Get(v); n < 1 {
		invalid(keyMaxBatchSize, "A positive, non-zero integer value is required")
	} else if q <= n {
		invalid(keyMaxQueueSize, "Must be larger than the maximum batch size")
	}
	if keyMaxQueueSizeInBytes.Get(v) < 0 {
		invalid(keyMaxQueueSizeInBytes, "An non-negative integer is expected")
	}
	if keyBinlogBufferSize.Get(v) < 0 {
		invalid(keyBinlogBufferSize, "An non-negative integer is expected")
	}
	for _, op := range keySkippedOperations.Get(v) {
		if !slices.Contains([]string{"none", "c", "u", "d", "t"}, op) {
			invalid(keySkippedOperations, "Operation %s is none of c, u, d, t, none", op)
		}
	}
	for id, q := range selectOverrides(v) {
		if strings.TrimSpace(q) == "" {
			invalid(keySnapshotSelectStatementOverrides, "snapshot.select.statement.overrides.%s is missing", id)
		}
	}
	if _, err := filtersOf(v); err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		out = append(out, config.Problem{Key: key, Message: err.Error()})
	}
	if _, err := patternsOf(keySchemaHistoryInternalDdlFilter.Name(), keySchemaHistoryInternalDdlFilter.Get(v)); err != nil {
		add(keySchemaHistoryInternalDdlFilter, "%v", err)
	}
	if _, err := server.ConfigOf(v); err != nil {
		key, msg, _ := strings.Cut(err.Error(), ": ")
		out = append(out, config.Problem{Key: key, Message: fmt.Sprintf("The '%s' value is invalid: %s", key, msg)})
	}
	if _, err := gtidFilterOf(v); err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		out = append(out, config.Problem{Key: key, Message: err.Error()})
	} else if len(keyGtidSourceIncludes.Get(v)) > 0 && keyGtidSourceExcludes.Get(v) != "" {
		invalid(keyGtidSourceExcludes, "\"%s\" is already specified", keyGtidSourceIncludes.Name())
	}
	if _, err := columnRulesOf(v); err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		out = append(out, config.Problem{Key: key, Message: err.Error()})
	}
	if _, err := convertersOf(v); err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		out = append(out, config.Problem{Key: key, Message: err.Error()})
	}
	if _, err := reselectorsOf(v); err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		out = append(out, config.Problem{Key: key, Message: err.Error()})
	}
	if _, err := keyColumnsOf(keyMessageKeyColumns.Get(v)); err != nil {
		add(keyMessageKeyColumns, "%v", err)
	}
	if _, err := namesOf(v); err != nil {
		key, _, _ := strings.Cut(err.Error(), ":")
		out = append(out, config.Problem{Key: key, Message: err.Error()})
	}
	out = append(out, snapshotProblems(v)...)
	out = append(out, unsupported(v)...)
	// Debezium finds this only when it starts; its answer to an empty config does not list the key.
	switch kind := historyKindOf(v); {
	case len(out) > 0:
	case kind == historyKafka && keySchemaHistoryInternalKafkaTopic.Get(v) == "":
		invalid(keySchemaHistoryInternalKafkaTopic, "A value is required")
	case kind == historyFile && keySchemaHistoryInternalFileFilename.Get(v) == "":
		invalid(keySchemaHistoryInternalFileFilename, "A value is required")
	case kind == historyKafka && tablesTopic(v) == keySchemaHistoryInternalKafkaTopic.Get(v):
		add(keySchemaHistoryTablesTopic, "the copy of the table definitions needs a topic of its own, as it is compacted and the schema history must not be")
	}
	return out
}

// fixedClasses are keys whose value names a Java class, or a form, that cannot be another here: it would change records.
var fixedClasses = []struct {
	key config.AnyKey
	ok  []string // in any case
}{
	{keySchemaHistoryInternal, []string{"io.debezium.storage.kafka.history.KafkaSchemaHistory", "io.debezium.relational.history.KafkaSchemaHistory",
		"io.debezium.storage.file.history.FileSchemaHistory", "io.debezium.relational.history.FileSchemaHistory",
		"io.debezium.relational.history.MemorySchemaHistory"}},
	{keySourceinfoStructMaker, []string{"io.debezium.connector.mysql.MySqlSourceInfoStructMaker", mariadbStructMaker}},
	{keyTransactionMetadataFactory, []string{"io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory"}},
	{keySourceStructVersion, []string{"v2"}},
}

func unsupported(v config.Values) []config.Problem {
	var out []config.Problem
	props := v.Originals()
	for _, n := range fixedClasses {
		val, set := props[n.key.Name()]
		val = strings.TrimSpace(val)
		if !set || slices.ContainsFunc(n.ok, func(ok string) bool { return strings.EqualFold(ok, val) }) {
			continue
		}
		out = append(out, config.Problem{Key: n.key.Name(), Message: fmt.Sprintf(
			"The '%s' value is invalid: %s cannot be used here; supported: %s", n.key.Name(), val, strings.Join(n.ok, ", "))})
	}
	return out
}

// Validate checks the keys together and, when they are sound, asks the server whether it can be captured.
func (c *connector) Validate(ctx context.Context, v config.Values) []config.Problem {
	if ps := staticProblems(v); len(ps) > 0 {
		return ps
	}
	set, err := settingsOf(v)
	if err != nil {
		return []config.Problem{{Key: keyTopicPrefix.Name(), Message: err.Error()}}
	}
	ctx, cancel := context.WithTimeout(ctx, config.Millis(keyConnectionValidationTimeoutMs, v))
	defer cancel()
	conn, err := server.Dial(ctx, set.server)
	if err != nil {
		return []config.Problem{{Key: server.Hostname.Name(), Message: "Unable to connect: " + server.Message(err)}}
	}
	defer conn.Close()
	found, err := preflight(ctx, conn, set)
	var out []config.Problem
	for _, f := range found {
		if f.problem != nil {
			out = append(out, *f.problem)
		}
	}
	if err != nil {
		out = append(out, config.Problem{Key: server.Hostname.Name(), Message: "Unable to connect: " + server.Message(err)})
	}
	return out
}

// checkBinlog finds a server whose binary log does not hold what is needed.
func checkBinlog(ctx context.Context, conn *server.Conn, set *settings) ([]config.Problem, error) {
	if !set.snapshot.stream {
		return nil, nil
	}
	var out []config.Problem
	bad := func(format string, args ...any) {
		out = append(out, config.Problem{Key: server.Hostname.Name(), Message: fmt.Sprintf(format, args...)})
	}
	for _, x := range []struct{ name, want, hint string }{
		{"log_bin", "ON", "start the server with log_bin"},
		{"binlog_format", "ROW", "SET PERSIST binlog_format = ROW, and reconnect all clients"},
		{"binlog_row_image", "FULL", "SET PERSIST binlog_row_image = FULL, and reconnect all clients"},
	} {
		got, err := conn.Global(ctx, x.name)
		if err != nil {
			return nil, err
		}
		// Servers before 5.6 have no row image and log it in full.
		if strings.EqualFold(got, x.want) || got == "" && x.name == "binlog_row_image" {
			continue
		}
		bad("The MySQL server is not configured for row-level change data capture: %s is %s, but must be %s (%s)", x.name,
			strings.ToUpper(got), x.want, x.hint)
		if x.name == "log_bin" {
			break
		}
	}
	return out, nil
}

// checkGrants finds missing privileges.
func checkGrants(ctx context.Context, conn *server.Conn, set *settings) ([]config.Problem, error) {
	global, partial, err := conn.Grants(ctx)
	if err != nil {
		return nil, err
	}
	if global["ALL PRIVILEGES"] || global["ALL"] {
		return nil, nil
	}
	var missing []string
	need := func(anywhere bool, names ...string) {
		for _, n := range names {
			if global[n] || anywhere && (partial[n] || partial["ALL PRIVILEGES"]) {
				return
			}
		}
		missing = append(missing, names[0])
	}
	need(true, "SELECT")
	if set.snapshot.stream {
		need(false, "REPLICATION SLAVE")
	}
	need(false, "REPLICATION CLIENT", "BINLOG MONITOR", "SUPER") // MariaDB lists the first as the second
	if set.locking != "none" {
		// Without RELOAD the snapshot falls back to locks on each table.
		need(true, "RELOAD", "FLUSH_TABLES", "LOCK TABLES")
	}
	if len(missing) == 0 {
		return nil, nil
	}
	if roles(ctx, conn) {
		return nil, nil // a role may grant what is missing; SHOW GRANTS does not list it
	}
	return []config.Problem{{Key: server.User.Name(), Message: fmt.Sprintf(
		"The user lacks the privileges %[1]s: GRANT %[1]s ON *.* TO the user", strings.Join(missing, ", "))}}, nil
}

func roles(ctx context.Context, conn *server.Conn) bool {
	row, err := conn.Row(ctx, "SELECT CURRENT_ROLE()")
	return err == nil && len(row) > 0 && row[0] != "" && row[0] != "NONE"
}

// checkTables finds plain names in table.include.list that no table has.
func checkTables(ctx context.Context, conn *server.Conn, set *settings) ([]config.Problem, error) {
	missing, err := checkDatabases(ctx, conn, set)
	if err != nil || len(missing) > 0 || len(set.filters.tableIn.all) == 0 {
		return missing, err
	}
	ids, err := listTables(ctx, conn, set.filters.builtin)
	if err != nil {
		return nil, err
	}
	names := tableNames(slices.DeleteFunc(ids, func(id history.TableID) bool { return !set.filters.database(id.DB) }))
	var out []config.Problem
	for _, re := range set.filters.tableIn.all {
		// A pattern may be for tables to come; a plain name is a table that should be there.
		if expr := unanchored(re); !plainName.MatchString(expr) {
			continue
		}
		if !names.match(re) {
			out = append(out, config.Problem{Key: keyTableIncludeList.Name(), Message: fmt.Sprintf(
				"No table matches %s: it does not exist, its database is not captured, or the user may not see it (names are database.table)", unanchored(re))})
		}
	}
	return out, nil
}

// checkDatabases finds plain names in database.include.list that no database has.
func checkDatabases(ctx context.Context, conn *server.Conn, set *settings) ([]config.Problem, error) {
	if len(set.filters.dbIn.all) == 0 {
		return nil, nil
	}
	dbs, err := conn.Rows(ctx, "SELECT SCHEMA_NAME FROM INFORMATION_SCHEMA.SCHEMATA")
	if err != nil {
		return nil, err
	}
	var out []config.Problem
	for _, re := range set.filters.dbIn.all {
		expr := unanchored(re)
		if !plainDatabase.MatchString(expr) || slices.ContainsFunc(dbs, func(db []string) bool { return re.MatchString(db[0]) }) {
			continue
		}
		out = append(out, config.Problem{Key: keyDatabaseIncludeList.Name(), Message: fmt.Sprintf(
			"No database matches %s: it does not exist, or the user may not see it", expr)})
	}
	return out, nil
}

var plainDatabase = regexp.MustCompile(`\A[\w\-$]+\z`)

var plainName = regexp.MustCompile(`\A[\w\-$]+\\?\.[\w\-$]+\z`)

// tableTypes are those of tables with rows of their own; MariaDB has a type for those WITH SYSTEM VERSIONING.
const tableTypes = "'BASE TABLE', 'SYSTEM VERSIONED'"

// listTables lists the base tables the user can see, sorted by database and name.
func listTables(ctx context.Context, conn *server.Conn, builtin bool) ([]history.TableID, error) {
	rows, err := conn.Rows(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE IN ("+tableTypes+")")
	if err != nil {
		return nil, err
	}
	ids := make([]history.TableID, 0, len(rows))
	for _, r := range rows {
		if builtin || !builtinDB(r[0]) {
			ids = append(ids, history.TableID{DB: r[0], Name: r[1]})
		}
	}
	slices.SortFunc(ids, func(a, b history.TableID) int { return strings.Compare(a.DB+"\x00"+a.Name, b.DB+"\x00"+b.Name) })
	return ids, nil
}
