package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// A table of the shop. Document is the SQL expression that makes, of a row, the document that the connectors should
// have made of it: DECIMAL as text (decimal.handling.mode=string), TIMESTAMP as ISO 8601 in UTC, DATETIME(3) as
// milliseconds since the epoch, TINYINT(1) as a number.
type table struct{ name, document string }

var tables = []table{
	{"customers", `JSON_OBJECT('id', id, 'name', name, 'email', email, 'newsletter', newsletter,
		'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%sZ'))`},
	{"products", `JSON_OBJECT('id', id, 'name', name, 'price', CAST(price AS CHAR), 'stock', stock)`},
	{"orders", `JSON_OBJECT('id', id, 'customer_id', customer_id, 'status', status,
		'ordered_at', TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ordered_at) DIV 1000, 'note', note)`},
	{"order_items", `JSON_OBJECT('id', id, 'order_id', order_id, 'product_id', product_id, 'quantity', quantity,
		'price', CAST(price AS CHAR))`},
}

func (t table) topic() string { return "demo.shop." + t.name }

// openMySQL connects to the shop. The session's time zone is UTC: TIMESTAMP columns are read in it.
func openMySQL(port int) (*sql.DB, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = "app", "app", "shop"
	cfg.Net, cfg.Addr = "tcp", fmt.Sprintf("127.0.0.1:%d", port)
	cfg.Params = map[string]string{"time_zone": "'+00:00'"}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, fmt.Errorf("configuring the MySQL client: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// readRows returns the expected documents of a table, in canonical form, by id.
func readRows(ctx context.Context, db *sql.DB, t table) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT CAST(id AS CHAR), "+t.document+" FROM "+t.name)
	if err != nil {
		return nil, fmt.Errorf("reading table %s: %w", t.name, err)
	}
	defer rows.Close()
	docs := make(map[string]string)
	for rows.Next() {
		var id string
		var doc []byte
		if err := rows.Scan(&id, &doc); err != nil {
			return nil, fmt.Errorf("reading table %s: %w", t.name, err)
		}
		if docs[id], err = canonical(doc); err != nil {
			return nil, fmt.Errorf("reading table %s, id %s: %w", t.name, id, err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading table %s: %w", t.name, err)
	}
	return docs, nil
}
