package cdc

import (
	"context"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"
)

// With binlog.buffer.size, the events of a transaction are held from its BEGIN until its end is known: those of one that ends with ROLLBACK
// (it had changes that the server cannot take back, and others) are dropped, else they are handled as if they had just come. Debezium's
// EventBuffer holds that many events and reads the rest of a larger transaction a second time; here the rest is kept in a temporary file,
// so that what comes out is the same and the connection stays. Meanwhile the cursor stands before the transaction.

// transactionPart is what an event means for the transaction it is in.
type transactionPart int

const (
	partOther transactionPart = iota
	partGTID                  // comes before the first one
	partBegin
	partCommit
	partRollback
)

// partOf tells what an event means for its transaction.
func partOf(t replication.EventType, body []byte) (transactionPart, error) {
	switch t {
	case replication.GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT, replication.ANONYMOUS_GTID_EVENT:
		return partGTID, nil
	case replication.MARIADB_GTID_EVENT:
		if len(body) < 13 {
			return partOther, errShortEvent
		}
		if body[12]&(mariaStandalone|mariaPreparedXA) != 0 {
			return partGTID, nil
		}
		return partBegin, nil
	case replication.XID_EVENT:
		return partCommit, nil
	case replication.QUERY_EVENT:
		q, begin, err := parseQuery(body)
		switch {
		case err != nil:
			return partOther, err
		case begin, strings.EqualFold(q.sql, "BEGIN"):
			return partBegin, nil
		case strings.EqualFold(q.sql, "COMMIT"):
			return partCommit, nil
		case strings.EqualFold(q.sql, "ROLLBACK"): // not TO a savepoint
			return partRollback, nil
		}
	}
	return partOther, nil
}

// lookAhead holds the event if the end of its transaction is to be known first.
func (r *reader) lookAhead(ctx context.Context, h *replication.EventHeader, body, raw []byte) (held bool, err error) {
	if r.set.binlogBuffer == 0 {
		return false, nil
	}
	part, err := partOf(h.EventType, body)
	if err != nil {
		return false, err
	}
	if r.ahead != nil {
		switch part {
		case partBegin, partGTID:
			if err := r.endless(ctx); err != nil {
				return false, err
			}
		case partCommit:
			return false, r.releaseAhead(ctx)
		case partRollback:
			return false, r.dropAhead()
		}
	}
	if part == partBegin && r.ahead == nil {
		r.ahead = &heldEvents{most: r.set.binlogBuffer}
	}
	if r.ahead == nil {
		return false, nil
	}
	if len(r.ahead.events) == r.ahead.most && r.ahead.spilt == 0 {
		r.meter.addLarge(1)
	}
	return true, r.ahead.hold(heldEvent{kind: h.EventType, raw: raw, tail: len(raw) - replication.EventHeaderSize - len(body)})
}

// endless handles what is held of a transaction after which another one begins, or another file: the server died while it wrote. Debezium
// sends such rows, too.
func (r *reader) endless(ctx context.Context) error {
	if r.ahead == nil {
		return nil
	}
	r.log.Warn("a transaction in the binary log has no end; its rows are sent", "file", r.cur.file, "position", r.cur.start)
	r.meter.addMalformed(1)
	return r.releaseAhead(ctx)
}

// releaseAhead handles what is held.
func (r *reader) releaseAhead(ctx context.Context) error {
	x := r.ahead
	r.ahead = nil
	defer x.close()
	return x.each(func(e heldEvent) error {
		var h replication.EventHeader
		if err := h.Decode(e.raw); err != nil {
			return err
		}
		return r.take(ctx, &h, e.body(), e.raw)
	})
}

// dropAhead forgets what is held: it was rolled back. Of MariaDB's it takes the GTID, which stands in the event that begins the
// transaction; the server would send it again and again.
func (r *reader) dropAhead() error {
	x := r.ahead
	r.ahead = nil
	defer x.close()
	if x.events[0].kind != replication.MARIADB_GTID_EVENT {
		return nil
	}
	var h replication.EventHeader
	if err := h.Decode(x.events[0].raw); err != nil {
		return err
	}
	return r.mariaStart(&h, x.events[0].body())
}
