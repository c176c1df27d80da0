package cdc

import "github.com/connectd/connectd/connect/data"

// cursor follows the stream event by event and knows the offset of each moment (BinlogOffsetContext). One goroutine: the reader's.
type cursor struct {
	file       string // of the current event
	start, end uint64 // of the current event
	serverID   uint32
	tsMicros   int64  // of the current transaction, or event without GTID mode
	gtid       string // of the current transaction; empty without GTID mode
	gtidUUID   string // its parts
	gtidTag    string
	gtidNumber int64
	thread     int64      // of the current transaction; -1: none
	lastThread int64      // of the newest transaction; -1: none yet
	query      data.Value // that the rows come from; null: not known (include.query)
	ignored    bool       // rows of the current transaction are dropped (gtid.source.*)
	row        int32      // last row sent; kept beyond its event, as in Debezium

	gtidMode bool
	gtids    *gtidSet // all seen, the current one too
	done     string   // rendering of gtids before the current transaction
	open     bool     // gtids has more than done

	inTx    bool
	held    *heldPlace // where reading starts again instead of restart; nil: there
	restart place      // where to read again
	events  uint64     // completed since restart

	// What is left to skip after a restart: events of the first transaction from its BEGIN on, then rows of the next rows event.
	skipEvents uint64
	skipRows   uint64
	resumed    *gtidSet // of the offset, if it stands in a transaction
	skipping   bool

	more    *progress    // of snapshots beside the stream; part of every offset
	covered func() int64 // see offset.covered; nil: 0

	// The newest offset that covers all that was sent: lastBase, but lastRow rows of its event.
	lastBase  *offset
	lastRow   uint64
	lastCount int64 // of lastBase.txTable

	tx *txCounter // nil: provide.transaction.metadata is off
}

type place struct {
	file string
	pos  uint64
}

// heldPlace is where the oldest transaction begins that is held.
type heldPlace struct {
	place
	set   string // GTIDs before it
	bySet bool   // the set, not the place, finds it again (MariaDB)
}

// cursorAt starts at an offset.
func cursorAt(o *offset, gtidMode, mariadb bool) (*cursor, error) {
	c := &cursor{
		file: o.file, start: o.pos, end: o.pos, serverID: o.serverID, tsMicros: o.tsSec * 1e6, thread: -1, lastThread: -1, gtidMode: gtidMode,
		restart: place{o.file, o.pos}, skipEvents: o.event, skipRows: o.row, lastBase: o, lastRow: o.row, more: o.more,
	}
	var err error
	if c.gtids, err = parseGTIDSet(o.gtids); err != nil {
		return nil, err
	}
	c.gtids.mariadb = mariadb
	c.done = o.gtids
	if o.event > 0 && gtidMode {
		if c.resumed, err = parseGTIDSet(o.gtids); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// rotate moves to another file.
func (c *cursor) rotate(file string, pos uint64) {
	c.file, c.start, c.end = file, pos, pos
	if !c.inTx {
		c.restart, c.events = place{file, pos}, 0
	}
}

// event notes the place of the event that is about to be handled. end is 0 for events that are not in the file.
func (c *cursor) event(serverID uint32, start, end uint64) {
	c.serverID = serverID
	if end == 0 {
		return
	}
	c.start, c.end = start, end
	if !c.inTx {
		c.restart, c.events = place{c.file, end}, 0
	}
}

// startGTID notes the transaction that follows.
func (c *cursor) startGTID(uuid, tag string, gno int64, gtid string) {
	c.gtid, c.gtidUUID, c.gtidTag, c.gtidNumber = gtid, uuid, tag, gno
	if c.open { // the transaction before was not completed by an event we know
		c.done = c.gtids.String()
	}
	c.gtids.add(uuid, tag, gno)
	c.open = true
}

// begin notes BEGIN: reading again starts here.
func (c *cursor) begin(thread int64) {
	c.restart, c.events = place{c.file, c.start}, 0
	c.inTx, c.thread, c.lastThread = true, thread, thread
	c.skipping = c.skipEvents > 0
}

// commit notes the end of a transaction.
func (c *cursor) commit() {
	c.inTx, c.thread, c.skipping = false, -1, false
	c.skipEvents, c.skipRows = 0, 0
	c.settle()
}

// settle notes that everything up to the end of the current event is done: at a commit, and after a statement of its own (DDL).
func (c *cursor) settle() {
	c.restart, c.events = place{c.file, c.end}, 0
	if c.gtidMode && c.open {
		c.done, c.open = c.gtids.String(), false
	}
}

// completed notes that the current event was handled.
func (c *cursor) completed() {
	if c.inTx {
		c.events++
	}
	if c.skipping {
		c.skipEvents--
		c.skipping = c.skipEvents > 0
	}
}

// offset is the offset of now: all events before the current one are done.
func (c *cursor) offset() *offset {
	o := &offset{tsSec: c.tsMicros / 1e6, file: c.restart.file, pos: c.restart.pos, serverID: c.serverID, more: c.more}
	if c.inTx {
		o.event = c.events
	}
	if c.gtidMode {
		o.gtids = c.done
	}
	c.complete(o)
	o.tx = c.tx.mark()
	return o
}

// complete adds what every offset of now says beside the position, which it takes back to the oldest transaction that is held.
func (c *cursor) complete(o *offset) {
	if c.covered != nil {
		o.covered = c.covered()
	}
	if c.held == nil {
		return
	}
	here := *o
	o.here = &here
	o.file, o.pos, o.event = c.held.file, c.held.pos, 0
	if c.held.bySet {
		o.gtids, o.whole = c.held.set, true
	}
}

// committed is the offset behind the current transaction.
func (c *cursor) committed() offset {
	o := offset{tsSec: c.tsMicros / 1e6, file: c.file, pos: c.end, serverID: c.serverID, more: c.more}
	if c.gtidMode {
		o.gtids = c.gtids.String()
	}
	c.complete(&o)
	return o
}

// last is the newest offset that covers all that was sent.
func (c *cursor) last() *offset {
	if c.lastRow == c.lastBase.row || c.lastBase.whole {
		return c.lastBase
	}
	o := *c.lastBase
	o.row = c.lastRow
	if o.tx != nil {
		o.tx = o.tx.with(o.txTable, c.lastCount)
	}
	return &o
}

// here is last for this task, which reads on there after a reconnect: it still has what is held.
func (c *cursor) here() *offset {
	if c.lastBase.here == nil {
		return c.last()
	}
	base := *c.lastBase.here
	base.tx, base.txTable = c.lastBase.tx, c.lastBase.txTable
	at := *c
	at.lastBase = &base
	return at.last()
}

// sent notes that everything up to so many rows of base's event was sent.
func (c *cursor) sent(base *offset, rows uint64) { c.lastBase, c.lastRow = base, rows }

// resuming tells whether some of what comes was sent before.
func (c *cursor) resuming() bool { return c.skipEvents > 0 || c.skipRows > 0 }
