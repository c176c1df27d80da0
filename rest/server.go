package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	headerTimeout = 10 * time.Second // for the headers of a request
	bodyTimeout   = 60 * time.Second // for all of a request
	idleTimeout   = 60 * time.Second // between two requests of a connection
	maxHeader     = 32 << 10
)

// Server is the REST server of a worker. New, Listen, Run; Serve at any time. Its methods are safe for concurrent use.
type Server struct {
	cfg    Config
	log    *slog.Logger
	cors   *cors
	herder atomic.Pointer[Herder]

	mu    sync.Mutex
	main  []net.Listener
	admin []net.Listener
	bound bool
}

// New checks the config; it binds nothing.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configuring the REST server: %w", err)
	}
	origins, err := newCORS(cfg.AllowOrigin, cfg.AllowMethods)
	if err != nil {
		return nil, fmt.Errorf("configuring the REST server: %w", err)
	}
	cfg = cfg.withDefaults()
	return &Server{cfg: cfg, log: cfg.Log, cors: origins}, nil
}

// Serve hands requests to h from now on. Before, only /, /health, /health/live and /metrics answer; the others are 503.
func (s *Server) Serve(h Herder) { s.herder.Store(&h) }

// Listen binds all listeners and returns the addresses of Config.Listeners, in their order. Connections wait until Run. On an error
// nothing is left bound.
func (s *Server) Listen() ([]net.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bound {
		return nil, errors.New("the REST server listens already")
	}
	var err error
	if s.main, err = bind("listeners", s.cfg.Listeners, s.cfg.TLS); err != nil {
		return nil, err
	}
	if s.admin, err = bind("admin.listeners", s.cfg.AdminListeners, s.cfg.AdminTLS); err != nil {
		closeAll(s.main)
		return nil, err
	}
	s.bound = true
	return addrs(s.main), nil
}

// AdminAddrs are the addresses of Config.AdminListeners after Listen.
func (s *Server) AdminAddrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return addrs(s.admin)
}

func addrs(ls []net.Listener) []net.Addr {
	out := make([]net.Addr, len(ls))
	for i, l := range ls {
		out[i] = l.Addr()
	}
	return out
}

func bind(key string, ls []Listener, t *tls.Config) ([]net.Listener, error) {
	var out []net.Listener
	for _, l := range ls {
		n, err := net.Listen("tcp", l.addr()) //nolint:noctx // binding does not wait
		if err != nil {
			closeAll(out)
			return nil, fmt.Errorf("binding %s://%s of %s: %w", l.Scheme, l.addr(), key, err)
		}
		if l.Scheme == "https" {
			t := t.Clone()
			t.NextProtos = []string{"http/1.1"}
			n = tls.NewListener(n, t)
		}
		out = append(out, n)
	}
	return out, nil
}

func closeAll(ls []net.Listener) {
	for _, l := range ls {
		_ = l.Close()
	}
}

// Run serves until ctx is done, then lets the requests that are being answered end, for Config.ShutdownTimeout at most. It calls Listen
// if nobody did. Another error than of ctx is the error of a listener. Run may be called once.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	bound := s.bound
	s.mu.Unlock()
	if !bound {
		if _, err := s.Listen(); err != nil {
			return err
		}
	}
	requests, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	s.mu.Lock()
	main, admin := s.main, s.admin
	s.mu.Unlock()
	servers := []*http.Server{s.httpServer(requests, s.Handler()), s.httpServer(requests, s.AdminHandler())}
	failed := make(chan error, len(main)+len(admin))
	var running sync.WaitGroup
	for i, ls := range [][]net.Listener{main, admin} {
		for _, l := range ls {
			running.Go(func() {
				if err := servers[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
					failed <- fmt.Errorf("serving REST on %s: %w", l.Addr(), err)
				}
			})
		}
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.shutdown(servers, abort)
	closeAll(main) // a server that never got to Serve does not know its listener
	closeAll(admin)
	running.Wait()
	return err
}

func (s *Server) shutdown(servers []*http.Server, abort func()) {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	var all sync.WaitGroup
	for _, srv := range servers {
		all.Go(func() {
			if err := srv.Shutdown(ctx); err != nil {
				s.log.Warn("REST requests are cut off by the stop", "error", err)
				abort() // whoever waits for the herder stops waiting
				_ = srv.Close()
			}
		})
	}
	all.Wait()
}

func (s *Server) httpServer(requests context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		// The operation here, the same at another worker, and the time to send the answer.
		WriteTimeout: bodyTimeout + 2*s.cfg.Timeout + 30*time.Second,
		BaseContext:  func(net.Listener) context.Context { return requests },
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}
