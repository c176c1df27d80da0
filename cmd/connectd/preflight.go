package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/kafka"
	"github.com/connectd/connectd/runtime/plugin"
	"github.com/connectd/connectd/runtime/secrets"
	"github.com/connectd/connectd/runtime/workerconfig"
)

// groundwork is what stands before a worker's config can be judged whole: the plugins, the config providers, and the config with what
// these put in. Nothing is started for it.
type groundwork struct {
	reg      *plugin.Registry
	resolver *secrets.Resolver
	written  config.Props // as the user wrote it
	props    config.Props // resolved: passwords too, never log them
	problems []*config.Error
	tls      restTLS // set by check
}

// lay makes the groundwork for a worker config. A provider that cannot be set up is a problem for check, like any other; the config is
// then judged as it is.
func lay(ctx context.Context, props config.Props) (*groundwork, error) {
	reg, err := plugins()
	if err != nil {
		return nil, err
	}
	g := &groundwork{reg: reg, written: props, props: props}
	if g.resolver, err = secrets.New(ctx, secrets.Config{Providers: &reg.ConfigProviders, Worker: props}); err != nil {
		g.problem("config.providers", props["config.providers"], err.Error())
		return g, nil
	}
	resolved, unresolved := g.resolver.ResolveProps(ctx, props)
	if unresolved != nil {
		g.problem("config.providers", props["config.providers"], "resolving the worker config: "+unresolved.Error())
		return g, nil //nolint:nilerr // it is among the problems
	}
	g.props = resolved
	return g, nil
}

func (g *groundwork) problem(key, value, message string) {
	g.problems = append(g.problems, &config.Error{Key: key, Value: value, Message: message})
}

// check adds what the rest of the program knows to what loading the config has found: converters and the keys of Kafka's clients. The
// error is a *workerconfig.Problems with all of it. Without one, warnings go to the log.
func (g *groundwork) check(loaded error, w workerconfig.Worker, log *slog.Logger) error {
	if loaded != nil {
		p, ok := workerconfig.IsProblems(loaded)
		if !ok {
			return loaded
		}
		g.problems = append(slices.Clone(p.Errors), g.problems...)
	}
	checkConverter(g, &g.reg.Converters, "key.converter", w.KeyConverter)
	checkConverter(g, &g.reg.Converters, "value.converter", w.ValueConverter)
	checkConverter(g, &g.reg.HeaderConverters, "header.converter", w.HeaderConverter)
	g.checkTLS(w.REST, log)
	problems, warnings := (&kafka.Clients{Worker: g.props}).Check()
	for _, p := range problems {
		// A key of the worker's own has been judged already.
		if !slices.ContainsFunc(g.problems, func(o *config.Error) bool { return o.Key == p.Key }) {
			g.problems = append(g.problems, p)
		}
	}
	for _, text := range append(slices.Clone(w.Warnings), warnings...) {
		log.Warn("configuration of the worker", "warning", text)
	}
	if len(g.problems) > 0 {
		return &workerconfig.Problems{Errors: g.hide()}
	}
	return nil
}

// hide takes out of the problems what config providers have put into the config: it may be secret.
func (g *groundwork) hide() []*config.Error {
	out := make([]*config.Error, len(g.problems))
	for i, p := range g.problems {
		e := *p
		if v := g.props[p.Key]; v != "" && v != g.written[p.Key] {
			e.Value, e.Message = g.written[p.Key], strings.ReplaceAll(p.Message, v, g.written[p.Key])
		}
		out[i] = &e
	}
	return out
}

// checkConverter finds the class and parses its keys.
func checkConverter[T any](g *groundwork, set *plugin.Set[T], key string, c workerconfig.Converter) {
	if c.Class == "" {
		return // missing: said already
	}
	p, err := set.Lookup(c.Class, c.Version)
	if err != nil {
		at := key
		if missing, ok := errors.AsType[*plugin.NotFound](err); !ok || missing.Range != "" {
			at += ".plugin.version"
		}
		g.problem(at, g.props[at], err.Error())
		return
	}
	props := c.Props.Clone()
	props["converter.type"], _, _ = strings.Cut(key, ".") // as the worker tells it
	if _, err := pluginDef(p, props).Parse(props); err != nil {
		for _, e := range config.Errors(err) {
			g.problem(key+"."+e.Key, e.Value, strings.ReplaceAll(e.Message, "configuration "+e.Key, "configuration "+key+"."+e.Key))
		}
	}
}

func pluginDef[T any](p connect.Plugin[T], props config.Props) *config.Def {
	def := p.Config
	if p.ConfigFor != nil {
		def = p.ConfigFor(props)
	}
	if def == nil {
		return config.NewDef()
	}
	return def
}

// distributedConfig loads and judges the config of a worker in a group. The error is the user's.
func distributedConfig(ctx context.Context, props config.Props, log *slog.Logger) (workerconfig.Distributed, *groundwork, error) {
	g, err := lay(ctx, props)
	if err != nil {
		return workerconfig.Distributed{}, nil, err
	}
	cfg, err := workerconfig.LoadDistributed(g.props)
	if err := g.check(err, cfg.Worker, log); err != nil {
		return cfg, nil, &usageError{fmt.Errorf("the worker config is not valid: %w", err)}
	}
	return cfg, g, nil
}

// standaloneConfig is the same for a worker alone.
func standaloneConfig(ctx context.Context, props config.Props, log *slog.Logger) (workerconfig.Standalone, *groundwork, error) {
	g, err := lay(ctx, props)
	if err != nil {
		return workerconfig.Standalone{}, nil, err
	}
	cfg, err := workerconfig.LoadStandalone(g.props)
	if err := g.check(err, cfg.Worker, log); err != nil {
		return cfg, nil, &usageError{fmt.Errorf("the worker config is not valid: %w", err)}
	}
	return cfg, g, nil
}
