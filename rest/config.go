package rest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/connectd/connectd/runtime/cluster"
)

// Config is what a Server is made of. Only Listeners is needed.
type Config struct {
	// Listeners are where to listen (listeners).
	Listeners []Listener
	// AdminListeners are where /admin is, and nothing else (admin.listeners). None: on Listeners, unless AdminOff.
	AdminListeners []Listener
	AdminOff       bool
	// TLS and AdminTLS are for https listeners.
	TLS, AdminTLS *tls.Config

	// AllowOrigin lists the origins browsers may call from, separated by commas: regular expressions for the whole origin, in any case,
	// or * for all (access.control.allow.origin); empty turns CORS off. AllowMethods lists methods, empty for GET,POST,HEAD.
	AllowOrigin, AllowMethods string
	// ResponseHeaders are added to every answer (response.http.headers.config), but not on AdminListeners.
	ResponseHeaders []HeaderRule

	// Metrics answers GET /metrics; nil: 404.
	Metrics http.Handler
	Log     *slog.Logger
	// Timeout is how long an operation may take, and how long another worker may take for one that was forwarded; 0 for 90 s.
	Timeout time.Duration
	// ShutdownTimeout is how long requests may go on after the end; 0 for 10 s.
	ShutdownTimeout time.Duration
	// MaxBody is the size of the largest request body in bytes; 0 for 16 MiB.
	MaxBody int64
	// Version and Commit are shown at /.
	Version, Commit string

	// Client forwards requests; nil for NewClient(nil).
	Client *http.Client
	// Verifier tells how requests between workers are verified (KIP-507). It is called for each and must be safe for concurrent use.
	// current is nil while no key was read; previous may be nil; algorithms are those of inter.worker.verification.algorithms. A nil
	// Verifier refuses such requests.
	Verifier func() (current, previous *cluster.SessionKey, algorithms []string)
	// Unsigned tells that workers do not sign their requests: the group protocol is not sessioned. Nil for never.
	Unsigned func() bool

	// TopicTrackingOff and TopicResetOff are the opposites of topic.tracking.enable and topic.tracking.allow.reset.
	TopicTrackingOff, TopicResetOff bool
}

// Listener is one address to listen on.
type Listener struct {
	Scheme string // http or https
	Host   string // "" for all interfaces
	Port   int    // 0 for any free port
}

// HeaderRule is one entry of response.http.headers.config.
type HeaderRule struct {
	Action string // set, add, setDate or addDate
	Name   string
	Value  string // for dates: milliseconds from the request on
}

func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Timeout <= 0 {
		c.Timeout = 90 * time.Second
	}
	if c.ShutdownTimeout <= 0 {
		c.ShutdownTimeout = 10 * time.Second
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 16 << 20
	}
	if c.Client == nil {
		c.Client = NewClient(nil)
	}
	return c
}

func (c Config) check() error {
	var errs []error
	if len(c.Listeners) == 0 {
		errs = append(errs, errors.New("listeners: at least one is needed, such as http://:8083"))
	}
	checkAll := func(key string, ls []Listener, t *tls.Config) {
		for _, l := range ls {
			switch {
			case l.Scheme != "http" && l.Scheme != "https":
				errs = append(errs, fmt.Errorf("%s: protocol %q must be http or https", key, l.Scheme))
			case l.Scheme == "https" && t == nil:
				errs = append(errs, fmt.Errorf("%s: https://%s needs a certificate: set ssl.keystore.location", key, l.addr()))
			}
		}
	}
	checkAll("listeners", c.Listeners, c.TLS)
	checkAll("admin.listeners", c.AdminListeners, c.AdminTLS)
	for _, h := range c.ResponseHeaders {
		switch h.Action {
		case "set", "add":
		case "setDate", "addDate":
			if _, err := strconv.ParseInt(h.Value, 10, 64); err != nil {
				errs = append(errs, fmt.Errorf("response.http.headers.config: the value of %s %s must be milliseconds, not %q", h.Action, h.Name, h.Value))
			}
		default:
			errs = append(errs, fmt.Errorf("response.http.headers.config: unknown action %q", h.Action))
		}
	}
	return errors.Join(errs...)
}

func (l Listener) addr() string {
	return net.JoinHostPort(strings.Trim(l.Host, "[]"), strconv.Itoa(l.Port))
}
