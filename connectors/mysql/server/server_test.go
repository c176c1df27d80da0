package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/connectd/connectd/connect/config"
)

func TestSplitStatements(t *testing.T) {
	for in, want := range map[string][]string{
		"":                                nil,
		" ; ":                             nil,
		"SET a = 1":                       {"SET a = 1"},
		"SET a = 1; SET b = 2;":           {"SET a = 1", "SET b = 2"},
		"SELECT ';;' ; SET sql_mode = ''": {"SELECT ';'", "SET sql_mode = ''"},
	} {
		if got := splitStatements(in); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestUnreachable(t *testing.T) {
	for _, x := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("dialing: %w", &net.OpError{Op: "dial", Err: context.DeadlineExceeded}), true},
		{fmt.Errorf("x: %w", mysql.ErrBadConn), true},
		{mysql.NewError(1053, "Server shutdown in progress"), true},
		{mysql.NewError(1040, "Too many connections"), true},
		{mysql.NewError(CodeAccessDenied, "Access denied"), false},
		{mysql.NewError(CodeFatalReadingBinlog, "purged"), false},
		{context.Canceled, false},
	} {
		if got := Unreachable(x.err); got != x.want {
			t.Errorf("%v: %v, want %v", x.err, got, x.want)
		}
	}
}

// TestDialSilent wants a server that accepts and says nothing to end in an error by the deadline, without the password in it.
func TestDialSilent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	port := ln.Addr().(*net.TCPAddr).Port
	_, err = Dial(t.Context(), Config{Hosts: []Host{{"127.0.0.1", uint16(port)}}, User: "u", Password: config.NewSecret("geheim"),
		ConnectTimeout: 100 * time.Millisecond})
	if err == nil || !Unreachable(err) || strings.Contains(err.Error(), "geheim") {
		t.Errorf("error %v", err)
	}
}

// TestDialCanceled wants the end of the context to end a handshake.
func TestDialCanceled(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if c, err := ln.Accept(); err == nil {
			cancel()
			_, _ = c.Read(make([]byte, 1)) // until the client is gone
			_ = c.Close()
		}
	}()
	port := ln.Addr().(*net.TCPAddr).Port
	_, err = Dial(ctx, Config{Hosts: []Host{{"127.0.0.1", uint16(port)}}, User: "u", ConnectTimeout: time.Minute})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestHosts(t *testing.T) {
	for in, want := range map[string]string{
		"db": "db:3306", "db1, db2:3307": "db1:3306,db2:3307", "::1": "[::1]:3306", "[::1]:3308,10.0.0.1": "[::1]:3308,10.0.0.1:3306",
	} {
		hosts, err := hostsOf(in, 3306)
		if got := (Config{Hosts: hosts}).Addr(); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"a,,b", "a:99999", "a:x,b"} {
		if _, err := hostsOf(in, 1); err == nil || !strings.HasPrefix(err.Error(), "database.hostname: ") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestQuote(t *testing.T) {
	if got := Quote(`a'b\c`); got != `'a''b\\c'` {
		t.Error(got)
	}
	if got := Backtick("a`b"); got != "`a``b`" {
		t.Error(got)
	}
}

func TestTLSModes(t *testing.T) {
	for mode, want := range map[string]struct{ tls, optional, insecure bool }{
		"disabled":        {},
		"preferred":       {tls: true, optional: true, insecure: true},
		"required":        {tls: true, insecure: true},
		"verify_ca":       {tls: true, insecure: true},
		"verify_identity": {tls: true},
	} {
		c, optional := tlsFor(mode)
		if (c != nil) != want.tls || optional != want.optional || c != nil && c.InsecureSkipVerify != want.insecure {
			t.Errorf("%s: %+v, optional %v", mode, c, optional)
		}
		if mode == "verify_ca" && c.VerifyConnection == nil {
			t.Error("verify_ca does not verify")
		}
	}
}
