package mysql

import (
	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connectors/mysql/cdc"
)

// Plugin is the source connector io.debezium.connector.mysql.MySqlConnector (short: mysql).
var Plugin connect.Plugin[connect.SourceConnector] = cdc.Plugin

// MariaDB is the source connector io.debezium.connector.mariadb.MariaDbConnector (short: mariadb).
var MariaDB connect.Plugin[connect.SourceConnector] = cdc.MariaDB
