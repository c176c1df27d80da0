package secrets

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
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
	key       [32]byte // of fingerprints
}

// Resolution is a resolved config.
type Resolution struct {
	Props config.Props  // the caller's; never to be logged
	TTL   time.Duration // the shortest TTL of a value used; 0: none
	Keys  []string      // the keys whose value changed, sorted
	// Fingerprint changes with the values that providers put in, and says nothing of them outside this process; empty: there are none.
	Fingerprint string
}

// New configures the providers that the worker config names. Every problem is reported at once; nothing is left open on error.
// The error of an unknown class is a *plugin.NotFound behind the key.
func New(ctx context.Context, c Config) (*Resolver, error) {
	r := &Resolver{providers: map[string]connect.ConfigProvider{}}
	if _, err := rand.Read(r.key[:]); err != nil {
		return nil, fmt.Errorf("making a secrets resolver: %w", err)
	}
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
	return r.resolve(ctx, p, r.get)
}

// Round looks many configs up at one time: what several of them use is asked for once. One goroutine; use it for one round.
func (r *Resolver) Round() *Round { return &Round{r: r, got: map[string]connect.Resolved{}} }

// Round see Resolver.Round.
type Round struct {
	r   *Resolver
	got map[string]connect.Resolved
}

// Resolve is that of the Resolver.
func (x *Round) Resolve(ctx context.Context, p config.Props) (Resolution, error) {
	return x.r.resolve(ctx, p, func(ctx context.Context, src source, keys []string) (connect.Resolved, error) {
		id := strings.Join(append([]string{src.provider, src.path}, keys...), "\x00")
		if got, ok := x.got[id]; ok {
			return got, nil
		}
		got, err := x.r.get(ctx, src, keys)
		if err == nil {
			x.got[id] = got
		}
		return got, err
	})
}

type lookUp func(ctx context.Context, src source, keys []string) (connect.Resolved, error)

func (r *Resolver) resolve(ctx context.Context, p config.Props, get lookUp) (Resolution, error) {
	asked := r.collect(p)
	found := map[source]map[string]string{}
	res := Resolution{Props: make(config.Props, len(p))}
	for src, keys := range asked {
		slices.Sort(keys)
		got, err := get(ctx, src, slices.Compact(keys))
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
	res.Fingerprint = r.fingerprint(res)
	return res, nil
}

// fingerprint is keyed by a secret of this process, so that short values cannot be guessed from it.
func (r *Resolver) fingerprint(res Resolution) string {
	if len(res.Keys) == 0 {
		return ""
	}
	mac := hmac.New(sha256.New, r.key[:])
	for _, k := range res.Keys {
		for _, s := range []string{k, res.Props[k]} {
			mac.Write(binary.AppendUvarint(nil, uint64(len(s))))
			mac.Write([]byte(s))
		}
	}
	return string(mac.Sum(nil))
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
