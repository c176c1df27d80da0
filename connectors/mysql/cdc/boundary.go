package cdc

import (
	"context"
	"fmt"

	"github.com/connectd/connectd/connect/data"
)

// begin starts a transaction; with provide.transaction.metadata a BEGIN record goes out, but not again for the transaction that the
// offset of a restart stands in (TransactionMonitor.transactionStartedEvent).
func (r *reader) begin(ctx context.Context, thread int64) error {
	c := r.cur
	c.begin(thread)
	if c.tx == nil {
		return nil
	}
	id := c.gtid
	if id == "" {
		id = fmt.Sprintf("file=%s,pos=%d", c.file, c.start)
	}
	if c.tx.id == id {
		return nil
	}
	c.tx.reset()
	c.tx.id = id
	return r.sendTransaction(ctx, false, c.offset())
}

// commit ends a transaction: from now on the offset is behind it. The END record carries that offset, so that a restart does not repeat
// it.
func (r *reader) commit(ctx context.Context) error {
	c := r.cur
	c.query = data.Value{}
	c.commit()
	done := c.offset()
	done.tx = nil
	if c.tx != nil && c.tx.id != "" {
		if err := r.sendTransaction(ctx, true, done); err != nil {
			return err
		}
		c.tx.reset()
	}
	c.sent(done, 0)
	return nil
}

func (r *reader) sendTransaction(ctx context.Context, end bool, at *offset) error {
	return r.q.send(ctx, r.w.transactionRecord(r.cur.tx, end, r.cur.tsMicros/1000, at), recordOverhead)
}

// rowsQuery keeps the statement that the rows which follow come from (include.query; the server logs it with
// binlog_rows_query_log_events=ON).
func (r *reader) rowsQuery(body []byte) error {
	if len(body) == 0 {
		return errShortEvent
	}
	if r.set.includeQuery {
		r.cur.query = data.Text(body[1:]) // the byte before it is the length, cut to 255
	}
	return nil
}

// beatAction runs heartbeat.action.query. A failure is logged, and tried again with the next heartbeat.
func (r *reader) beatAction(ctx context.Context) {
	if r.set.heartbeatQuery == "" {
		return
	}
	err := func() (err error) {
		if r.beatConn == nil {
			if r.beatConn, err = r.dial(ctx); err != nil {
				return err
			}
		}
		return r.beatConn.Exec(ctx, r.set.heartbeatQuery)
	}()
	if err == nil || ctx.Err() != nil {
		return
	}
	r.log.Warn("heartbeat.action.query failed", "error", err)
	r.closeBeat()
}

func (r *reader) closeBeat() {
	if r.beatConn != nil {
		r.beatConn.Close()
		r.beatConn = nil
	}
}
