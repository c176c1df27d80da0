package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/internal/keystore"
	"github.com/connectd/connectd/runtime/workerconfig"
)

// restTLS are the TLS configs of REST: of https listeners, of https admin listeners, and of requests to other workers. Any may be nil.
type restTLS struct{ server, admin, client *tls.Config }

// checkTLS makes them of listeners.https.ssl.*, admin.listeners.https.ssl.* or ssl.*, and records what is wrong. Keys that no listener
// needs are wrong without consequence: ssl.* may be for Kafka's clients alone, which judge them by themselves.
func (g *groundwork) checkTLS(r workerconfig.REST, log *slog.Logger) {
	const prefix, adminPrefix = "listeners.https.", "admin.listeners.https."
	renewed := func(err error) {
		if err != nil {
			log.Warn("the key store of https listeners has changed and cannot be read; the certificate before is used on", "error", err)
		} else {
			log.Info("the key store of https listeners has changed and was read again")
		}
	}
	name := g.prefixUsed(prefix)
	main := keystore.Settings{Props: g.resolve(r.TLS), Renewed: renewed}
	if hasHTTPS(r.Listeners) {
		g.tls.server = g.tlsOf(name, log, main.Server)
	}
	if hasHTTPS(r.Admin) {
		adminName := g.prefixUsed(adminPrefix)
		if adminName == "" {
			adminName = name
		}
		g.tls.admin = g.tlsOf(adminName, log, keystore.Settings{Props: g.resolve(r.AdminTLS), Renewed: renewed}.Server)
	}
	if hasHTTPS(r.Listeners) || strings.EqualFold(r.AdvertisedListener, "https") {
		g.tls.client = g.tlsOf(name, log, main.Client)
	} else if c, _, err := main.Client(); err == nil {
		g.tls.client = c // other workers may have https listeners
	}
}

func hasHTTPS(ls []workerconfig.Listener) bool {
	for _, l := range ls {
		if l.Scheme == "https" {
			return true
		}
	}
	return false
}

// prefixUsed is the prefix if a key has it, else none: workerconfig takes all keys with the prefix or none.
func (g *groundwork) prefixUsed(prefix string) string {
	if len(g.written.WithPrefix(prefix)) > 0 {
		return prefix
	}
	return ""
}

func (g *groundwork) resolve(p config.Props) config.Props {
	if g.resolver != nil {
		if resolved, err := g.resolver.ResolveProps(context.Background(), p); err == nil { // the whole config was resolved before
			return resolved
		}
	}
	return p
}

func (g *groundwork) tlsOf(prefix string, log *slog.Logger, build func() (*tls.Config, []keystore.Problem, error)) *tls.Config {
	c, warnings, err := build()
	for _, w := range warnings {
		log.Warn("configuration of the worker", "warning", prefix+w.Error())
	}
	g.tlsProblems(prefix, err)
	return c
}

func (g *groundwork) tlsProblems(prefix string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			g.tlsProblems(prefix, e)
		}
		return
	}
	p, ok := errors.AsType[*keystore.Problem](err)
	if !ok {
		return
	}
	for _, known := range g.problems { // server and client read the same stores
		if known.Key == prefix+p.Key && known.Message == prefix+p.Error() {
			return
		}
	}
	g.problem(prefix+p.Key, "", prefix+p.Error())
}
