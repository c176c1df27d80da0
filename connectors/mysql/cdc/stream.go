package cdc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/connectd/connectd/connectors/mysql/server"
)

// silence is how long the server may say nothing: it sends a heartbeat every serverHeartbeat.
const (
	serverHeartbeat = 10 * time.Second
	silence         = 3 * serverHeartbeat
)

// stream reads the binary log from the reader's cursor until ctx ends, reconnecting when the server goes away: it goes on at the last
// offset that was handed out, by the same rule as after a restart, but keeps the prepared transactions that it holds instead of going back
// for them. So no statement is read a second time, and the table definitions are those of the place.
func (r *reader) stream(ctx context.Context) error {
	from := r.cur.last()
	if err := r.startIncremental(ctx); err != nil {
		return err
	}
	defer r.inc.hangUp()
	return r.retry(ctx, "reading the binary log", func() error {
		for {
			c, err := r.cursor(from)
			if err != nil {
				return err
			}
			c.row = r.cur.row
			r.cur = c
			r.dropUnfinished()
			r.holdBack()
			r.inc.restart()
			r.maps = map[uint64]*tableMap{}
			err = r.dump(ctx)
			if r.meter.connected.Swap(false) && ctx.Err() == nil && !errors.Is(err, errBlocking) {
				r.meter.addDisconnects(1)
			}
			if to := r.cur.here(); *to != *from {
				from, r.attempts = to, 0
			}
			if !errors.Is(err, errBlocking) {
				return err
			}
			if err := r.blockingSnapshot(ctx); err != nil {
				return err
			}
		}
	})
}

// startIncremental takes up the incremental snapshots that the offset tells of, and that of tables that are new.
func (r *reader) startIncremental(ctx context.Context) error {
	r.inc = newIncremental(r, r.cur.more)
	if len(r.added) == 0 {
		return nil
	}
	for _, id := range r.added {
		r.inc.jobs = append(r.inc.jobs, &job{id: id})
	}
	r.inc.changed()
	return r.inc.note(ctx, statusStarted, r.inc.tables())
}

// between does what is done between two transactions: signals, incremental snapshots.
func (r *reader) between(ctx context.Context) error {
	c := r.cur
	if c.inTx || c.open || c.resuming() {
		return nil
	}
	if err := r.signals(ctx); err != nil {
		return err
	}
	return r.inc.step(ctx)
}

// dump opens one replication connection and handles its events until it breaks.
func (r *reader) dump(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := r.findHost(ctx); err != nil {
		return err
	}
	line := &replicaLine{ctx: ctx, timeout: r.set.server.ConnectTimeout, hard: r.set.hardClose}
	heartbeat := serverHeartbeat
	if r.set.heartbeat > 0 {
		heartbeat = min(heartbeat, max(r.set.heartbeat, 100*time.Millisecond))
	}
	if len(r.inc.jobs) > 0 || r.set.signals.kafka || r.set.signals.file != "" {
		heartbeat = min(heartbeat, time.Second) // what waits is looked after at each event
	}
	h := &eventHandler{reader: r, ctx: ctx}
	cfg := replication.BinlogSyncerConfig{
		ServerID: r.set.serverID, Flavor: r.serverFlavor(), Host: r.host.Name, Port: r.host.Port,
		User: r.set.server.User, Password: r.set.server.Password.Reveal(), TLSConfig: r.tls,
		RawModeEnabled: true, VerifyChecksum: true, DisableRetrySync: true, DiscardGTIDSet: true, EventCacheCount: 1,
		HeartbeatPeriod: heartbeat, Dialer: line.dial, SynchronousEventHandler: h,
		Logger: slog.New(slog.DiscardHandler), Option: r.session,
	}
	if r.mariadb && r.set.includeQuery {
		cfg.DumpCommandFlag = sendAnnotateRows
	}
	syncer := replication.NewBinlogSyncer(cfg)
	// Close sends KILL over a new connection and may wait for its time-out; the line refuses that, and a closed socket ends the
	// server's side as well.
	defer syncer.Close()
	defer line.hangUp()
	defer context.AfterFunc(ctx, line.hangUp)()
	var events *replication.BinlogStreamer
	gtids, err := r.startSet(ctx, r.cur.done)
	if err != nil {
		return err
	}
	// From the start on the cursor belongs to the handler.
	r.log.Info("reading the binary log", "file", r.cur.restart.file, "position", r.cur.restart.pos, "gtids", gtids)
	r.meter.streaming(r.cur)
	if r.useGTIDs() {
		set, perr := r.dumpSet(gtids)
		if perr != nil {
			return fmt.Errorf("reading the GTID set %q of the offset: %w", gtids, perr)
		}
		events, err = syncer.StartSyncGTID(set)
	} else {
		// Positions beyond 4 GiB do not fit the protocol's command; the server writes none (max_binlog_size), but for one huge transaction.
		events, err = syncer.StartSync(mysql.Position{Name: r.cur.restart.file, Pos: uint32(r.cur.restart.pos)})
	}
	if err != nil {
		err = server.Cause(err)
		if server.Code(err) == server.CodeAccessDenied || server.Code(err) == server.CodeSpecificPrivilege {
			// The server says the same when the privilege is missing and when the password was changed since the user logged in before.
			return fmt.Errorf("connecting to the binary log: does the user have REPLICATION SLAVE ON *.*, and are database.user and database.password still right? %w", err)
		}
		return fmt.Errorf("connecting to the binary log: %w", err)
	}
	r.meter.connected.Store(true)
	_, err = events.GetEvent(ctx)
	cancel()
	line.hangUp()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		// The client's goroutine must have left its connection before Close touches it.
		drain, done := context.WithTimeout(context.WithoutCancel(ctx), silence)
		_, _ = events.GetEvent(drain)
		done()
	}
	syncer.Close() // waits for the handler: h.err is ours now
	switch {
	case h.err != nil && !errors.Is(h.err, context.Canceled):
		return h.err
	case err == nil, errors.Is(err, replication.ErrSyncClosed):
		return io.ErrUnexpectedEOF
	default:
		return r.explain(err)
	}
}

// session sets what the keys ask of the connection that the binary log comes through.
func (r *reader) session(c *client.Conn) error {
	for _, x := range []struct {
		name    string
		seconds int64
	}{{"net_read_timeout", r.set.netRead}, {"net_write_timeout", r.set.netWrite}} {
		if x.seconds <= 0 {
			continue
		}
		if _, err := c.Execute(fmt.Sprintf("SET SESSION %s = %d", x.name, x.seconds)); err != nil {
			return fmt.Errorf("setting %s: %w", x.name, err)
		}
	}
	return nil
}

// sendAnnotateRows asks MariaDB for the statements that rows come from (BINLOG_SEND_ANNOTATE_ROWS_EVENT).
const sendAnnotateRows = 2

func (r *reader) serverFlavor() string {
	if r.mariadb {
		return mysql.MariaDBFlavor
	}
	return mysql.MySQLFlavor
}

// dumpSet is a GTID set as the replication client takes it.
func (r *reader) dumpSet(gtids string) (mysql.GTIDSet, error) {
	if !r.mariadb {
		return mysql.ParseMysqlGTIDSet(gtids)
	}
	g, err := parseGTIDSet(gtids)
	if err != nil {
		return nil, err
	}
	return mysql.ParseMariadbGTIDSet(g.mariaStart())
}

// findHost chooses the first host that answers. On another one than before, only a GTID set finds the place: names and positions of
// binary log files are each server's own.
func (r *reader) findHost(ctx context.Context) error {
	if len(r.set.server.Hosts) == 1 {
		return nil
	}
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if conn.Host() == r.host {
		return nil
	}
	gtids, err := conn.GTIDMode(ctx)
	if err != nil {
		return err
	}
	if !gtids || !r.useGTIDs() {
		return fmt.Errorf("database.hostname: %s does not answer, and reading cannot go on at %s without GTIDs (gtid_mode=ON on both, gtid.ignore.on.recovery=false)",
			r.host.Addr(), conn.Host().Addr())
	}
	have, err := r.relevant(r.cur.done)
	if err != nil {
		return err
	}
	var lost, unknown string
	if !r.mariadb { // MariaDB says it itself when the stream begins
		lost, unknown, err = conn.MissingGTIDs(ctx, have)
	}
	switch {
	case err != nil:
		return err
	case lost != "":
		return fmt.Errorf("%s has purged the transactions %s, which come after what was read (gtids %s)", conn.Host().Addr(), lost, have)
	case unknown != "":
		// The replica lags, or never gets what the lost server alone had: the two cannot be told apart from here.
		return fmt.Errorf("%s does not have the transactions %s, which were read from %s: %w", conn.Host().Addr(), unknown, r.host.Addr(), server.ErrBehind)
	}
	r.log.Info("going on with another server", "server", conn.Host().Addr(), "before", r.host.Addr())
	r.host, r.tls = conn.Host(), conn.TLS()
	return nil
}

// useGTIDs tells whether the position is found by GTID set.
func (r *reader) useGTIDs() bool { return r.gtidMode && !r.set.ignoreGTIDs && r.cur.done != "" }

// explain turns the server's refusal to send the binary log into what a user can act on.
func (r *reader) explain(err error) error {
	err = server.Cause(err)
	code, msg := server.Code(err), server.Message(err)
	if code == server.CodeSameReplicaID || code == server.CodeFatalReadingBinlog && duplicateReplica(msg) {
		return fmt.Errorf("the server ended the binary log stream because another replica uses database.server.id=%d; give each its own: %s",
			r.set.serverID, msg)
	}
	if code != server.CodeFatalReadingBinlog {
		return fmt.Errorf("reading the binary log: %w", err)
	}
	return fmt.Errorf("the server cannot send the binary log from file %s position %d, GTIDs %q: %s. If it was purged, "+
		"take a new snapshot (snapshot.mode=when_needed does so by itself)", r.cur.restart.file, r.cur.restart.pos, r.cur.done, msg)
}

// replicaLine dials for the replication client and can be cut from outside.
type replicaLine struct {
	ctx     context.Context // its end ends a dial; the client gives one of its own
	timeout time.Duration   // of a dial

	mu   sync.Mutex
	conn net.Conn
	cut  bool
	hard bool // use.nongraceful.disconnect: what was sent is not waited for
}

func (l *replicaLine) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	cut := l.cut
	l.mu.Unlock()
	if cut {
		return nil, net.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	l.conn = c
	return &watchedConn{c}, nil
}

// watchedConn fails a read when nothing comes for too long. The time the handler waits for room in the queue does not count, as it
// would with the client's own ReadTimeout.
type watchedConn struct{ net.Conn }

func (c *watchedConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (l *replicaLine) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	if l.conn != nil {
		if tcp, ok := l.conn.(*net.TCPConn); ok && l.hard {
			_ = tcp.SetLinger(0)
		}
		_ = l.conn.Close()
	}
}

// eventHandler is called by the replication client's goroutine for each event; an error ends the stream.
type eventHandler struct {
	reader *reader
	ctx    context.Context // of the stream; the interface has none
	err    error
}

// HandleEvent implements replication.EventHandler.
func (h *eventHandler) HandleEvent(e *replication.BinlogEvent) (err error) {
	defer func() {
		// The decoders check what they read; should one panic all the same, the task fails and the worker lives.
		if p := recover(); p != nil {
			err = fmt.Errorf("handling event %s: %v", e.Header.EventType, p)
		}
		if err != nil {
			c := h.reader.cur
			if h.ctx.Err() == nil {
				err = fmt.Errorf("binary log file %s, position %d: %w", c.file, c.start, err)
			}
			h.err = err
		}
	}()
	return h.reader.handle(h.ctx, e)
}
