package cdc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/data"
	"github.com/connectd/connectd/connectors/mysql/history"
	"github.com/connectd/connectd/connectors/mysql/server"
)

// reader is the goroutine that reads the server and fills the queue. Its fields belong to that goroutine, or to the replication
// client's while dump waits for it.
type reader struct {
	set    *settings
	q      *queue
	w      *writer
	log    *slog.Logger
	stored *offset // at the start; nil: none

	topic    connect.TopicLog // of the schema history
	copies   connect.TopicLog // the copy of the table definitions; may be nil
	store    *history.Store
	included map[place][]*history.Document
	ddl      *history.Parser

	gtidMode  bool
	mariadb   bool
	lowerCase int
	tls       *tls.Config
	host      server.Host // whose binary log is read
	model     *history.Model
	version   int // grows with each change of model
	tables    *tables

	xa        *heldXA // the transaction under way, if it is one of XA
	prepared  map[string]*heldXA
	ahead     *heldEvents // the transaction under way with binlog.buffer.size; nil: none
	advised   bool        // the checks of the server have been logged
	releasing *releasing  // rows of a held transaction are being sent

	cur      *cursor
	maps     map[uint64]*tableMap
	parser   *replication.BinlogParser
	inner    *replication.BinlogParser // without checksums
	offsets  []rowOffset
	noted    int64 // events since the meter heard of the place
	lastBeat time.Time
	beatConn *server.Conn // for heartbeat.action.query; nil until used
	attempts int

	selectConn *server.Conn // of post.processors; nil until used

	fileName  string
	fileValue data.Value

	meter  *meter
	notify *notifier
	logs   connect.TopicLogs

	commitSoon func()
	uncounted  int64 // rows of snapshots since it was called; under the dumper's lock, or the stream's

	inc          *incremental
	added        []history.TableID // captured since the include list changed
	inbox        inbox
	blocking     *snapshotRequest // to be taken
	blockingFrom time.Time        // not before
}

type readerConfig struct {
	set    *settings
	task   int32
	queue  *queue
	log    *slog.Logger
	stored *offset
	topic  connect.TopicLog
	tables connect.TopicLog // may be nil
	now    func() time.Time

	metrics connect.Metrics
	logs    connect.TopicLogs

	commitSoon func() // may be nil
}

func newReader(cfg readerConfig) *reader {
	r := &reader{set: cfg.set, q: cfg.queue, log: cfg.log, stored: cfg.stored, ddl: history.NewParser(), topic: cfg.topic, copies: cfg.tables}
	r.ddl.Comments = cfg.set.row.Comments
	r.w = newWriter(cfg.set, cfg.task, cfg.now)
	r.logs, r.commitSoon = cfg.logs, cfg.commitSoon
	r.meter = newMeter(cfg.metrics, cfg.now)
	r.notify = &notifier{q: r.q, w: r.w, log: r.log, topic: r.set.notify.topic, logs: r.set.notify.log}
	return r
}

// run does it all; it returns when ctx ends or something failed for good.
func (r *reader) run(ctx context.Context) error {
	start, err := r.prepare(ctx)
	if err != nil || start == nil || !r.set.snapshot.stream {
		return err
	}
	if err := sleep(ctx, r.delay()); err != nil {
		return err
	}
	if r.cur, err = r.cursor(start); err != nil {
		return err
	}
	defer r.closeBeat()
	defer r.closeSelect()
	defer r.dropHeld()
	if r.set.signals.file != "" || r.set.signals.kafka {
		var polling sync.WaitGroup
		defer polling.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		polling.Go(func() { r.pollSignals(ctx) })
	}
	return r.stream(ctx)
}

// cursor makes the cursor that starts at an offset.
func (r *reader) cursor(at *offset) (*cursor, error) {
	c, err := cursorAt(at, r.gtidMode, r.mariadb)
	if err == nil {
		c.covered = r.store.Covered
	}
	if err == nil && r.set.transactions {
		c.tx = &txCounter{}
		c.tx.resume(at.tx)
	}
	return c, err
}

// delay is streaming.delay.ms, which counts after a snapshot only.
func (r *reader) delay() time.Duration {
	if r.stored == nil {
		return r.set.streamDelay
	}
	return 0
}

// dial connects to the server. The caller closes the connection; the error names the address.
func (r *reader) dial(ctx context.Context) (*server.Conn, error) {
	conn, err := server.Dial(ctx, r.set.server)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", r.set.server.Addr(), err)
	}
	return conn, nil
}

// prepare finds the offset to stream from, by a snapshot if need be.
func (r *reader) prepare(ctx context.Context) (start *offset, err error) {
	err = r.retry(ctx, "starting", func() error {
		conn, err := r.dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := r.learn(ctx, conn); err != nil {
			return err
		}
		if !r.advised {
			if err := r.advise(ctx, conn); err != nil {
				return err
			}
			r.advised = true
		}
		if err := r.guardrail(ctx, conn); err != nil {
			return err
		}
		again, err := r.decide(ctx, conn)
		if err != nil {
			return err
		}
		if !again {
			start = r.stored
			return nil
		}
		if err := sleep(ctx, r.set.snapshotDelay); err != nil {
			return err
		}
		start, err = r.snapshot(ctx, conn)
		return err
	})
	return start, err
}

// learn reads the facts about the server.
func (r *reader) learn(ctx context.Context, conn *server.Conn) error {
	var err error
	r.tls, r.host, r.mariadb = conn.TLS(), conn.Host(), conn.MariaDB()
	r.ddl.MariaDB = r.mariadb
	if r.gtidMode, err = conn.GTIDMode(ctx); err != nil {
		return err
	}
	r.meter.gtidMode.Store(r.gtidMode)
	v, err := conn.Global(ctx, "lower_case_table_names")
	if err != nil {
		return err
	}
	r.lowerCase, _ = strconv.Atoi(v)
	r.store = history.NewStore(history.StoreConfig{Log: r.topic, Tables: r.copies, Server: r.set.prefix, LowerCaseTableNames: r.lowerCase, Parser: r.ddl,
		PreferDDL: r.set.history.preferDDL, SkipUnparseableDDL: r.set.history.skipUnparseable, DDLFilter: r.set.history.ddlFilter, Now: r.w.now,
		GTIDFilter: r.set.gtidFilter.keeps(), Logger: r.log})
	r.setModel(history.NewModel(r.lowerCase))
	return nil
}

func (r *reader) setModel(m *history.Model) {
	r.model = m
	r.version++
	r.tables = newTables(r.set, m)
}

// decide tells whether a snapshot is to be taken; if not, the model is recovered.
func (r *reader) decide(ctx context.Context, conn *server.Conn) (snapshot bool, err error) {
	mode := &r.set.snapshot
	switch {
	case r.stored == nil && mode.never:
		return false, r.fromFirst(ctx, conn)
	case r.stored == nil:
		return true, nil
	case r.stored.resumable() && mode.stream && mode.data:
		return r.resume(ctx, conn)
	case r.stored.running() && !mode.never, mode.always && !mode.keepPosition:
		return true, nil
	case !mode.stream: // initial_only, and it is done
		return false, nil
	}
	if r.set.checkPosition {
		if err := r.available(ctx, conn); err != nil {
			return r.repair(err, mode.onDataError)
		}
	}
	if mode.always && !mode.recoverFirst { // the position stays, the definitions are read anew
		return true, nil
	}
	if err := r.recoverHistory(ctx, conn); err != nil {
		return r.repair(err, mode.onSchemaError || mode.recoverFirst)
	}
	if err := r.findNew(ctx, conn); err != nil {
		return false, err
	}
	r.meter.skipped.Store(true)
	return false, r.notify.initial(ctx, r.stored, statusSkipped, nil)
}

// snapshotRows counts rows of snapshots, and has offsets stored twice in a chunk: a restart then repeats less than one.
func (r *reader) snapshotRows(n int) {
	r.uncounted += int64(n)
	if r.commitSoon != nil && r.uncounted >= int64(max(r.set.chunkRows/2, 1)) {
		r.uncounted = 0
		r.commitSoon()
	}
}

// recoverHistory makes the model as of the stored offset.
func (r *reader) recoverHistory(ctx context.Context, conn *server.Conn) error {
	found, err := r.store.Recover(ctx, r.stored.history(), r.stored.covered)
	if err == nil && found.Documents == 0 {
		full, ferr := describesItself(ctx, conn)
		if ferr != nil {
			return ferr
		}
		if full {
			r.log.Warn("the schema history is empty; taking the definitions of tables from the binary log (binlog_row_metadata=FULL)", "history", r.set.history.place())
			return nil
		}
		err = fmt.Errorf("schema history, %s: %w", r.set.history.place(), history.ErrMissing)
	}
	if err != nil {
		return err
	}
	r.setModel(found.Model)
	r.keepIncluded(r.store.Recent())
	at := *r.stored
	at.covered = r.store.Covered()
	r.stored = &at
	r.log.Info("recovered the schema history", "history", r.set.history.place(), "documents", found.Documents, "tables", found.Model.Len(),
		"from_copy", found.FromMirror)
	return nil
}

// fromFirst starts with the first file of the binary log: definitions come from the statements in it.
func (r *reader) fromFirst(ctx context.Context, conn *server.Conn) error {
	files, err := conn.BinaryLogs(ctx)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("the server's binary log is off: set log_bin and restart it")
	}
	const magic = 4 // bytes before the first event
	o := &offset{file: files[0], pos: magic, more: r.settled()}
	if r.gtidMode {
		if o.gtids, err = conn.Global(ctx, "gtid_purged"); err != nil {
			return err
		}
	}
	r.stored = o
	r.log.Info("no snapshot is taken: reading the binary log from its first file", "file", o.file)
	return nil
}

// settled is what offsets say beside the position when no snapshot is under way.
func (r *reader) settled() *progress {
	if r.set.filterTexts == "" {
		return nil
	}
	return &progress{filters: r.set.filterTexts}
}

// repair turns a start that is not possible into a snapshot, if snapshot.mode allows.
func (r *reader) repair(err error, allowed bool) (snapshot bool, _ error) {
	if allowed && !server.Unreachable(err) {
		r.log.Warn("taking a new snapshot", "reason", err)
		return true, nil
	}
	return false, err
}

// available tells whether the server still has what comes after the stored offset.
func (r *reader) available(ctx context.Context, conn *server.Conn) error {
	const wayOut = "take a new snapshot: snapshot.mode=when_needed does so by itself"
	if r.gtidMode && !r.set.ignoreGTIDs && r.stored.gtids != "" && !r.mariadb {
		have, err := r.relevant(r.stored.gtids)
		if err != nil {
			return err
		}
		lost, unknown, err := conn.MissingGTIDs(ctx, have)
		switch {
		case err != nil:
			return err
		case lost != "":
			return fmt.Errorf("the server has purged the transactions %s, which come after the stored offset (gtids %s); %s", lost, r.stored.gtids, wayOut)
		case unknown != "":
			return fmt.Errorf("the stored offset (gtids %s) has the transactions %s, which this server never saw: it is another server, or was set up anew; %s",
				r.stored.gtids, unknown, wayOut)
		}
		return nil
	}
	files, err := conn.BinaryLogs(ctx)
	if err != nil {
		return err
	}
	if r.mariadb && r.gtidMode && !r.set.ignoreGTIDs && r.stored.gtids != "" && len(files) > 0 {
		return r.availableByMariaDB(ctx, conn, files[0], wayOut)
	}
	if !slices.Contains(files, r.stored.file) {
		return fmt.Errorf("the server no longer has the binary log file %s of the stored offset (it has %d files, the first is %s); %s",
			r.stored.file, len(files), first(files), wayOut)
	}
	return nil
}

func first(s []string) string {
	if len(s) == 0 {
		return "none"
	}
	return s[0]
}

// retry runs f again while the server cannot be reached, with growing pauses, up to errors.max.retries times in a row.
func (r *reader) retry(ctx context.Context, what string, f func() error) error {
	r.attempts = 0
	wait := 250 * time.Millisecond
	for {
		before := r.attempts
		err := f()
		var late *historyError
		if err == nil || ctx.Err() != nil || !server.Unreachable(err) || errors.As(err, &late) {
			return err
		}
		if r.attempts < before || r.attempts == 0 { // there was progress
			wait = 250 * time.Millisecond
		}
		r.attempts++
		if r.set.maxRetries >= 0 && r.attempts > r.set.maxRetries {
			return fmt.Errorf("%s failed %d times (errors.max.retries): %w", what, r.attempts, err)
		}
		r.log.Warn("the MySQL server cannot be reached, trying again", "doing", what, "error", err, "pause", wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, max(r.set.retryWait, time.Second))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keepIncluded remembers the last documents of the recovered model: when the task died after it recorded a statement and before the offset
// behind it was stored, the statement is read again, and may be in the model already (the history's rule compares GTID sets, and a
// statement is recorded with the set before it). Applying it twice could fail, so it is only announced.
func (r *reader) keepIncluded(docs []*history.Document) {
	r.included = map[place][]*history.Document{}
	for _, d := range docs {
		p := place{d.Position.File, d.Position.Pos}
		r.included[p] = append(r.included[p], d)
	}
}

// indexWords follow CREATE or DROP in statements about an index.
var indexWords = []string{"INDEX", "UNIQUE", "FULLTEXT", "SPATIAL"}

// recorded returns, once, the changes recorded for the statement that ends at a place.
func (r *reader) recorded(file string, end uint64) []history.Change {
	p := place{file, end}
	docs := r.included[p]
	delete(r.included, p)
	var out []history.Change
	for _, d := range docs {
		if len(d.Changes) > 0 {
			out = append(out, d.Changes...)
			for i := len(out) - len(d.Changes); i < len(out); i++ {
				out[i].DB, out[i].DDL = d.DB, d.DDL
			}
			continue
		}
		kind := history.Other
		switch word, second := leadingWords(d.DDL); {
		case (word == "CREATE" || word == "DROP") && slices.Contains(indexWords, second):
			kind = history.CreateIndex
		case word == "CREATE" && (second == "DATABASE" || second == "SCHEMA"):
			kind = history.CreateDatabase
		case word == "DROP" && (second == "DATABASE" || second == "SCHEMA"):
			kind = history.DropDatabase
		}
		out = append(out, history.Change{Type: kind, DB: d.DB, DDL: d.DDL})
	}
	return out
}
