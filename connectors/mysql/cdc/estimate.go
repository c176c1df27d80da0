package cdc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// estimates are the numbers of rows the tables have by the server's statistics, which may be far off.
func estimates(ctx context.Context, conn *server.Conn, ids []history.TableID) (map[history.TableID]int64, error) {
	var dbs []string
	for _, id := range ids {
		dbs = append(dbs, server.Quote(id.DB))
	}
	slices.Sort(dbs)
	if dbs = slices.Compact(dbs); len(dbs) == 0 {
		return nil, nil
	}
	where := "TABLE_SCHEMA IN (" + strings.Join(dbs, ", ") + ")"
	if len(ids) == 1 { // MariaDB opens each table it is asked about
		where += " AND TABLE_NAME = " + server.Quote(ids[0].Name)
	}
	rows, err := conn.Rows(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME, IFNULL(TABLE_ROWS, 0) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_TYPE IN ("+tableTypes+") AND "+where)
	if err != nil {
		return nil, fmt.Errorf("reading the server's estimates of the tables' sizes: %w", err)
	}
	out := make(map[history.TableID]int64, len(rows))
	for _, r := range rows {
		n, err := strconv.ParseInt(r[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the server's estimate of a table's size is no number: %s", r[2])
		}
		out[history.TableID{DB: r[0], Name: r[1]}] = n
	}
	return out, nil
}

// order sorts tables by their estimated size (snapshot.tables.order.by.row.count).
func (s *snapshotter) order(ids []history.TableID, size map[history.TableID]int64) {
	if s.set.tableOrder == "disabled" {
		return
	}
	slices.SortStableFunc(ids, func(a, b history.TableID) int {
		if s.set.tableOrder == "descending" {
			a, b = b, a
		}
		return int(min(max(size[a]-size[b], -1), 1))
	})
}

// planned estimates the tables' sizes, puts them in order and notes what is to be read.
func (s *snapshotter) planned(ctx context.Context, ids []history.TableID) error {
	sizes, err := estimates(ctx, s.conn, ids)
	if err != nil {
		return err
	}
	s.order(ids, sizes)
	s.meter.plan(ids, sizes)
	return nil
}
