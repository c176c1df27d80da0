package cdc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// queryEvent is a statement in the binary log.
type queryEvent struct {
	thread int64
	schema string
	sql    string // in UTF-8
	failed bool   // it ended with an error, after it had done something
	sessionStatus
}

// parseQuery reads a query event (Query_log_event). begin is set, and nothing else but the thread, for the BEGIN of a transaction.
func parseQuery(body []byte) (q queryEvent, begin bool, err error) {
	if len(body) < 13 {
		return q, false, errShortEvent
	}
	q.thread = int64(binary.LittleEndian.Uint32(body))
	schemaLen := int(body[8])
	statusLen := int(binary.LittleEndian.Uint16(body[11:]))
	if len(body) < 13+statusLen+schemaLen+1 {
		return q, false, errShortEvent
	}
	sql := body[13+statusLen+schemaLen+1:]
	if string(sql) == "BEGIN" {
		return q, true, nil
	}
	q.failed = binary.LittleEndian.Uint16(body[9:]) != 0
	q.sessionStatus = parseStatus(body[13 : 13+statusLen])
	q.schema = string(body[13+statusLen : 13+statusLen+schemaLen])
	q.sql = strings.TrimSpace(q.text(sql))
	return q, false, nil
}

// query deals with a statement: ends of transactions, DDL, and what should not be there.
func (r *reader) query(ctx context.Context, body []byte) error {
	q, begin, err := parseQuery(body)
	if err != nil {
		return err
	}
	if begin {
		return r.begin(ctx, q.thread)
	}
	word, second := leadingWords(q.sql)
	if r.cur.skipping && word != "COMMIT" && word != "XA" && (word != "ROLLBACK" || second != "") {
		return nil // done before the restart
	}
	switch word {
	case "BEGIN":
		return r.begin(ctx, q.thread)
	case "COMMIT":
		r.meter.addCommits(1)
		return r.commit(ctx)
	case "ROLLBACK":
		if second != "" {
			return nil // TO a savepoint: what it undid is not in the log
		}
		r.meter.addRollbacks(1)
		if r.set.binlogBuffer == 0 {
			r.log.Warn("a transaction with changes of tables without transactions was rolled back: its rows were sent; with binlog.buffer.size above 0 "+
				"they are not", "file", r.cur.file, "position", r.cur.start)
		}
		return r.commit(ctx)
	case "SAVEPOINT", "RELEASE":
	case "XA":
		switch second {
		case "START", "BEGIN":
			r.cur.begin(q.thread)
			r.xaStart()
		case "COMMIT", "ROLLBACK":
			return r.xaEnd(ctx, &q, second == "COMMIT")
		}
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "WITH":
		if !q.touches(r.set.filters.database) {
			return nil
		}
		return r.statement(word)
	default:
		// TRUNCATE has records of its own (BinlogStreamingChangeEventSource.handleQueryEvent).
		if word != "TRUNCATE" && r.set.history.ddlFilter.match(q.sql) {
			return nil
		}
		return r.statementDDL(ctx, &q)
	}
	return nil
}

// statement deals with a change that was logged as a statement, whose rows nobody can know.
func (r *reader) statement(word string) error {
	return r.inconsistent(fmt.Errorf("%s was logged as a statement, its rows are not in the binary log: set binlog_format=ROW for every "+
		"session; to pass over it, inconsistent.schema.handling.mode=warn", word))
}

// leadingWords are the first two words in upper case, behind comments.
func leadingWords(sql string) (word, second string) {
	for {
		sql = strings.TrimSpace(sql)
		switch {
		case strings.HasPrefix(sql, "/*!"): // executed by MySQL: belongs to the statement
			return "", ""
		case strings.HasPrefix(sql, "/*"):
			_, rest, ok := strings.Cut(sql[2:], "*/")
			if !ok {
				return "", ""
			}
			sql = rest
		case strings.HasPrefix(sql, "#"), strings.HasPrefix(sql, "-- "):
			_, rest, ok := strings.Cut(sql, "\n")
			if !ok {
				return "", ""
			}
			sql = rest
		default:
			word, rest := cutWord(sql)
			second, _ := cutWord(strings.TrimSpace(rest))
			return word, second
		}
	}
}

func cutWord(s string) (word, rest string) {
	i := 0
	for i < len(s) && (s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || s[i] == '_') {
		i++
	}
	return strings.ToUpper(s[:i]), s[i:]
}

// statementDDL applies a DDL statement to the model, writes it to the schema history, and only then announces it: rows that follow
// are read with the new definition, and a restart finds it.
func (r *reader) statementDDL(ctx context.Context, q *queryEvent) error {
	c := r.cur
	// Debezium records a statement with the position behind it, but the GTIDs before it.
	pos := c.offset().history()
	changes := r.recorded(pos.File, pos.Pos)
	if changes == nil {
		var err error
		if changes, err = r.apply(ctx, q); err != nil {
			return err
		}
		r.version++
		if kept := r.keep(changes); len(kept) > 0 {
			if err := r.record(ctx, pos, kept...); err != nil {
				return err
			}
		}
	}
	r.inc.ddl(changes)
	if !c.inTx {
		c.settle()
	}
	after := c.offset()
	if c.inTx { // CREATE TABLE … SELECT: of the transaction's events, the statement is done, too
		after.event++
		if after.here != nil {
			after.here.event++
		}
	}
	return r.announce(ctx, changes, c.last(), after)
}

// historyError is a failure to write the schema history. The model is ahead of it then, so the binary log is not read again before a restart has
// made the model anew, whatever the reason is.
type historyError struct{ error }

func (e *historyError) Unwrap() error { return e.error }

// record writes changes of the model to the schema history.
func (r *reader) record(ctx context.Context, pos history.Position, changes ...history.Change) error {
	if err := r.store.Record(ctx, pos, changes...); err != nil {
		return &historyError{err}
	}
	return nil
}

// apply changes the model. What the parser cannot read is looked up on the server, table by table: the definition is then that of
// now, which later statements may have changed already.
func (r *reader) apply(ctx context.Context, q *queryEvent) ([]history.Change, error) {
	s := history.Session{Database: q.schema, Failed: q.failed, Zone: q.location()}
	s.SessionModes(q.mode)
	changes, err := r.ddl.Apply(r.model, s, q.sql)
	var pe *history.ParseError
	if err == nil || !errors.As(err, &pe) {
		return changes, err
	}
	if errors.Is(err, history.ErrUnknownTable) && !slices.ContainsFunc(pe.Tables, r.set.filters.table) {
		// Its table is not stored. Debezium, which finds no change then, records the statement itself under the database of the session.
		if word, second := leadingWords(q.sql); word == "ALTER" && second == "TABLE" {
			changes = append(changes, history.Change{Type: history.Other, DB: q.schema, DDL: q.sql})
		}
		return changes, nil
	}
	r.log.Warn("a DDL statement could not be read; asking the server for the definition of the tables it names", "error", err,
		"file", r.cur.file, "position", r.cur.start)
	for _, id := range pe.Tables {
		if id.DB == "" {
			id.DB = q.schema
		}
		if !r.set.filters.table(id) {
			continue
		}
		ch, err := r.reread(ctx, id, q.sql)
		if err != nil {
			return nil, err
		}
		changes = append(changes, ch)
	}
	return changes, nil
}

func (r *reader) reread(ctx context.Context, id history.TableID, ddl string) (history.Change, error) {
	conn, err := r.dial(ctx)
	if err != nil {
		return history.Change{}, err
	}
	defer conn.Close()
	t, _, err := r.presentTable(ctx, conn, id)
	if server.Code(err) == server.CodeNoSuchTable {
		r.model.Remove(id)
		return history.Change{Type: history.Drop, DB: id.DB, ID: id, DDL: ddl}, nil
	}
	if err != nil {
		return history.Change{}, err
	}
	r.model.Put(t)
	return history.Change{Type: history.Alter, DB: id.DB, ID: id, Table: t, DDL: ddl}, nil
}

// keep are the changes that belong into the schema history: not those of the server's own databases, and less by
// schema.history.internal.store.only.captured.*.
func (r *reader) keep(changes []history.Change) []history.Change {
	var out []history.Change
	for _, ch := range changes {
		if r.kept(&ch) && ch.Type != history.Truncate {
			out = append(out, ch)
		}
	}
	return out
}

func (r *reader) kept(ch *history.Change) bool {
	switch {
	case builtinDB(ch.DB) && !r.set.filters.builtin:
		return false
	case r.set.history.capturedDBs && ch.DB != "" && !r.set.filters.database(ch.DB):
		return false
	case r.set.history.capturedTables && ch.ID.IsZero():
		return ch.DB == "" // the server's character set
	case r.set.history.capturedTables && (!r.set.filters.table(ch.ID) || ch.Type == history.Alter && ch.Table == nil):
		return false
	}
	return true
}

// told tells whether a change is announced in the topic of schema changes. With schema.history.internal.store.only.captured.tables.ddl that
// is more than is kept: of a statement that touches something captured, also its changes of databases, and of names that are gone when it
// ends (BinlogDatabaseSchema.parseDdl, EventDispatcher.dispatchSchemaChangeEvent).
func (r *reader) told(ch *history.Change, all []history.Change) bool {
	switch {
	case r.kept(ch):
		return true
	case !r.set.history.capturedTables, builtinDB(ch.DB) && !r.set.filters.builtin, ch.InTableChanges(), !r.set.filters.database(ch.DB):
		return false
	}
	return slices.ContainsFunc(all, func(x history.Change) bool {
		switch x.Type {
		case history.CreateDatabase, history.DropDatabase:
			return r.set.filters.database(x.DB)
		}
		return !x.ID.IsZero() && r.set.filters.table(x.ID)
	})
}

// announce sends the records of a statement's changes. Only the last carries the offset behind it.
func (r *reader) announce(ctx context.Context, changes []history.Change, before, after *offset) error {
	c := r.cur
	var send []int
	for i := range changes {
		ch := &changes[i]
		truncated := ch.Type == history.Truncate
		if truncated && !strings.Contains(r.set.skipped, "t") && r.set.filters.table(ch.ID) || !truncated && r.set.schemaChanges && r.told(ch, changes) {
			send = append(send, i)
		}
	}
	if len(send) == 0 {
		c.sent(after, 0)
		return nil
	}
	o := r.origin()
	tables := changedTables(changes)
	o.tsMicros = o.tsMicros / 1000 * 1000 // Debezium cuts the time of statements to milliseconds
	if err := r.q.begin(ctx); err != nil {
		return err
	}
	defer r.q.end()
	for n, i := range send {
		ch := &changes[i]
		o.tables = tables[i]
		b, err := r.q.batch(ctx, 1)
		if err != nil {
			return err
		}
		at := before
		if n == len(send)-1 {
			at = after
		}
		if ch.Type != history.Truncate {
			r.q.add(b, r.w.schemaChange(&b.mem, &o, ch, at), recordOverhead+len(ch.DDL))
			continue
		}
		info, err := r.tables.info(ch.ID)
		if err != nil || info == nil {
			continue
		}
		rec := r.w.record(info, data.Datum{}, r.w.envelope(&b.mem, info, &o, opTruncate, nil, nil), r.w.context, at)
		r.q.add(b, rec, recordOverhead)
	}
	c.sent(after, 0)
	return nil
}
