package cdc

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

const (
	// manyTables is from how many tables on their definitions are read before the lock is taken, and how many there are for each connection.
	manyTables = 50
	// definers is how many connections read definitions at most.
	definers = 4
)

// ddlAt is a statement of the snapshot's schema history.
type ddlAt struct {
	db, ddl string
	table   history.TableID
}

// foreseen are definitions that were read while everybody could write.
type foreseen struct {
	changes string // countChanges when nobody could change a definition, before they were read
	tables  []history.TableID
	texts   []string // in the order of tables
}

// foresee reads the definitions of many tables before the read lock is taken, so that it is held for milliseconds also where the user may not
// take the backup lock. They hold if the server has begun no statement that changes definitions until the lock is taken (lock.take): its
// counters of statements are read twice, each time under the lock, which waits for changes that run. Debezium reads definitions under the
// lock (io.debezium.connector.binlog.BinlogSnapshotChangeEventSource).
//
// An error of the server leaves everything to the lock; the error is that of a connection that was lost.
func (s *snapshotter) foresee(ctx context.Context) error {
	if now, _ := s.defined(); len(now) < manyTables {
		return nil
	}
	unlessAnswered := func(err error) error {
		if server.Code(err) != 0 {
			s.log.Info("definitions will be read under the lock", "reason", err)
			return nil
		}
		return err
	}
	if err := s.conn.Exec(ctx, "FLUSH TABLES WITH READ LOCK"); err != nil {
		return unlessAnswered(err)
	}
	changes, err := s.countChanges(ctx)
	if e := s.conn.Exec(ctx, "UNLOCK TABLES"); err == nil {
		err = e
	}
	if err == nil {
		err = s.list(ctx) // tables may have come since
	}
	if err != nil {
		return unlessAnswered(err)
	}
	f := &foreseen{changes: changes}
	f.tables, _ = s.defined()
	s.log.Info("reading definitions before the lock is taken", "tables", len(f.tables))
	if f.texts, err = s.creates(ctx, f.tables); err != nil {
		return unlessAnswered(err)
	}
	s.foreseen = f
	return nil
}

// confirm drops what was foreseen if definitions may have changed since; under the lock.
func (s *snapshotter) confirm(ctx context.Context) error {
	if s.foreseen == nil {
		return nil
	}
	changes, err := s.countChanges(ctx)
	if err != nil || changes == s.foreseen.changes {
		return err
	}
	s.foreseen = nil
	s.log.Info("a definition may have changed before the lock was taken: all are read again, under the lock")
	return s.list(ctx)
}

// countChanges is how many statements that change definitions the server has begun, in all sessions since its start.
func (s *snapshotter) countChanges(ctx context.Context) (string, error) {
	rows, err := s.conn.Rows(ctx, "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_create_table', 'Com_alter_table', 'Com_drop_table', 'Com_rename_table', "+
		"'Com_create_index', 'Com_drop_index', 'Com_create_db', 'Com_alter_db', 'Com_alter_db_upgrade', 'Com_drop_db', 'Com_import')")
	if err != nil {
		return "", fmt.Errorf("reading the counters of statements: %w", err)
	}
	return fmt.Sprint(rows), nil
}

// creates are the CREATE TABLE statements of tables; empty for one that is gone. What was foreseen is used once: it need not stay while rows
// are read.
func (s *snapshotter) creates(ctx context.Context, tables []history.TableID) ([]string, error) {
	if f := s.foreseen; f != nil && slices.Equal(f.tables, tables) {
		s.foreseen = nil
		return f.texts, nil
	}
	conns := s.definers(ctx, len(tables))
	defer func() {
		for _, c := range conns[1:] {
			c.Close()
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([]string, len(tables))
	var next atomic.Int64
	var all sync.WaitGroup
	for _, c := range conns {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(tables)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				def, err := c.ShowCreate(ctx, tables[i].Backticked())
				switch {
				case err == nil:
					out[i] = def
				case server.Code(err) != server.CodeNoSuchTable:
					cancel(fmt.Errorf("reading the definition of %s: %w", tables[i], err))
				}
			}
		})
	}
	all.Wait()
	return out, context.Cause(ctx)
}

// definers are connections to read n definitions with: the snapshot's own, and others, as far as the server lets them in.
func (s *snapshotter) definers(ctx context.Context, n int) []*server.Conn {
	conns := []*server.Conn{s.conn}
	for len(conns) < min(definers, n/manyTables) {
		c, err := s.dial(ctx)
		if err == nil {
			if err = s.set.patience(ctx, c); err != nil {
				c.Close()
			}
		}
		if err != nil {
			s.log.Warn("definitions are read by fewer connections", "connections", len(conns), "error", err)
			break
		}
		conns = append(conns, c)
	}
	return conns
}

// definitions reads what the schema history begins with, as Debezium writes it: the server's character set, then for each table
// DROP TABLE, for each database DROP, CREATE and USE, and CREATE TABLE. Without databases: only DROP and CREATE TABLE.
func (s *snapshotter) definitions(ctx context.Context, tables []history.TableID, databases bool) ([]ddlAt, error) {
	var out []ddlAt
	if databases {
		charset, err := s.conn.Row(ctx, "SELECT @@global.character_set_server, @@global.collation_server")
		if err != nil {
			return nil, err
		}
		out = append(out, ddlAt{ddl: "SET character_set_server=" + charset[0] + ", collation_server=" + charset[1]})
	}
	for _, id := range tables {
		out = append(out, ddlAt{db: id.DB, ddl: "DROP TABLE IF EXISTS " + id.Backticked(), table: id})
	}
	creates, err := s.creates(ctx, tables)
	if err != nil {
		return nil, err
	}
	locales, err := s.conn.Rows(ctx, "SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM INFORMATION_SCHEMA.SCHEMATA")
	if err != nil {
		return nil, err
	}
	byDB := map[string][]string{}
	for _, l := range locales {
		byDB[l[0]] = l
	}
	for i, id := range tables {
		db := id.DB
		if databases && (i == 0 || tables[i-1].DB != db) {
			name := server.Backtick(db)
			create := "CREATE DATABASE " + name
			if l := byDB[db]; l != nil {
				create += " CHARSET " + l[1] + " COLLATE " + l[2]
			}
			out = append(out, ddlAt{db: db, ddl: "DROP DATABASE IF EXISTS " + name}, ddlAt{db: db, ddl: create}, ddlAt{db: db, ddl: "USE " + name})
		}
		if creates[i] == "" {
			continue // dropped since they were listed
		}
		out = append(out, ddlAt{db: db, ddl: creates[i], table: id})
	}
	return out, nil
}
