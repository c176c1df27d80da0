package cdc

import (
	"context"
	"fmt"

	"github.com/connectd/connectd/connectors/mysql/server"
)

// guardrail counts the tables whose definitions are kept in memory against guardrail.collections.max (GuardrailValidator): the captured
// ones, or all of them, as schema.history.internal.store.only.captured.* says. The server's own do not count.
func (r *reader) guardrail(ctx context.Context, conn *server.Conn) error {
	if r.set.maxTables <= 0 {
		return nil
	}
	ids, err := listTables(ctx, conn, false)
	if err != nil {
		return err
	}
	n, h := 0, &r.set.history
	for _, id := range ids {
		if h.capturedTables && r.set.filters.table(id) || !h.capturedTables && (!h.capturedDBs || r.set.filters.database(id.DB)) {
			n++
		}
	}
	if n <= r.set.maxTables {
		return nil
	}
	err = fmt.Errorf("guardrail.collections.max: %d tables are configured for capture, but maximum allowed is %d", n, r.set.maxTables)
	if !h.capturedTables {
		err = fmt.Errorf("%w; with schema.history.internal.store.only.captured.tables.ddl=true only tables that the include lists name count", err)
	}
	if r.set.tableLimitFails {
		return err
	}
	r.log.Warn("too many tables", "error", err)
	return nil
}
