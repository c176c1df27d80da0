package main

import (
	"errors"
	"fmt"
	"sync"

	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/workerconfig"
)

// listen binds the REST listeners, so that the address to advertise is known.
func (p *process) listen() (*rest.Server, error) {
	cfg := rest.Config{
		AdminOff: p.cfg.REST.AdminOff, AllowOrigin: p.cfg.REST.AllowOrigin, AllowMethods: p.cfg.REST.AllowMethods,
		Metrics: p.metrics.Handler(), Log: p.log, Timeout: opTimeout, Version: apiVersion, Commit: version,
		Verifier: p.verifier(), Unsigned: func() bool { return p.core.SessionKeyTTL == 0 },
		TopicTrackingOff: !p.cfg.TopicTracking, TopicResetOff: !p.cfg.TopicTrackingAllowReset,
	}
	var err error
	if cfg.Listeners, err = listeners(p.cfg.REST.Listeners); err != nil {
		return nil, &usageError{fmt.Errorf("listeners: %w", err)}
	}
	if cfg.AdminListeners, err = listeners(p.cfg.REST.Admin); err != nil {
		return nil, &usageError{fmt.Errorf("admin.listeners: %w", err)}
	}
	for _, h := range p.cfg.REST.ResponseHeaders {
		cfg.ResponseHeaders = append(cfg.ResponseHeaders, rest.HeaderRule(h))
	}
	srv, err := rest.New(cfg)
	if err != nil {
		return nil, &usageError{err}
	}
	bound, err := srv.Listen()
	if err != nil {
		return nil, err
	}
	p.advertise, p.workerID = advertised(p.cfg.REST, bound)
	p.core.WorkerID = p.workerID
	return srv, nil
}

func listeners(in []workerconfig.Listener) (out []rest.Listener, err error) {
	for _, l := range in {
		if l.Scheme != "http" {
			return nil, errors.New("https is not supported yet; use http, and TLS in front of it")
		}
		out = append(out, rest.Listener(l))
	}
	return out, nil
}

// verifier gives the keys that internal requests may be signed with: the newest, and the one before it, which another worker may
// still use until it has read the new one (KIP-507).
func (p *process) verifier() func() (current, previous *cluster.SessionKey, algorithms []string) {
	var mu sync.Mutex
	var current, previous *cluster.SessionKey
	return func() (*cluster.SessionKey, *cluster.SessionKey, []string) {
		mu.Lock()
		defer mu.Unlock()
		if k := p.config.Snapshot().SessionKey; k != nil && (current == nil || k.Created != current.Created) {
			current, previous = k, current
		}
		return current, previous, p.verify
	}
}
