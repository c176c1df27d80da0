package secrets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

// Config is what a Resolver is made of.
type Config struct {
	// Providers are the classes that config.providers.<name>.class may name. Required.
	Providers *plugin.Set[connect.ConfigProvider]
	// Worker holds config.providers, config.providers.<name>.class and config.providers.<name>.param.*; the rest is ignored.
	Worker config.Props
}

// Resolver replaces ${provider:path:key} and ${provider:key}. Safe for concurrent use when its providers are; the built-in ones are.
type Resolver struct {
	providers map[string]connect.ConfigProvider
}

// Resolution is a resolved config.
type Resolution struct {
	Props config.Props  // the caller's; never to be logged
	TTL   time.Duration // the shortest TTL of a value used; 0: none
	Keys  []string      // the keys whose value changed, sorted
}

// New configures the providers that the worker config names. Every problem is reported at once; nothing is left open on error.
// The error of an unknown class is a *plugin.NotFound behind the key.
func New(ctx context.Context, c Config) (*Resolver, error) {
	r := &Resolver{providers: map[string]connect.ConfigProvider{}}
	if c.Providers == nil {
		return nil, errors.New("making a secrets resolver: no providers given")
	}
	var errs []error
	for _, name := range strings.Split(c.Worker["config.providers"], ",") {
		name = strings.TrimSpace(name)
		if _, again := r.providers[name]; name == "" || again {
			continue
		}
		p, err := c.provider(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.providers[name] = p
		if err := ctx.Err(); err != nil {
			errs = append(errs, err)
			break
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (c Config) provider(name string) (p connect.ConfigProvider, err error) {
	prefix := "config.providers." + name + "."
	class, ok := c.Worker[prefix+"class"]
	if !ok {
		return nil, fmt.Errorf("config provider %s has no class: set %sclass", name, prefix)
	}
	found, err := c.Providers.Lookup(class, "")
	if err != nil {
		return nil, fmt.Errorf("%sclass: %w", prefix, err)
	}
	params := c.Worker.WithPrefix(prefix + "param.")
	values, err := parse(found, params)
	if err != nil {
		return nil, fmt.Errorf("configuring config provider %s: %w", name, err)
	}
	defer contain(&err, "configuring config provider "+name)
	p = found.New()
	if err := p.Configure(values); err != nil {
		return nil, fmt.Errorf("configuring config provider %s: %w", name, errors.Join(err, p.Close()))
	}
	return p, nil
}

func parse(p connect.Plugin[connect.ConfigProvider], props config.Props) (config.Values, error) {
	def := p.Config
	if p.ConfigFor != nil {
		def = p.ConfigFor(props)
	}
	if def == nil {
		def = config.NewDef()
	}
	return def.Parse(props)
}

// contain turns a panic of a provider into an error. The panic's text may hold a secret, so only its type is told.
func contain(err *error, doing string) {
	if x := recover(); x != nil {
		*err = fmt.Errorf("%s: it panicked with a %T", doing, x)
	}
}

// Resolve returns p with what the providers know put in. ctx bounds the look-ups. On error nothing is resolved; the error names
// provider and path, never a value.
func (r *Resolver) Resolve(ctx context.Context, p config.Props) (Resolution, error) {
	asked := r.collect(p)
	found := map[source]map[string]string{}
	res := Resolution{Props: make(config.Props, len(p))}
	for src, keys := range asked {
		slices.Sort(keys)
		got, err := r.get(ctx, src, slices.Compact(keys))
		if err != nil {
			return Resolution{}, fmt.Errorf("asking config provider %s for %q: %w", src.provider, src.path, err)
		}
		if got.TTL > 0 && (res.TTL == 0 || got.TTL < res.TTL) {
			res.TTL = got.TTL
		}
		found[src] = got.Data
	}
	for k, v := range p {
		out := replace(v, found)
		if out != v {
			res.Keys = append(res.Keys, k)
		}
		res.Props[k] = out
	}
	slices.Sort(res.Keys)
	return res, nil
}

// ResolveProps is Resolve for callers that want the props alone.
func (r *Resolver) ResolveProps(ctx context.Context, p config.Props) (config.Props, error) {
	res, err := r.Resolve(ctx, p)
	return res.Props, err
}

// Close closes the providers.
func (r *Resolver) Close() error {
	var errs []error
	for name, p := range r.providers {
		if err := closeProvider(name, p); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func closeProvider(name string, p connect.ConfigProvider) (err error) {
	defer contain(&err, "closing config provider "+name)
	if err := p.Close(); err != nil {
		return fmt.Errorf("closing config provider %s: %w", name, err)
	}
	return nil
}

type source struct{ provider, path string }

func (r *Resolver) collect(p config.Props) map[source][]string {
	asked := map[source][]string{}
	for _, v := range p {
		for rest := v; ; {
			ref, ok := next(rest)
			if !ok {
				break
			}
			if _, known := r.providers[ref.provider]; known {
				asked[ref.source] = append(asked[ref.source], ref.key)
			}
			rest = rest[ref.end:]
		}
	}
	return asked
}

func (r *Resolver) get(ctx context.Context, src source, keys []string) (got connect.Resolved, err error) {
	if err := ctx.Err(); err != nil {
		return connect.Resolved{}, err
	}
	defer contain(&err, "reading values")
	return r.providers[src.provider].Get(ctx, src.path, keys)
}

func replace(v string, found map[source]map[string]string) string {
	var b strings.Builder
	rest := v
	for {
		ref, ok := next(rest)
		if !ok {
			break
		}
		b.WriteString(rest[:ref.start])
		if text, ok := found[ref.source][ref.key]; ok {
			b.WriteString(text)
		} else {
			b.WriteString(rest[ref.start:ref.end])
		}
		rest = rest[ref.end:]
	}
	if b.Len() == 0 {
		return rest
	}
	b.WriteString(rest)
	return b.String()
}
