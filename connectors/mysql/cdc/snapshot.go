package cdc

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// snapshotMode is snapshot.mode.
type snapshotMode struct {
	data       bool // rows, not only definitions
	stream     bool // go on with the binary log
	always     bool // at every start
	whenNeeded bool // also if the stored offset cannot be used
	marker     string
}

func snapshotModeOf(name string) (snapshotMode, error) {
	switch strings.ToLower(name) {
	case "initial":
		return snapshotMode{data: true, stream: true, marker: "INITIAL"}, nil
	case "initial_only":
		return snapshotMode{data: true, marker: "INITIAL"}, nil
	case "no_data", "schema_only":
		return snapshotMode{stream: true, marker: "INITIAL"}, nil
	case "always":
		return snapshotMode{data: true, stream: true, always: true, marker: "INITIAL"}, nil
	case "when_needed":
		return snapshotMode{data: true, stream: true, whenNeeded: true, marker: "INITIAL"}, nil
	default:
		return snapshotMode{}, fmt.Errorf("snapshot.mode=%s is not supported yet", name)
	}
}

// ddlAt is a statement of the snapshot's schema history.
type ddlAt struct {
	db, ddl string
	table   history.TableID
}

// snapshot reads definitions and rows as of one position, which it returns as an offset. It starts from nothing each time: what an
// interrupted snapshot sent is sent again.
func (r *reader) snapshot(ctx context.Context, conn *server.Conn) (*offset, error) {
	r.setModel(history.NewModel(r.lowerCase))
	s := &snapshotter{reader: r, conn: conn}
	if r.set.locking == "none" {
		// Nobody keeps changes from happening between the two: read first, the position makes such a change come twice, not never.
		if err := s.readPosition(ctx); err != nil {
			return nil, err
		}
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	began := r.w.now()
	if s.at == nil {
		if err := s.readPosition(ctx); err != nil {
			return nil, err
		}
	}
	if len(s.captured) == 0 {
		r.log.Warn("no table is captured: check database.include.list, table.include.list and their like, and the user's privileges")
	}
	now, later := s.defined()
	statements, err := s.definitions(ctx, now, true)
	if err != nil {
		return nil, err
	}
	if s.globalLock && r.set.locking != "extended" {
		unlock()
		r.log.Info("the snapshot released the global read lock", "held", r.w.now().Sub(began), "file", s.at.file, "position", s.at.pos)
	}
	if err := s.record(ctx, statements); err != nil {
		return nil, err
	}
	if r.set.snapshot.data {
		if err := s.data(ctx); err != nil {
			return nil, err
		}
	}
	unlock()
	if len(later) > 0 {
		s.held.marker = markLast
		if statements, err = s.definitions(ctx, later, false); err != nil {
			return nil, err
		}
		if err := s.record(ctx, statements); err != nil {
			return nil, err
		}
	}
	done := *s.at
	done.snapshot = ""
	return &done, s.finish(ctx, &done)
}

// snapshotter is one run of a snapshot. The last record is held back: which marker it has is known only when the next one comes.
type snapshotter struct {
	*reader
	conn       *server.Conn
	globalLock bool
	tableLocks bool
	captured   []history.TableID
	all        []history.TableID
	at         *offset // of the position, marked as a running snapshot
	origin     origin

	held     heldRow
	heldRec  *connect.SourceRecord // a schema change, held back in the same way
	heldSize int
}

// heldRow is a row that was read but not sent.
type heldRow struct {
	info   *tableInfo // nil: none is held
	fields []mysql.FieldValue
	text   []byte // what fields point into
	marker data.Value
}

// lock makes the position and the definitions belong together: for the moment of reading them nobody may commit. The func returned
// releases what is still held; it may be called twice.
func (s *snapshotter) lock(ctx context.Context) (unlock func(), err error) {
	ids, err := listTables(ctx, s.conn, s.set.filters.builtin)
	if err != nil {
		return nil, err
	}
	s.all = ids
	for _, id := range ids {
		if s.set.filters.table(id) {
			s.captured = append(s.captured, id)
		}
	}
	held := true
	unlock = func() {
		if held && ctx.Err() == nil { // else the connection is gone, and its locks
			held = false
			if err := s.conn.Exec(context.WithoutCancel(ctx), "UNLOCK TABLES"); err != nil {
				s.log.Warn("releasing the snapshot's locks", "error", err) // the end of the connection does
			}
		}
	}
	secs := max(int(s.set.lockTimeout/time.Second), 1)
	// The server must not give up while Kafka is slow and rows are not taken off the connection.
	if err := s.conn.Exec(ctx, fmt.Sprintf("SET SESSION lock_wait_timeout = %d, innodb_lock_wait_timeout = %[1]d, net_write_timeout = 86400", secs)); err != nil {
		return nil, err
	}
	if s.set.locking != "none" {
		err := s.conn.Exec(ctx, "FLUSH TABLES WITH READ LOCK")
		switch server.Code(err) {
		case 0:
			if err != nil {
				return nil, err
			}
			s.globalLock = true
		case server.CodeAccessDenied, server.CodeDBAccessDenied, server.CodeSpecificPrivilege:
			return unlock, s.lockTables(ctx)
		case server.CodeLockWaitTimeout:
			return nil, fmt.Errorf("the snapshot did not get the global read lock within snapshot.lock.timeout.ms (%s); a long query or another "+
				"lock stands in the way: %w", s.set.lockTimeout, err)
		default:
			return nil, err
		}
	} else {
		held = false
	}
	for _, q := range []string{"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT"} {
		if err := s.conn.Exec(ctx, q); err != nil {
			unlock()
			return nil, err
		}
	}
	return unlock, nil
}

// lockTables locks the captured tables one by one, where the user may not take the global lock. The locks stay until all rows are
// read: releasing them would end the transaction.
func (s *snapshotter) lockTables(ctx context.Context) error {
	s.log.Warn("the user may not take the global read lock (RELOAD); locking each captured table until its rows are read", "tables", len(s.captured))
	if len(s.captured) == 0 {
		return nil
	}
	s.tableLocks = true
	var b strings.Builder
	for i, id := range s.captured {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(id.Backticked() + " READ")
	}
	if err := s.conn.Exec(ctx, "LOCK TABLES "+b.String()); err != nil {
		return fmt.Errorf("locking the captured tables (grant RELOAD or LOCK TABLES to the user): %w", err)
	}
	return nil
}

func (s *snapshotter) readPosition(ctx context.Context) error {
	p, err := s.conn.Position(ctx)
	if err != nil {
		return fmt.Errorf("reading the binary log position: %w", err)
	}
	now := s.w.now()
	s.at = &offset{tsSec: now.Unix(), file: p.File, pos: p.Pos, gtids: p.GTIDs, snapshot: s.set.snapshot.marker}
	if !s.gtidMode {
		s.at.gtids = ""
	}
	s.origin = origin{tsMicros: now.Unix() * 1e6, file: data.String(p.File), pos: p.Pos}
	return nil
}

// defined are the tables whose definitions go into the schema history. Under locks on the captured tables no other can be looked at: those
// come later, when the locks are gone.
func (s *snapshotter) defined() (now, later []history.TableID) {
	if s.set.history.capturedTables {
		return s.captured, nil
	}
	for _, id := range s.all {
		switch {
		case s.set.history.capturedDBs && !s.set.filters.database(id.DB):
		case s.tableLocks && !s.set.filters.table(id):
			later = append(later, id)
		default:
			now = append(now, id)
		}
	}
	return now, later
}

// definitions reads what the schema history begins with, as Debezium writes it: the server's character set, then for each table
// DROP TABLE, for each database DROP, CREATE and USE, and CREATE TABLE. Without databases: only DROP and CREATE TABLE.
func (s *snapshotter) definitions(ctx context.Context, tables []history.TableID, databases bool) ([]ddlAt, error) {
	var out []ddlAt
	if databases {
		charset, err := s.conn.Row(ctx, "SELECT @@global.character_set_server, @@global.collation_server")
		if err != nil {
			return nil, err
		}
		out = append(out, ddlAt{ddl: "SET character_set_server=" + charset[0] + ", collation_server=" + charset[1]})
	}
	for _, id := range tables {
		out = append(out, ddlAt{db: id.DB, ddl: "DROP TABLE IF EXISTS " + id.Backticked(), table: id})
	}
	locales, err := s.conn.Rows(ctx, "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM INFORMATION_SCHEMA.SCHEMATA")
	if err != nil {
		return nil, err
	}
	byDB := map[string][]string{}
	for _, l := range locales {
		byDB[l[0]] = l
	}
	for i, id := range tables {
		db := id.DB
		if databases && (i == 0 || tables[i-1].DB != db) {
			name := server.Backtick(db)
			create := "CREATE DATABASE " + name
			if l := byDB[db]; l != nil {
				create += " CHARSET " + l[1] + " COLLATE " + l[2]
			}
			out = append(out, ddlAt{db: db, ddl: "DROP DATABASE IF EXISTS " + name}, ddlAt{db: db, ddl: create}, ddlAt{db: db, ddl: "USE " + name})
		}
		def, err := s.conn.Row(ctx, "SHOW CREATE TABLE "+id.Backticked())
		if err != nil {
			if server.Code(err) == server.CodeNoSuchTable {
				continue // dropped since they were listed
			}
			return nil, fmt.Errorf("reading the definition of %s: %w", id, err)
		}
		out = append(out, ddlAt{db: db, ddl: def[1], table: id})
	}
	return out, nil
}

// record applies the statements to the model, writes them to the schema history and announces them.
func (s *snapshotter) record(ctx context.Context, statements []ddlAt) error {
	for _, st := range statements {
		changes, err := s.ddl.Apply(s.model, history.Session{Database: st.db}, st.ddl)
		if err != nil {
			if s.set.filters.table(st.table) && !s.set.history.skipUnparseable {
				return fmt.Errorf("reading the definition of table %s: %w", st.table, err)
			}
			s.log.Warn("passing over a definition that cannot be read", "table", st.table.String(), "error", err)
			continue
		}
		changes = slices.DeleteFunc(changes, func(ch history.Change) bool { return !s.kept(&ch) })
		if err := s.store.Record(ctx, s.at.history(), changes...); err != nil {
			return err
		}
		if !s.set.schemaChanges {
			continue
		}
		for i := range changes {
			if err := s.announceOne(ctx, &changes[i], st.table); err != nil {
				return err
			}
		}
	}
	s.version++
	return nil
}

func (s *snapshotter) announceOne(ctx context.Context, ch *history.Change, id history.TableID) error {
	now := s.w.now().UnixNano()
	o := s.origin
	o.tsMicros, o.tsNanos, o.snapshot = now/1000, now%1000, data.String("true")
	if ch.ID.IsZero() && !id.IsZero() {
		c := *ch
		ch = &c
		ch.ID = id
	}
	if err := s.release(ctx); err != nil {
		return err
	}
	var mem row.Memory // not a batch's: which one the record goes into is not known yet
	rec := s.w.schemaChange(&mem, &o, ch, s.at)
	s.heldRec, s.heldSize = &rec, recordOverhead+len(ch.DDL)
	return nil
}

// data sends the rows of all captured tables.
func (s *snapshotter) data(ctx context.Context) error {
	var ids []history.TableID
	for _, id := range s.captured {
		if s.set.filters.snapshot(id) {
			ids = append(ids, id)
		}
	}
	for i, id := range ids {
		info, err := s.tables.info(id)
		if err != nil {
			return err
		}
		if info == nil {
			continue
		}
		began := s.w.now()
		n, err := s.table(ctx, info, i == 0)
		if err != nil {
			return fmt.Errorf("reading table %s: %w", id, err)
		}
		s.log.Info("the snapshot read a table", "table", id.String(), "rows", n, "seconds", s.w.now().Sub(began).Seconds())
	}
	return nil
}

// The markers of source.snapshot.
var (
	markFirst        = data.String("first")
	markFirstInTable = data.String("first_in_data_collection")
	markLastInTable  = data.String("last_in_data_collection")
	markLast         = data.String("last")
	markTrue         = data.String("true")
)

var selectAll = regexp.MustCompile(`(?i)\A\s*SELECT\s+\*\s+FROM\b`)

func (s *snapshotter) table(ctx context.Context, info *tableInfo, firstTable bool) (rows int64, err error) {
	query := s.set.selects[strings.ToLower(info.id.String())]
	if query == "" {
		query = "SELECT * FROM " + info.id.Backticked()
	}
	// The codec wants its own list: all columns, some of them cast.
	query = selectAll.ReplaceAllLiteralString(query, "SELECT "+info.codec.SelectList()+" FROM")
	err = s.conn.Stream(ctx, query, func(fields []mysql.FieldValue) error {
		mark := markTrue
		if rows == 0 {
			mark = markFirstInTable
			if firstTable {
				mark = markFirst
			}
		}
		rows++
		return s.row(ctx, info, fields, mark)
	})
	if err != nil {
		return rows, err
	}
	// The first row of the first table stays "first" even if it is the last of the table.
	if rows > 0 && !s.held.marker.Equal(markFirst) {
		s.held.marker = markLastInTable
	}
	return rows, nil
}

// row sends the held row and holds the new one. What is held is a copy of the fields: the rows that were decoded belong to the batch
// that was open then, and Poll may have taken it since.
func (s *snapshotter) row(ctx context.Context, info *tableInfo, fields []mysql.FieldValue, mark data.Value) error {
	if err := s.release(ctx); err != nil {
		return err
	}
	h := &s.held
	h.info, h.marker = info, mark
	h.fields, h.text = h.fields[:0], h.text[:0]
	for i := range fields {
		h.text = append(h.text, fields[i].AsString()...)
	}
	text := h.text
	for i := range fields {
		f := &fields[i]
		n := len(f.AsString())
		h.fields = append(h.fields, mysql.NewFieldValue(f.Type, f.AsUint64(), text[:n:n]))
		text = text[n:]
	}
	return nil
}

// release sends what is held, if anything is.
func (s *snapshotter) release(ctx context.Context) error { return s.send(ctx, s.at) }

func (s *snapshotter) send(ctx context.Context, at connect.SourceOffset) error {
	if s.heldRec == nil && s.held.info == nil {
		return nil
	}
	if err := s.q.begin(ctx); err != nil {
		return err
	}
	defer s.q.end()
	b, err := s.q.batch(ctx, 1)
	if err != nil {
		return err
	}
	if s.heldRec != nil {
		s.heldRec.Position.Offset = at
		s.q.add(b, *s.heldRec, s.heldSize)
		s.heldRec = nil
		return nil
	}
	h := &s.held
	info := h.info
	h.info = nil
	r, err := info.codec.DecodeText(h.fields, &b.mem)
	if err != nil {
		return err
	}
	o := s.origin
	o.snapshot = h.marker
	value := s.w.envelope(&b.mem, info, &o, opRead, nil, r.Value)
	s.q.add(b, s.w.record(info, info.key(r, &b.mem), value, s.w.context, at), recordOverhead+len(h.text))
	return nil
}

// finish sends the last record, with the offset of a completed snapshot: until it is stored, a restart takes the snapshot again. Then
// a heartbeat, which carries that offset even if there was no record.
func (s *snapshotter) finish(ctx context.Context, done *offset) error {
	s.held.marker = markLast
	if err := s.send(ctx, done); err != nil {
		return err
	}
	if s.set.heartbeat > 0 {
		if err := s.q.begin(ctx); err != nil {
			return err
		}
		defer s.q.end()
		b, err := s.q.batch(ctx, 1)
		if err != nil {
			return err
		}
		s.q.add(b, s.w.heartbeat(done), recordOverhead)
		s.lastBeat = s.w.now()
	}
	s.log.Info("the snapshot is complete", "file", done.file, "position", done.pos, "gtids", done.gtids)
	return nil
}
