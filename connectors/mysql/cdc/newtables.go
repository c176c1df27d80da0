package cdc

import (
	"context"

	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// findNew lists the tables that are captured now and were not when the stored offset was written, as the include and exclude lists have
// changed since (snapshot.new.tables). Offsets of Debezium do not tell, and nothing is new then.
func (r *reader) findNew(ctx context.Context, conn *server.Conn) error {
	more := r.stored.more
	if more == nil || more.filters == "" || more.filters == r.set.filterTexts || !r.set.newTables || !r.set.snapshot.data || !r.set.snapshot.stream {
		return nil
	}
	old, err := filtersOfText(more.filters, r.set.filters.builtin)
	if err != nil {
		return err
	}
	ids, err := listTables(ctx, conn, r.set.filters.builtin)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !r.set.filters.table(id) || old.table(id) || !r.set.filters.snapshot(id) || r.set.filters.signal(id) {
			continue
		}
		if r.model.Table(id) == nil {
			if err := r.learnTable(ctx, conn, id); err != nil {
				return err
			}
		}
		r.added = append(r.added, id)
	}
	if err := r.store.Flush(ctx); err != nil {
		return err
	}
	if len(r.added) > 0 {
		r.log.Info("the include and exclude lists add tables: their rows are read by an incremental snapshot", "tables", len(r.added))
	}
	return nil
}

// learnTable adds a table's present definition to the schema history, which was told to leave out what is not captured.
func (r *reader) learnTable(ctx context.Context, conn *server.Conn, id history.TableID) error {
	t, ddl, err := r.presentTable(ctx, conn, id)
	if err != nil {
		return err
	}
	r.model.Put(t)
	r.version++
	return r.store.Add(ctx, r.stored.history(), history.Change{Type: history.Create, DB: id.DB, ID: id, Table: t, DDL: ddl})
}
