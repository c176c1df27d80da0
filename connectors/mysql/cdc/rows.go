package cdc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/row"
)

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

// next decodes the next row of an event; of an insert or delete the other image is the zero Row.
func (e *rowsEvent) next(m *tableMap, op data.Value, mem *row.Memory) (before, after row.Row, err error) {
	codec := m.info.codec
	if !op.Equal(opCreate) {
		if before, e.images, err = codec.DecodeBinlog(e.images, m.event, e.before, row.Row{}, mem); err != nil {
			return before, after, err
		}
	}
	switch {
	case op.Equal(opDelete):
		return before, after, nil
	case e.partial:
		after, e.images, err = codec.DecodePartial(e.images, m.event, e.after, before, mem)
	default:
		after, e.images, err = codec.DecodeBinlog(e.images, m.event, e.after, before, mem)
	}
	if err == nil && op.Equal(opCreate) {
		codec.SetDefaults(&after, mem)
	}
	return before, after, err
}

// unknown names a column without which a row cannot be sent.
func unknown(codec *row.Codec, before, after row.Row) string {
	if col := codec.Incomplete(after); col != "" {
		return col
	}
	return codec.Keyless(before)
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
		r.meter.addFiltered(1)
		return nil
	}
	e, err := parseRows(t, body)
	if err != nil {
		return err
	}
	e.partial = t == replication.PARTIAL_UPDATE_ROWS_EVENT
	now, err := r.reselect(ctx, m, op, e, skip)
	if err != nil {
		return err
	}
	if err := r.q.begin(ctx); err != nil {
		return err
	}
	defer r.q.end()
	return r.emitRows(ctx, m, op, e, skip, now)
}

// emitRows decodes and queues the rows of an event. now has what was looked up for them.
func (r *reader) emitRows(ctx context.Context, m *tableMap, op data.Value, e rowsEvent, skip uint64, now map[uint64][]selected) error {
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
	if w := r.inc.win; w != nil && w.info != m.info && w.info.id == m.info.id {
		r.inc.win = nil // read by a definition that was found to be another (relearn): which of its rows change here cannot be told, so it is read again
	}
	sent := int64(0)
	defer func() { r.meter.changed(op, sent) }()
	for n := uint64(0); len(e.images) > 0; n++ {
		b, err := r.q.batch(ctx, recordsPerRow)
		if err != nil {
			return err
		}
		size := len(e.images)
		before, after, err := e.next(m, op, &b.mem)
		if err != nil {
			return r.badRow(m, n, err)
		}
		for i := range now[n] {
			now[n][i].apply(m.info.codec, &after)
		}
		if col := unknown(m.info.codec, before, after); col != "" {
			if w := r.inc.win; w != nil && w.info.id == m.info.id {
				r.inc.win = nil // whether it has the row as it was is not known: it is read again
			}
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
			sent++
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
	case "skip", "ignore":
	default:
		return err
	}
	r.meter.addErroneous(1)
	return nil
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
