package cdc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// blockingSnapshot reads the tables a signal asked for while the stream stands. The stream goes on where it was: what happened to the
// rows between that place and the snapshot comes once more, as with Debezium.
func (r *reader) blockingSnapshot(ctx context.Context) error {
	req := r.blocking
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var ids []history.TableID
	for _, id := range r.expand(req.Tables, func(f string, args ...any) {
		r.log.Warn("passing over a part of a signal", "id", req.id, "reason", fmt.Sprintf(f, args...))
	}) {
		err := r.sameDefinition(ctx, conn, r.model.Table(id))
		switch {
		case err == nil:
			ids = append(ids, id)
		case server.Unreachable(err):
			return err
		case r.w.now().Before(req.until):
			// The statement that changed it is yet to come: the stream goes on for a while.
			r.blockingFrom = r.w.now().Add(time.Second)
			return nil
		default:
			r.log.Warn("passing over a table of a blocking snapshot", "id", req.id, "table", id.String(), "reason", err)
		}
	}
	r.blocking = nil
	if len(ids) == 0 {
		return nil
	}
	return r.readBlocking(ctx, conn, req, ids)
}

func (r *reader) readBlocking(ctx context.Context, conn *server.Conn, req *snapshotRequest, ids []history.TableID) (err error) {
	r.meter.begin()
	defer func() { r.meter.ended(err) }()
	r.log.Info("blocking snapshot: the stream stands", "signal", req.id, "tables", len(ids))
	s := &snapshotter{reader: r, conn: conn, at: r.cur.last(), captured: ids, locks: &snapshotLocks{}}
	defer s.closeReaders()
	if err := s.connectReaders(ctx); err != nil {
		return err
	}
	s.locks.s = s
	if s.set.locking != "none" && len(s.readers) > 1 {
		if err := s.locks.take(ctx); err != nil {
			return err
		}
	}
	err = s.startTransactions(ctx)
	p, perr := conn.Position(ctx)
	s.locks.releaseAll(ctx)
	if err != nil {
		return err
	}
	if perr != nil {
		return perr
	}
	s.origin = origin{tsMicros: r.w.now().Unix() * 1e6, serverID: r.cur.serverID, file: data.String(p.File), pos: p.Pos}
	if err := r.notify.initial(ctx, s.at, statusStarted, nil); err != nil {
		return err
	}
	if err := s.planned(ctx, ids); err != nil {
		return err
	}
	d := newDumper(s, ids)
	d.aside, d.at = true, s.at
	d.queries = map[history.TableID]string{}
	for _, id := range ids {
		switch c := req.condition(id); {
		case c == "":
		case strings.HasPrefix(strings.ToUpper(c), "SELECT"):
			d.queries[id] = c
		default:
			d.queries[id] = "SELECT * FROM " + id.Backticked() + " WHERE " + c
		}
	}
	tail, err := d.run(ctx)
	if err == nil && tail != nil {
		err = tail.sendLast(ctx, s.at)
	}
	if err != nil {
		return fmt.Errorf("taking a blocking snapshot: %w", err)
	}
	r.log.Info("the blocking snapshot is complete", "signal", req.id)
	return r.notify.initial(ctx, s.at, statusCompleted, nil)
}
