package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest/api"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/connectorconfig"
)

const (
	// learnWait is for how long a round waits for what new members can run: longer than any of them takes that answers at all, and too short
	// for one that does not to be felt.
	learnWait = 2 * time.Second
	// learnTries is how often a member is asked before the next round: one that has just come may not answer yet, and one may refuse for
	// good. The round waits for the first of them.
	learnTries, learnFirst = 10, 3
	learnPause             = 50 * time.Millisecond // before the second try; it doubles
)

// abilities are what the leader knows of the connector plugins of its members: in a group with Kafka Connect workers, and while an upgrade
// rolls, not all have the same. Each member is asked once, by its id, which changes with a restart. A member that has not answered (yet)
// counts as one that can run everything, so that nothing waits for it.
type abilities struct {
	// ask lists the connector plugins of the worker at a URL.
	ask func(ctx context.Context, url string) ([]api.PluginInfo, error)
	// late is called when a member has answered after the round it was asked for. It must not block.
	late func()
	log  *slog.Logger

	mu      sync.Mutex
	members map[string]*ability
	asking  sync.WaitGroup
	closed  bool
}

// ability is that of one member.
type ability struct {
	url   string
	kinds map[string]string // source or sink, by each name that the class goes by; nil: not known
	tried chan struct{}     // closed after the first tries
	stop  context.CancelFunc
	ended bool // no more tries
}

// learn asks those members that are new and forgets those that are gone. What it returns waits a little for the answers.
func (a *abilities) learn(ctx context.Context, members []cluster.Member) (wait func()) {
	ctx, cancel := context.WithTimeout(ctx, learnWait)
	asked := a.begin(ctx, members)
	return func() {
		defer cancel()
		for _, m := range asked {
			select {
			case <-m.tried:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (a *abilities) begin(ctx context.Context, members []cluster.Member) (asked []*ability) {
	a.mu.Lock()
	defer a.mu.Unlock()
	here := make(map[string]*ability, len(members))
	for _, m := range members {
		known := a.members[m.ID]
		if known == nil || known.url != m.URL || known.kinds == nil && known.ended {
			if a.closed {
				continue
			}
			if known != nil {
				known.stop()
			}
			life, stop := context.WithCancel(context.WithoutCancel(ctx))
			known = &ability{url: m.URL, tried: make(chan struct{}), stop: stop}
			a.asking.Go(func() { a.find(life, m.ID, known) })
			asked = append(asked, known)
		}
		here[m.ID] = known
	}
	for id, gone := range a.members {
		if here[id] != gone {
			gone.stop()
		}
	}
	a.members = here
	return asked
}

// find asks a member until it answers.
func (a *abilities) find(ctx context.Context, id string, m *ability) {
	began := time.Now()
	defer func() {
		a.mu.Lock()
		m.ended = true
		a.mu.Unlock()
		m.stop()
	}()
	for n := range learnTries {
		plugins, err := a.ask(ctx, m.url)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			a.mu.Lock()
			m.kinds = names(plugins)
			a.mu.Unlock()
		}
		if n == learnFirst-1 || err == nil && n < learnFirst {
			close(m.tried)
		}
		if err == nil {
			if n >= learnFirst || time.Since(began) >= learnWait {
				a.late()
			}
			return
		}
		a.log.Debug("the plugins of a member are not known", "member", id, "worker", m.url, "error", err, "attempt", n+1)
		select {
		case <-time.After(learnPause << n):
		case <-ctx.Done():
			return
		}
	}
	a.log.Warn("a member does not tell its plugins: it is given connectors that it may not be able to run", "member", id, "worker", m.url)
}

// names lists all that a connector class may be called by in a config: its name, the name without the package, and that without
// "Connector" at its end (org.apache.kafka.connect.runtime.isolation.PluginUtils).
func names(plugins []api.PluginInfo) map[string]string {
	kinds := map[string]string{}
	for _, p := range plugins {
		simple := p.Class[strings.LastIndexAny(p.Class, ".$")+1:]
		for _, n := range []string{p.Class, simple, strings.TrimSuffix(simple, "Connector")} {
			kinds[strings.ToLower(n)] = p.Type
		}
	}
	return kinds
}

// can tells who can run a connector of a class.
func (a *abilities) can(member, class string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.members[member]
	if m == nil || m.kinds == nil || class == "" || strings.Contains(class, "${") {
		return true
	}
	return m.kinds[key(class)] != ""
}

// who finds members that are known to have a class, and whether it is a source or a sink: their URLs, sorted.
func (a *abilities) who(class string) (urls []string, kind string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.members {
		if k := m.kinds[key(class)]; k != "" {
			urls, kind = append(urls, m.url), k
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls), kind
}

func key(class string) string { return strings.ToLower(strings.TrimSpace(class)) }

// close ends all asking.
func (a *abilities) close() {
	a.mu.Lock()
	a.closed = true
	for _, m := range a.members {
		m.stop()
	}
	a.mu.Unlock()
	a.asking.Wait()
}

// elsewhere finds members of the group that have a connector class which this worker lacks, and its kind; only a leader knows.
func (p *process) elsewhere(class string) (urls []string, kind string) {
	if p.lead == nil || p.lead.able == nil || class == "" {
		return nil, ""
	}
	return p.lead.able.who(class)
}

// refuseElsewhere answers with the errors that a worker finds in a config which this one cannot judge.
func (p *process) refuseElsewhere(ctx context.Context, urls []string, class string, props config.Props) error {
	var failed error
	for _, url := range urls {
		infos, err := p.peers.Validate(ctx, url, class, props)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		res := connectorconfig.Result{Name: infos.Name, ErrorCount: infos.ErrorCount}
		for _, c := range infos.Configs {
			res.Configs = append(res.Configs, config.KeyResult{Errors: c.Value.Errors})
		}
		if m := res.Error(); m != "" {
			return &cluster.BadRequest{Message: m}
		}
		return nil
	}
	return failed
}
