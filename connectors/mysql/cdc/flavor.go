package cdc

import (
	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
)

// flavor is what differs between the connectors of this package: the names in records. What the servers do differently is told by the
// server itself.
type flavor struct {
	connector       string // source.connector
	source          *data.Schema
	schemaChangeKey *data.Schema
	schemaChange    *data.Schema
	// comments are kept if schema changes are sent (MariaDbDatabaseSchema.createDdlParser), beside include.schema.comments.
	commentsWithChanges bool
}

var (
	mysqlFlavor   = newFlavor("mysql")
	mariadbFlavor = newFlavor("mariadb")
)

const mariadbStructMaker = "io.debezium.connector.mariadb.MariaDbSourceInfoStructMaker"

func newFlavor(name string) *flavor {
	pkg := "io.debezium.connector." + name
	source := sourceSchema(pkg + ".Source")
	return &flavor{
		connector: name, source: source, commentsWithChanges: name == "mariadb",
		schemaChangeKey: data.MakeStruct(pkg+".SchemaChangeKey").Version(1).
			Field("databaseName", data.StringSchema).
			Build(),
		schemaChange: data.MakeStruct(pkg+".SchemaChangeValue").Version(1).
			Field("source", source).
			Field("ts_ms", data.Int64Schema).
			Field("databaseName", data.OptionalStringSchema).
			Field("schemaName", data.OptionalStringSchema).
			Field("ddl", data.OptionalStringSchema).
			Field("tableChanges", data.ListOf(changeSchema)).
			Build(),
	}
}

// MariaDB is the connector for MariaDB, under Debezium's class name. Its config is that of the MySQL connector but for
// a default and a lock.
var MariaDB = connect.Plugin[connect.SourceConnector]{
	Name:      "io.debezium.connector.mariadb.MariaDbConnector",
	Aliases:   []string{"mariadb", "MariaDbConnector", "MariaDb"},
	Version:   Version,
	Summary:   "Streams the changes of MariaDB tables: a snapshot, then the binary log.",
	TaskClass: "io.debezium.connector.mariadb.MariaDbConnectorTask",
	Config:    mariadbDef,
	Metrics:   Plugin.Metrics,
	New:       func() connect.SourceConnector { return &connector{flavor: mariadbFlavor} },
}

// minimalAtLeastOnce is the value of snapshot.locking.mode that only MariaDB's connector has; it is taken for minimal: the lock is as short.
const minimalAtLeastOnce = "minimal_at_least_once"

var mariadbDef = Def.With(
	keySourceinfoStructMaker.Copy().Default(mariadbStructMaker),
	lockingMode("minimal", minimalAtLeastOnce, "extended", "none", "custom"),
)
