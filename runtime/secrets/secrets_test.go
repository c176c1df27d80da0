package secrets

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/connectd/connectd/connect"
	"github.com/connectd/connectd/connect/config"
	"github.com/connectd/connectd/runtime/plugin"
)

const prefix = "org.apache.kafka.common.config.provider."

// fake answers "<path>/<key>" for all keys but "missing", and remembers that it was closed.
type fake struct {
	closed *bool
	fail   error
	boom   bool
	ttl    time.Duration
}

func (f *fake) Configure(v config.Values) error { return nil }

func (f *fake) Get(_ context.Context, path string, keys []string) (connect.Resolved, error) {
	if f.boom {
		panic("swordfish")
	}
	data := map[string]string{}
	for _, k := range keys {
		if k != "missing" {
			data[k] = "<" + path + "/" + k + ">"
		}
	}
	return connect.Resolved{Data: data, TTL: f.ttl}, f.fail
}

func (f *fake) Close() error { *f.closed = true; return nil }

func providers(t *testing.T, f *fake) *plugin.Set[connect.ConfigProvider] {
	t.Helper()
	s := &plugin.Set[connect.ConfigProvider]{}
	if err := s.Add(Plugins()...); err != nil {
		t.Fatal(err)
	}
	if f != nil {
		if err := s.Add(connect.Plugin[connect.ConfigProvider]{Name: "fake", New: func() connect.ConfigProvider { return f }}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func resolver(t *testing.T, f *fake, worker config.Props) *Resolver {
	t.Helper()
	r, err := New(t.Context(), Config{Providers: providers(t, f), Worker: worker})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func resolve(t *testing.T, r *Resolver, v string) string {
	t.Helper()
	p, err := r.ResolveProps(t.Context(), config.Props{"k": v})
	if err != nil {
		t.Fatal(err)
	}
	return p["k"]
}

func TestReferencesAreReadAsJavaReadsThem(t *testing.T) {
	closed := false
	r := resolver(t, &fake{closed: &closed}, config.Props{"config.providers": "f", "config.providers.f.class": "fake"})
	for in, want := range map[string]string{
		"":                       "",
		"plain":                  "plain",
		"${f:p:k}":               "<p/k>",
		"${f:k}":                 "</k>",
		"a${f:p:k}b${f:q:k}c":    "a<p/k>b<q/k>c",
		"${f:p:k:l}":             "<p/k:l>",
		"${f:/a/b.properties:k}": "</a/b.properties/k>",
		"${f:p:missing}!":        "${f:p:missing}!",
		"${other:p:k}":           "${other:p:k}",
		"${other:p:k}${f:p:k}":   "${other:p:k}<p/k>",
		"${f}":                   "${f}",
		"${f:p:k":                "${f:p:k",
		"${a${f:p:k}":            "${a${f:p:k}", // Java takes a${f for the provider
		"$${f:p:k}":              "$<p/k>",
		"${f::k}":                "</k>",
		"${f:}":                  "</>",
	} {
		if got := resolve(t, r, in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestResolutionTellsKeysAndShortestTTL(t *testing.T) {
	closed := false
	r := resolver(t, &fake{closed: &closed, ttl: time.Minute}, config.Props{"config.providers": "f, env", "config.providers.f.class": "fake", "config.providers.env.class": "EnvVarConfigProvider"})
	in := config.Props{"b": "${f:x}", "a": "${f:y}", "c": "plain"}
	res, err := r.Resolve(t.Context(), in)
	if err != nil || !slices.Equal(res.Keys, []string{"a", "b"}) || res.TTL != time.Minute {
		t.Errorf("%v %v %v", res.Keys, res.TTL, err)
	}
	if in["a"] != "${f:y}" {
		t.Error("the input was changed")
	}
}

func TestFailuresNameTheProviderButNoValue(t *testing.T) {
	for name, f := range map[string]*fake{
		"error": {fail: errors.New("vault is sealed")},
		"panic": {boom: true},
	} {
		t.Run(name, func(t *testing.T) {
			closed := false
			f.closed = &closed
			r := resolver(t, f, config.Props{"config.providers": "f", "config.providers.f.class": "fake"})
			res, err := r.Resolve(t.Context(), config.Props{"k": "${f:p:k}"})
			if err == nil || !strings.Contains(err.Error(), `config provider f for "p"`) || strings.Contains(err.Error(), "swordfish") || res.Props != nil {
				t.Errorf("%v, %v", res, err)
			}
		})
	}
}

func TestBadProviderConfigsAreAllReported(t *testing.T) {
	closed := false
	_, err := New(t.Context(), Config{Providers: providers(t, &fake{closed: &closed}), Worker: config.Props{
		"config.providers": "good,none,unknown,file,env", "config.providers.good.class": "fake",
		"config.providers.unknown.class": "com.acme.Vault",
		"config.providers.file.class":    prefix + "FileConfigProvider", "config.providers.file.param.allowed.paths": "relative,/does/not/exist",
		"config.providers.env.class": prefix + "EnvVarConfigProvider", "config.providers.env.param.allowlist.pattern": "(",
	}})
	for _, part := range []string{
		"config provider none has no class", "no class com.acme.Vault", "Path relative is not absolute", "Path /does/not/exist does not exist", "allowlist.pattern",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	if !closed {
		t.Error("the good provider was left open")
	}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFileProvider(t *testing.T) {
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in", "s.properties"), "user=scott\npassword = ti\\u0067er ${x}\n")
	out := write(t, filepath.Join(dir, "out.properties"), "user=eve\n")
	if err := os.Symlink(out, filepath.Join(dir, "in", "link.properties")); err != nil {
		t.Fatal(err)
	}
	r := resolver(t, nil, config.Props{
		"config.providers": "all,some,no", "config.providers.no.class": "FileConfigProvider", "config.providers.no.param.allowed.paths": ",",
		"config.providers.all.class": "FileConfigProvider", "config.providers.some.class": prefix + "FileConfigProvider",
		"config.providers.some.param.allowed.paths": filepath.Join(dir, "in"),
	})
	for ref, want := range map[string]string{
		"${all:" + in + ":user}":                        "scott",
		"${all:" + in + ":password}":                    "tiger ${x}",
		"${some:" + in + ":user}":                       "scott",
		"${no:" + in + ":user}":                         "${no:" + in + ":user}",
		"${some:" + out + ":user}":                      "${some:" + out + ":user}",
		"${some:" + dir + "/in/../out.properties:user}": "${some:" + dir + "/in/../out.properties:user}",
		"${some:" + dir + "/in/link.properties:user}":   "${some:" + dir + "/in/link.properties:user}",
	} {
		if got := resolve(t, r, ref); got != want {
			t.Errorf("%s: %s, want %s", ref, got, want)
		}
	}
	if _, err := r.ResolveProps(t.Context(), config.Props{"k": "${all:/does/not/exist:x}"}); err == nil || !strings.Contains(err.Error(), "Could not read properties from file /does/not/exist") {
		t.Errorf("%v", err)
	}
	bad := write(t, filepath.Join(dir, "bad.properties"), "k=swordfish\\uXYZ\n")
	if _, err := r.ResolveProps(t.Context(), config.Props{"k": "${all:" + bad + ":k}"}); err == nil || strings.Contains(err.Error(), "swordfish") {
		t.Errorf("%v", err)
	}
}

func TestDirectoryProvider(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "..data", "password"), "tiger\n")
	write(t, filepath.Join(dir, "sub", "x"), "x")
	if err := os.Symlink(filepath.Join("..data", "password"), filepath.Join(dir, "password")); err != nil {
		t.Fatal(err)
	}
	r := resolver(t, nil, config.Props{"config.providers": "d", "config.providers.d.class": prefix + "DirectoryConfigProvider"})
	for ref, want := range map[string]string{
		"${d:" + dir + ":password}": "tiger\n",
		"${d:" + dir + ":sub}":      "${d:" + dir + ":sub}",
		"${d:" + dir + "/no:x}":     "${d:" + dir + "/no:x}",
	} {
		if got := resolve(t, r, ref); got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}

func TestEnvVarProvider(t *testing.T) {
	t.Setenv("APP_USER", "scott")
	t.Setenv("OTHER", "x")
	r := resolver(t, nil, config.Props{
		"config.providers": "env", "config.providers.env.class": prefix + "EnvVarConfigProvider", "config.providers.env.param.allowlist.pattern": "APP_.*",
	})
	if got := resolve(t, r, "${env:APP_USER} ${env:OTHER}"); got != "scott ${env:OTHER}" {
		t.Error(got)
	}
	if _, err := r.ResolveProps(t.Context(), config.Props{"k": "${env:path:APP_USER}"}); err == nil || !strings.Contains(err.Error(), "Path is not supported") {
		t.Errorf("%v", err)
	}
}

func TestDoneContextResolvesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := resolver(t, nil, config.Props{"config.providers": "env", "config.providers.env.class": "EnvVarConfigProvider"})
	cancel()
	if _, err := r.Resolve(ctx, config.Props{"k": "${env:HOME}"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("${f:a:b}")
	f.Add("${${f:}:}")
	closed := false
	p := &fake{closed: &closed}
	r := &Resolver{providers: map[string]connect.ConfigProvider{"f": p}}
	none := &Resolver{}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := r.Resolve(t.Context(), config.Props{"k": s}); err != nil {
			t.Error(err)
		}
		res, err := none.Resolve(t.Context(), config.Props{"k": s})
		if err != nil || !maps.Equal(res.Props, config.Props{"k": s}) {
			t.Errorf("%q without providers gave %q, %v", s, res.Props, err)
		}
	})
}

// A fingerprint changes with what providers put in, and with nothing else; it holds none of it.
func TestFingerprint(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.properties")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := resolver(t, nil, config.Props{
		"config.providers": "file", "config.providers.file.class": "FileConfigProvider", "config.providers.file.param.watch.interval.ms": "1500",
	})
	of := func(p config.Props) string {
		t.Helper()
		res, err := r.Resolve(t.Context(), p)
		if err != nil || res.TTL != 1500*time.Millisecond && len(p) > 1 {
			t.Fatal(res.TTL, err)
		}
		return res.Fingerprint
	}
	props := config.Props{"name": "c", "password": "${file:" + file + ":pw}", "user": "${file:" + file + ":user}"}
	write("pw=swordfish\n")
	first := of(props)
	if first == "" || strings.Contains(first, "swordfish") {
		t.Errorf("fingerprint %q", first)
	}
	write("pw=swordfish\nother=x\n")
	if of(props) != first {
		t.Error("it changed with a value that is not used")
	}
	write("pw=swordfish\nuser=joe\n")
	second := of(props)
	if second == first {
		t.Error("it did not change with a value that came")
	}
	write("pw=tuna\nuser=joe\n")
	if of(props) == second {
		t.Error("it did not change with the value")
	}
	if got := of(config.Props{"name": "c"}); got != "" {
		t.Errorf("without references it is %q", got)
	}
}

// counting counts how often it is asked.
type counting struct {
	fake
	asked map[string]int
}

func (c *counting) Get(ctx context.Context, path string, keys []string) (connect.Resolved, error) {
	c.asked[path]++
	return c.fake.Get(ctx, path, keys)
}

func TestRoundAsksOnce(t *testing.T) {
	closed := false
	c := &counting{fake{closed: &closed}, map[string]int{}}
	s := &plugin.Set[connect.ConfigProvider]{}
	if err := s.Add(connect.Plugin[connect.ConfigProvider]{Name: "fake", New: func() connect.ConfigProvider { return c }}); err != nil {
		t.Fatal(err)
	}
	r, err := New(t.Context(), Config{Providers: s, Worker: config.Props{"config.providers": "f", "config.providers.f.class": "fake"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	round := r.Round()
	for range 3 {
		if res, err := round.Resolve(t.Context(), config.Props{"a": "${f:p:k}", "b": "${f:q:k}"}); err != nil || res.Props["a"] != "<p/k>" {
			t.Fatal(res, err)
		}
	}
	if c.asked["p"] != 1 || c.asked["q"] != 1 {
		t.Errorf("asked %v", c.asked)
	}
}
