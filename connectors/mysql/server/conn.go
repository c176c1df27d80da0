package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// Conn is a connection for SQL. One goroutine, but Abort.
type Conn struct {
	c   *client.Conn
	raw net.Conn

	host    Host
	tls     *tls.Config
	timeout time.Duration
	modes   string // sql_mode of the session
	once    sync.Once
}

// Dial connects to the first of the hosts that answers, runs the initial statements, and sets the session to UTC and utf8mb4, without
// modes that change values. ctx bounds all of it. The caller closes the connection.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	var first error
	for _, h := range cfg.Hosts {
		c, err := dialHost(ctx, cfg, h)
		if err == nil || ctx.Err() != nil || !Unreachable(err) {
			return c, err
		}
		if len(cfg.Hosts) > 1 {
			err = fmt.Errorf("%s: %w", h.Addr(), err)
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func dialHost(ctx context.Context, cfg Config, h Host) (*Conn, error) {
	if cfg.TLS != nil && cfg.TLSIdentity {
		cfg.TLS = cfg.TLS.Clone()
		cfg.TLS.ServerName = h.Name
	}
	c, err := dial(ctx, cfg, h, cfg.TLSOptional)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, c.Abort)
	defer stop()
	if err := c.open(cfg.InitialStatements); err != nil {
		c.Abort()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return c, nil
}

// open makes the session what connectd's statements and the user's rely on.
func (c *Conn) open(initial []string) error {
	for _, q := range opening(initial) {
		if _, err := c.c.Execute(q.text); err != nil && q.user > 0 {
			return fmt.Errorf("running statement %d of database.initial.statements: %w", q.user, Cause(err))
		} else if err != nil {
			return fmt.Errorf("running %q: %w", q.text, Cause(err))
		}
	}
	return c.settle()
}

func dial(parent context.Context, cfg Config, h Host, fallBack bool) (*Conn, error) {
	ctx, cancel := context.WithTimeout(parent, cfg.ConnectTimeout)
	defer cancel()
	out := &Conn{host: h, tls: cfg.TLS, timeout: cfg.QueryTimeout}
	abort := func() bool { return true }
	defer func() { abort() }()
	dialer := func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{}
		raw, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		// The handshake has no ctx: the deadline bounds it, and a closed connection ends it.
		if t, ok := ctx.Deadline(); ok {
			_ = raw.SetDeadline(t)
		}
		out.raw = raw
		abort = context.AfterFunc(parent, out.Abort)
		return raw, nil
	}
	c, err := client.ConnectWithDialer(ctx, "tcp", h.Addr(), cfg.User, cfg.Password.Reveal(), "", dialer,
		func(c *client.Conn) error { c.SetTLSConfig(cfg.TLS); return nil })
	if err != nil {
		if out.raw != nil {
			_ = out.raw.Close()
		}
		if fallBack && strings.Contains(err.Error(), "does not support TLS") {
			cfg.TLS = nil
			return dial(parent, cfg, h, false)
		}
		if parent.Err() != nil {
			return nil, fmt.Errorf("no answer from %s: %w", h.Addr(), parent.Err())
		}
		return nil, Cause(err)
	}
	_ = out.raw.SetDeadline(time.Time{})
	out.c = c
	return out, nil
}

// Host is the server of the connection.
func (c *Conn) Host() Host { return c.host }

// Abort ends whatever the connection does, from any goroutine; every later call fails.
func (c *Conn) Abort() { c.once.Do(func() { _ = c.raw.Close() }) }

// Close says goodbye and closes.
func (c *Conn) Close() {
	_ = c.raw.SetDeadline(time.Now().Add(time.Second))
	_ = c.c.Quit()
	c.Abort()
}

// TLS is what the connection is encrypted with; nil: it is not.
func (c *Conn) TLS() *tls.Config { return c.tls }

// Version is the server's version as it greets.
func (c *Conn) Version() string { return c.c.GetServerVersion() }

// Exec runs a statement. ctx ends it by closing the connection, and so does the query timeout.
func (c *Conn) Exec(ctx context.Context, query string) error {
	_, err := c.run(ctx, query)
	return err
}

func (c *Conn) run(ctx context.Context, query string) (*mysql.Result, error) {
	defer context.AfterFunc(ctx, c.Abort)()
	if c.timeout > 0 {
		_ = c.raw.SetDeadline(time.Now().Add(c.timeout))
		defer func() { _ = c.raw.SetDeadline(time.Time{}) }()
	}
	r, err := c.c.Execute(query)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("running %q: %w", short(query), Cause(err))
	}
	return r, nil
}

// Rows runs a query and returns its rows as texts; null is the empty text.
func (c *Conn) Rows(ctx context.Context, query string) ([][]string, error) {
	r, err := c.run(ctx, query)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Resultset == nil {
		return nil, nil
	}
	out := make([][]string, r.RowNumber())
	for i := range out {
		row := make([]string, r.ColumnNumber())
		for j := range row {
			v, err := r.GetString(i, j)
			if err != nil {
				return nil, fmt.Errorf("reading the answer to %q: %w", short(query), err)
			}
			row[j] = strings.Clone(v) // the client uses its buffers again
		}
		out[i] = row
	}
	return out, nil
}

// Row is Rows for queries of one row; nil if there is none.
func (c *Conn) Row(ctx context.Context, query string) ([]string, error) {
	rows, err := c.Rows(ctx, query)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// Stream runs a SELECT and calls f for each row; the values are only valid during f. No time limit applies but ctx.
func (c *Conn) Stream(ctx context.Context, query string, f func(row []mysql.FieldValue) error) error {
	defer context.AfterFunc(ctx, c.Abort)()
	var r mysql.Result
	var failed error
	err := c.c.ExecuteSelectStreaming(query, &r, func(row []mysql.FieldValue) error {
		failed = f(row)
		return failed
	}, nil)
	switch {
	case failed != nil:
		return failed
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("running %q: %w", short(query), Cause(err))
	}
}

// denied is an error of the server that is fs.ErrPermission as well, which the runtime takes for what it is.
type denied struct{ error }

func (d denied) Unwrap() error      { return d.error }
func (denied) Is(target error) bool { return target == fs.ErrPermission }

// Cause drops the stack traces pingcap/errors wraps around an error. Missing privileges become fs.ErrPermission.
func Cause(err error) error {
	for {
		c, ok := err.(interface{ Cause() error })
		if !ok || c.Cause() == nil {
			switch Code(err) {
			case CodeAccessDenied, CodeDBAccessDenied, CodeTableAccessDenied, CodeSpecificPrivilege:
				return denied{err}
			}
			return err
		}
		err = c.Cause()
	}
}

// Message is the server's own text of an error, without code and SQL state, as the JDBC driver shows it.
func Message(err error) string {
	var e *mysql.MyError
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// Code is the server's error number, 0 if err is none of the server's.
func Code(err error) uint16 {
	var e *mysql.MyError
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// Error numbers this project decides by.
const (
	CodeAccessDenied       = 1045
	CodeDBAccessDenied     = 1044
	CodeTableAccessDenied  = 1142
	CodeNoSuchTable        = 1146
	CodeBadField           = 1054
	CodeLockWaitTimeout    = 1205
	CodeSpecificPrivilege  = 1227
	CodeFatalReadingBinlog = 1236
	CodeSameReplicaID      = 4052 // MariaDB; MySQL says it in the text of CodeFatalReadingBinlog
	CodeTableDefChanged    = 1412
)

// ErrBehind tells of a replica that does not have yet what was read from another server. Wrapped.
var ErrBehind = errors.New("the replica is behind")

// Unreachable tells whether err passes by itself: the server is away, shutting down, out of connections, or behind.
func Unreachable(err error) bool {
	if errors.Is(err, ErrBehind) {
		return true
	}
	switch Code(err) {
	case 1040, 1041, 1053, 1077, 1079, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 3169, 4031:
		return true
	case 0:
	default:
		return false
	}
	var ne net.Error
	return errors.As(err, &ne) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, mysql.ErrBadConn) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "connection was bad") ||
		strings.Contains(err.Error(), "readInitialHandshake") || strings.Contains(err.Error(), "invalid sequence")
}

func short(q string) string {
	if len(q) > 200 {
		return q[:200] + "…"
	}
	return q
}
