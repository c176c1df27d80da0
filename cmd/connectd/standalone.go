package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/rest"
	"github.com/connectd/connectd/runtime/cluster"
	"github.com/connectd/connectd/runtime/herder"
	"github.com/connectd/connectd/runtime/herder/core"
	"github.com/connectd/connectd/runtime/store"
	"github.com/connectd/connectd/runtime/workerconfig"
)

// standalone runs one worker without a group: connectd standalone worker.properties connector.properties|json…
func standalone(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("standalone", flag.ContinueOnError)
	if err := fs.Parse(args); err != nil {
		return &usageError{err}
	}
	if fs.NArg() < 1 {
		return &usageError{errors.New("standalone takes a file of worker properties and any number of connector files")}
	}
	log, levels, err := newLog()
	if err != nil {
		return err
	}
	props, err := workerconfig.ReadFile(fs.Arg(0))
	if err != nil {
		return &usageError{err}
	}
	cfg, ground, err := standaloneConfig(ctx, workerconfig.Overlay(props, os.Environ()), log)
	if err != nil {
		return err
	}
	var initial []config.Props
	for _, f := range fs.Args()[1:] {
		c, err := connectorFile(f)
		if err != nil {
			return &usageError{err}
		}
		initial = append(initial, c)
	}
	p, err := open(ground, cfg.Worker, cfg.Connectors(), log, levels)
	if err != nil {
		return err
	}
	offsets, err := store.NewMemoryOffsets(cfg.OffsetFile)
	if err != nil {
		return &usageError{err}
	}
	p.config, p.status, p.offsets = store.NewMemoryConfig(log), store.NewMemoryStatus(log), offsets
	p.core, p.sync, p.initial = core.Config{}, opTimeout, initial
	p.group = func(p *process) (membership, error) { return herder.NewSolo(p.advertise, p.config.Snapshot), nil }
	p.peers = rest.NewPeers(rest.PeersConfig{Client: rest.NewClient(p.tls.client)})
	p.newKey = func() (*cluster.SessionKey, error) { return nil, errors.New("standalone workers have no session keys") }
	return p.serve(ctx)
}

// connectorFile reads a connector's config: properties, a JSON object of keys, or a JSON body as POST /connectors takes it (KIP-1040).
func connectorFile(path string) (config.Props, error) {
	if !strings.HasSuffix(path, ".json") {
		return workerconfig.ReadFile(path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading connector file: %w", err)
	}
	var body struct {
		Name   string
		Config config.Props
	}
	if json.Unmarshal(b, &body) == nil && body.Config != nil {
		if body.Name != "" {
			body.Config["name"] = body.Name
		}
		return body.Config, nil
	}
	var props config.Props
	if err := json.Unmarshal(b, &props); err != nil {
		return nil, fmt.Errorf("reading connector file %s: neither {\"name\":…,\"config\":{…}} nor an object of texts: %w", path, err)
	}
	return props, nil
}

// createInitial puts the connectors of the command line, once.
func (p *process) createInitial(ctx context.Context) error {
	if len(p.initial) == 0 {
		return nil
	}
	select {
	case <-p.herder.Ready():
	case <-ctx.Done():
		return nil
	}
	for _, c := range p.initial {
		if _, err := p.herder.Do(ctx, core.PutConfig{Name: c["name"], Props: c}); err != nil {
			p.log.Error("creating a connector of the command line failed", "connector", c["name"], "error", err)
		}
	}
	return nil
}
