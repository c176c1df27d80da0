package cdc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// incremental reads tables beside the stream, a chunk at a time: those that signals ask for, those that a change of the include list
// adds, and what an interrupted snapshot left. A chunk is read at once; its rows wait in a window until the stream has come to the moment
// they were read at, and a row that the stream changes meanwhile is dropped, since the change is newer, or says the same. What is left
// goes out, as op r with source.snapshot=incremental (DDD-3 of Debezium; DBLog).
//
// It runs on the goroutine of the stream, between two transactions: while a chunk is read the stream stands, but for the other way
// round, a window that waits does not keep it.
type incremental struct {
	r      *reader
	jobs   []*job // the first is being read
	win    *window
	paused bool
	signal string // id of the one that came last
	sent   int64  // rows of the interrupted snapshot

	conn  *server.Conn
	retry time.Time // not before
	fails int
}

// restart drops the window: the stream goes back to the last offset.
func (s *incremental) restart() {
	s.win = nil
	s.r.cur.more = s.state()
}

// hangUp closes the connection.
func (s *incremental) hangUp() {
	if s.conn != nil {
		s.conn.Abort()
		s.conn = nil
	}
}

// step does what can be done now: sends the window if the stream has come to its end, and reads the next chunk. Between two transactions.
func (s *incremental) step(ctx context.Context) error {
	for len(s.jobs) > 0 && ctx.Err() == nil {
		if s.win != nil {
			if !s.win.passed(s.r) {
				return nil
			}
			if err := s.send(ctx); err != nil {
				return err
			}
			continue
		}
		if s.paused || s.r.w.now().Before(s.retry) {
			return nil
		}
		if err := s.chunk(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// chunk reads the next chunk of the first job, and deals with what goes wrong.
func (s *incremental) chunk(ctx context.Context) error {
	j := s.jobs[0]
	err := s.tryChunk(ctx, j)
	var skip *skippedTable
	switch {
	case err == nil:
		s.fails = 0
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &skip):
		return s.skip(ctx, j, skip.status, err)
	case server.Unreachable(err) || errors.Is(err, errNotYet) || server.Code(err) == server.CodeLockWaitTimeout:
		s.hangUp()
		s.fails++
		pause := min(time.Second<<min(s.fails, 5), 30*time.Second)
		s.retry = s.r.w.now().Add(pause)
		s.r.log.Warn("a chunk of the incremental snapshot could not be read, trying again", "table", j.id.String(), "error", err, "pause", pause)
		return nil
	case schemaError(err) && j.checks < maxChecks:
		// The table has changed, and the stream has not come to the statement yet.
		j.checks++
		s.hangUp()
		s.retry = s.r.w.now().Add(time.Second)
		s.r.log.Info("the definition of a table does not fit what the server says now, waiting for the statement that changed it", "table", j.id.String(), "error", err)
		return nil
	case server.Code(err) == server.CodeNoSuchTable:
		return s.skip(ctx, j, scanUnknown, err)
	case j.initial:
		return fmt.Errorf("reading the rest of table %s, which an interrupted snapshot left: %w", j.id, err)
	default:
		return s.skip(ctx, j, scanFailed, err)
	}
}

// restChunk is how many rows of an interrupted snapshot are read at once, unless snapshot.chunk.size is less.
const restChunk = 8192

// maxChecks is how often a table whose definition seems to have changed is tried, a second apart.
const maxChecks = 60

var errNotYet = errors.New("the server has not carried out yet what the stream has brought")

// skippedTable tells of a table that cannot be read in chunks.
type skippedTable struct{ status, why string }

func (e *skippedTable) Error() string { return e.why }

// schemaError tells of an answer that comes from another definition of the table.
func schemaError(err error) bool {
	switch server.Code(err) {
	case server.CodeBadField, server.CodeNoSuchTable, server.CodeTableDefChanged:
		return true
	}
	return errors.Is(err, errDecode)
}

var errDecode = errors.New("the row does not fit the definition")

// skip gives a table up. What an interrupted snapshot left is only given up when the table is gone.
func (s *incremental) skip(ctx context.Context, j *job, status string, why error) error {
	if j.initial && status != scanUnknown && status != scanEmpty {
		return fmt.Errorf("reading the rest of table %s, which an interrupted snapshot left: %w", j.id, why)
	}
	if status != scanEmpty {
		s.r.log.Warn("passing over a table of the incremental snapshot", "table", j.id.String(), "status", status, "reason", why)
	}
	return s.done(ctx, j, status)
}

// done ends the first job.
func (s *incremental) done(ctx context.Context, j *job, status string) error {
	tables := s.tables()
	s.drop(j)
	s.changed()
	return s.finished(ctx, j, status, tables)
}

// drop takes a table out.
func (s *incremental) drop(j *job) {
	s.jobs = slices.DeleteFunc(s.jobs, func(x *job) bool { return x == j })
	s.win = nil
}

// finished tells of a table that was taken out.
func (s *incremental) finished(ctx context.Context, j *job, status string, tables note) error {
	if err := s.note(ctx, statusTableDone, tables, note{noteScanned, j.id.String()}, note{noteRows, strconv.FormatInt(j.rows, 10)}, note{noteStatus, status}); err != nil {
		return err
	}
	if j.initial && !slices.ContainsFunc(s.jobs, func(x *job) bool { return x.initial }) {
		s.r.log.Info("the interrupted snapshot is complete", "rows", s.sent)
		if err := s.r.notify.initial(ctx, s.r.cur.offset(), statusCompleted, nil); err != nil {
			return err
		}
	}
	if j.initial || slices.ContainsFunc(s.jobs, func(x *job) bool { return !x.initial }) {
		return nil
	}
	s.r.log.Info("the incremental snapshot is complete")
	s.hangUp()
	err := s.note(ctx, statusCompleted)
	s.signal = ""
	return err
}

// changed lets the next offsets tell of the present state.
func (s *incremental) changed() {
	c := s.r.cur
	c.more = s.state()
	c.sent(c.offset(), 0)
}

// tables are the note of all tables asked for.
func (s *incremental) tables() note {
	var ids []string
	for _, j := range s.jobs {
		if !j.initial {
			ids = append(ids, j.id.String())
		}
	}
	return note{noteTables, strings.Join(ids, ",")}
}

// note tells of the snapshots that were asked for.
func (s *incremental) note(ctx context.Context, status string, notes ...note) error {
	if s.r.notify.off() {
		return nil
	}
	aggregate := aggregateIncremental
	id := s.signal
	if id == "" {
		id = newUUID()
	}
	return s.r.notify.send(ctx, s.r.cur.offset(), aggregate, id, status, notes)
}

// connect makes the connection that reads chunks.
func (s *incremental) connect(ctx context.Context) error {
	if s.conn != nil {
		return nil
	}
	c, err := s.r.dial(ctx)
	if err != nil {
		return err
	}
	if err := s.r.set.patience(ctx, c); err != nil {
		c.Abort()
		return err
	}
	s.conn = c
	return nil
}

// tryChunk reads the next chunk into a window.
func (s *incremental) tryChunk(ctx context.Context, j *job) error {
	info, key, err := s.prepare(ctx, j)
	if err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if j.spans == nil || j.asIs {
		if err := s.bounds(ctx, j, key); err != nil {
			return err
		}
		if len(j.spans) == 0 {
			return &skippedTable{scanEmpty, "it has no rows"}
		}
	}
	w := newWindow(j, info, key)
	limit := s.r.set.signals.chunk
	if j.initial {
		limit = min(max(limit, restChunk), s.r.set.chunkRows)
	}
	query := key.rowsQuery(j.id, info.codec.SelectList(), j.spans[0], j.condition, limit)
	err = s.marked(ctx, w, func() error {
		return s.conn.Stream(ctx, query, func(f []mysql.FieldValue) error { return w.add(f) })
	})
	if err != nil {
		return err
	}
	w.end = w.read < limit
	s.win = w
	if w.read == 0 {
		return nil
	}
	return s.note(ctx, statusInProgress, s.tables(), note{noteCurrent, j.id.String()}, note{noteMax, strings.Join(j.max, ",")}, note{noteLast, strings.Join(w.last, ",")})
}

// prepare finds what is known of the table, and its order.
func (s *incremental) prepare(ctx context.Context, j *job) (*tableInfo, *chunkKey, error) {
	info, err := s.r.tables.info(j.id)
	if err != nil {
		return nil, nil, err
	}
	if info == nil {
		return nil, nil, &skippedTable{scanUnknown, "its definition is not known: it is not captured, or does not exist"}
	}
	t := info.codec.Table()
	var names []string
	switch {
	case j.surrogate != "":
		names = []string{j.surrogate}
	case len(t.PrimaryKey) == 0:
		names = s.r.set.keyColumnsOf(t.ID)
	}
	key, why := chunkKeyOf(t, names)
	if key == nil {
		return nil, nil, &skippedTable{scanNoKey, why + "; set message.key.columns, or name a column by surrogate-key in the signal"}
	}
	j.kinds = key.kinds()
	for _, sp := range j.spans {
		if !key.fits(sp.From) || !key.fits(sp.To) {
			s.r.log.Warn("the stored key does not fit the table, which is read from its start", "table", j.id.String())
			j.spans, j.max, j.asIs = nil, nil, false
			break
		}
	}
	return info, key, ctx.Err()
}

// bounds reads the table's last key: rows that come behind it come from the stream.
func (s *incremental) bounds(ctx context.Context, j *job, key *chunkKey) error {
	var last keyTexts
	err := s.conn.Stream(ctx, key.lastQuery(j.id, j.condition), func(f []mysql.FieldValue) error {
		last = key.ofKey(f)
		return nil
	})
	if err != nil {
		return err
	}
	if j.condition == "" && last != nil {
		sizes, err := estimates(ctx, s.conn, []history.TableID{j.id})
		if err != nil {
			return err
		}
		j.expected = sizes[j.id]
	}
	j.asIs, j.max = false, last
	if last == nil {
		j.spans = nil
		return nil
	}
	if j.spans == nil {
		j.spans = []keySpan{{To: last}}
		return nil
	}
	j.spans = slices.Clone(j.spans)
	if n := len(j.spans) - 1; j.spans[n].To == nil {
		j.spans[n].To = last
	}
	return nil
}

// send sends what is left in the window.
func (s *incremental) send(ctx context.Context) error {
	w := s.win
	j, r := w.job, s.r
	if w.read == 0 {
		return s.advance(ctx, w)
	}
	before, tables := r.cur.offset(), s.tables()
	s.win = nil
	w.progress()
	over := len(j.spans) == 0
	if over {
		s.drop(j)
	}
	if j.initial {
		s.sent += int64(w.left)
	}
	r.cur.more = s.state()
	after := r.cur.offset()
	if err := s.emit(ctx, w, before, after); err != nil {
		return err
	}
	r.cur.sent(after, 0)
	r.meter.addIncremental(int64(w.left))
	r.snapshotRows(w.left)
	r.meter.addDropped(int64(w.read - w.left))
	if !over {
		return nil
	}
	if w.left == 0 { // no record told of it
		if err := r.beatAt(ctx, after); err != nil {
			return err
		}
	}
	return s.finished(ctx, j, scanSucceeded, tables)
}

// advance goes to the next span, or ends the job: the span has no more rows.
func (s *incremental) advance(ctx context.Context, w *window) error {
	s.win = nil
	w.progress()
	if len(w.job.spans) == 0 {
		return s.done(ctx, w.job, scanSucceeded)
	}
	s.changed()
	return nil
}

// emit makes the records of the rows that are left.
func (s *incremental) emit(ctx context.Context, w *window, before, after *offset) error {
	if w.left == 0 {
		return nil
	}
	r := s.r
	o := r.origin()
	if r.cur.lastThread >= 0 { // Debezium sends them in the midst of the transaction that closes the window
		o.thread = data.Int64(r.cur.lastThread)
	}
	now := r.w.now()
	o.tsMicros, o.tsNanos, o.snapshot = now.UnixMicro(), 0, markIncremental
	if err := r.q.begin(ctx); err != nil {
		return err
	}
	defer r.q.end()
	left := w.left
	for i := range w.rows {
		if w.gone[i] {
			continue
		}
		b, err := r.q.batch(ctx, 1)
		if err != nil {
			return err
		}
		left--
		at := before
		if left == 0 {
			at = after
		}
		row := w.rows[i]
		value := r.w.envelope(&b.mem, w.info, &o, opRead, nil, row.Value)
		r.q.add(b, r.w.record(w.info, w.info.key(row, &b.mem), value, r.w.context, at), recordOverhead+w.sizes[i])
	}
	return nil
}

// ddl hears of changed tables: a chunk that was read by another definition, or before a TRUNCATE, is read again.
func (s *incremental) ddl(changes []history.Change) {
	for i := range changes {
		ch := &changes[i]
		for _, j := range s.jobs {
			same := j.id == ch.ID || ch.ID.IsZero() && ch.DB == j.id.DB
			if !same && j.id != ch.PreviousID {
				continue
			}
			if s.win != nil && s.win.job == j {
				s.win = nil
			}
			j.checks = 0
			if j.id == ch.PreviousID {
				j.id = ch.ID
			}
			s.retry = time.Time{}
		}
	}
}
