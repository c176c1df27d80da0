package cdc

import (
	"context"
	"fmt"
	"slices"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// snapshotter is one run of a snapshot.
type snapshotter struct {
	*reader
	conn     *server.Conn // for definitions, and the first that reads rows
	readers  []*server.Conn
	locks    *snapshotLocks
	foreseen *foreseen // definitions that were read before the lock; nil: none
	captured []history.TableID
	all      []history.TableID
	keep     *offset // the position is to stay this one; nil: the server's
	at       *offset // of the position, marked as a running snapshot
	origin   origin

	// A schema change, held back: whether it is the snapshot's last record is known only when the next one comes.
	heldRec  *connect.SourceRecord
	heldSize int
}

// snapshot reads definitions and rows as of one position, which it returns as an offset.
func (r *reader) snapshot(ctx context.Context, conn *server.Conn) (_ *offset, err error) {
	r.meter.begin()
	defer func() { r.meter.ended(err) }()
	r.setModel(history.NewModel(r.lowerCase))
	r.store.Restart(ctx)
	s := &snapshotter{reader: r, conn: conn}
	if r.set.snapshot.keepPosition && r.stored != nil && !r.stored.running() {
		s.keep = r.stored
	}
	defer s.closeReaders()
	if err := s.list(ctx); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.locks.releaseAll(ctx)
	if err := r.notify.initial(ctx, s.at, statusStarted, nil); err != nil {
		return nil, err
	}
	if len(s.captured) == 0 {
		r.log.Warn("no table is captured: check database.include.list, table.include.list and their like, and the user's privileges")
	}
	if err := s.structure(ctx); err != nil {
		return nil, err
	}
	at := *s.at
	at.covered = r.store.Covered()
	s.at = &at
	var tail *chunkWriter
	if r.set.snapshot.data {
		if tail, err = s.data(ctx); err != nil {
			return nil, err
		}
	}
	s.locks.releaseAll(ctx)
	done := *s.at
	done.snapshot, done.more = "", r.settled()
	return &done, s.finish(ctx, tail, &done)
}

// list finds the tables.
func (s *snapshotter) list(ctx context.Context) error {
	ids, err := listTables(ctx, s.conn, s.set.filters.builtin)
	if err != nil {
		return err
	}
	s.all, s.captured = ids, nil
	for _, id := range ids {
		if s.set.filters.table(id) {
			s.captured = append(s.captured, id)
		}
	}
	return nil
}

// structure writes the definitions into the schema history, and lets go of the locks that only they needed.
func (s *snapshotter) structure(ctx context.Context) error {
	now, later := s.defined()
	statements, err := s.definitions(ctx, now, true)
	if err != nil {
		return err
	}
	if s.set.locking != "extended" {
		s.locks.releaseAll(ctx)
	}
	if err := s.record(ctx, statements); err != nil || len(later) == 0 {
		return err
	}
	if statements, err = s.definitions(ctx, later, false); err != nil {
		return err
	}
	return s.record(ctx, statements)
}

func (s *snapshotter) readPosition(ctx context.Context) error {
	p, err := s.conn.Position(ctx)
	if err != nil {
		return fmt.Errorf("reading the binary log position: %w", err)
	}
	now := s.w.now()
	if s.keep != nil {
		o := *s.keep
		o.snapshot, o.more = markerInitial, nil
		s.at, s.origin = &o, origin{tsMicros: now.Unix() * 1e6, file: data.String(o.file), pos: o.pos}
		return nil
	}
	s.at = &offset{tsSec: now.Unix(), file: p.File, pos: p.Pos, gtids: p.GTIDs, snapshot: markerInitial}
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
		case s.locks.tables && !s.set.filters.table(id):
			later = append(later, id)
		default:
			now = append(now, id)
		}
	}
	return now, later
}

// recordAtOnce is how many statements are written to the schema history together, and announced after that.
const recordAtOnce = 500

// record applies the statements to the model, writes them to the schema history and announces them.
func (s *snapshotter) record(ctx context.Context, statements []ddlAt) error {
	for part := range slices.Chunk(statements, recordAtOnce) {
		announce, err := s.recordPart(ctx, part)
		if err != nil {
			return err
		}
		for i := range announce {
			if err := s.announceOne(ctx, &announce[i].change, announce[i].table); err != nil {
				return err
			}
		}
	}
	s.version++
	return nil
}

// announcement is a change to announce, and the table that the statement was about.
type announcement struct {
	change history.Change
	table  history.TableID
}

// recordPart returns what is to be announced.
func (s *snapshotter) recordPart(ctx context.Context, statements []ddlAt) ([]announcement, error) {
	var announce []announcement
	for _, st := range statements {
		changes, err := s.ddl.Apply(s.model, history.Session{Database: st.db}, st.ddl)
		if err != nil {
			if s.set.filters.table(st.table) && !s.set.history.skipUnparseable {
				return nil, fmt.Errorf("reading the definition of table %s: %w", st.table, err)
			}
			s.log.Warn("passing over a definition that cannot be read", "table", st.table.String(), "error", err)
			continue
		}
		if err := s.store.Add(ctx, s.at.history(), slices.DeleteFunc(slices.Clone(changes), func(ch history.Change) bool { return !s.kept(&ch) })...); err != nil {
			return nil, err
		}
		if !s.set.schemaChanges {
			continue
		}
		for i := range changes {
			// Statements on databases are announced also where only captured tables are stored.
			if s.kept(&changes[i]) || s.set.history.capturedTables && changes[i].ID.IsZero() {
				announce = append(announce, announcement{changes[i], st.table})
			}
		}
	}
	return announce, s.store.Flush(ctx)
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

// data sends the rows of all captured tables. The last record is not sent yet; nil: there was none.
func (s *snapshotter) data(ctx context.Context) (*chunkWriter, error) {
	var ids []history.TableID
	for _, id := range s.captured {
		if s.set.filters.snapshot(id) {
			ids = append(ids, id)
		}
	}
	if err := s.planned(ctx, ids); err != nil {
		return nil, err
	}
	return newDumper(s, ids).run(ctx)
}

// The markers of source.snapshot.
var (
	markFirst        = data.String("first")
	markFirstInTable = data.String("first_in_data_collection")
	markLastInTable  = data.String("last_in_data_collection")
	markLast         = data.String("last")
	markTrue         = data.String("true")
	markIncremental  = data.String("incremental")
)

// release sends the schema change that is held, if one is.
func (s *snapshotter) release(ctx context.Context) error { return s.sendHeld(ctx, s.at) }

func (s *snapshotter) sendHeld(ctx context.Context, at connect.SourceOffset) error {
	if s.heldRec == nil {
		return nil
	}
	s.heldRec.Position.Offset = at
	if err := s.q.send(ctx, *s.heldRec, s.heldSize); err != nil {
		return err
	}
	s.heldRec = nil
	return nil
}

// finish sends the last record, with the offset of a completed snapshot. Then a heartbeat, which carries that offset even if there was
// no record.
func (s *snapshotter) finish(ctx context.Context, tail *chunkWriter, done *offset) error {
	if tail != nil {
		if err := tail.sendLast(ctx, done); err != nil {
			return err
		}
	}
	if s.heldRec != nil && !s.set.snapshot.data { // no row will be the last
		s.heldRec.Value.Value.Struct().At(0).Struct().Set(srcSnapshot, markLast)
	}
	if err := s.sendHeld(ctx, done); err != nil {
		return err
	}
	if err := s.beatAt(ctx, done); err != nil {
		return err
	}
	s.log.Info("the snapshot is complete", "file", done.file, "position", done.pos, "gtids", done.gtids)
	return s.notify.initial(ctx, done, statusCompleted, nil)
}

// beatAt sends a heartbeat, if they are on.
func (r *reader) beatAt(ctx context.Context, at *offset) error {
	if r.set.heartbeat <= 0 {
		return nil
	}
	if err := r.q.send(ctx, r.w.heartbeat(at), recordOverhead); err != nil {
		return err
	}
	r.lastBeat = r.w.now()
	return nil
}
