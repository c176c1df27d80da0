package cdc

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
)

// An XA transaction stands in the binary log when it is prepared; whether it happened is known at its XA COMMIT or XA ROLLBACK, which may
// come days later. Its row events are held until then. Meanwhile the offsets do not cover it: with GTIDs its own is left out of the set,
// so that the server sends it again after a restart; without GTIDs, and on MariaDB, whose sets have no holes, reading starts again at the
// oldest one that is held.

// heldXA are the row events of a transaction. One goroutine.
type heldXA struct {
	heldEvents
	start heldPlace
	uuid  string // of its GTID, where a set can be without it; else empty
	tag   string
	gno   int64
	rows  int // row events among them
	// captured: rows of captured tables are among them. Nobody waits for others.
	captured bool

	// What is to be skipped of the transaction that the restart's offset stands in, which comes later.
	skipEvents, skipRows uint64
}

// releasing is a held transaction on its way out.
type releasing struct {
	base, after *offset // before and behind the statement that committed it
	left        int     // row events
}

// xaStart begins to hold.
func (r *reader) xaStart() {
	c := r.cur
	r.xa = &heldXA{start: heldPlace{place: place{c.file, c.start}, set: c.done, bySet: r.gtidMode && !r.set.ignoreGTIDs}}
	if !r.mariadb {
		r.xa.uuid, r.xa.tag, r.xa.gno = c.gtidUUID, c.gtidTag, c.gtidNumber
	}
	if c.skipEvents > 0 && c.resumed != nil && c.resumed.beyond(c.gtidUUID, c.gtidTag, c.gtidNumber) {
		// The offset stands in a later transaction: this one is sent again because it was held.
		r.xa.skipEvents, r.xa.skipRows = c.skipEvents, c.skipRows
		c.skipEvents, c.skipRows, c.skipping = 0, 0, false
	}
}

// holds keeps the event if it belongs to an XA transaction that is not committed yet.
func (r *reader) holds(t replication.EventType, body, raw []byte) (bool, error) {
	if r.xa == nil {
		return false, nil
	}
	_, rows := rowsOp(t)
	switch {
	case rows && r.cur.skipping: // sent before the restart, by Debezium
		return true, nil
	case rows, t == replication.TABLE_MAP_EVENT, t == replication.ROWS_QUERY_EVENT:
		tail := len(raw) - replication.EventHeaderSize - len(body)
		if rows {
			r.xa.rows++
		}
		if t == replication.TABLE_MAP_EVENT && !r.xa.captured {
			id, ok := mappedTable(body)
			r.xa.captured = !ok || r.set.filters.table(id)
		}
		return true, r.xa.hold(heldEvent{kind: t, plain: r.parser == r.inner, raw: raw, tail: tail})
	}
	return false, nil
}

// mappedTable is the table that a table map is of.
func mappedTable(body []byte) (id history.TableID, ok bool) {
	const names = 8 // behind the table's number and flags
	if len(body) <= names {
		return id, false
	}
	n := names + 1 + int(body[names])
	if len(body) < n+2 || len(body) < n+2+int(body[n+1]) {
		return id, false
	}
	return history.TableID{DB: string(body[names+1 : n]), Name: string(body[n+2 : n+2+int(body[n+1])])}, true
}

// xaPrepared ends the part of the log that an XA transaction stands in.
func (r *reader) xaPrepared(ctx context.Context, body []byte) error {
	c, x := r.cur, r.xa
	r.xa = nil
	if x == nil { // it began before the place this reader started at
		return r.commit(ctx)
	}
	id, onePhase, err := parsePrepare(body)
	if err != nil {
		return err
	}
	if onePhase {
		defer x.close()
		// Its rows have their own places and, as Debezium passes XA START over, no thread.
		start := c.start
		c.thread = -1
		err := r.release(ctx, x, c.offset(), true)
		c.start = start
		if err != nil {
			return err
		}
		r.meter.addCommits(1)
		return r.commit(ctx)
	}
	if old := r.prepared[id]; old != nil {
		old.close()
	}
	if r.prepared == nil {
		r.prepared = map[string]*heldXA{}
	}
	r.prepared[id] = x
	if c.gtidMode && x.uuid != "" {
		c.gtids.remove(x.uuid, x.tag, x.gno)
	}
	r.holdBack()
	if err := r.commit(ctx); err != nil {
		return err
	}
	c.skipEvents, c.skipRows = x.skipEvents, x.skipRows
	return nil
}

// holdBack has the cursor's offsets begin at the oldest transaction that is held, where its GTID cannot be left out of a set.
func (r *reader) holdBack() {
	c := r.cur
	c.held = nil
	for _, x := range r.prepared {
		if x.sentAgain(r.mariadb) || !x.captured {
			continue
		}
		if c.held == nil || x.start.file < c.held.file || x.start.file == c.held.file && x.start.pos < c.held.pos {
			c.held = &x.start
		}
	}
}

// xaEnd deals with XA COMMIT and XA ROLLBACK.
func (r *reader) xaEnd(ctx context.Context, q *queryEvent, committed bool) error {
	c := r.cur
	id, err := parseXID(q.sql)
	if err != nil {
		return err
	}
	if committed {
		r.meter.addCommits(1)
	} else {
		r.meter.addRollbacks(1)
	}
	x := r.prepared[id]
	if x == nil {
		if committed && !c.resuming() {
			r.log.Warn("an XA transaction was committed that had been prepared before the place where reading began: its rows are known only "+
				"if Debezium sent them when it was prepared", "file", c.file, "position", c.start)
		}
		return r.commit(ctx)
	}
	if committed {
		if err := r.begin(ctx, q.thread); err != nil {
			return err
		}
	}
	base := c.offset()
	delete(r.prepared, id)
	if c.gtidMode && x.uuid != "" {
		c.gtids.add(x.uuid, x.tag, x.gno)
		c.open = true
	}
	r.holdBack()
	if committed {
		if err := r.release(ctx, x, base, false); err != nil {
			r.prepared[id] = x // the statement is read again after a reconnect
			return err
		}
	}
	x.close()
	return r.commit(ctx)
}

// release sends the rows of a held transaction, with their own places or that of the statement that committed it. All but the last carry the
// offset before it: a restart in their midst repeats them.
func (r *reader) release(ctx context.Context, x *heldXA, base *offset, ownPlaces bool) error {
	maps, parser, prepared := r.maps, r.parser, r.cur.start
	after := r.cur.committed()
	r.maps, r.releasing = map[uint64]*tableMap{}, &releasing{base: base, after: &after, left: x.rows}
	defer func() { r.maps, r.parser, r.releasing = maps, parser, nil }()
	return x.each(func(e heldEvent) error {
		if r.parser = parser; e.plain {
			r.parser = r.inner
		}
		if end, size := binary.LittleEndian.Uint32(e.raw[13:]), binary.LittleEndian.Uint32(e.raw[9:]); ownPlaces && end >= size && end != 0 {
			r.cur.start = prepared - uint64(uint32(prepared)-(end-size)) // positions of events have 32 bits
		}
		body := e.body()
		switch e.kind {
		case replication.TABLE_MAP_EVENT:
			return r.tableMap(ctx, body, e.raw)
		case replication.ROWS_QUERY_EVENT:
			return r.rowsQuery(body)
		}
		op, _ := rowsOp(e.kind)
		r.releasing.left--
		return r.rows(ctx, e.kind, op, body)
	})
}

// rowsOp is the operation of a rows event; ok is false for other events.
func rowsOp(t replication.EventType) (op data.Value, ok bool) {
	switch t {
	case replication.WRITE_ROWS_EVENTv1, replication.WRITE_ROWS_EVENTv2:
		return opCreate, true
	case replication.UPDATE_ROWS_EVENTv1, replication.UPDATE_ROWS_EVENTv2, replication.PARTIAL_UPDATE_ROWS_EVENT:
		return opUpdate, true
	case replication.DELETE_ROWS_EVENTv1, replication.DELETE_ROWS_EVENTv2:
		return opDelete, true
	}
	return data.Value{}, false
}

// parsePrepare reads an XA_prepare_log_event: one byte for one phase, then format, two lengths and the two parts of the id.
func parsePrepare(body []byte) (id string, onePhase bool, err error) {
	if len(body) < 13 {
		return "", false, errShortEvent
	}
	format := int64(int32(binary.LittleEndian.Uint32(body[1:])))
	g, b := int(binary.LittleEndian.Uint32(body[5:])), int(binary.LittleEndian.Uint32(body[9:]))
	if g < 0 || b < 0 || g > 64 || b > 64 || len(body) < 13+g+b {
		return "", false, errShortEvent
	}
	return xid(format, body[13:13+g], body[13+g:13+g+b]), body[0] != 0, nil
}

func xid(format int64, gtrid, bqual []byte) string {
	return fmt.Sprintf("%d:%x:%x", format, gtrid, bqual)
}

// xaStatement is how the server writes XA statements into the log: XA COMMIT X'6162',X'63',1. The second part may be empty.
var xaStatement = regexp.MustCompile(`(?i)^XA\s+\w+\s+X'([0-9a-f]*)'\s*(?:,\s*X'([0-9a-f]*)'\s*(?:,\s*(-?\d+))?)?`)

func parseXID(sql string) (string, error) {
	m := xaStatement.FindStringSubmatch(sql)
	if m == nil {
		return "", fmt.Errorf("reading the id of an XA transaction: %w", errXID)
	}
	g, err := hex.DecodeString(m[1])
	b, err2 := hex.DecodeString(m[2])
	if err != nil || err2 != nil {
		return "", fmt.Errorf("reading the id of an XA transaction: %w", errXID)
	}
	format := int64(1)
	if m[3] != "" {
		format, _ = strconv.ParseInt(m[3], 10, 64)
	}
	return xid(format, g, b), nil
}

var errXID = errors.New("the statement is not of the form XA COMMIT X'…',X'…',n")

// dropHeld forgets what is held.
func (r *reader) dropHeld() {
	r.dropUnfinished()
	for _, x := range r.prepared {
		x.close()
	}
	r.prepared = nil
}

// dropUnfinished forgets what the server sends again after a reconnect: transactions whose end it has not sent yet, and the prepared ones that
// are left out of the GTID set.
func (r *reader) dropUnfinished() {
	for id, x := range r.prepared {
		if x.sentAgain(r.mariadb) {
			x.close()
			delete(r.prepared, id)
		}
	}
	if r.xa != nil {
		r.xa.close()
	}
	if r.ahead != nil {
		r.ahead.close()
	}
	r.xa, r.ahead = nil, nil
}

// sentAgain tells whether offsets leave the transaction out of their GTID set, so that the server sends it again.
func (x *heldXA) sentAgain(mariadb bool) bool { return x.start.bySet && !mariadb }
