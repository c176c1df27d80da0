package cdc

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/row"
)

var errShortEvent = errors.New("the event is shorter than it should be")

// tableMap is what a table number stands for until the next file.
type tableMap struct {
	body    []byte // of the event; an equal one is not parsed again
	event   *replication.TableMapEvent
	info    *tableInfo // nil: not captured, or to be passed over
	version int        // of the model when info was found
	signal  bool       // a signal table
}

// handle deals with one event of the connection.
func (r *reader) handle(ctx context.Context, e *replication.BinlogEvent) error {
	h := e.Header
	var body []byte
	switch ev := e.Event.(type) {
	case *replication.RotateEvent:
		r.cur.rotate(string(ev.NextLogName), ev.Position)
		clear(r.maps)
		return nil
	case *replication.FormatDescriptionEvent:
		return r.format(e.RawData)
	case *replication.GenericEvent:
		body = ev.Data
	default:
		return fmt.Errorf("unexpected event %T", e.Event)
	}
	if h.EventType == replication.HEARTBEAT_EVENT || h.EventType == replication.HEARTBEAT_LOG_EVENT_V2 {
		if err := r.between(ctx); err != nil {
			return err
		}
		return r.beat(ctx)
	}
	var start, end uint64
	if h.LogPos > 0 {
		end = uint64(h.LogPos)
		start = end - uint64(h.EventSize)
	}
	r.cur.event(h.ServerID, start, end)
	if err := r.dispatch(ctx, h, body, e.RawData); err != nil {
		return err
	}
	if err := r.between(ctx); err != nil {
		return err
	}
	return r.beat(ctx)
}

// format keeps what later events are parsed by. The raw event is parsed a second time with checksums off for the events inside a
// compressed transaction, which have none.
func (r *reader) format(raw []byte) error {
	r.parser = replication.NewBinlogParser()
	r.parser.SetFlavor(r.serverFlavor())
	if _, err := r.parser.Parse(raw); err != nil {
		return fmt.Errorf("reading the format of the binary log: %w", err)
	}
	if len(raw) < replication.EventHeaderSize+5 {
		return errShortEvent
	}
	plain := bytes.Clone(raw)
	plain[len(plain)-5] = byte(replication.BINLOG_CHECKSUM_ALG_OFF)
	r.inner = replication.NewBinlogParser()
	r.inner.SetFlavor(r.serverFlavor())
	if _, err := r.inner.Parse(plain); err != nil {
		return fmt.Errorf("reading the format of the binary log: %w", err)
	}
	return nil
}

// dispatch handles an event of the file, or one out of a compressed transaction; body is without header and checksum.
func (r *reader) dispatch(ctx context.Context, h *replication.EventHeader, body, raw []byte) error {
	c := r.cur
	if !c.gtidMode && h.Timestamp > 0 {
		c.tsMicros = int64(h.Timestamp) * 1e6
	}
	if plain, ok := mariaCompressed(h.EventType); ok {
		expanded, err := mariaExpand(plain, body)
		if err != nil {
			return err
		}
		short := *h
		short.EventType = plain
		h, body, raw = &short, expanded, append(bytes.Clone(raw[:replication.EventHeaderSize]), expanded...)
	}
	if held, err := r.holds(h.EventType, body, raw); held || err != nil {
		c.completed()
		return err
	}
	var err error
	switch h.EventType {
	case replication.GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT:
		err = r.gtid(h, raw)
	case replication.MARIADB_GTID_EVENT:
		err = r.mariaGTID(ctx, h, body)
	case replication.MARIADB_ANNOTATE_ROWS_EVENT:
		if r.set.includeQuery {
			r.cur.query = data.Text(body)
		}
	case replication.QUERY_EVENT:
		err = r.query(ctx, body)
	case replication.TABLE_MAP_EVENT:
		err = r.tableMap(ctx, body, raw) // of a skipped event too: later ones may use the number
	case replication.XID_EVENT:
		return r.commit(ctx)
	case replication.XA_PREPARE_LOG_EVENT:
		return r.xaPrepared(ctx, body)
	case replication.ROWS_QUERY_EVENT:
		err = r.rowsQuery(body)
	case replication.TRANSACTION_PAYLOAD_EVENT:
		return r.payload(ctx, body)
	case replication.EXECUTE_LOAD_QUERY_EVENT:
		err = r.statement("LOAD DATA")
	case replication.INCIDENT_EVENT:
		r.log.Error("the server reports an incident: changes may be missing from its binary log", "file", c.file, "position", c.start)
	default:
		if op, ok := rowsOp(h.EventType); ok {
			err = r.rows(ctx, h.EventType, op, body)
		}
	}
	if err != nil {
		return err
	}
	c.completed()
	return nil
}

// gtid starts a transaction.
func (r *reader) gtid(h *replication.EventHeader, raw []byte) error {
	e, err := r.parser.Parse(raw)
	if err != nil {
		return fmt.Errorf("reading a GTID: %w", err)
	}
	var g *replication.GTIDEvent
	switch ev := e.Event.(type) {
	case *replication.GTIDEvent:
		g = ev
	case *replication.GtidTaggedLogEvent:
		g = &ev.GTIDEvent
	}
	c := r.cur
	if !c.gtidMode || g == nil || len(g.SID) != 16 {
		return nil
	}
	c.tsMicros = int64(g.OriginalCommitTimestamp)
	if c.tsMicros == 0 {
		c.tsMicros = int64(h.Timestamp) * 1e6
	}
	var buf [100]byte
	id := appendUUID(buf[:0], g.SID)
	tag := g.Tag.String()
	text := id
	if tag != "" {
		text = append(append(text, ':'), tag...)
	}
	text = fmt.Appendf(text, ":%d", g.GNO)
	gtid := string(text)
	c.startGTID(gtid[:36], tag, g.GNO, gtid)
	c.ignored = r.set.gtidFilter != nil && r.set.gtidFilter.rows && !r.set.gtidFilter.takes(gtid[:36])
	return nil
}

// payload handles the events of a compressed transaction. They have no place of their own in the file: the place is the payload's.
func (r *reader) payload(ctx context.Context, body []byte) error {
	events, err := decompress(body)
	if err != nil {
		return fmt.Errorf("reading a compressed transaction: %w", err)
	}
	outer := r.parser
	r.parser = r.inner
	defer func() { r.parser = outer }()
	for len(events) > 0 {
		if len(events) < replication.EventHeaderSize {
			return errShortEvent
		}
		h := &replication.EventHeader{}
		if err := h.Decode(events); err != nil {
			return fmt.Errorf("reading a compressed transaction: %w", err)
		}
		if int(h.EventSize) > len(events) || h.EventSize < replication.EventHeaderSize {
			return errShortEvent
		}
		raw := events[:h.EventSize]
		if err := r.dispatch(ctx, h, raw[replication.EventHeaderSize:], raw); err != nil {
			return err
		}
		events = events[h.EventSize:]
	}
	return nil
}

// tableMap notes what a table number stands for.
func (r *reader) tableMap(ctx context.Context, body, raw []byte) error {
	if len(body) < 8 {
		return errShortEvent
	}
	number := tableNumber(body)
	m := r.maps[number]
	if m != nil && m.version == r.version && bytes.Equal(m.body, body) {
		return nil
	}
	tm, err := r.parseMap(body, raw)
	if err != nil {
		return fmt.Errorf("reading a table map: %w", err)
	}
	m = &tableMap{body: body, event: tm, version: r.version}
	id := history.TableID{DB: string(tm.Schema), Name: string(tm.Table)}
	if r.set.filters.table(id) {
		m.signal = r.set.filters.signal(id)
		if m.info, err = r.tables.info(id); err != nil {
			return err
		}
		why := errors.New("it is not in the schema history")
		if m.info != nil {
			why = m.info.mismatch(tm)
		}
		if why != nil {
			if m.info, err = r.relearn(ctx, id, tm, why); err != nil {
				return err
			}
			m.version = r.version
		}
		if m.info == nil {
			err := fmt.Errorf("the definition of table %s is not known: %w, and neither the server's present definition nor the binary log tells "+
				"(binlog_row_metadata=FULL would); take a new snapshot", id, why)
			if err := r.inconsistent(err); err != nil {
				return err
			}
		}
	}
	r.maps[number] = m
	return nil
}

// parseMap reads a table map, with MariaDB's compressed columns.
func (r *reader) parseMap(body, raw []byte) (*replication.TableMapEvent, error) {
	parser := r.parser
	var compressed []int
	if r.mariadb {
		types, err := mapTypes(body)
		if err != nil {
			return nil, err
		}
		for i, typ := range types {
			if typ == row.TypeBlobCompressed || typ == row.TypeVarcharCompressed {
				compressed = append(compressed, i)
			}
		}
		if len(compressed) > 0 {
			plain := bytes.Clone(body)
			types, _ = mapTypes(plain)
			for _, i := range compressed {
				if types[i] == row.TypeBlobCompressed {
					types[i] = mysql.MYSQL_TYPE_BLOB
				} else {
					types[i] = mysql.MYSQL_TYPE_VARCHAR
				}
			}
			parser, raw = r.inner, append(bytes.Clone(raw[:replication.EventHeaderSize]), plain...)
			binary.LittleEndian.PutUint32(raw[9:], uint32(len(raw))) // without the checksum
		}
	}
	e, err := parser.Parse(raw)
	if err != nil {
		return nil, err
	}
	tm, ok := e.Event.(*replication.TableMapEvent)
	if !ok {
		return nil, fmt.Errorf("unexpected event %T", e.Event)
	}
	for _, i := range compressed {
		if tm.ColumnType[i] == mysql.MYSQL_TYPE_BLOB {
			tm.ColumnType[i] = row.TypeBlobCompressed
		} else {
			tm.ColumnType[i] = row.TypeVarcharCompressed
		}
	}
	return tm, nil
}

// mapTypes are the bytes of a table map that tell the columns' types.
func mapTypes(body []byte) ([]byte, error) {
	at := 8
	for range 2 { // database and table: a length, the name, a zero
		if at >= len(body) {
			return nil, errShortEvent
		}
		at += 2 + int(body[at])
	}
	n, size, err := lengthEncoded(body, at)
	if err != nil || uint64(len(body)) < uint64(at+size)+n {
		return nil, errShortEvent
	}
	return body[at+size : uint64(at+size)+n], nil
}

// inconsistent deals with an event that cannot be used, by inconsistent.schema.handling.mode: nil means pass over it.
func (r *reader) inconsistent(err error) error {
	switch r.set.unknownTable {
	case "warn":
		r.log.Warn("passing over changes", "error", err, "file", r.cur.file, "position", r.cur.start)
		return nil
	case "skip", "ignore":
		return nil
	default:
		return err
	}
}

func tableNumber(body []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(body)) | uint64(binary.LittleEndian.Uint16(body[4:]))<<32
}

// rowsEvent is the header of a rows event.
type rowsEvent struct {
	before, after []byte // columns-present bitmaps; nil: all columns
	images        []byte
	partial       bool // rows after an update may have differences of JSON values
}

func parseRows(t replication.EventType, body []byte) (rowsEvent, error) {
	pos := 8
	if t == replication.WRITE_ROWS_EVENTv2 || t == replication.UPDATE_ROWS_EVENTv2 || t == replication.DELETE_ROWS_EVENTv2 ||
		t == replication.PARTIAL_UPDATE_ROWS_EVENT {
		if len(body) < pos+2 {
			return rowsEvent{}, errShortEvent
		}
		pos += max(int(binary.LittleEndian.Uint16(body[pos:])), 2)
	}
	if len(body) < pos+9 && (len(body) <= pos || body[pos] > 250) {
		return rowsEvent{}, errShortEvent
	}
	columns, _, n := mysql.LengthEncodedInt(body[pos:])
	pos += n
	size := int(columns+7) / 8
	var e rowsEvent
	bitmap := func() []byte {
		b := body[pos : pos+size]
		pos += size
		if allSet(b, int(columns)) {
			return nil
		}
		return b
	}
	maps := 1
	if t == replication.UPDATE_ROWS_EVENTv1 || t == replication.UPDATE_ROWS_EVENTv2 || t == replication.PARTIAL_UPDATE_ROWS_EVENT {
		maps = 2
	}
	if columns > 4096 || len(body) < pos+maps*size {
		return rowsEvent{}, errShortEvent
	}
	e.before = bitmap()
	e.after = e.before
	if maps == 2 {
		e.after = bitmap()
	}
	e.images = body[pos:]
	return e, nil
}

func allSet(b []byte, n int) bool {
	for i := range b {
		want := byte(0xff)
		if i == len(b)-1 && n%8 != 0 {
			want = 1<<(n%8) - 1
		}
		if b[i]&want != want {
			return false
		}
	}
	return true
}

// rows sends the rows of an event.
func (r *reader) rows(ctx context.Context, t replication.EventType, op data.Value, body []byte) error {
	c := r.cur
	if len(body) < 8 {
		return errShortEvent
	}
	m := r.maps[tableNumber(body)]
	if c.skipping && (m == nil || !m.signal) {
		return nil
	}
	skip := c.skipRows
	if c.skipping {
		skip = math.MaxUint64 // signals are carried out when their transaction ends: this one was not
	} else {
		c.skipRows = 0
	}
	if m == nil || m.info == nil || c.ignored || strings.Contains(r.set.skipped, op.String()) {
		return nil
	}
	e, err := parseRows(t, body)
	if err != nil {
		return err
	}
	e.partial = t == replication.PARTIAL_UPDATE_ROWS_EVENT
	if err := r.q.begin(ctx); err != nil {
		return err
	}
	defer r.q.end()
	return r.emitRows(ctx, m, op, e, skip)
}

// emitRows decodes and queues the rows of an event.
func (r *reader) emitRows(ctx context.Context, m *tableMap, op data.Value, e rowsEvent, skip uint64) error {
	c := r.cur
	base := c.offset()
	if r.releasing != nil {
		base = r.releasing.base
	}
	o := r.origin()
	from := &rowOffset{base: base}
	table := r.countIn(base, m)
	from.count = c.tx.count(table)
	o.tx = c.tx
	for n := uint64(0); len(e.images) > 0; n++ {
		b, err := r.q.batch(ctx, recordsPerRow)
		if err != nil {
			return err
		}
		size := len(e.images)
		var before, after row.Row
		if !op.Equal(opCreate) {
			if before, e.images, err = m.info.codec.DecodeBinlog(e.images, m.event, e.before, row.Row{}, &b.mem); err != nil {
				return r.badRow(m, n, err)
			}
		}
		if !op.Equal(opDelete) {
			decode := m.info.codec.DecodeBinlog
			if e.partial {
				decode = m.info.codec.DecodePartial
			}
			if after, e.images, err = decode(e.images, m.event, e.after, before, &b.mem); err != nil {
				return r.badRow(m, n, err)
			}
		}
		if col := m.info.codec.Incomplete(after); col != "" {
			return r.inconsistent(fmt.Errorf("table %s, row %d of the event: column %s is not in the binary log: set binlog_row_image=FULL for "+
				"every session; to pass over such rows, inconsistent.schema.handling.mode=warn", m.info.id, n, col))
		}
		if len(e.images) == size {
			return r.badRow(m, n, row.ErrMalformed)
		}
		if w := r.inc.win; w != nil && w.info == m.info {
			w.changed(before)
			w.changed(after)
		}
		if m.signal {
			r.signalRow(m, before, after)
		}
		done := from
		switch {
		case r.releasing == nil:
			done = r.nextOffset(base, n+1)
		case r.releasing.left == 0 && len(e.images) == 0:
			done = r.nextOffset(r.releasing.after, 0)
		}
		if n >= skip {
			c.row, o.row = int32(n), int32(n)
			r.w.change(r.q, b, m.info, &o, op, before, after, from, done, size-len(e.images)+recordOverhead)
			if r.releasing == nil {
				done.count = c.tx.count(table) // the queue is locked: nobody has seen done
				c.sent(base, n+1)
				c.lastCount = done.count
			}
		}
		from = done
	}
	return nil
}

// recordOverhead is about what a record's envelope takes beside the row, in bytes.
const recordOverhead = 512

// nextOffset makes the offset after n rows of base's event; they are cut from chunks, which live as long as one of them.
func (r *reader) nextOffset(base *offset, n uint64) *rowOffset {
	if len(r.offsets) == 0 {
		r.offsets = make([]rowOffset, 64)
	}
	o := &r.offsets[0]
	r.offsets = r.offsets[1:]
	o.base, o.row = base, n
	return o
}

func (r *reader) badRow(m *tableMap, n uint64, err error) error {
	err = fmt.Errorf("table %s, row %d of the event: %w", m.info.id, n, err)
	if errors.Is(err, row.ErrColumns) {
		return r.inconsistent(fmt.Errorf("%w; take a new snapshot if the schema history is incomplete", err))
	}
	switch r.set.undecodable {
	case "warn":
		r.log.Warn("passing over the rest of an event", "error", err, "file", r.cur.file, "position", r.cur.start)
		return nil
	case "skip", "ignore":
		return nil
	}
	return err
}

// origin is the source of the current event.
func (r *reader) origin() origin {
	c := r.cur
	if r.fileName != c.file {
		r.fileName, r.fileValue = c.file, data.String(c.file)
	}
	o := origin{tsMicros: c.tsMicros, snapshot: snapshotFalse, serverID: c.serverID, file: r.fileValue, pos: c.start, row: c.row}
	if c.gtid != "" {
		o.gtid = data.String(c.gtid)
	}
	if c.thread >= 0 {
		o.thread = data.Int64(c.thread)
	}
	o.query = c.query
	return o
}

// beat sends a heartbeat record when it is time.
func (r *reader) beat(ctx context.Context) error {
	if r.set.heartbeat <= 0 {
		return nil
	}
	now := r.w.now()
	if now.Sub(r.lastBeat) < r.set.heartbeat || r.cur.resuming() {
		return nil
	}
	r.lastBeat = now
	r.beatAction(ctx)
	if err := r.q.begin(ctx); err != nil {
		return err
	}
	defer r.q.end()
	b, err := r.q.batch(ctx, 1)
	if err != nil {
		return err
	}
	r.q.add(b, r.w.heartbeat(r.cur.offset()), recordOverhead)
	return nil
}

// duplicateReplica tells the error of two replicas with one id.
func duplicateReplica(msg string) bool {
	return slices.ContainsFunc([]string{"same server_uuid", "same server_id", "same server_uuid/server_id"},
		func(s string) bool { return strings.Contains(msg, s) })
}
