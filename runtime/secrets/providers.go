package secrets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/magiconair/properties"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
)

var (
	keyAllowedPaths = config.List("allowed.paths").
			Doc("Paths, separated by commas, below which files may be read, symbolic links followed. If it is not set, all may.")
	keyWatchInterval = config.Long("watch.interval.ms", config.AtLeast(0)).Default(10000).
				Doc("How often files that configs use are read again; what uses a value that has changed is restarted, unless config.action.reload is none. 0: never.")
	keyAllowlist = config.String("allowlist.pattern").
			Doc("Regular expression which the whole name of an environment variable has to match to be readable. If it is not set, all are.").
			Check(func(s string) error { _, err := wholeMatch(s); return err })
)

// Plugins are the built-in config providers, under Java's class names.
func Plugins() []connect.Plugin[connect.ConfigProvider] {
	return []connect.Plugin[connect.ConfigProvider]{
		builtin("FileConfigProvider", "Reads values from a Java properties file: ${file:/path/to/file.properties:key}.",
			config.NewDef(keyAllowedPaths, keyWatchInterval), func() connect.ConfigProvider { return &fileProvider{} }),
		builtin("DirectoryConfigProvider", "Reads values from the files of a directory, one a key: ${dir:/path/to/dir:file}.",
			config.NewDef(keyAllowedPaths, keyWatchInterval), func() connect.ConfigProvider { return &directoryProvider{} }),
		builtin("EnvVarConfigProvider", "Reads values from environment variables: ${env:NAME}.",
			config.NewDef(keyAllowlist), func() connect.ConfigProvider { return &envProvider{environ: os.Environ} }),
	}
}

func builtin(name, summary string, def *config.Def, make func() connect.ConfigProvider) connect.Plugin[connect.ConfigProvider] {
	return connect.Plugin[connect.ConfigProvider]{
		Name:    "org.apache.kafka.common.config.provider." + name,
		Aliases: []string{name, strings.TrimSuffix(name, "ConfigProvider")},
		Summary: summary, Config: def, New: make,
	}
}

func wanted(keys []string, key string) bool { return len(keys) == 0 || slices.Contains(keys, key) }

// reason drops the path that fs errors repeat.
func reason(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// fileProvider answers from a properties file. A path that is not allowed has no keys, as in Java.
type fileProvider struct {
	allowed allowedPaths
	ttl     time.Duration
}

func (p *fileProvider) Configure(v config.Values) (err error) {
	p.ttl = config.Millis(keyWatchInterval, v)
	p.allowed, err = newAllowedPaths(keyAllowedPaths.Get(v))
	return err
}

func (p *fileProvider) Get(ctx context.Context, path string, keys []string) (connect.Resolved, error) {
	real, ok := p.allowed.check(path)
	if path == "" || !ok {
		return connect.Resolved{}, ctx.Err()
	}
	b, err := os.ReadFile(real)
	if err != nil {
		return connect.Resolved{}, fmt.Errorf("Could not read properties from file %s: %w", path, reason(err))
	}
	l := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	// The parser's errors quote the text they stumble over, which may be a secret.
	props, err := l.LoadBytes(b)
	if err != nil {
		return connect.Resolved{}, fmt.Errorf("Could not read properties from file %s: it is not a properties file", path)
	}
	data := map[string]string{}
	for _, k := range props.Keys() {
		if v, ok := props.Get(k); ok && wanted(keys, k) {
			data[k] = v
		}
	}
	return connect.Resolved{Data: data, TTL: p.ttl}, nil
}

func (p *fileProvider) Close() error { return nil }

// directoryProvider answers from files, one a key. A trailing line break is part of the value, as in Java.
type directoryProvider struct {
	allowed allowedPaths
	ttl     time.Duration
}

func (p *directoryProvider) Configure(v config.Values) (err error) {
	p.ttl = config.Millis(keyWatchInterval, v)
	p.allowed, err = newAllowedPaths(keyAllowedPaths.Get(v))
	return err
}

func (p *directoryProvider) Get(ctx context.Context, path string, keys []string) (connect.Resolved, error) {
	dir, ok := p.allowed.check(path)
	if path == "" || !ok {
		return connect.Resolved{}, ctx.Err()
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return connect.Resolved{TTL: p.ttl}, ctx.Err() // it may come yet
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return connect.Resolved{}, fmt.Errorf("Could not list directory %s: %w", path, reason(err))
	}
	data := map[string]string{}
	for _, e := range entries {
		if !wanted(keys, e.Name()) {
			continue
		}
		file := filepath.Join(dir, e.Name())
		// Stat, not e.Type: Kubernetes mounts secrets as symbolic links.
		if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return connect.Resolved{}, fmt.Errorf("Could not read file %s for property %s: %w", file, e.Name(), reason(err))
		}
		data[e.Name()] = string(b)
	}
	return connect.Resolved{Data: data, TTL: p.ttl}, nil
}

func (p *directoryProvider) Close() error { return nil }

// envProvider answers from the environment as it was when it was configured.
type envProvider struct {
	environ func() []string
	vars    map[string]string
}

func wholeMatch(pattern string) (*regexp.Regexp, error) {
	return regexp.Compile(`^(?:` + pattern + `)$`)
}

func (p *envProvider) Configure(v config.Values) error {
	pattern := ".*"
	if !keyAllowlist.IsNull(v) {
		pattern = keyAllowlist.Get(v)
	}
	allow, err := wholeMatch(pattern)
	if err != nil {
		return fmt.Errorf("allowlist.pattern: %w", err)
	}
	p.vars = map[string]string{}
	for _, e := range p.environ() {
		if k, val, ok := strings.Cut(e, "="); ok && allow.MatchString(k) {
			p.vars[k] = val
		}
	}
	return nil
}

func (p *envProvider) Get(ctx context.Context, path string, keys []string) (connect.Resolved, error) {
	if path != "" {
		return connect.Resolved{}, fmt.Errorf("Path is not supported for EnvVarConfigProvider, invalid value '%s'", path)
	}
	data := map[string]string{}
	for k, v := range p.vars {
		if wanted(keys, k) {
			data[k] = v
		}
	}
	return connect.Resolved{Data: data}, ctx.Err()
}

func (p *envProvider) Close() error { return nil }
