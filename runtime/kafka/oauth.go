package kafka

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

// oauth reads the keys of SASL OAUTHBEARER: a token from an endpoint (client credentials, RFC 6749 §4.4), from a file, or an unsecured
// one for tests, as Java's OAuthBearerLoginCallbackHandler and OAuthBearerUnsecuredLoginCallbackHandler do.
func (b *builder) oauth(options map[string]string) {
	t := &tokens{window: 0.8, jitter: 0.05, minPeriod: time.Minute, buffer: 5 * time.Minute}
	b.refreshKeys(t)
	extensions := map[string]string{}
	for k, v := range options {
		if name, ok := strings.CutPrefix(k, "extension_"); ok {
			extensions[name] = v
		}
		if name, ok := strings.CutPrefix(k, "unsecuredLoginExtension_"); ok {
			extensions[name] = v
		}
	}
	for name := range extensions {
		if name == "auth" || name == "" {
			b.failSecret(keyJAAS, "an extension must have a name, and not be named auth")
			return
		}
	}
	if t.fetch = b.tokenSource(options); t.fetch == nil {
		return
	}
	b.add(kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		text, err := t.token(ctx)
		return oauth.Auth{Token: text, Extensions: extensions}, err
	})))
}

const (
	keyEndpoint  = "sasl.oauthbearer.token.endpoint.url"
	keyRetriever = "sasl.oauthbearer.jwt.retriever.class"
)

// tokenSource is nil if the keys are wrong.
func (b *builder) tokenSource(options map[string]string) func(context.Context) (token, error) {
	endpoint := strings.TrimSpace(b.props[keyEndpoint])
	handler := b.props["sasl.login.callback.handler.class"]
	if endpoint == "" {
		unsecured := strings.HasSuffix(handler, "UnsecuredLoginCallbackHandler")
		for k := range options {
			unsecured = unsecured || handler == "" && strings.HasPrefix(k, "unsecuredLogin")
		}
		if !unsecured {
			b.failSecret(keyEndpoint, "missing; set the URL of the identity provider's token endpoint, or file:///path of a file with a token")
			return nil
		}
		fetch, err := unsecuredToken(options)
		if err != nil {
			b.failSecret(keyJAAS, err.Error())
			return nil
		}
		return fetch
	}
	u, err := url.Parse(endpoint)
	if err != nil || !slices.Contains([]string{"http", "https", "file"}, u.Scheme) || u.Scheme != "file" && u.Host == "" || u.User != nil {
		b.failSecret(keyEndpoint, "must be a URL that begins with https://, http:// or file:///, without a user") // may hold a password
		return nil
	}
	if !b.endpointAllowed(endpoint) {
		b.fail(keyEndpoint, "a connector may only use the worker's own token endpoint; list others, separated by commas, in the environment variable "+
			AllowedEndpoints+" of the worker")
		return nil
	}
	if u.Scheme == "file" {
		if strings.HasSuffix(b.props[keyRetriever], "ClientCredentialsJwtRetriever") {
			b.fail(keyRetriever, "does not read "+keyEndpoint+" of a file; leave it out")
			return nil
		}
		if _, err := os.ReadFile(u.Path); err != nil {
			b.fail(keyEndpoint, err.Error())
			return nil
		}
		return fileToken(u.Path)
	}
	return b.clientCredentials(endpoint, options)
}

// AllowedEndpoints is the environment variable that lists token endpoints connectors may name in their overrides, besides those of the
// worker's own config: who may create connectors must not be able to make workers call any host, or send any file to a broker. Java has
// the system properties org.apache.kafka.sasl.oauthbearer.allowed.urls and .allowed.files, for the worker's config too.
const AllowedEndpoints = "CONNECTD_OAUTHBEARER_ALLOWED_URLS"

func (b *builder) endpointAllowed(endpoint string) bool {
	return slices.Contains(b.endpoints, endpoint) || slices.Contains(splitList(os.Getenv(AllowedEndpoints)), endpoint)
}

// clientCredentials takes id, secret and scope from the keys of Kafka 4.1 on, else from the login module's options.
func (b *builder) clientCredentials(endpoint string, options map[string]string) func(context.Context) (token, error) {
	first := func(key, option string) string {
		if v := b.props[key]; v != "" {
			return v
		}
		return options[option]
	}
	c := &clientGrant{
		endpoint: endpoint, scope: first("sasl.oauthbearer.scope", "scope"),
		id:      first("sasl.oauthbearer.client.credentials.client.id", "clientId"),
		secret:  first("sasl.oauthbearer.client.credentials.client.secret", "clientSecret"),
		connect: b.millisOf("sasl.login.connect.timeout.ms", 10*time.Second), read: b.millisOf("sasl.login.read.timeout.ms", 10*time.Second),
		backoff: b.millisOf("sasl.login.retry.backoff.ms", 100*time.Millisecond), backoffMax: b.millisOf("sasl.login.retry.backoff.max.ms", 10*time.Second),
	}
	switch {
	case c.id == "":
		b.failSecret("sasl.oauthbearer.client.credentials.client.id", "missing, and so is clientId in "+keyJAAS)
		return nil
	case c.secret == "":
		b.failSecret("sasl.oauthbearer.client.credentials.client.secret", "missing, and so is clientSecret in "+keyJAAS)
		return nil
	}
	if v := b.props["sasl.oauthbearer.header.urlencode"]; v != "" {
		c.urlencode, _ = b.boolean("sasl.oauthbearer.header.urlencode", v)
	}
	// As in Java the login module's own ssl.* options are for the identity provider, the client's ssl.* keys for brokers.
	ssl := map[string]string{}
	for k, v := range options {
		if strings.HasPrefix(k, "ssl.") {
			ssl[k] = v
		}
	}
	cfg := b.tlsConfig(ssl)
	if cfg == nil {
		return nil
	}
	c.client = c.httpClient(cfg)
	return c.fetch
}

func (b *builder) millisOf(key string, def time.Duration) time.Duration {
	if v := strings.TrimSpace(b.props[key]); v != "" {
		if d, ok := b.millis(key, v, 1, maxInt); ok {
			return d
		}
	}
	return def
}

// refreshKeys are those of ExpiringCredentialRefreshConfig.
func (b *builder) refreshKeys(t *tokens) {
	const prefix = "sasl.login.refresh."
	for _, k := range []struct {
		name   string
		lo, hi float64
		set    func(float64)
	}{
		{"window.factor", 0.5, 1, func(f float64) { t.window = f }},
		{"window.jitter", 0, 0.25, func(f float64) { t.jitter = f }},
		{"min.period.seconds", 0, 900, func(f float64) { t.minPeriod = time.Duration(f * float64(time.Second)) }},
		{"buffer.seconds", 0, 3600, func(f float64) { t.buffer = time.Duration(f * float64(time.Second)) }},
	} {
		v := strings.TrimSpace(b.props[prefix+k.name])
		if v == "" {
			continue
		}
		var f float64
		if _, err := fmt.Sscanf(v, "%g", &f); err != nil || f < k.lo || f > k.hi {
			b.fail(prefix+k.name, fmt.Sprintf("must be a number within %g and %g", k.lo, k.hi))
			continue
		}
		k.set(f)
	}
}

// token is a bearer token.
type token struct {
	text    string
	expires time.Time // zero: unknown, it is fetched anew for each connection
}

// tokens keeps the token for the connections to come. It is refreshed when a connection needs it after a part of its life; brokers that
// end sessions with their tokens (KIP-368) make connections authenticate again. Safe for concurrent use.
type tokens struct {
	fetch             func(context.Context) (token, error)
	window, jitter    float64
	minPeriod, buffer time.Duration

	mu      sync.Mutex
	current token
	refresh time.Time // of current
}

func (t *tokens) token(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.current.text != "" && now.Before(t.refresh) {
		return t.current.text, nil
	}
	fresh, err := t.fetch(ctx)
	if err != nil {
		if t.current.text != "" && now.Before(t.current.expires) {
			return t.current.text, nil // the next connection tries again
		}
		return "", err
	}
	t.current, t.refresh = fresh, t.refreshAt(now, fresh.expires)
	return fresh.text, nil
}

// refreshAt is a part of the life from now on, but buffer before its end, and not before minPeriod has passed: if all that cannot be, the
// part of the life alone counts. (ExpiringCredentialRefreshingLogin.refreshMs)
func (t *tokens) refreshAt(now, expires time.Time) time.Time {
	if expires.IsZero() {
		return now
	}
	life := expires.Sub(now)
	at := now.Add(time.Duration(float64(life) * (t.window + t.jitter*rand.Float64())))
	if t.minPeriod+t.buffer > life {
		return at
	}
	if latest := expires.Add(-t.buffer); at.After(latest) {
		at = latest
	}
	if earliest := now.Add(t.minPeriod); at.Before(earliest) {
		at = earliest
	}
	return at
}
