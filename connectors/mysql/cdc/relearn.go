package cdc

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// A table map that does not fit the known definition of its table, or names a table that is not known, tells of a lost or incomplete
// schema history, or of DDL that was kept out of the binary log. The definition is then found anew, and recorded.

// mismatch tells why the definition that is known is not the one of the table map; nil if it is, as far as the map says.
func (info *tableInfo) mismatch(tm *replication.TableMapEvent) error {
	if err := info.codec.Fits(tm); err != nil {
		return err
	}
	if !describes(tm) {
		return nil
	}
	columns := info.codec.Table().Columns
	enums, sets := tm.EnumStrValueMap(), tm.SetStrValueMap()
	for i, name := range tm.ColumnNameString() {
		if !strings.EqualFold(columns[i].Name, name) {
			return fmt.Errorf("column %d is %s in the binary log, and %s in the known definition", i+1, name, columns[i].Name)
		}
		options := enums[i]
		if options == nil {
			options = sets[i]
		}
		// An option's text may be in another character set: their number tells of a change, too.
		if options != nil && len(options) != len(columns[i].EnumValues) {
			return fmt.Errorf("column %s has %d options in the binary log, and %d in the known definition", name, len(options), len(columns[i].EnumValues))
		}
	}
	return nil
}

// relearn finds the definition that a table map was written with: the server's present one if it fits, else the map's own description
// (binlog_row_metadata=FULL). nil without an error if there is none, and why says what is wrong.
func (r *reader) relearn(ctx context.Context, id history.TableID, tm *replication.TableMapEvent, why error) (*tableInfo, error) {
	conn, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	before := r.model.Table(id)
	info, ddl, err := r.presentDefinition(ctx, conn, id, tm)
	if err != nil {
		return nil, err
	}
	from := "the server's present definition"
	if info == nil && describes(tm) {
		collations, err := readCollations(ctx, conn)
		if err != nil {
			return nil, err
		}
		if ddl, err = definition(id, tm, collations); err != nil {
			return nil, err
		}
		if info, err = r.learnFrom(id, ddl); err != nil {
			return nil, err
		}
		from = "the description in the binary log"
	}
	if info == nil {
		if before != nil {
			r.model.Put(before)
		} else {
			r.model.Remove(id)
		}
		return nil, nil
	}
	r.log.Warn("the definition of a table was lost or wrong, taking another", "table", id, "reason", why, "from", from, "file", r.cur.file, "position", r.cur.start)
	ch := history.Change{Type: history.Create, DB: id.DB, ID: id, Table: info.codec.Table(), DDL: ddl}
	if before != nil {
		ch.Type = history.Alter
	}
	r.version++
	if r.kept(&ch) {
		if err := r.record(ctx, r.cur.offset().history(), ch); err != nil {
			return nil, err
		}
	}
	return info, nil
}

// presentTable is a table as the server has it now, with the statement that makes it. It does not change the model.
func (r *reader) presentTable(ctx context.Context, conn *server.Conn, id history.TableID) (*history.Table, string, error) {
	text, err := conn.ShowCreate(ctx, id.Backticked())
	if err != nil {
		return nil, "", err
	}
	t, err := r.ddl.FromShowCreate(r.model, id.DB, text)
	return t, text, err
}

// presentDefinition is SHOW CREATE TABLE, if it fits the table map.
func (r *reader) presentDefinition(ctx context.Context, conn *server.Conn, id history.TableID, tm *replication.TableMapEvent) (*tableInfo, string, error) {
	text, err := conn.ShowCreate(ctx, id.Backticked())
	if code := server.Code(err); code == server.CodeNoSuchTable || code == server.CodeTableAccessDenied || code == server.CodeDBAccessDenied || code == codeNoSuchDatabase {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	info := r.usable(id, text)
	if info == nil {
		return nil, "", nil
	}
	if info.mismatch(tm) == nil {
		return info, text, nil
	}
	return nil, "", nil
}

const codeNoSuchDatabase = 1049

// usable is the table of a definition; nil, and logged, if it cannot be read.
func (r *reader) usable(id history.TableID, ddl string) *tableInfo {
	info, err := r.learnFrom(id, ddl)
	if err != nil {
		r.log.Warn("the present definition of a table cannot be used", "table", id, "error", err)
		return nil
	}
	return info
}

func (r *reader) learnFrom(id history.TableID, ddl string) (*tableInfo, error) {
	t, err := r.ddl.FromShowCreate(r.model, id.DB, ddl)
	if err != nil {
		return nil, err
	}
	t.ID = id
	r.model.Put(t)
	return r.tables.info(id)
}

// describesItself tells whether tables can be learned from the binary log alone.
func describesItself(ctx context.Context, conn *server.Conn) (bool, error) {
	v, err := conn.Global(ctx, "binlog_row_metadata")
	return strings.EqualFold(v, "FULL"), err
}
