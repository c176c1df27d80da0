package cdc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/connectd/connectd/connectors/mysql/server"
)

// snapshotLocks are the locks a snapshot holds. One goroutine.
//
// They make position, definitions and the transactions that read the rows belong together: for the moment of taking them nobody may
// commit. The backup lock (LOCK INSTANCE FOR BACKUP), where the user may take it, keeps definitions from changing without keeping anybody
// from writing rows: with it the read lock is gone after the position is read. Without it, definitions of many tables are read beforehand (foresee).
type snapshotLocks struct {
	s      *snapshotter
	global bool         // FLUSH TABLES WITH READ LOCK, on s.conn
	tables bool         // LOCK TABLES, on conn; stays true when they are released
	backup bool         // LOCK INSTANCE FOR BACKUP, on s.conn
	conn   *server.Conn // of the table locks: START TRANSACTION would release them
	since  time.Time
}

// begin takes the locks, reads the position and starts the transactions that see the rows as of it.
func (s *snapshotter) begin(ctx context.Context) error {
	s.locks = &snapshotLocks{s: s}
	if err := s.connectReaders(ctx); err != nil {
		return err
	}
	if s.set.locking == "none" {
		// Nobody keeps changes from happening between the two: read first, the position makes such a change come twice, not never.
		if err := s.readPosition(ctx); err != nil {
			return err
		}
		return s.startTransactions(ctx)
	}
	if err := s.locks.take(ctx); err != nil {
		s.locks.releaseAll(ctx)
		return err
	}
	err := s.startTransactions(ctx)
	if err == nil {
		err = s.readPosition(ctx)
	}
	if err != nil {
		s.locks.releaseAll(ctx)
		return err
	}
	if (s.locks.backup || s.foreseen != nil) && s.set.locking != "extended" {
		s.locks.releaseGlobal(ctx)
	}
	return nil
}

// connectReaders makes the connections that read rows (snapshot.max.threads).
func (s *snapshotter) connectReaders(ctx context.Context) error {
	s.readers = append(s.readers, s.conn)
	for len(s.readers) < s.set.snapshotThreads && s.set.snapshot.data && len(s.captured) > 0 {
		c, err := server.Dial(ctx, s.set.server)
		if err != nil {
			return fmt.Errorf("connecting to %s for thread %d of the snapshot (snapshot.max.threads): %w", s.set.server.Addr(), len(s.readers)+1, err)
		}
		s.readers = append(s.readers, c)
	}
	for _, c := range s.readers {
		if err := s.set.patience(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// closeReaders closes the connections that snapshot was not given.
func (s *snapshotter) closeReaders() {
	for _, c := range s.readers {
		if c != s.conn {
			c.Close()
		}
	}
	if s.locks != nil && s.locks.conn != nil {
		s.locks.conn.Close()
	}
}

func (s *snapshotter) startTransactions(ctx context.Context) error {
	for _, c := range s.readers {
		for _, q := range []string{"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "START TRANSACTION WITH CONSISTENT SNAPSHOT"} {
			if err := c.Exec(ctx, q); err != nil {
				return err
			}
		}
	}
	return nil
}

// take takes the read lock of the whole server, or, where the user may not, of the captured tables.
func (l *snapshotLocks) take(ctx context.Context) error {
	s := l.s
	statement := "FLUSH TABLES WITH READ LOCK"
	if strings.HasPrefix(s.set.locking, "minimal_percona") {
		statement = "LOCK TABLES FOR BACKUP"
	} else if err := s.conn.Exec(ctx, "LOCK INSTANCE FOR BACKUP"); err == nil {
		l.backup = true
	} else if server.Code(err) == 0 {
		return err
	} else if s.set.locking != "extended" {
		if err := s.foresee(ctx); err != nil {
			return err
		}
	}
	err := s.conn.Exec(ctx, statement)
	code := server.Code(err)
	switch {
	case err == nil:
		l.global, l.since = true, s.w.now()
		return s.confirm(ctx)
	case code == server.CodeLockWaitTimeout:
		return fmt.Errorf("the snapshot did not get the global read lock within snapshot.lock.timeout.ms (%s); a long query or another "+
			"lock stands in the way: %w", s.set.lockTimeout, err)
	case s.set.locking == "minimal_percona_no_table_locks" && code != 0:
		return fmt.Errorf("%s is for Percona Server, and without it snapshot.locking.mode=minimal_percona_no_table_locks has nothing to take; use "+
			"minimal: %w", statement, err)
	case code == server.CodeAccessDenied, code == server.CodeDBAccessDenied, code == server.CodeSpecificPrivilege,
		strings.HasPrefix(s.set.locking, "minimal_percona") && code != 0:
		return l.takeTables(ctx)
	default:
		return err
	}
}

// takeTables locks the captured tables, on a connection of its own.
func (l *snapshotLocks) takeTables(ctx context.Context) (err error) {
	s := l.s
	s.log.Warn("the user may not take the global read lock (RELOAD); locking the captured tables instead", "tables", len(s.captured))
	if len(s.captured) == 0 {
		return nil
	}
	if l.conn, err = s.dial(ctx); err != nil {
		return err
	}
	if err := s.set.patience(ctx, l.conn); err != nil {
		return err
	}
	var b strings.Builder
	for i, id := range s.captured {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(id.Backticked() + " READ")
	}
	if err := l.conn.Exec(ctx, "LOCK TABLES "+b.String()); err != nil {
		if server.Code(err) == server.CodeLockWaitTimeout {
			return fmt.Errorf("the snapshot did not get the locks of the captured tables within snapshot.lock.timeout.ms (%s): %w", s.set.lockTimeout, err)
		}
		return fmt.Errorf("locking the captured tables (grant RELOAD or LOCK TABLES to the user): %w", err)
	}
	l.tables, l.since = true, s.w.now()
	return nil
}

// releaseGlobal lets go of the lock that keeps others from writing.
func (l *snapshotLocks) releaseGlobal(ctx context.Context) {
	if !l.global {
		return
	}
	l.global = false
	l.exec(ctx, l.s.conn, "UNLOCK TABLES")
	l.s.log.Info("the snapshot released the global read lock", "held", l.s.w.now().Sub(l.since))
}

// releaseAll lets go of what is still held. It may be called again.
func (l *snapshotLocks) releaseAll(ctx context.Context) {
	l.releaseGlobal(ctx)
	if l.backup {
		l.backup = false
		l.exec(ctx, l.s.conn, "UNLOCK INSTANCE")
	}
	if l.conn != nil {
		l.exec(ctx, l.conn, "UNLOCK TABLES")
		l.conn.Close()
		l.conn = nil
		l.s.log.Info("the snapshot released the locks of the captured tables", "held", l.s.w.now().Sub(l.since))
	}
}

func (l *snapshotLocks) exec(ctx context.Context, c *server.Conn, statement string) {
	if ctx.Err() != nil {
		return // the connection is gone, and its locks
	}
	if err := c.Exec(context.WithoutCancel(ctx), statement); err != nil {
		l.s.log.Warn("releasing the snapshot's locks", "error", err) // the end of the connection does
	}
}
