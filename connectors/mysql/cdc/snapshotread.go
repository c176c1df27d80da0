package cdc

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// dumper sends the rows of a snapshot. Its threads, one per connection, take chunks of tables in turn; rows are decoded by the threads
// into batches of their own, and sending a batch is one short moment under a lock: it is there that records get their offsets, so that an
// offset never says more than what stands before it in the queue.
//
// Order of the markers, as with Debezium's threads: "first" comes before all other rows of the snapshot, "first_in_data_collection" before
// those of its table, "last_in_data_collection" after them, "last" after everything. The last row of a table is therefore kept back (tail)
// until its other chunks are sent, and until something comes behind it.
type dumper struct {
	*snapshotter

	plan   sync.Mutex // of what is read next
	tables []history.TableID
	names  snapshotNames
	cur    *scan // the table of which there is more to take; nil: the next begins

	mu    sync.Mutex // of what is sent, and of the spans of the scans
	cond  *sync.Cond // a chunk was sent
	rest  *rest
	at    *offset
	tail  *chunkWriter
	first *scan // the table with the snapshot's first row

	aside   bool                       // a snapshot beside the stream: offsets stay what they are
	queries map[history.TableID]string // of a signal; over snapshot.select.statement.overrides
}

// scan is the reading of one table.
type scan struct {
	info  *tableInfo
	key   *chunkKey // nil: all of it at once
	query string    // of snapshot.select.statement.overrides
	from  keyTexts  // where the next chunk begins
	taken int       // chunks
	began time.Time

	// Under dumper.mu.
	spans []keySpan // left: of the chunks being read, then of what was not taken yet
	open  int       // chunks being read
	rows  int64
	sent  chan struct{} // closed when the first row was sent, or there is none
	begun bool          // sent is closed
}

// chunk is a part of a table that one thread reads.
type chunk struct {
	scan        *scan
	span        keySpan
	first, last bool
}

func newDumper(s *snapshotter, ids []history.TableID) *dumper {
	d := &dumper{snapshotter: s, tables: ids, rest: &rest{next: ids}}
	if !s.notify.off() {
		d.names = snapshotNamesOf(ids)
	}
	d.cond = sync.NewCond(&d.mu)
	d.at = d.offset()
	return d
}

// offset is that of a record behind which only d.rest is left.
func (d *dumper) offset() *offset {
	if d.aside {
		return d.snapshotter.at
	}
	o := *d.snapshotter.at
	o.more = &progress{rest: d.rest, filters: d.set.filterTexts}
	return &o
}

// run reads all tables. It returns the last row, which is not sent yet; nil: there was no row.
func (d *dumper) run(ctx context.Context) (*chunkWriter, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.cond.Broadcast()
	})()
	var threads sync.WaitGroup
	for _, conn := range d.readers {
		threads.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					cancel(fmt.Errorf("reading rows: %v", p)) // the task fails, the worker lives
				}
			}()
			if err := d.thread(ctx, conn); err != nil {
				cancel(err)
			}
		})
	}
	threads.Wait()
	if err := context.Cause(ctx); err != nil {
		d.keepProgress()
		return nil, err
	}
	return d.tail, nil
}

// keepProgress lets a new attempt of this task go on where this one ended.
func (d *dumper) keepProgress() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.set.snapshot.stream && d.rest.rows > 0 && !d.aside {
		d.stored = d.at
	}
}

func (d *dumper) thread(ctx context.Context, conn *server.Conn) error {
	for {
		c, err := d.next(ctx, conn)
		if err != nil || c == nil {
			return err
		}
		if err := d.read(ctx, conn, c); err != nil {
			return readingTable(c.scan.info.id, err)
		}
	}
}

// next takes the next chunk; nil: there is none left.
func (d *dumper) next(ctx context.Context, conn *server.Conn) (*chunk, error) {
	d.plan.Lock()
	defer d.plan.Unlock()
	for d.cur == nil {
		if err := ctx.Err(); err != nil || len(d.tables) == 0 {
			return nil, err
		}
		if err := d.open(ctx, conn); err != nil {
			return nil, err
		}
	}
	s := d.cur
	c := &chunk{scan: s, span: keySpan{From: s.from}, first: s.taken == 0, last: true}
	s.taken++
	if s.key != nil && len(d.readers) > 1 && !d.set.tablePerThread {
		to, more, err := d.bound(ctx, conn, s)
		if err != nil {
			return nil, fmt.Errorf("finding a chunk of table %s: %w", s.info.id, err)
		}
		if more {
			c.span.To, c.last, s.from = to, false, to
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s.open++
	if c.last {
		d.cur = nil
		return c, nil
	}
	n := len(s.spans) - 1
	s.spans = append(s.spans[:n:n], c.span, keySpan{From: c.span.To})
	return c, nil
}

// readingTable is the error of a table that cannot be read.
func readingTable(id history.TableID, err error) error {
	if code := server.Code(err); code == server.CodeNoSuchTable || code == server.CodeTableDefChanged {
		return fmt.Errorf("reading table %s: it was dropped, renamed or altered while the snapshot ran; restart the task, "+
			"which goes on with the tables that are there, and finds a renamed one by its new name: %w", id, err)
	}
	return fmt.Errorf("reading table %s: %w", id, err)
}

// fewRows is up to how many rows a table is read in the order that the server likes best, which is Debezium's: that of partitions, or of an
// index that holds all columns. Such a table begins anew when the snapshot is interrupted; a larger one goes on, for which it needs its key's order.
const fewRows = 10_000

// few tells whether a table has no more than that, and no more than a chunk.
func (d *dumper) few(ctx context.Context, conn *server.Conn, id history.TableID) (bool, error) {
	above := strconv.Itoa(min(fewRows, d.set.chunkRows) + 1)
	n, err := conn.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM "+id.Backticked()+" LIMIT "+above+") few")
	if err != nil {
		return false, readingTable(id, err)
	}
	return len(n) == 1 && n[0] != above, nil
}

// open begins the next table; none if it is gone from the model.
func (d *dumper) open(ctx context.Context, conn *server.Conn) error {
	id := d.tables[0]
	d.tables = d.tables[1:]
	info, err := d.snapshotter.tables.info(id)
	if err != nil {
		return err
	}
	query := d.set.override(id)
	if q, ok := d.queries[id]; ok {
		query = q
	}
	var key *chunkKey
	if info != nil && query == "" {
		if key, _ = chunkKeyOf(info.codec.Table(), nil); key != nil {
			if isFew, err := d.few(ctx, conn, id); err != nil {
				return err
			} else if isFew {
				key = nil
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if info == nil {
		d.meter.tableDone(id)
		d.rest = d.rest.with(id, nil, true, 0)
		return nil
	}
	s := &scan{info: info, key: key, began: d.w.now(), sent: make(chan struct{}), spans: []keySpan{{}}, query: query}
	if d.first == nil {
		d.first = s
	}
	d.cur = s
	d.meter.tableBegun(id)
	d.rest = d.rest.with(id, nil, false, 0)
	return d.notify.initial(ctx, d.at, statusInProgress, d.notify.table(id, d.names))
}

// bound finds where the next chunk ends; more is false if it is the table's last.
func (d *dumper) bound(ctx context.Context, conn *server.Conn, s *scan) (to keyTexts, more bool, err error) {
	n := 0
	err = conn.Stream(ctx, s.key.boundQuery(s.info.id, keySpan{From: s.from}, d.set.chunkRows), func(f []mysql.FieldValue) error {
		if n == 0 {
			to = s.key.ofKey(f)
		}
		n++
		return nil
	})
	return to, n > 1, err
}

var selectAll = regexp.MustCompile(`(?i)\A\s*SELECT\s+\*\s+FROM\b`)

func (s *scan) statement(span keySpan) string {
	list := s.info.codec.SnapshotList()
	switch {
	case s.query != "":
		// The codec wants its own list: all columns, some of them cast.
		return selectAll.ReplaceAllLiteralString(s.query, "SELECT "+list+" FROM")
	case s.key != nil:
		return s.key.rowsQuery(s.info.id, list, span, "", 0)
	default:
		return "SELECT " + list + " FROM " + s.info.id.Backticked()
	}
}

func (d *dumper) read(ctx context.Context, conn *server.Conn, c *chunk) error {
	w := &chunkWriter{d: d, chunk: c, info: c.scan.info, b: d.q.spare(), origin: d.origin}
	if err := conn.Stream(ctx, c.scan.statement(c.span), func(f []mysql.FieldValue) error { return w.row(ctx, f) }); err != nil {
		return err
	}
	return w.finish(ctx)
}

// chunkWriter makes the records of one chunk. One goroutine: that of its thread, and then whoever sends it as the tail.
type chunkWriter struct {
	d     *dumper
	chunk *chunk
	info  *tableInfo
	b     *batch

	origin origin // of the snapshot, with the marker of the newest record

	// The newest row, decoded into b's memory. Which marker it has is known only when the next one comes.
	pending row.Row
	has     bool
	size    int
	fills   bool     // the batch
	upto    keyTexts // its key, when it fills the batch
	marker  data.Value
	rows    int64
	started bool // the first row of a first chunk may go
}

// row takes the next row.
func (w *chunkWriter) row(ctx context.Context, f []mysql.FieldValue) error {
	if w.has {
		w.add(w.marker)
		if w.fills {
			if err := w.send(ctx, false); err != nil {
				return err
			}
		}
	}
	w.marker = markTrue
	if w.rows == 0 && w.chunk.first {
		w.marker = markFirstInTable
		if w.chunk.scan == w.d.first {
			w.marker = markFirst
		}
	}
	w.rows++
	var err error
	if w.pending, err = w.info.codec.DecodeText(f, &w.b.mem); err != nil {
		return err
	}
	w.has, w.size = true, recordOverhead
	for i := range f {
		w.size += len(f[i].AsString())
	}
	w.fills = w.chunk.first && w.rows == 1 || len(w.b.records)+1 == cap(w.b.records) || w.b.bytes+int64(w.size) >= batchBytes
	if w.fills && w.chunk.scan.key != nil {
		w.upto = w.chunk.scan.key.of(f)
	}
	return nil
}

// add makes the record of the pending row.
func (w *chunkWriter) add(marker data.Value) {
	d, mem := w.d, &w.b.mem
	w.origin.snapshot = marker
	value := d.w.envelope(mem, w.info, &w.origin, opRead, nil, w.pending.Value)
	w.b.records = append(w.b.records, d.w.record(w.info, w.info.key(w.pending, mem), value, d.w.context, nil))
	w.b.bytes += int64(w.size)
	w.pending, w.has = row.Row{}, false
}

// finish ends the chunk. The last row of a table becomes the tail.
func (w *chunkWriter) finish(ctx context.Context) error {
	c := w.chunk
	if !c.last {
		if w.has {
			w.add(w.marker)
		}
		return w.send(ctx, true)
	}
	if err := w.await(ctx); err != nil {
		return err
	}
	d, s := w.d, c.scan
	d.mu.Lock()
	defer d.mu.Unlock()
	for s.open > 1 && ctx.Err() == nil {
		d.cond.Wait()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	total := s.rows + int64(len(w.b.records)) // what is sent, and what is kept back
	if w.has {
		total++
	}
	d.log.Info("the snapshot read a table", "table", s.info.id.String(), "rows", total, "seconds", d.w.now().Sub(s.began).Seconds())
	if w.has {
		if err := d.flushTail(ctx); err != nil {
			return err
		}
		// The first row of the first table stays "first" even if it is the last of the table.
		if !w.marker.Equal(markFirst) {
			w.marker = markLastInTable
		}
		d.tail = w
	} else {
		s.open--
		d.rest = d.rest.with(s.info.id, nil, true, 0)
		d.at = d.offset()
	}
	s.start()
	d.meter.tableDone(s.info.id)
	return d.notify.initial(ctx, d.at, statusTableDone, d.notify.tableDone(s.info.id, total, d.names))
}

// start lets the other rows of the table, or of the snapshot, follow the first. Under dumper.mu.
func (s *scan) start() {
	if !s.begun {
		s.begun = true
		close(s.sent)
	}
}

// send queues the batch, and takes a new one. done tells that it ends the chunk.
func (w *chunkWriter) send(ctx context.Context, done bool) error {
	if err := w.await(ctx); err != nil {
		return err
	}
	d := w.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.flushTail(ctx); err != nil {
		return err
	}
	if err := w.queue(ctx, done, nil); err != nil {
		return err
	}
	w.chunk.scan.start()
	w.b = d.q.spare()
	return nil
}

// await waits for the row that must come before those of the batch: the table's first, or for that the snapshot's.
func (w *chunkWriter) await(ctx context.Context) error {
	s := w.chunk.scan
	gate := s.sent
	if w.chunk.first && !w.started {
		w.started = true
		if gate = w.d.first.sent; s == w.d.first {
			return ctx.Err()
		}
	}
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// queue puts the batch into the queue and notes the progress, which its last record carries; end is that record's offset instead, if
// there is one. Under dumper.mu.
func (w *chunkWriter) queue(ctx context.Context, done bool, end *offset) error {
	d, s, c := w.d, w.chunk.scan, w.chunk
	if err := d.release(ctx); err != nil {
		return err
	}
	n := len(w.b.records)
	at := slices.IndexFunc(s.spans, func(x keySpan) bool { return slices.Equal(x.From, c.span.From) })
	switch {
	case done && at >= 0:
		s.spans = slices.Delete(slices.Clone(s.spans), at, at+1)
	case at >= 0 && w.upto != nil && n > 0:
		s.spans = slices.Clone(s.spans)
		s.spans[at].From = w.upto
		c.span.From = w.upto
	}
	if done {
		s.open--
		d.cond.Broadcast()
	}
	s.rows += int64(n)
	before := d.at
	d.rest = d.rest.with(s.info.id, s.spans, len(s.spans) == 0, int64(n))
	d.at = d.offset()
	if end != nil {
		d.at = end
	}
	d.meter.rows(s.info.id, int64(n))
	d.snapshotRows(n)
	if n == 0 {
		return nil
	}
	for i := range w.b.records {
		w.b.records[i].Position.Offset = before
	}
	w.b.records[n-1].Position.Offset = d.at
	return d.q.push(ctx, w.b)
}

// flushTail sends the row that was kept back: something comes behind it. Under dumper.mu.
func (d *dumper) flushTail(ctx context.Context) error {
	t := d.tail
	if t == nil {
		return nil
	}
	d.tail = nil
	t.add(t.marker)
	return t.queue(ctx, true, nil)
}

// sendLast sends the last row of the snapshot.
func (w *chunkWriter) sendLast(ctx context.Context, done *offset) error {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	w.add(markLast)
	return w.queue(ctx, true, done)
}
