package cdc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// watermark tells when the stream has brought every change that the rows of a chunk may have in them.
type watermark struct {
	gtids *gtidSet // all of these
	place *place   // everything up to here
	id    string   // the signal table's row of this id
}

// passed tells whether the stream has come that far. Between two transactions.
func (w *window) passed(r *reader) bool {
	c := r.cur
	switch {
	case w.mark.gtids != nil:
		// Prepared XA transactions are not in the stream's set until they are committed, and their rows cannot be seen until then.
		for _, x := range r.prepared {
			w.mark.gtids.remove(x.uuid, x.tag, x.gno)
		}
		return c.gtids.contains(w.mark.gtids)
	case w.mark.place != nil:
		return !c.before(*w.mark.place)
	default:
		return w.closed
	}
}

// before tells whether the stream has yet to come to a place. Names of files end in a number that grows, with more digits at some time.
func (c *cursor) before(p place) bool {
	return cmp.Or(cmp.Compare(len(c.file), len(p.file)), strings.Compare(c.file, p.file), cmp.Compare(c.end, p.pos)) < 0
}

// marked reads a chunk between watermarks. What the stream brought before must be visible to read: the server sends a transaction to
// its replicas a moment before others see its rows. Such a change would neither be in the rows, nor come after them.
//
//   - With GTIDs nothing is written: gtid_executed has only what can be seen. Before reading, the server must have all that the stream
//     brought; afterwards gtid_executed is how far the stream must come.
//   - By the signal table: the transaction that writes to it is carried out after those before it in the binary log.
//   - By locks, where there is neither, or read.only forbids to write: nobody commits while the position is read and the view is made.
func (s *incremental) marked(ctx context.Context, w *window, read func() error) error {
	set, c := &s.r.set.signals, s.r.cur
	// MariaDB's positions by GTID tell what is in the binary log, not what can be seen.
	gtids := s.r.gtidMode && !s.r.mariadb && !s.r.set.ignoreGTIDs && c.done != ""
	switch {
	case !set.readOnly && len(set.tables) > 0 && (set.useTable || !gtids):
		return s.markedByTable(ctx, w, read)
	case gtids:
		return s.markedByGTIDs(ctx, w, read)
	default:
		return s.markedByLock(ctx, w, read)
	}
}

func (s *incremental) markedByGTIDs(ctx context.Context, w *window, read func() error) error {
	row, err := s.conn.Row(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET("+server.Quote(s.r.cur.gtids.String())+", 5)")
	if err != nil {
		return err
	}
	if len(row) == 0 || row[0] != "0" {
		return errNotYet
	}
	if err := read(); err != nil {
		return err
	}
	text, err := s.conn.Row(ctx, "SELECT @@global.gtid_executed")
	if err != nil {
		return err
	}
	if w.mark.gtids, err = parseGTIDSet(strings.Join(text, "")); err != nil {
		return err
	}
	if f := s.r.set.gtidFilter; f != nil { // the stream's set does not have all of theirs
		w.mark.gtids = w.mark.gtids.retain(f.takes)
	}
	return nil
}

func (s *incremental) markedByTable(ctx context.Context, w *window, read func() error) error {
	set := &s.r.set.signals
	db, name, _ := strings.Cut(set.tables[0], ".")
	table := history.TableID{DB: db, Name: name}.Backticked()
	id := newUUID()
	times := struct {
		Open  string `json:"openWindowTimestamp"`
		Close string `json:"closeWindowTimestamp,omitempty"`
	}{Open: s.r.w.now().UTC().Format(time.RFC3339Nano)}
	insert := func(suffix, kind string) error {
		b, err := json.Marshal(times)
		if err != nil {
			return err
		}
		return s.write(ctx, "INSERT INTO "+table+" VALUES ("+server.Quote(id+suffix)+", "+server.Quote(kind)+", "+server.Quote(string(b))+")")
	}
	if err := insert("-open", "snapshot-window-open"); err != nil {
		return err
	}
	if err := read(); err != nil {
		return err
	}
	if set.deleteOpen {
		w.mark.id = id + "-open"
		return s.write(ctx, "DELETE FROM "+table+" WHERE id = "+server.Quote(w.mark.id))
	}
	times.Close = s.r.w.now().UTC().Format(time.RFC3339Nano)
	w.mark.id = id + "-close"
	return insert("-close", "snapshot-window-close")
}

// write writes a watermark (signal.emit.failure.*).
func (s *incremental) write(ctx context.Context, statement string) (err error) {
	set := &s.r.set.signals
	for i := 0; ; i++ {
		if err = s.conn.Exec(ctx, statement); err == nil || i >= set.retries || ctx.Err() != nil {
			break
		}
		s.r.log.Warn("writing a watermark to the signal table failed, trying again", "error", err, "pause", set.backoff)
		if sleep(ctx, set.backoff) != nil {
			break
		}
		if server.Unreachable(err) {
			s.hangUp()
			if e := s.connect(ctx); e != nil {
				return errors.Join(err, e)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("writing a watermark to the signal table (signal.data.collection): %w", err)
	}
	return nil
}

func (s *incremental) markedByLock(ctx context.Context, w *window, read func() error) (err error) {
	unlock := func() {
		if s.conn != nil {
			err = errors.Join(err, s.conn.Exec(ctx, "UNLOCK TABLES"))
		}
	}
	position := func() error {
		p, err := s.conn.Position(ctx)
		if err != nil {
			return err
		}
		w.mark.place = &place{p.File, p.Pos}
		return nil
	}
	switch err := s.conn.Exec(ctx, "FLUSH TABLES WITH READ LOCK"); server.Code(err) {
	case 0:
		if err != nil {
			return err
		}
		for _, f := range []func() error{
			func() error { return s.conn.Exec(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ") },
			func() error { return s.conn.Exec(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT") }, position,
			func() error { return s.conn.Exec(ctx, "UNLOCK TABLES") }, read, func() error { return s.conn.Exec(ctx, "ROLLBACK") },
		} {
			if err := f(); err != nil {
				s.hangUp() // and with it the lock and the transaction
				return err
			}
		}
		return nil
	case server.CodeAccessDenied, server.CodeDBAccessDenied, server.CodeSpecificPrivilege:
	default:
		return err
	}
	// Without the right to lock all: this table alone, until the chunk is read.
	if err := s.conn.Exec(ctx, "LOCK TABLES "+w.info.id.Backticked()+" READ"); err != nil {
		return fmt.Errorf("locking the table for a chunk (grant RELOAD or LOCK TABLES to the user, or set signal.data.collection): %w", err)
	}
	defer unlock()
	if err := position(); err != nil {
		return err
	}
	return read()
}

// signalRow looks for the watermark in a row of the signal table.
func (s *incremental) signalRow(id string) {
	if w := s.win; w != nil && w.mark.id != "" && w.mark.id == id {
		w.closed = true
	}
}
