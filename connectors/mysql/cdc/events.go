package cdc

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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
		if err := r.endless(ctx); err != nil {
			return err
		}
		r.cur.rotate(string(ev.NextLogName), ev.Position)
		clear(r.maps)
		return nil
	case *replication.FormatDescriptionEvent:
		if err := r.endless(ctx); err != nil {
			return err
		}
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
	held, err := r.lookAhead(ctx, h, body, e.RawData)
	switch {
	case err != nil:
		return err
	case held:
		return r.beat(ctx)
	}
	if err := r.take(ctx, h, body, e.RawData); err != nil {
		return err
	}
	if err := r.between(ctx); err != nil {
		return err
	}
	return r.beat(ctx)
}

// take moves the cursor to an event of the file and handles it.
func (r *reader) take(ctx context.Context, h *replication.EventHeader, body, raw []byte) error {
	var start, end uint64
	if h.LogPos > 0 {
		end = uint64(h.LogPos)
		start = end - uint64(h.EventSize)
	}
	r.cur.event(h.ServerID, start, end)
	if err := r.dispatch(ctx, h, body, raw); err != nil {
		return err
	}
	// Between transactions, and now and then in a long one: the clock costs more than a small event.
	if r.noted++; !r.cur.inTx && !r.cur.open || r.noted >= noteEvery {
		r.meter.stands(r.cur, r.noted)
		r.noted = 0
	}
	return nil
}

// noteEvery is how many events a transaction has at most before the meter hears of the place.
const noteEvery = 64

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
		r.meter.addCommits(1)
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
	c.ignored = r.set.gtidFilter.drops(gtid[:36])
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
	case "skip", "ignore":
	default:
		return err
	}
	r.meter.addErroneous(1)
	return nil
}

func tableNumber(body []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(body)) | uint64(binary.LittleEndian.Uint16(body[4:]))<<32
}

// beat sends a heartbeat record when it is time.
func (r *reader) beat(ctx context.Context) error {
	if r.set.heartbeat <= 0 {
		return nil
	}
	if r.w.now().Sub(r.lastBeat) < r.set.heartbeat || r.cur.resuming() {
		return nil
	}
	r.beatAction(ctx)
	return r.beatAt(ctx, r.cur.offset())
}

// duplicateReplica tells the error of two replicas with one id.
func duplicateReplica(msg string) bool {
	return slices.ContainsFunc([]string{"same server_uuid", "same server_id", "same server_uuid/server_id"},
		func(s string) bool { return strings.Contains(msg, s) })
}
