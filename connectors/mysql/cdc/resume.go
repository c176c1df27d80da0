package cdc

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// resume goes on with an interrupted snapshot. The transaction that saw the rows as of the snapshot's position is gone, so the stream
// begins at that position, and what is left of the tables is read in chunks beside it, as an incremental snapshot reads tables. Tables
// that cannot be read in chunks are read at once, before the stream.
//
// If the position or the schema history is lost, or such a table changed its definition, the snapshot starts again.
func (r *reader) resume(ctx context.Context, conn *server.Conn) (snapshot bool, err error) {
	again := func(reason error) (bool, error) {
		if server.Unreachable(reason) {
			return false, reason
		}
		r.log.Warn("the interrupted snapshot cannot go on and starts again", "reason", reason)
		r.stored = nil
		return true, nil
	}
	if err := r.available(ctx, conn); err != nil {
		return again(err)
	}
	if err := r.recoverHistory(ctx, conn); err != nil {
		return again(err)
	}
	o := *r.stored
	o.snapshot = ""
	left := o.more.rest
	r.log.Info("going on with the interrupted snapshot", "rows", left.rows, "tables", len(left.begun)+len(left.next), "file", o.file, "position", o.pos)
	var whole []history.TableID
	for _, id := range append(idsOf(left.begun), left.next...) {
		t := r.model.Table(id)
		if t == nil {
			if _, err := conn.ShowCreate(ctx, id.Backticked()); server.Code(err) != server.CodeNoSuchTable {
				return again(errors.Join(fmt.Errorf("the definition of table %s is not known", id), err))
			}
			left = left.with(id, nil, true, 0) // dropped since
			continue
		}
		if r.inChunks(t) {
			continue
		}
		if err := r.sameDefinition(ctx, conn, t); err != nil {
			return again(err)
		}
		whole = append(whole, id)
	}
	o.more = &progress{rest: left, filters: o.more.filters}
	r.stored = &o
	if len(whole) > 0 {
		if err := r.readWhole(ctx, conn, whole); err != nil {
			return false, err
		}
	}
	if r.stored.more.rest.empty() {
		done := *r.stored
		done.more = r.settled()
		r.stored = &done
	}
	return false, nil
}

func idsOf(ts []tableRest) []history.TableID {
	out := make([]history.TableID, 0, len(ts))
	for _, t := range ts {
		out = append(out, t.id)
	}
	return out
}

// inChunks tells whether a table can be read in chunks beside the stream: it has an order to read in, and nobody told how to select.
func (r *reader) inChunks(t *history.Table) bool {
	if r.set.override(t.ID) != "" {
		return false
	}
	key, _ := chunkKeyOf(t, nil)
	return key != nil
}

// sameDefinition checks that a table is on the server what it is in the model.
func (r *reader) sameDefinition(ctx context.Context, conn *server.Conn, t *history.Table) error {
	now, _, err := r.presentTable(ctx, conn, t.ID)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(now.Columns, t.Columns) {
		return fmt.Errorf("the definition of table %s has changed", t.ID)
	}
	return nil
}

// readWhole reads tables as they are now. What changed in them since the snapshot's position comes from the stream afterwards: a consumer
// that keeps rows by key ends right.
func (r *reader) readWhole(ctx context.Context, conn *server.Conn, ids []history.TableID) (err error) {
	r.meter.begin()
	defer func() { r.meter.ended(err) }()
	p, err := conn.Position(ctx)
	if err != nil {
		return err
	}
	at := *r.stored
	at.snapshot = markerInitial
	s := &snapshotter{reader: r, conn: conn, readers: []*server.Conn{conn}, at: &at}
	s.origin = origin{tsMicros: r.w.now().Unix() * 1e6, file: data.String(p.File), pos: p.Pos}
	if err := s.startTransactions(ctx); err != nil {
		return err
	}
	if err := s.planned(ctx, ids); err != nil {
		return err
	}
	d := newDumper(s, ids)
	d.rest = r.stored.more.rest
	d.at = d.offset()
	d.first = &scan{sent: make(chan struct{}), begun: true}
	close(d.first.sent)
	if _, err := d.run(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.flushTail(ctx); err != nil {
		return err
	}
	o := *d.at
	o.snapshot = ""
	r.stored = &o
	return conn.Exec(ctx, "ROLLBACK")
}
