package keystore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Settings makes TLS configs out of ssl.* keys.
type Settings struct {
	// Props are the keys, prefix cut off, secrets resolved. Others than ssl.* are passed over.
	Props map[string]string
	// Renewed, if set, is told when a changed key store was read again (nil) or could not be read (a *Problem, the certificate before it
	// stays). It is called by handshakes, at most once for each change of the file.
	Renewed func(error)
}

// KeyOf is the key store of the props.
func KeyOf(p map[string]string) Key {
	return Key{Type: p[keyType], Location: strings.TrimSpace(p[keyLocation]), Password: p[keyPassword], KeyPassword: p[keyKeyPassword],
		Private: p[keyPrivate], Chain: p[keyChain]}
}

// TrustOf is the trust store of the props.
func TrustOf(p map[string]string) Trust {
	return Trust{Type: p[trustType], Location: strings.TrimSpace(p[trustLocation]), Password: p[trustPassword], Certificates: p[trustCertificates]}
}

// Client is the config of a client: the trust store's certificates (without one: the system's), the key store's key if there is one,
// and the host name checked unless ssl.endpoint.identification.algorithm is empty. Warnings are about keys without effect. The error
// joins a *Problem per wrong key.
func (s Settings) Client() (c *tls.Config, warnings []Problem, err error) {
	b := s.begin()
	if t := TrustOf(s.Props); t.Set() {
		c, err := t.Load()
		b.fail(err)
		b.cfg.RootCAs = c
	} else if t.Password != "" {
		b.fail(problem(trustLocation, "missing, but %s is set", trustPassword))
	}
	if store := b.keyStore(); store != nil {
		b.cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return store.current(), nil }
	}
	const identification = "ssl.endpoint.identification.algorithm"
	if v, set := s.Props[identification]; set {
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "https":
		case "":
			SkipHostname(b.cfg)
		default:
			b.fail(problem(identification, "invalid value %q: must be https, or empty to accept any host name", v))
		}
	}
	return b.done()
}

// Server is the config of a listener: the key store's key, and clients' certificates as ssl.client.auth says (none, requested,
// required), checked with the trust store, without one with the key store's certificates. (org.apache.kafka.connect.runtime.rest.util.SSLUtils)
func (s Settings) Server() (c *tls.Config, warnings []Problem, err error) {
	b := s.begin()
	if store := b.keyStore(); store != nil {
		b.cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return store.current(), nil }
	} else if len(b.errs) == 0 {
		b.fail(problem(keyLocation, "missing; https needs a certificate and its private key"))
	}
	const auth = "ssl.client.auth"
	switch v := strings.ToLower(strings.TrimSpace(s.Props[auth])); v {
	case "", "none":
		return b.done()
	case "requested":
		b.cfg.ClientAuth = tls.VerifyClientCertIfGiven
	case "required":
		b.cfg.ClientAuth = tls.RequireAndVerifyClientCert
	default:
		b.fail(problem(auth, "invalid value %q: must be one of required, requested, none", s.Props[auth]))
	}
	t := TrustOf(s.Props)
	if k := KeyOf(s.Props); !t.Set() {
		t = Trust{Type: k.Type, Location: k.Location, Password: k.Password, Certificates: k.Chain}
	}
	pool, err := t.Load()
	b.fail(err)
	b.cfg.ClientCAs = pool
	return b.done()
}

type settings struct {
	Settings
	cfg      *tls.Config
	warnings []Problem
	errs     []error
}

func (s Settings) begin() *settings {
	b := &settings{Settings: s, cfg: &tls.Config{MinVersion: tls.VersionTLS12}}
	b.java()
	b.versions()
	b.cipherSuites()
	return b
}

func (b *settings) done() (*tls.Config, []Problem, error) {
	if err := errors.Join(b.errs...); err != nil {
		return nil, b.warnings, err
	}
	return b.cfg, b.warnings, nil
}

func (b *settings) fail(err error) {
	if err != nil {
		b.errs = append(b.errs, err)
	}
}

func (b *settings) warn(key, format string, args ...any) {
	b.warnings = append(b.warnings, *problem(key, format, args...))
}

// keyStore is nil if there is none, or none that can be read.
func (b *settings) keyStore() *watched {
	k := KeyOf(b.Props)
	if !k.Set() {
		if k.Password != "" {
			b.fail(problem(keyLocation, "missing, but %s is set", keyPassword))
		}
		return nil
	}
	store, err := watch(k, b.Renewed)
	b.fail(err)
	return store
}

// java handles the keys that speak of the Java platform.
func (b *settings) java() {
	if v := strings.TrimSpace(b.Props["ssl.engine.factory.class"]); v != "" && v != "org.apache.kafka.common.security.ssl.DefaultSslEngineFactory" {
		b.fail(problem("ssl.engine.factory.class", "%s is a Java class, which cannot be loaded; leave the key out", v))
	}
	for _, key := range []string{"ssl.provider", "ssl.secure.random.implementation"} {
		if b.Props[key] != "" {
			b.warn(key, "has no effect: it chooses among providers of the Java platform")
		}
	}
	for _, key := range []string{"ssl.keymanager.algorithm", "ssl.trustmanager.algorithm"} {
		switch v := strings.ToUpper(strings.TrimSpace(b.Props[key])); v {
		case "", "PKIX", "SUNX509", "X509", "NEWSUNX509":
		default:
			b.warn(key, "has no effect: certificates are always checked as in PKIX")
		}
	}
}

var versionNames = map[string]uint16{"TLSv1": tls.VersionTLS10, "TLSv1.1": tls.VersionTLS11, "TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}

func (b *settings) versions() {
	const protocol, enabled = "ssl.protocol", "ssl.enabled.protocols"
	switch v := strings.TrimSpace(b.Props[protocol]); v {
	case "", "TLS", "TLSv1.2", "TLSv1.3":
	case "TLSv1.1", "TLSv1", "SSL", "SSLv3", "SSLv2", "SSLv2Hello":
		b.warn(protocol, "%s has no effect: %s decides, TLSv1.2,TLSv1.3 by default", v, enabled)
	default:
		b.fail(problem(protocol, "invalid value %q: must be one of TLSv1.3, TLSv1.2, TLS", v))
	}
	lo, hi := uint16(0xffff), uint16(0)
	for _, name := range list(b.Props[enabled]) {
		v, ok := versionNames[name]
		if !ok {
			b.fail(problem(enabled, "invalid value %q: %s is not one of TLSv1.2, TLSv1.3, TLSv1.1, TLSv1", b.Props[enabled], name))
			return
		}
		if v < tls.VersionTLS12 {
			b.warn(enabled, "%s is insecure", name)
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	if hi > 0 {
		b.cfg.MinVersion, b.cfg.MaxVersion = lo, hi
	}
}

// cipherSuites maps the names, which in Java are those of the IANA. The suites of TLS 1.3 cannot be chosen one by one: they only tell
// whether TLS 1.3 is wanted at all.
func (b *settings) cipherSuites() {
	const key = "ssl.cipher.suites"
	names := list(b.Props[key])
	if len(names) == 0 {
		return
	}
	known := map[string]*tls.CipherSuite{}
	for _, c := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		known[c.Name] = c
	}
	old, tls13 := false, false
	for _, name := range names {
		iana := name
		if after, ok := strings.CutPrefix(name, "SSL_"); ok { // the names of Java's first suites
			iana = "TLS_" + after
		}
		c := known[iana]
		switch {
		case !strings.HasPrefix(iana, "TLS_"):
			b.fail(problem(key, "invalid value %q: %s is not the name of a cipher suite, like TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", b.Props[key], name))
			return
		case c == nil:
			b.warn(key, "%s is not supported and is passed over", name)
		case slices.Equal(c.SupportedVersions, []uint16{tls.VersionTLS13}):
			tls13 = true
		default:
			old = true
			b.cfg.CipherSuites = append(b.cfg.CipherSuites, c.ID)
		}
	}
	switch {
	case !old && !tls13:
		all := slices.Sorted(maps.Keys(known))
		b.fail(problem(key, "invalid value %q: none of them is supported; supported are %s", b.Props[key], strings.Join(all, ", ")))
	case !old:
		b.cfg.MinVersion = tls.VersionTLS13
	case !tls13:
		b.cfg.MaxVersion = tls.VersionTLS12
	}
	if hi := b.cfg.MaxVersion; hi != 0 && hi < b.cfg.MinVersion {
		b.fail(problem(key, "invalid value %q: none of them is for the versions in ssl.enabled.protocols", b.Props[key]))
	}
}

// SkipHostname accepts any host name but still verifies the chain, as Java does with an empty identification algorithm and MySQL with
// VERIFY_CA. c.RootCAs is read at each handshake: it may be set afterwards.
func SkipHostname(c *tls.Config) {
	c.InsecureSkipVerify = true
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the server has sent no certificate")
		}
		o := x509.VerifyOptions{Roots: c.RootCAs, Intermediates: x509.NewCertPool()}
		for _, cert := range s.PeerCertificates[1:] {
			o.Intermediates.AddCert(cert)
		}
		if _, err := s.PeerCertificates[0].Verify(o); err != nil {
			return fmt.Errorf("verifying the server's certificate: %w", err)
		}
		return nil
	}
}

func list(s string) (out []string) {
	for p := range strings.SplitSeq(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}
