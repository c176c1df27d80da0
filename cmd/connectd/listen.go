package main

import (
	"sync"

	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/runtime/cluster"
)

// listen binds the REST listeners, so that the address to advertise is known.
func (p *process) listen() (*rest.Server, error) {
	cfg := rest.Config{
		AdminOff: p.cfg.REST.AdminOff, AllowOrigin: p.cfg.REST.AllowOrigin, AllowMethods: p.cfg.REST.AllowMethods,
		Metrics: p.metrics.Handler(), Log: p.log, Timeout: opTimeout, Version: apiVersion, Commit: version,
		Verifier: p.verifier(), Unsigned: p.unsigned,
		TLS: p.tls.server, AdminTLS: p.tls.admin, Client: rest.NewClient(p.tls.client),
		TopicTrackingOff: !p.cfg.TopicTracking, TopicResetOff: !p.cfg.TopicTrackingAllowReset,
	}
	for _, l := range p.cfg.REST.Listeners {
		cfg.Listeners = append(cfg.Listeners, rest.Listener(l))
	}
	for _, l := range p.cfg.REST.Admin {
		cfg.AdminListeners = append(cfg.AdminListeners, rest.Listener(l))
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

// unsigned tells that workers do not sign requests to each other: connect.protocol is not sessioned, here or for another worker of the
// group, on which the group has agreed (DistributedHerder.internalRequestValidationEnabled).
func (p *process) unsigned() bool {
	m := p.herder.Member()
	return p.core.SessionKeyTTL == 0 || m.Joined && !m.Sessioned
}
